"""Cursors: where a list goes on. Clients take them from the page before; of what form they are, the API's document says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from partita.errors import RequestError

__all__ = ["LIMIT_AT_MOST", "cursor_of", "cursor_pattern", "page", "read_cursor", "read_place"]

LIMIT_AT_MOST = 500
#: Number of a run, step or row, of which the store can have no more; -1 is before the first.
_NUMBER = "(-1|[0-9]{1,15})"


def cursor_pattern(count: int = 1) -> str:
    """What cursors of so many numbers look like; "" is the beginning of a list."""
    return "^(" + r"\.".join([_NUMBER] * count) + ")?$"


def cursor_of(place: int | str | Sequence[int]) -> str:
    """A place in a list as a word for addresses: a number, several, or in a list of names the name before."""
    return str(place) if isinstance(place, int | str) else ".".join(map(str, place))


def read_cursor(cursor: str) -> int:
    """The number that a cursor names.

    Raises:
        RequestError: it is of no list, or of another one.
    """
    return read_place(cursor, 1)[0]


def read_place(cursor: str, count: int) -> tuple[int, ...]:
    """The numbers that a cursor names.

    Raises:
        RequestError: it is of no list, or of another one.
    """
    if not cursor or not re.fullmatch(cursor_pattern(count), cursor):
        raise RequestError(f"{cursor[:80]!r} is no cursor of this list; take it from `next` of the page before")
    return tuple(map(int, cursor.split(".")))


def page(items: list[Any], limit: int, place: Any) -> dict[str, Any]:
    """A page of a list.

    Args:
        items: one more than the page holds, where there are so many.
        place: gives the place after an item.
    """
    shown = items[:limit]
    return {"items": shown, "next": cursor_of(place(shown[-1])) if len(items) > limit and shown else None}
