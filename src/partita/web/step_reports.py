"""Pictures of what a step reported while it went on."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from partita.api.asking import Asked
from partita.api.parameters import RunId, StepNumber
from partita.api.routes import Routes
from partita.drawing.reported import series_of, series_picture
from partita.errors import NotFoundError
from partita.web.chart_files import chart
from partita.web.pages import pages_of

__all__ = ["routes"]

routes = Routes()


@routes.reads("/runs/{run}/steps/{step}/reported.svg", needs="runs:read", kind="image/svg+xml")
def reported(asked: Asked, run: RunId, step: StepNumber, name: Annotated[str, Query(max_length=400)]) -> Response:
    """How a number that a step reported went."""
    found = [series for series in series_of(asked.workspace.reports(run, step)) if series.name == name]
    if not found:
        raise NotFoundError(f"step {step} of run {run} reported no {name!r}")
    tell = pages_of(asked).texts(asked.request)
    return chart(asked, series_picture(found[0], tell("at step")))
