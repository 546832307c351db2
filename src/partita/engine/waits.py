"""What steps wait for besides other steps: times, events and persons.

A wait is opened when its step begins to wait, in the same turn; what ends it is written with the step's new state. An
event that comes before its wait is kept, and goes to one wait, in the order of sending.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from partita.core.events import Event, Happening
from partita.core.graph import Step, path_of
from partita.core.states import State
from partita.engine.live import Live
from partita.protocol.waits import DECISION, WaitSpec, nothing_came
from partita.store.port import EventRow, WaitRow, WaitUpdate
from partita.units import duration_text
from partita.values import OBJECT, PLAIN, pack, unpack

if TYPE_CHECKING:
    from partita.engine.book import Book

__all__ = ["Waits"]

#: The clock may be set, or stand still while the machine sleeps: so often one looks again.
LOOK_AGAIN_S = 60.0
_INSTANT_S = 1e-3
#: Who ends waits of which nobody knows how long they take.
_HOLDING = {"approval": "person", "answer": "person", "event": "event"}

_Place = tuple[int, int]  # number of a run, id of a step
_Topic = tuple[int, str, str | None]  # number of a run (0: any), name of the event, its key


class Waits:
    """The open waits of the runs in memory, and the events that nobody has taken."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._open: dict[_Place, WaitRow] = {}
        self._specs: dict[_Place, WaitSpec] = {}
        self._latest_s: dict[_Place, float] = {}  # monotonic: no wait for a span of time lasts longer
        self._outcomes: dict[_Place, str] = {}
        self._takers: dict[_Topic, deque[_Place]] = {}
        self._boxes: dict[int, deque[EventRow]] = {}  # by run, 0: events for any
        self._claimed: list[tuple[_Place, bytes]] = []  # waits whose event an earlier engine took, and its data
        self._opened: list[_Topic] = []  # topics of waits that are new, and of events

    def __len__(self) -> int:
        return len(self._open)

    def holding(self, live: Live) -> str:
        """Behind whom all that is left of a run stands: "person" or "event"; empty: something goes on or has its time."""
        if live.is_final or live.running or live.backlog or not self._open:
            return ""
        kinds = set()
        for step in live.run.steps.values():
            if step.state == State.READY:
                return ""
            if step.state == State.WAITING:
                row = self._open.get((live.run.number, step.id))
                kinds.add(row.kind if row is not None else "")  # one without is tried again after a while
        if not kinds or kinds - _HOLDING.keys():
            return ""
        return "person" if "person" in {_HOLDING[kind] for kind in kinds} else "event"

    # Opening and closing: asked while a run's changes are gathered

    def open(self, live: Live, step: Step) -> None:
        """The step has begun to wait."""
        book, place = self._book, (live.run.number, step.id)
        spec = self._spec(live, step.id)
        due_at = _due_at(spec, book.now)
        row = WaitRow(*place, spec["kind"], spec["name"], spec.get("key"), book.now, due_at, pack(spec), None, None, "")
        book.turn.waits.append(row)
        book.news.add("waits", live.run.id)
        self._take_up(place, row, spec)
        step.due_at = due_at

    def reopen(self, live: Live, step: Step) -> None:
        """The step waited when an earlier engine ended."""
        row = self._book.store.wait(live.run.number, step.id)
        assert row is not None, f"step {step.id} of run {live.run.id} waits for nothing that was stored"
        place, spec = (row.run, row.step), unpack(row.spec)
        self._take_up(place, row, spec)
        peers = self._book.peers
        if peers is not None and row.kind == "event" and not _topic(place, spec)[0]:
            taken = peers.event_of(*place)
            if taken is not None:  # the engine that took it for the step did not come to write so
                self._takers[_topic(place, spec)].remove(place)
                self._claimed.append((place, taken[1]))

    def _take_up(self, place: _Place, row: WaitRow, spec: WaitSpec) -> None:
        book = self._book
        self._open[place], self._specs[place] = row, spec
        if row.due_at is not None:
            # Set back, the clock must not make a span of time longer than it was meant to be.
            left_s = row.due_at - max(row.opened_at, book.now)
            self._latest_s[place] = book.now_s + max(left_s, 0.0)
            self._set_timer(place)
        if row.kind == "event":
            topic = _topic(place, spec)
            self._takers.setdefault(topic, deque()).append(place)
            self._opened.append(topic)

    def _set_timer(self, place: _Place) -> None:
        self._book.set_timer(min(max(self._left_s(place), 0.0), LOOK_AGAIN_S), "wait", *place)

    def _left_s(self, place: _Place) -> float:
        row = self._open[place]
        assert row.due_at is not None
        left_s = row.due_at - self._book.now
        return left_s if row.kind == "until" else min(left_s, self._latest_s[place] - self._book.now_s)

    def closed(self, live: Live, step: Step) -> None:
        """The step has ended, because of what it waited for or of something else."""
        place = (live.run.number, step.id)
        row = self._open.pop(place, None)
        if row is None:
            return  # it ended before it began to wait
        spec = self._specs.pop(place)
        self._latest_s.pop(place, None)
        if row.kind == "event" and place in self._takers.get(_topic(place, spec), ()):
            self._takers[_topic(place, spec)].remove(place)
        outcome = self._outcomes.pop(place, "cancelled")
        self._book.news.add("waits", live.run.id)
        self._book.turn.wait_updates.append(WaitUpdate(row.votes, self._book.now, outcome, *place))

    def forget(self, run: int) -> None:
        """The run has ended, however it did."""
        for place in [place for place in self._open if place[0] == run]:
            del self._open[place], self._specs[place]
            self._latest_s.pop(place, None)
            self._outcomes.pop(place, None)
        for topic, takers in list(self._takers.items()):
            left = deque(place for place in takers if place[0] != run)
            if left:
                self._takers[topic] = left
            else:
                del self._takers[topic]
        self._boxes.pop(run, None)

    # What ends waits: asked between the gatherings of a turn

    def deliver(self) -> None:
        """Give events to the waits that they are for."""
        while self._claimed:
            place, data = self._claimed.pop()
            if self._is_waiting(place):
                self.end(place, Happening.DONE, "done", value=data)
        while self._opened:
            topic = self._opened.pop()
            takers = self._takers.get(topic)
            box = self._box(topic[0])
            while takers:
                event = next((event for event in box if (event.name, event.key) == topic[1:]), None)
                if event is None:
                    break
                place = takers.popleft()
                if not self._is_waiting(place):
                    continue
                box.remove(event)
                if not self._is_ours(event, place):
                    takers.appendleft(place)
                    continue
                self._book.turn.event_takes.append((*place, event.number))
                self.end(place, Happening.DONE, "done", value=event.data)

    def _is_ours(self, event: EventRow, place: _Place) -> bool:
        """Whether no other engine has taken the event: those for any run lie before all of them."""
        peers = self._book.peers
        if peers is None or event.run or event in self._book.turn.events:
            return True
        return peers.claim_event(event.number, *place)

    @property
    def has_news(self) -> bool:
        return bool(self._opened or self._claimed)

    def look_again(self) -> None:
        """Another engine was sent events for any run."""
        taken = {number for _, _, number in self._book.turn.event_takes}
        fresh = [event for event in self._book.turn.events if not event.run and event.number not in taken]
        self._boxes[0] = deque([*self._book.store.pending_events(0), *fresh])
        self._opened.extend(topic for topic, takers in self._takers.items() if takers and not topic[0])

    def put(self, event: EventRow) -> None:
        """An event was sent; it is written with the turn."""
        self._box(event.run).append(event)
        self._book.turn.events.append(event)
        self._opened.append((event.run, event.name, event.key))

    def known(self, run: int, id: str) -> EventRow | None:
        """The event of this id, where one was sent to the run before."""
        fresh = (event for event in self._book.turn.events if (event.run, event.id) == (run, id))
        return next(fresh, None) or self._book.store.event(run, id)

    def _box(self, run: int) -> deque[EventRow]:
        box = self._boxes.get(run)
        if box is None:
            box = self._boxes[run] = deque(self._book.store.pending_events(run))
        return box

    def time_has_come(self, place: _Place) -> None:
        """A timer has fired: the wait may be over."""
        if not self._is_waiting(place):
            return
        if self._left_s(place) > _INSTANT_S:
            self._set_timer(place)
            return
        spec = self._specs[place]
        if spec["kind"] in ("sleep", "until"):
            self.end(place, Happening.DONE, "done", value=pack([PLAIN, None]))
            return
        how = spec["on_timeout"]
        told = f"{nothing_came(spec)} within {duration_text(spec['timeout_s'] or 0.0)}"
        if how[0] == "value":
            self.end(place, Happening.DONE, "timeout", value=pack(how[1]))
        elif how[0] in ("approve", "reject"):
            self.decide(place, how[0] == "approve", "", "nobody answered in time", 0.0)
        elif how[0] == "skip":
            self.end(place, Happening.UNMET, "timeout", _error("Skip", told))
        else:
            self.end(place, Happening.FAILED, "timeout", _error("TimeoutError", told))

    def decide(self, place: _Place, is_approved: bool, by: str, comment: str, at: float) -> None:
        """An approval is decided."""
        spec = self._specs[place]
        outcome = "approved" if is_approved else "rejected"
        if is_approved or spec["on_reject"] == "continue":
            fields = [[PLAIN, value] for value in (is_approved, by, comment, at)]
            value = pack([OBJECT, DECISION, ["approved", "by", "comment", "at"], fields])
            self.end(place, Happening.DONE, outcome, value=value)
            return
        text = f"{by} rejected {spec['name']!r}" if by else f"{spec['name']!r} counts as rejected"
        text += f": {comment}" if comment else ""
        is_skipped = spec["on_reject"] == "skip"
        happening = Happening.UNMET if is_skipped else Happening.FAILED
        self.end(place, happening, outcome, _error("Skip" if is_skipped else "Rejected", text))

    def vote(self, place: _Place, votes: list[dict[str, Any]]) -> None:
        """Note what persons have said so far."""
        self._open[place] = self._open[place]._replace(votes=pack(votes))
        self._book.news.add("waits")
        self._book.turn.wait_updates.append(WaitUpdate(pack(votes), None, "", *place))

    def end(
        self, place: _Place, happening: Happening, outcome: str, error: dict[str, Any] | None = None,
        value: bytes | None = None,
    ) -> None:  # fmt: skip
        """Let the step go on."""
        live = self._book.lives[place[0]]
        self._outcomes[place] = outcome
        packed = None if error is None else pack({**error, "step": path_of(live.run, place[1])})
        self._book.advance(live, Event(happening, place[1], value=value, error=packed))

    # Looking

    def open_row(self, place: _Place) -> tuple[WaitRow, WaitSpec] | None:
        """An open wait of a run in memory."""
        return (self._open[place], self._specs[place]) if self._is_waiting(place) else None

    def _is_waiting(self, place: _Place) -> bool:
        """Whether nothing has ended it: what the machine has done in this turn is not gathered yet."""
        return place in self._open and self._book.lives[place[0]].run.steps[place[1]].state == State.WAITING

    def _spec(self, live: Live, step: int) -> WaitSpec:
        packed = live.arguments.pop(step, None) or self._book.store.arguments(live.run.number, step)
        assert packed is not None
        spec: WaitSpec = unpack(packed)
        return spec


def _topic(place: _Place, spec: WaitSpec) -> _Topic:
    return (place[0] if spec["scope"] == "run" else 0, spec["name"], spec.get("key"))


def _due_at(spec: WaitSpec, now: float) -> float | None:
    if spec["kind"] == "until":
        return spec["at"]
    span_s = spec["seconds"] if spec["kind"] == "sleep" else spec.get("timeout_s")
    return None if span_s is None else now + span_s


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"type": kind, "message": message, "origin": "user"}
