"""Routes of who may: whoever asks, tokens, users, sessions, and the audit."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field

from partita.api.asking import Asked
from partita.api.parameters import NAME, NAME_OR_NONE, USER, Body, Cursor, Limit, Moment, Short, Text
from partita.api.records import page_of
from partita.api.routes import API, SIGNED_IN, Routes
from partita.auth.policy import allows, refusal_to_grant, require
from partita.errors import ForbiddenError, NotFoundError
from partita.protocol.access import (
    LONGEST_NAME,
    LONGEST_TOKEN_S,
    AuditEntry,
    MeView,
    NewToken,
    Role,
    SessionView,
    TokenView,
    UserView,
)
from partita.protocol.actions import ACTIONS, SCOPES
from partita.units import duration_text
from partita.views.paging import page, read_cursor

__all__ = ["own_sessions", "routes", "too_long"]

routes = Routes(prefix=API, tags=["access"])

Credential = Annotated[
    str, Path(pattern="^[0-9a-z]{12}$", description="The id of a token or session, which is no secret.")
]
#: That of a person. A longer one nobody has.
Name = Annotated[str, Path(max_length=LONGEST_NAME, pattern=USER)]
ForUser = Annotated[Short, Query(description="Only of this user; empty: of all whom you may see.")]
Scope = Annotated[str, Field(json_schema_extra={"enum": [*SCOPES]})]
#: Bodies are taken strictly, and there a text is no member of an enumeration.
GivenRole = Annotated[Role, Field(strict=False)]


class TokenBody(Body):
    """A token that is to be."""

    name: str = Field(max_length=LONGEST_NAME, pattern=NAME, description="What it is for.")
    role: GivenRole = Role.VIEWER
    user: str = Field(
        default="", max_length=LONGEST_NAME, pattern=NAME_OR_NONE, description="Whose it is; empty: a program's."
    )
    scopes: list[Scope] = Field(default=[], max_length=100)
    expires_in_s: float | None = Field(default=None, gt=0, le=LONGEST_TOKEN_S, allow_inf_nan=False)


class UserBody(Body):
    """What a person may."""

    role: GivenRole
    untie: bool = Field(default=False, description="Forget which account of which provider it is.")


def too_long(asked: Asked, expires_in_s: float | None) -> str:
    """Why no token may be made that ends so late: it would outlive the one with which it is asked for, or with which
    whoever asks has signed in; empty: it may."""
    id = asked.identity.token
    ends = next((token["expires_at"] for token in asked.workspace.tokens() if token["id"] == id), None)
    if ends is None:
        return ""
    left_s = ends - time.time()
    if expires_in_s is not None and expires_in_s <= left_s:
        return ""
    return (
        f"the token with which this is asked ends in {duration_text(left_s)}, and what it makes ends no later; "
        "ask for a shorter time"
    )


def own_sessions(asked: Asked) -> list[SessionView]:
    """Those of whoever asks: a person's, or those of the very token, since several may have one name."""
    found, identity = asked.workspace.sessions(asked.name), asked.identity
    if not identity.name.startswith("token:"):
        return found
    return [session for session in found if session["token"] == identity.token]


@routes.reads("/me", needs=SIGNED_IN, gives=MeView)
def me(asked: Asked) -> Any:
    """Who asks, and what they may."""
    identity = asked.identity
    return {
        "name": identity.name, "role": identity.role.value, "kind": identity.kind, "scopes": sorted(identity.scopes),
        "actions": [action for action in ACTIONS if allows(identity, action, run=identity.run)],
        "project": asked.workspace.folder.name,
    }  # fmt: skip


@routes.reads("/tokens", needs="tokens:own", gives=list[TokenView])
def tokens(asked: Asked, user: ForUser = "") -> Any:
    """Tokens, the newest first, revoked ones too: all, or for who may not see those, one's own."""
    if user and user != asked.name:
        require(asked.identity, "tokens:read")
    sees_all = allows(asked.identity, "tokens:read")
    return asked.workspace.tokens(user or ("" if sees_all else asked.name))


@routes.changes("/tokens", needs="tokens:own", gives=NewToken, status=201)
def create_token(asked: Asked, body: TokenBody) -> Any:
    """Make a token, for oneself or, as an administrator, for others. Its secret is told this once."""
    refused = refusal_to_grant(asked.identity, body.role, body.scopes, body.user)
    refused = refused or too_long(asked, body.expires_in_s)
    if refused:
        raise ForbiddenError(refused)
    return asked.workspace.create_token(
        body.name, body.role, user=body.user, scopes=body.scopes, expires_in_s=body.expires_in_s, by=asked.actor
    )


@routes.removes("/tokens/{id}", needs="tokens:own", gives=TokenView)
def revoke_token(asked: Asked, id: Credential) -> Any:
    """Have a token count for nothing from now on."""
    if not any(token["id"] == id for token in asked.workspace.tokens(asked.name)):
        require(asked.identity, "tokens:write")
    view = asked.workspace.revoke_token(id, by=asked.actor)
    asked.server.identifying.forget()
    return view


@routes.reads("/sessions", needs="sessions:own", gives=list[SessionView])
def sessions(asked: Asked, user: ForUser = "") -> Any:
    """Browsers that are signed in: all, or for who may not see those, one's own."""
    if user and user != asked.name:
        require(asked.identity, "sessions:read")
    return asked.workspace.sessions(user) if allows(asked.identity, "sessions:read") else own_sessions(asked)


@routes.removes("/sessions/{id}", needs="sessions:own", status=204)
def end_session(asked: Asked, id: Credential) -> None:
    """Sign a browser out."""
    if not any(session["id"] == id for session in own_sessions(asked)):
        require(asked.identity, "sessions:write")
    if not asked.workspace.end_session(id, by=asked.actor):
        raise NotFoundError(f"there is no session {id}, or it is over")
    asked.server.identifying.forget()


@routes.reads("/users", needs="users:read", gives=list[UserView])
def users(asked: Asked) -> Any:
    """All people, by name."""
    return asked.workspace.users()


@routes.replaces("/users/{name}", needs="users:write", gives=UserView)
def set_user(asked: Asked, name: Name, body: UserBody) -> Any:
    """Name a person, or say what they may."""
    view = asked.workspace.set_user(name, body.role, untie=body.untie, by=asked.actor)
    asked.server.identifying.forget()
    return view


@routes.changes("/users/{name}/disable", needs="users:write", gives=UserView)
def disable_user(asked: Asked, name: Name) -> Any:
    """Let a person neither sign in nor use a token; their sessions end."""
    view = asked.workspace.disable_user(name, by=asked.actor)
    asked.server.identifying.forget()
    return view


@routes.changes("/users/{name}/enable", needs="users:write", gives=UserView)
def enable_user(asked: Asked, name: Name) -> Any:
    """Let a person sign in again."""
    view = asked.workspace.enable_user(name, by=asked.actor)
    asked.server.identifying.forget()
    return view


@routes.removes("/users/{name}/sessions", needs="users:write", gives={"type": "object"})
def end_sessions(asked: Asked, name: Name) -> Any:
    """Sign all browsers of a person out; gives how many."""
    count = asked.workspace.end_sessions(name, by=asked.actor)
    asked.server.identifying.forget()
    return {"count": count}


@routes.reads("/audit", needs="audit:read", gives=page_of(AuditEntry))
def audit(
    asked: Asked,
    who: Text = "",
    action: Annotated[Short, Query(description='Such as "token.create"; "token" means all of it.')] = "",
    target: Text = "",
    since: Moment = 0.0,
    until: Moment = 0.0,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Any:
    """What was done, by whom and from where, the newest first."""
    before = read_cursor(cursor) if cursor else 0
    found = asked.workspace.audit(
        before=before, who=who, action=action, target=target, since=since, until=until, limit=limit + 1
    )
    return page(list(found), limit, lambda entry: entry["number"])
