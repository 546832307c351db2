"""Texts for people to see: cut to a length, without secrets."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["CELL", "Mask", "cell", "ends_shortened", "shortened"]

#: Takes secrets out of a text.
Mask = Callable[[str], str]

#: Characters of a table's cell.
CELL = 80

#: No secret is longer, nor what it is encoded to. A text is cut only behind as much, for the beginning of a secret is not known
#: as one.
_SECRET = 64 << 10


def shortened(text: str, limit: int, mask: Mask, *, is_part: bool = False) -> str:
    """At most so many characters of the beginning, without secrets and without the beginning of one.

    Args:
        is_part: the text is itself the beginning of a longer one.
    """
    beginning = text[: limit + _SECRET]
    masked = mask(beginning.encode("utf-8", "replace").decode())
    if is_part or len(beginning) < len(text):
        masked = masked[: max(len(masked) - _SECRET, 0)]
    return masked[:limit]


def ends_shortened(text: str, limit: int, mask: Mask) -> str:
    """The text without secrets, or so many characters of its beginning and of its end, without parts of one."""
    if len(text) <= 2 * (limit + _SECRET):
        return mask(text)
    end = mask(text[-limit - _SECRET :])
    return shortened(text, limit, mask) + end[min(_SECRET, len(end)) :][-limit:]


def cell(value: object, mask: Mask) -> str:
    """A value in a cell of a table."""
    text = value if isinstance(value, str) else str(value)
    told = shortened(text, CELL + 1, mask)
    return told if len(told) <= CELL else told[: CELL - 1] + "…"
