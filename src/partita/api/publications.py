"""Routes of published flows: versions, what they change, stages, gates."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import Path, Query
from pydantic import Field

from partita.api.asking import Asked
from partita.api.flows import Flow
from partita.api.parameters import Body, Cursor, Key, Limit, Short
from partita.api.records import page_of
from partita.api.routes import API, Routes
from partita.auth.policy import require
from partita.errors import NotFoundError
from partita.protocol.publications import (
    FlowDiffView,
    GateStateView,
    PromotionView,
    PublicationView,
    SourceView,
    StageMoveView,
    StageView,
)
from partita.units import whole_number
from partita.views.paging import page, read_cursor

__all__ = ["routes"]

routes = Routes(prefix=API, tags=["publications"])

Name = Annotated[str, Path(pattern=r"^\w[\w.+-]{0,99}$", description="The published flow's name.")]
Version = Annotated[
    str,
    Path(
        pattern=r"^\w[\w.+-]{0,99}(@[\w.+-]{1,100})?$",
        description='"train", "train@3", "train@staging", "train@latest".',
    ),
]
Numbered = Annotated[
    str, Path(pattern=r"^\w[\w.+-]{0,99}@[0-9]{1,10}$", description='A version by its number: "train@3".')
]
Stage = Annotated[str, Path(pattern=r"^\w[\w.+-]{0,99}$", description="Name of a stage.")]
Which = Annotated[str, Query(pattern=r"^[\w.+-]{1,100}$", description='A number, a stage or "latest".')]
Why = Annotated[str, Field(max_length=10_000, description="A reason, which stays beside the move.")]

_Told = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f]*$")]
_RUN = {"type": "object", "properties": {"run": {"type": "string"}}, "required": ["run"]}


class SourceBody(Body):
    """Where the code of an uploaded bundle was, as whoever uploads it says."""

    commit: Annotated[str, Field(pattern="^([0-9a-f]{40}|[0-9a-f]{64})?$")] = ""
    branch: _Told = ""
    tag: _Told = ""
    repository: _Told = ""
    is_clean: bool = False


class PublishBody(Body):
    """What is published."""

    flow: Flow
    name: str = Field(default="", max_length=100, description="Default: the flow's own.")
    note: str = Field(default="", max_length=10_000)
    bundle: str = Field(
        default="", pattern="^[0-9a-f]{0,128}$", description="Code that was uploaded; empty: the project's."
    )
    source: SourceBody | None = Field(default=None, description="Where uploaded code was.")


class PromoteBody(Body):
    """Which version a stage gets."""

    version: Annotated[str, Field(pattern=r"^[\w.+-]{1,100}$")] | Annotated[int, Field(ge=1, lt=1 << 31)]
    why: Why = ""
    force: bool = Field(default=False, description="Without asking the gates; needs a reason.")


class BackBody(Body):
    """Why a stage goes back."""

    why: Why = ""


class GatesBody(Body):
    """Before which stage gates are checked; empty: before the version counts as published."""

    stage: str = Field(default="", max_length=100)


@routes.reads("/publications", needs="flows:read", gives=page_of(PublicationView))
def publications(asked: Asked, limit: Limit = 50, cursor: Short = "") -> Any:
    """The newest version of each published flow, by name."""
    found = asked.workspace.publications(limit=limit + 1, after=cursor)
    return page(list(found), limit, lambda view: view["name"])


@routes.changes("/publications", needs="flows:publish", gives=PublicationView, status=201)
def publish(asked: Asked, body: PublishBody) -> Any:
    """Publish a flow of the project, or of code that was uploaded."""
    source = cast("SourceView", body.source.model_dump()) if body.source is not None else None
    with asked.heavy():
        view = asked.workspace.publish(
            body.flow, name=body.name, note=body.note, bundle=body.bundle, by=asked.name, source=source
        )
    asked.note("flow.publish", view["version"], flow=body.flow, bundle=view["bundle"], is_new=view["is_new"])
    return view


@routes.reads("/publications/{name}", needs="flows:read", gives=PublicationView)
def publication(asked: Asked, name: Version) -> Any:
    """A version, with its graph."""
    return asked.workspace.publication(name)


@routes.reads("/publications/{name}/versions", needs="flows:read", gives=page_of(PublicationView))
def versions(asked: Asked, name: Name, limit: Limit = 50, cursor: Cursor = "") -> Any:
    """The versions of a flow, the newest first."""
    before = read_cursor(cursor) if cursor else 0
    found = asked.workspace.publications(name, before=before, limit=limit + 1)
    return page(list(found), limit, lambda view: view["number"])


@routes.reads("/publications/{name}/difference", needs="flows:read", gives=FlowDiffView)
def difference(asked: Asked, name: Name, a: Which, b: Which) -> Any:
    """What the version `b` of a flow changes against `a`."""
    with asked.heavy():
        return asked.workspace.publication_diff(name, _which(a), _which(b))


def _which(text: str) -> int | str:
    if not text.isdecimal():
        return text
    number = whole_number(text, (1 << 31) - 1)
    if not number:
        raise NotFoundError(f"there is no version {text[:40]}; versions count from 1")
    return number


@routes.removes("/publications/{name}", needs="flows:publish", status=204)
def retire(asked: Asked, name: Numbered) -> None:
    """Let no run be started of a version any more; its runs go on."""
    asked.workspace.retire_publication(name)
    asked.note("flow.retire", name)


@routes.reads("/publications/{name}/stages", needs="flows:read", gives=list[StageView])
def stages(asked: Asked, name: Name) -> Any:
    """The stages, with the version that each has."""
    return asked.workspace.stages(name)


@routes.replaces("/publications/{name}/stages/{stage}", needs="flows:promote", gives=PromotionView)
def promote(asked: Asked, name: Name, stage: Stage, body: PromoteBody, idempotency_key: Key = "") -> Any:
    """Let a stage have a version: at once, or, where gates are asked, by a run that checks them and moves it then.

    Gates stand in the settings: to ask none (`force`) is for who may write these (`settings:write`).
    """
    if body.force:
        require(asked.identity, "settings:write")
    return asked.server.launching.promote(
        asked, name, _which(str(body.version)), stage, idempotency_key, why=body.why, force=body.force
    )


@routes.changes("/publications/{name}/stages/{stage}/rollback", needs="flows:promote", gives=StageMoveView)
def roll_back(asked: Asked, name: Name, stage: Stage, body: BackBody | None = None, idempotency_key: Key = "") -> Any:
    """Let a stage have the version that it had before, without asking a gate."""
    return asked.server.launching.roll_back(asked, name, stage, idempotency_key, why=(body or BackBody()).why)


@routes.reads("/publications/{name}/moves", needs="flows:read", gives=page_of(StageMoveView))
def stage_moves(
    asked: Asked,
    name: Name,
    stage: Short = "",
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Any:
    """What was done to the stages of a flow, the latest first."""
    before = read_cursor(cursor) if cursor else 0
    found = asked.workspace.stage_moves(name, stage=stage, before=before, limit=limit + 1)
    return page(list(found), limit, lambda move: move["id"])


@routes.reads("/publications/{name}/gates", needs="flows:read", gives=GateStateView)
def gates(asked: Asked, name: Version, stage: Short = "") -> Any:
    """How a version stands before a stage; without one, before it counted as published."""
    return asked.workspace.gates(name, stage)


@routes.changes("/publications/{name}/gates/check", needs="flows:promote", gives=_RUN)
def check_gates(asked: Asked, name: Version, body: GatesBody | None = None, idempotency_key: Key = "") -> Any:
    """Check the gates of a version again and move nothing; gives the run, or "" where none are asked."""
    stage = (body or GatesBody()).stage
    return {"run": asked.server.launching.check_gates(asked, name, stage, idempotency_key)}
