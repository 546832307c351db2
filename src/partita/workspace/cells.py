"""The cells of a session: under which name each is compiled, what people call it, and its source."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

__all__ = ["Cells", "in_kernel", "interactive_shell"]


def interactive_shell() -> Any:
    """IPython's shell in this process; None where there is none."""
    module = sys.modules.get("IPython")
    found = module.get_ipython() if module is not None and hasattr(module, "get_ipython") else None
    return found


def in_kernel() -> bool:
    """Whether this process is the kernel of a notebook."""
    return getattr(interactive_shell(), "kernel", None) is not None


class Cells:
    """The cells as they are now."""

    def __init__(self) -> None:
        compiler = getattr(interactive_shell(), "compile", None)
        self._numbers: dict[str, int] = dict(getattr(compiler, "_filename_map", None) or {})
        self._titles: dict[str, str] = {}

    def sources(self) -> dict[str, str]:
        """The source of each that has been kept, under the name that it was compiled under."""
        found = {file: self.source(file) for file in dict.fromkeys([*self._numbers, *linecache.cache])}
        return {file: source for file, source in found.items() if source is not None}

    def source(self, file: str) -> str | None:
        """The source that was compiled under this name; None where it has not been kept, or the file is a real one."""
        if not self._is_cell(file):
            return None
        lines = linecache.getlines(file)
        return "".join(lines) if lines else None

    def title(self, file: str) -> str:
        """What people call the cell: "In[3]"; the name itself of what is no cell."""
        if file not in self._titles:
            title = f"In[{self._numbers[file]}]" if file in self._numbers else file
            taken = set(self._titles.values())
            number, free = 2, title
            while free in taken:  # cells that were run without being counted share a number
                free, number = f"{title[:-1]}.{number}]", number + 1
            self._titles[file] = free
        return self._titles[file]

    def place(self, function: Any) -> str:
        """ "In[3]:2" of a function's definition in a cell; empty for all others."""
        code = getattr(function, "__code__", None)
        if code is None or code.co_filename not in self._numbers:
            return ""
        return f"{self.title(code.co_filename)}:{code.co_firstlineno}"

    def defining(self, name: str) -> str | None:
        """The cell that defined the class last."""
        top = name.split(".")[0]
        for file in reversed(list(linecache.cache)):
            source = self.source(file) if self._is_cell(file) else None
            if source is not None and top in source and top in _classes(source):
                return file
        return None

    def _is_cell(self, file: str) -> bool:
        return file in self._numbers or (file.startswith("<") and file.endswith(">") and file in linecache.cache)


@lru_cache(256)
def _classes(source: str) -> frozenset[str]:
    try:
        return frozenset(_defined(ast.parse(source)))
    except (SyntaxError, ValueError):
        return frozenset()


def _defined(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield child.name
        elif isinstance(child, ast.Assign):  # Point = namedtuple(...)
            yield from (target.id for target in child.targets if isinstance(target, ast.Name))
        elif not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _defined(child)
