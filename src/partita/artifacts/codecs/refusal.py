"""Saying which part of a value cannot be stored, and what to do instead."""

from __future__ import annotations

import _thread
import io
import mmap
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from dataclasses import fields, is_dataclass
from itertools import islice
from typing import Any

from partita.errors import ValueStoreError

__all__ = ["refusal"]

_MAKE_INSIDE = "make it inside the task that uses it, and pass what it is made from"
_DEPTH = 12
_CHILDREN = 1000

_REMEDIES: tuple[tuple[tuple[type, ...], str], ...] = (
    ((Generator,), "return list(...) of it, or return the values themselves instead of `yield`ing them"),
    ((AsyncGenerator,), "gather what it yields into a list: [item async for item in ...]"),
    ((Coroutine,), "`await` it in an `async def` task, and return the result"),
    ((io.IOBase, mmap.mmap), "return the file's path (a pathlib.Path) or what it holds, and open it where it is read"),
    ((memoryview,), "return bytes(...) of it"),
    ((_thread.LockType, threading.Thread, socket.socket), _MAKE_INSIDE),
    ((type({}.keys()), type({}.values()), type({}.items()), Iterator), "return list(...) of it"),
)  # fmt: skip


def refusal(value: object, error: BaseException, can_store: Callable[[object], bool]) -> ValueStoreError:
    """The error for a value that pickling refused.

    Args:
        can_store: whether a part of it can be pickled alone.
    """
    path, part = _culprit(value, can_store)
    where = f"its part {path}" if path else "it"
    kind = type(part)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return ValueStoreError(f"the value cannot be stored: {where} is of type {name} ({_reason(error)}); {_remedy(part)}")


def _reason(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = "its error has no text"
    return f"{type(error).__name__}: {text}"[:300]


def _remedy(part: object) -> str:
    for kinds, remedy in _REMEDIES:
        if isinstance(part, kinds):
            return remedy
    module = type(part).__module__.partition(".")[0]
    if module in ("sqlite3", "psycopg", "psycopg2", "sqlalchemy", "pymysql", "redis", "requests", "httpx", "asyncio"):
        return f"it is tied to this process: {_MAKE_INSIDE}"
    return "return plain data, or give its class __getstate__ and __setstate__; what is tied to this process " + (
        f"(connections, locks, handles) cannot travel: {_MAKE_INSIDE}"
    )


def _culprit(value: object, can_store: Callable[[object], bool]) -> tuple[str, object]:
    path = ""
    seen: set[int] = set()
    for _ in range(_DEPTH):
        seen.add(id(value))
        for step, child in islice(_children(value), _CHILDREN):
            if id(child) not in seen and not can_store(child):
                path, value = path + step, child
                break
        else:
            break
    return path, value


def _children(value: Any) -> list[tuple[str, Any]]:
    try:
        if isinstance(value, dict):
            return [(f"[{_short(key)}]", item) for key, item in islice(value.items(), _CHILDREN)] + [
                (f" (key {_short(key)})", key) for key in islice(value, _CHILDREN)
            ]
        if isinstance(value, (list, tuple)):
            return [(f"[{index}]", item) for index, item in enumerate(value[:_CHILDREN])]
        if isinstance(value, (set, frozenset)):
            return [(" (an element)", item) for item in islice(value, _CHILDREN)]
        if isinstance(value, type) or callable(value):
            return _closure(value)
        if is_dataclass(value):
            return [(f".{field.name}", getattr(value, field.name, None)) for field in fields(value)]
        return [(f".{name}", item) for name, item in vars(value).items()]
    except Exception:
        return []


def _closure(function: Any) -> list[tuple[str, Any]]:
    cells = getattr(function, "__closure__", None) or ()
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    found = [(f" (its variable {name})", cell.cell_contents) for name, cell in zip(names, cells, strict=True)]
    if not found and hasattr(function, "__dict__") and not isinstance(function, type):
        found = [(f".{name}", item) for name, item in vars(function).items()]
    return found


def _short(key: object) -> str:
    try:
        return repr(key)[:60]
    except Exception:
        return f"<{type(key).__name__}>"
