"""Who asks, what they may, and what is remembered of it: plain records that the store, the server and clients share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from secrets import choice, token_urlsafe
from typing import Any, NamedTuple, TypedDict

from partita.errors import OptionError

__all__ = [
    "Actor", "AuditEntry", "Identity", "MeView", "NewToken", "Role", "SessionView", "TokenView", "UserView", "as_role",
    "credential_id", "new_secret", "secret_hash",
]  # fmt: skip


class Role(StrEnum):
    """What somebody may in a workspace. Each may all that those before it may."""

    VIEWER = "viewer"  # look at everything but secrets' values and other people's tokens
    EDITOR = "editor"  # start, cancel, approve, publish, move aliases
    ADMIN = "admin"  # tokens, users, secrets, settings, deleting

    def includes(self, other: Role) -> bool:
        """Whether who has this role may what the other one may."""
        order = list(Role)
        return order.index(self) >= order.index(other)

    def at_most(self, other: Role) -> Role:
        """The lesser of the two."""
        return other if self.includes(other) else self


def as_role(value: object) -> Role:
    """
    Raises:
        OptionError: it is none.
    """
    try:
        return Role(value)  # type: ignore[arg-type]
    except ValueError:
        raise OptionError(f"there is no role {value!r}; give {', '.join(Role)}") from None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks."""

    name: str  # of the user; of a program's token "token:" and its name, which no user has
    role: Role
    kind: str  # "token", "session" or "attempt"
    credential: str  # id of the token or session, which is no secret
    scopes: frozenset[str] = frozenset()  # such as "runs:read"; empty: all that the role may
    run: str = ""  # id of the run that an attempt's token is for
    step: int = -1  # of that run
    attempt: int = 0  # of that step
    token: str = ""  # id of the token that a session was started with, or that this is; empty: none stands behind it


class Actor(NamedTuple):
    """Who changes something, for the audit."""

    name: str  # as an Identity has it; empty: the user of this machine
    credential: str = ""  # id of the token or session; empty: none was needed
    address: str = ""  # where it came from


class MeView(TypedDict):
    """Who asks, and what they may."""

    name: str  # as an Identity has it
    role: str
    kind: str  # "token", "session", "attempt", or "local": the user of this machine
    scopes: list[str]  # empty: all that the role may
    actions: list[str]  # what they may
    project: str  # name of the project's folder


class TokenView(TypedDict):
    """A token, without the secret in it."""

    id: str
    name: str
    user: str  # whose it is; empty: a program's
    role: str  # what it may at most; with a user, never more than they may
    scopes: list[str]
    created_at: float
    created_by: str
    expires_at: float | None
    used_at: float | None  # to the minute
    used_from: str  # address
    revoked_at: float | None


class NewToken(TypedDict):
    """A token that was just made."""

    token: TokenView
    secret: str  # shown once; only its hash is kept


class UserView(TypedDict):
    """A person who signs in."""

    name: str
    role: str
    role_from: str  # "hand": somebody here has set it, and signing in leaves it; "provider": signing in sets it
    source: str  # "local", or the issuer of the OpenID provider
    subject: str  # how that provider calls the person
    created_at: float
    seen_at: float | None
    is_disabled: bool


class SessionView(TypedDict):
    """A browser that is signed in."""

    id: str
    user: str  # as an Identity has it: of a program's token "token:" and its name
    role: str  # what it may at most at this moment
    scopes: list[str]  # of the token; empty: all that the role may
    token: str  # id of the token with which it was started, and ends; empty: a provider vouched for the user
    created_at: float
    expires_at: float  # whatever it does
    idle_s: float  # seconds without a request after which it is over
    seen_at: float  # to the minute
    address: str
    agent: str  # what the browser calls itself


class AuditEntry(TypedDict):
    """One change, or one refusal."""

    number: int  # from 1, without gaps; given by the store
    at: float  # given by the engine
    who: str
    credential: str  # id of the token or session
    address: str  # where it came from
    action: str  # "run.launch", "token.create", "sign-in", ...
    target: str  # what it was done to
    outcome: str  # "done", or why it was refused
    data: dict[str, Any]  # what else is known, without secrets


#: Characters of the name of a token or a person: with "token:" before it, it is short enough for an owner of runs.
LONGEST_NAME = 90
#: Seconds that a token may last.
LONGEST_TOKEN_S = 100 * 366 * 86400
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
#: What comes before the id: scanners of repositories find tokens by it, and neither passes for the other.
_HEADS = {"token": "partita", "session": "session"}
_SECRET = {kind: re.compile(rf"{head}_([0-9a-z]{{12}})_[0-9A-Za-z_-]{{43}}") for kind, head in _HEADS.items()}


def new_secret(kind: str) -> tuple[str, str]:
    """Id and secret of a new "token" or "session": 256 random bits behind the id, which is no secret."""
    id = "".join(choice(_LETTERS) for _ in range(12))
    return id, f"{_HEADS[kind]}_{id}_{token_urlsafe(32)}"


def credential_id(kind: str, secret: str) -> str:
    """The id in a "token" or "session"; empty: it is none."""
    found = _SECRET[kind].fullmatch(secret)
    return found[1] if found else ""


def secret_hash(secret: str) -> bytes:
    """What is kept of a secret: `partita.store.access` says why that is enough."""
    return sha256(secret.encode()).digest()
