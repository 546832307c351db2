"""When a study has enough: budgets of trials, time and cost, a target, too many failures, or nothing left to try."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

from partita.errors import DefinitionError
from partita.tune.record import StudyRecord
from partita.units import duration_text

__all__ = ["Budgets", "Verdict", "verdict"]

#: Of these, that no budget was given for a study.
_TRIALS = 50


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

    def plain(self) -> dict[str, float]:
        """Those that are set."""
        return {name: amount for name, amount in asdict(self).items() if amount is not None}


class Verdict(NamedTuple):
    """Why no trial is begun any more."""

    state: str  # "ended", or "stopped" where it can go on once something was mended
    reason: str  # in words
    is_urgent: bool = False  # what runs is cancelled, too


def verdict(
    record: StudyRecord, budgets: Budgets, now: float, *, failures: int, size: int | None, price: float = 0.0
) -> Verdict | None:
    """Whether it is enough; None: go on.

    Args:
        failures: so many in a row are too many.
        size: how many different trials there can be; None: no end of them.
        price: what the trials that run are thought to cost yet.
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
    if budgets.trials is not None and count >= budgets.trials:
        return Verdict("ended", f"all {budgets.trials:,} trials were made")
    if budgets.time_s is not None and record.spent_s(now) >= budgets.time_s:
        return Verdict("ended", f"the time of {duration_text(budgets.time_s)} is over")
    if budgets.cost is not None and record.cost + price >= budgets.cost:
        return Verdict("ended", f"the cost of {budgets.cost:g} is used up: {record.cost:.4g} so far")
    if size is not None and record.different >= size:
        return Verdict("ended", f"all {size:,} combinations were tried")
    return None
