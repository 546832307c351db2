"""A value as a short text for people. Whatever the value is, this neither fails nor takes long."""

from __future__ import annotations

import reprlib
from typing import Any

from partita.artifacts.previews.shortening import Mask, ends_shortened, shortened

__all__ = ["PREVIEW_LIMIT", "preview"]

PREVIEW_LIMIT = 200  # characters


class _Shortening(reprlib.Repr):
    """Takes secrets out of texts before it cuts them: the beginning of a secret is not known as one."""

    def __init__(self, mask: Mask) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxstring = self.maxother = self.maxlong = 120
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = 8
        self._mask = mask

    def repr_str(self, x: str, level: int) -> str:
        if len(x) > self.maxstring:
            x = ends_shortened(x, self.maxstring, self._mask)
        return super().repr_str(x, level)

    def repr_instance(self, x: Any, level: int) -> str:
        try:
            told = self._mask(repr(x))
        except Exception:
            return f"<{type(x).__name__}>"
        if len(told) <= self.maxother:
            return told
        left = (self.maxother - len(self.fillvalue)) // 2
        return told[:left] + self.fillvalue + told[-left:]


def preview(value: object, mask: Mask = str) -> str:
    """At most 200 characters on one line.

    Args:
        mask: takes secrets out of a text.
    """
    try:
        text = _shaped(value) or _sized(value, mask) or _Shortening(mask).repr(value)
        text = mask(" ".join(str(text).split()).encode("utf-8", "replace").decode())
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= PREVIEW_LIMIT else text[: PREVIEW_LIMIT - 1] + "…"


def _shaped(value: Any) -> str:
    """Pictures, and arrays, tensors and tables of any library."""
    kind = type(value)
    if kind.__module__.startswith("PIL."):
        return f"{kind.__name__} {value.mode} {value.width} x {value.height}"
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


def _sized(value: Any, mask: Mask) -> str:
    if type(value) in (bytes, bytearray) and len(value) > 40:
        return f"{type(value).__name__} {len(value):,}"
    if type(value) is str and len(value) > PREVIEW_LIMIT:
        return repr(shortened(value, PREVIEW_LIMIT, mask))
    return ""
