"""What the containers of a value look like: whether they form a tree, and whether MessagePack keeps them exactly."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType
from typing import Any

from partita.values import pack

__all__ = ["ATOMS", "is_tree", "packed_plain"]

ATOMS = frozenset({type(None), bool, int, float, str, bytes})

_CONSTANT = (Enum, PurePath, type, FunctionType, BuiltinFunctionType, int, float, complex, str, bytes)
_CONSTANT_MODULES = frozenset({"datetime", "decimal", "fractions", "uuid", "zoneinfo", "numpy"})
_DEEPEST = 64
_MOST_CONTAINERS = 100_000


def is_tree(value: Any) -> bool:
    """Whether no object that could change appears in two places, and the containers are not too deep or too many."""
    stack = [(value, 0)]
    seen: set[int] = set()
    while stack:
        current, depth = stack.pop()
        kind = type(current)
        if kind in ATOMS:
            continue
        if id(current) in seen and not _is_constant(current, kind):
            return False
        seen.add(id(current))
        if depth > _DEEPEST or len(seen) > _MOST_CONTAINERS:
            return False
        stack.extend((child, depth + 1) for child in _children(current, kind))
    return True


def packed_plain(value: Any) -> bytes | None:
    """The value in MessagePack; None where that would not give the same value back."""
    if not _is_plain(value, 0):
        return None
    try:
        return pack(value)
    except (OverflowError, ValueError):  # an integer past 64 bits, a lone surrogate
        return None


def _children(value: Any, kind: type) -> Any:
    if kind is list or kind is tuple:
        return () if ATOMS.issuperset(map(type, value)) else value
    if kind is dict:
        return () if ATOMS.issuperset(map(type, value.values())) else value.values()
    if "__dataclass_fields__" in vars(kind):
        return [getattr(value, field.name, None) for field in fields(kind)]
    return ()


def _is_constant(value: Any, kind: type) -> bool:
    if kind is tuple:
        return not value
    if kind.__module__ == "partita.artifacts.files":
        return True
    if kind.__module__ in _CONSTANT_MODULES:
        return kind.__name__ != "ndarray"
    return isinstance(value, _CONSTANT)


def _is_plain(value: Any, depth: int) -> bool:
    kind = type(value)
    if kind in ATOMS:
        return True
    if depth > _DEEPEST:
        return False
    if kind is dict:
        if not _TEXT.issuperset(map(type, value)):
            return False
        value = value.values()
    elif kind is not list:
        return False
    return ATOMS.issuperset(map(type, value)) or all(_is_plain(item, depth + 1) for item in value)


_TEXT = frozenset({str})
