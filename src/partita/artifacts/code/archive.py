"""Bundles in a place that several machines reach: one object each, "bundles/<hash>.tar", written whole or not at all.

A bundle's archive is the same bytes wherever it is made. Nothing in it is believed: what is fetched is compared with the hash
that it is kept under before a file of it is written.
"""

from __future__ import annotations

import io
import os
import re
import secrets
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Protocol

from partita.artifacts.blobs.locking import folder_lock, touch
from partita.artifacts.blobs.placing import is_url
from partita.artifacts.code.bundles import bundle_hash
from partita.artifacts.far import FarPlace, time_of
from partita.errors import DamagedError, NotFoundError, PartitaError, ValueStoreError

__all__ = ["FOLDER", "Archive", "archives", "fetch_archive", "pack_archive", "put_archive", "remove_archive"]

FOLDER = "bundles"
_NAME = re.compile(r"([0-9a-f]{64})\.tar")
#: An archive that was written so lately is not written again; a collection spares what is younger than a minute.
_FRESH_S = 30.0


class Archive(NamedTuple):
    """One archive in a place."""

    hash: str  # of the bundle
    size_bytes: int
    written_at: float | None  # seconds since the epoch; None: the place does not tell


def put_archive(place: str, hash: str, folder: Path) -> bool:
    """Let the bundle lie in the place, and count as just written there; whether it was sent.

    Args:
        place: a folder or a URL.
        folder: where the bundle lies here.

    Raises:
        ValueStoreError: it cannot be written.
    """
    shelf = _shelf(place)
    if shelf.refresh(_name(hash)):
        return False
    shelf.write(_name(hash), pack_archive(folder))
    return True


def pack_archive(folder: Path) -> bytes:
    """A bundle's folder as an archive: the same bytes wherever it is made.

    Raises:
        ValueStoreError: it cannot be read.
    """
    try:
        return _packed(folder)
    except OSError as error:
        raise ValueStoreError(f"the code in {folder} cannot be read: {error}; see the folder's rights") from error


def fetch_archive(place: str, hash: str, folder: Path) -> None:
    """Bring the bundle from the place into a folder here, which is there whole or not at all.

    Raises:
        NotFoundError: it is not in the place.
        DamagedError: what lies there is not that bundle.
        ValueStoreError: the place cannot be read, or the folder not written.
    """
    name = _name(hash)
    files = _unpacked(_shelf(place).read(name), name)
    if bundle_hash(files) != hash:
        raise DamagedError(
            f"the code {FOLDER}/{name} at {place} is not what was put there (its hash differs); remove it, and start a run "
            "where the code is, which puts it there again"
        )
    part = folder.with_name(f".{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        for path, data in files.items():
            target = part / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        part.mkdir(parents=True, exist_ok=True)  # of a project without files
        try:
            part.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process was quicker
                raise
    except OSError as error:
        raise ValueStoreError(f"the code cannot be kept in {folder}: {error}; see its rights and room") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def archives(place: str) -> list[Archive]:
    """The archives in the place.

    Raises:
        ValueStoreError: it cannot be read.
    """
    return list(_shelf(place).listing())


def remove_archive(place: str, hash: str, oldest: float) -> bool:
    """Remove an archive unless it was written since `oldest` (seconds since the epoch); whether it is removed.

    Raises:
        ValueStoreError: it cannot be removed.
    """
    return _shelf(place).remove(_name(hash), oldest)


def _name(hash: str) -> str:
    if not _NAME.fullmatch(f"{hash}.tar"):
        raise NotFoundError(f"{hash!r} is not the hash of a bundle")
    return f"{hash}.tar"


def _packed(folder: Path) -> bytes:
    """The folder's files as an archive that tells nothing of when, where and by whom it was made."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(_files(folder)):
            data = (folder / name).read_bytes()
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            archive.addfile(member, io.BytesIO(data))
    return target.getvalue()


def _files(folder: Path) -> Iterator[str]:
    for place, below, names in os.walk(folder):
        below[:] = [name for name in below if name != "__pycache__"]  # workers may leave it there
        for name in names:
            yield (Path(place) / name).relative_to(folder).as_posix()


def _unpacked(data: bytes, name: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                content = archive.extractfile(member) if member.isfile() else None
                if content is None or path.is_absolute() or ".." in path.parts:
                    raise DamagedError(
                        f"the archive {FOLDER}/{name} holds {member.name!r}, which no code has; remove it"
                    )
                files[path.as_posix()] = content.read()
    except (tarfile.TarError, EOFError) as error:
        raise DamagedError(f"the archive {FOLDER}/{name} cannot be read: {error}; remove it") from error
    return files


class _Shelf(Protocol):
    """Where archives lie."""

    def refresh(self, name: str) -> bool:
        """Let the archive count as just written; False: it is not there, or has to be written for that."""
        ...

    def write(self, name: str, data: bytes) -> None: ...

    def read(self, name: str) -> bytes: ...

    def listing(self) -> Iterator[Archive]: ...

    def remove(self, name: str, oldest: float) -> bool: ...


def _shelf(place: str) -> _Shelf:
    return _FarShelf(place) if is_url(place) else _NearShelf(Path(place))


class _NearShelf:
    """A folder that other machines reach as well."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._folder = place / FOLDER

    def refresh(self, name: str) -> bool:
        if not self._folder.is_dir():
            return False
        with folder_lock(self._folder, is_alone=False):
            return touch(self._folder / name)

    def write(self, name: str, data: bytes) -> None:
        part = self._folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(self._folder / name)
        except OSError as error:
            raise self._unusable(error) from error
        finally:
            with suppress(OSError):
                part.unlink()

    def read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            raise _absent(name, str(self._place)) from None
        except OSError as error:
            raise self._unusable(error) from error

    def listing(self) -> Iterator[Archive]:
        for path in self._folder.glob("*.tar") if self._folder.is_dir() else ():
            found = _NAME.fullmatch(path.name)
            if found is not None:
                with suppress(FileNotFoundError):  # removed meanwhile
                    status = path.stat()
                    yield Archive(found[1], status.st_size, status.st_mtime)

    def remove(self, name: str, oldest: float) -> bool:
        path = self._folder / name
        try:
            with folder_lock(self._folder, is_alone=True):
                if path.stat().st_mtime >= oldest:
                    return False
                path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unusable(error) from error
        return True

    def _unusable(self, error: OSError) -> ValueStoreError:
        return ValueStoreError(
            f"code cannot be kept in {self._folder}: {error.strerror}; see the folder's rights and room"
        )


class _FarShelf:
    """A URL that fsspec knows."""

    def __init__(self, url: str) -> None:
        self._far = FarPlace(url, "the code")
        self._files, self._is_atomic = self._far.files, self._far.is_atomic
        self._root = f"{self._far.root}/{FOLDER}"

    def refresh(self, name: str) -> bool:
        told = self._told(name)
        written_at = time_of(told) if told is not None else None
        return written_at is not None and time.time() - written_at < _FRESH_S

    def write(self, name: str, data: bytes) -> None:
        place = f"{self._root}/{name}"
        if self._is_atomic:
            self._ask("pipe_file", place, data)
            return
        part = f"{place}.{secrets.token_hex(6)}.part"
        self._ask("makedirs", self._root, exist_ok=True)
        self._ask("pipe_file", part, data)
        self._ask("mv", part, place)

    def read(self, name: str) -> bytes:
        try:
            return bytes(self._files.cat_file(f"{self._root}/{name}"))
        except FileNotFoundError:
            raise _absent(name, self._far.url) from None
        except Exception as error:
            raise self._far.unreachable(error) from error

    def listing(self) -> Iterator[Archive]:
        with suppress(Exception):
            self._files.invalidate_cache()
        try:
            found = self._files.find(self._root, detail=True)
        except FileNotFoundError:
            return
        except Exception as error:
            raise self._far.unreachable(error) from error
        for place, told in found.items():
            name = _NAME.fullmatch(place.rpartition("/")[2])
            if name is not None:
                yield Archive(name[1], int(told.get("size") or 0), time_of(told))

    def remove(self, name: str, oldest: float) -> bool:
        told = self._told(name)  # looked at again: it may have been written since it was listed
        written_at = time_of(told) if told is not None else None
        if written_at is None or written_at >= oldest:
            return False
        self._ask("rm_file", f"{self._root}/{name}")
        return True

    def _told(self, name: str) -> dict[str, Any] | None:
        with suppress(Exception):
            self._files.invalidate_cache()
        try:
            told: dict[str, Any] = self._files.info(f"{self._root}/{name}")
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._far.unreachable(error) from error
        return told

    def _ask(self, verb: str, *arguments: Any, **options: Any) -> None:
        method: Callable[..., Any] = getattr(self._files, verb)
        try:
            method(*arguments, **options)
        except Exception as error:  # each file system has errors of its own
            raise self._far.unreachable(error) from error


def _absent(name: str, place: str) -> PartitaError:
    return NotFoundError(
        f"the code {FOLDER}/{name} is not at {place}; start a run of it with the settings `store` and `artifacts` as they are "
        "now on the machine that has it, or copy its folder from that machine's .partita/bundles"
    )
