"""The engine's end of the mailbox: messages as numbered objects in the artifact store, so that nobody needs an open port.

Below the folder of an executor lie "orders/SESSION-NUMBER", which the engine writes and the agent of that session reads by
number; "said/SESSION-NUMBER", which agents write and the engine finds by listing that one folder for all sessions together;
and a lease, which the engine renews. Threads do what waits for a network: some write, one reads, and one renews the lease
whatever the others wait for.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from partita.errors import PartitaError, ProtocolError
from partita.executors.bell import Bell
from partita.executors.port import Message
from partita.protocol.objects import Objects
from partita.protocol.remote import lease_name, open_batch, seal_batch

__all__ = ["LEASE_PARTS", "Mailbox", "Pace", "numbered", "object_name"]

_log = logging.getLogger("partita.engine")

#: A lease is renewed, and looked at, so many times in its time.
LEASE_PARTS = 4
_WRITERS = 8
_FEW = 4
_LONGEST_PAUSE_S = 5.0
#: A store that takes longer to answer cannot be heard through.
_SLOW_S = 10.0


class Pace:
    """How often to look: often while something happens, seldom when nothing has for a while."""

    def __init__(self, least_s: float, most_s: float) -> None:
        self._least_s, self._most_s = least_s, most_s
        self._news_at = time.monotonic()

    def news(self) -> None:
        """Something has happened, so that more may be expected."""
        self._news_at = time.monotonic()

    def pause_s(self) -> float:
        """Seconds until the next look."""
        return min(max((time.monotonic() - self._news_at) * 0.1, self._least_s), self._most_s)


def object_name(folder: str, session: str, number: int) -> str:
    """The name of one batch."""
    return f"{folder}/{session}-{number:08d}"


def numbered(names: Iterable[str]) -> dict[str, list[int]]:
    """The numbers that there are, by session, in order. What has no such name is left out."""
    found: dict[str, list[int]] = {}
    for name in names:
        session, _, number = name.rpartition("/")[2].rpartition("-")
        if session and number.isdecimal():
            found.setdefault(session, []).append(int(number))
    return {session: sorted(numbers) for session, numbers in found.items()}


class _Box:
    """One session."""

    def __init__(self) -> None:
        self.outgoing: list[Message] = []
        self.next_order: int | None = 0  # None: to be found out, since an earlier engine has written some
        self.next_said: int | None = 0  # None: the first that is found
        self.is_writing = False
        self.is_foreign = False  # another engine gives it orders
        self.was_anothers = False  # an earlier engine may have removed some of what was said


class Mailbox:
    """Satisfies `partita.executors.remote.port.Post`."""

    def __init__(self, objects: Objects, key: bytes, *, lease_s: float, pace: Pace) -> None:
        """
        Args:
            objects: those of this executor.
            key: the executor's.
            lease_s: seconds after which agents that see no renewal end.
        """
        self._objects, self._key, self._pace = objects, key, pace
        self._lease_s = lease_s
        self._boxes: dict[str, _Box] = {}
        self._arrived: deque[tuple[str, list[Message], str]] = deque()  # (session, messages, name of the object)
        self._given: list[str] = []  # names of objects that were given and are not acknowledged
        self._rubbish: list[str] = []
        self._lock = threading.Lock()
        self._looking = threading.Lock()  # one look at a time, so that batches arrive in order
        self._wake = threading.Condition(self._lock)
        self._bell = Bell()
        self._is_closed = False
        self._troubles: dict[str, str] = {}  # by who has it: "lease", "reading" or a session that is written to
        self._asking_since = 0.0  # monotonic seconds at which the reader began to ask; 0: it asks nothing
        self._writers = ThreadPoolExecutor(_WRITERS, "partita-mailbox")
        self._reader = threading.Thread(target=self._read, name="partita-mailbox-reader", daemon=True)
        self._engine = secrets.token_hex(8)
        self._renewals = 0
        self._is_ending = threading.Event()
        self._keeper = threading.Thread(target=self._keep_lease, name="partita-mailbox-lease", daemon=True)
        self._reader.start()
        self._keeper.start()

    @property
    def trouble(self) -> str:
        """Why nothing can be carried at present."""
        with self._lock:
            if self._troubles:
                return next(iter(self._troubles.values()))
            silent_s = time.monotonic() - self._asking_since if self._asking_since else 0.0
        return f"the store has not answered for {silent_s:.0f} s" if silent_s > _SLOW_S else ""

    def open(self, session: str) -> None:
        """Begin to talk to a session."""
        with self._wake:
            self._boxes[session] = _Box()
            self._wake.notify_all()

    def attach(self, session: str) -> None:
        """Go on talking to a session that an earlier engine opened."""
        box = _Box()
        box.next_order = box.next_said = None
        box.was_anothers = True
        with self._wake:
            self._boxes[session] = box
            self._wake.notify_all()

    def keep_only(self, sessions: Collection[str]) -> None:
        """Remove what an earlier engine has left of other sessions."""
        self._writers.submit(self._remove_others, frozenset(sessions))

    def send(self, session: str, messages: Sequence[Message]) -> None:
        """Send messages."""
        with self._wake:
            box = self._boxes.get(session)
            if box is None or self._is_closed:
                return
            box.outgoing.extend(messages)
            self._pace.news()
            self._begin_writing(session, box)
            self._wake.notify_all()

    def receive(self) -> list[tuple[str, list[Message]]]:
        """What has come since. What was given before is thereby acknowledged."""
        with self._wake:
            self._discard(self._given)
            self._given = []
            found = []
            while self._arrived:
                session, messages, name = self._arrived.popleft()
                self._given.append(name)
                if messages and session in self._boxes:
                    found.append((session, messages))
            if found or self._given:
                self._clear()
        return found

    def drain(self, session: str) -> list[Message]:
        """The last that a session has said."""
        try:
            self._look()
        except PartitaError as error:
            _log.warning("what the worker %s said last cannot be read: %s", session, error)
        with self._wake:
            kept, drained = deque[tuple[str, list[Message], str]](), list[Message]()
            for item in self._arrived:
                if item[0] == session:
                    drained.extend(item[1])
                    self._given.append(item[2])
                else:
                    kept.append(item)
            self._arrived = kept
        return drained

    def release(self, session: str, farewell: Sequence[Message] = ()) -> None:
        """Nothing of the session is kept but the farewell, until a later engine finds that its worker is gone."""
        with self._wake:
            if self._boxes.pop(session, None) is None or self._is_closed:
                return
        self._writers.submit(self._remove_all, session, list(farewell))

    def filenos(self) -> list[int]:
        """Readable when something has come."""
        return [self._bell.fileno()]

    def close(self) -> None:
        """Send what is still to be sent, and end the threads. What was given last counts as not heard."""
        with self._wake:
            if self._is_closed:
                return
            self._is_closed = True
            self._wake.notify_all()
        self._is_ending.set()
        self._reader.join()
        self._keeper.join()
        self._writers.shutdown(wait=True)
        if not self._boxes:
            with suppress(PartitaError):
                self._objects.remove(["lease"])
        self._bell.close()

    # Writing

    def _begin_writing(self, session: str, box: _Box) -> None:
        if not box.is_writing and box.outgoing and not box.is_foreign:
            box.is_writing = True
            self._writers.submit(self._write, session, box)

    def _write(self, session: str, box: _Box) -> None:
        pause_s = 0.1
        while True:
            with self._lock:
                if not box.outgoing or self._boxes.get(session) is not box:
                    box.is_writing = False
                    self._troubles.pop(session, None)
                    return
                batch = list(box.outgoing)
            try:
                if box.next_order is None:
                    there = numbered(self._objects.names("orders")).get(session, [-1])
                    box.next_order = there[-1] + 1
                name = object_name("orders", session, box.next_order)
                data = seal_batch(self._key, name, batch)
                is_ours = self._objects.create(name, data) or self._objects.get(name) == data
            except PartitaError as error:
                self._say_trouble(session, str(error))
                with self._wake:
                    if self._is_closed:
                        box.is_writing = False
                        return
                    self._wake.wait(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                continue
            self._say_trouble(session, "")
            with self._lock:
                if is_ours:
                    box.next_order += 1
                    del box.outgoing[: len(batch)]
                else:
                    box.is_foreign, box.is_writing = True, False
            if not is_ours:
                _log.error(
                    "another engine gives orders to the worker %s; this one does not talk to it any more", session
                )
                return

    def _remove_all(self, session: str, farewell: list[Message]) -> None:
        try:
            orders, said = (numbered(self._objects.names(folder)).get(session, []) for folder in ("orders", "said"))
            self._objects.remove([object_name("said", session, number) for number in said])
            if farewell:  # behind what it has not read yet
                name = object_name("orders", session, max(orders, default=-1) + 1)
                self._objects.create(name, seal_batch(self._key, name, farewell))
            else:
                self._objects.remove([object_name("orders", session, number) for number in orders])
        except PartitaError as error:
            _log.warning("messages of the worker %s are left behind: %s", session, error)

    def _remove_others(self, kept: frozenset[str]) -> None:
        try:
            for folder in ("orders", "said"):
                found = numbered(self._objects.names(folder))
                with self._lock:
                    gone = set(found) - kept - set(self._boxes)
                for session in gone:
                    self._objects.remove([object_name(folder, session, number) for number in found[session]])
        except PartitaError as error:
            _log.warning("messages of workers that are gone are left behind: %s", error)

    def _discard(self, names: list[str]) -> None:
        if names:
            self._rubbish.extend(names)
            self._wake.notify_all()

    # Reading

    def _read(self) -> None:
        pause_s = 0.1
        while True:
            with self._wake:
                if self._is_closed and not self._rubbish:
                    return
                rubbish, self._rubbish = self._rubbish, []
                is_closing, has_boxes = self._is_closed, bool(self._boxes)
            self._asking_since = time.monotonic()
            try:
                if rubbish:
                    self._objects.remove(rubbish)
                if is_closing:
                    continue
                if has_boxes:
                    self._look()
                wait_s = 0.0
                self._say_trouble("reading", "")
                pause_s = 0.1
            except PartitaError as error:
                self._say_trouble("reading", str(error))
                wait_s = pause_s
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                if is_closing:
                    return
            self._asking_since = 0.0
            with self._wake:
                if not self._is_closed and not self._rubbish:
                    if wait_s or self._boxes:  # as things are now: who began to talk meanwhile woke nobody
                        self._wake.wait(max(wait_s or self._pace.pause_s(), 0.001))
                    else:
                        self._wake.wait()

    def _keep_lease(self) -> None:
        """Renew the lease, in a thread of its own: where a look hangs, workers must not think that nobody is there."""
        pause_s = 0.1
        while not self._is_ending.is_set():
            try:
                self._renew()
                self._say_trouble("lease", "")
                wait_s, pause_s = self._lease_s / LEASE_PARTS, 0.1
            except PartitaError as error:
                self._say_trouble("lease", str(error))
                wait_s, pause_s = pause_s, min(pause_s * 2, _LONGEST_PAUSE_S)
            self._is_ending.wait(wait_s)

    def _renew(self) -> None:
        self._renewals += 1
        name = lease_name(self._key)
        self._objects.put(name, seal_batch(self._key, name, [[self._engine, self._renewals]]))

    def _look(self) -> None:
        """Read all that agents have said and that was not read yet."""
        with self._looking:
            while True:
                wanted = self._next_of_few() or self._listed()
                names = [object_name("said", session, number) for session, _, number in wanted]
                pending: list[Future[bytes | None]] = [
                    self._writers.submit(self._objects.get, name) for name in names[1:]
                ]
                contents = [self._objects.get(name) for name in names[:1]] + [future.result() for future in pending]
                has_news = False
                for (session, box, number), name, data in zip(wanted, names, contents, strict=True):
                    if number == box.next_said and data is not None:  # else not all has come yet
                        box.next_said = number + 1
                        self._take(session, name, data)
                        has_news = True
                if not has_news:
                    return
                self._pace.news()

    def _next_of_few(self) -> list[tuple[str, _Box, int]]:
        """What few sessions say next, which is asked for as if it were there already; of many it is listed what there is."""
        with self._lock:
            boxes = list(self._boxes.items())
        if len(boxes) > _FEW:
            return []
        found = [(session, box, box.next_said) for session, box in boxes if box.next_said is not None]
        # An earlier engine may have removed what stands next, which only a list shows.
        return found if len(found) == len(boxes) and not any(box.was_anothers for _, box in boxes) else []

    def _listed(self) -> list[tuple[str, _Box, int]]:
        found = numbered(self._objects.names("said"))
        wanted, gaps = list[tuple[str, _Box, int]](), list[tuple[str, _Box, int]]()
        with self._lock:
            for session, numbers in found.items():
                box = self._boxes.get(session)
                if box is not None:
                    if box.next_said is None:
                        box.next_said = numbers[0]
                    fresh = [number for number in numbers if number >= box.next_said]
                    wanted += [(session, box, number) for number in fresh]
                    if fresh and fresh[0] > box.next_said and box.was_anothers:
                        gaps.append((session, box, fresh[0]))
        for gap in gaps:
            self._pass_gap(*gap)
        return wanted

    def _pass_gap(self, session: str, box: _Box, number: int) -> None:
        """Go on behind what an earlier engine has removed: it was about to remove what stands before that, too."""
        assert box.next_said is not None
        if self._objects.get(object_name("said", session, box.next_said)) is None:
            box.next_said = number

    def _take(self, session: str, name: str, data: bytes) -> None:
        try:
            messages = open_batch(self._key, name, data)
        except ProtocolError as error:
            _log.error("%s", error)
            messages = []
        with self._lock:
            self._arrived.append((session, messages, name))
        self._bell.ring()

    def _clear(self) -> None:
        self._bell.silence()

    def _say_trouble(self, whose: str, trouble: str) -> None:
        with self._lock:
            before = bool(self._troubles)
            if trouble:
                self._troubles[whose] = trouble
            else:
                self._troubles.pop(whose, None)
            now = bool(self._troubles)
        if now and not before:
            _log.error("remote workers cannot be reached for the moment: %s", trouble)
        elif before and not now:
            _log.info("remote workers can be reached again")
