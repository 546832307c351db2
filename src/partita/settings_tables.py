"""Tables of settings: each key is read by its own rule, and what is wrong is told with the key and the table."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["read_table"]


def read_table(
    table: Mapping[str, Any], keys: Mapping[str, tuple[str, Callable[[Any], Any]]], where: str
) -> dict[str, Any]:
    """What the table says, by attribute.

    Args:
        keys: by key the attribute, and what reads what is given.
        where: what the table is of, as errors tell it.

    Raises:
        ValueError: a key that is not there, or something that cannot be read; it says what was expected.
    """
    values: dict[str, Any] = {}
    for key, given in table.items():
        found = keys.get(key)
        if found is None:
            near = difflib.get_close_matches(key, keys, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(keys)}"
            raise ValueError(f"no {key!r} to {where}; {hint}")
        attribute, parse = found
        try:
            values[attribute] = parse(given)
        except ValueError as error:
            raise ValueError(f"as {key} of {where} {error}") from None
    return values
