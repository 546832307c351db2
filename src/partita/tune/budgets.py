"""When a study has enough: budgets of trials, time and cost, a target, too many failures, or nothing left to try."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

from partita.errors import DefinitionError
from partita.tune.record import StudyRecord
from partita.units import duration_text

__all__ = ["Budgets", "Verdict", "spent", "too_dear", "verdict"]

#: Of these, that no budget was given for a study.
_TRIALS = 50
#: Costs that differ by less of themselves are the same: they are sums of fractions.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Budgets:
    """What ends a study, whichever comes first; all count from its beginning, however often it was gone on with."""

    trials: int | None = None  # so many, whatever came of them
    time_s: float | None = None  # for which somebody is at it
    cost: float | None = None  # of all its runs
    target: float | None = None  # the objective is this good

    def __post_init__(self) -> None:
        for name in ("trials", "time_s", "cost"):
            amount = getattr(self, name)
            if amount is not None and not amount > 0:
                raise DefinitionError(f"{name.removesuffix('_s')}={amount!r} leaves nothing to do; give more than 0")

    def or_usual(self) -> Budgets:
        """With a number of trials where nothing would end it."""
        is_open = self.trials is None and self.time_s is None and self.cost is None
        return Budgets(_TRIALS, None, None, self.target) if is_open else self

    def over(self, earlier: Budgets) -> Budgets:
        """With those of an earlier time where none is given."""
        return Budgets(**(asdict(earlier) | self.plain()))

    def plain(self) -> dict[str, float]:
        """Those that are set."""
        return {name: amount for name, amount in asdict(self).items() if amount is not None}


class Verdict(NamedTuple):
    """Why no trial is begun any more."""

    state: str  # "ended", or "stopped" where it can go on once something was mended
    reason: str  # in words
    is_urgent: bool = False  # what runs is cancelled, too
    is_spent: bool = False  # what runs goes on spending what is used up: it is cancelled where that is asked for


def verdict(record: StudyRecord, budgets: Budgets, now: float, *, failures: int, size: int | None) -> Verdict | None:
    """Whether it is enough; None: go on.

    Args:
        failures: so many in a row are too many.
        size: how many different trials there can be; None: no end of them.
    """
    count = len(record.trials)
    best = record.best()
    if budgets.target is not None and best and len(record.directions) == 1:
        value, sign = best[0].values[0], 1 if record.directions[0] == "maximize" else -1
        if sign * value >= sign * budgets.target:
            told = f"the target of {budgets.target:g} was reached: trial {best[0].number} has {value:g}"
            return Verdict("ended", told, True)
    if failures and record.failures_in_a_row >= failures:
        last = max((t for t in record.trials if t.state == "failed"), key=lambda t: (t.ended_at or 0, t.number))
        return Verdict("stopped", f"{failures} trials in a row have failed, the last one with: {last.error}")
    if budgets.trials is not None and count > budgets.trials:
        were = "was" if budgets.trials == 1 else "were"
        return Verdict("ended", f"{count:,} trials were made, and {budgets.trials:,} {were} to be made in all")
    if budgets.trials is not None and count == budgets.trials:
        return Verdict("ended", f"all {budgets.trials:,} trials were made")
    if found := spent(record, budgets, now):
        return found
    if size is not None and record.different >= size:
        return Verdict("ended", f"all {size:,} combinations were tried")
    return None


def spent(record: StudyRecord, budgets: Budgets, now: float) -> Verdict | None:
    """Whether the time or the cost is used up, which may be while trials run."""
    if budgets.time_s is not None and record.spent_s(now) >= budgets.time_s:
        return Verdict("ended", f"the time of {duration_text(budgets.time_s)} is over", is_spent=True)
    if budgets.cost is not None and record.cost >= budgets.cost:
        told = f"the cost of {budgets.cost:g} is used up: {record.cost:.4g} so far"
        return Verdict("ended", told, is_spent=True)
    return None


def too_dear(record: StudyRecord, budgets: Budgets, running: int) -> Verdict | None:
    """Whether one more trial would cost more than is left, by what trials have cost in the mean.

    Args:
        running: trials that run, which will cost as much.
    """
    costs = [trial.cost for trial in record.trials if trial.ended_at is not None and trial.same_as is None]
    if budgets.cost is None or not costs:
        return None
    mean = sum(costs) / len(costs)
    if record.cost + (running + 1) * mean <= budgets.cost * (1 + _ROUNDING):
        return None
    left = max(budgets.cost - record.cost, 0.0)
    told = f"of the cost of {budgets.cost:g} there is {left:.4g} left, and a trial costs {mean:.4g} in the mean"
    return Verdict("ended", told)
