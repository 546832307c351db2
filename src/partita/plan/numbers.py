"""The numbers that a plan can be made of: of at least 0, and so small that no sum or product of them is infinite."""

from __future__ import annotations

from typing import Any

from partita.errors import PlanningError

__all__ = ["MOST", "as_number"]

#: No number, and no sum of run times and transfers, is larger. The cost of a task multiplies five of them, and a double
#: holds 1e308.
MOST = 1e50


def as_number(value: Any, what: str, default: float | None = None) -> float:
    """A number from 0 to `MOST`.

    Args:
        what: it is, for messages.
        default: for None; without one, None is refused, too.

    Raises:
        PlanningError: it is none.
    """
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        found = "missing" if value is None else repr(value)[:80]
        raise PlanningError(f"{what} should be a number, and is {found}")
    if 0 <= value <= MOST:
        return float(value)
    if MOST < value < float("inf"):
        raise PlanningError(f"{what} is {str(value)[:80]}, and a plan can be made with numbers up to {MOST:g}")
    raise PlanningError(f"{what} should be a finite number of at least 0, and is {str(value)[:80]}")
