"""The engine's loop.

A turn takes in what executors said, lets `core.machine` advance the runs, places what is ready, commits all of that in
one transaction, and only then sends orders and answers. So whatever the world has seen of a turn is stored.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable

from partita.core.events import Event, Happening
from partita.core.states import Kind, State
from partita.engine.book import Book
from partita.engine.dispatch import Dispatch
from partita.engine.forecasting import Forecasting
from partita.engine.intake import Intake
from partita.engine.launch import Launch
from partita.engine.live import Live
from partita.engine.overruns import Overruns
from partita.engine.preparing import Preparing
from partita.engine.publishing import Publications
from partita.engine.recovery import Recovery
from partita.engine.registry import Registry
from partita.engine.secrets import Secrets
from partita.engine.whereabouts import Whereabouts
from partita.errors import FencedError, StaleMoveError, StoreError
from partita.store.port import Turn
from partita.values import pack

__all__ = ["Engine"]

_log = logging.getLogger("partita.engine")


class Engine:
    """Advances the runs of one workspace.

    `pause(seconds)` waits when the store cannot be written for the moment; `guard` is asked before every commit and
    raises where nothing may be written any more.
    """

    def __init__(
        self,
        book: Book,
        pause: Callable[[float], None],
        new_id: Callable[[], str],
        guard: Callable[[], None] = lambda: None,
    ) -> None:
        self.book = book
        self.pause = pause
        self.guard = guard
        self.recovery = Recovery(book)
        self.registry = Registry(book)
        self.secrets = Secrets(book)
        self.publications = Publications(book)
        self.launch = Launch(book, self.recovery, new_id, self.cancel, self.registry, self.secrets, self.publications)
        preparing = Preparing(book)
        self.intake = Intake(book, self.launch.request, preparing, self.registry)
        self.recovery.introduce = self.intake.introduce
        self.launch.add_profile = self.intake.add_profile
        self.launch.misplaced = self.intake.misplaced
        self._dispatch = Dispatch(book, preparing)
        self._forecasting = Forecasting(book)
        self._whereabouts = Whereabouts(book)
        self._stops: list[tuple[Live, int, str]] = []
        book.overruns = Overruns(book, lambda live, message: self.cancel(live, 0, message=message))
        self.trouble = ""  # why nothing can be committed at present

    def start(self) -> None:
        """Take up the runs that an earlier engine left unfinished."""
        self._tell_time()
        self.recovery.take_up_all()
        self.finish_turn()

    def take_up(self) -> None:
        """Take up runs that have come to be this engine's."""
        self._tell_time()
        self.recovery.take_up_all()

    def turn(self, timeout_s: float | None = None) -> bool:
        """Handle what has arrived within `timeout_s` seconds; says whether there was anything."""
        did, began_s = False, self.book.clock.monotonic()
        for lanes in self.book.executors.values():
            messages = lanes.executor.receive(timeout_s)
            self._tell_time()
            for message in messages:
                self.intake.take(lanes, message)
            did = did or bool(messages)
        did = self._fire_timers() or did
        did = self.launch.wake_waiters() or did
        did = self._work_off_layouts() or did
        self._take_back_overdue()
        self.finish_turn()
        self._whereabouts.note()
        if did:
            self.book.counters.turns.add(self.book.clock.monotonic() - began_s)
        return did

    def finish_turn(self) -> None:
        """Place, commit, send."""
        book = self.book
        self._gather()
        self._dispatch.place()
        self._gather()
        self._end_runs()
        if book.limits.forecasts:
            self._forecasting.work()
        book.turn.run_updates.extend(live.update() for live in book.told.values() if not live.is_final)
        book.told.clear()
        book.learning.write()
        book.turn.attempt_ends.extend(book.returned.values())
        book.returned.clear()
        if not book.turn.is_empty():
            self._commit()
        if book.tracing is not None:
            book.tracing.hand_on()
        for live, number in book.large:  # those who begin later ask the store
            live.arguments.pop(number, None)
        book.large.clear()
        for lanes in book.executors.values():
            lanes.send()
        self._stop_attempts()
        answers, book.answers = book.answers, []
        for answer in answers:
            answer()
        self._forget_finals()

    def _tell_time(self) -> None:
        self.book.now_s = self.book.clock.monotonic()
        self.book.now = self.book.clock.now()

    def _gather(self) -> None:
        book = self.book
        while book.touched or book.waits.has_news:
            while book.touched:
                _, live = book.touched.popitem()
                self._stops.extend((live, step, reason) for step, reason in live.out.stops)
                book.gather(live)
            book.waits.deliver()

    def _commit(self) -> None:
        """Write the turn. A store that cannot be written for the moment (a full disk) is waited for: nothing is lost."""
        wait_s = 0.1
        while True:
            self.guard()
            began_s = self.book.clock.monotonic()
            try:
                self.book.store.commit(self.book.turn)
                self.book.counters.commits.add(self.book.clock.monotonic() - began_s)
                break
            except FencedError:
                raise
            except StaleMoveError as error:
                if error.stage_move or error.publication is not None:
                    self.publications.withdraw(error)
                else:
                    self.registry.withdraw(error)
            except StoreError as error:
                self.book.counters.failed_commits += 1
                if not self.trouble:
                    _log.error("nothing can be written, waiting: %s", error)
                self.trouble = str(error)
                self.pause(wait_s)
                wait_s = min(wait_s * 2, 5.0)
        if self.trouble:
            _log.info("the store can be written again")
            self.trouble = ""
        self.book.turn = Turn()
        self.registry.committed()
        self.book.values.committed()
        self.book.caching.committed()

    def _fire_timers(self) -> bool:
        book, fired = self.book, False
        while book.timers and book.timers[0][0] <= book.now_s:
            _, _, what, number, which = heapq.heappop(book.timers)
            if what == "choose":
                book.choosing.woken()
                fired = True
                continue
            live = book.lives.get(number)
            if live is None:
                continue
            fired = True
            if what == "due":
                step = live.run.steps.get(which)
                if step is not None and step.state == State.WAITING:
                    book.advance(live, Event(Happening.DUE, which))
            elif what == "wait":
                book.waits.time_has_come((number, which))
            elif what == "deadline":
                book.overruns.deadline_passed(live)
            elif what == "prepare":
                step = live.run.steps.get(which)
                if step is not None and step.state == State.READY:
                    book.enqueue(live, which)
            elif what == "timeout" and which in book.flights:
                self._stop(which, "timeout")
        return fired

    def wait_s(self) -> float | None:
        """Seconds until something is to be done without any message; None: nothing is."""
        book = self.book
        if book.touched or book.waits.has_news or any(live.backlog for live in book.lives.values()):
            return 0.0
        if any(flight.executor.can_wake(flight.lane) for flight, _, _ in book.resumed):
            return 0.0  # the others go on when something else has ended
        until = book.timers[0][0] - book.clock.monotonic() if book.timers else None
        watched = any(lanes.needs_watching for lanes in book.executors.values())
        if watched:
            until = min(until, 0.025) if until is not None else 0.025
        forecast_s = self._forecasting.wait_s() if book.limits.forecasts else None
        if forecast_s is not None:
            until = min(until, forecast_s) if until is not None else forecast_s
        return max(until, 0.0) if until is not None else None

    def _work_off_layouts(self) -> bool:
        """Take in layouts, run by run in turn, within the turn's limits of rows and time."""
        book = self.book
        waiting = [live for live in book.lives.values() if live.backlog]
        rows, until = 0, book.clock.monotonic() + book.limits.seconds_a_turn
        did = bool(waiting)
        while waiting and rows < book.limits.rows_a_turn:
            waiting.sort(key=lambda live: live.last_served)
            live = waiting[0]
            live.last_served = book.next()
            rows += self.intake.work_off(live)
            waiting = [live for live in waiting if live.backlog]
            if book.clock.monotonic() > until:
                break
        return did

    def _take_back_overdue(self) -> None:
        for lanes in self.book.executors.values():
            for lane in lanes.overdue(self.book.now_s):
                for ticket in lanes.executor.take_back(lane.number):
                    self.intake.take_back(ticket)

    def _stop_attempts(self) -> None:
        stops, self._stops = self._stops, []
        for live, step, reason in stops:
            ticket = live.running.get(step)
            if ticket is not None:
                self._stop(ticket, reason)

    def _stop(self, ticket: int, reason: str, grace_s: float | None = None) -> None:
        flight = self.book.flights[ticket]
        live = self.book.lives[flight.run]
        step = live.run.steps[flight.step]
        if grace_s is None:
            own_s = live.run.profiles[step.profile].grace_s
            grace_s = self.book.limits.grace_s if own_s is None else own_s
        flight.stop_reason = flight.stop_reason or reason
        flight.executor.executor.cancel(ticket, reason, grace_s)

    def cancel(self, live: Live, step: int, *, force: bool = False, message: str = "cancelled on request") -> None:
        """Ask a step (0: the run) to stop; with `force`, kill at once what still runs of it."""
        error = pack({"type": "CancelledError", "message": message, "origin": "user"})
        target = live.run.steps.get(step)
        if target is None:
            return
        self.book.advance(live, Event(Happening.CANCEL, step, error=error))
        if step == 0:
            for child in list(live.children):
                below = self.book.live(child)
                if below is not None:
                    self.cancel(below, 0, force=force, message=message)
        if force:
            inside = live.running.items() if target.kind == Kind.FLOW else [(step, live.running.get(step, -1))]
            for number, ticket in list(inside):
                if ticket in self.book.flights and live.run.steps[number].kind != Kind.UNDO:
                    self._stop(ticket, "cancelled", 0.0)

    def _end_runs(self) -> None:
        """Runs that ended: say so in their rows, and to who waits; their children end with them unless all is well."""
        book = self.book
        for live in book.finals:
            if live.adoption is not None:
                live.notes.update(live.adoption.summary(live))
            book.turn.run_updates.append(live.update())
            ended = book.counters.runs_ended
            ended[live.run.state] = ended.get(live.run.state, 0) + 1
            if book.tracing is not None:
                book.tracing.run_ended(live, book.now)
            if live.run.state != State.SUCCEEDED:
                for child in live.children:
                    below = book.live(child)
                    if below is not None and not below.is_final:
                        self.cancel(below, 0)
                self._gather()  # a child that was only waiting ends now, and is one of the finals too

    def _forget_finals(self) -> None:
        book = self.book
        finals, book.finals = book.finals, []
        for live in finals:
            self.launch.ended(live)
            book.forget(live)
