"""Which files of a project are its code."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from partita.errors import NotFoundError, SettingsError

__all__ = ["SourceFile", "find_sources"]

_CODE = frozenset({".py", ".pyi"})
_BESIDE_CODE = frozenset({
    ".cfg", ".html", ".in", ".ini", ".j2", ".json", ".lock", ".md", ".sql", ".toml", ".txt", ".yaml", ".yml",
})  # fmt: skip
_BESIDE_CODE_BYTES = 1 << 20  # larger ones are data, which is read from where it lies

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})
_BUILT = frozenset({"build", "dist"})  # unless they are packages

_MOST_FILES = 5_000
_MOST_BYTES = 64 << 20
_MOST_ENTRIES = 200_000


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that belongs to the code."""

    name: str  # path relative to the project, with slashes
    path: str
    size_bytes: int
    stamp: tuple[int, int, int, int]  # size, inode, time of modification and of change (ns): same stamp, same content


@dataclass(slots=True)
class _Walk:
    project: str
    workspace: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    found: list[SourceFile] = field(default_factory=list)
    visited: set[tuple[int, int]] = field(default_factory=set)  # folders, by device and inode: links may form circles
    entries: int = 0
    size_bytes: int = 0


def find_sources(
    project: Path, workspace: Path, include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> list[SourceFile]:
    """The files of the code, by name.

    Args:
        workspace: where Partita keeps its own things: never code.
        include: patterns of further files; "models/*.csv", or a folder.
        exclude: patterns of files and folders that are left out.

    Raises:
        NotFoundError: there is no such folder.
        SettingsError: there is so much that something other than code must be among it.
    """
    walk = _Walk(os.path.realpath(project), os.path.realpath(workspace), tuple(include), tuple(exclude))
    if not Path(walk.project).is_dir():
        raise NotFoundError(f"there is no project folder {project}")
    pending = [(walk.project, "")]
    while pending:
        folder, prefix = pending.pop()
        pending.extend(_look_through(walk, folder, prefix))
        if walk.entries > _MOST_ENTRIES or len(walk.found) > _MOST_FILES or walk.size_bytes > _MOST_BYTES:
            raise _too_large(walk, pending)
    walk.found.sort(key=lambda file: file.name)
    return walk.found


def _look_through(walk: _Walk, folder: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Take the folder's files; gives the folders in it."""
    try:
        status = os.stat(folder)
        with os.scandir(folder) as listing:
            entries = list(listing)
    except OSError:
        return  # gone, or not ours to read
    if (status.st_dev, status.st_ino) in walk.visited:
        return
    walk.visited.add((status.st_dev, status.st_ino))
    if prefix and any(entry.name == "pyvenv.cfg" for entry in entries):
        return
    walk.entries += len(entries)
    for entry in entries:
        name = prefix + entry.name
        if entry.is_dir():
            if _is_walked(walk, entry.path, name):
                yield entry.path, name + "/"
        elif _is_source(walk, name) and entry.is_file():
            _take(walk, entry, name)


def _is_walked(walk: _Walk, path: str, name: str) -> bool:
    last = name.rpartition("/")[2]
    if _matches(name, walk.exclude) or os.path.realpath(path) == walk.workspace:
        return False
    if any(pattern == name or pattern.startswith(name + "/") for pattern in walk.include):
        return True
    if last.startswith(".") or last in _SKIPPED or last.endswith(".egg-info"):
        return False
    return last not in _BUILT or Path(path, "__init__.py").is_file()


def _is_source(walk: _Walk, name: str) -> bool:
    last = name.rpartition("/")[2]
    is_code = not last.startswith(".") and os.path.splitext(last)[1] in _CODE | _BESIDE_CODE
    return (is_code or _matches(name, walk.include)) and not _matches(name, walk.exclude)


def _take(walk: _Walk, entry: os.DirEntry[str], name: str) -> None:
    try:
        status = entry.stat()
    except OSError:
        return
    if (
        status.st_size > _BESIDE_CODE_BYTES
        and os.path.splitext(name)[1] not in _CODE
        and not _matches(name, walk.include)
    ):
        return
    stamp = (status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
    walk.found.append(SourceFile(name, entry.path, status.st_size, stamp))
    walk.size_bytes += status.st_size


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a pattern fits the path, its last part, or a folder that it is in."""
    last = name.rpartition("/")[2]
    for pattern in patterns:
        pattern = pattern.rstrip("/").removeprefix("./")
        if fnmatchcase(name, pattern) or fnmatchcase(last, pattern) or name.startswith(pattern + "/"):
            return True
    return False


def _too_large(walk: _Walk, pending: list[tuple[str, str]]) -> SettingsError:
    sizes: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for file in walk.found:
        folder = file.name.rpartition("/")[0] or "."
        sizes[folder] += file.size_bytes
        counts[folder] += 1
    if walk.entries > _MOST_ENTRIES:
        counts.update(prefix.partition("/")[0] for _, prefix in pending)
    by = sizes if walk.size_bytes > _MOST_BYTES else counts
    biggest = ", ".join(
        f"{name} ({counts[name]:,} files, {sizes[name] / 2**20:.0f} MiB)" for name, _ in by.most_common(4)
    )
    first = by.most_common(1)[0][0] if by else "data"
    return SettingsError(
        f"the project {walk.project} is too large to travel to workers as code: more than {_MOST_FILES:,} files or "
        f"{_MOST_BYTES >> 20} MiB of code and texts; the most lie in {biggest or walk.project}. Leave out what is data: "
        f'bundle_exclude = ["{first}"] in partita.toml. Is this the right project folder?'
    )
