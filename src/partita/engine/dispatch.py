"""From ready to running: which step goes to which lane, and the order that it becomes."""

from __future__ import annotations

from functools import partial
from typing import Any

from partita.core.events import Event, Happening
from partita.core.graph import Step, path_of
from partita.core.records import Demand, Profile
from partita.core.resolve import resolve, sources
from partita.core.states import Kind, Need, State
from partita.engine.book import Book
from partita.engine.lanes import Flight, Lane, Lanes
from partita.engine.live import Live, environment_of, unpack_inputs
from partita.engine.preparing import Preparing
from partita.plan.queue import Line
from partita.protocol.messages import Order
from partita.store.port import AttemptRow, CacheRow
from partita.values import pack, size_of, unpack

__all__ = ["Dispatch"]


class Dispatch:
    """Places ready steps."""

    def __init__(self, book: Book, preparing: Preparing) -> None:
        self._book = book
        self._preparing = preparing
        self._has_more = False

    def place(self) -> None:
        """Start what can be started now."""
        self._has_more = True
        while self._has_more:
            self._has_more = False
            self._place_once()

    def _place_once(self) -> None:
        choosing = self._book.choosing
        choosing.place()
        begin = self._begin if choosing.is_idle else self._begin_chosen
        for lanes in self._book.executors.values():
            lanes.queue.place(self._book.now_s, partial(begin, lanes), lanes.running, lanes.joinable_kinds)

    def _begin_chosen(self, lanes: Lanes, line: Line[Demand], fits: bool) -> bool:
        """The same as `_begin`, where some of what waits has chosen the executor, or another one since."""
        entry, choosing = line.head, self._book.choosing
        if choosing.is_ghost(entry):
            line.pop()
            return True
        has_left = self._begin(lanes, line, fits)
        if has_left:
            choosing.left(entry)
        return has_left

    def _begin(self, lanes: Lanes, line: Line[Demand], fits: bool) -> bool:
        """Start what the line offers, or let it leave the queue without; whether it has left it."""
        entry = line.head
        expected_s = entry.seconds
        live = self._book.lives.get(entry.run)
        step = live.run.steps.get(entry.step) if live is not None else None
        if live is None or step is None or step.state != State.READY:
            line.pop()  # cancelled or discarded since
            return True
        if live.adoption is not None and step.kind == Kind.TASK:
            value = live.adoption.value_for(live, step)
            if value is not None:
                line.pop()
                self._book.advance(live, Event(Happening.ADOPTED, step.id, value=value))
                self._gather(live)
                return True
        number = live.numbers[step.profile]
        profile = live.run.profiles[step.profile]
        if (
            profile.is_cached
            and not profile.has_cache_key
            and step.kind == Kind.TASK
            and self._is_cached(live, step, line)
        ):
            return True
        environment = environment_of(profile)
        if environment and not self._preparing.admits(lanes, live, step, number):
            line.pop()
            return True
        pace = lanes.pace(number)
        # As it went in this engine; before anything has ended here, as it was learned.
        seconds = pace.mean_s if pace.count else expected_s
        is_brief = bool(pace.count or seconds) and seconds < lanes.health.brief_s and _may_wait_in_line(profile, step)
        lane: Lane | None
        if fits:
            lane = lanes.hold(live.bundle, line.demand, environment)
        else:
            may_join = is_brief and not lanes.pool.is_wanted_elsewhere(line.demand)  # a lane holds until its last order
            lane = (
                lanes.joinable(live.bundle, line.demand, seconds, self._book.now_s, environment) if may_join else None
            )
            if lane is None:
                return False
        line.pop()
        try:
            order = self._order(live, step, number)
        except (LookupError, TypeError, ValueError) as error:
            if fits:
                lanes.give_back(lane)
            self._refuse(live, step, error)
            return True
        self._launch(live, step, order, lanes, lane, is_brief, profile, line.demand, expected_s)
        return True

    def _is_cached(self, live: Live, step: Step, line: Line[Demand]) -> bool:
        """Whether the step need not begin now: its value is there, or will be when an equal step has ended."""
        try:
            found = self._book.caching.begins(live, step, live.run.profiles[step.profile])
        except (LookupError, TypeError, ValueError):
            return False  # the order cannot be made either, and tells why
        if found is False:
            return False
        line.pop()
        if isinstance(found, CacheRow):
            self._book.advance(live, Event(Happening.CACHED, step.id, value=found.value))
            self._gather(live)
        return True

    def _launch(
        self,
        live: Live,
        step: Step,
        order: Order,
        lanes: Lanes,
        lane: Lane,
        is_brief: bool,
        profile: Profile,
        demand: Demand,
        expected_s: float,
    ) -> None:
        book = self._book
        if order.profile not in lanes.introduced:
            lanes.introduced.add(order.profile)
            lanes.executor.introduce(order.profile, book.launchables[order.profile])
        lanes.assign(lane, order, is_brief, book.now_s, expected_s)
        run = live.run.number
        lanes.queue.charge(run, demand, expected_s)
        book.returned.pop((run, step.id, order.attempt), None)  # its number is given again
        timeout_s = self._timeout_s(profile, step)
        flight = Flight(
            run, step.id, order.attempt, lane, order.profile, demand, lanes, timeout_s, expected_s=expected_s
        )
        flight.input_bytes, flight.handed_at = _input_bytes(order), book.now
        book.flights[order.ticket] = flight
        book.turn.attempts.append(
            AttemptRow(run, step.id, order.attempt, lanes.place(lane), book.now, lanes.node, flight.input_bytes)
        )
        book.counters.attempts_started += 1
        live.running[step.id] = order.ticket
        live.started[step.id] = book.now
        if step.kind == Kind.FLOW:
            live.opened[step.id] = book.now
        live.history.append(step.id)
        book.advance(live, Event(Happening.STARTED, step.id, order.attempt))
        if timeout_s is not None:
            book.set_timer(timeout_s, "timeout", run, order.ticket)

    def _timeout_s(self, profile: Profile, step: Step) -> float | None:
        if profile.timeout_s is None and step.kind == Kind.FLOW:
            return self._book.limits.layout_timeout_s
        return profile.timeout_s

    def _refuse(self, live: Live, step: Step, error: Exception) -> None:
        """An input has not the part that the step asks for: that is the step's failure, without an attempt."""
        attempt = step.attempts + 1
        message = self._lacking(live, step) or f"an input of {step.name} has no part {error}"
        packed = pack({"type": type(error).__name__, "message": message, "origin": "user", "step": step.name})
        self._book.advance(live, Event(Happening.STARTED, step.id, attempt))
        self._book.advance(live, Event(Happening.FAILED, step.id, attempt, error=packed, may_retry=False))
        self._gather(live)

    def _lacking(self, live: Live, step: Step) -> str:
        """In words, the part that the step asks for and that is not there."""
        for source in step.inputs:
            try:
                self._inputs(live, (source,))
            except ValueError:
                return f"the value of {path_of(live.run, source[0])}, which {step.name} needs, cannot be read"
            except (LookupError, TypeError):
                part = "".join(f"[{key!r}]" for key in source[1])
                return f"the value of {path_of(live.run, source[0])} has no part {part}, which {step.name} needs"
        return ""

    def _gather(self, live: Live) -> None:
        """Something ended without an attempt, and others may be ready because of it."""
        self._book.gather(live)
        self._has_more = True

    def _order(self, live: Live, step: Step, number: int) -> Order:
        book, run = self._book, live.run
        if step.kind == Kind.UNDO:
            return self._undo_order(live, step, number)
        arguments = live.arguments.pop(step.id, None)
        if arguments is None:
            arguments = book.store.arguments(run.number, step.id)
        inputs = self._inputs(live, step.inputs) if step.inputs else None
        extra: dict[str, Any] | None = None
        profile = run.profiles[step.profile]
        if step.parent < 0:
            # With what there is, so that the layout can tell all that is wrong at once.
            extra = {"pools": {name: pool.describe() for name, pool in book.pools().items()}}
            extra["executor"] = book.default_of(live)
            if book.limits.environment is not None:
                extra["environment"] = book.limits.environment
            if live.options.get("texts") is not None:
                extra["texts"] = live.options["texts"]
        if profile.timeout_s is not None:
            extra = {**(extra or {}), "deadline": book.now + profile.timeout_s}
        if step.attempts and step.error is not None:
            extra = {**(extra or {}), "previous": unpack(step.error).get("message", "")}
        if step.id in live.memory:
            extra = {**(extra or {}), "memory": live.memory[step.id]}
        prelude = self._preparing.prelude(live, step) if environment_of(profile) else ""
        if prelude:
            extra = {**(extra or {}), "prelude": prelude}
        if book.tracing is not None:
            extra = {**(extra or {}), "trace": book.tracing.of_attempt(live, step.id, step.attempts + 1)}
        ticket = book.next()
        return Order(ticket, number, run.id, step.id, step.attempts + 1, step.name, arguments, inputs, extra)

    def _inputs(self, live: Live, inputs: tuple[Any, ...]) -> list[bytes]:
        book, run = self._book, live.run
        if len(inputs) == 1:
            step, path, need = inputs[0]
            target = run.steps[step]
            if not path and need == Need.VALUE and target.kind == Kind.TASK and target.state == State.SUCCEEDED:
                return [book.values.get(run.number, step)]
        values = book.values.get_many(run.number, sources(run, inputs))
        return [resolve(run, source, values.__getitem__) for source in inputs]

    def _undo_order(self, live: Live, step: Step, number: int) -> Order:
        """An undo gets the finished step's arguments and inputs again, and its result."""
        book, run = self._book, live.run
        undone = run.steps[step.inputs[0][0]]
        row = book.store.step(run.number, undone.id)
        inputs = self._inputs(live, unpack_inputs(row.inputs)) if row is not None and row.inputs else None
        extra = {"result": book.values.get(run.number, undone.id), "undo": True, "key": f"{run.id}:{undone.id}:undo"}
        if book.tracing is not None:
            extra["trace"] = book.tracing.of_attempt(live, step.id, step.attempts + 1)
        arguments = row.arguments if row is not None else None
        return Order(book.next(), number, run.id, step.id, step.attempts + 1, step.name, arguments, inputs, extra)


def _may_wait_in_line(profile: Profile, step: Step) -> bool:
    return profile.is_idempotent and profile.timeout_s is None and profile.body == "task" and step.kind == Kind.TASK


def _input_bytes(order: Order) -> int:
    size = size_of(order.arguments, is_arguments=True)
    for packed in order.inputs or ():
        size += size_of(packed)
    return size
