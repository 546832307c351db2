"""What people write into forms: moments, sizes, durations. What cannot be read is told beside the form, and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from partita.errors import OptionError
from partita.units import duration_s, size_bytes

__all__ = ["Form", "artifact_address", "moment_of"]


class Form:
    """Texts of one form, and what is wrong with them.

    Args:
        tell: what is said of an error.
    """

    def __init__(self, tell: Callable[[Exception], str] = str, now: float | None = None) -> None:
        self.problems: list[str] = []
        self._tell = tell
        self._now = time.time() if now is None else now

    def moment(self, text: str) -> float:
        """Seconds since the epoch of "2026-11-30", "2026-11-30T08:15" (in UTC, or with an offset), or "7d" ago. 0: none."""
        return float(self._read(text, lambda told: moment_of(told, self._now), 0.0))

    def size(self, text: str) -> int:
        """Bytes of "10MB"; 0: nothing was written."""
        return int(self._read(text, lambda told: size_bytes(told, "size"), 0))

    def duration(self, text: str) -> float | None:
        """Seconds of "7d"; None: nothing was written."""
        found = self._read(text, lambda told: duration_s(told, "duration"), None)
        return None if found is None else float(found)

    def _read(self, text: str, read: Callable[[str], Any], otherwise: Any) -> Any:
        if not text.strip():
            return otherwise
        try:
            return read(text.strip())
        except OptionError as error:
            self.problems.append(self._tell(error))
            return otherwise


def moment_of(text: str, now: float) -> float:
    """
    Raises:
        OptionError: it is no moment.
    """
    if text.endswith(("ms", "s", "m", "h", "d")):
        return max(now - duration_s(text, "time"), 0.0)
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise OptionError(
            f"{text!r} is no moment; give a date such as 2026-11-30, 2026-11-30T08:15, or how long ago: 7d"
        ) from None


def artifact_address(name: str, page: str = "") -> str:
    """Where an artifact is shown. Names hold slashes, brackets and colons, and so stand behind the question mark."""
    return f"/artifacts/item{page}?name={quote(name, safe='')}"
