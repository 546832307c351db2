"""Secrets: what is asked of them from outside, and their values for the attempts whose tasks name them.

A value is opened when an attempt asks for it, and kept nowhere: so the next attempt gets what was set meanwhile, by whichever
engine of the store.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from partita.artifacts.sealing import PUBLIC_KEY_BYTES, seal_for
from partita.artifacts.secret_keys import SecretKeys
from partita.engine.audit import Audit
from partita.engine.book import Book
from partita.engine.lanes import Flight
from partita.engine.live import environment_of
from partita.errors import NotFoundError, SecretError
from partita.protocol.secrets import SHORTEST_LENGTH, SecretChange, SecretView, checked_name, checked_value
from partita.store.secrets import SecretRow, SecretSealing

__all__ = ["Secrets"]

_log = logging.getLogger("partita.engine")


class Secrets:
    """Answers requests of clients (`verbs` names them) and of attempts."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._audit = Audit(book)
        self._keys = SecretKeys(Path(book.workspace), book.secrets_key)
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "secrets": self.listed, "secret_set": self.store, "secret_remove": self.remove, "secrets_rekey": self.rekey,
        }  # fmt: skip

    def listed(self, fields: dict[str, Any]) -> list[SecretView]:
        """All secrets by name, without their values."""
        return [_view(row) for row in self._rows()]

    def store(self, fields: dict[str, Any]) -> SecretChange:
        """Store a value under a name; attempts that start from now on get it.

        Raises:
            SecretError: it cannot be stored, or a secret is here that this engine cannot open.
        """
        name = checked_name(fields.get("name"))
        value = checked_value(name, fields.get("value"))
        rows = self._rows()
        self._need_keys_of(rows)
        known = next((row for row in rows if row.name == name), None)
        by, now = _author(fields), self._book.now
        version = self._book.store.next_secret_version(name)
        key, ciphertext = self._keys.seal(name, version, value)
        row = SecretRow(name, version, key, ciphertext, now, by[0], now, by[0])
        if known is not None:
            row = row._replace(created_at=known.created_at, created_by=known.created_by)
        self._book.turn.secrets.append(row)
        self._audit.note(by, "secret.set", name, {"version": version})
        warning = (
            f"it has {len(value)} characters: so short it cannot be masked well" if len(value) < SHORTEST_LENGTH else ""
        )
        return SecretChange(secret=_view(row), is_new=known is None, warning=warning)

    def remove(self, fields: dict[str, Any]) -> None:
        """Forget a secret.

        Raises:
            NotFoundError: there is none of that name.
        """
        name, turn = str(fields.get("name")), self._book.turn
        if not self._rows(name):
            raise NotFoundError(f"there is no secret {name}; `partita secrets list` lists them")
        turn.secrets[:] = [row for row in turn.secrets if row.name != name]
        turn.unsecreted.append(name)
        self._audit.note(_author(fields), "secret.remove", name)

    def rekey(self, fields: dict[str, Any]) -> Callable[[], int]:
        """Encrypt all secrets anew: with a new key, or with the first of those that the variable gives.

        What it gives is called once the turn is committed: then older keys are forgotten, and it says how many secrets were.

        Raises:
            SecretError: one cannot be opened; nothing is changed then.
        """
        rows, turn = self._rows(), self._book.turn
        values = [self._keys.open(row.name, row.version, row.key, row.ciphertext) for row in rows]
        self._keys.renew()
        for row, value in zip(rows, values, strict=True):
            key, ciphertext = self._keys.seal(row.name, row.version, value)
            if row in turn.secrets:
                turn.secrets[turn.secrets.index(row)] = row._replace(key=key, ciphertext=ciphertext)
            else:
                turn.sealings.append(SecretSealing(key, ciphertext, row.name, row.version))

        self._audit.note(_author(fields), "secret.rekey", "", {"secrets": len(rows)})

        def committed() -> int:
            self._keys.forget({row.key for row in self._book.store.secrets()})
            return len(rows)

        return committed

    def asked(self, flight: Flight, fields: dict[str, Any]) -> dict[str, Any] | None:
        """What an attempt is told of a secret; None: none of that name is stored.

        Raises:
            SecretError: its task does not name it, or it cannot be opened.
        """
        live = self._book.lives[flight.run]
        profile = live.run.profiles[live.run.steps[flight.step].profile]
        name, public_key = fields.get("name"), fields.get("key")
        if not isinstance(name, str) or name not in profile.secrets:
            raise SecretError(f"{profile.title} asked for a secret that it does not name; name it: secrets=[...]")
        row = next(iter(self._rows(name)), None)
        if row is None:
            return None
        value = self._keys.open(name, row.version, row.key, row.ciphertext)
        if isinstance(public_key, bytes) and len(public_key) == PUBLIC_KEY_BYTES:
            return {"sealed": seal_for(public_key, value, name)}
        if not environment_of(profile):
            raise SecretError(f"{profile.title} asked for {name} without a key; is its Partita another version?")
        return {"plain": value}  # over a socket: a worker in an environment is on this machine

    def _rows(self, name: str = "") -> list[SecretRow]:
        """As they will be when the turn is committed."""
        turn = self._book.turn
        rows = {row.name: row for row in self._book.store.secrets(name) if row.name not in turn.unsecreted}
        rows.update((row.name, row) for row in turn.secrets if name in ("", row.name))
        return sorted(rows.values())

    def _need_keys_of(self, rows: list[SecretRow]) -> None:
        """One store has one key: else nobody could open all of its secrets."""
        names = self._keys.names
        foreign = next((row for row in rows if row.key not in names), None)
        if foreign is not None:
            raise self._keys.missing(foreign.name, foreign.key)


def _author(fields: dict[str, Any]) -> list[str]:
    """Name, credential and address of who asks."""
    by = fields.get("by") or ""
    return [by] if isinstance(by, str) else [str(part) for part in by]


def _view(row: SecretRow) -> SecretView:
    return SecretView(
        name=row.name, version=row.version, created_at=row.created_at, created_by=row.created_by,
        rotated_at=row.rotated_at, rotated_by=row.rotated_by,
    )  # fmt: skip
