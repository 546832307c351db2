"""Two runs side by side: what differs between them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from partita.api.asking import Asked
from partita.api.routes import Routes
from partita.web.pages import pages_of

__all__ = ["routes"]

routes = Routes()
_OTHERS = 50


@routes.reads("/compare", needs="runs:read")
def compare(
    asked: Asked, one: Annotated[str, Query(max_length=100)] = "", other: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    """What differs between two runs; without the other one, those there are of the same flow; without any, a form for both."""
    if not one:
        return pages_of(asked).show(asked.request, "compare.html", first=None, others=[], told=None, other=other)
    first = asked.workspace.run(one)
    others = [run for run in asked.workspace.runs(flow=first["flow"], limit=_OTHERS) if run["id"] != first["id"]]
    told = asked.workspace.compare_runs(first["id"], other) if other else None
    return pages_of(asked).show(asked.request, "compare.html", first=first, others=others, told=told, other=other)
