"""A project's code, copied under the hash of what it holds: a run keeps the code that it started with."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from partita.artifacts.blobs.locking import folder_lock, touch
from partita.artifacts.code.sources import SourceFile, find_sources
from partita.errors import PartitaError, ValueStoreError
from partita.values import NOTEBOOK_FILE

__all__ = ["Bundle", "bundle_hash", "make_bundle"]

_INDEX = "index.json"
_TRIES = 5

#: A file that changed so lately could change again without its times telling.
_SETTLED_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Bundle:
    """The code as it was."""

    hash: str
    folder: Path  # it can be imported from here, and from src/ in it
    files: int
    size_bytes: int


class _ChangedError(Exception):
    """A file changed while it was copied."""


def make_bundle(
    project: Path, workspace: Path, include: Sequence[str] = (), exclude: Sequence[str] = (), notebook: bytes = b""
) -> Bundle:
    """Keep the project's code as it is now; quick when nothing has changed since the last time.

    Args:
        include: patterns of files beside the code that travel along.
        exclude: patterns of files and folders that do not.
        notebook: the definitions of the session that starts a run.

    Raises:
        SettingsError: the project is too large to be code.
        NotFoundError: there is no such project.
        ValueStoreError: the copy cannot be written.
    """
    bundles = Path(workspace) / "bundles"
    try:
        for _ in range(_TRIES):
            try:
                made = _make(project, bundles, find_sources(project, workspace, include, exclude))
                return _with_notebook(made, notebook) if notebook else made
            except _ChangedError:
                continue
    except OSError as error:
        raise ValueStoreError(
            f"the code cannot be copied to {bundles}: {error}; see the folder's rights and room"
        ) from error
    raise PartitaError(f"the code in {project} keeps changing while it is copied; try again when nothing writes to it")


def bundle_hash(files: Mapping[str, bytes]) -> str:
    """The hash of the bundle that holds these files, by their names."""
    digest = blake2b(digest_size=32)
    for name in sorted(files):
        if name != NOTEBOOK_FILE:
            digest.update(_line(name, _hash(files[name])))
    made = digest.hexdigest()
    return _hash_with_notebook(made, files[NOTEBOOK_FILE]) if NOTEBOOK_FILE in files else made


def _make(project: Path, bundles: Path, files: list[SourceFile]) -> Bundle:
    index = _Index(bundles / _INDEX)
    digest = blake2b(digest_size=32)
    for file in files:
        digest.update(_line(file.name, index.hash_of(file)))
    name = digest.hexdigest()
    folder = bundles / name
    with folder_lock(bundles, is_alone=False):  # a collection must not remove it before a run names it
        is_there = touch(folder)
    if not is_there:
        _copy(files, index, folder)
    index.write(files)
    return Bundle(name, folder, len(files), sum(file.size_bytes for file in files))


def _copy(files: Iterable[SourceFile], index: _Index, folder: Path) -> None:
    part = folder.with_name(f".{os.getpid()}.{secrets.token_hex(4)}.part")
    part.mkdir(parents=True)
    try:
        made = {""}
        for file in files:
            data = _read(file)
            if _hash(data) != index.hash_of(file):
                index.forget(file)
                raise _ChangedError(file.name)
            parent = file.name.rpartition("/")[0]
            if parent not in made:
                (part / parent).mkdir(parents=True, exist_ok=True)
                made.add(parent)
            (part / file.name).write_bytes(data)
        try:
            part.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process was quicker
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _with_notebook(made: Bundle, notebook: bytes) -> Bundle:
    """The bundle with the session's definitions beside its files, which are the same files where links can be made."""
    name = _hash_with_notebook(made.hash, notebook)
    folder = made.folder.with_name(name)
    with folder_lock(folder.parent, is_alone=False):
        is_there = touch(folder)
    if not is_there:
        part = folder.with_name(f".{os.getpid()}.{secrets.token_hex(4)}.part")
        try:
            shutil.copytree(made.folder, part, copy_function=_link, ignore=shutil.ignore_patterns("__pycache__"))
            (part / NOTEBOOK_FILE).write_bytes(notebook)
            part.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return Bundle(name, folder, made.files + 1, made.size_bytes + len(notebook))


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copyfile(source, target)


class _Index:
    """Hashes of files by their stamps, as of the last time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hashes: dict[str, str] = {}  # by name, of this time
        self._is_changed = False
        try:
            self._known: dict[str, list[object]] = dict(json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError):
            self._known = {}
        self._read_at_ns = time.time_ns()

    def hash_of(self, file: SourceFile) -> str:
        found = self._hashes.get(file.name)
        if found is None:
            known = self._known.get(file.name)
            if isinstance(known, list) and known[:-1] == list(file.stamp):
                found = str(known[-1])
            else:
                found = _hash(_read(file))
                self._is_changed = True
            self._hashes[file.name] = found
        return found

    def forget(self, file: SourceFile) -> None:
        self._known.pop(file.name, None)
        self._path.unlink(missing_ok=True)

    def write(self, files: Iterable[SourceFile]) -> None:
        """Remember what will not change unseen."""
        if not self._is_changed:
            return
        settled_ns = self._read_at_ns - _SETTLED_NS
        rows = {file.name: [*file.stamp, self._hashes[file.name]] for file in files if max(file.stamp[2:]) < settled_ns}
        part = self._path.with_name(f".{_INDEX}.{os.getpid()}.{secrets.token_hex(4)}.part")
        part.write_text(json.dumps(rows), encoding="utf-8")
        part.replace(self._path)


def _read(file: SourceFile) -> bytes:
    try:
        with open(file.path, "rb", buffering=0) as opened:
            return opened.read()
    except FileNotFoundError:
        raise _ChangedError(file.name) from None


def _line(name: str, hash: str) -> bytes:
    return f"{name}\0{hash}\n".encode("utf-8", "surrogateescape")


def _hash_with_notebook(hash: str, notebook: bytes) -> str:
    return _hash(hash.encode() + notebook)


def _hash(data: bytes) -> str:
    return blake2b(data, digest_size=32).hexdigest()
