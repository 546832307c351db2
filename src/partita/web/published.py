"""Pages of published flows: versions, what they change, stages and their gates, and starting a run of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from fastapi import Request
from starlette.responses import Response

from partita.api.asking import Asked, Asking
from partita.api.routes import Routes
from partita.auth.policy import require
from partita.drawing.picture_style import STYLE
from partita.errors import BusyError, ForbiddenError, GateError, NotFoundError, PartitaError, RequestError
from partita.protocol.forms import Form
from partita.protocol.publications import GateStateView, ParameterView, PublicationView, TypeView, checked_flow_name
from partita.views.last_runs import last_runs
from partita.web.fields import Field
from partita.web.launch_forms import Launch, graph_of, options_of, typed_in
from partita.web.pages import moved, pages_of, refused

__all__ = ["published_fields", "published_page", "routes", "shown", "version_of"]

routes = Routes()

_VERSIONS, _RUNS, _MOVES = 50, 20, 30
_LONGEST = 100  # of names of stages
_ACTS = ("promote", "check", "rollback")
_FORMS = {
    "text": "text", "integer": "integer", "number": "number", "boolean": "boolean", "date": "date", "datetime": "datetime",
    "map": "map", "record": "map", "any": "any",
}  # fmt: skip


def version_of(asked: Asking, name: str) -> PublicationView:
    """The version that a page is about: the one in the address, else the newest."""
    chosen = _checked(name, asked.request.query_params.get("version", ""))
    return asked.workspace.publication(f"{checked_flow_name(name)}@{chosen or 'latest'}")


def _checked(name: str, version: str) -> str:
    """A version's number or a stage, as it was given.

    Raises:
        NotFoundError: it is longer than either can be.
    """
    if len(version) > _LONGEST:
        raise NotFoundError(f"{name} has no version or stage {version[:40]!r}…; choose one of those on its page")
    return version


def published_fields(view: PublicationView) -> list[Field]:
    """The fields of a form for what a version takes."""
    return [_field(item) for item in view["parameters"]]


def _field(item: ParameterView) -> Field:
    form = _form(item["type"])
    default = item.get("default_text", "") if item["has_default"] else ""
    is_told = item.get("default") is not None or default == ""
    if default == "null":
        default, is_told = "", True
    return Field(
        f"in.{item['name']}", item["name"], form, type=item["type"]["type"], is_required=item["is_required"],
        default=default if is_told else "", default_code=item.get("default_text", ""), help=item.get("description", ""),
    )  # fmt: skip


def _form(told: TypeView) -> Form:
    kind = told["kind"]
    optional: Form = {"is_optional": True} if told.get("is_optional") else {}
    if kind == "choice":
        return {"type": "choice", "choices": list(told.get("choices") or ()), **optional}
    if kind == "list":
        items = _form(told["items"]) if "items" in told else {"type": "any"}
        return {"type": "list", "items": items if items["type"] != "map" else {"type": "any"}, **optional}
    return {"type": _FORMS.get(kind, "text"), **optional}


def published_page(
    asked: Asking, view: PublicationView, launch: Launch, opened: Sequence[str] | None = None, problem: str = ""
) -> Response:
    """The page of a version of a published flow."""
    workspace, name, query = asked.workspace, view["name"], asked.request.query_params
    versions = workspace.publications(name, limit=_VERSIONS)
    stages = workspace.stages(name)
    runs = list(workspace.runs(publication=name, limit=_RUNS))
    against = _checked(name, query.get("against", ""))
    graph = view["graph"]
    return pages_of(asked).show(
        asked.request, "published.html", status=launch.status, view=view, versions=versions, stages=stages,
        gates=_gates(asked, view, [stage["stage"] for stage in stages]), moves=workspace.stage_moves(name, limit=_MOVES),
        difference=workspace.publication_diff(name, against, view["number"]) if against else None, against=against,
        before=_before(view, versions, stages), fields=published_fields(view), launch=launch, runs=runs,
        lately=last_runs(runs), style=STYLE, problem=problem, address=f"/flows/{quote(name)}",
        picture=graph_of(asked, graph["steps"], opened, view["version"]) if graph is not None else "",
        action=f"/flows/{quote(name)}?version={view['number']}", **options_of(asked),
    )  # fmt: skip


def _before(view: PublicationView, versions: Sequence[PublicationView], stages: Sequence[Mapping[str, Any]]) -> int:
    """The version that this one takes over from: what the last stage has, else the one before; 0: there is none."""
    held = [stage["number"] for stage in stages if stage["number"] and stage["number"] != view["number"]]
    earlier = [one["number"] for one in versions if one["number"] < view["number"]]
    return int(held[-1]) if held else earlier[0] if earlier else 0


def _gates(asked: Asking, view: PublicationView, stages: Sequence[str]) -> list[GateStateView]:
    """How the version stands before each stage that asks something, and before it counted as published."""
    found = [asked.workspace.gates(view["version"], stage) for stage in ("", *stages)]
    return [state for state in found if state["gates"] or state["run"]]


def shown(asked: Asking, name: str, opened: Sequence[str] | None) -> Response:
    """The page, as its address says."""
    view = version_of(asked, name)
    return published_page(asked, view, Launch(typed_in(asked.request.query_params, published_fields(view)), {}), opened)


@routes.changes("/published/{name}/stages", needs="flows:promote")
async def move_stage(request: Request, asked: Asked, name: str) -> Response:
    """Let a stage have a version, or what it had before; or check a version's gates again."""
    form = await request.form()
    given = {key: str(value) for key, value in form.items()}
    return await asked.in_thread(lambda workspace: _moved(asked, name, given))  # type: ignore[no-any-return]


@routes.changes("/published/{name}/retire", needs="flows:publish")
async def retire(request: Request, asked: Asked, name: str) -> Response:
    """Let no run be started of a version any more."""
    number = _checked(name, str((await request.form()).get("version", "")))
    address = f"/flows/{quote(checked_flow_name(name))}?version={quote(number)}"

    def end() -> Response:
        try:
            asked.workspace.retire_publication(f"{name}@{number}")
        except GateError as error:
            return _refusing(asked, name, number, {}, error)
        asked.note("flow.retire", f"{name}@{number}")
        return moved(f"{address}#stages")

    return await asked.in_thread(lambda workspace: end())  # type: ignore[no-any-return]


def _moved(asked: Asking, name: str, given: Mapping[str, str]) -> Response:
    act, stage = given.get("act", "promote"), given.get("stage", "")
    number, why = _checked(name, given.get("version", "")), given.get("why", "").strip()[:2000]
    address = f"/flows/{quote(checked_flow_name(name))}?version={quote(number)}"
    if act not in _ACTS:  # what needs another right has a route of its own
        raise RequestError(f"{act[:40]!r} cannot be done to a stage; give {', '.join(_ACTS)}")
    # The same page may be gone back to for something else, which is no second click.
    is_forced = bool(given.get("force"))
    key = "\0".join([given["key"], act, stage, why, str(is_forced)]) if given.get("key") else ""
    launching = asked.server.launching
    try:
        if act == "rollback":
            launching.roll_back(asked, name, stage, key, why=why)
            return moved(f"{address}#stages")
        if act == "check":
            run = launching.check_gates(asked, f"{name}@{number}", stage, key)
            return moved(f"/runs/{run}" if run else address)
        if is_forced:  # gates stand in the settings
            require(asked.identity, "settings:write")
        made = launching.promote(asked, name, number, stage, key, why=why, force=is_forced)
        return moved(f"/runs/{made['run']}" if made["run"] else f"{address}#stages")
    except NotFoundError:
        raise
    except PartitaError as error:
        return _refusing(asked, name, number, given, error)


def _refusing(asked: Asking, name: str, number: str, given: Mapping[str, str], error: PartitaError) -> Response:
    """The page once more, with why something was not done."""
    view = asked.workspace.publication(f"{name}@{number or 'latest'}")
    status = 429 if isinstance(error, BusyError) else 403 if isinstance(error, ForbiddenError) else 409
    return published_page(asked, view, Launch({**given}, {}, status=status), problem=refused(asked, error))
