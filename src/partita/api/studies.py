"""Routes of studies."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from fastapi import Path, Query
from pydantic import Field
from starlette.responses import Response

from partita.api.answers import told
from partita.api.asking import Asked
from partita.api.flows import Inputs
from partita.api.parameters import Body, PlainData, Text, texts_of
from partita.api.routes import API, Routes
from partita.errors import StudyError
from partita.protocol.studies import StudyView, TuneRequest

__all__ = ["routes"]

routes = Routes(prefix=f"{API}/studies", tags=["studies"])

Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$", description="The study's name.")]
Way = Literal["maximize", "minimize"]
Label = Annotated[str, Field(max_length=200)]
Number = Annotated[float | None, Field(allow_inf_nan=False)]


class TuneBody(Body):
    """What is searched, and how; all but `flow` or `study` may be left out."""

    flow: str = Field(default="", max_length=500, pattern=r"^[^\x00-\x1f]*$")
    inputs: Inputs = Field(default={})
    study: str = Field(default="", max_length=80, description="Its name; one of this name is gone on with.")
    space: dict[Label, PlainData] = Field(
        default={}, description='By name a text ("0.001..1:log"), plain data, or true for what the type says.'
    )
    objectives: dict[Label, Way] = Field(default={}, description="By where the number stands in the result.")
    trials: int | None = Field(default=None, ge=1, le=1_000_000)
    time_s: float | None = Field(default=None, gt=0, le=1e9, allow_inf_nan=False)
    cost: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    target: Number = None
    parallel: int | None = Field(default=None, ge=1, le=64)
    sampler: Literal["tpe", "random", "grid", "genetic"] | None = None
    pruner: Literal["median", "halving", "hyperband", "none"] | None = None
    report: str | None = Field(default=None, max_length=200)
    report_direction: Way | None = None
    seed: int | None = Field(default=None, ge=0, lt=1 << 31)
    failures: int | None = Field(default=None, ge=0, le=1_000_000)
    executor: str | None = Field(default=None, max_length=200)
    refresh: bool | None = None


@routes.reads("", needs="studies:read", gives=list[StudyView])
def studies(
    asked: Asked,
    state: Annotated[list[Literal["running", "ended", "stopped"]] | None, Query()] = None,
    flow: Text = "",
) -> Any:
    """All studies, the oldest first, without their trials."""
    return [
        study
        for study in asked.workspace.studies()
        if (not state or study["state"] in state) and (not flow or flow in (study["flow"], study["title"]))
    ]


@routes.changes("", needs="studies:write", gives=StudyView, status=201, is_placed=True)
def tune(asked: Asked, body: TuneBody) -> Response:
    """Begin a study, or go on with one. The server is at it from now on; ask for the study to see how it stands."""
    if not body.flow and not body.study:
        raise StudyError("nothing says what is to be tuned; name a flow, or a study to go on with")
    given = body.model_dump(exclude={"flow", "inputs", "study", "space", "objectives"}, exclude_none=True)
    request: TuneRequest = cast("TuneRequest", given)
    if body.flow:
        asked.server.references.need(asked.workspace, body.flow)
        request["flow"], request["texts"] = body.flow, texts_of(body.inputs)
        request["objectives"] = dict(body.objectives) or {"": "maximize"}
        request["space"] = dict(body.space)
    if body.study:
        request["study"] = body.study
    request["user"] = asked.name
    view = asked.server.tuning.start(request)
    asked.note("study.tune", view["name"], flow=view["flow"])
    return told(view, 201, {"Location": f"/api/v1/studies/{view['name']}"})


@routes.reads("/{name}", needs="studies:read", gives=StudyView)
def study(
    asked: Asked,
    name: Name,
    importance: Annotated[bool, Query(description="With how much each parameter matters.")] = False,
) -> Any:
    """A study with its trials."""
    return asked.workspace.study(name, importance=importance)


@routes.changes("/{name}/stop", needs="studies:write", gives=StudyView)
def stop(asked: Asked, name: Name) -> Any:
    """Begin no more trials of a study that the server is at; those that run go on, and the study can be gone on with."""
    view = asked.workspace.study(name)
    if not asked.server.tuning.stop(name) and view["state"] == "running":
        raise StudyError(f"another process is at the study {name!r}, and stops it; the server cannot")
    asked.note("study.stop", name)
    return view


@routes.removes("/{name}", needs="studies:write", status=204)
def remove(asked: Asked, name: Name) -> None:
    """Forget a study; its runs stay."""
    asked.workspace.remove_study(name)
    asked.note("study.remove", name)
    asked.server.following.announce("studies", name)
