"""The hash of all code that a function's work depends on, as far as it can be seen without running it.

From the function it goes on to the functions, classes, modules and constants of the project that its source names,
and to theirs. Comments, formatting and docstrings do not matter. Installed packages count by name and version. Where
the way cannot be seen (eval, getattr with a computed name, globals that are no plain data), the hash of the whole
bundle takes the place of what is not seen: then any change of the project's code changes the fingerprint.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from hashlib import blake2b
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

from partita.artifacts.code.constants import Described, is_without_effect
from partita.artifacts.code.origins import Origins, distribution_of, module_file
from partita.artifacts.code.source_code import ModuleSource, mentions, normalised
from partita.values import NOTEBOOK

__all__ = ["Fingerprinter"]

_DIGEST_BYTES = 16
_UNSEEN = "bundle"
_PYTHON = f"python {sys.version_info.major}.{sys.version_info.minor}"
_LOADERS = frozenset({"import_module", "reload", "run_module", "run_path"})

#: Names that a module has by where it lies, not by what it does.
_PLACE = frozenset({"__file__", "__name__", "__spec__", "__path__", "__package__", "__doc__", "__loader__"})


class _Reached(NamedTuple):
    """What one object adds to a fingerprint."""

    entries: tuple[str, ...]  # texts that are hashed; what stands before a zero byte is for people
    next: tuple[Any, ...]  # objects that it leads to


class _Unseen:
    """Stands for what cannot be followed."""


class _Installed:
    """Stands for a module that is not part of the project."""

    def __init__(self, module: str) -> None:
        self.module = module


_NOTHING = _Reached((), ())


class Fingerprinter:
    """Fingerprints of functions of one project, each found once."""

    def __init__(
        self,
        project: Path,
        bundle: str = "",
        *,
        cells: Mapping[str, str] | None = None,
        digests: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            project: the folder whose files are looked into.
            bundle: hash of all its code; default: it is computed when it is needed.
            cells: sources of the notebook whose definitions are in `__main__`, by name of the cell.
            digests: hashes of the notebook's variables.
        """
        self._project = Path(project)
        self._cells = cells or {}
        self._digests = digests or {}
        self._origins = Origins(self._project, frozenset(self._cells))
        self._bundle = bundle
        self._found: dict[int, str] = {}
        self._reached: dict[int, _Reached] = {}
        self._held: list[Any] = []  # what the ids above stand for must not be freed
        self._sources: dict[str, ModuleSource | None] = {}

    def of(self, function: Any) -> str:
        """The fingerprint of a function, task, flow or class."""
        found = self._found.get(id(function))
        if found is None:
            root = _unwrapped(function)
            # What several functions of a circle reach is the same; where each starts is not.
            entries = sorted(self._reach(root).entries) + sorted(self._entries(root))
            found = self._found[id(function)] = self._hash(entries)
            self._held.append(function)
        return found

    def of_all(self, items: Iterable[Any]) -> str:
        """One fingerprint of those of the classes and functions that the project defines; empty: it defines none of them."""
        own = {self.of(item) for item in items if self._is_of_project(item) and not _is_of_partita(item)}
        return blake2b(" ".join(sorted(own)).encode(), digest_size=_DIGEST_BYTES).hexdigest() if own else ""

    def explain(self, function: Any) -> list[str]:
        """What the fingerprint is made of, a line each, for people who wonder why it changed."""
        return sorted({entry.partition("\0")[0] for entry in self._entries(_unwrapped(function))})

    def _entries(self, function: Any) -> set[str]:
        entries: set[str] = set()
        seen: set[int] = set()
        pending = [function]
        while pending:
            item = pending.pop()
            if id(item) not in seen:
                seen.add(id(item))
                reached = self._reach(item)
                entries.update(reached.entries)
                pending.extend(reached.next)
        return entries

    def _hash(self, entries: list[str]) -> str:
        digest = blake2b(_PYTHON.encode(), digest_size=_DIGEST_BYTES)
        for entry in entries:
            text = f"{_UNSEEN} {self._bundle_hash()}" if entry == _UNSEEN else entry
            digest.update(b"\n" + text.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def _bundle_hash(self) -> str:
        if not self._bundle:
            from partita.artifacts.code.sources import find_sources

            digest = blake2b(digest_size=_DIGEST_BYTES)
            for file in find_sources(self._project, self._project / ".partita"):
                digest.update(file.name.encode("utf-8", "surrogateescape") + b"\0" + Path(file.path).read_bytes())
            self._bundle = digest.hexdigest()
        return self._bundle

    def _reach(self, item: Any) -> _Reached:
        found = self._reached.get(id(item))
        if found is None:
            try:
                found = self._look_at(item)
            except Exception:
                found = _Reached((_UNSEEN,), ())  # whatever hides behind an attribute, it is not seen
            self._reached[id(item)] = found
            self._held.append(item)
        return found

    def _look_at(self, item: Any) -> _Reached:
        if item is None:
            return _NOTHING
        if isinstance(item, _Unseen):
            return _Reached((_UNSEEN,), ())
        if isinstance(item, _Installed):
            return self._installed(item.module)
        if isinstance(item, FunctionType):
            return self._function(item)
        if isinstance(item, type):
            return self._class(item)
        if isinstance(item, ModuleType):
            return (
                _Reached((_UNSEEN,), ()) if self._origins.of_module(item.__name__) else self._installed(item.__name__)
            )
        if isinstance(item, MethodType):
            return _Reached((), (item.__func__, type(item.__self__)))
        if isinstance(item, partial):
            return self._described("partial", (item.func, item.args, item.keywords))
        return self._object(item)

    def _object(self, item: Any) -> _Reached:
        kind = type(item)
        wrapped = getattr(item, "__wrapped__", None)
        if kind.__module__.partition(".")[0] == "partita":
            own = getattr(item, "fingerprint", None)
            own = own() if callable(own) else own
            called = tuple(getattr(item, "called", ()))  # of a flow in a file
            reached = (*called, wrapped) if wrapped is not None else called
            found = _Reached((own,) if isinstance(own, str) else (), reached)
            bound = getattr(item, "bound", None)  # a task that calls this one in its body computes with them
            if not bound:
                return found
            described = self._described(f"bound {getattr(item, '__qualname__', '')}", dict(bound))
            return _Reached((*found.entries, *described.entries), (*found.next, *described.next))
        if is_without_effect(item):
            return _NOTHING
        if wrapped is not None:
            return _Reached(self._installed(kind.__module__).entries, (wrapped,))
        if kind.__module__ != "builtins" and self._origins.of_module(kind.__module__) is not None:
            return _Reached((_UNSEEN,), (kind,))
        if callable(item) and isinstance(getattr(item, "__name__", None), str):
            return self._installed(getattr(item, "__module__", None) or kind.__module__)
        return _Reached((_UNSEEN,), ())

    def _installed(self, module: str) -> _Reached:
        name = distribution_of(module)
        return _Reached((name,), ()) if name else _NOTHING

    def _function(self, function: FunctionType) -> _Reached:
        file = self._origins.relative(function.__code__.co_filename)
        cells = dict(_cells(function))
        if file is None:
            if function.__code__.co_filename.startswith("<") and self._origins.of_module(function.__module__):
                return _Reached((_UNSEEN,), tuple(cells.values()))  # made by exec
            inner = [value for value in cells.values() if self._is_of_project(value)]
            wrapped = getattr(function, "__wrapped__", None)
            return _Reached(
                self._installed(function.__module__ or "").entries, (*inner, wrapped) if wrapped else tuple(inner)
            )
        source = self._source(function.__code__.co_filename)
        nodes = source.function(function.__code__) if source is not None else []
        if not nodes:
            return _Reached((_UNSEEN,), tuple(cells.values()))
        name = f"{file}:{function.__code__.co_qualname}"
        reached = self._definitions(name, nodes, function.__globals__, cells)
        defaults = self._described(f"{name} defaults", (function.__defaults__, function.__kwdefaults__))
        wrapped = getattr(function, "__wrapped__", None)
        return _Reached((*reached.entries, *defaults.entries), (*reached.next, *defaults.next, wrapped))

    def _is_of_project(self, value: Any) -> bool:
        if isinstance(value, FunctionType):
            return self._origins.relative(value.__code__.co_filename) is not None
        return isinstance(value, type) and self._origins.of_module(value.__module__) is not None

    def _class(self, kind: type) -> _Reached:
        file = self._origins.of_module(kind.__module__)
        if file is None:
            return self._installed(kind.__module__)
        module = sys.modules[kind.__module__]
        files = list(self._cells) if file == NOTEBOOK else [module_file(module) or ""]
        source, nodes = self._class_source(kind.__qualname__, files)
        outer = (*kind.__mro__[1:], type(kind))
        if nodes:
            reached = self._definitions(f"{file}:{kind.__qualname__}", nodes, vars(module), {})
            return _Reached(reached.entries, (*reached.next, *outer))
        # namedtuple(...), TypedDict(...), Enum(...): what made it stands in an assignment.
        bound = self._bindings(source, kind.__qualname__, vars(module), file)
        return _Reached((*bound.entries, *(() if bound.entries else (_UNSEEN,))), (*bound.next, *outer))

    def _class_source(self, name: str, files: list[str]) -> tuple[ModuleSource | None, list[Any]]:
        """The file that defines the class (of a notebook's cells, the last that does), and where in it."""
        found = None
        for file in reversed(files):
            found = self._source(file)
            if found is not None and (nodes := found.named_class(name)):
                return found, nodes
            if found is not None and found.bindings(name):
                break
        return found, []

    def _definitions(self, name: str, nodes: Any, namespace: dict[str, Any], cells: dict[str, Any]) -> _Reached:
        entries: list[str] = []
        reached: list[Any] = []
        for node in nodes:
            dropped = tuple(item for item in getattr(node, "decorator_list", ()) if _is_ours(item, namespace))
            found = mentions(node, dropped)
            entries.append(f"{name}\0{normalised(node, dropped)}")
            if found.is_dynamic:
                entries.append(_UNSEEN)
            imported = dict(self._imports(found.imports, namespace))
            scope = {**imported, **cells}
            for chain in sorted(found.chains):
                for item in self._resolve(chain, scope, namespace):
                    described = self._described(f"{name} {'.'.join(chain)}", item)
                    if described.next and chain[0] not in scope and self._is_variable(chain[0], namespace):
                        described = self._variable(chain[0], item, described)
                    entries.extend(described.entries)
                    reached.extend(described.next)
            reached.extend(value for value in imported.values() if isinstance(value, _Unseen))
        return _Reached(tuple(entries), tuple(reached))

    def _is_variable(self, name: str, namespace: dict[str, Any]) -> bool:
        return name in self._digests and namespace is vars(sys.modules["__main__"])

    def _variable(self, name: str, item: Any, described: _Reached) -> _Reached:
        """A notebook's variable that is no plain data, by the hash of its pickle and the code that it brings along."""
        code = tuple(part for part in described.next if isinstance(part, (type, FunctionType)))
        return _Reached((f"{NOTEBOOK}:{name}\0{self._digests[name]}",), (type(item), *code))

    def _described(self, label: str, item: Any) -> _Reached:
        described = Described(item, self._origins.local)
        return _Reached((f"{label}\0{described.text}",), tuple(described.next))

    def _imports(
        self, imports: list[tuple[str, int, str | None, str]], namespace: dict[str, Any]
    ) -> Iterator[tuple[str, Any]]:
        """What the imports inside a function bind."""
        for module_name, level, name, local in imports:
            if level:
                package = namespace.get("__package__") or ""
                parts = package.split(".")[: None if level == 1 else 1 - level]
                module_name = ".".join([*parts, *([module_name] if module_name else [])])
            module = self._import(module_name)
            if not local:
                continue  # imported so that it can be found in its package
            if module is None:
                yield local, _Installed(module_name)
            elif name is None:
                yield local, module
            elif name == "*" or not (hasattr(module, name) or self._import(f"{module_name}.{name}")):
                yield local, _Unseen()
            else:
                yield local, getattr(module, name, None)

    def _import(self, name: str) -> ModuleType | None:
        """A module of the project; None for all others, which are not imported for this."""
        top = name.partition(".")[0]
        if any(
            (root / top).is_dir() or (root / f"{top}.py").is_file() for root in (self._project, self._project / "src")
        ):
            try:
                importlib.import_module(name)
            except Exception:
                return None
        module = sys.modules.get(name)
        return module if module is not None and self._origins.of_module(name) else None

    def _resolve(self, chain: tuple[str, ...], scope: dict[str, Any], namespace: dict[str, Any]) -> Iterator[Any]:
        """What a.b.c stands for: from module to module, up to the first object."""
        root = chain[0]
        if root in _PLACE:
            return
        if root in scope:
            item = scope[root]
        elif root in namespace:
            item = namespace[root]
        else:
            return  # a built-in, or a name that is bound elsewhere
        for attribute in chain[1:]:
            if not isinstance(item, ModuleType):
                break
            if not self._origins.of_module(item.__name__):
                if item.__name__ in ("importlib", "runpy") and attribute in _LOADERS:
                    item = _Unseen()
                break
            if not hasattr(item, attribute):
                item = _Unseen()
                break
            item = getattr(item, attribute)
        yield _Unseen() if item is importlib.import_module else item

    def _bindings(self, source: ModuleSource | None, name: str, namespace: dict[str, Any], file: str) -> _Reached:
        """The statements of a module that make what the name holds, and what they name."""
        statements = source.bindings(name) if source is not None else []
        entries = tuple(f"{file}:{name}\0{normalised(statement)}" for statement in statements)
        reached: list[Any] = []
        for statement in statements:
            for chain in sorted(mentions(statement).chains):
                if chain[0] != name:
                    for item in self._resolve(chain, {}, namespace):
                        described = self._described(f"{file}:{name} {'.'.join(chain)}", item)
                        entries += described.entries
                        reached.extend(described.next)
        return _Reached(entries, tuple(reached))

    def _source(self, path: str) -> ModuleSource | None:
        if path not in self._sources:
            try:
                self._sources[path] = ModuleSource(path, self._cells.get(path))
            except (OSError, SyntaxError, ValueError):
                self._sources[path] = None
        return self._sources[path]


def _unwrapped(item: Any) -> Any:
    """The function of a task or flow."""
    while type(item).__module__.startswith("partita.") and getattr(item, "__wrapped__", None) is not None:
        item = item.__wrapped__
    return item


def _is_of_partita(item: Any) -> bool:
    """Whether Partita itself defines it, whose folder may lie in the project's."""
    return (getattr(item, "__module__", None) or "").partition(".")[0] == "partita"


def _cells(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """What the function's closure holds, by name."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            continue


def _is_ours(decorator: ast.expr, namespace: dict[str, Any]) -> bool:
    """Whether it is one of Partita's decorators, whose options do not change what the function computes."""
    current = decorator.func if isinstance(decorator, ast.Call) else decorator
    while isinstance(current, ast.Attribute):
        current = current.value
    item = namespace.get(current.id) if isinstance(current, ast.Name) else None
    name = item.__name__ if isinstance(item, ModuleType) else getattr(item, "__module__", None) or ""
    return name.partition(".")[0] == "partita"
