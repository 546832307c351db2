"""Browsers that are signed in: one's own, and for administrators all of them."""

from __future__ import annotations

from starlette.responses import Response

from partita.api.access import own_sessions
from partita.api.asking import Asked
from partita.api.routes import Routes
from partita.auth.policy import allows, require
from partita.web.pages import moved, pages_of

__all__ = ["routes"]

routes = Routes()


@routes.reads("/settings/sessions", needs="sessions:own")
def sessions(asked: Asked) -> Response:
    """Browsers that are signed in."""
    sees_all = allows(asked.identity, "sessions:read")
    own = own_sessions(asked)
    return pages_of(asked).show(
        asked.request, "sessions.html", sessions=asked.workspace.sessions() if sees_all else own, sees_all=sees_all,
        current=asked.identity.credential, own={session["id"] for session in own},
    )  # fmt: skip


@routes.changes("/settings/sessions/{id}/end", needs="sessions:own")
def end(asked: Asked, id: str) -> Response:
    """Sign a browser out."""
    if not any(session["id"] == id for session in own_sessions(asked)):
        require(asked.identity, "sessions:write")
    asked.workspace.end_session(id, by=asked.actor)
    asked.server.identifying.forget()
    return moved("/settings/sessions")
