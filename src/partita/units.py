"""Durations, sizes and whole numbers as people write and read them."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from partita.errors import OptionError

__all__ = ["duration_s", "duration_text", "size_bytes", "size_text", "whole_number"]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtKMGT]?)(i?)[bB]?")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def duration_s(value: object, option: str = "duration") -> float:
    """Seconds of a number, a timedelta, or a text such as "90s", "5m", "1h30m", "250ms".

    Raises:
        OptionError: the value is none of these, or negative.
    """
    seconds: float | None = None
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str):
        seconds = _seconds_of(value.strip())
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        raise OptionError(
            f'{option}={value!r} is not a duration; give seconds (90), a text ("90s", "5m", "1h30m") or a timedelta'
        )
    return seconds


def _seconds_of(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    position, total = 0, 0.0
    for part in _DURATION.finditer(text):
        if part.start() != position:
            return None
        total += float(part[1]) * _SECONDS[part[2]]
        position = part.end()
        while position < len(text) and text[position] == " ":
            position += 1
    return total if position == len(text) and text else None


def size_bytes(value: object, option: str = "size") -> int:
    """Bytes of an integer or of a text such as "512MiB" (powers of 1024) or "2GB" (powers of 1000).

    Raises:
        OptionError: the value is neither, or negative.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str):
        found = _SIZE.fullmatch(value.strip())
        if found and not (found[3] and not found[2]):
            return int(float(found[1]) * (1024 if found[3] else 1000) ** _POWERS[found[2].lower()])
    raise OptionError(f'{option}={value!r} is not a size; give bytes (536870912) or a text ("512MiB", "2GB")')


def duration_text(seconds: float) -> str:
    """A duration for people: "0.03 s", "4.2 s", "1m 05s", "2h 03m", "3d 04h"."""
    seconds = max(seconds, 0.0)
    if seconds < 0.0995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    minutes = whole // 60
    if minutes < 24 * 60:
        return f"{minutes // 60}h {minutes % 60:02d}m"
    return f"{minutes // 1440}d {minutes % 1440 // 60:02d}h"


def size_text(size: float) -> str:
    """A size for people, in powers of 1024: "312 bytes", "4.0 KiB", "1.5 GiB"."""
    if size < 1024:
        return f"{size:.0f} bytes"
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1023.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} TiB"


def whole_number(text: str, most: int) -> int | None:
    """The whole number that was written, no further from 0 than `most`; None: it is none."""
    try:
        number = int(text)
    except ValueError:  # which is also said of very many digits
        return None
    return number if -most <= number <= most else None
