"""Files and folders that pass between steps: kept under the hash of what they hold, read without being loaded."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from partita.errors import NotFoundError, ValueStoreError

__all__ = ["Content", "File", "Folder", "copy_file", "inside"]

_CLONE = 0x40049409  # ioctl FICLONE: a copy that shares its blocks until one of both is written to


class Content:
    """What a file holds: a file of the user's that is not stored yet, or a blob."""

    def __init__(self, source: Callable[[], Path], size_bytes: int, digest: str = "") -> None:
        """
        Args:
            source: gives the file to read from; for a blob, once it is checked.
            digest: hash of the blob; empty: not stored yet.
        """
        self.source = source
        self.size_bytes = size_bytes
        self.digest = digest
        self.holds: object = None  # what has to live as long, such as the folder that the source lies in
        self._copy: Path | None = None

    def path(self, name: str) -> Path:
        """The user's own file, or a copy of the blob that may be changed."""
        if not self.digest:
            return self.source()
        if self._copy is None or not self._copy.exists():
            folder = tempfile.mkdtemp(prefix="partita-file-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._copy = inside(Path(folder), name, is_alone=True)
            copy_file(self.source(), self._copy)
        return self._copy

    def __reduce__(self) -> Any:
        raise TypeError("a File or Folder passes between steps in lists, tuples, dicts and dataclasses only")


@dataclass(init=False, eq=False, repr=False)
class File:
    """A file that a task returns or takes; only the worker that opens it reads it.

    Args:
        path: an existing file; it is stored when the step that returns it ends, and must be complete then.

    Raises:
        NotFoundError: there is no such file.
    """

    name: str
    content: Content

    def __init__(self, path: str | os.PathLike[str]) -> None:
        place = Path(path).absolute()
        if not place.is_file():
            raise NotFoundError(f"there is no file {place}; write it before you return it")
        self.name = place.name
        self.content = Content(lambda: place, place.stat().st_size)

    @property
    def size_bytes(self) -> int:
        """How much it holds."""
        return self.content.size_bytes

    @property
    def path(self) -> Path:
        """A path to read from: the file itself before it is stored; afterwards a private copy, which may be changed."""
        return self.content.path(self.name)

    def open(self, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """Open it for reading, without a copy.

        Raises:
            ValueStoreError: the mode is one that writes.
        """
        if set(mode) - set("rbt"):
            raise ValueStoreError(f"a stored file is read only, not opened with {mode!r}; copy it with save()")
        return open(self.content.source(), mode, encoding=encoding)

    def read_bytes(self) -> bytes:
        """What it holds."""
        return self.content.source().read_bytes()

    def read_text(self, encoding: str = "utf-8") -> str:
        """What it holds, as text."""
        return self.content.source().read_text(encoding)

    def save(self, to: str | os.PathLike[str]) -> Path:
        """Write a copy to a path, or into a folder.

        Raises:
            ValueStoreError: it cannot be written, or its name is none that can stand in a folder.
        """
        target = Path(to)
        target = inside(target, self.name, is_alone=True) if target.is_dir() else target
        copy_file(self.content.source(), target)
        return target

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __repr__(self) -> str:
        return f"File {self.name}, {self.size_bytes:,} bytes"


@dataclass(init=False, eq=False, repr=False)
class Folder:
    """A folder of files that a task returns or takes. Each file is stored once, whatever folders it lies in.

    Empty folders in it are not kept, nor are rights, owners and times.

    Args:
        path: an existing folder.

    Raises:
        NotFoundError: there is no such folder.
        ValueStoreError: it holds what is no file: a link to a folder, a socket, a device.
    """

    name: str
    contents: dict[str, Content]  # by path in the folder, with "/"

    def __init__(self, path: str | os.PathLike[str]) -> None:
        place = Path(path).absolute()
        if not place.is_dir():
            raise NotFoundError(f"there is no folder {place}; make it before you return it")
        self.name = place.name
        self.contents = {name: File(place / name).content for name in sorted(_names(place))}

    @property
    def size_bytes(self) -> int:
        """How much its files hold together."""
        return sum(content.size_bytes for content in self.contents.values())

    @property
    def path(self) -> Path:
        """A private copy of all of it, which may be changed."""
        copy: Path | None = self.__dict__.get("_copy")
        if copy is None:
            folder = tempfile.mkdtemp(prefix="partita-folder-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            copy = self.__dict__["_copy"] = self.save(inside(Path(folder), self.name or "folder", is_alone=True))
        return copy

    def save(self, to: str | os.PathLike[str]) -> Path:
        """Write its files to a folder; those that are there and hold the same are left as they are, as are all others."""
        from partita.artifacts.blobs.hashing import holds

        target = Path(to)
        target.mkdir(parents=True, exist_ok=True)
        for name, content in self.contents.items():
            place = inside(target, name)
            with suppress(OSError):
                if content.digest and place.stat().st_size == content.size_bytes and holds(place, content.digest)[0]:
                    continue
            place.parent.mkdir(parents=True, exist_ok=True)
            copy_file(content.source(), place)
        return target

    def __getitem__(self, name: str) -> File:
        if name not in self.contents:
            raise KeyError(f"the folder {self.name} holds no file {name!r}")
        file = object.__new__(File)
        file.name, file.content = name.rpartition("/")[2], self.contents[name]
        return file

    def __iter__(self) -> Iterator[str]:
        return iter(self.contents)

    def __len__(self) -> int:
        return len(self.contents)

    def __contains__(self, name: object) -> bool:
        return name in self.contents

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __repr__(self) -> str:
        return f"Folder {self.name}, {len(self)} files, {self.size_bytes:,} bytes"


def copy_file(source: Path, target: Path) -> None:
    """Copy what a file holds, sharing blocks where the file system can; never a link, so that a write harms nothing.

    Raises:
        ValueStoreError: it cannot be written.
    """
    import fcntl

    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with open(source, "rb") as read, open(part, "wb") as written:
            try:
                fcntl.ioctl(written.fileno(), _CLONE, read.fileno())
            except OSError:
                shutil.copyfile(source, part)
        os.replace(part, target)
    except OSError as error:
        raise ValueStoreError(f"the file {target} cannot be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def inside(folder: Path, name: str, *, is_alone: bool = False) -> Path:
    """The path of this name in the folder, never one outside of it.

    Args:
        is_alone: the name is that of a file in the folder itself, not in a folder of it.

    Raises:
        ValueStoreError: it is no such name.
    """
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts) or (is_alone and len(parts) > 1):
        raise ValueStoreError(f"{name!r} is not the path of a file in a folder; rename the file and rerun the step")
    return folder.joinpath(*parts)


def _names(place: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(place):
        for name in folders:
            if os.path.islink(os.path.join(folder, name)):
                raise ValueStoreError(f"{folder}/{name} is a link to a folder, which is not stored; copy the folder")
        for name in files:
            file = Path(folder) / name
            if not file.is_file():
                raise ValueStoreError(f"{file} is no file (a broken link, a socket or a device); remove it")
            yield file.relative_to(place).as_posix()
