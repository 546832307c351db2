"""Routes of the project's flows: what there is, and what would happen."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from partita.api.asking import Asked
from partita.api.parameters import Body, InputValue, Short, Text, texts_of
from partita.api.routes import API, Routes
from partita.protocol.advice import AdviceReport
from partita.protocol.plans import PlanRequest, PlanView
from partita.workspace.port import CatalogueView, CheckView, ConvertView

__all__ = ["Flow", "Inputs", "routes"]

routes = Routes(prefix=API, tags=["flows"])

Flow = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00-\x1f]+$",
        description='A flow\'s reference ("file.py:name"), or a published one ("name@3").',
    ),
]
Inputs = Annotated[dict[str, InputValue], Field(description="Inputs by name, as texts or plain values.")]
#: What one request may simulate: steps in all, and seconds. It holds one of few places, and goes on though nobody waits.
_SIMULATED_STEPS, _SIMULATE_S = 100_000, 10.0
Amount = Annotated[float | None, Field(ge=0, le=1e15, allow_inf_nan=False)]


class FlowBody(Body):
    """A flow with inputs."""

    flow: Flow
    inputs: Inputs = Field(default={})


class CheckBody(FlowBody):
    """What is checked."""

    executor: str = Field(default="", max_length=200, description="Where steps run that name none.")


class PlanBody(FlowBody):
    """What is planned, and how; what is left out is as the settings have it."""

    executor: str = Field(default="", max_length=200)
    machines: str = Field(default="", max_length=200_000, description="Text of a file of machines that might be had.")
    alpha: Amount = None
    beta: Amount = None
    deadline_s: Amount = None
    budget: Amount = None
    with_frontier: bool = False
    must_prove: bool = False
    time_limit_s: Annotated[float | None, Field(gt=0, le=300)] = None
    samples: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Of the finish: fewer where the flow has many steps, or they take long. `finish.samples` tells how many.",
    )
    seed: int = Field(default=0, ge=0, lt=1 << 31)


class AdviseBody(Body):
    """Whose advice is written into the settings."""

    flow: str = Field(default="", max_length=500)


@routes.reads("/flows", needs="flows:read", gives=list[dict[str, str]])
def flows(asked: Asked, text: Annotated[Short, Query(description="A part of it.")] = "") -> Any:
    """The flows in the project's files."""
    return [
        {"flow": flow, "name": flow.rpartition(":")[2]}
        for flow in asked.workspace.flows()
        if text.lower() in flow.lower()
    ]


@routes.changes("/flows/check", needs="flows:read", gives=CheckView)
def check(asked: Asked, body: CheckBody) -> Any:
    """Lay a flow out and check it, without running anything."""
    asked.server.references.need(asked.workspace, body.flow)
    with asked.heavy():
        return asked.workspace.check(body.flow, texts_of(body.inputs), executor=body.executor)


@routes.changes("/flows/plan", needs="flows:read", gives=PlanView)
def plan(asked: Asked, body: PlanBody) -> Any:
    """Say what of a flow would run when and where, without running anything."""
    asked.server.references.need(asked.workspace, body.flow)
    given = body.model_dump(exclude={"flow", "inputs", "machines"}, exclude_unset=True)
    request = PlanRequest(**given, simulated_steps=_SIMULATED_STEPS, simulate_s=_SIMULATE_S)  # type: ignore[typeddict-item]
    with asked.heavy(), tempfile.TemporaryDirectory(prefix="partita-plan-") as folder:
        if body.machines:
            # By its text and not by a path: nobody reads the server's files by naming them.
            file = Path(folder) / "machines.toml"
            file.write_text(body.machines, encoding="utf-8")
            request["nodes"] = str(file)
        return asked.workspace.plan(body.flow, texts_of(body.inputs), request)


@routes.changes("/flows/convert", needs="flows:read", gives=ConvertView)
def convert(asked: Asked, body: FlowBody) -> Any:
    """Lay a flow out and write its graph as YAML."""
    asked.server.references.need(asked.workspace, body.flow)
    with asked.heavy():
        return asked.workspace.convert(body.flow, texts_of(body.inputs))


@routes.reads("/components", needs="components:read", gives=CatalogueView)
def components(asked: Asked, words: Text = "", name: Text = "") -> Any:
    """Tasks and flows of installed packages and of the project, by words that describe them or by name."""
    return asked.workspace.components(words, name)


@routes.reads("/advice", needs="runs:read", gives=AdviceReport)
def advice(asked: Asked, flow: Text = "") -> Any:
    """What the last runs (of a flow) give reason to propose."""
    with asked.heavy():
        return asked.workspace.advise(flow)


@routes.changes("/advice/apply", needs="settings:write", gives=AdviceReport)
def apply_advice(asked: Asked, body: AdviseBody | None = None) -> Any:
    """Write what the settings can say of it into the project's settings."""
    flow = (body or AdviseBody()).flow
    with asked.heavy():
        report = asked.workspace.advise(flow, apply=True)
    asked.note("settings.advise", flow, proposals=len(report["advice"]))
    return report
