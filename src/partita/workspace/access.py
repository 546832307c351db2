"""Who may use a workspace, and what was done in it: a part of the port of workspaces, and how it is answered on this machine.

Every change is written together with its entry in the audit. Who makes it is said by `by`: a name, or an `Actor` with the
token or session and the address; nobody means the user of this machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol, cast

from partita.protocol.access import (
    Actor,
    AuditEntry,
    Identity,
    MeView,
    NewToken,
    Role,
    SessionView,
    TokenView,
    UserView,
    as_role,
    credential_id,
    new_secret,
    secret_hash,
)
from partita.protocol.actions import ACTIONS
from partita.workspace.naming import me

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["Access", "LocalAccess", "actor_of"]

#: How long a browser stays signed in, in seconds: whatever it does, and without a request.
LIFETIME_S = 7 * 86400.0
IDLE_S = 12 * 3600.0


class Access(Protocol):
    """Tokens, users, sessions and the audit of a workspace."""

    def whoami(self) -> MeView:
        """Who asks, and what they may."""
        ...

    def create_token(
        self, name: str, role: str, *, user: str = "", scopes: Iterable[str] = (), expires_in_s: float | None = None,
        by: Actor | str = "",
    ) -> NewToken:  # fmt: skip
        """Make a token. One with a user never may more than they may; one with scopes only what these reach."""
        ...

    def ensure_admin_token(self, by: Actor | str = "") -> NewToken | None:
        """Make a token of an administrator where there is none of any kind yet; None: there is one, or was."""
        ...

    def tokens(self, user: str = "") -> list[TokenView]:
        """Tokens of a user, or all (empty), the newest first; revoked ones too."""
        ...

    def revoke_token(self, id: str, by: Actor | str = "") -> TokenView:
        """Have a token count for nothing from now on."""
        ...

    def identify(self, secret: str, address: str = "") -> Identity | None:
        """Whose a token is and what they may now; None: it is unknown, expired or revoked, or its user is disabled."""
        ...

    def users(self) -> list[UserView]:
        """All people, by name."""
        ...

    def set_user(
        self,
        name: str,
        role: str,
        source: str = "local",
        subject: str = "",
        *,
        untie: bool = False,
        by: Actor | str = "",
    ) -> UserView:
        """Name a person, or say what they may.

        Args:
            role: empty: the one that they have, where somebody here has set it.
            source: "local" where somebody here says so: then the role stays when they sign in. Else the issuer of the provider
                with which they have just signed in; the user that this gives may have another name: how they were called first.
            subject: how that provider calls the person.
            untie: forget which account of which provider it is: the next one that signs in by this name gets it.
        """
        ...

    def disable_user(self, name: str, by: Actor | str = "") -> UserView:
        """Let a person neither sign in nor use a token; their sessions end."""
        ...

    def enable_user(self, name: str, by: Actor | str = "") -> UserView:
        """Let a person sign in again."""
        ...

    def start_session(
        self, user: str, address: str, agent: str, lifetime_s: float = LIFETIME_S, idle_s: float = IDLE_S
    ) -> tuple[SessionView, str]:
        """Sign a browser in; with the secret that it has to show. Each gets a new one, whatever it came with."""
        ...

    def start_token_session(
        self, token: str, address: str, agent: str, lifetime_s: float = LIFETIME_S, idle_s: float = IDLE_S
    ) -> tuple[SessionView, str] | None:
        """Sign a browser in with a token: it may what the token may, for as long as that counts; None: it counts no more."""
        ...

    def session(self, secret: str) -> tuple[SessionView, Identity] | None:
        """The session of a secret and what its user may now; None: it is over, or there is none."""
        ...

    def sessions(self, user: str = "") -> list[SessionView]:
        """Browsers in which a user, or anybody (empty), is signed in, the newest first."""
        ...

    def end_session(self, id: str, by: Actor | str = "") -> bool:
        """Sign a browser out; whether it was signed in."""
        ...

    def end_sessions(self, user: str, by: Actor | str = "") -> int:
        """Sign all browsers of a user out; gives how many."""
        ...

    def note_audit(
        self, action: str, target: str = "", *, outcome: str = "done", data: dict[str, Any] | None = None,
        by: Actor | str = "",
    ) -> None:  # fmt: skip
        """Add an entry to the audit. It may be there twice where the engine dies over it, and is never missing."""
        ...

    def audit(
        self, *, before: int = 0, after: int | None = None, who: str = "", action: str = "", target: str = "",
        since: float = 0.0, until: float = 0.0, limit: int = 100,
    ) -> list[AuditEntry]:  # fmt: skip
        """Entries before a number (0: from the newest), the newest first; or those after a number, the oldest first.

        Args:
            action: such as "token.create"; "token" means all of "token.".
            since: seconds since the epoch; `until` is the first moment that is not meant any more (0: no end).
        """
        ...


class LocalAccess:
    """A part of `LocalWorkspace`."""

    @property
    def _here(self) -> LocalWorkspace:
        return cast("LocalWorkspace", self)

    def _ask(self, verb: str, by: Actor | str = "", **fields: Any) -> Any:
        return self._here.ask(verb, by=actor_of(by), **fields)

    @property
    def _is_empty(self) -> bool:
        return not self._here.state.exists()

    def access_key(self) -> bytes:
        """The key with which tokens of attempts and what a browser keeps during a sign-in are signed. It never leaves here."""
        from hashlib import blake2b

        from partita.artifacts.keys import workspace_key

        return blake2b(workspace_key(self._here.state), digest_size=32, person=b"partita access").digest()

    def whoami(self) -> MeView:
        # Whoever reads the project's folder may all that can be done in it.
        return MeView(
            name=me() or f"user {os.getuid()}", role=Role.ADMIN.value, kind="local", scopes=[], actions=list(ACTIONS),
            project=self._here.folder.name,
        )  # fmt: skip

    def create_token(
        self, name: str, role: str, *, user: str = "", scopes: Iterable[str] = (), expires_in_s: float | None = None,
        by: Actor | str = "",
    ) -> NewToken:  # fmt: skip
        made = self._make(name, role, by, user=user, scopes=sorted(scopes), expires_in_s=expires_in_s)
        assert made is not None
        return made

    def ensure_admin_token(self, by: Actor | str = "") -> NewToken | None:
        return self._make("first admin", Role.ADMIN, by, is_first=True)

    def _make(self, name: str, role: str, by: Actor | str, **fields: Any) -> NewToken | None:
        id, secret = new_secret("token")
        told = {"id": id, "hash": secret_hash(secret), "name": name, "role": as_role(role).value, **fields}
        view = self._ask("token_create", by, **told)
        return None if view is None else NewToken(token=view, secret=secret)

    def tokens(self, user: str = "") -> list[TokenView]:
        found: list[TokenView] = [] if self._is_empty else self._here.ask("tokens", user=user)
        return found

    def revoke_token(self, id: str, by: Actor | str = "") -> TokenView:
        view: TokenView = self._ask("token_revoke", by, id=id)
        return view

    def identify(self, secret: str, address: str = "") -> Identity | None:
        id = credential_id("token", secret)
        if not id or self._is_empty:
            return None
        told = self._here.ask("token_identify", id=id, hash=secret_hash(secret), address=address)
        if told is None:
            return None
        id, scopes = told["credential"], frozenset(told["scopes"])
        return Identity(told["name"], Role(told["role"]), "token", id, scopes, token=id)

    def users(self) -> list[UserView]:
        found: list[UserView] = [] if self._is_empty else self._here.ask("users")
        return found

    def set_user(
        self,
        name: str,
        role: str,
        source: str = "local",
        subject: str = "",
        *,
        untie: bool = False,
        by: Actor | str = "",
    ) -> UserView:
        given = as_role(role).value if role else ""
        told = {"name": name, "role": given, "source": source, "subject": subject, "untie": untie}
        view: UserView = self._ask("user_set", by, **told)
        return view

    def disable_user(self, name: str, by: Actor | str = "") -> UserView:
        view: UserView = self._ask("user_disable", by, name=name, is_disabled=True)
        return view

    def enable_user(self, name: str, by: Actor | str = "") -> UserView:
        view: UserView = self._ask("user_disable", by, name=name, is_disabled=False)
        return view

    def start_session(
        self, user: str, address: str, agent: str, lifetime_s: float = LIFETIME_S, idle_s: float = IDLE_S
    ) -> tuple[SessionView, str]:
        view, secret = self._start(user=user, address=address, agent=agent, lifetime_s=lifetime_s, idle_s=idle_s)
        assert view is not None
        return view, secret

    def start_token_session(
        self, token: str, address: str, agent: str, lifetime_s: float = LIFETIME_S, idle_s: float = IDLE_S
    ) -> tuple[SessionView, str] | None:
        id = credential_id("token", token)
        if not id or self._is_empty:
            return None
        proof: dict[str, Any] = {"token": id, "token_hash": secret_hash(token)}
        view, secret = self._start(address=address, agent=agent, lifetime_s=lifetime_s, idle_s=idle_s, **proof)
        return None if view is None else (view, secret)

    def _start(self, **fields: Any) -> tuple[SessionView | None, str]:
        id, secret = new_secret("session")
        return self._here.ask("session_start", id=id, hash=secret_hash(secret), **fields), secret

    def session(self, secret: str) -> tuple[SessionView, Identity] | None:
        id = credential_id("session", secret)
        if not id or self._is_empty:
            return None
        view = self._here.ask("session_find", id=id, hash=secret_hash(secret))
        if view is None:
            return None
        scopes = frozenset(view["scopes"])
        return view, Identity(view["user"], Role(view["role"]), "session", view["id"], scopes, token=view["token"])

    def sessions(self, user: str = "") -> list[SessionView]:
        found: list[SessionView] = [] if self._is_empty else self._here.ask("sessions", user=user)
        return found

    def end_session(self, id: str, by: Actor | str = "") -> bool:
        return bool(self._ask("session_end", by, id=id))

    def end_sessions(self, user: str, by: Actor | str = "") -> int:
        return int(self._ask("sessions_end", by, user=user))

    def note_audit(
        self, action: str, target: str = "", *, outcome: str = "done", data: dict[str, Any] | None = None,
        by: Actor | str = "",
    ) -> None:  # fmt: skip
        who, credential, address = actor_of(by)
        entry = {
            "who": who, "credential": credential, "address": address, "action": action, "target": target,
            "outcome": outcome, "data": data or {},
        }  # fmt: skip
        self._here.ask("audit_note", entry=entry)

    def audit(
        self, *, before: int = 0, after: int | None = None, who: str = "", action: str = "", target: str = "",
        since: float = 0.0, until: float = 0.0, limit: int = 100,
    ) -> list[AuditEntry]:  # fmt: skip
        if self._is_empty:
            return []
        found: list[AuditEntry] = self._here.ask(
            "audit", before=before, after=after, who=who, action=action, target=target, since=since, until=until,
            limit=limit,
        )  # fmt: skip
        return found


def actor_of(by: Actor | str) -> list[str]:
    """Name, credential and address."""
    actor = by if isinstance(by, Actor) else Actor(by)
    if actor.name:
        return list(actor)
    return [me() or f"user {os.getuid()}", actor.credential, actor.address or "this machine"]
