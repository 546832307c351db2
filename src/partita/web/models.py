"""Pages of the model registry: all models, and one with its versions, aliases and metrics over versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Query, Request
from starlette.responses import Response

from partita.api.asking import Asked, Asking
from partita.api.model_gates import GATES, gates_of, need_for_move, need_for_removal
from partita.api.routes import Routes
from partita.drawing.charts import Line, line_chart
from partita.errors import ForbiddenError, GateError, NotFoundError, OptionError, RequestError
from partita.protocol.models import ModelView, VersionView, checked_name
from partita.units import whole_number
from partita.web.chart_files import chart
from partita.web.pages import moved, pages_of, refused

__all__ = ["MOST_VERSION", "address_of", "model_page", "routes"]

routes = Routes()

#: No model has so many versions.
MOST_VERSION = (1 << 31) - 1
_NOTED = {"promote": "model.promote", "rollback": "model.rollback", "remove": "model.unalias"}
_VERSIONS, _METRICS, _MOVES = 200, 12, 50
_MOST_TICKS = 12
Text = Annotated[str, Query(max_length=200)]


@routes.reads("/models", needs="models:read")
def models(asked: Asked, text: Text = "") -> Response:
    """All models."""
    found = asked.workspace.models()
    words = text.lower().split()
    shown = [model for model in found if all(word in _sought(model) for word in words)]
    newest = {model["name"]: _newest(asked, model) for model in shown[:100]}
    return pages_of(asked).show(
        asked.request, "models.html", models=shown, newest=newest, text=text, total=len(found), tags_of=tags_of
    )


def _sought(model: ModelView) -> str:
    return " ".join([model["name"], model["description"], *model["aliases"], *model["tags"].values()]).lower()


def _newest(asked: Asking, model: ModelView) -> VersionView | None:
    if not model["latest"]:
        return None
    key = ("newest version", model["name"], model["latest"])
    found: VersionView | None = asked.server.remembered.get(
        key, asked.server.following.version, lambda: next(iter(asked.workspace.model(model["name"], limit=1)[1]), None)
    )
    return found


def tags_of(record: ModelView | VersionView) -> dict[str, str]:
    """What people said of it, without what the registry keeps there."""
    return {name: text for name, text in record["tags"].items() if not name.startswith(GATES)}


def address_of(name: str, number: int | str = "") -> str:
    """Of the page of a model, or a version of it."""
    return f"/models/{quote(name)}" + (f"/{number}" if number else "")


@routes.reads("/models/{name}", needs="models:read")
def model(asked: Asked, name: str) -> Response:
    """A model."""
    return model_page(asked, name)


def model_page(
    asked: Asking, name: str, *, problem: str = "", typed: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    """The page of a model, with what was wrong with what was asked of it."""
    found, versions, moves = asked.workspace.model(checked_name(name), limit=_VERSIONS)
    return pages_of(asked).show(
        asked.request, "model.html", status=status, model=found, versions=versions, moves=moves[:_MOVES],
        metrics=_metrics(versions)[:_METRICS], gates=gates_of(found), tags=tags_of(found), problem=problem,
        typed=dict(typed or {}), address=address_of(found["name"]), tags_of=tags_of, chart_words=_in_words,
    )  # fmt: skip


def _in_words(versions: Sequence[VersionView], metric: str) -> str:
    """A chart for those who do not see it."""
    found = [one for one in versions[::-1] if metric in one["metrics"]]
    return ", ".join(f"{one['number']}: {one['metrics'][metric]:.4g}" for one in found[-20:])


def _metrics(versions: Sequence[VersionView]) -> list[str]:
    """The metrics that most versions have first."""
    counts: dict[str, int] = {}
    for version in versions:
        for name in version["metrics"]:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: -counts[name])


@routes.reads("/models/{name}/-/metric.svg", needs="models:read", kind="image/svg+xml")
def metric(asked: Asked, name: str, metric: Annotated[str, Query(max_length=200)]) -> Response:
    """A metric over the versions of a model."""
    found, versions, _ = asked.workspace.model(checked_name(name), limit=_VERSIONS)
    points = [(float(one["number"]), one["metrics"][metric]) for one in versions[::-1] if metric in one["metrics"]]
    if not points:
        raise NotFoundError(f"no version of {found['name']} has the metric {metric!r}")
    tell = pages_of(asked).texts(asked.request)
    marks = [Line("", [(x - 0.12, y), (x + 0.12, y)]) for x, y in points] if len(points) == 1 else []
    every = -(-len(points) // _MOST_TICKS)  # versions are whole, and not all of many have room below the axis
    ticks = [(number, f"{number:.0f}") for number, _ in points[::every]]
    drawn = line_chart(metric, [Line("", points), *marks], x_label=tell("version"), y_label="", x_ticks=ticks)
    return chart(asked, drawn)


@routes.changes("/models/{name}/-/alias", needs="models:write")
async def move_alias(request: Request, asked: Asked, name: str) -> Response:
    """Let an alias name a version if its gates are met, what it named before, or nothing."""
    form = await request.form()
    given = {key: str(value) for key, value in form.items()}
    return await asked.in_thread(lambda workspace: _moved(asked, name, given))  # type: ignore[no-any-return]


def _moved(asked: Asking, name: str, given: Mapping[str, str]) -> Response:
    alias, why, act = given.get("alias", "").strip(), given.get("why", "").strip()[:2000], given.get("act", "promote")
    version = f"{name}:{given.get('version', '')}"
    workspace = asked.workspace
    if act not in _NOTED:
        raise RequestError(f"{act[:40]!r} cannot be done to an alias; give {', '.join(_NOTED)}")
    try:
        checked_name(alias, "an alias")
        if act == "rollback":
            version = workspace.rollback_model(name, alias, why=why, by=asked.name)
        elif act == "remove":
            need_for_removal(asked, name, alias)
            workspace.remove_alias(name, alias, why=why, by=asked.name)
        else:
            approved = given.get("comment", "")[:2000] if given.get("approves") else None
            is_forced, is_approved = bool(given.get("force")), approved is not None
            need_for_move(asked, version, alias, gates=None, is_forced=is_forced, is_approved=is_approved)
            workspace.promote_model(version, alias, why=why, force=is_forced, approved=approved, by=asked.name)
    except (GateError, NotFoundError, OptionError) as error:
        return model_page(asked, name, problem=refused(asked, error), typed=given, status=409)
    except ForbiddenError as error:
        return model_page(asked, name, problem=refused(asked, error), typed=given, status=403)
    asked.note(_NOTED[act], version, alias=alias, why=why, force=bool(given.get("force")))
    return moved(address_of(name) + "#aliases")


@routes.changes("/models/{name}/-/gates", needs="models:gates")
async def set_gates(request: Request, asked: Asked, name: str) -> Response:
    """Say what has to hold before a version gets an alias."""
    form = await request.form()
    given = {key: str(value) for key, value in form.items()}

    def change() -> Response:
        gates = [line.strip() for line in given.get("gates", "").splitlines() if line.strip()]
        try:
            asked.workspace.set_gates(name, given.get("alias", "").strip(), gates)
        except (NotFoundError, OptionError) as error:
            return model_page(asked, name, problem=refused(asked, error), typed=given, status=422)
        asked.note("model.gates", name, alias=given.get("alias", ""), gates=gates)
        return moved(address_of(name) + "#aliases")

    return await asked.in_thread(lambda workspace: change())  # type: ignore[no-any-return]


@routes.changes("/models/{name}/-/describe", needs="models:write")
async def describe(request: Request, asked: Asked, name: str) -> Response:
    """Say something of a model, or of a version of it."""
    form = await request.form()
    given: dict[str, Any] = {key: str(value) for key, value in form.items()}
    number = given.get("version", "")

    def change() -> Response:
        if number and whole_number(number, MOST_VERSION) is None:
            raise NotFoundError(f"model {name} has no version {number[:40]!r}; versions are numbers from 1")
        target = f"{checked_name(name)}:{int(number)}" if number else checked_name(name)
        tag, text = given.get("tag", "").strip()[:200], given.get("text", "").strip()[:2000]
        tags = {tag: text} if tag and not tag.startswith(GATES) else {}
        asked.workspace.describe_model(target, description=given.get("description", "")[:10_000], tags=tags)
        asked.note("model.describe", target, tags=tags)
        return moved(address_of(name, int(number) if number else ""))

    return await asked.in_thread(lambda workspace: change())  # type: ignore[no-any-return]
