"""What is kept of the plan of each run: when its steps were first thought to begin and end, and how its finish was estimated.

A step has its times from the first forecast that is made after it was laid out, played through with what each step takes in
half of all cases. They lie in rows of their own, packed: part 0 of a run has the estimates of its finish, and each further part
the steps of one forecast.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from partita.engine.live import Live
from partita.store.port import PlanRow
from partita.values import pack, unpack

if TYPE_CHECKING:
    from partita.engine.book import Book
    from partita.engine.reading import Reading

__all__ = ["PlanRequests", "Planned", "PlannedTime", "RunPlans", "pack_times", "unpack_times"]

#: Of so many steps of a run the times are kept.
STEPS = 2000
#: So many estimates of a run's finish are kept: of more every second one.
_ESTIMATES = 48
_NAMES = ("made_at", "p10", "p50", "p90")


class PlannedTime(NamedTuple):
    """When and where a step was planned to run."""

    step: int
    executor: str  # empty: none
    start_s: float  # from the beginning of the run
    seconds: float


@dataclass(slots=True)
class Planned:
    """How much of a run's plan is kept already."""

    until: int = 0  # steps with lesser ids had all been laid out when the last of it was made
    count: int = 0  # steps whose times are kept
    parts: int = 0  # rows of them
    estimates: list[list[float]] = field(
        default_factory=list
    )  # [made at, P10, P50, P90] of the finish, since the epoch


class RunPlans:
    """Keeps plans, with the turn."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def room(self, live: Live) -> tuple[int, int]:
        """From which step on the times are to be kept, and of how many; (_, 0): of none."""
        planned = self._planned(live)
        return planned.until, max(STEPS - planned.count, 0) if live.run.next_id > planned.until else 0

    def until(self, live: Live) -> int:
        """Steps with lesser ids have all been laid out, or will never be."""
        return min((layout.base for layout in live.layouts.values()), default=live.run.next_id)

    def keep(self, live: Live, until: int, times: Sequence[PlannedTime]) -> None:
        """Keep when steps are planned to run.

        Args:
            until: what `until` gave when the forecast began.
        """
        planned = self._planned(live)
        planned.until = until
        if times:
            planned.count += len(times)
            planned.parts += 1
            self._book.turn.plans.append(PlanRow(live.run.number, planned.parts, pack_times(until, times)))

    def estimated(self, live: Live, told: Mapping[str, float]) -> None:
        """Keep when the run was thought to be done."""
        estimates = self._planned(live).estimates
        estimates.append([told[name] for name in _NAMES])
        if len(estimates) > _ESTIMATES:
            del estimates[1:-1:2]
        self._book.turn.plans.append(PlanRow(live.run.number, 0, pack(estimates)))

    def _planned(self, live: Live) -> Planned:
        if live.planned is None:
            planned = live.planned = Planned()
            for row in self._book.store.plan(live.run.number):  # an earlier engine may have kept some of it
                if not row.part:
                    planned.estimates = unpack(row.packed)
                    continue
                until, times = unpack_times(row.packed)
                planned.until, planned.count, planned.parts = until, planned.count + len(times), row.part
        return live.planned


class PlanRequests:
    """Answers requests; `verbs` names them."""

    def __init__(self, book: Book, reading: Reading) -> None:
        self._book = book
        self._reading = reading
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "run_plan": self.times,
            "run_estimates": self.estimates,
        }

    def times(self, fields: dict[str, Any]) -> list[list[Any]]:
        """[step, executor, seconds from the beginning of the run, seconds that it takes] of steps, by id."""
        rows = self._book.store.plan(self._reading.find(fields["run"]).number)
        found: dict[int, PlannedTime] = {}
        for row in rows[1:] if rows and not rows[0].part else rows:
            for time in unpack_times(row.packed)[1]:
                found.setdefault(time.step, time)
        return [list(found[step]) for step in sorted(found)]

    def estimates(self, fields: dict[str, Any]) -> list[dict[str, float]]:
        """When the run was thought to be done, the oldest estimate first."""
        rows = self._book.store.plan(self._reading.find(fields["run"]).number)
        found = unpack(rows[0].packed) if rows and not rows[0].part else []
        return [dict(zip(_NAMES, estimate, strict=True)) for estimate in found]


def pack_times(until: int, times: Sequence[PlannedTime]) -> bytes:
    """Times of steps in some ten bytes each."""
    ordered = sorted(times)
    names = sorted({time.executor for time in ordered})
    places = {name: place for place, name in enumerate(names)}
    count = len(ordered)
    return pack([
        until, names, list(_differences([time.step for time in ordered])), [places[time.executor] for time in ordered],
        struct.pack(f"<{count}f", *(time.start_s for time in ordered)),
        struct.pack(f"<{count}f", *(time.seconds for time in ordered)),
    ])  # fmt: skip


def unpack_times(packed: bytes) -> tuple[int, list[PlannedTime]]:
    """The times, and how far steps had been laid out."""
    until, names, differences, places, starts, seconds = unpack(packed)
    count, step, found = len(differences), 0, []
    columns = (differences, places, struct.unpack(f"<{count}f", starts), struct.unpack(f"<{count}f", seconds))
    for difference, place, start_s, each_s in zip(*columns, strict=True):
        step += difference
        found.append(PlannedTime(step, names[place], start_s, each_s))
    return until, found


def _differences(numbers: Sequence[int]) -> Iterator[int]:
    before = 0
    for number in numbers:
        yield number - before
        before = number
