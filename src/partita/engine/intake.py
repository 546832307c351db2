"""From what executors say to events: outcomes, layouts, losses, reports."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from partita.core.events import Event, Happening, NewStep
from partita.core.graph import path_of
from partita.core.placing import misplaced, will_be_attempted
from partita.core.records import Profile
from partita.core.states import Mark
from partita.core.tuning import tuned
from partita.engine.book import Book
from partita.engine.damage import with_origin
from partita.engine.lanes import Flight, Lanes
from partita.engine.layouts import global_node, new_step
from partita.engine.live import Layout, Live, pack_profile, profile_from
from partita.engine.preparing import Preparing
from partita.engine.raising import OUT_OF_MEMORY, raised
from partita.engine.ranking import rank_steps
from partita.engine.registry import Registry
from partita.engine.standing import bind
from partita.executors.port import CLOSED, LOST, PREPARED, PREPARING, RETURNED, SILENT, Launchable
from partita.protocol.messages import BOUNDS, DONE, FAILED, FRAME, LAID, PROGRESS, REPORT, REQUEST
from partita.store.port import AttemptEnd, ProfileRow, ReportRow
from partita.values import is_value, pack, size_of, unpack

__all__ = ["Intake"]

_log = logging.getLogger("partita.engine")

REVEAL_STEPS = 1000
RANKED_STEPS = 10_000
#: So often the place of a step's attempts may be taken from them before that counts as a crash.
MOST_EVICTIONS = 20
_LARGEST = 2**63 - 1
#: What an attempt takes beyond what it was thought to is charged from so many seconds on.
_CHARGED_S = 1e-3
#: Larger arguments are not kept in memory until their step begins.
_LARGE_BYTES = 1024


class Intake:
    """Takes in the messages of executors."""

    def __init__(
        self,
        book: Book,
        request: Callable[[Flight, int, int, str, dict[str, Any]], None],
        preparing: Preparing,
        registry: Registry,
    ) -> None:
        self._book = book
        self._registry = registry
        self._request = request
        self._handlers: dict[int, Callable[[Lanes, list[Any]], None]] = {
            DONE: self._done, FAILED: self._failed, FRAME: self._frame, LAID: self._laid, LOST: self._lost,
            RETURNED: self._returned, CLOSED: self._closed, PROGRESS: self._progress, REPORT: self._report,
            REQUEST: self._asked, BOUNDS: self._bounds, PREPARING: preparing.tell, PREPARED: preparing.end, SILENT: self._silent,
        }  # fmt: skip

    def take(self, lanes: Lanes, message: list[Any]) -> None:
        handler = self._handlers.get(message[0])
        if handler is not None:
            handler(lanes, message)

    def _land(self, ticket: int) -> tuple[Flight, Live] | None:
        """The flight has ended. None: it is not awaited any more."""
        book = self._book
        flight = book.flights.pop(ticket, None)
        if flight is None:
            forsaken = book.forsaken.pop(ticket, None)
            if forsaken is not None:
                forsaken.executor.ended(forsaken.lane, ticket, book.now_s)
            return None
        flight.executor.ended(flight.lane, ticket, book.now_s)
        live = book.lives.get(flight.run)
        if live is None:
            return None  # of a run that was given up
        self._leave(live, flight)
        return flight, live

    def _leave(self, live: Live, flight: Flight) -> None:
        """The step has no attempt any more that is awaited."""
        live.running.pop(flight.step, None)
        live.started.pop(flight.step, None)
        live.progress.pop(flight.step, None)

    def _silent(self, lanes: Lanes, message: list[Any]) -> None:
        """A worker cannot be reached: what was cancelled ends for its run, and its place is free when its end is known."""
        _, ticket, detail = message
        flight = self._book.flights.get(ticket)
        live = self._book.lives.get(flight.run) if flight is not None else None
        step = live.run.steps.get(flight.step) if live is not None and flight is not None else None
        if flight is None or live is None or step is None or not step.marks & Mark.CANCELLING:
            return
        self._book.forsaken[ticket] = self._book.flights.pop(ticket)
        self._leave(live, flight)
        self._drop_layout(live, ticket, flight)
        error = {"type": "CancelledError", "message": f"it was cancelled; {detail}", "origin": "user"}
        packed = self._with_path(live, flight, error)
        self._end(flight, "cancelled", None, packed, None)
        self._book.advance(live, Event(Happening.LOST, flight.step, flight.attempt, error=packed))

    def _drop_layout(self, live: Live, ticket: int, flight: Flight) -> None:
        """What has arrived of a layout that will not be completed is not taken in."""
        live.layouts.pop(ticket, None)
        kept = [item for item in live.backlog if item[1] is not flight]
        if len(kept) < len(live.backlog):
            live.backlog.clear()
            live.backlog.extend(kept)

    def _end(
        self, flight: Flight, outcome: str, usage: Any, error: bytes | None, log: Any, output_bytes: int = 0
    ) -> None:
        now = self._book.now
        started_at, ended_at, cpu_s, peak_bytes = usage or (0.0, now, 0.0, 0)
        text = f"{log[0]}:{log[1]}:{log[2]}" if log else ""
        end = AttemptEnd(
            outcome, started_at, ended_at, cpu_s, peak_bytes, error, text, flight.run, flight.step, flight.attempt,
            output_bytes,
        )  # fmt: skip
        live = self._book.end_attempt(flight, end, log[2] - log[1] if log else 0)
        if live is not None and started_at:
            self._book.overruns.spend(live, ended_at - started_at, flight.executor.price)
        over_s = ended_at - started_at - flight.expected_s
        if started_at and over_s > _CHARGED_S:
            flight.executor.queue.charge(flight.run, flight.demand, over_s)

    def _done(self, lanes: Lanes, message: list[Any]) -> None:
        _, ticket, value, *effects, usage, log = message
        landed = self._land(ticket)
        if landed is None:
            return
        flight, live = landed
        if not is_value(value):
            self._lose(live, flight, "garbled", "its worker answered with something that is no value", usage, log)
            return
        if effects:
            self._take_effects(live, flight, effects[0])
        pace = lanes.pace(flight.profile)
        pace.observe(usage[1] - usage[0])
        if len(self._book.executors) > 1:
            lane, taken_s = flight.lane, flight.lane.taken_s
            added_s = taken_s - (usage[1] - usage[0]) if taken_s is not None else None
            lanes.health.ended(added_s, is_first=not lane.is_warm)
            lane.is_warm = True
            live.makers[flight.step] = lanes.name
        output_bytes = size_of(value)
        self._end(flight, "cached" if flight.is_cached else "succeeded", usage, None, log, output_bytes)
        self._book.learning.ended(live, flight, pace, usage, output_bytes)
        happening = Happening.CACHED if flight.is_cached else Happening.DONE
        self._book.advance(live, Event(happening, flight.step, flight.attempt, value=value))

    def _take_effects(self, live: Live, flight: Flight, effects: Any) -> None:
        """What a step did to the model registry counts with its outcome."""
        step = live.run.steps.get(flight.step)
        if step is None or step.attempts != flight.attempt:
            return
        fingerprint = live.run.profiles[step.profile].fingerprint
        for refusal in self._registry.land((flight.run, flight.step), effects, fingerprint):
            live.warn(f"{step.name}: {refusal}")

    def _failed(self, lanes: Lanes, message: list[Any]) -> None:
        _, ticket, error, usage, log = message
        landed = self._land(ticket)
        if landed is None:
            return
        flight, live = landed
        self._drop_layout(live, ticket, flight)
        if flight.stop_reason == "timeout":
            error = _timed_out(live, flight, error)
        if error.pop("unmet", False):
            packed = self._with_path(live, flight, error)
            self._end(flight, "skipped", usage, packed, log)
            self._book.advance(live, Event(Happening.UNMET, flight.step, flight.attempt, error=packed))
            return
        may_retry = bool(error.pop("retry", True))
        delay_s = error.pop("delay_s", None)
        packed = self._with_path(live, flight, error)
        outcome = {"": "failed", "timeout": "timeout"}.get(flight.stop_reason, "cancelled")
        self._end(flight, outcome, usage, packed, log)
        event = Event(
            Happening.FAILED, flight.step, flight.attempt, error=packed, may_retry=may_retry, delay_s=delay_s or 0.0
        )
        self._book.advance(live, event)

    def _with_path(self, live: Live, flight: Flight, error: dict[str, Any]) -> bytes:
        step = live.run.steps.get(flight.step)
        if step is not None:
            error = with_origin(self._book, live, step, error)
        return pack({**error, "step": path_of(live.run, flight.step)})

    def _lost(self, lanes: Lanes, message: list[Any]) -> None:
        _, ticket, reason, detail, usage, log = message
        landed = self._land(ticket)
        if landed is not None:
            flight, live = landed
            self._drop_layout(live, ticket, flight)
            self._lose(live, flight, flight.stop_reason or reason, detail, usage, log)

    def _lose(self, live: Live, flight: Flight, reason: str, detail: str, usage: Any, log: Any) -> None:
        """The machinery has failed an attempt."""
        step = live.run.steps.get(flight.step)
        is_idempotent = step is None or live.run.profiles[step.profile].is_idempotent
        if reason == "timeout" and is_idempotent:
            error = _timed_out(live, flight, {})
            packed = self._with_path(live, flight, error)
            self._end(flight, "timeout", usage, packed, log)
            self._book.advance(live, Event(Happening.FAILED, flight.step, flight.attempt, error=packed, delay_s=0.0))
            return
        if reason in ("died", "evicted", "refused"):
            flight.executor.health.lost(self._book.now_s)
        if reason == "memory":
            self._raise_memory(live, flight, usage)
        packed = self._with_path(live, flight, _lost_error(reason, detail, is_idempotent))
        self._end(flight, "cancelled" if reason == "cancelled" else "crashed", usage, packed, log)
        if reason == "refused":
            event = Event(Happening.FAILED, flight.step, flight.attempt, error=packed, may_retry=False)
        elif reason == "evicted" and live.evictions.get(flight.step, 0) < MOST_EVICTIONS:
            live.evictions[flight.step] = live.evictions.get(flight.step, 0) + 1
            event = Event(Happening.ORPHANED, flight.step, flight.attempt, error=packed)
        else:
            event = Event(Happening.LOST, flight.step, flight.attempt, error=packed)
        self._book.advance(live, event)

    def _raise_memory(self, live: Live, flight: Flight, usage: Any) -> None:
        places = self._book.places(live, live.run.steps[flight.step].profile)
        capacity = max(lanes.pool.capacity["memory"] for lanes in (flight.executor, *places))
        live.memory[flight.step] = raised(flight.demand.memory_bytes, usage[3] if usage else 0, capacity)

    def _returned(self, lanes: Lanes, message: list[Any]) -> None:
        self.take_back(message[1])

    def take_back(self, ticket: int) -> None:
        """An order came back that had not begun."""
        landed = self._land(ticket)
        if landed is not None:
            flight, live = landed
            key = (flight.run, flight.step, flight.attempt)
            self._book.returned[key] = AttemptEnd("returned", 0.0, self._book.now, 0.0, 0, None, "", *key)
            self._book.advance(live, Event(Happening.RETURNED, flight.step, flight.attempt))

    def _closed(self, lanes: Lanes, message: list[Any]) -> None:
        number = message[1]
        left = [ticket for ticket, flight in self._book.flights.items() if flight.lane.number == number]
        lanes.closed(number)
        for ticket in left:
            if self._book.flights[ticket].executor is lanes:
                self.take_back(ticket)

    def _progress(self, lanes: Lanes, message: list[Any]) -> None:
        _, ticket, done, total, note = message
        flight = self._book.flights.get(ticket)
        if flight is not None:
            live = self._book.lives.get(flight.run)
            if live is None:
                return
            live.progress[flight.step] = [done, total, note]
            live.history.append(flight.step)

    def _bounds(self, lanes: Lanes, message: list[Any]) -> None:
        _, ticket, told = message
        flight = self._book.flights.get(ticket)
        live = self._book.lives.get(flight.run) if flight is not None else None
        if flight is not None and live is not None and flight.step == 0:
            self._book.overruns.bind(live, told.get("deadline_s"), told.get("budget"), told["overrun"])
            bind(self._book, live, told)

    def _report(self, lanes: Lanes, message: list[Any]) -> None:
        _, ticket, name, value, at_step, at = message
        flight = self._book.flights.get(ticket)
        if flight is not None:
            at_step = max(-_LARGEST, min(int(at_step), _LARGEST))  # a row that cannot be written would stop all
            row = ReportRow(flight.run, flight.step, flight.attempt, name, value, at_step, at)
            self._book.turn.reports.append(row)

    def _asked(self, lanes: Lanes, message: list[Any]) -> None:
        _, ticket, request, verb, arguments = message
        flight = self._book.flights.get(ticket)
        if flight is None:
            return
        self._request(flight, ticket, request, verb, arguments)
        if flight.lane.is_waiting:  # what it waits for may be one of those behind it
            for behind in lanes.executor.take_back(flight.lane.number):
                self.take_back(behind)

    # Layouts: frames wait in the run's backlog, so that a turn takes in no more of them than it has time for.

    def _frame(self, lanes: Lanes, message: list[Any]) -> None:
        flight = self._book.flights.get(message[1])
        if flight is not None and flight.run in self._book.lives:
            self._book.lives[flight.run].backlog.append(("frame", flight, message))

    def _laid(self, lanes: Lanes, message: list[Any]) -> None:
        _, ticket, value, warnings, usage, log = message
        landed = self._land(ticket)
        if landed is not None:
            flight, live = landed
            live.backlog.append(("laid", flight, ticket, value, warnings, usage, log))

    def work_off(self, live: Live) -> int:
        """Handle the next part of the run's layouts; gives the number of rows."""
        try:
            return self._work_off(live)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            if self._book.is_strict:
                raise
            # A worker says what is laid out, and what one says must not stop the runs of others.
            _log.exception("run %s is given up", live.run.id, extra={"run": live.run.id})
            self._book.give_up(live, f"what was laid out cannot be understood ({type(error).__name__}: {error})")
            self._book.touched[live.run.number] = live
            return 1

    def _work_off(self, live: Live) -> int:
        item = live.backlog.popleft()
        if item[0] == "frame":
            return self._take_frame(live, item[1], item[2])
        if item[0] == "laid":
            return self._take_laid(live, *item[1:])
        if item[0] == "rank":
            _, first, end, base = item
            rank_steps(live, first, end, base, self._book.expecting)
            return 1
        return self._reveal(live, item[1], item[2])

    def _take_frame(self, live: Live, flight: Flight, message: list[Any]) -> int:
        _, ticket, total, profiles, steps = message
        run = live.run
        flow = run.steps.get(flight.step)
        if flow is None or flow.attempts != flight.attempt:
            return 0
        layout = live.layouts.get(ticket)
        if layout is None:
            layout = live.layouts[ticket] = Layout(flight.step, flight.attempt, run.next_id, run.next_id + total)
            run.next_id += total
        layout.profiles.extend(self.add_profile(live, profile_from(profile)) for profile in profiles)
        self._check_places(live, layout, steps)
        first = layout.base + layout.taken
        new: list[NewStep] = []
        rows = self._book.turn.steps
        for position, step in enumerate(steps):
            made, row = new_step(run.number, first + position, layout, step)
            new.append(made)
            rows.append(row)
            if row.arguments is not None:
                live.arguments[made.id] = row.arguments
                if len(row.arguments) > _LARGE_BYTES:
                    self._book.large.append((live, made.id))
        layout.taken += len(steps)
        self._book.advance(live, Event(Happening.FRAME, flow.id, flight.attempt, steps=new))
        return len(steps)

    def _take_laid(
        self, live: Live, flight: Flight, ticket: int, value: bytes, warnings: list[Any], usage: Any, log: Any
    ) -> int:
        layout = live.layouts.pop(ticket, None)
        base, end = (layout.base, layout.end) if layout is not None else (live.run.next_id, live.run.next_id)
        if layout is not None and layout.problems:
            self._refuse_layout(live, flight, layout, usage, log)
            return 1
        alias = global_node(unpack(value), base)
        if warnings:
            live.notes.setdefault("warnings", []).extend(warnings)
        self._end(flight, "succeeded", usage, None, log)
        for first in reversed(range(base, end, RANKED_STEPS)):  # from the last: a rank is what lies behind
            live.backlog.append(("rank", first, min(first + RANKED_STEPS, end), base))
        for first in range(base, end, REVEAL_STEPS):
            live.backlog.append(("reveal", first, min(first + REVEAL_STEPS, end)))
        self._book.advance(live, Event(Happening.LAID, flight.step, flight.attempt, alias=alias))
        live.history.append(flight.step)
        return 1

    def _check_places(self, live: Live, layout: Layout, steps: list[list[Any]]) -> None:
        """Find steps that no executor can ever run: a run must not wait for them for ever."""
        for step in steps:
            if not will_be_attempted(step) or layout.profiles[step[2]] in layout.checked:
                continue
            number = layout.profiles[step[2]]
            layout.checked.add(number)
            layout.problems.extend(self.misplaced(live, live.run.profiles[number], step[8] or ""))

    def misplaced(self, live: Live, profile: Profile, place: str) -> list[dict[str, Any]]:
        """Why the profile can never run, as problems; empty where it can."""
        default = self._book.default_of(live)
        return [asdict(problem) for problem in misplaced(profile, self._book.pools(), default, place)]

    def _refuse_layout(self, live: Live, flight: Flight, layout: Layout, usage: Any, log: Any) -> None:
        message = "; ".join(problem["message"] for problem in layout.problems)
        error = {"type": "CheckError", "message": message, "origin": "user", "problems": layout.problems}
        packed = self._with_path(live, flight, error)
        self._end(flight, "failed", usage, packed, log)
        self._book.advance(live, Event(Happening.FAILED, flight.step, flight.attempt, error=packed, may_retry=False))

    def _reveal(self, live: Live, first: int, end: int) -> int:
        for number in range(first, end):
            if number in live.run.steps:
                self._book.advance(live, Event(Happening.REVEALED, number))
        live.history.extend(range(first, end))
        return end - first

    def add_profile(self, live: Live, profile: Profile) -> int:
        """The profile's number in the run; engine and store learn of it when it is new."""
        profile = tuned(profile, self._book.limits.tasks)
        if profile.crash_retries is None:
            profile = replace(profile, crash_retries=self._book.limits.crash_retries)
        packed = pack_profile(profile)
        known = live.known.get(packed)
        if known is not None:
            return known
        number = len(live.run.profiles)
        live.known[packed] = number
        live.run.profiles.append(profile)
        self._book.turn.profiles.append(ProfileRow(live.run.number, number, packed))
        self.introduce(live, profile)
        return number

    def introduce(self, live: Live, profile: Profile) -> None:
        book = self._book
        number = book.next()
        live.numbers.append(number)
        labels = {"run": live.run.id, "flow": live.row.title}
        book.launchables[number] = Launchable(profile, live.bundle, book.folder, book.workspace, labels, book.artifacts)


def _timed_out(live: Live, flight: Flight, error: dict[str, Any]) -> dict[str, Any]:
    name = live.run.steps[flight.step].name
    message = f"{name} took longer than its timeout of {flight.timeout_s:g} s; raise timeout= or make it faster"
    return {**error, "type": "TimeoutError", "message": message, "origin": "user"}


def _lost_error(reason: str, detail: str, is_idempotent: bool) -> dict[str, Any]:
    names = {
        "memory": OUT_OF_MEMORY, "timeout": "TimeoutError", "stopped": "WorkerStopped", "evicted": "WorkerEvicted",
        "refused": "WorkerRefused", "garbled": "ProtocolError",
    }  # fmt: skip
    if reason == "cancelled":
        return {"type": "CancelledError", "message": "it was cancelled", "origin": "user"}
    message = detail or "the worker died"
    if not is_idempotent:
        message += (
            "; the task is marked idempotent=False, so it is not tried again: look what it has done, "
            "and rerun only if it may be done once more"
        )
    return {"type": names.get(reason, "WorkerDied"), "message": message, "origin": "machine"}
