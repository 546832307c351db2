"""Rows of who may use a workspace and of what was done in it, and how they are read: a part of the port of stores.

Of what a token or a session is proved with, only the SHA-256 is kept. That is enough here, and what is made for passwords
(bcrypt, argon2) would be wrong: those slow down who guesses among the few billion words that people choose, while these
secrets are 256 random bits, of which nobody guesses one, however fast; and each request would pay for the slowness.

The audit is only ever added to: the database itself refuses to change or to delete a row of it. Its numbers are given as the
rows are committed, one after the other and without a gap, so that whoever pages by them misses none that comes later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple, Protocol

__all__ = ["EVERYTHING", "AccessStore", "AccessTurn", "AuditFilter", "AuditRow", "SessionRow", "TokenRow", "UserRow"]


class TokenRow(NamedTuple):
    """One token."""

    id: str  # in the token itself, and no secret
    name: str  # what it is for
    user: str  # whose it is; empty: a program's
    role: str
    scopes: str  # with spaces between; empty: all that the role may
    hash: bytes  # SHA-256 of the whole token
    created_at: float
    created_by: str
    expires_at: float | None
    used_at: float | None  # to the minute
    used_from: str  # address
    revoked_at: float | None


class UserRow(NamedTuple):
    """One person."""

    name: str
    role: str
    role_from: str  # "hand": somebody here has set it; "provider": signing in sets it
    source: str  # "local", or the issuer of the OpenID provider
    subject: str  # how that provider calls the person
    created_at: float
    seen_at: float | None
    is_disabled: int  # 1: may neither sign in nor use a token


class SessionRow(NamedTuple):
    """A browser that is signed in."""

    id: str
    user: str  # of a program's token "token:" and its name, which no user has
    hash: bytes  # SHA-256 of the whole secret
    created_at: float
    expires_at: float  # whatever it does
    idle_s: float  # after so long without a request it is over
    seen_at: float  # to the minute
    address: str
    agent: str
    token: str  # id of the token that it was started with, and counts no longer than; empty: a provider vouched for the user


class AuditRow(NamedTuple):
    """One change, or one refusal."""

    number: int  # from 1, without gaps; given by the store as it is committed
    at: float
    who: str
    credential: str
    address: str
    action: str
    target: str
    outcome: str
    data: str  # JSON


class AuditFilter(NamedTuple):
    """Which rows of the audit; what is empty or 0 admits all."""

    who: str = ""
    action: str = ""  # "token" means "token.create" and all other "token." too
    target: str = ""
    since: float = 0.0
    until: float = 0.0  # before it


EVERYTHING = AuditFilter()


@dataclass(slots=True)
class AccessTurn:
    """What a turn changes about who may, in the order of the fields."""

    tokens: list[TokenRow] = field(default_factory=list)
    token_uses: list[tuple[float, str, str]] = field(default_factory=list)  # (time, address, id)
    revoked: list[tuple[float, str]] = field(default_factory=list)  # (time, id); the first time stays
    users: list[UserRow] = field(default_factory=list)  # of one that is there, role and provider are replaced
    user_uses: list[tuple[float, str]] = field(default_factory=list)  # (time, name)
    disabled: list[tuple[int, str]] = field(default_factory=list)  # (whether, name)
    sessions: list[SessionRow] = field(default_factory=list)
    session_uses: list[tuple[float, str]] = field(default_factory=list)  # (time, id)
    ended: list[str] = field(default_factory=list)  # ids of sessions
    ended_of: list[str] = field(default_factory=list)  # users all of whose sessions end
    ended_by: list[str] = field(default_factory=list)  # tokens all of whose sessions end
    expired: list[float] = field(default_factory=list)  # sessions that were over at this time are forgotten
    audit: list[AuditRow] = field(default_factory=list)  # their numbers are not looked at

    def __bool__(self) -> bool:
        return any(getattr(self, item.name) for item in fields(self))


class AccessStore(Protocol):
    """Reads who may, and what was done."""

    def token(self, id: str) -> TokenRow | None: ...

    def tokens(self) -> list[TokenRow]:
        """All of them, the newest first, revoked ones too."""
        ...

    def user(self, name: str) -> UserRow | None: ...

    def user_of(self, source: str, subject: str) -> UserRow | None:
        """The person whom a provider calls so."""
        ...

    def users(self) -> list[UserRow]:
        """All of them, by name."""
        ...

    def session(self, id: str) -> SessionRow | None: ...

    def sessions(self, user: str = "") -> list[SessionRow]:
        """Sessions of a user, or of all (empty), the newest first."""
        ...

    def audit(
        self, which: AuditFilter = EVERYTHING, *, before: int = 0, after: int | None = None, limit: int = 100
    ) -> list[AuditRow]:
        """Rows before a number (0: from the newest), the newest first; or those after a number, the oldest first."""
        ...


def written(turn: AccessTurn) -> Sequence[tuple[str, list[tuple[object, ...]]]]:
    """The statements that write the turn, in their order, each with its rows."""
    return (
        ("insert_token", [tuple(row) for row in turn.tokens]),
        ("use_token", list(turn.token_uses)),
        ("revoke_token", list(turn.revoked)),
        ("insert_user", [tuple(row) for row in turn.users]),
        ("use_user", list(turn.user_uses)),
        ("disable_user", list(turn.disabled)),
        ("insert_session", [tuple(row) for row in turn.sessions]),
        ("use_session", list(turn.session_uses)),
        ("end_session", [(id,) for id in turn.ended]),
        ("end_sessions_of", [(user,) for user in turn.ended_of]),
        ("end_sessions_by", [(token,) for token in turn.ended_by]),
        ("expire_sessions", [(at,) for at in turn.expired]),
        ("insert_audit", [tuple(row[1:]) for row in turn.audit]),
    )
