"""Routes of runs: launching, looking, following, stopping."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from partita.api.answers import told
from partita.api.asking import Asked
from partita.api.flows import Flow, Inputs
from partita.api.parameters import NAME_OR_NONE, Body, Cursor, Key, Limit, Moment, RunId, Short, Text
from partita.api.records import page_of
from partita.api.routes import API, Routes
from partita.api.streams import Event, stream
from partita.core.standing import LONGEST_OWNER, MOST_PRIORITY, MOST_WEIGHT
from partita.errors import NotFoundError
from partita.protocol.artifacts import PrunableView
from partita.protocol.plans import EstimateView, PlanView
from partita.protocol.requests import RunView, WatchView
from partita.views.paging import LIMIT_AT_MOST, cursor_of, page, read_cursor
from partita.workspace.local import LocalWorkspace

__all__ = ["RerunBody", "routes"]

routes = Routes(prefix=f"{API}/runs", tags=["runs"])

State = Literal["pending", "ready", "running", "waiting", "succeeded", "failed", "cancelled", "skipped"]
Final = Literal["succeeded", "failed", "cancelled", "skipped"]
Owner = Annotated[
    str,
    Field(
        max_length=LONGEST_OWNER,
        pattern=NAME_OR_NONE,
        description="Whose runs share what one owner gets; empty: whoever asks.",
    ),
]
Weight = Annotated[float | None, Field(ge=1 / MOST_WEIGHT, le=MOST_WEIGHT, allow_inf_nan=False)]
Priority = Annotated[int | None, Field(ge=-MOST_PRIORITY, le=MOST_PRIORITY)]


_RESULT = {
    "type": "object",
    "properties": {
        "run": {"type": "string"}, "value": {},
        "node": {
            "anyOf": [{"type": "string", "contentEncoding": "base64"}, {"type": "null"}],
            "description": "The value as it is packed, for clients that have Partita.",
        },
    },
    "required": ["run", "value", "node"],
}  # fmt: skip


class LaunchBody(Body):
    """What starts a run."""

    flow: Flow
    inputs: Inputs = Field(default={})
    executor: str = Field(default="", max_length=200, description="Where steps run that name none.")
    tags: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=50)
    refresh: bool = Field(default=False, description="Compute what the cache has, and keep the new values.")
    owner: Owner = ""
    weight: Weight = None
    priority: Priority = None


class RerunBody(Body):
    """How a run is done once more; what is not said is as it was."""

    inputs: Inputs | None = None
    same_code: bool = Field(default=False, description="With the code of the first run instead of today's.")
    executor: str = Field(default="", max_length=200)
    afresh: list[Annotated[int, Field(ge=0, lt=1 << 32)]] = Field(
        default=[], max_length=10_000, description="Steps that are done again, with all that came of them."
    )
    owner: Owner = ""
    weight: Weight = None
    priority: Priority = None


class PrunableBody(Body):
    """Which finished runs are meant."""

    runs: list[Annotated[str, Field(pattern="^[0-9a-z]{1,40}$")]] = Field(default=[], max_length=1000)
    flow: str = Field(default="", max_length=500)
    states: list[Final] = Field(default=[], max_length=4)
    before: float | None = Field(default=None, ge=0, le=1e11, allow_inf_nan=False)
    keep: int = Field(default=0, ge=0, lt=1 << 31, description="So many of the newest stay.")


class CancelBody(Body):
    """How a run is stopped."""

    step: int | None = Field(default=None, ge=0, lt=1 << 32, description="Only this step.")
    force: bool = Field(default=False, description="Kill what still runs of it.")


@routes.changes("", needs="runs:launch", gives=RunView, status=201, is_placed=True)
async def launch(asked: Asked, body: LaunchBody, idempotency_key: Key = "") -> Response:
    """Start a run. It is stored when the answer comes."""
    view = await asked.server.launching.launch_waiting(asked, body.model_dump(), idempotency_key)
    return told(view, 201, {"Location": f"/api/v1/runs/{view['id']}"})


@routes.reads("", needs="runs:read", gives=page_of(RunView))
async def runs(
    asked: Asked,
    flow: Text = "",
    state: Annotated[list[State] | None, Query(max_length=20)] = None,
    text: Annotated[Short, Query(description="A part of the name, the id or the reference.")] = "",
    since: Moment = 0.0,
    until: Moment = 0.0,
    order: Literal["newest", "oldest"] = "newest",
    publication: Annotated[Short, Query(description='Only of a published flow, or of one version: "train@3".')] = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Response:
    """Runs, the newest first."""
    before = read_cursor(cursor) if cursor else 0

    def look(workspace: LocalWorkspace) -> bytes:
        found = workspace.runs(
            flow=flow, states=state or (), limit=limit + 1, before=before, text=text, since=since, until=until,
            is_upwards=order == "oldest", publication=publication,
        )  # fmt: skip
        return bytes(told(page(list(found), limit, lambda run: run["number"])).body)

    key = ("runs", flow, tuple(state or ()), text, since, until, order, publication, limit, before)
    version = asked.server.following.version
    body = await asked.server.remembered.find(key, version, lambda: asked.in_thread(look))
    return Response(body, media_type="application/json")


@routes.changes("/prunable", needs="runs:read", gives=PrunableView)
def prunable(
    asked: Asked,
    body: PrunableBody | None = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_AT_MOST, description="Of runs that are looked at.")] = LIMIT_AT_MOST,
    cursor: Cursor = "",
) -> Any:
    """Finished runs that fit, and of each that cannot be deleted now, why. Nothing is changed by asking.

    A page may be short, or empty, though more follows.
    """
    after = max(read_cursor(cursor), 0) if cursor else 0
    found = asked.workspace.prunable_page(after, limit, **(body or PrunableBody()).model_dump())
    following = found["next"]
    return PrunableView(
        runs=found["runs"], held=found["held"], next=None if following is None else cursor_of(following)
    )


@routes.reads("/{run}", needs="runs:read", gives=RunView)
def run(asked: Asked, run: RunId) -> RunView:
    """One run, by its id, the beginning of its id, or "latest"."""
    return asked.workspace.run(run)


@routes.reads("/{run}/result", needs="artifacts:read", gives=_RESULT)
def result(asked: Asked, run: RunId) -> Any:
    """The value of a run that has succeeded. Parts that are large or no plain data are maps: "codec", "preview", "hash"."""
    from partita.views.values import told_value

    view = asked.workspace.run(run, with_result=True)
    if view["state"] != "succeeded":
        raise NotFoundError(f"run {view['id']} has no value: it is {view['state']}")
    packed = view.get("result")
    return {"run": view["id"], "value": told_value(packed, asked.workspace.blobs), "node": packed}


@routes.reads("/{run}/plan", needs="runs:read", gives=PlanView | None)
def run_plan(asked: Asked, run: RunId) -> Any:
    """When the steps of the run were first thought to begin and end; null: nothing was forecast of it."""
    return asked.workspace.run_plan(run)


@routes.reads("/{run}/estimates", needs="runs:read", gives=list[EstimateView])
def run_estimates(asked: Asked, run: RunId) -> Any:
    """How the estimate of the run's finish went, the oldest first."""
    return asked.workspace.run_estimates(run)


@routes.reads("/{run}/compare/{other}", needs="runs:read", gives={"type": "object"})
def compare(asked: Asked, run: RunId, other: RunId) -> Any:
    """What differs between two runs."""
    return asked.workspace.compare_runs(run, other)


@routes.removes("/{run}", needs="runs:delete", gives={"type": "object"})
def delete(asked: Asked, run: RunId) -> Any:
    """Delete a finished run with its steps, logs and checkpoints; gives the bytes of files that it freed."""
    id = asked.workspace.run(run)["id"]
    freed = asked.workspace.delete_run(id)
    asked.note("run.delete", id, freed_bytes=freed)
    asked.server.following.announce("run", id)
    return {"run": id, "freed_bytes": freed}


@routes.reads("/{run}/watch", needs="runs:read", gives=WatchView)
async def watch(
    asked: Asked,
    run: RunId,
    version: Annotated[int, Query(ge=0, lt=1 << 62, description="`version` of the answer before; 0: the first.")] = 0,
    timeout_s: Annotated[float, Query(ge=0, le=30, allow_inf_nan=False)] = 10.0,
) -> Any:
    """Wait until something of the run has changed since a version, at most so many seconds."""
    return await asked.server.following.watch(run, version, timeout_s)


@routes.changes("/{run}/cancel", needs="runs:cancel", gives=RunView)
def cancel(asked: Asked, run: RunId, body: CancelBody | None = None) -> Any:
    """Ask a run, or a step of it, to stop."""
    said = body or CancelBody()
    asked.workspace.cancel(run, step=said.step, force=said.force)
    view = asked.workspace.run(run)
    asked.note("run.cancel", view["id"], step=said.step, force=said.force)
    return view


@routes.changes("/{run}/resume", needs="runs:resume", gives=RunView)
def resume(asked: Asked, run: RunId) -> Any:
    """Let an unfinished run go on."""
    view = asked.workspace.resume(run)
    asked.note("run.resume", view["id"])
    return view


@routes.changes("/{run}/rerun", needs="runs:rerun", gives=RunView, status=201, is_placed=True)
async def rerun(asked: Asked, run: RunId, body: RerunBody | None = None, idempotency_key: Key = "") -> Response:
    """A new run that adopts what is unchanged."""
    said = (body or RerunBody()).model_dump()
    view = await asked.server.launching.rerun_waiting(asked, run, said, idempotency_key)
    return told(view, 201, {"Location": f"/api/v1/runs/{view['id']}"})


@routes.reads("/{run}/events", needs="runs:read", kind="text/event-stream")
async def events(asked: Asked, run: RunId) -> Response:
    """The states of the run's steps as they change, as server-sent events ("states"), until it has ended ("end").

    Where very many have changed at once, "is_cut" is true and the steps are not named: look at them anew.
    """
    id = (await asked.in_thread(lambda workspace: workspace.run(run)))["id"]

    async def following() -> AsyncIterator[Event]:
        async for news in asked.server.following.run(id, asked.server.settings.heartbeat_s):
            yield ("states", news.json) if news is not None else None

    return stream(asked, following())
