"""The page of one flow of the project's files: what it takes, its graph before any run, its last runs, a form to start one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated
from urllib.parse import quote

from fastapi import Query, Request
from starlette.responses import Response

from partita.api.asking import Asked, Asking
from partita.api.routes import Routes
from partita.drawing.picture_style import STYLE
from partita.views.flow_graphs import FlowGraph
from partita.views.last_runs import last_runs
from partita.web.fields import Field, read_texts
from partita.web.launch_forms import INPUT, Launch, graph_of, launched, options_of, typed_in
from partita.web.pages import pages_of
from partita.web.published import published_fields, published_page, shown, version_of
from partita.workspace.flow_forms import FlowForm, FlowInput, flow_form

__all__ = ["fields_of", "routes"]

routes = Routes()

_RUNS = 20


@routes.reads("/flows/{flow:path}", needs="flows:read")
def show(asked: Asked, flow: str, open: Annotated[list[str] | None, Query(max_length=200)] = None) -> Response:
    """A flow of the project's files, or a published one; inputs in the address fill its form."""
    if ":" not in flow:
        return shown(asked, flow, open)
    form = _form(asked, flow)
    fields = fields_of(form["inputs"])
    return _page(asked, form, fields, Launch(typed_in(asked.request.query_params, fields), {}), open)


def _form(asked: Asking, flow: str) -> FlowForm:
    workspace = asked.workspace
    found: FlowForm = asked.server.kept.get(
        ("flow form", workspace.bundle(), flow), lambda: flow_form(workspace.folder, flow)
    )
    return found


def fields_of(inputs: Sequence[FlowInput]) -> list[Field]:
    """The fields of a form for inputs."""
    return [
        Field(
            INPUT + item["name"], item["name"], item["form"], type=item["type"], is_required=item["is_required"],
            default=item["default"] or "", default_code=item["default_code"], help=item["description"],
        )
        for item in inputs
    ]  # fmt: skip


def _page(
    asked: Asking, form: FlowForm, fields: Sequence[Field], launch: Launch, opened: Sequence[str] | None = None
) -> Response:
    found = list(asked.workspace.runs(flow=form["reference"], limit=_RUNS))
    tell = pages_of(asked).texts(asked.request)
    texts, faults = read_texts(fields, {**_defaults(fields), **launch.typed}, tell)
    if not launch.wrong:
        launch = replace(launch, wrong={name: fault for name, fault in faults.items() if launch.typed.get(name)})
    given = {name.removeprefix(INPUT): text for name, text in texts.items() if name in launch.typed}
    graph: FlowGraph | None = None
    if not faults and not form["fault"]:
        graph = asked.server.flow_graphs.of(form["reference"], given, asked.workspace.bundle())
    return pages_of(asked).show(
        asked.request, "flow.html", status=launch.status, flow=form, fields=fields, launch=launch, runs=found,
        lately=last_runs(found), graph=graph, given=given, style=STYLE,
        picture=graph_of(asked, graph.steps, opened, form["title"]) if graph is not None and graph.steps else "",
        action=f"/flows/{quote(form['reference'])}", **options_of(asked),
    )  # fmt: skip


def _defaults(fields: Sequence[Field]) -> dict[str, str]:
    return {field.name: "" if field.kind == "switch" and field.default != "true" else field.default for field in fields}


@routes.changes("/flows/{flow:path}", needs="runs:launch")
async def launch(request: Request, asked: Asked, flow: str) -> Response:
    """Start a run of a flow, or look at its graph with these inputs."""
    form = await request.form()
    given = {name: str(value) for name, value in form.items()}

    def begin() -> Response:
        if ":" not in flow:
            view = version_of(asked, flow)
            wanted = published_fields(view)
            return launched(asked, view["version"], wanted, given, lambda launch: published_page(asked, view, launch))
        told = _form(asked, flow)
        fields = fields_of(told["inputs"])
        return launched(asked, told["reference"], fields, given, lambda launch: _page(asked, told, fields, launch))

    return await asked.in_thread(lambda workspace: begin())  # type: ignore[no-any-return]
