"""Pages of what a workspace keeps besides runs: environments of tasks, the cache, and what was learned of tasks."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from partita.api.asking import Asked
from partita.api.routes import Routes
from partita.errors import NotFoundError
from partita.web.forms import Form
from partita.web.pages import moved, pages_of, refused
from partita.workspace.local import LocalWorkspace

__all__ = ["routes"]

routes = Routes()
_ROWS = 200
Task = Annotated[str, Query(max_length=500)]
Count = Annotated[int | None, Query(ge=0)]


@routes.reads("/executors/environments", needs="environments:read")
def environments(asked: Asked, removed: Count = None) -> Response:
    """The environments of tasks, the one that was used last first."""
    return _environments(asked, removed)


def _environments(asked: Asked, removed: int | None, problem: str = "", status: int = 200) -> Response:
    return pages_of(asked).show(
        asked.request, "environments.html", status=status, environments=asked.workspace.environments(), removed=removed,
        problem=problem,
    )  # fmt: skip


@routes.reads("/executors/environments/{key}", needs="environments:read")
def environment(asked: Asked, key: str) -> Response:
    """One environment, and what was said when it was made."""
    # The key becomes a part of a path: it counts only where it is one that is there.
    found = next((item for item in asked.workspace.environments() if item["key"] == key), None)
    if found is None:
        raise NotFoundError(f"there is no environment {key}; it may have been removed")
    log = asked.workspace.environment_log(key)
    return pages_of(asked).show(asked.request, "environment.html", it=found, log=log)


@routes.changes("/executors/environments", needs="environments:prune")
async def prune(request: Request, asked: Asked) -> Response:
    """Remove environments that nobody has used for so long."""
    sent = await request.form()
    text = str(sent.get("unused", ""))

    def remove(workspace: LocalWorkspace) -> Response:
        form = Form(partial(refused, asked))
        unused_s = form.duration(text)
        if form.problems or unused_s is None:
            return _environments(
                asked,
                None,
                "; ".join(form.problems) or pages_of(asked).texts(asked.request)("Say for how long: 30d"),
                422,
            )
        with asked.heavy():
            removed = workspace.prune_environments(unused_s)
        asked.note("environment.prune", count=len(removed))
        return moved(f"/executors/environments?removed={len(removed)}")

    answer: Response = await asked.in_thread(remove)
    return answer


@routes.reads("/executors/cache", needs="cache:read")
def cache(asked: Asked, task: Task = "", cleared: Count = None) -> Response:
    """What is cached, the newest first."""
    found = asked.workspace.cache_entries(task=task.strip(), limit=_ROWS + 1)
    return pages_of(asked).show(
        asked.request, "cache.html", entries=found[:_ROWS], is_cut=len(found) > _ROWS, task=task, cleared=cleared
    )


@routes.changes("/executors/cache", needs="cache:clear")
async def clear(request: Request, asked: Asked) -> Response:
    """Forget cached values: of a task, those that have expired, or all."""
    form = await request.form()
    task, is_expired = str(form.get("task", "")).strip(), form.get("what") == "expired"

    def forget(workspace: LocalWorkspace) -> Response:
        count = workspace.clear_cache(task=task, expired=is_expired)
        asked.note("cache.clear", task, count=count, expired=is_expired)
        return moved(f"/executors/cache?cleared={count}")

    answer: Response = await asked.in_thread(forget)
    return answer


@routes.reads("/executors/history", needs="history:read")
def history(asked: Asked, task: Task = "", forgotten: Count = None) -> Response:
    """What was learned of tasks: how long attempts take, and what they need."""
    found = sorted(asked.workspace.history(task.strip()), key=lambda view: (view["task"], -view["updated_at"]))
    return pages_of(asked).show(asked.request, "history.html", views=found, task=task, forgotten=forgotten)


@routes.changes("/executors/history", needs="history:forget")
async def forget_history(request: Request, asked: Asked) -> Response:
    """Forget what was learned of a task."""
    form = await request.form()
    task = str(form.get("task", "")).strip()

    def forget(workspace: LocalWorkspace) -> Response:
        count = workspace.forget_history(task)
        asked.note("history.forget", task, count=count)
        return moved(f"/executors/history?forgotten={count}")

    answer: Response = await asked.in_thread(forget)
    return answer
