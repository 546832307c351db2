"""Who may, and what was done, by named statements: a part of `StatementStore`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from partita.store.access import EVERYTHING, AccessTurn, AuditFilter, AuditRow, SessionRow, TokenRow, UserRow, written

__all__ = ["AccessStatements"]


class AccessStatements:
    """Reads and writes tokens, users, sessions and the audit."""

    @abstractmethod
    def _read(self, name: str, *values: Any) -> list[Any]:
        """The rows that a statement gives."""

    @abstractmethod
    def _write_many(self, name: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run a statement once for each row, in the transaction that is open."""

    def token(self, id: str) -> TokenRow | None:
        """A token by its id."""
        return next((TokenRow(*row) for row in self._read("token", id)), None)

    def tokens(self) -> list[TokenRow]:
        """All tokens, the newest first."""
        return [TokenRow(*row) for row in self._read("tokens")]

    def user(self, name: str) -> UserRow | None:
        """A person by name."""
        return next((UserRow(*row) for row in self._read("user", name)), None)

    def user_of(self, source: str, subject: str) -> UserRow | None:
        """The person whom a provider calls so."""
        return next((UserRow(*row) for row in self._read("user_of", source, subject)), None)

    def users(self) -> list[UserRow]:
        """All people, by name."""
        return sorted(UserRow(*row) for row in self._read("users"))

    def session(self, id: str) -> SessionRow | None:
        """A session by its id."""
        return next((SessionRow(*row) for row in self._read("session", id)), None)

    def sessions(self, user: str = "") -> list[SessionRow]:
        """Sessions, the newest first."""
        return [SessionRow(*row) for row in self._read("sessions", user)]

    def audit(
        self, which: AuditFilter = EVERYTHING, *, before: int = 0, after: int | None = None, limit: int = 100
    ) -> list[AuditRow]:
        """Rows of the audit."""
        name, cursor = ("audit", before) if after is None else ("audit_after", after)
        return [AuditRow(*row) for row in self._read(name, *which, cursor, limit)]

    def _write_access(self, turn: AccessTurn) -> None:
        for name, rows in written(turn):
            if rows:
                self._write_many(name, rows)
