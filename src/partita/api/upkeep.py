"""Routes of what a workspace keeps besides runs: the cache, what was learned of tasks, environments."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from pydantic import Field

from partita.api.asking import Asked
from partita.api.parameters import Body, Limit, Text
from partita.api.routes import API, Routes
from partita.protocol.requests import CacheEntryView, EnvironmentView, HistoryView

__all__ = ["routes"]

routes = Routes(prefix=API, tags=["upkeep"])

_COUNT = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}


class ClearBody(Body):
    """What of the cache is forgotten; nothing said: all of it."""

    task: str = Field(default="", max_length=500)
    before: float | None = Field(default=None, ge=0, le=1e11, allow_inf_nan=False)
    expired: bool = False


class ForgetBody(Body):
    """Of which task what was learned is forgotten."""

    task: str = Field(min_length=1, max_length=500)


class PruneBody(Body):
    """Which environments go."""

    unused_s: float = Field(ge=0, le=1e11, allow_inf_nan=False, description="Used by nobody for so many seconds.")


@routes.reads("/cache", needs="cache:read", gives=list[CacheEntryView])
def cache(asked: Asked, task: Text = "", limit: Limit = 100) -> Any:
    """What is cached, the newest first."""
    return asked.workspace.cache_entries(task=task, limit=limit)


@routes.changes("/cache/clear", needs="cache:clear", gives=_COUNT)
def clear_cache(asked: Asked, body: ClearBody | None = None) -> Any:
    """Forget cached values; gives how many."""
    said = body or ClearBody()
    count = asked.workspace.clear_cache(task=said.task, before=said.before, expired=said.expired)
    asked.note("cache.clear", said.task, count=count)
    return {"count": count}


@routes.reads("/history", needs="history:read", gives=list[HistoryView])
def history(asked: Asked, task: Text = "") -> Any:
    """What was learned of a task, or of all: how long attempts take, and what they need."""
    return asked.workspace.history(task)


@routes.changes("/history/forget", needs="history:forget", gives=_COUNT)
def forget_history(asked: Asked, body: ForgetBody) -> Any:
    """Forget what was learned of a task."""
    count = asked.workspace.forget_history(body.task)
    asked.note("history.forget", body.task, count=count)
    return {"count": count}


@routes.reads("/environments", needs="environments:read", gives=list[EnvironmentView])
def environments(asked: Asked) -> Any:
    """The environments of tasks, the one that was used last first."""
    return asked.workspace.environments()


@routes.reads("/environments/{key}/log", needs="environments:read", gives={"type": "object"})
def environment_log(asked: Asked, key: Annotated[str, Path(pattern="^[0-9a-zA-Z]{1,100}$")]) -> Any:
    """What was said when an environment was made."""
    return {"log": asked.workspace.environment_log(key)}


@routes.changes("/environments/prune", needs="environments:prune", gives=list[EnvironmentView])
def prune_environments(asked: Asked, body: PruneBody) -> Any:
    """Remove environments that nobody has used for so many seconds; gives what was removed."""
    with asked.heavy():
        removed = asked.workspace.prune_environments(body.unused_s)
    asked.note("environment.prune", count=len(removed))
    return removed


@routes.reads("/runs/{run}/steps/{step}/cache", needs="cache:read", gives={"type": "object"})
def explain_cache(
    asked: Asked, run: Annotated[str, Path(pattern="^[0-9a-z]{1,40}$")], step: Annotated[int, Path(ge=0, lt=1 << 32)]
) -> Any:
    """Why a step was or was not taken from the cache."""
    return asked.workspace.explain_cache(run, step)
