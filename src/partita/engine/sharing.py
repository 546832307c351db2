"""How an engine shares a store with others: its lease, the runs of dead ones, and what clients ask of another's runs.

A request that changes a run is carried out by the engine that has it. One that comes to another engine is passed on as a
message, and the client waits for the answer. Where that engine ends or dies meanwhile, its runs pass to one that is up, and
the request is carried out there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgpack

from partita.core.states import FINAL
from partita.engine.hearing import Hearing
from partita.engine.launch import run_id_of_key
from partita.engine.loop import Engine
from partita.engine.reading import Reading
from partita.errors import EngineError, FencedError, StoreError
from partita.store.peers import ENGINES, EVENTS, SLOTS, Message, Peer, Peers, Wire

__all__ = ["Asker", "Sharing"]

_log = logging.getLogger("partita.engine")

#: What only looks at one run.
_LOOKING = frozenset({"watch", "explain", "run_estimates"})
#: What is asked of one run, and answered by the engine that has it.
_OF_A_RUN = _LOOKING | {"cancel", "resume", "send", "decide", "answer"}
#: What an engine that works on no runs asks one that does: to begin them, and what its machine does.
_OF_WORK = frozenset({"launch", "rerun", "engine", "metrics", "retain"})
#: How long an engine that renews its lease may take to answer, beside what the request itself waits.
ANSWER_S = 10.0
#: A lease that is over is looked at so much later.
_SLACK_S = 0.02
#: How soon what failed is tried again.
_AGAIN_S = 1.0


@dataclass(slots=True, eq=False)
class _Passed:
    """A request that another engine is asked to carry out."""

    client: Any
    number: int  # of the client's request
    verb: str
    fields: dict[str, Any]
    engine: Peer
    until_s: float  # monotonic


@dataclass(frozen=True, slots=True)
class Asker:
    """Another engine that waits for an answer, in a client's place."""

    engine: int
    message: int


class Sharing:
    """This engine among others. The server asks it before it carries out a request, and at every turn."""

    def __init__(self, engine: Engine, peers: Peers, reading: Reading, lease_s: float) -> None:
        self._engine = engine
        self._book = engine.book
        self._peers = peers
        self._reading = reading
        self._lease_s = lease_s
        self._passed: dict[int, _Passed] = {}  # by the number of the message
        self._next_look_s = 0.0
        self._has_trouble = False
        self._works = engine.book.limits.works
        self._handed_on = 0  # requests, which those that work get in turn
        self.hearing = Hearing(peers, engine.book.news)
        self.others: list[str] = []  # "host:pid" of the engines that are up beside this one
        #: What the server does with a request, and with an answer to a client.
        self.handle: Callable[[Any, int, str, dict[str, Any]], None]
        self.answer: Callable[[Any, int, bool, Any], None]

    @property
    def wire(self) -> Wire | None:
        """What becomes readable when there is news."""
        return self._peers.wire()

    def wait_s(self) -> float:
        """Seconds until something is to be done without any news."""
        times = [self._next_look_s, *(passed.until_s for passed in self._passed.values())]
        now_s = time.monotonic()
        heard_s = self.hearing.wait_s(now_s)
        wait_s = max(min(times) - now_s, 0.0)
        return wait_s if heard_s is None else min(wait_s, heard_s)

    def step(self) -> None:
        """Renew the lease when that is due, hear what is new, and take over what nobody has.

        Raises:
            FencedError: another engine has taken this one's lease.
        """
        news = self._peers.news()
        now_s = time.monotonic()
        if news or now_s >= self._next_look_s:
            try:
                self._look(news, now_s)
                self._has_trouble = False
            except FencedError:
                raise
            except StoreError as error:
                if not self._has_trouble:
                    _log.error("the other engines cannot be seen: %s", error)
                self._has_trouble, self._next_look_s = True, now_s + _AGAIN_S
        if self._book.shares is not None:
            self._book.shares.give_back()
        self._give_up_late(now_s)

    def _look(self, news: set[str], now_s: float) -> None:
        peers, every_s = self._peers, self._lease_s / 3
        if now_s - peers.renewed_at_s >= every_s / 2:
            peers.renew()
        for message in peers.receive():
            try:
                self._take(message)
            except (ValueError, TypeError, AttributeError) as error:  # an engine of another version sent it
                _log.error("engine %s sent what is no message: %s", message.sender, error)
        if SLOTS in news and self._book.shares is not None:
            self._book.shares.heard()
        if EVENTS in news:
            self._book.waits.look_again()
        others = peers.others()
        if ENGINES in news or self._engine.recovery.has_left or any(peer.left_s <= 0 for peer in others):
            self._take_over()
            others = peers.others()
        self.others = [peer.owner for peer in others]
        self._ask_again({peer.id for peer in others})
        self.hearing.step(others, now_s)
        left_s = min((peer.left_s for peer in others), default=every_s)
        self._next_look_s = now_s + min(every_s, max(left_s, 0.0) + _SLACK_S)

    def _take_over(self) -> None:
        if not self._works:
            return
        moved = self._peers.take_over()
        if moved:
            _log.info("%s runs of engines that have ended go on here", moved)
        if moved or self._engine.recovery.has_left:
            self._engine.take_up()

    # Requests

    def passes_on(self, client: Any, number: int, verb: str, fields: dict[str, Any]) -> bool:
        """Whether another engine is asked to carry out the request; it is answered when that one has.

        Raises:
            NotFoundError: there is no such run.
            StoreError: it cannot be found out, or not be passed on.
        """
        # A launch with a key is one engine's to make, also where it was handed on.
        if isinstance(client, Asker) and not (verb == "launch" and fields.get("key")):
            return False
        if verb == "news":
            if self.hearing.follow(time.monotonic()):
                self._next_look_s = 0.0
            return False
        owner = self._owner(verb, fields)
        if owner is None:
            return False
        body = msgpack.packb([verb, fields], use_bin_type=True)
        wait_s = float(fields.get("timeout_s") or 0.0) + self._lease_s + ANSWER_S
        until_s = time.monotonic() + wait_s
        self._passed[self._peers.send(owner.id, body)] = _Passed(client, number, verb, fields, owner, until_s)
        return True

    def _owner(self, verb: str, fields: dict[str, Any]) -> Peer | None:
        """The other engine that is to carry out a request; None: this one is.

        Raises:
            EngineError: this one works on no runs, and none that does is up.
        """
        if not self._works and verb in _OF_WORK:
            return self._worker(must_be=verb in ("launch", "rerun"))
        if verb == "launch" and fields.get("key"):
            return self._claimer(f"run {run_id_of_key(fields, None)}")
        if verb == "send" and not fields.get("run"):
            return self._claimer(f"event {fields['id']}") if fields.get("id") else None
        if verb == "log":
            return self._keeper(fields)
        if verb not in _OF_A_RUN or not fields.get("run"):
            return None
        row = self._reading.find(fields["run"])
        fields["run"] = row.id  # "latest" may be another one where it is carried out
        if self._book.live(row.id) is not None or row.state in FINAL:
            return None
        owner = self._peers.owner_of(row.number)
        if owner is None or owner.id == self._peers.id:
            return None
        if owner.left_s <= 0:
            if not self._works:  # one that does takes it over; what is only looked at is looked up here meanwhile
                return None if verb in _LOOKING else self._worker(must_be=True)
            self._take_over()
            owner = self._peers.owner_of(row.number)
        return owner if owner is not None and owner.id != self._peers.id else None

    def _worker(self, *, must_be: bool) -> Peer | None:
        """An engine that works, each in turn where it is for a run; else always the same, as long as it is up."""
        working = [peer for peer in self._peers.others() if peer.works and peer.left_s > 0]
        if not working and must_be:
            raise EngineError(
                "this engine works on no runs (works = false), and none that does is up: start one on another machine with "
                "`partita engine run`"
            )
        if must_be:
            self._handed_on += 1
            return working[self._handed_on % len(working)]
        return working[0] if working else None

    def _keeper(self, fields: dict[str, Any]) -> Peer | None:
        """The other engine where a log lies."""
        row = self._reading.find(fields["run"])
        if self._book.live(row.id) is not None or self._reading.has_log(row, fields["step"], fields.get("attempt")):
            return None
        owner = self._peers.owner_of(row.number)
        return owner if owner is not None and owner.id != self._peers.id and owner.left_s > 0 else None

    def _claimer(self, name: str) -> Peer | None:
        """The other engine that makes what goes by this name."""
        id = self._peers.claim(name)
        if id == self._peers.id:
            return None
        return next((peer for peer in self._peers.others() if peer.id == id), None)

    def _take(self, message: Message) -> None:
        """Carry out what another engine asks, or tell a client what it answers."""
        if message.reply_to:
            if self.hearing.hears(message, time.monotonic()):
                return
            passed = self._passed.pop(message.reply_to, None)
            if passed is not None:
                is_ok, answer = msgpack.unpackb(message.body, raw=False, strict_map_key=False)
                self.answer(passed.client, passed.number, is_ok, answer)
            return
        verb, fields = msgpack.unpackb(message.body, raw=False, strict_map_key=False)
        self.handle(Asker(message.sender, message.number), 0, verb, fields)

    def reply(self, asker: Asker, is_ok: bool, answer: Any) -> None:
        """Answer another engine."""
        body = msgpack.packb([is_ok, answer], use_bin_type=True)
        try:
            self._peers.send(asker.engine, body, asker.message)
        except StoreError as error:  # it asks again, or tells its client
            _log.error("engine %s was not answered: %s", asker.engine, error)

    def _ask_again(self, up: set[int]) -> None:
        """Carry out anew what engines were asked that are not up any more."""
        lost = [message for message, passed in self._passed.items() if passed.engine.id not in up]
        for message in lost:
            passed = self._passed.pop(message)
            self.handle(passed.client, passed.number, passed.verb, passed.fields)

    def _give_up_late(self, now_s: float) -> None:
        for message in [message for message, passed in self._passed.items() if passed.until_s <= now_s]:
            passed = self._passed.pop(message)
            error = EngineError(
                f"the engine {passed.engine.owner}, which has the run, did not answer {passed.verb!r} in time; see its log "
                "there, and try again"
            )
            self.answer(passed.client, passed.number, False, {"type": type(error).__name__, "message": str(error)})
