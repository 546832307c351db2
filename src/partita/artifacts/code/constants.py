"""What a global, a default or a closure variable holds, as text that is the same in every process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from types import FunctionType, MappingProxyType, MethodType, ModuleType, SimpleNamespace
from typing import Any

__all__ = ["Described", "is_without_effect"]

_SCALARS = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented), range)
_VALUE_MODULES = frozenset({"datetime", "decimal", "fractions", "uuid", "ipaddress", "zoneinfo", "pathlib"})
_ARRAY_BYTES = 16 << 20

#: Instances of these change nothing that a task computes, or are seen where they are used.
_WITHOUT_EFFECT = frozenset({
    ("logging", "Logger"), ("logging", "LoggerAdapter"), ("_thread", "lock"), ("_thread", "RLock"), ("threading", "RLock"),
    ("threading", "Lock"), ("threading", "local"), ("_contextvars", "ContextVar"), ("contextvars", "ContextVar"),
})  # fmt: skip


class Described:
    """A value as text; what it holds beside plain data stands in `next`."""

    __slots__ = ("_local", "_open", "next", "text")

    def __init__(self, item: Any, local: Callable[[str], str]) -> None:
        """
        Args:
            local: takes the project's path, which differs from bundle to bundle, out of a text.
        """
        self.next: list[Any] = []
        self._local = local
        self._open: set[int] = set()
        self.text = self._describe(item)

    def _describe(self, item: Any) -> str:
        kind = type(item)
        if kind in _SCALARS:
            return self._local(repr(item))
        if kind.__module__.partition(".")[0] in _VALUE_MODULES and not isinstance(item, type):
            return self._local(repr(item))
        if id(item) in self._open:
            return "<itself>"
        self._open.add(id(item))
        try:
            parts = _parts(item)
            if parts is None:
                return self._opaque(item)
            inner = [self._describe(part) for part in parts]
            if isinstance(item, (set, frozenset)):
                inner.sort()
            return f"{kind.__qualname__}({', '.join(inner)})"
        finally:
            self._open.discard(id(item))

    def _opaque(self, item: Any) -> str:
        self.next.append(item)
        if isinstance(item, (type, FunctionType, MethodType)):
            return f"<{item.__qualname__}>"
        if isinstance(item, ModuleType):
            return "<module>"
        return f"<{type(item).__qualname__}>"


def is_without_effect(item: Any) -> bool:
    """Whether what the object holds does not matter to a result."""
    kind = type(item)
    return kind.__module__ in ("typing", "typing_extensions") or any(
        (base.__module__, base.__qualname__) in _WITHOUT_EFFECT for base in kind.__mro__
    )


def _parts(item: Any) -> tuple[Any, ...] | None:
    """What a container or plain record consists of, in order; None for all other things."""
    kind = type(item)
    if isinstance(item, Enum):
        return (kind, item.name)
    if isinstance(item, (list, tuple, set, frozenset)):
        return tuple(item) if kind.__module__ == "builtins" else (kind, *item)
    if isinstance(item, (dict, MappingProxyType)):
        pairs = tuple(part for pair in item.items() for part in pair)
        return pairs if kind.__module__ == "builtins" else (kind, *pairs)
    if kind is SimpleNamespace:
        return tuple(part for pair in vars(item).items() for part in pair)
    if kind is slice:
        return (item.start, item.stop, item.step)
    if kind.__module__ == "re" and kind.__name__ == "Pattern":
        return (item.pattern, item.flags)
    if kind.__module__ == "types" and kind.__name__ in ("GenericAlias", "UnionType"):
        return tuple(item.__args__)
    if is_dataclass(kind) and not kind.__module__.startswith("partita."):
        return (kind, *(getattr(item, field.name, None) for field in fields(item)))
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(item, (numpy.ndarray, numpy.generic)) and not item.dtype.hasobject:
        return (kind, str(item.dtype), tuple(item.shape), item.tobytes()) if item.nbytes <= _ARRAY_BYTES else None
    if numpy is not None and isinstance(item, numpy.dtype):
        return (str(item),)
    return None
