"""The API as a whole, and its OpenAPI document."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import nullcontext
from typing import Annotated, Any

from fastapi import Query
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from partita.api import (
    access,
    artifacts,
    bundles,
    flows,
    health,
    machine,
    models,
    publications,
    runs,
    secrets,
    steps,
    studies,
    upkeep,
    waits,
    webhooks,
)
from partita.api.asking import Asked
from partita.api.records import record_schemas
from partita.api.routes import API, OPEN, PROBLEM, REFUSALS, Routes, needs_of
from partita.api.streams import Event, stream
from partita.version import VERSION

__all__ = ["UPLOADS", "api_routes"]

#: Paths that take large bodies.
UPLOADS = frozenset({f"{API}/bundles"})

_general = Routes(prefix=API, tags=["server"])


def api_routes() -> Sequence[Routes]:
    """The routes of the API."""
    return (
        _general, runs.routes, steps.routes, waits.routes, flows.routes, artifacts.routes, models.routes, studies.routes,
        upkeep.routes, machine.routes, access.routes, health.routes, publications.routes, secrets.routes,
        bundles.routes, webhooks.routes,
    )  # fmt: skip


@_general.reads("/events", needs="runs:read", kind="text/event-stream")
async def events(
    asked: Asked,
    machine: Annotated[
        bool, Query(description='Also tell when what is in use has changed ("machine"), at most once a second.')
    ] = False,
) -> Response:
    """What changes in the workspace, as server-sent events ("news"): each a list of [topic, key]."""
    server = asked.server

    async def following() -> AsyncIterator[Event]:
        async with server.use.looking() if machine else nullcontext():
            is_told = False
            async for changes in server.following.workspace(server.settings.heartbeat_s):
                if not is_told:
                    # A page that was made at another version looks again: it may have missed something on the way here.
                    # What changes from now on is heard of, however long this takes to be sent.
                    is_told = True
                    yield ("version", server.following.version)
                yield ("news", changes) if changes else None

    return stream(asked, following())


@_general.reads("/openapi.json", needs="runs:read", gives={"type": "object"})
def document(asked: Asked) -> Any:
    """This document."""
    app = asked.request.app
    if not app.openapi_schema:
        app.openapi_schema = openapi(app.routes)
    return app.openapi_schema


def openapi(routes: Sequence[Any]) -> dict[str, Any]:
    """The OpenAPI document of the API's routes."""
    shown = [route for route in routes if str(getattr(route, "path", "")).startswith("/api/")]
    made = get_openapi(title="Partita", version=VERSION, openapi_version="3.1.0", routes=shown)
    _write_whole(made)
    components = made.setdefault("components", {})
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "`partita tokens create`"}
    }
    components["schemas"] = {**components.get("schemas", {}), **record_schemas(), "Problem": PROBLEM}
    components["responses"] = {f"Refusal{status}": answer for status, answer in REFUSALS.items()}
    for route in shown:
        for method in getattr(route, "methods", ()):
            operation = made["paths"].get(route.path, {}).get(method.lower())
            if operation is None:
                continue
            if needs_of(route) != OPEN:
                operation["security"] = [{"token": []}]
            for status in REFUSALS:
                operation["responses"][str(status)] = {"$ref": f"#/components/responses/Refusal{status}"}
    return made


def _write_whole(part: Any) -> None:
    """Have bounds be whole numbers that are: FastAPI makes them floats, which past 2^53 are written as other ones."""
    for key, item in list(part.items()) if isinstance(part, dict) else enumerate(part):
        if isinstance(item, dict | list):
            _write_whole(item)
        elif isinstance(item, float) and item.is_integer():
            part[key] = int(item)
