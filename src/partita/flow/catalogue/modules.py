"""Modules as their source says, found without importing anything."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

__all__ = ["Library", "SourceModule", "UnreadableError"]


class UnreadableError(Exception):
    """A module cannot be found or read; the message says why."""


class SourceModule:
    """The source of one module."""

    def __init__(self, name: str, file: Path) -> None:
        """
        Raises:
            UnreadableError: the file cannot be read as Python.
        """
        self.name = name  # dotted, or the file's path in the project
        self.file = file
        self.is_package = file.name == "__init__.py"
        try:
            self.tree = ast.parse(file.read_bytes(), str(file))
        except SyntaxError as error:
            raise UnreadableError(f"{file.name}, line {error.lineno}: {error.msg}") from error
        except (OSError, ValueError) as error:
            raise UnreadableError(f"{file} cannot be read: {error}") from error

    @cached_property
    def bindings(self) -> dict[str, ast.stmt]:
        """Name -> the last statement at the module's top that binds it, imports included."""
        found: dict[str, ast.stmt] = {}
        for node in _statements(self.tree.body):
            for name in _bound(node):
                found[name] = node
        return found

    @cached_property
    def shown(self) -> list[str]:
        """Its public names: `__all__`, or those without an underscore that are not imported."""
        node = self.bindings.get("__all__")
        value = getattr(node, "value", None)
        if value is not None:
            try:
                return [str(name) for name in ast.literal_eval(value)]
            except ValueError:
                pass
        imports = (ast.Import, ast.ImportFrom)
        return [name for name, node in self.bindings.items() if name[0] != "_" and not isinstance(node, imports)]

    def imported(self, name: str) -> tuple[str, str] | None:
        """(module, name in it) that an import at the top binds the name to; (module, "") for a module."""
        node = self.bindings.get(name)
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return self._absolute(node), alias.name
        if isinstance(node, ast.Import):
            for alias in node.names:
                if (alias.asname or alias.name.partition(".")[0]) == name:
                    return (alias.name if alias.asname else alias.name.partition(".")[0]), ""
        return None

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        parts = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*parts, *([node.module] if node.module else [])])

    def needed(self) -> Iterator[str]:
        """First names of the modules that importing this one imports in any case."""
        for node in self.tree.body:
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                yield node.module.partition(".")[0]


class Library:
    """Finds modules by name and reads each once."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        """
        Args:
            folders: looked into before the places that Python imports from.
        """
        self._folders = [str(folder) for folder in folders]
        self._modules: dict[str, SourceModule] = {}
        self._found: dict[str, bool] = {}

    def module(self, name: str) -> SourceModule:
        """The module.

        Raises:
            UnreadableError: there is none of that name, or it is not written in Python.
        """
        if name not in self._modules:
            specification = self._specification(name)
            if specification is None:
                raise UnreadableError(f"there is no module {name!r} in this environment")
            if not specification.origin or not specification.origin.endswith(".py"):
                raise UnreadableError(f"the module {name!r} has no Python source")
            self._modules[name] = SourceModule(name, Path(specification.origin))
        return self._modules[name]

    def has(self, top: str) -> bool:
        """Whether a module of this first name can be imported."""
        if top not in self._found:
            known = top in sys.stdlib_module_names or top in sys.builtin_module_names
            self._found[top] = known or self._specification(top) is not None
        return self._found[top]

    def _specification(self, name: str) -> ModuleSpec | None:
        """As `importlib.util.find_spec`, which would import the packages around it."""
        places: Sequence[str] | None = None
        found: ModuleSpec | None = None
        parts = name.split(".")
        for number in range(1, len(parts) + 1):
            found = self._find(".".join(parts[:number]), places)
            if found is None:
                return None
            places = list(found.submodule_search_locations or [])
        return found

    def _find(self, name: str, places: Sequence[str] | None) -> ModuleSpec | None:
        if places is None and self._folders:
            own = PathFinder.find_spec(name, self._folders)
            if own is not None:
                return own
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            found: ModuleSpec | None = find(name, places) if find is not None else None
            if found is not None:
                return found
        return None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try)):  # `if TYPE_CHECKING:` and the like
            yield from _statements([*node.body, *node.orelse])


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
    elif isinstance(node, ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in node.names)
    elif isinstance(node, ast.Import):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
