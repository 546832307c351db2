"""Who may, and what was done, in plain dicts: a part of `MemoryStore`."""

from __future__ import annotations

from dataclasses import dataclass, field

from partita.store.access import EVERYTHING, AccessTurn, AuditFilter, AuditRow, SessionRow, TokenRow, UserRow

__all__ = ["AccessShelf", "MemoryAccess"]


@dataclass(slots=True)
class AccessShelf:
    """All rows about who may, and the audit."""

    tokens: dict[str, TokenRow] = field(default_factory=dict)
    users: dict[str, UserRow] = field(default_factory=dict)
    sessions: dict[str, SessionRow] = field(default_factory=dict)
    audit: list[AuditRow] = field(default_factory=list)


class MemoryAccess:
    """Reads and writes tokens, users, sessions and the audit."""

    @property
    def _access(self) -> AccessShelf:
        raise NotImplementedError

    def token(self, id: str) -> TokenRow | None:
        """A token by its id."""
        return self._access.tokens.get(id)

    def tokens(self) -> list[TokenRow]:
        """All tokens, the newest first."""
        return sorted(self._access.tokens.values(), key=lambda row: (-row.created_at, row.id))

    def user(self, name: str) -> UserRow | None:
        """A person by name."""
        return self._access.users.get(name)

    def user_of(self, source: str, subject: str) -> UserRow | None:
        """The person whom a provider calls so."""
        return next((row for row in self.users() if (row.source, row.subject) == (source, subject)), None)

    def users(self) -> list[UserRow]:
        """All people, by name."""
        return sorted(self._access.users.values())

    def session(self, id: str) -> SessionRow | None:
        """A session by its id."""
        return self._access.sessions.get(id)

    def sessions(self, user: str = "") -> list[SessionRow]:
        """Sessions, the newest first."""
        rows = (row for row in self._access.sessions.values() if user in ("", row.user))
        return sorted(rows, key=lambda row: (-row.created_at, row.id))

    def audit(
        self, which: AuditFilter = EVERYTHING, *, before: int = 0, after: int | None = None, limit: int = 100
    ) -> list[AuditRow]:
        """Rows of the audit."""
        rows = [row for row in self._access.audit if _is_wanted(row, which)]
        if after is not None:
            return [row for row in rows if row.number > after][:limit]
        return [row for row in rows[::-1] if not before or row.number < before][:limit]

    def _write_access(self, turn: AccessTurn) -> None:
        self._write_tokens(turn)
        self._write_users(turn)
        self._write_sessions(turn)
        audit = self._access.audit
        for entry in turn.audit:
            audit.append(entry._replace(number=len(audit) + 1))

    def _write_tokens(self, turn: AccessTurn) -> None:
        tokens = self._access.tokens
        for token in turn.tokens:
            tokens.setdefault(token.id, token)
        for at, address, id in turn.token_uses:
            if id in tokens:
                tokens[id] = tokens[id]._replace(used_at=at, used_from=address)
        for at, id in turn.revoked:
            if id in tokens and tokens[id].revoked_at is None:
                tokens[id] = tokens[id]._replace(revoked_at=at)

    def _write_users(self, turn: AccessTurn) -> None:
        users = self._access.users
        for user in turn.users:
            known = users.get(user.name)
            if known is not None:
                is_by_hand = known.role_from == "hand"
                user = user._replace(
                    role=known.role if is_by_hand and user.role_from != "hand" else user.role,
                    role_from="hand" if is_by_hand else user.role_from,
                    created_at=known.created_at, seen_at=known.seen_at, is_disabled=known.is_disabled,
                )  # fmt: skip
            users[user.name] = user
        for at, name in turn.user_uses:
            if name in users:
                users[name] = users[name]._replace(seen_at=at)
        for is_disabled, name in turn.disabled:
            if name in users:
                users[name] = users[name]._replace(is_disabled=is_disabled)

    def _write_sessions(self, turn: AccessTurn) -> None:
        sessions = self._access.sessions
        for session in turn.sessions:
            sessions.setdefault(session.id, session)
        for at, id in turn.session_uses:
            if id in sessions:
                sessions[id] = sessions[id]._replace(seen_at=at)
        over = [
            row.id
            for row in sessions.values()
            if row.id in turn.ended
            or row.user in turn.ended_of
            or (row.token and row.token in turn.ended_by)
            or any(row.expires_at <= at or row.seen_at + row.idle_s <= at for at in turn.expired)
        ]
        for id in over:
            del sessions[id]


def _is_wanted(row: AuditRow, which: AuditFilter) -> bool:
    return (
        which.who in ("", row.who)
        and (which.action in ("", row.action) or row.action.startswith(which.action + "."))
        and which.target in ("", row.target)
        and row.at >= which.since
        and (not which.until or row.at < which.until)
    )
