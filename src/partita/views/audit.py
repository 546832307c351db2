"""The audit as people and spreadsheets read it."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from partita.protocol.access import AuditEntry

__all__ = ["Noted", "audit_page", "csv_lines", "each_entry", "json_lines"]

#: Seconds that looking for one page may take.
PATIENCE_S = 1.0
_ROWS = 500
#: What a spreadsheet takes for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Read = Callable[..., list[AuditEntry]]


class Noted(NamedTuple):
    """Which entries."""

    who: str = ""
    action: str = ""  # such as "token.create"; "token" means all of "token."
    target: str = ""
    outcome: str = ""  # "done", or "refused": anything else
    since: float = 0.0  # seconds since the epoch
    until: float = 0.0  # the first moment that is not meant any more; 0: no end

    def fits(self, entry: AuditEntry) -> bool:
        """Whether it has the outcome; the rest the store looks at."""
        return not self.outcome or (entry["outcome"] == "done") == (self.outcome == "done")


def each_entry(read: Read, noted: Noted, before: int = 0) -> Iterator[AuditEntry]:
    """The entries, the newest first.

    Args:
        read: gives entries before a number.
    """
    for page in _pages(read, noted, before):
        yield from filter(noted.fits, page)


def audit_page(
    read: Read, noted: Noted, before: int, limit: int, clock: Callable[[], float] = time.monotonic
) -> tuple[list[AuditEntry], int, bool]:
    """Entries, the number before which the next page goes on (0: there are no more), and whether the page is whole: else the time
    was up before it was full."""
    found: list[AuditEntry] = []
    until = clock() + PATIENCE_S
    for page in _pages(read, noted, before):
        for entry in filter(noted.fits, page):
            if len(found) == limit:
                return found, found[-1]["number"], True
            found.append(entry)
        if clock() >= until:
            return found, page[-1]["number"], False
    return found, 0, True


def _pages(read: Read, noted: Noted, before: int) -> Iterator[list[AuditEntry]]:
    while True:
        page = read(
            before=before, who=noted.who, action=noted.action, target=noted.target, since=noted.since, until=noted.until,
            limit=_ROWS,
        )  # fmt: skip
        if not page:
            return
        yield page
        before = page[-1]["number"]
        if before <= 1:
            return


def json_lines(entries: Iterator[AuditEntry]) -> Iterator[bytes]:
    """Each entry as an object on a line, exactly as it is kept."""
    for entry in entries:
        yield json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


def csv_lines(entries: Iterator[AuditEntry]) -> Iterator[bytes]:
    """A table (RFC 4180). What a spreadsheet would take for a formula has a ' before it: names may be chosen by anybody."""
    names = ("number", "at", "who", "credential", "address", "action", "target", "outcome", "data")
    yield _row(names)
    for entry in entries:
        at = datetime.fromtimestamp(entry["at"], UTC).isoformat(timespec="milliseconds")
        data = json.dumps(entry["data"], ensure_ascii=False)
        told = (
            entry["who"],
            entry["credential"],
            entry["address"],
            entry["action"],
            entry["target"],
            entry["outcome"],
            data,
        )
        yield _row((str(entry["number"]), at, *map(_harmless, told)))


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(cells: tuple[str, ...]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode("utf-8", "replace")
