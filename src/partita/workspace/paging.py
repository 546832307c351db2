"""Lists that are longer than what an engine gives at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from partita.protocol.artifacts import HeldRun
from partita.protocol.requests import RunView, StepView
from partita.protocol.waits import WaitView

__all__ = ["read_chosen_steps", "read_prunable", "read_runs", "read_steps", "read_waits", "taken"]

T = TypeVar("T")

#: Records that are asked for at once; engines give at least so many where there are more.
_PAGE = 1000


def taken(page: Callable[[T | None, int], Sequence[T]], limit: int | None = None) -> list[T]:
    """The first records of a list, in as few pages as it takes.

    Args:
        page: gives at most so many records that come after the given one, or the first ones after None.
        limit: None: all of them.
    """
    found: list[T] = []
    while limit is None or len(found) < limit:
        asked = _PAGE if limit is None else min(limit - len(found), _PAGE)
        came = page(found[-1] if found else None, asked)
        found.extend(came)
        if len(came) < asked:
            break
    return found


def read_runs(ask: Callable[..., Any], limit: int, before: int, **which: Any) -> list[RunView]:
    """As many runs as wanted, by what the verb `runs` takes."""
    return taken(
        lambda last, count: ask("runs", **which, before=last["number"] if last else before, limit=count), limit
    )


def read_steps(
    ask: Callable[..., Any], run: str, *, after: int = -1, limit: int | None = None, is_brief: bool = False
) -> list[StepView]:
    """As many steps of a run as wanted, by id; None: all of them."""

    def page(last: StepView | None, count: int) -> list[StepView]:
        found: list[StepView] = ask("steps", run=run, after=last["id"] if last else after, limit=count, brief=is_brief)
        return found

    return taken(page, limit)


def read_waits(ask: Callable[..., Any], limit: int, kinds: Sequence[str]) -> list[WaitView]:
    """As many open waits of all runs as wanted, oldest first."""

    def page(last: WaitView | None, count: int) -> list[WaitView]:
        after = [last["opened_at"], last["number"], last["step"]] if last else None
        found: list[WaitView] = ask("waits", kinds=list(kinds), after=after, limit=count)
        return found

    return taken(page, limit)


def read_prunable(ask: Callable[..., Any], after: int = 0, limit: int | None = None, **which: Any) -> dict[str, Any]:
    """What may be deleted of as many runs as are to be looked at, by what the verb `prunable` takes; None: of all."""
    runs: dict[str, RunView] = {}
    held: dict[str, HeldRun] = {}  # one run may be named on several pages
    looked, place = 0, after
    while True:
        page = ask("prunable", **which, after=place, limit=None if limit is None else limit - looked)
        runs |= {run["id"]: run for run in page["runs"]}
        held |= {one["run"]: one for one in page["held"]}
        looked, place = looked + page["looked"], page["next"]
        if place is None or (limit is not None and looked >= limit):
            return {"runs": list(runs.values()), "held": list(held.values()), "next": place}


def read_chosen_steps(
    ask: Callable[..., Any], run: str, ids: Iterable[int], *, is_brief: bool = False
) -> list[StepView]:
    """Steps of a run by their ids, by id, in as few pages as it takes; those that are not there are left out."""
    wanted, found = sorted(set(ids)), list[StepView]()
    for first in range(0, len(wanted), _PAGE):
        found.extend(ask("steps", run=run, ids=wanted[first : first + _PAGE], brief=is_brief))
    return found
