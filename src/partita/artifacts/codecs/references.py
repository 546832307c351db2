"""Classes and functions by name: how a value says what it is made of, and how another process finds that again."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

from partita.errors import LoadError, PartitaError, ValueStoreError
from partita.values import NOTEBOOK

__all__ = ["References"]

_NOT_TYPED = (
    "a stored value needs {0}, which was defined in a notebook or console and is not defined here; run the cell that "
    "defines {0} first, or move it into a .py file"
)


class References:
    """Names what modules hold: "module:Name", and "folder/file.py:Name" where a file is no importable module."""

    def __init__(self, locate: Callable[[Any], str] | None = None, load: Callable[[str], Any] | None = None) -> None:
        """
        Args:
            locate: gives the reference of what stands in a script; raises a PartitaError where there is none.
            load: gives what a reference to a file names.
        """
        self._locate = locate
        self._load = load
        self._named: dict[Any, str | None] = {}
        self._found: dict[str, Any] = {}

    def of(self, item: Any) -> str | None:
        """The reference of a class or function; None where another process could not find it."""
        try:
            return self._named[item]
        except KeyError:
            name = self._name(item)
            if not _is_typed(name):
                self._named[item] = name
            return name

    def is_in_script(self, item: Any) -> bool:
        """Whether it stands in a module that other processes know under another name."""
        return _is_script(getattr(item, "__module__", None))

    def find(self, reference: str) -> Any:
        """What the reference names.

        Raises:
            ValueStoreError: there is no such thing (any more).
        """
        try:
            return self._found[reference]
        except KeyError:
            item = self._look_up(reference)
            if not _is_typed(reference):
                self._found[reference] = item
            return item

    def _name(self, item: Any) -> str | None:
        module, name = getattr(item, "__module__", None), getattr(item, "__qualname__", None)
        if not isinstance(module, str) or not isinstance(name, str) or "<" in name:
            return None
        if _resolve(sys.modules.get(module), name) is not item:
            return None
        if not _is_script(module):
            return f"{module}:{name}"
        if self._locate is None:
            return None
        try:
            return self._locate(item)
        except PartitaError:
            return None

    def _look_up(self, reference: str) -> Any:
        place, _, name = reference.partition(":")
        try:
            if place == NOTEBOOK:
                found = self._load(reference) if self._load is not None else None
            elif not place.endswith(".py"):
                found = _resolve(importlib.import_module(place), name)
            elif _is_running_script(place):
                found = _resolve(sys.modules["__main__"], name)
            else:
                found = self._load(reference) if self._load is not None else None
        except Exception as error:
            if place == NOTEBOOK and isinstance(error, LoadError):
                raise ValueStoreError(_NOT_TYPED.format(name)) from error
            raise ValueStoreError(
                f"a stored value needs {reference}, which cannot be imported: {type(error).__name__}: {error}"
            ) from error
        if found is None and _is_typed(reference):
            raise ValueStoreError(_NOT_TYPED.format(name))
        if found is None:
            raise ValueStoreError(
                f"a stored value needs {reference}, which is not there; was it renamed or removed since? "
                "Bring it back, or rerun the step that made the value"
            )
        return found


def _is_typed(reference: str | None) -> bool:
    """Whether it was typed into a session, where the same name may mean something else in a minute."""
    return reference is not None and reference.startswith(NOTEBOOK + ":")


def _resolve(module: Any, name: str) -> Any:
    for part in name.split("."):
        module = getattr(module, part, None)
    return module


def _is_script(module: str | None) -> bool:
    if module == "__main__":
        return True
    return module is not None and hasattr(sys.modules.get(module), "__partita_file__")


def _is_running_script(place: str) -> bool:
    import os

    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return file is not None and os.path.realpath(file).endswith(os.sep + place)
