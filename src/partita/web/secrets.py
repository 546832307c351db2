"""Secrets by name. Their values come in, and never go out."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from partita.api.asking import Asked
from partita.api.routes import Routes
from partita.errors import NotFoundError, SecretError
from partita.web.pages import moved, pages_of, refused
from partita.workspace.local import LocalWorkspace

__all__ = ["routes"]

routes = Routes()


@routes.reads("/settings/secrets", needs="secrets:read")
def secrets(asked: Asked) -> Response:
    """Names and versions."""
    return _page(asked)


def _page(asked: Asked, *, problem: str = "", note: str = "", name: str = "", status: int = 200) -> Response:
    found = asked.workspace.secrets()
    return pages_of(asked).show(
        asked.request, "secrets.html", status=status, secrets=found, problem=problem, note=note, name=name
    )


@routes.changes("/settings/secrets", needs="secrets:write")
async def change(request: Request, asked: Asked) -> Response:
    """Set a value, or another one. What was typed is not shown again, whatever comes of it."""
    form = await request.form()
    name = str(form.get("name", "")).strip()
    # A browser sends lines with the ends that the web has.
    value = str(form.get("value", "")) or str(form.get("lines", "")).replace("\r\n", "\n")

    def make(workspace: LocalWorkspace) -> Response:
        try:
            changed = workspace.set_secret(name, value, by=asked.actor)
        except SecretError as error:
            return _page(asked, problem=refused(asked, error), name=name, status=422)
        if changed["warning"]:
            return _page(asked, note=f"{name}: {changed['warning']}")
        return moved("/settings/secrets")

    answer: Response = await asked.in_thread(make)
    return answer


@routes.changes("/settings/secrets/remove", needs="secrets:write")
async def remove(request: Request, asked: Asked) -> Response:
    """Forget a secret."""
    form = await request.form()
    name = str(form.get("name", ""))

    def make(workspace: LocalWorkspace) -> Response:
        try:
            workspace.remove_secret(name, by=asked.actor)
        except NotFoundError as error:
            return _page(asked, problem=refused(asked, error), status=404)
        return moved("/settings/secrets")

    answer: Response = await asked.in_thread(make)
    return answer
