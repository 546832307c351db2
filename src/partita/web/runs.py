"""Pages of runs: the list, and one run."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from partita.api.asking import Asked
from partita.api.routes import Routes
from partita.protocol.requests import STATES
from partita.views.paging import page, read_cursor
from partita.web.pages import pages_of

__all__ = ["routes"]

routes = Routes()
_ROWS = 50


@routes.reads("/runs", needs="runs:read")
def runs(
    asked: Asked,
    flow: Annotated[str, Query(max_length=500)] = "",
    state: Annotated[list[str] | None, Query()] = None,
    text: Annotated[str, Query(max_length=200)] = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """The list of runs."""
    states = [name for name in state or () if name in STATES]
    before = read_cursor(cursor) if cursor else 0
    key = ("runs page", flow, tuple(states), text, before)
    found = asked.server.remembered.get(
        key, asked.server.following.version,
        lambda: page(
            list(asked.workspace.runs(flow=flow, states=states, text=text, before=before, limit=_ROWS + 1)), _ROWS,
            lambda run: run["number"],
        ),
    )  # fmt: skip
    return pages_of(asked).show(
        asked.request, "runs.html", runs=found["items"], next=found["next"], flow=flow, states=states, text=text,
        all_states=STATES,
    )  # fmt: skip
