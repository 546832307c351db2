"""How runs come back from the store: unfinished ones to go on, finished ones to be read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from partita.core.graph import Run, Step
from partita.core.rebuild import rebuild, resume
from partita.core.records import Profile
from partita.core.resolve import resolve_node, sources
from partita.core.states import FINAL, Kind, Mark, Need, State
from partita.engine.adoption import Adoption
from partita.engine.book import Book
from partita.engine.lanes import PLACE_MARK, Flight
from partita.engine.live import Live, profile_from, stored_step
from partita.engine.raising import raised_by
from partita.engine.ranking import rank_steps
from partita.engine.standing import join_all
from partita.engine.whereabouts import LeftLogs
from partita.errors import NotFoundError, ValueStoreError
from partita.protocol.messages import Order
from partita.store.port import AttemptEnd, AttemptRow, RunRow
from partita.values import REF, unpack

__all__ = ["Recovery"]

_log = logging.getLogger("partita.engine")

#: A timer that was set before a restart waits no longer than this, however wrong the clock is now.
LONGEST_DELAY_S = 24 * 3600.0
#: A shorter wait is not worth a look at whether the clock was set back meanwhile.
TRUSTED_DELAY_S = 1.0


class Recovery:
    """Rebuilds runs."""

    introduce: Callable[[Live, Profile], None]

    def __init__(self, book: Book) -> None:
        self._book = book
        self.has_left = False  # a run could not be taken up, and may be tried again: its code could not be fetched

    def load(self, run_id: str) -> tuple[RunRow, Run]:
        """A run as it is stored, to be read.

        Raises:
            NotFoundError: there is none of that id.
        """
        row = self._book.store.run(run_id)
        if row is None:
            raise NotFoundError(f"there is no run {run_id}; `partita runs list` shows those there are")
        return row, self._rebuilt(row)[0]

    def _rebuilt(self, row: RunRow) -> tuple[Run, list[tuple[int, int]]]:
        run = Run(row.number, row.id)
        store = self._book.store
        run.profiles.extend(profile_from(unpack(stored.packed)) for stored in store.profiles(row.number))
        cut = rebuild(run, map(stored_step, store.all_steps(row.number)))
        return run, cut

    def take_up_all(self) -> None:
        """Let every unfinished run of this engine go on that does not yet."""
        self.has_left = False
        for row in self._book.store.owned_runs():
            if row.number in self._book.lives:
                continue
            try:
                self.take_up(row)
            except ValueStoreError as error:
                self.has_left = True
                _log.error("run %s cannot go on yet: %s", row.id, error, extra={"run": row.id})
            except Exception:
                if self._book.is_strict:
                    raise
                # One run that cannot be rebuilt must not keep the others from going on.
                _log.exception("run %s could not be taken up and stays as it is", row.id, extra={"run": row.id})
                self._book.lives.pop(row.number, None)
                self._book.numbers.pop(row.id, None)

    def take_up(self, row: RunRow) -> Live:
        """Let one unfinished run go on from where its rows say that it stands."""
        book = self._book
        run, cut = self._rebuilt(row)
        options = unpack(row.options) if row.options else {}
        live = Live(run, row, options, book.bundle_folder(row.bundle))
        live.started_at, live.finished = row.started_at, run.finished
        book.counters.runs_taken_up += 1
        live.notes = unpack(row.notes) if row.notes else {}
        for profile, stored in zip(run.profiles, book.store.profiles(row.number), strict=True):
            live.known[stored.packed] = len(live.numbers)
            self.introduce(live, profile)
        if any(step.marks & Mark.CACHED for step in run.steps.values()):
            live.borrowed.update(book.store.cache_makers(row.number))
        live.children = {child.id for child in book.store.children(row.number) if child.state not in FINAL}
        book.lives[run.number] = live
        book.numbers[run.id] = run.number
        if options.get("adopt"):
            live.adoption = Adoption(book, self.load(options["adopt"]), options.get("afresh") or ())
        for first, end in cut:
            book.turn.dropped.append((run.number, first, end))
        self._raise_memory(live)
        running, attached = self._attempts(live)
        book.touched[run.number] = live
        if not run.steps:
            raise NotFoundError(f"run {row.id} has no steps")
        for step in run.steps.values():
            if step.state == State.WAITING and step.kind == Kind.WAIT:
                book.waits.reopen(live, step)  # before the run goes on, which may be the end of it
        rank_steps(live, 0, run.next_id, 0, book.expecting)
        book.overruns.watch(live)
        join_all(book, live)
        resume(run, running, live.out, attached)
        self._set_timers(live)
        if live.run.state in FINAL and not live.out.is_final:
            live.out.is_final = True
        return live

    def _raise_memory(self, live: Live) -> None:
        """Ask for as much memory as an earlier engine did for steps that had run out of it."""
        book, run = self._book, live.run
        for step in run.steps.values():
            if not step.crashes or step.state in FINAL:
                continue
            profile = run.profiles[step.profile]
            places = book.places(live, step.profile)
            if places:
                ends = [end for _, end in book.store.attempts(run.number, step.id) if end is not None]
                most_bytes = max(lanes.pool.capacity["memory"] for lanes in places)
                asked_bytes = raised_by(ends, profile.demand.memory_bytes, most_bytes)
                if asked_bytes:
                    live.memory[step.id] = asked_bytes

    def _attempts(self, live: Live) -> tuple[dict[int, int], set[int]]:
        """The attempts that had started, by step, and the steps of those that go on; how far the others came nobody knows."""
        running: dict[int, int] = {}
        attached: set[int] = set()
        left: LeftLogs | None = None
        for attempt in self._book.store.open_attempts(live.run.number):
            step = live.run.steps.get(attempt.step)
            if step is not None and step.state not in FINAL and attempt.number >= step.attempts:
                running[attempt.step] = attempt.number
                if self._attach(live, step, attempt):
                    attached.add(step.id)
                    continue
            now = self._book.now
            number = (live.run.number, attempt.step, attempt.number)
            left = left or LeftLogs(self._book.workspace, live.run.id)
            log = left.log(attempt.step, attempt.number)
            end = AttemptEnd("lost", attempt.started_at, now, 0.0, 0, None, log, *number)
            self._book.turn.attempt_ends.append(end)
            self._book.counters.attempt_ended(attempt.executor.partition(PLACE_MARK)[0], "lost")
            if self._book.tracing is not None:
                self._book.tracing.attempt_lost(live, attempt, end)
        return running, attached

    def _attach(self, live: Live, step: Step, attempt: AttemptRow) -> bool:
        """Take up an attempt that a worker elsewhere goes on with; whether there is one."""
        book, run = self._book, live.run
        profile = run.profiles[step.profile]
        lanes = book.executors.get(attempt.executor.partition(PLACE_MARK)[0])
        # The frames of a layout that an earlier engine has taken are not said again.
        if lanes is None or step.kind != Kind.TASK or profile.body != "task":
            return False
        number = live.numbers[step.profile]
        order = Order(book.next(), number, run.id, step.id, attempt.number, step.name, None, None, None)
        lane = lanes.attach(
            order, attempt.executor, live.bundle, book.demand(live, step), profile.is_idempotent, book.now_s
        )
        if lane is None:
            return False
        timeout_s = profile.timeout_s
        flight = Flight(run.number, step.id, attempt.number, lane, number, lane.demand, lanes, timeout_s)
        flight.input_bytes = attempt.input_bytes
        book.flights[order.ticket] = flight
        live.running[step.id], live.started[step.id] = order.ticket, attempt.started_at
        if timeout_s is not None:
            left_s = attempt.started_at + timeout_s - book.now
            book.set_timer(min(max(left_s, 0.0), timeout_s), "timeout", run.number, order.ticket)
        if profile.is_cached and not profile.has_cache_key:
            with suppress(
                LookupError, TypeError, ValueError
            ):  # else it is computed, and nobody else is given its value
                book.caching.goes_on(live, step, profile)
        _log.info(
            "%s of run %s goes on in %s", step.name, run.id, attempt.executor, extra={"run": run.id, "step": step.id}
        )
        return True

    def _set_timers(self, live: Live) -> None:
        book = self._book
        for step in live.run.steps.values():
            if step.state == State.WAITING and step.kind != Kind.WAIT:
                left_s = (step.due_at or 0.0) - book.now
                if left_s > TRUSTED_DELAY_S:
                    left_s = min(left_s, self._whole_delay_s(live, step))
                book.set_timer(min(max(left_s, 0.0), LONGEST_DELAY_S), "due", live.run.number, step.id)

    def _whole_delay_s(self, live: Live, step: Step) -> float:
        """How long the step was to wait from its last attempt on: no more is left, even where the clock was set back."""
        rows = self._book.store.attempts(live.run.number, step.id)
        ends = [end.ended_at for _, end in rows if end is not None]
        return (step.due_at or 0.0) - ends[-1] if ends else LONGEST_DELAY_S

    def result(self, run_id: str) -> bytes | None:
        """The value of a finished run as one packed node without refs; None where it has none."""
        live = self._book.live(run_id)
        run = live.run if live is not None else self.load(run_id)[1]
        return self.result_of(run)

    def result_of(self, run: Run) -> bytes | None:
        if not run.steps or run.state != State.SUCCEEDED:
            return None
        values = self._book.values.get_many(run.number, sources(run, [(0, (), Need.VALUE)]))
        return resolve_node(run, [REF, 0, []], values.__getitem__)
