"""What is worth knowing first: what goes on, what waits, what broke, how busy the machine is."""

from __future__ import annotations

from typing import TypedDict

from partita.protocol.requests import EngineView, RunView, is_refused
from partita.protocol.waits import ASKED, WaitView
from partita.workspace.port import Workspace

__all__ = ["HomeView", "UseView", "home_of"]

_SHOWN = 8
#: So many waits are looked at for those that end soon.
_LOOKED_AT = 1000
#: Of those that have ended badly so many are looked at.
_SOUGHT = 5 * _SHOWN
#: Seconds for which a failure is news.
_NEWS_S = 7 * 86400.0


class UseView(TypedDict):
    """How much of something is in use."""

    name: str
    held: float
    capacity: float
    share: float  # from 0 to 1


class HomeView(TypedDict):
    """The first page's content."""

    running: list[RunView]
    waits: list[WaitView]  # that somebody has to answer
    failed: list[RunView]  # not those that were refused before they began: whoever launched them was told
    recent: list[RunView]
    due: list[WaitView]  # what goes on by itself at a moment, the next one first
    engine: EngineView | None
    use: list[UseView]


def home_of(workspace: Workspace, now: float) -> HomeView:
    """Look at everything once."""
    engine, waits = workspace.engine(), workspace.waits(limit=_LOOKED_AT)
    broken = workspace.runs(states=("failed",), limit=_SOUGHT, since=max(now - _NEWS_S, 0.0))
    due = sorted((wait for wait in waits if wait["due_at"] is not None), key=lambda wait: wait["due_at"] or 0.0)
    return HomeView(
        running=list(workspace.runs(states=("running", "pending", "waiting"), limit=_SHOWN)),
        waits=workspace.waits(kinds=ASKED),
        failed=[run for run in broken if not is_refused(run)][:_SHOWN],
        recent=list(workspace.runs(states=("succeeded",), limit=_SHOWN)),
        due=due[:_SHOWN],
        engine=engine,
        use=use_of(engine),
    )


def use_of(engine: EngineView | None) -> list[UseView]:
    """What of the machine is in use."""
    if engine is None:
        return []
    return [
        UseView(
            name=name, held=engine["held"].get(name, 0.0), capacity=amount, share=engine["held"].get(name, 0.0) / amount
        )
        for name, amount in engine["capacity"].items()
        if amount > 0
    ]
