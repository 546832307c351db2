"""The page of all artifacts."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from partita.api.asking import Asked
from partita.api.routes import Routes
from partita.errors import NotFoundError
from partita.views.artifact_list import ArtifactPage, Wanted, artifact_page, checked_place
from partita.views.paging import cursor_of, read_place
from partita.web.forms import Form, artifact_address
from partita.web.pages import moved, pages_of, refused

__all__ = ["routes"]

routes = Routes()
_ROWS = 50
_NOTHING = ArtifactPage([], None, True)
Short = Annotated[str, Query(max_length=200)]


@routes.reads("/artifacts", needs="artifacts:read")
def artifacts(
    asked: Asked,
    run: Short = "",
    flow: Annotated[str, Query(max_length=500)] = "",
    type: Short = "",
    size: Short = "",
    since: Short = "",
    until: Short = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
    name: Annotated[str, Query(max_length=4000)] = "",
) -> Response:
    """Values that steps made; with a name, that one."""
    if name:
        return moved(artifact_address(name))
    form = Form(partial(refused, asked))
    wanted = Wanted(run.strip(), flow.strip(), type.strip(), form.size(size), form.moment(since), form.moment(until))
    place = checked_place(list(read_place(cursor, 3))) if cursor else None
    found = _NOTHING
    if not form.problems and asked.workspace.state.exists():
        try:
            key = ("artifacts page", wanted, cursor)
            found = asked.server.remembered.get(
                key, asked.server.following.version, lambda: artifact_page(asked.workspace.ask, wanted, place, _ROWS)
            )
        except NotFoundError as error:  # of the run that was asked for
            form.problems.append(refused(asked, error))
    said: dict[str, Any] = {
        "run": run, "flow": flow, "type": type, "size": size, "since": since, "until": until,
    }  # fmt: skip
    return pages_of(asked).show(
        asked.request, "artifacts.html", artifacts=found.items, is_whole=found.is_whole, said=said, problems=form.problems,
        next=cursor_of(found.place) if found.place else None, address=artifact_address,
    )  # fmt: skip
