"""Routes of what a run is made of: steps, attempts, logs, and what people are asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from partita.api.asking import Asked
from partita.api.parameters import Attempt, Body, Cursor, Limit, PlainData, RunId, StepId, StepNumber
from partita.api.records import page_of
from partita.api.routes import API, Routes
from partita.api.streams import Event, stream
from partita.api.waits import without_node
from partita.errors import NotFoundError
from partita.protocol.paths import closeness, several
from partita.protocol.requests import AttemptView, ExplanationView, LogChunk, ReportView, StepView
from partita.protocol.waits import WaitView
from partita.views.paging import page, read_cursor

__all__ = ["routes"]

routes = Routes(prefix=f"{API}/runs", tags=["steps"])

State = Literal["pending", "ready", "running", "waiting", "succeeded", "failed", "cancelled", "skipped"]


class SayBody(Body):
    """What a person says of what a step asks."""

    comment: str = Field(default="", max_length=10_000)


class AnswerBody(Body):
    """What a person answers."""

    value: PlainData = Field(description="Plain data of the form that the step shows.")


@routes.reads("/{run}/steps", needs="runs:read", gives=page_of(StepView))
def steps(
    asked: Asked,
    run: RunId,
    state: Annotated[list[State] | None, Query(max_length=20)] = None,
    brief: Annotated[bool, Query(description="Without times and previews, and much faster.")] = False,
    limit: Limit = 200,
    cursor: Cursor = "",
) -> Any:
    """The steps of a run, by id. With states, a page may be short, or empty, though more follows."""
    after = read_cursor(cursor) if cursor else -1
    id = asked.workspace.run(run)["id"]
    found = list(asked.workspace.steps(id, after=after, limit=limit + 1, is_brief=brief))
    made = page(found, limit, lambda step: step["id"])
    if state:
        made["items"] = [step for step in made["items"] if step["state"] in state]
    return made


@routes.reads("/{run}/step", needs="runs:read", gives=StepView)
def step_by_path(
    asked: Asked, run: RunId, path: Annotated[str, Query(min_length=1, max_length=2000, pattern=r"^[^\x00-\x1f]+$")]
) -> Any:
    """One step, by its path or by as much of its end as tells which one is meant."""
    id = asked.workspace.run(run)["id"]
    found: list[tuple[int, StepView]] = []
    with asked.heavy():
        for step in asked.workspace.all_steps(id, is_brief=True):
            close = closeness(path, step["path"])
            if close is not None:
                found.append((close, step))
    closest = min((close for close, _ in found), default=0)
    best = [step for close, step in found if close == closest]
    if not best:
        raise NotFoundError(f"run {id} has no step {path!r}")
    if len(best) > 1:
        raise NotFoundError(several(path, [step["path"] for step in best]))
    return asked.workspace.steps(id, after=best[0]["id"] - 1, limit=1)[0]


@routes.reads("/{run}/steps/{step}", needs="runs:read", gives=StepView)
def step(asked: Asked, run: RunId, step: StepNumber) -> Any:
    """One step."""
    return _step(asked, run, step)


def _step(asked: Asked, run: str, step: int) -> StepView:
    id = asked.workspace.run(run)["id"]
    found = asked.workspace.steps(id, after=step - 1, limit=1)
    if not found or found[0]["id"] != step:
        raise NotFoundError(f"run {id} has no step {step}")
    return found[0]


@routes.reads("/{run}/attempts", needs="runs:read", gives=list[AttemptView])
def attempts(asked: Asked, run: RunId, step: StepId | None = None) -> Any:
    """The attempts of a run, or of one step."""
    return asked.workspace.attempts(run, step)


@routes.reads("/{run}/reports", needs="runs:read", gives=list[ReportView])
def reports(asked: Asked, run: RunId, step: StepId | None = None) -> Any:
    """The last 10,000 numbers that steps of a run, or one step, reported, in the order in which they came."""
    return asked.workspace.reports(run, step)


@routes.reads("/{run}/explanation", needs="runs:read", gives=ExplanationView)
def explanation(asked: Asked, run: RunId, step: StepId = 0) -> Any:
    """Why a step, or the run (0), went as it went."""
    return asked.workspace.explain(run, step)


@routes.reads("/{run}/waits", needs="runs:read", gives=list[WaitView])
def waits(asked: Asked, run: RunId) -> Any:
    """What steps of the run wait for, and have waited for."""
    return [without_node(wait) for wait in asked.workspace.waits(run)]


@routes.changes("/{run}/steps/{step}/approve", needs="waits:decide", gives=WaitView)
def approve(asked: Asked, run: RunId, step: StepNumber, body: SayBody | None = None) -> Any:
    """Approve what a step asks."""
    comment = (body or SayBody()).comment
    wait = asked.workspace.approve(run, step, comment=comment, by=asked.name, is_administrator=asked.is_administrator)
    asked.note("wait.approve", f"{wait['run']}/{step}")
    return without_node(wait)


@routes.changes("/{run}/steps/{step}/reject", needs="waits:decide", gives=WaitView)
def reject(asked: Asked, run: RunId, step: StepNumber, body: SayBody | None = None) -> Any:
    """Reject what a step asks."""
    comment = (body or SayBody()).comment
    wait = asked.workspace.reject(run, step, comment=comment, by=asked.name, is_administrator=asked.is_administrator)
    asked.note("wait.reject", f"{wait['run']}/{step}")
    return without_node(wait)


@routes.changes("/{run}/steps/{step}/answer", needs="waits:decide", gives=WaitView)
def answer(asked: Asked, run: RunId, step: StepNumber, body: AnswerBody) -> Any:
    """Answer what a step asks."""
    wait = asked.workspace.answer(body.value, run, step, by=asked.name, is_administrator=asked.is_administrator)
    asked.note("wait.answer", f"{wait['run']}/{step}")
    return without_node(wait)


@routes.reads("/{run}/steps/{step}/log", needs="runs:read", kind="text/plain")
def log(
    asked: Asked,
    run: RunId,
    step: StepNumber,
    attempt: Annotated[int | None, Query(ge=1, lt=1 << 31)] = None,
) -> Response:
    """What a step printed and logged so far."""
    _step(asked, run, step)
    chunks = asked.workspace.logs(run, step=step, attempt=attempt)
    # Piece by piece: a log may be larger than the memory.
    pieces = (chunk["text"].encode("utf-8", "replace") for chunk in chunks)
    return StreamingResponse(pieces, media_type="text/plain; charset=utf-8")


@routes.reads("/{run}/steps/{step}/attempts/{attempt}/log", needs="runs:read", gives=LogChunk)
def log_chunk(
    asked: Asked, run: RunId, step: StepNumber, attempt: Attempt, offset: Annotated[int, Query(ge=0, lt=1 << 53)] = 0
) -> Any:
    """A piece of an attempt's log, from an offset on; where `next_offset` is the offset, there is no more now."""
    id = asked.workspace.run(run)["id"]
    return asked.workspace.ask("log", run=id, step=step, attempt=attempt, offset=offset)


@routes.reads("/{run}/steps/{step}/log/events", needs="runs:read", kind="text/event-stream")
async def log_events(
    asked: Asked,
    run: RunId,
    step: StepNumber,
    attempt: Annotated[int | None, Query(ge=1, lt=1 << 31)] = None,
    offset: Annotated[int, Query(ge=0, lt=1 << 53)] = 0,
) -> Response:
    """A step's log as it grows, as server-sent events ("log"), until its attempt has ended ("end")."""
    id = (await asked.in_thread(lambda workspace: workspace.run(run)))["id"]

    async def following() -> AsyncIterator[Event]:
        async for chunk in asked.server.following.log(id, step, attempt, offset, asked.server.settings.heartbeat_s):
            yield ("log", chunk) if chunk["text"] or chunk["is_complete"] else None

    return stream(asked, following())
