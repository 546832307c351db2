"""Durations and sizes as people write them."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from partita.errors import OptionError

__all__ = ["duration_s", "size_bytes"]

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
