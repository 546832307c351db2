"""The executor of workers elsewhere, over the ports of `partita.executors.remote.port`."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from partita.core.records import Demand
from partita.errors import PartitaError, ProtocolError
from partita.executors.port import CLOSED, PREPARED, RETURNED, Capacity, Launchable, Message
from partita.executors.remote.endings import KILL_MARGIN_S, end_workers, given_up, why_to_end
from partita.executors.remote.hearing import checked
from partita.executors.remote.orders import Lane, Orders, Session, Stopping, Waiting, ends_of, lost
from partita.executors.remote.port import GONE, PENDING, Launcher, News, Post, WorkerOrder
from partita.executors.remote.remains import Remains
from partita.executors.remote.segments import SegmentFiles
from partita.executors.remote.sessions import Keeping, in_the_way, session_name, warmest
from partita.executors.remote.sharing import Outbox
from partita.executors.timer import Timer
from partita.protocol.messages import ORDER, PROFILE, PROGRESS, READY, REPLY, STOP, Order
from partita.protocol.packets import CANCEL
from partita.protocol.remote import ATTACH, HELD, LANE, SEGMENT, TAKE_BACK, ticket_text

__all__ = ["RemoteExecutor"]

_TICK_S = 0.5


class RemoteExecutor:
    """Runs orders in workers elsewhere; satisfies `partita.executors.port.Executor`."""

    def __init__(
        self,
        capacity: Capacity,
        *,
        workspace: Path,
        launcher: Launcher,
        post: Post,
        share: Callable[[str], None],
        lease_s: float = 60.0,
        idle_s: float = 60.0,
        attempts: int = 0,
        spare: int = 0,
        price: float = 0.0,
        environment_refusal: str = "",
    ) -> None:
        """
        Args:
            capacity: what all lanes may hold together.
            workspace: folder of the workspace; logs are written there.
            share: puts a bundle's folder where agents can fetch it; may wait for a network, raises PartitaError.
            lease_s: a worker that was not heard of for this time and half as much again counts as lost.
            idle_s: seconds that a worker without work is kept.
            attempts: how many attempts a worker works on; 0: as many as it is given.
            spare: workers with one core each to have ready.
            price: seconds of waiting that a second of a worker is worth. The dearer workers are, the sooner idle ones end.
            environment_refusal: why tasks with an environment of their own cannot run here.
        """
        self._capacity = capacity
        self._launcher, self._post, self._outbox = launcher, post, Outbox(post, share)
        self._lease_s, self._attempts, self._spare = lease_s, attempts, spare
        self._keeping = Keeping(idle_s, price)
        self._refusal = environment_refusal
        self._segments = SegmentFiles(workspace / "logs")
        self._sessions: dict[str, Session] = {}
        self._lanes: dict[int, Lane] = {}
        self._orders = Orders()
        self._profiles: dict[int, Launchable] = {}
        self._said: list[Message] = []
        self._next_lane = 1
        self._is_closed = False
        self._epoll = select.epoll()
        self._timer = Timer()
        for file in {self._timer.fileno(), self._outbox.fileno(), *launcher.filenos(), *post.filenos()}:
            self._epoll.register(file, select.EPOLLIN)
        self._remains = Remains(launcher)
        self._unstarted: list[News] = []
        self._survey()
        for _ in range(spare):
            self._start(Demand())

    @property
    def capacity(self) -> Capacity:
        """What can be held by all lanes together."""
        return self._capacity

    def introduce(self, number: int, launchable: Launchable) -> None:
        """Make a profile known, before its first order."""
        self._profiles[number] = launchable

    def forget(self, numbers: Sequence[int]) -> None:
        """These profiles will not be ordered again."""
        for number in numbers:
            self._profiles.pop(number, None)
            for session in self._sessions.values():
                if number in session.known:
                    session.known.discard(number)
                    self._outbox.send(session, [[PROFILE, number, None]])

    def prepare(self, environment: str, launchable: Launchable) -> bool:
        """Workers elsewhere have the packages that they were made with."""
        if environment:
            self._say([[PREPARED, environment, self._refusal, False, ""]])
        return not environment

    def open_lane(self, bundle: str, demand: Demand, environment: str = "") -> int:
        """A new lane; a worker of this demand that has nothing to do serves it where there is one."""
        bare = demand._replace(slots=())
        session = warmest(self._sessions.values(), bare, bundle)
        if session is None:
            for other in in_the_way(self._sessions.values(), bare, self._capacity):
                self._end_session(other, "stopped", "another worker needs its place")
            session = self._start(bare)
        lane = self._new_lane(session)
        if session.bundle != bundle:
            if session.held:  # about code that it does not need any more
                session.held.clear()
                session.known.clear()
            session.bundle = bundle
            self._outbox.send(session, [[LANE, bundle, bare.cpu, bare.memory_bytes, bare.gpu]])
        return lane.number

    def close_lane(self, lane: int) -> None:
        """The lane is not needed any more; its worker stays warm for a while."""
        found = self._lanes.pop(lane, None)
        if found is not None:
            self._leave(found.session)

    def submit(self, lane: int, orders: Sequence[Order]) -> None:
        """Queue orders on the lane."""
        found = self._lanes.get(lane)
        if found is None:
            self._say([RETURNED, order[0]] for order in orders)
            return
        session, messages = found.session, list[Message]()
        for order in orders:
            launchable = self._profiles[order.profile]
            if order.profile not in session.known:
                session.known.add(order.profile)
                messages.append([PROFILE, order.profile, launchable.fields()])
            name = ticket_text(order.run, order.step, order.attempt)
            self._orders.add(found, Waiting(order.ticket, name, launchable.profile.is_idempotent))
            messages.append([ORDER, name, *order[1:]])
        session.is_giving_back = False
        self._outbox.send(session, messages)

    def take_back(self, lane: int) -> list[int]:
        """Take back what has not even left; the worker is asked to give back the rest that it has not begun."""
        found = self._lanes.get(lane)
        if found is None:
            return []
        session = found.session
        held = session.withdraw()
        taken = [waiting for waiting in found.queue if waiting.name in held]
        for waiting in taken:
            self._orders.remove(waiting.ticket)
        if found.queue and not session.is_giving_back:
            session.is_giving_back = True
            self._outbox.send(session, [[TAKE_BACK]])
        return [waiting.ticket for waiting in taken]

    def cancel(self, ticket: int, reason: str, grace_s: float) -> None:
        """Ask the attempt to stop, and end its worker when it has not ended some seconds after its grace."""
        found = self._orders.by_ticket.get(ticket)
        if found is None:
            return
        lane, waiting = found
        if lane.session.withdraw(waiting.name):
            self._orders.remove(ticket)
            self._say([[RETURNED, ticket]])
            return
        kill_at = time.monotonic() + grace_s + KILL_MARGIN_S
        if waiting.stopping is not None:
            waiting.stopping.is_given_up = False  # who asks again is told again
        if waiting.stopping is None or kill_at < waiting.stopping.kill_at:
            waiting.stopping = Stopping(reason, kill_at)
            self._outbox.send(lane.session, [[CANCEL, waiting.name, reason, grace_s]])

    def reply(self, ticket: int, request: int, is_ok: bool, answer: Any) -> None:
        """Answer a request of a running attempt."""
        found = self._orders.by_ticket.get(ticket)
        if found is not None and request in found[1].asking:
            found[1].asking.discard(request)
            self._outbox.send(found[0].session, [[REPLY, found[1].name, request, is_ok, answer]])

    def printing(self, ticket: int) -> tuple[str, int] | None:
        """Where the output of an attempt that is running lies, as far as it has come here."""
        found = self._orders.by_ticket.get(ticket)
        return found[1].printing if found is not None else None

    def place(self, lane: int) -> str:
        """Under which name a later engine can attach to what the lane works on."""
        return self._lanes[lane].session.name if lane in self._lanes else ""

    def attach(self, place: str, ticket: int, name: str, is_idempotent: bool, demand: Demand) -> int | None:
        """Go on waiting for an order that an earlier engine gave; the lane, or None where its worker is not there any more."""
        session = self._sessions.get(place)
        if session is None:
            if not self._remains.claim(place):
                return None
            session = self._sessions[place] = Session(
                place, demand._replace(slots=()), time.monotonic(), is_up=True, is_attached=True
            )
            self._post.attach(place)
            self._post.send(place, [[ATTACH]])
        elif session.was_heard:  # perhaps also of the end of this order, when nobody waited for it
            self._post.send(place, [[CANCEL, name, "stopped", KILL_MARGIN_S]])
            return None
        lane = session.lane or self._new_lane(session)
        self._orders.add(lane, Waiting(ticket, name, is_idempotent, has_begun=True))
        self._timer.set(_TICK_S)
        return lane.number

    def receive(self, timeout_s: float | None) -> list[Message]:
        """What has arrived, oldest first."""
        self._end_what_was_left()
        until = None if timeout_s is None else time.monotonic() + timeout_s
        wait_s = timeout_s
        while True:
            ready = {file for file, _ in self._epoll.poll(0 if self._said else wait_s)}
            for name, batch in self._post.receive():
                for message in batch:
                    if name in self._sessions:
                        self._take(self._sessions[name], message)
            if self._timer.fileno() in ready:  # after what was said meanwhile: who has spoken is not silent
                self._tick()
            if self._outbox.fileno() in ready:
                for refused in self._outbox.send_shared(self._sessions.values()):
                    self._refuse(*refused)
            unstarted, self._unstarted = self._unstarted, []
            for news in (*self._launcher.news(), *unstarted):
                self._hear(news)
            if not self._remains.is_known:  # after the news, which silence the launcher
                self._survey()
            messages, self._said = self._said, []
            if messages:
                return messages
            if until is not None:
                wait_s = until - time.monotonic()
                if wait_s <= 0:
                    return messages

    def filenos(self) -> list[int]:
        """One file descriptor, readable whenever `receive(0)` has something to do."""
        return [self._epoll.fileno()]

    def leave(self) -> None:
        """Release everything here; workers that have something to do go on, for a later engine to attach to."""
        self.close(stays=True)

    def close(self, *, stays: bool = False) -> None:
        """End all workers, but for those that are to stay with what they do, and release everything."""
        if self._is_closed:
            return
        self._is_closed = True
        self._outbox.close()
        ended = [session for session in self._sessions.values() if not (stays and session.lane and session.lane.queue)]
        if not self._remains.is_known and any(session.is_attached for session in ended):
            self._remains.wait(self._sessions)  # until then the launcher knows nothing of them, and ends nothing
        end_workers(ended, self._launcher, self._post)
        self._post.close()
        self._launcher.close()
        self._timer.close()
        self._epoll.close()

    # Workers

    def _start(self, demand: Demand) -> Session:
        session = Session(session_name(), demand, time.monotonic())
        self._sessions[session.name] = session
        self._post.open(session.name)
        self._timer.set(_TICK_S)
        try:
            self._launcher.start(WorkerOrder(session.name, demand, self._attempts))
        except (PartitaError, OSError) as error:
            self._unstarted.append(News(session.name, GONE, "died", f"the worker could not be started: {error}"))
            self._timer.set(0)
        return session

    def _new_lane(self, session: Session) -> Lane:
        lane = session.lane = Lane(self._next_lane, session)
        self._next_lane += 1
        self._lanes[lane.number] = lane
        return lane

    def _leave(self, session: Session) -> None:
        session.lane = None
        session.idle_since = time.monotonic()
        self._timer.set(_TICK_S)

    def _end_session(self, session: Session, reason: str, detail: str, grace_s: float = 0.0) -> None:
        """End a worker; what it leaves behind is told when it is gone."""
        if session.fate is None:
            session.fate = (reason, detail)
            self._post.send(session.name, [[STOP]])
            self._launcher.stop(session.name, grace_s)
            self._close_by_itself(session)
            self._timer.set(0)

    def _survey(self) -> None:
        """Find the workers of an earlier engine, as soon as it is known where they are."""
        self._timer.set(_TICK_S)
        found = self._remains.ask(self._sessions)
        if found is None:
            return
        self._post.keep_only(found | set(self._sessions))
        for session in [each for each in self._sessions.values() if each.is_attached]:
            if session.name not in found:
                self._drain(session)
                session.fate = session.fate or ("evicted", "its worker is not there any more")
                self._bury(session)
            elif session.fate is not None:  # the launcher did not know it yet when it was to end it
                self._launcher.stop(session.name)

    def _end_what_was_left(self) -> None:
        """Workers of an earlier engine that this one does not need."""
        for name in self._remains.take_unclaimed():
            session = self._sessions[name] = Session(name, Demand(), time.monotonic())
            self._post.attach(name)
            self._end_session(session, "stopped", "nothing waits for it any more")

    def _tick(self) -> None:
        self._timer.clear()
        now = time.monotonic()
        spare = self._spare
        for session in list(self._sessions.values()):
            if self._post.trouble or not session.is_up:
                session.heard_at = now  # it cannot be heard
            if session.is_idle and spare > 0:
                spare -= 1
                continue
            ending = why_to_end(session, now, self._keeping.idle_s, self._lease_s)
            if ending is not None:
                if ending.is_silence and self._drain(session):
                    continue
                self._end_session(session, ending.reason, ending.detail, ending.grace_s)
                if ending.is_silence:
                    self._bury(session, farewell=[[STOP]])
                    continue
            self._said += given_up(session, now, self._lease_s)
        if self._sessions:
            self._timer.set(_TICK_S)

    # What is heard

    def _hear(self, news: News) -> None:
        session = self._sessions.get(news.session)
        if session is None:
            return
        if news.what == GONE:
            self._drain(session)
            session.fate = session.fate or (news.reason, news.detail)
            self._bury(session)
        elif news.what == PENDING and news.detail != session.told:
            session.told = news.detail
            if session.lane and session.lane.queue:
                self._said.append([PROGRESS, session.lane.queue[0].ticket, 0, None, news.detail])

    def _drain(self, session: Session) -> bool:
        """Take the last that a worker has said; whether there was anything."""
        messages = self._post.drain(session.name)
        for message in messages:
            self._take(session, message)
        return bool(messages)

    def _bury(self, session: Session, farewell: Sequence[Message] = ()) -> None:
        """A worker is gone: one order is lost with it, or those that it had said would begin."""
        del self._sessions[session.name]
        self._post.release(session.name, farewell)
        lane = session.lane
        if lane is None:
            return
        for end in ends_of(session):
            self._orders.remove(end[1])
            self._said.append(end)
        self._lanes.pop(lane.number, None)
        self._said.append([CLOSED, lane.number])

    def _take(self, session: Session, message: Message) -> None:
        """Take one message of an agent."""
        session.heard_at, session.was_heard = time.monotonic(), True
        if session.is_garbled:
            return
        try:
            tag = checked(session.name, message)[0]
        except ProtocolError as error:
            self._garble(session, error)
            return
        heard = self._orders.hear(session, message)
        if heard is not None:
            self._said.append(heard)
        if tag == SEGMENT:
            with suppress(OSError):  # a full disk loses a part of a log, and nothing else
                self._segments.write(*message[1:])
        elif tag == READY:
            session.is_up = True
            self._keeping.started(time.monotonic() - session.started_at)
        elif tag == HELD:
            self._compare(session, set(message[1]))
        elif tag == CLOSED and session.lane is not None:
            session.lane.is_closing = True
        if session.fate or (session.lane and session.lane.is_closing):
            self._close_by_itself(session)

    def _garble(self, session: Session, error: ProtocolError) -> None:
        session.is_garbled = True
        for waiting in session.lane.queue if session.lane else ():
            waiting.has_begun = True  # nobody knows
        self._end_session(session, "died", f"its agent said something that is no message: {error}")

    def _compare(self, session: Session, held: set[str]) -> None:
        """After attaching: what the worker does not hold never reached it, or has come back already."""
        self._outbox.send(
            session, [[CANCEL, name, "stopped", KILL_MARGIN_S] for name in held if not self._orders.of(session, name)]
        )
        for waiting in list(session.lane.queue) if session.lane else []:
            if waiting.name not in held:
                self._orders.remove(waiting.ticket)
                self._said.append([RETURNED, waiting.ticket])

    def _close_by_itself(self, session: Session) -> None:
        """The lane ends, unless orders are on their way to it, which only the agent knows to be unbegun."""
        lane = session.lane
        if lane is None or lane.queue:
            return
        self._lanes.pop(lane.number, None)
        self._said.append([CLOSED, lane.number])
        session.bundle = ""
        self._leave(session)

    def _refuse(self, session: Session, held: list[Message], error: BaseException) -> None:
        """What cannot be sent, since its code cannot be where the worker finds it."""
        detail = f"the code cannot be put where workers find it: {error}"
        for message in held:
            waiting = self._orders.of(session, message[1]) if message[0] == ORDER else None
            if waiting is not None:
                self._orders.remove(waiting.ticket)
                self._said.append(lost(waiting.ticket, "died", detail))
        session.known.clear()
        self._close_by_itself(session)
        session.bundle = ""  # what it was to be told of the bundle was not sent either

    def _say(self, messages: Iterable[Message]) -> None:
        """Say something at the next `receive`, which is due at once."""
        self._said.extend(messages)
        self._timer.set(0)
