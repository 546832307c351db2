"""What attempts are thought to take, for whoever orders, admits and forecasts: from the history, and while a run teaches it.

Asking the history costs some ten microseconds. So what is typical of a profile is asked once in a while, and the size of a
step's own input counts where its like take long enough for that to be worth it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from partita.core.graph import Step
from partita.core.states import Kind, Need, State
from partita.engine.live import Live
from partita.plan.durations import Estimate
from partita.plan.memory import admitted_bytes
from partita.values import size_of

if TYPE_CHECKING:
    from partita.engine.book import Book
    from partita.engine.lanes import Lanes, Pace

__all__ = ["SIZED_S", "UNKNOWN_S", "Expecting", "Typical"]

#: What takes less is not told apart by the size of its input.
SIZED_S = 0.1
#: What is typical is asked for anew when so many more attempts, as a share, have been seen.
_STALE = 1.25
#: What a step is thought to take of which nothing is known: each counts alike.
UNKNOWN_S = 1.0
#: A layout takes about so long, where nobody knows.
_LAYOUT_S = 0.05


@dataclass(slots=True)
class Typical:
    """Of the steps of one profile of a run."""

    mean_s: float = 0.0  # how long an attempt takes; 0: nobody knows
    memory_bytes: int = 0  # that it is to have, where its task declares none; 0: it does not matter
    estimate: Estimate | None = None  # of its duration, for an input of the usual size
    pace: Pace | None = None  # of its attempts in this engine
    stale_at: float = 0.0  # when the pace counts so many attempts, it is asked for anew

    @property
    def is_known(self) -> bool:
        """Whether anything says how long it takes."""
        return self.mean_s > 0


class Expecting:
    """Asks the history on behalf of the engine."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._typical: dict[int, Typical] = {}  # by engine-wide number of the profile

    def typical(self, live: Live, number: int) -> Typical:
        """What is typical of the run's profile of this number; the same object is kept up to date while the run goes on."""
        wide = live.numbers[number]
        found = self._typical.get(wide)
        if found is not None and found.pace is not None and found.pace.count < found.stale_at:
            return found
        profile = live.run.profiles[number]
        lanes = self._lanes(live, number)
        if found is None:
            found = self._typical[wide] = Typical()
        pace = found.pace = lanes.pace(wide)
        found.stale_at = max(pace.count + 1, pace.count * _STALE)
        if profile.body != "task":
            found.mean_s = pace.mean_s or _LAYOUT_S
            return found
        learning = self._book.learning
        subject = learning.subject(live, number, lanes.name)
        usual = learning.history.usual_bytes(subject)
        told = learning.history.expect(subject, usual, profile.expect_s)
        if told.duration.basis == "nothing":
            found.mean_s = pace.mean_s
            return found
        found.estimate = told.duration
        found.mean_s = pace.mean_s if 0 < pace.mean_s < SIZED_S else told.duration.median
        if not profile.demand.memory_bytes and told.memory.basis in ("step", "function"):
            capacity = lanes.pool.capacity
            found.memory_bytes = admitted_bytes(told.memory.p90, capacity["memory"], capacity["cpu"])
        return found

    def seconds(self, live: Live, step: Step) -> float:
        """How long an attempt at a step that is ready is thought to take; 0: as is typical."""
        if step.kind != Kind.TASK or live.run.profiles[step.profile].body != "task":
            return 0.0
        estimate = self.estimate(live, step, self._input_bytes(live, step))
        return estimate.median if estimate is not None else 0.0

    def seconds_on(self, live: Live, step: Step, lanes: Lanes, places: Sequence[Lanes]) -> float:
        """How long an attempt at a ready step is thought to take on one of several executors.

        What was learned there counts. Where nothing was, it is what was learned on another one of them or is thought in
        general, by how much faster the executor is said to be.
        """
        profile = live.run.profiles[step.profile]
        wide = live.numbers[step.profile]
        pace = lanes.pace(wide)
        if pace.count and (pace.mean_s < SIZED_S or profile.body != "task"):
            return pace.mean_s
        if profile.body != "task":
            return _LAYOUT_S
        learning, size = self._book.learning, self._input_bytes(live, step)
        for other in (lanes, *places):
            subject = learning.subject(live, step.profile, other.name)
            if learning.history.own(subject) is not None:
                usual = learning.history.usual_bytes(subject) if size is None else size
                seconds = learning.history.duration(subject, usual, profile.expect_s).median
                return seconds * other.speed / lanes.speed
        typical = self.typical(live, step.profile)
        return (typical.mean_s or UNKNOWN_S) / lanes.speed

    def estimate(self, live: Live, step: Step, input_bytes: float | None) -> Estimate | None:
        """How long an attempt at a task's step takes, as a distribution; None: nobody knows.

        Args:
            input_bytes: of its arguments and inputs; None: the usual size.
        """
        if input_bytes is None:
            return self.typical(live, step.profile).estimate
        profile = live.run.profiles[step.profile]
        subject = self._book.learning.subject(live, step.profile, self._lanes(live, step.profile).name)
        place = self._book.learning.place_of(live, step)
        told = self._book.learning.history.duration(subject, input_bytes, profile.expect_s, place)
        return told if told.basis != "nothing" else None

    def at_place(self, live: Live, step: Step) -> Estimate | None:
        """How long an attempt takes, by the same step of earlier runs; None: nothing is known of that, or it is short."""
        typical = self.typical(live, step.profile)
        if typical.estimate is None or typical.mean_s < SIZED_S:
            return None
        learning = self._book.learning
        subject = learning.subject(live, step.profile, self._lanes(live, step.profile).name)
        own, place = learning.history.own(subject), learning.place_of(live, step)
        if own is None or not own.duration.knows(place):
            return None
        expect_s = live.run.profiles[step.profile].expect_s
        return learning.history.duration(subject, own.duration.typical_bytes, expect_s, place)

    def forget(self, live: Live) -> None:
        """The run is not in memory any more."""
        for number in live.numbers:
            self._typical.pop(number, None)

    def _lanes(self, live: Live, number: int) -> Lanes:
        return self._book.places(live, number)[0]

    def _input_bytes(self, live: Live, step: Step) -> float | None:
        """Bytes of its arguments and inputs, as far as they are at hand; None: they are not."""
        arguments = live.arguments.get(step.id)
        total = size_of(arguments, is_arguments=True) if arguments is not None else 0
        for source, path, need in step.inputs:
            target = live.run.steps.get(source)
            if path or need != Need.VALUE or target is None or target.state != State.SUCCEEDED:
                return None
            value = self._book.values.peek(live.run.number, source)
            if value is None:
                return None
            total += size_of(value)
        return total
