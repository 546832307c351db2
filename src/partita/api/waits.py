"""Routes of what steps wait for: open ones of all runs, and events that are sent to them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field

from partita.api.asking import Asked
from partita.api.parameters import Body, Limit, PlainData, RunId, StepCursor
from partita.api.records import page_of
from partita.api.routes import API, Routes
from partita.protocol.waits import ASKED, WaitView, may_say
from partita.views.paging import page, read_place

__all__ = ["routes", "without_node"]

routes = Routes(prefix=API, tags=["waits"])

Kind = Literal["sleep", "until", "event", "approval", "answer"]
_MOST = 10_000
_SENT = {"type": "object", "properties": {"is_new": {"type": "boolean"}}, "required": ["is_new"]}


class EventBody(Body):
    """An event."""

    event: str = Field(min_length=1, max_length=500, description="Its name.")
    data: PlainData = Field(default=None, description="What is told, as plain data.")
    key: Annotated[str, Field(max_length=500)] | Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)] | None = Field(
        default=None, description="Which of that name is meant."
    )
    id: str = Field(
        default="", max_length=200, description="A second event of it counts as sent; empty: it is a new one."
    )


def without_node(wait: WaitView) -> dict[str, Any]:
    """A wait as it is told: without the packed values that it shows."""
    return {name: value for name, value in wait.items() if name != "show"}


@routes.reads("/waits", needs="runs:read", gives=list[WaitView])
def waits(
    asked: Asked,
    kind: Annotated[list[Kind] | None, Query(max_length=10)] = None,
    mine: Annotated[bool, Query(description="Only what asks whoever asks.")] = False,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 1000,
) -> Any:
    """What steps of all runs wait for, the oldest first."""
    kinds = [one for one in kind or (ASKED if mine else ()) if one in ASKED or not mine]
    if mine and not kinds:
        return []
    found = asked.workspace.waits(kinds=kinds, limit=_MOST if mine else limit)
    shown = [wait for wait in found if not mine or may_say(wait["by"], asked.name, asked.is_administrator)]
    return [without_node(wait) for wait in shown[:limit]]


@routes.reads("/waits/closed", needs="runs:read", gives=page_of(WaitView))
def closed_waits(asked: Asked, limit: Limit = 50, cursor: StepCursor = "") -> Any:
    """Approvals and answers that are over, of the newest runs first."""
    number, step = read_place(cursor, 2) if cursor else (0, 0)
    found = asked.workspace.closed_waits(before=(number, step), limit=limit + 1)
    return page([without_node(wait) for wait in found], limit, lambda wait: [wait["number"], wait["step"]])


@routes.changes("/events", needs="events:send", gives=_SENT)
def send(asked: Asked, body: EventBody) -> Any:
    """Send an event to whatever waits for it."""
    return _send(asked, "", body)


@routes.changes("/runs/{run}/events", needs="events:send", gives=_SENT)
def send_to_run(asked: Asked, run: RunId, body: EventBody) -> Any:
    """Send an event to a run; one that comes early is kept."""
    return _send(asked, run, body)


def _send(asked: Asked, run: str, body: EventBody) -> Any:
    is_new = asked.workspace.send(run, body.event, body.data, key=body.key, id=body.id, by=asked.name)
    asked.note("event.send", run or body.event, event=body.event)
    return {"is_new": is_new}
