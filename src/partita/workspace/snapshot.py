"""What a session (a notebook, a console) has defined, as far as a run needs it, as one signed file for its bundle.

Each name is pickled on its own. From a function it goes on to the globals that its code and its annotations name;
what other names hold is referred to, so that each is defined once in a worker. Modules travel by name.
"""

from __future__ import annotations

import ast
import dis
import importlib.util
import io
import os
import sys
import warnings
from collections import deque
from collections.abc import Iterable
from functools import cache, lru_cache
from hashlib import blake2b
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from partita.artifacts.codecs.pickling import signed
from partita.artifacts.codecs.refusal import refusal
from partita.artifacts.signing import signer_of
from partita.errors import DefinitionError, PartitaError
from partita.flow.definition import Definition
from partita.units import size_text
from partita.values import pack
from partita.worker import notebook
from partita.workspace.cells import Cells

__all__ = ["snapshot"]

_WARNED_BYTES = 16 << 20
_REFUSED_BYTES = 256 << 20
_GLOBAL_INSTRUCTIONS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"})
_NAMESPACE_DIGEST_BYTES = 16


def snapshot(names: Iterable[str], project: Path, state: Path) -> bytes:
    """The definitions of these names, and of all that they reach, of this process's `__main__`.

    Args:
        project: folders in it, from which this process imports, are those from which workers import.
        state: the workspace's folder, whose key signs.

    Raises:
        DefinitionError: something of it cannot travel; says which name, and what uses it.
    """
    reached = _Reached(sys.modules["__main__"])
    for name in names:
        reached.add(name, "")
    reached.follow()
    payload = pack({
        "magic": importlib.util.MAGIC_NUMBER,
        "python": sys.version.split()[0],
        "pickles": reached.pickles,
        "uses": reached.uses,
        "sources": reached.sources,
        "digests": reached.digests,
        "paths": _paths(project),
    })  # fmt: skip
    return signed(signer_of(state), payload)


def _paths(project: Path) -> list[str]:
    """The folders of the project on the import path, relative to it."""
    found: dict[str, None] = {}
    root = os.path.realpath(project)
    for entry in sys.path:
        folder = os.path.realpath(entry or os.getcwd())
        inside = os.path.relpath(folder, root)
        if os.path.isdir(folder) and not inside.startswith("..") and "site-packages" not in inside:
            found[inside] = None
    return [entry for entry in found if entry != "."]


class _Reached:
    """What has been reached so far."""

    def __init__(self, module: ModuleType) -> None:
        self.names = vars(module)
        self.cells = Cells()
        self.pickles: dict[str, bytes] = {}
        self.digests: dict[str, str] = {}  # of what is neither function nor class, for fingerprints
        self.sources: dict[str, str] = {}  # by what people call the cell
        self.bound = {id(value): name for name, value in reversed(list(self.names.items())) if _is_definition(value)}
        self.uses: dict[str, list[str]] = {}  # name -> names that its code reaches
        self._users: dict[str, str] = {}  # name -> what uses it
        self._waiting: deque[str] = deque()

    def add(self, name: str, user: str) -> None:
        """The name is wanted by `user`."""
        root = name.split(".")[0]
        if root not in self.names or (root.startswith("__") and root.endswith("__")):
            return
        used = self.uses.setdefault(user, [])
        if root not in used:
            used.append(root)
        if root not in self._users:
            self._users[root] = user
            self._waiting.append(root)

    def follow(self) -> None:
        """Pickle every name that is wanted, and what that wants."""
        while self._waiting:
            name = self._waiting.popleft()
            self.pickles[name] = self._pickled(name)

    def note(self, item: Any, user: str) -> None:
        """The function or class is being pickled: what it names is wanted too, and its source."""
        if isinstance(item, FunctionType):
            for name in _globals_of(item.__code__):
                self.add(name, user)
            self.note_cell(item.__code__.co_filename)
        else:
            cell = self.cells.defining(item.__qualname__)
            if cell is not None:
                self.note_cell(cell)
        for annotation in list(getattr(item, "__annotations__", {}).values()):
            if isinstance(annotation, str):
                for name in _names_in(annotation):
                    self.add(name, user)

    def note_cell(self, file: str) -> None:
        """The cell's source travels along."""
        source = self.cells.source(file)
        if source is not None:
            self.sources[self.cells.title(file)] = source

    def _pickled(self, name: str) -> bytes:
        value, user = self.names[name], self._users[name]
        if not (_is_definition(value) or isinstance(value, ModuleType)):
            size, digest = _measure(self, name, value)
            self.digests[name] = digest
            self._judge(name, value, user, size)
        buffer = io.BytesIO()
        try:
            _pickler()(buffer, self, name).dump(value)
        except PartitaError:
            raise
        except Exception as error:
            raise self._refusal(name, value, user, error) from error
        return buffer.getvalue()

    def _judge(self, name: str, value: Any, user: str, size: int) -> None:
        if size <= _WARNED_BYTES:
            return
        kind = type(value).__name__
        told = (
            f"{user or 'the flow'} uses the variable {name} of the notebook ({kind}, {size_text(size)}), which travels with "
            "the code"
        )
        remedy = (
            f"give the task a parameter for it and pass {name} to the flow as an argument (it is then stored once, and "
            "its steps are cached by what it holds), or load it inside a task"
        )
        if size > _REFUSED_BYTES:
            raise DefinitionError(f"{told}, and is too large for that (at most {size_text(_REFUSED_BYTES)}); {remedy}")
        warnings.warn(f"{told} of each run; {remedy}", UserWarning, stacklevel=2)

    def _refusal(self, name: str, value: Any, user: str, error: Exception) -> DefinitionError:
        def can_travel(part: object) -> bool:
            try:
                _pickler()(io.BytesIO(), self, name).dump(part)
            except Exception:
                return False
            return True

        told = str(refusal(value, error, can_travel)).partition(": ")[2]
        used = f", which {user} uses," if user else ""
        return DefinitionError(
            f"the notebook's {name}{used} cannot travel to a worker: {told}; or make it in the task, not the notebook"
        )


def _is_definition(value: Any) -> bool:
    """Whether it is a function, class, task or flow of the session."""
    return isinstance(value, (FunctionType, type, Definition)) and getattr(value, "__module__", "") == "__main__"


def _measure(reached: _Reached, name: str, value: Any) -> tuple[int, str]:
    """Size in bytes and digest of what the name holds, without holding a copy of it."""
    sink = _Sink()
    try:
        _pickler()(sink, reached, name, sink.take).dump(value)
    except Exception:
        return 0, ""  # pickling it in earnest will say why
    return sink.size, sink.digest.hexdigest()


class _Sink(io.RawIOBase):
    def __init__(self) -> None:
        self.size = 0
        self.digest = blake2b(digest_size=_NAMESPACE_DIGEST_BYTES)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self.size += view.nbytes
        self.digest.update(view)
        return view.nbytes

    def take(self, buffer: Any) -> bool:
        """A large buffer of an array, which is not copied for this."""
        self.write(buffer.raw())
        return False


class _Namespace(dict[str, Any]):
    """Stands for the globals of the session's functions while they are pickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return notebook.namespace, ()


@cache
def _pickler() -> Any:
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        """Pickles the one name by value, and refers to the session's other names."""

        def __init__(self, file: Any, reached: _Reached, name: str, buffers: Any = None) -> None:
            super().__init__(file, protocol=5, buffer_callback=buffers)
            self._reached = reached
            self._name = name
            self.globals_ref[id(reached.names)] = _Namespace(marked=True)

        def reducer_override(self, item: Any) -> Any:
            reached, name = self._reached, self._name
            if isinstance(item, _Namespace):
                return notebook.namespace, ()
            if isinstance(item, CodeType):
                return self._code(item)
            if isinstance(item, (FunctionType, type, Definition)):
                other = self._other(item)
                if other is not None:
                    reached.add(other[1][0], name)
                    return other
            if isinstance(item, Definition):
                if _is_definition(item):
                    return type(item), (item.function, item.options), {"is_altered": item.is_altered}
            elif _is_definition(item) or (isinstance(item, FunctionType) and item.__globals__ is reached.names):
                reached.note(item, name)
            return super().reducer_override(item)

        def _other(self, item: Any) -> tuple[Any, tuple[str]] | None:
            """The reference to another name of the session that holds the item."""
            bound = self._reached.bound.get(id(item))
            if bound is not None:
                return (notebook.typed, (bound,)) if bound != self._name else None
            if getattr(item, "__module__", "") != "__main__":
                return None
            path = getattr(item, "__qualname__", "")
            root = path.split(".")[0]
            if root == self._name or "<" in path:
                return None
            found = self._reached.names.get(root)
            if isinstance(found, Definition) and found.function is item:
                return notebook.function_named, (root,)
            for attribute in path.split(".")[1:]:
                found = getattr(found, attribute, None)
            return (notebook.typed, (path,)) if found is item else None

        def _code(self, code: CodeType) -> Any:
            title = self._reached.cells.title(code.co_filename)
            if title == code.co_filename:
                return NotImplemented
            # The name of the cell twice: older cloudpickles would say the file, which is another in each session.
            return notebook.code_in, (title, *cloudpickle.cloudpickle._code_reduce(code.replace(co_filename=title)))

        def _dynamic_function_reduce(self, function: FunctionType) -> Any:
            reduced = super()._dynamic_function_reduce(function)
            if function.__globals__ is self._reached.names:
                reduced[2][1]["__globals__"] = {}  # they are names of their own
            return reduced

    return Pickler


@lru_cache(1024)
def _globals_of(code: CodeType) -> frozenset[str]:
    """The globals that the code, and code inside it, names."""
    found = {item.argval for item in dis.get_instructions(code) if item.opname in _GLOBAL_INSTRUCTIONS}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _globals_of(constant)
    return frozenset(found)


def _names_in(annotation: str) -> set[str]:
    try:
        tree = ast.parse(annotation, mode="eval")
    except SyntaxError:
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
