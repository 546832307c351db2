"""Rows of secrets by named statements: a part of `StatementStore`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from partita.store.port import Turn
from partita.store.secrets import SecretRow

__all__ = ["SecretStatements"]

#: Under which the versions of a secret are counted.
_COUNTER = "versions of the secret "


class SecretStatements:
    """Reads and writes secrets."""

    @abstractmethod
    def _read(self, name: str, *values: Any) -> list[Any]:
        """The rows that a statement gives."""

    @abstractmethod
    def _write_many(self, name: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run a statement once for each row, in the transaction that is open."""

    def next_secret_version(self, name: str) -> int:
        """A version that no value of this name was ever given."""
        number: int = self._read("next_of", _COUNTER + name)[0][0]
        return number

    def secrets(self, name: str = "") -> list[SecretRow]:
        """Secrets by name."""
        return sorted(SecretRow(*row) for row in self._read("secrets", name))

    def _write_secrets(self, turn: Turn) -> None:
        # By their names, so that engines that write at once do not wait for each other crosswise.
        self._write_many("delete_secret", [(name,) for name in sorted(turn.unsecreted)])
        self._write_many("insert_secret", sorted(map(tuple, turn.secrets)))
        self._write_many("seal_secret", sorted(map(tuple, turn.sealings), key=lambda row: row[2:]))
