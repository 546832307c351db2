"""Tokens: one's own, and for administrators all of them. A new one's secret is shown once, in the answer to the form."""

from __future__ import annotations

import time
from typing import Any

from fastapi import Request
from starlette.responses import Response

from partita.api.access import too_long
from partita.api.asking import Asked
from partita.api.routes import Routes
from partita.auth.policy import allows, refusal_to_grant, require
from partita.errors import AccessError, ForbiddenError, NotFoundError, OptionError
from partita.protocol.access import Identity, NewToken, Role, TokenView
from partita.protocol.actions import ACTIONS
from partita.units import duration_s
from partita.web.pages import moved, pages_of, refused

__all__ = ["routes"]

routes = Routes()
_EXPIRIES = ("7d", "30d", "90d", "365d", "never")


@routes.reads("/settings/tokens", needs="tokens:own")
def tokens(asked: Asked) -> Response:
    """Tokens, and a form for another one."""
    return _page(asked, {})


def _page(
    asked: Asked, said: dict[str, str], *, problem: str = "", made: NewToken | None = None, status: int = 200
) -> Response:
    identity = asked.identity
    sees_all = allows(identity, "tokens:read")
    now = time.time()
    found = [
        {**token, "state": _state(token, now), "is_mine": token["user"] == identity.name}
        for token in asked.workspace.tokens("" if sees_all else identity.name)
    ]
    roles = [role.value for role in Role if identity.role.includes(role)]
    given = {
        "name": "",
        "role": roles[0],
        "user": identity.name if _is_person(identity) else "",
        "expires": "90d",
        "scopes": "",
    }
    return pages_of(asked).show(
        asked.request, "tokens.html", status=status, tokens=found, sees_all=sees_all, roles=roles, expiries=_EXPIRIES,
        said={**given, **said}, problem=problem, made=made, actions=list(ACTIONS), is_person=_is_person(identity),
        users=[user["name"] for user in asked.workspace.users()] if allows(identity, "users:read") else [],
        may_make=_is_person(identity) or allows(identity, "tokens:write"),
    )  # fmt: skip


def _is_person(identity: Identity) -> bool:
    return not identity.name.startswith("token:")


def _state(token: TokenView, now: float) -> str:
    if token["revoked_at"] is not None:
        return "revoked"
    expires_at = token["expires_at"]
    return "never expires" if expires_at is None else "expired" if expires_at <= now else "counts"


@routes.changes("/settings/tokens", needs="tokens:own")
async def create(request: Request, asked: Asked) -> Response:
    """Make a token."""
    form = await request.form()
    said = {name: str(form.get(name, "")).strip() for name in ("name", "role", "user", "expires", "scopes")}
    answer: Response = await asked.in_thread(lambda workspace: _make(asked, said))
    return answer


def _make(asked: Asked, said: dict[str, str]) -> Response:
    scopes = said["scopes"].replace(",", " ").split()
    user = said["user"] if allows(asked.identity, "tokens:write") else asked.name
    try:
        if reason := refusal_to_grant(asked.identity, said["role"], scopes, user):
            raise ForbiddenError(reason)
        expires_in_s = None if said["expires"] == "never" else duration_s(said["expires"] or "90d", "expires")
        if reason := too_long(asked, expires_in_s):
            raise ForbiddenError(reason)
        made = asked.workspace.create_token(
            said["name"], said["role"], user=user, scopes=scopes, expires_in_s=expires_in_s, by=asked.actor
        )
    except (OptionError, NotFoundError, AccessError) as error:
        return _page(asked, said, problem=refused(asked, error), status=422)
    return _page(asked, {}, made=made, status=201)


@routes.changes("/settings/tokens/{id}/revoke", needs="tokens:own")
def revoke(asked: Asked, id: str) -> Response:
    """Have a token count for nothing."""
    own: list[Any] = asked.workspace.tokens(asked.name)
    is_used = asked.identity.token == id  # whoever has it may end it
    if not is_used and not any(token["id"] == id for token in own):
        require(asked.identity, "tokens:write")
    asked.workspace.revoke_token(id, by=asked.actor)
    asked.server.identifying.forget()
    return moved("/settings/tokens")
