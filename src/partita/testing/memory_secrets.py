"""Secrets in plain dicts: a part of `MemoryStore`."""

from __future__ import annotations

from dataclasses import dataclass, field

from partita.store.port import Turn
from partita.store.secrets import SecretRow

__all__ = ["MemorySecrets", "SecretShelf"]


@dataclass(slots=True)
class SecretShelf:
    """All rows of secrets."""

    rows: dict[str, SecretRow] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)  # the last one given, by name


class MemorySecrets:
    """Reads and writes secrets."""

    @property
    def _secrets(self) -> SecretShelf:
        raise NotImplementedError

    def next_secret_version(self, name: str) -> int:
        """A version that no value of this name was ever given."""
        versions = self._secrets.versions
        versions[name] = versions.get(name, 0) + 1
        return versions[name]

    def secrets(self, name: str = "") -> list[SecretRow]:
        """Secrets by name."""
        return sorted(row for row in self._secrets.rows.values() if name in ("", row.name))

    def _write_secrets(self, turn: Turn) -> None:
        rows = self._secrets.rows
        for name in turn.unsecreted:
            rows.pop(name, None)
        for row in sorted(turn.secrets):
            known = rows.get(row.name)
            if known is None:
                rows[row.name] = row
            elif row.version > known.version:
                rows[row.name] = row._replace(created_at=known.created_at, created_by=known.created_by)
        for sealing in turn.sealings:
            known = rows.get(sealing.name)
            if known is not None and known.version == sealing.version:
                rows[sealing.name] = known._replace(key=sealing.key, ciphertext=sealing.ciphertext)
