"""What ended attempts teach: taken in as they end, written now and then, and told to whoever plans.

Writing with every turn would cost a chain of steps a tenth of its speed. So what was learned is written when a run ends, and
every `WRITE_EVERY_S` while some go on; an engine that dies loses what it learned since, not the attempts' own rows.
"""

from __future__ import annotations

import logging
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any

from partita.core.graph import path_of
from partita.core.states import Kind
from partita.errors import StoreError
from partita.plan.durations import Estimate
from partita.plan.history import TASK, Attempted, History, Record, Subject, place_of
from partita.store.port import LearnedRow
from partita.values import pack, unpack

if TYPE_CHECKING:
    from partita.core.graph import Step
    from partita.engine.book import Book
    from partita.engine.lanes import Flight, Pace
    from partita.engine.live import Live

__all__ = ["Learning"]

_log = logging.getLogger("partita.engine")

WRITE_EVERY_S = 5.0
#: Brief steps come by the thousand, and are learned from all the first and then one in so many of each profile of a run.
BRIEF_S, BRIEF_FIRST, BRIEF_SHARE = 0.02, 32, 64
#: What takes less is not told apart by its place in the flow.
PLACED_S = 0.05
#: The form of what is written; what is there in another one is learned anew.
FORM = 2
_MOST = 1e18
#: In the place of a node class: what a flow takes that is laid out while its run goes on.
EXPANSION = "flow"


class Learning:
    """The history of one workspace, as its engine keeps it."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._subjects: dict[tuple[int, str], Subject] = {}  # by engine-wide number of a profile and executor
        self._written_s = 0.0  # monotonic

    @cached_property
    def history(self) -> History:
        """All that attempts have taught."""
        history = History()
        _load(history, self._book.store.learned())
        return history

    def subject(self, live: Live, profile: int, executor: str) -> Subject:
        """Of what is learned and told for steps of a profile (its number in the run) on an executor."""
        key = (live.numbers[profile], executor)
        found = self._subjects.get(key)
        if found is None:
            of = live.run.profiles[profile]
            node = self._book.executors[executor].node
            found = Subject(_named(of.function, of.title), of.version, node, live.row.flow, of.title, live.row.title)
            self._subjects[key] = found
        return found

    def ended(self, live: Live, flight: Flight, pace: Pace, usage: Any, output_bytes: int) -> None:
        """An attempt has succeeded.

        Args:
            pace: of its profile, this attempt included.
            usage: as a worker tells it: when it began and ended, CPU seconds, and the peak of its memory in bytes.
        """
        started_at, ended_at, cpu_s, peak_bytes = usage
        duration_s = ended_at - started_at
        if duration_s < BRIEF_S and pace.count > BRIEF_FIRST and pace.count % BRIEF_SHARE:
            return
        step = live.run.steps[flight.step]
        if step.kind != Kind.TASK or flight.is_cached or live.run.profiles[step.profile].body != "task":
            return
        place = self.place_of(live, step) if duration_s >= PLACED_S else 0
        size, used_s, peak, output = map(_amount, (flight.input_bytes, cpu_s, peak_bytes, output_bytes))
        attempted = Attempted(size, _amount(duration_s), used_s, peak, output, _amount(ended_at), place)
        self.history.observe(self.subject(live, step.profile, flight.executor.name), attempted)

    def place_of(self, live: Live, step: Step) -> int:
        """The step's place in its flow; 0: it has none."""
        return place_of(live.row.flow, path_of(live.run, step.id))

    def expanded(self, live: Live, step: Step, seconds: float) -> None:
        """A flow that was laid out as a step of its own has succeeded, so many seconds after its layout began."""
        attempted = Attempted(0.0, _amount(seconds), 0.0, 0.0, 0.0, self._book.now)
        self.history.observe(self._of_expansion(live, step), attempted, is_step=False)

    def expansion(self, live: Live, step: Step) -> Estimate | None:
        """How long a flow that is laid out as a step of its own takes with all its steps; None: nobody knows."""
        found = self.history.own(self._of_expansion(live, step))
        return found.duration.estimate(0.0, "step") if found is not None else None

    def _of_expansion(self, live: Live, step: Step) -> Subject:
        of = live.run.profiles[step.profile]
        return Subject(_named(of.function, of.title), of.version, EXPANSION, live.row.flow, of.title, live.row.title)

    def write(self) -> None:
        """Let the turn write what was learned, where that is due."""
        book = self._book
        if not book.finals and book.now_s - self._written_s < WRITE_EVERY_S:
            return
        if "history" not in self.__dict__ or not self.history.changed:
            return
        if book.peers is not None:
            try:
                for scope, function in sorted(self.history.changed):
                    self._synchronise(scope, function)
            except StoreError:
                return  # the store cannot be read for the moment; the next turn tries again
        self._written_s = book.now_s
        book.turn.learned.extend(
            LearnedRow(*r[:6], pack([FORM, r.state]), r.updated_at) for r in self.history.take_changed()
        )

    def refresh(self) -> None:
        """Take in what other engines have learned."""
        if self._book.peers is not None:
            self._synchronise()

    def _synchronise(self, scope: str = "", function: str = "") -> None:
        rows = self._book.store.learned(scope=scope, function=function)
        self.history.forget_others({row[:4] for row in rows}, scope, function)
        _load(self.history, rows)

    def unlearn(self, function: str) -> None:
        """Forget what was learned of a function."""
        self.history.forget(function)
        self._book.turn.unlearned.append((TASK, function))

    def forget(self, live: Live) -> None:
        """The run is not in memory any more."""
        for number in live.numbers:
            for executor in self._book.executors:
                self._subjects.pop((number, executor), None)


def _named(function: str, title: str) -> str:
    """The function; where a task goes by another name than it, such as one of many commands, with that name."""
    own = function.rpartition(":")[2].rpartition(".")[2]
    return function if title in ("", own) else f"{function}#{title}"


def _load(history: History, rows: list[LearnedRow]) -> None:
    for row in rows:
        try:
            form, state = unpack(row.state)
            if form == FORM:
                history.load([Record(*row[:6], state, row.updated_at)])
        except (ValueError, TypeError) as error:
            _log.warning(
                "what was learned of %s cannot be read (%s), and is learned anew", row.title or row.scope, error
            )


def _amount(told: Any) -> float:
    """What a worker tells, as something that can be learned."""
    amount = float(told) if isinstance(told, (int, float)) else 0.0
    return min(max(amount, 0.0), _MOST) if isfinite(amount) else 0.0
