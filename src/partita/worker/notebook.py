"""The definitions of a notebook or console session, opened from the bundle as the worker's own `__main__`.

They lie in one signed file, each name pickled on its own and opened when it is first wanted, so that functions share
one namespace as they do in the session, and a class is one class however many values refer to it. What a task does not
reach is not opened for it: its environment may lack what that needs. Tracebacks show the cells' source, which travels along.
"""

from __future__ import annotations

import importlib.util
import linecache
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from partita.artifacts.codecs.pickling import verified
from partita.artifacts.signing import signer_of
from partita.errors import LoadError, PartitaError
from partita.values import NOTEBOOK_FILE, unpack

__all__ = ["Notebook", "code_in", "function_named", "namespace", "typed"]

_open: Notebook | None = None


class Notebook:
    """The session of one bundle."""

    def __init__(self, bundle: Path, workspace: Path) -> None:
        """
        Raises:
            DamagedError: the file is not what a client of this workspace wrote.
            LoadError: another Python wrote it.
        """
        held = unpack(verified(signer_of(workspace), (bundle / NOTEBOOK_FILE).read_bytes()))
        if held["magic"] != importlib.util.MAGIC_NUMBER:
            raise LoadError(
                f"the notebook runs on Python {held['python']} and this worker on {sys.version.split()[0]}, which cannot "
                "read the other's functions; move the task into a .py file beside the notebook, and import it"
            )
        self.sources: dict[str, str] = held["sources"]
        self.digests: dict[str, str] = held["digests"]
        self._pickles: dict[str, bytes] = held["pickles"]
        self._uses: dict[str, list[str]] = held["uses"]
        self._opening: list[str] = []
        self.module = ModuleType("__main__")
        vars(self.module)["__getattr__"] = self._wanted
        for relative in reversed(held["paths"]):
            folder = str(bundle / relative)
            if folder not in sys.path:
                sys.path.insert(0, folder)
        for name, text in self.sources.items():
            linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)

    def install(self) -> ModuleType:
        """Make the session this process's `__main__`; what it had is defined in it as it is wanted."""
        global _open
        _open = self
        sys.modules["partita.worker.__main__"], sys.modules["__main__"] = sys.modules["__main__"], self.module
        return self.module

    def _wanted(self, name: str) -> Any:
        """What the session calls so, with all that its code reaches: asked for what the module does not have yet."""
        if name not in self._pickles:
            raise AttributeError(f"the notebook has no {name!r}")
        waiting = [name]
        seen: set[str] = set()
        while waiting:
            current = waiting.pop()
            if current not in seen:
                seen.add(current)
                self.named(current)
                waiting.extend(self._uses.get(current, ()))
        return vars(self.module)[name]

    def named(self, name: str) -> Any:
        """What the session calls so; "Outer.Inner" is an attribute of what it calls Outer."""
        root, *attributes = name.split(".")
        names = vars(self.module)
        if root not in names:
            names[root] = self._load(root)
        found = names[root]
        for attribute in attributes:
            found = getattr(found, attribute)
        return found

    def _load(self, name: str) -> Any:
        if name in self._opening:
            circle = " -> ".join([*self._opening[self._opening.index(name) :], name])
            raise LoadError(
                f"the notebook's definitions hold each other in a circle ({circle}); take one out of another"
            )
        self._opening.append(name)
        try:
            return pickle.loads(self._pickles[name])
        except PartitaError:
            raise
        except ModuleNotFoundError as error:
            raise LoadError(
                f"{name}, defined in the notebook, needs the module {error.name!r}, which the worker cannot import; it must "
                f"lie in the project's folder or be installed in the environment of the worker ({sys.executable})"
            ) from error
        except Exception as error:
            raise LoadError(
                f"{name}, defined in the notebook, cannot be opened in a worker: {type(error).__name__}: {error}"
            ) from error
        finally:
            self._opening.pop()


def _current() -> Notebook:
    if _open is None:
        raise LoadError("a notebook's definition can be opened in a worker of its own bundle only")
    return _open


def typed(name: str) -> Any:
    """Stands in pickles for what the session calls so."""
    return _current().named(name)


def function_named(name: str) -> Any:
    """Stands in pickles for the function of a task or flow that the session calls so."""
    return _current().named(name).function


def code_in(cell: str, build: Callable[..., CodeType], arguments: tuple[Any, ...]) -> CodeType:
    """Stands in pickles for code that was compiled in a cell; cloudpickle 3.1.3 no longer says where it stood."""
    return build(*arguments).replace(co_filename=cell)


def namespace() -> dict[str, Any]:
    """Stands in pickles for the globals of the session's functions."""
    return vars(_current().module)
