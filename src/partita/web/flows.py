"""The page of all flows."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from partita.api.asking import Asked, Asking
from partita.api.routes import Routes
from partita.protocol.publications import PublicationView, StageView
from partita.protocol.requests import RunView
from partita.views.last_runs import LastRuns, last_runs
from partita.web.pages import pages_of
from partita.workspace.flow_forms import FlowForm, project_flows

__all__ = ["routes"]

routes = Routes()

#: Of so many last runs the strips are made.
_RUNS = 500
_PUBLISHED = 100


@routes.reads("/flows", needs="flows:read")
def flows(asked: Asked, text: Annotated[str, Query(max_length=200)] = "") -> Response:
    """The flows of the project's files, with how their last runs went."""
    found, lately = _project(asked), _lately(asked)
    words = text.lower().split()
    shown = [flow for flow in found if all(word in _sought(flow) for word in words)]
    return pages_of(asked).show(
        asked.request,
        "flows.html",
        flows=shown,
        lately=lately,
        no_runs=last_runs([]),
        text=text,
        total=len(found),
        published=_published(asked, words),
    )


def _published(asked: Asking, words: list[str]) -> list[tuple[PublicationView, list[StageView]]]:
    """The newest version of each published flow, with its stages."""

    def look() -> list[tuple[PublicationView, list[StageView]]]:
        newest = asked.workspace.publications(limit=_PUBLISHED)
        return [(view, asked.workspace.stages(view["name"])) for view in newest]

    found: list[tuple[PublicationView, list[StageView]]] = asked.server.remembered.get(
        "published flows", asked.server.following.version, look
    )
    return [
        (view, stages) for view, stages in found
        if all(word in f"{view['name']} {view['summary']} {view['flow']}".lower() for word in words)
    ]  # fmt: skip


def _sought(flow: FlowForm) -> str:
    return " ".join([flow["reference"], flow["title"], flow["summary"], *flow["tags"]]).lower()


def _project(asked: Asking) -> list[FlowForm]:
    """Of the code as it is now."""
    workspace = asked.workspace
    key = ("project flows", workspace.bundle())
    found: list[FlowForm] = asked.server.kept.get(key, lambda: project_flows(workspace.folder))
    return found


def _lately(asked: Asking) -> dict[str, LastRuns]:
    def look() -> dict[str, Any]:
        by_flow: dict[str, list[RunView]] = defaultdict(list)
        for run in asked.workspace.runs(limit=_RUNS):
            by_flow[run["flow"]].append(run)
        return {flow: last_runs(runs) for flow, runs in by_flow.items()}

    found: dict[str, LastRuns] = asked.server.remembered.get("flow runs", asked.server.following.version, look)
    return found
