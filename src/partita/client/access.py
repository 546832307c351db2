"""Calls about who may: oneself, tokens, users, sessions, the audit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from partita.client.calls import Calls
from partita.client.transport import quoted
from partita.protocol.access import AuditEntry, MeView, NewToken, SessionView, TokenView, UserView

__all__ = ["AccessCalls"]


class AccessCalls(Calls):
    """Who may."""

    def me(self) -> MeView:
        """Who asks, and what they may."""
        return cast("MeView", self._get("/me"))

    def tokens(self, user: str = "") -> list[TokenView]:
        """Tokens of a user, or all that one may see (empty), the newest first."""
        return cast("list[TokenView]", self._get("/tokens", user=user or None))

    def create_token(
        self, name: str, role: str, *, user: str = "", scopes: Iterable[str] = (), expires_in_s: float | None = None
    ) -> NewToken:
        """Make a token. Its secret is told this once."""
        body = {"name": name, "role": role, "user": user, "scopes": sorted(scopes), "expires_in_s": expires_in_s}
        return cast("NewToken", self._post("/tokens", body))

    def revoke_token(self, id: str) -> TokenView:
        """Have a token count for nothing from now on."""
        return cast("TokenView", self._delete(f"/tokens/{quoted(id)}"))

    def users(self) -> list[UserView]:
        """All people, by name."""
        return cast("list[UserView]", self._get("/users"))

    def set_user(self, name: str, role: str, *, untie: bool = False) -> UserView:
        """Name a person, or say what they may."""
        return cast("UserView", self._put(f"/users/{quoted(name)}", {"role": role, "untie": untie}))

    def disable_user(self, name: str) -> UserView:
        """Let a person neither sign in nor use a token."""
        return cast("UserView", self._post(f"/users/{quoted(name)}/disable", is_repeatable=True))

    def enable_user(self, name: str) -> UserView:
        """Let a person sign in again."""
        return cast("UserView", self._post(f"/users/{quoted(name)}/enable", is_repeatable=True))

    def sessions(self, user: str = "") -> list[SessionView]:
        """Browsers in which a user, or anybody that one may see (empty), is signed in."""
        return cast("list[SessionView]", self._get("/sessions", user=user or None))

    def end_session(self, id: str) -> None:
        """Sign a browser out."""
        self._delete(f"/sessions/{quoted(id)}")

    def end_sessions(self, user: str) -> int:
        """Sign all browsers of a user out; gives how many."""
        return int(self._delete(f"/users/{quoted(user)}/sessions")["count"])

    def audit(
        self, *, who: str = "", action: str = "", target: str = "", since: float = 0.0, until: float = 0.0,
        limit: int | None = None, before: int = 0,
    ) -> Iterator[AuditEntry]:  # fmt: skip
        """What was done, by whom and from where, the newest first, a page at a time as it is taken."""
        query: dict[str, Any] = {
            "who": who or None, "action": action or None, "target": target or None, "since": since or None,
            "until": until or None,
        }  # fmt: skip
        return self._pages("/audit", query, limit, before)
