"""The functions and classes of a bundle, each with a hash of its code: read from its source, which is never run."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from partita.artifacts.code.source_code import normalised

__all__ = ["changed_files", "changed_functions", "code_of"]

#: The code of a module that is in no function.
_MODULE = "(module)"
_LARGEST_BYTES = 4 << 20


def changed_functions(before: Path, after: Path) -> list[tuple[str, str]]:
    """("train.py:fit", "added", "removed" or "changed") of what differs between two folders of code, by name."""
    found: list[tuple[str, str]] = []
    for name in changed_files(before, after, {".py"}):
        one, other = code_of(before / name[0]), code_of(after / name[0])
        for function in sorted(one.keys() | other.keys()):
            if one.get(function) != other.get(function):
                change = "added" if function not in one else "removed" if function not in other else "changed"
                if function != _MODULE or name[1] == "changed":
                    found.append((f"{name[0]}:{function}", change))
    return found


def changed_files(before: Path, after: Path, endings: set[str] | None = None) -> list[tuple[str, str]]:
    """(path, "added", "removed" or "changed") of files that differ, by path; of these endings, or all but Python's."""
    one, other = dict(_files(before)), dict(_files(after))
    found: list[tuple[str, str]] = []
    for name in sorted(one.keys() | other.keys()):
        is_code = name.endswith(".py")
        if is_code != (endings is not None):
            continue
        if name not in one or name not in other:
            found.append((name, "added" if name not in one else "removed"))
        elif (
            one[name].stat().st_size != other[name].stat().st_size or one[name].read_bytes() != other[name].read_bytes()
        ):
            found.append((name, "changed"))
    return found


def code_of(path: Path) -> dict[str, str]:
    """Hashes of the code of a file's functions, of the methods of its classes, and of what is in neither, by name.

    Comments, docstrings and the form of the text count for nothing. What cannot be read as Python is one piece.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    try:
        if len(data) > _LARGEST_BYTES:
            raise ValueError
        tree = ast.parse(data)
        found = {name: _hash(normalised(node).encode()) for name, node in _definitions(tree, "")}
        rest = ast.Module([node for node in tree.body if not _is_definition(node)], [])
        found[_MODULE] = _hash(normalised(rest).encode())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {_MODULE: _hash(data)}
    return found


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _definitions(child, f"{prefix}{child.name}.")
            kept = [item for item in child.body if not _is_definition(item)]
            bare = ast.ClassDef(
                name=child.name, bases=child.bases, keywords=child.keywords, body=kept or [ast.Pass()],
                decorator_list=child.decorator_list,
            )  # fmt: skip
            bare.__dict__.update({key: value for key, value in vars(child).items() if key == "type_params"})
            yield prefix + child.name, bare


def _is_definition(node: ast.AST) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for place, below, names in os.walk(folder):
        below[:] = [name for name in below if name != "__pycache__"]
        for name in names:
            path = Path(place) / name
            yield path.relative_to(folder).as_posix(), path


def _hash(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()
