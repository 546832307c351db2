"""Where code comes from: the project, Partita, Python itself, or an installed distribution."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from partita.values import NOTEBOOK

__all__ = ["Origins", "distribution_of", "module_file"]

_INSTALLED = frozenset({"site-packages", "dist-packages"})


class Origins:
    """Tells files of a project from all others."""

    def __init__(self, project: Path, cells: frozenset[str] = frozenset()) -> None:
        """
        Args:
            cells: names under which a notebook's cells were compiled; all of it is one place.
        """
        self._cells = cells
        self._prefix = os.path.realpath(project) + os.sep
        self._folders = sorted({os.path.realpath(project), str(project)}, key=len, reverse=True)
        self._relative: dict[str, str | None] = {}

    def relative(self, file: str | None) -> str | None:
        """The file's path in the project; None where it is not part of it."""
        if file is None:
            return None
        if file in self._cells:
            return NOTEBOOK
        try:
            return self._relative[file]
        except KeyError:
            found = self._relative[file] = self._find(file)
            return found

    def local(self, text: str) -> str:
        """The text without the project's path, which is another one in each bundle."""
        for folder in self._folders:
            text = text.replace(folder, "<project>")
        return text

    def of_module(self, name: str | None) -> str | None:
        """The path in the project of a module's file, or of its folder where it has no file."""
        if name == "__main__" and self._cells:
            return NOTEBOOK
        module = sys.modules.get(name or "")
        file = module_file(module)
        if file is None:
            file = next(iter(getattr(module, "__path__", ())), None)
        return self.relative(file)

    def _find(self, file: str) -> str | None:
        path = os.path.realpath(file)
        if not path.startswith(self._prefix) or not Path(path).exists():
            return None
        relative = path[len(self._prefix) :]
        return None if _INSTALLED.intersection(relative.split(os.sep)) else relative


def module_file(module: ModuleType | None) -> str | None:
    """The file of a module, if it has one."""
    file: Any = getattr(module, "__file__", None)
    return file if isinstance(file, str) else None


@cache
def distribution_of(module: str) -> str:
    """What brings a module, with its version: "numpy 2.1.0"; empty for Python's own and for Partita."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in ("", "__main__", "partita"):
        return ""
    version = getattr(sys.modules.get(top), "__version__", None)
    if isinstance(version, str):
        return f"{top} {version}"
    from importlib import metadata

    try:
        return f"{top} {metadata.version(top)}"
    except metadata.PackageNotFoundError:
        names = metadata.packages_distributions().get(top, [])
        return " ".join(f"{name} {metadata.version(name)}" for name in sorted(set(names))) or f"{top} ?"
