"""The flows of a project, found by reading its files without importing them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["code_files", "find_flows", "python_files"]

_SKIPPED = frozenset({"node_modules", "__pycache__", "build", "dist", "site-packages", "tests"})
_FILE_LIMIT = 5000
_SIZE_LIMIT_BYTES = 1 << 20
_STEPS = re.compile(r"^steps:(?:[ \t]*\{|[ \t]*(?:#.*)?(?:\n[ \t]*(?:#.*)?)*\n[ \t]+[^\s#-])", re.MULTILINE)
# Read where a file does not parse: a decorator that is one of flows, and the function that it leads to.
_DECORATED = re.compile(
    r"^@(?:\w+\.)*flow\b(?:(?!^(?:async[ \t]+)?def\b|^class\b).*\n)*?(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE
)
_OTHERS = re.compile(r"^(jobs|services|stages|runs|apiVersion):", re.MULTILINE)


def find_flows(project: Path) -> list[str]:
    """References of functions decorated with `flow` ("folder/file.py:name") and of YAML files with a flow."""
    found: list[str] = []
    for number, file in enumerate(_files(project)):
        if number >= _FILE_LIMIT:
            break
        found.extend(f"{file.relative_to(project).as_posix()}:{name}" for name in _flows_in(file))
    return found


def code_files(project: Path) -> Iterator[Path]:
    """The project's Python and YAML files, tests left out."""
    for number, file in enumerate(_files(project)):
        if number >= _FILE_LIMIT:
            return
        yield file


def python_files(project: Path) -> Iterator[Path]:
    """The project's own Python files, tests left out."""
    for number, file in enumerate(_files(project)):
        if number >= _FILE_LIMIT:
            return
        if file.suffix == ".py" and file.stat().st_size <= _SIZE_LIMIT_BYTES:
            yield file


def _files(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: (entry.is_dir(), entry.name))
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in _SKIPPED:
            continue
        if entry.is_dir() and not entry.is_symlink():
            if not (entry / "pyvenv.cfg").exists():
                yield from _files(entry)
        elif entry.suffix in (".py", ".yaml", ".yml"):
            yield entry


def _flows_in(file: Path) -> list[str]:
    try:
        if file.stat().st_size > _SIZE_LIMIT_BYTES:
            return []
        text = file.read_text(encoding="utf-8")
        if file.suffix != ".py":
            # Workflows of others have jobs or services beside what they call steps.
            return [file.stem] if _STEPS.search(text) and not _OTHERS.search(text) else []
        if "flow" not in text:
            return []
        tree = ast.parse(text)
    except SyntaxError:
        # They are told all the same: whoever starts, shows or checks one hears what is wrong with its file.
        return _DECORATED.findall(text)
    except (OSError, ValueError):
        return []
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [node.name for node in functions if any(map(_is_flow, node.decorator_list))]


def _is_flow(decorator: ast.expr) -> bool:
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    if isinstance(decorator, ast.Attribute):
        return decorator.attr == "flow"
    return isinstance(decorator, ast.Name) and decorator.id == "flow"
