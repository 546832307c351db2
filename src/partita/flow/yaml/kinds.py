"""Types as a YAML flow writes them: `int`, `list[text]`, `dict[str, float] | None`, `package.module:Class`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Union

__all__ = ["KINDS", "KindError", "read_kind"]

#: Name -> type.
KINDS: dict[str, Any] = {
    "str": str, "text": str, "string": str,
    "int": int, "integer": int,
    "float": float, "number": float,
    "bool": bool, "boolean": bool,
    "list": list, "array": list,
    "dict": dict, "mapping": dict, "object": dict,
    "tuple": tuple, "set": set, "bytes": bytes,
    "path": Path, "date": date, "datetime": datetime, "duration": timedelta,
    "any": Any, "none": None, "null": None,
}  # fmt: skip

_LONGEST = 300


class KindError(ValueError):
    """A type that cannot be read; `name` is what is not known in it."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


def read_kind(text: str, load: Callable[[str], Any]) -> Any:
    """The type.

    Args:
        load: gives what a reference "module:Class" names.

    Raises:
        KindError: it is none.
    """
    text = text.strip()
    if ":" in text:
        found = load(text)
        if not isinstance(found, type) and not hasattr(found, "__origin__"):
            raise KindError(f"{text} is {type(found).__name__}, not a type")
        return found
    try:
        return _read(ast.parse(text[:_LONGEST], mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError):
        raise KindError(f"{text!r} is not a type") from None


def _read(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        if node.id.lower() in KINDS:
            return KINDS[node.id.lower()]
        raise KindError(f"there is no type {node.id!r}", node.id)
    if isinstance(node, ast.Constant) and node.value is None:
        return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return Union[_read(node.left), _read(node.right)]  # noqa: UP007 - made from values
    if isinstance(node, ast.Subscript):
        outer = _read(node.value)
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        given = tuple(... if isinstance(item, ast.Constant) and item.value is ... else _read(item) for item in items)
        if outer not in (list, dict, tuple, set) or (outer in (list, set) and len(given) != 1):
            raise KindError(f"{ast.unparse(node)} is not a type")
        if outer is dict and len(given) != 2:
            raise KindError(f"{ast.unparse(node)} is not a type; a dict has two: dict[str, int]")
        return outer[given]
    raise KindError(f"{ast.unparse(node)} is not a type")
