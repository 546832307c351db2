"""Steps as people name them: by their whole path, or by as much of its end as tells which one is meant.

The elements of a map over what was not known yet lie below a step of the map's own name: `fit[]/fit[3]`. That name may be left
out: `fit[3]`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["WHOLE", "closeness", "several", "short_path"]

_MAP_OF_ELEMENT = re.compile(r"(?<![^/])([^/\[]+)\[\](#\d+)?/(?=\1\[)")
#: How close a name is to a path: it is all of it, all but names of maps, or the end of either; `None`: it is none of these.
WHOLE, SHORT, END = range(3)
_MOST_TOLD = 8


def short_path(path: str) -> str:
    """The path without the names of maps above their elements."""
    return _MAP_OF_ELEMENT.sub("", path)


def closeness(name: str, path: str) -> int | None:
    """How well a name fits a path, the better the less: `WHOLE` is all of it; None: not at all."""
    if name == path:
        return WHOLE
    short = short_path(path)
    if name == short:
        return SHORT
    return END if any(_ends(each, name) for each in (path, short)) else None


def _ends(path: str, name: str) -> bool:
    """Whether the name is the end of the path. "undo prep/fit" is one name, of a step that undoes another."""
    before = path.removesuffix(f"/{name}")
    return before != path and not any(part.startswith("undo ") for part in before.split("/"))


def several(name: str, paths: Sequence[str]) -> str:
    """What is said of a name that fits several paths equally well."""
    told = ", ".join(paths[:_MOST_TOLD]) + (f" and {len(paths) - _MOST_TOLD} more" if len(paths) > _MOST_TOLD else "")
    return f"{name!r} may be {told}; write one of them whole"
