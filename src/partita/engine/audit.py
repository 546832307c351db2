"""The audit: who did what from where, as texts that cannot pass for something else.

What is noted comes in part from whoever is being watched: names, addresses, what a browser calls itself. A line break in it
would look like an entry of its own where the audit is printed, and marks of the direction of writing would turn it around; so
whatever cannot be printed is written as an escape, and everything has a longest length.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from partita.engine.book import Book
from partita.errors import ProtocolError
from partita.protocol.access import AuditEntry
from partita.store.access import AuditFilter, AuditRow

__all__ = ["Audit", "cleaned"]

_LONGEST = 500
_LONGEST_DATA = 16_384
_DEEPEST = 8
LISTED = 1000


class Audit:
    """Notes and reads."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def note(
        self, by: Sequence[str], action: str, target: str, data: dict[str, Any] | None = None, outcome: str = "done"
    ) -> None:
        """Write an entry with this turn.

        Args:
            by: name, credential and address of who did it.
        """
        who, credential, address = (cleaned(part, _LONGEST) for part in (*by, "", "", "")[:3])
        row = AuditRow(
            0, self._book.now, who, credential, address, cleaned(action, _LONGEST), cleaned(target, _LONGEST),
            cleaned(outcome, _LONGEST), _packed(data or {}),
        )  # fmt: skip
        self._book.turn.access.audit.append(row)

    def note_request(self, fields: dict[str, Any]) -> None:
        """What a client has done or refused; when, and under which number, is not for it to say."""
        entry, data = fields["entry"], fields["entry"].get("data") or {}
        if not entry.get("action") or not isinstance(data, dict):
            raise ProtocolError(f"this is no entry of the audit: {entry!r}; give an action, and data as a map")
        by = [entry.get(name) or "" for name in ("who", "credential", "address")]
        self.note(by, entry["action"], entry.get("target") or "", data, entry.get("outcome") or "done")

    def read(self, fields: dict[str, Any]) -> list[AuditEntry]:
        """Entries: before a number, the newest first; or after one, the oldest first."""
        which = AuditFilter(
            **{name: cleaned(fields.get(name) or "", _LONGEST) for name in ("who", "action", "target")},
            since=float(fields.get("since") or 0.0), until=float(fields.get("until") or 0.0),
        )  # fmt: skip
        after = fields.get("after")
        rows = self._book.store.audit(
            which, before=int(fields.get("before") or 0), after=None if after is None else int(after),
            limit=max(1, min(int(fields.get("limit") or 100), LISTED)),
        )  # fmt: skip
        return [
            AuditEntry(
                number=row.number, at=row.at, who=row.who, credential=row.credential, address=row.address, action=row.action,
                target=row.target, outcome=row.outcome, data=json.loads(row.data),
            )
            for row in rows
        ]  # fmt: skip


def cleaned(text: object, longest: int) -> str:
    """The text with an escape for all that cannot be printed, cut to a length."""
    text = str(text)[: longest + 1]
    if not text.isprintable():
        text = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _packed(data: dict[str, Any]) -> str:
    # Every text in it is escaped by JSON itself, also what is not ASCII.
    text = json.dumps(_plain(data, 0), allow_nan=False, sort_keys=True)
    return text if len(text) <= _LONGEST_DATA else json.dumps({"left_out_characters": len(text)})


def _plain(value: Any, depth: int) -> Any:
    """What JSON can say of it."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if depth < _DEEPEST and isinstance(value, dict):
        return {cleaned(key, _LONGEST): _plain(item, depth + 1) for key, item in value.items()}
    if depth < _DEEPEST and isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, float) and abs(value) < float("inf"):
        return value
    return cleaned(value, _LONGEST)
