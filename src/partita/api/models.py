"""Routes of the model registry."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import Path, Query
from pydantic import Field
from starlette.responses import Response

from partita.api.asking import Asked
from partita.api.downloads import gathered
from partita.api.model_gates import need_for_move, need_for_removal, need_for_tags
from partita.api.parameters import WITHOUT_NUL, Body, Short
from partita.api.records import schema_of
from partita.api.routes import API, Routes
from partita.protocol.artifacts import LineageView
from partita.protocol.models import ModelView, MoveView, VersionView, parse_name

__all__ = ["routes"]

routes = Routes(prefix=f"{API}/models", tags=["models"])

Name = Annotated[
    str,
    Path(
        max_length=250, pattern=WITHOUT_NUL, description='"churn" (the latest version), "churn:3" or "churn@champion".'
    ),
]
Alias = Annotated[str, Path(max_length=100, pattern=r"^\w[\w.+-]*$")]
Why = Annotated[str, Field(max_length=10_000, description="A reason, which stays beside the move.")]

_MODEL = {
    "type": "object",
    "properties": {
        "model": schema_of(ModelView),
        "versions": schema_of(list[VersionView]),
        "moves": schema_of(list[MoveView]),
    },
    "required": ["model", "versions", "moves"],
}
_VERSION = {
    "type": "object",
    "properties": {"version": schema_of(VersionView), "evaluations": {"type": "object"}},
    "required": ["version", "evaluations"],
}


class AliasBody(Body):
    """How an alias is moved to the version."""

    why: Why = ""
    gates: list[Annotated[str, Field(max_length=500)]] | None = Field(
        default=None, max_length=100, description="Instead of the model's own; an empty list: none is asked."
    )
    force: bool = Field(default=False, description="Though gates are not met; needs a reason.")
    approved: str | None = Field(default=None, max_length=10_000, description="Comment of an approval by who asks.")


class WhyBody(Body):
    """Why."""

    why: Why = ""


class GatesBody(Body):
    """What has to hold before a version gets the alias."""

    gates: list[Annotated[str, Field(max_length=500)]] = Field(max_length=100)


class DescribeBody(Body):
    """What is said of a model or version."""

    description: str | None = Field(default=None, max_length=10_000)
    tags: dict[Annotated[str, Field(min_length=1, max_length=200)], Annotated[str, Field(max_length=10_000)]] = Field(
        default={}, description="A tag of no text is taken away."
    )


@routes.reads("", needs="models:read", gives=list[ModelView])
def models(asked: Asked, text: Annotated[Short, Query(description="A part of the name.")] = "") -> Any:
    """All models, by name."""
    return [model for model in asked.workspace.models() if text.lower() in model["name"].lower()]


@routes.reads("/{name}", needs="models:read", gives=_MODEL)
def model(asked: Asked, name: Name, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Any:
    """A model with its newest versions and what was done to its aliases, the latest first."""
    found, versions, moves = asked.workspace.model(name, limit=limit)
    return {"model": found, "versions": versions, "moves": moves}


@routes.reads("/{name}/version", needs="models:read", gives=_VERSION)
def version(asked: Asked, name: Name) -> Any:
    """A version, and what was found out about it by the name of the data."""
    view, evaluations = asked.workspace.model_version(name)
    return {"version": view, "evaluations": evaluations}


@routes.reads("/{name}/lineage", needs="models:read", gives=LineageView | None)
def lineage(asked: Asked, name: Name) -> Any:
    """The steps that a version came from; null: no run registered it, or that is not there any more."""
    return asked.workspace.model_lineage(name)


@routes.reads("/{name}/aliases/{alias}/verdicts", needs="models:read", gives=list[dict[str, Any]])
def verdicts(asked: Asked, name: Name, alias: Alias) -> Any:
    """What the gates of an alias say of a version; nothing is moved."""
    return asked.workspace.judge_model(name, alias)


@routes.reads("/{name}/card", needs="models:read", kind="text/markdown")
def card(asked: Asked, name: Name, form: Literal["markdown", "html"] = "markdown") -> Response:
    """What is known of a version, as a page."""
    text = asked.workspace.model_card(name, html=form == "html")
    headers = {"content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"}
    kind = "text/html" if form == "html" else "text/markdown"
    return Response(text.encode("utf-8", "replace"), headers=headers, media_type=f"{kind}; charset=utf-8")


@routes.reads("/{name}/files", needs="models:read", kind="application/octet-stream")
def files(asked: Asked, name: Name, form: Literal["mlflow", "files"] = "mlflow") -> Response:
    """A version in MLflow's format or as its own files, as an archive."""
    stem = str(parse_name(name)).replace(":", "-").replace("@", "-")
    with asked.heavy():
        return gathered(
            asked, lambda folder: asked.workspace.export_model(name, folder / stem, form=form, by=asked.name), stem
        )


@routes.replaces("/{name}/aliases/{alias}", needs="models:write", gives=list[dict[str, Any]])
def promote(asked: Asked, name: Name, alias: Alias, body: AliasBody | None = None) -> Any:
    """Let an alias name a version, if its gates are met; gives their verdicts.

    To leave a gate of the alias out, by `gates` or `force`, is for administrators, and so is `approved` where whoever asks is not
    named by the gate.
    """
    said = body or AliasBody()
    need_for_move(asked, name, alias, gates=said.gates, is_forced=said.force, is_approved=said.approved is not None)
    verdicts = asked.workspace.promote_model(
        name, alias, gates=said.gates, why=said.why, force=said.force, approved=said.approved, by=asked.name
    )
    asked.note("model.promote", name, alias=alias, why=said.why, force=said.force)
    return verdicts


@routes.removes("/{name}/aliases/{alias}", needs="models:write", status=204)
def remove_alias(
    asked: Asked, name: Name, alias: Alias, why: Annotated[str, Query(max_length=10_000, pattern=WITHOUT_NUL)] = ""
) -> None:
    """Take an alias from a model; where it has gates, as an administrator."""
    need_for_removal(asked, name, alias)
    asked.workspace.remove_alias(name, alias, why=why, by=asked.name)
    asked.note("model.unalias", name, alias=alias, why=why)


@routes.changes("/{name}/aliases/{alias}/rollback", needs="models:write", gives={"type": "object"})
def rollback(asked: Asked, name: Name, alias: Alias, body: WhyBody | None = None) -> Any:
    """Let an alias name what it named before; gives that version."""
    why = (body or WhyBody()).why
    found = asked.workspace.rollback_model(name, alias, why=why, by=asked.name)
    asked.note("model.rollback", name, alias=alias, why=why)
    return {"version": found}


@routes.replaces("/{name}/aliases/{alias}/gates", needs="models:gates", gives={"type": "object"})
def set_gates(asked: Asked, name: Name, alias: Alias, body: GatesBody) -> Any:
    """Say what has to hold before a version of a model gets an alias."""
    gates = asked.workspace.set_gates(name, alias, body.gates)
    asked.note("model.gates", name, alias=alias, gates=gates)
    return {"gates": gates}


@routes.changes("/{name}/description", needs="models:write", status=204)
def describe(asked: Asked, name: Name, body: DescribeBody) -> None:
    """Say something of a model, or, where a version is named, of that."""
    need_for_tags(asked, body.tags)
    asked.workspace.describe_model(name, description=body.description, tags=body.tags)
    asked.note("model.describe", name)


@routes.removes("/{name}", needs="models:delete", status=204)
def delete(asked: Asked, name: Name) -> None:
    """Forget a version that no alias names."""
    asked.workspace.delete_version(name)
    asked.note("model.delete", quote(name, safe=":@"))
