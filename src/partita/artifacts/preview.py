"""A value as a short text for people. Whatever the value is, this neither fails nor takes long."""

from __future__ import annotations

import reprlib
from typing import Any

__all__ = ["PREVIEW_LIMIT", "preview"]

PREVIEW_LIMIT = 200  # characters

_shortening = reprlib.Repr()
_shortening.maxlevel = 4
_shortening.maxstring = _shortening.maxother = _shortening.maxlong = 120
_shortening.maxlist = _shortening.maxtuple = _shortening.maxdict = _shortening.maxset = 8


def preview(value: object) -> str:
    """At most 200 characters on one line."""
    try:
        text = _shaped(value) or _sized(value) or _shortening.repr(value)
        text = " ".join(str(text).split()).encode("utf-8", "replace").decode()
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= PREVIEW_LIMIT else text[: PREVIEW_LIMIT - 1] + "…"


def _shaped(value: Any) -> str:
    """Arrays, tensors and tables of any library."""
    kind = type(value)
    shape = getattr(kind, "shape", None)
    if shape is None:
        return ""
    sizes = tuple(value.shape)
    if not all(isinstance(size, int) for size in sizes):
        return ""
    if len(sizes) == 2 and hasattr(kind, "columns"):
        names = ", ".join(map(str, list(value.columns)[:12]))
        return f"{kind.__name__} {sizes[0]:,} x {sizes[1]}: {names}"
    if not sizes and kind.__name__ != "ndarray":
        return ""  # a number of some library, which its repr shows
    return f"{kind.__name__} {value.dtype} {sizes}" if hasattr(kind, "dtype") else f"{kind.__name__} {sizes}"


def _sized(value: Any) -> str:
    if type(value) in (bytes, bytearray) and len(value) > 40:
        return f"{type(value).__name__} {len(value):,}"
    if type(value) is str and len(value) > PREVIEW_LIMIT:
        return repr(value[:PREVIEW_LIMIT])
    return ""
