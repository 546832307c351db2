"""Where a backup is written: a folder, which keeps what is there already, or one archive."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol

from partita.artifacts.blobs.hashing import new_hash
from partita.artifacts.code.heads import CheckedHeads
from partita.errors import BackupError, MissingExtraError

__all__ = ["ARCHIVES", "ArchiveTarget", "FolderTarget", "Target", "is_archive", "opened_archive"]

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.zst")
_CHUNK_BYTES = 1 << 20


class Target(Protocol):
    """Takes files. Laws: what `add` returned from is there; without `finish` nothing looks like a whole backup."""

    def has(self, name: str, size_bytes: int) -> bool:
        """Whether a file of this name, which says what it holds, is there already."""
        ...

    def add(self, name: str, path: Path, size_bytes: int | None = None) -> tuple[int, str]:
        """Copy a file, or its first bytes; gives the size and the hash of what was written."""
        ...

    def link(self, name: str, other: str) -> bool:
        """Let a file be the same as another one that is there; False: it cannot."""
        ...

    def put(self, name: str, data: bytes) -> tuple[int, str]:
        """Write a small file."""
        ...

    def finish(self) -> None:
        """All is written."""
        ...

    def drop(self) -> None:
        """It was broken off: leave nothing that looks like a backup."""
        ...


class FolderTarget:
    """A folder with any number of snapshots."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, name: str, size_bytes: int) -> bool:
        try:
            return (self.folder / name).stat().st_size == size_bytes
        except FileNotFoundError:
            return False

    def add(self, name: str, path: Path, size_bytes: int | None = None) -> tuple[int, str]:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        with path.open("rb") as source, _private(part) as written:
            told = _copy(source, written, size_bytes)
            written.flush()
            os.fsync(written.fileno())
        part.replace(target)
        return told

    def link(self, name: str, other: str) -> bool:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(self.folder / other, target)
        except OSError:
            return False
        return True

    def put(self, name: str, data: bytes) -> tuple[int, str]:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        with _private(part) as written:
            written.write(data)
            written.flush()
            os.fsync(written.fileno())
        part.replace(target)
        return len(data), _hash(data)

    def finish(self) -> None:
        pass

    def drop(self) -> None:
        pass


class ArchiveTarget:
    """A tar file, compressed as its name says."""

    def __init__(self, file: Path) -> None:
        """
        Raises:
            BackupError: there is such a file.
            MissingExtraError: what compresses is not installed.
        """
        if file.exists():
            raise BackupError(f"{file} is there already; give another name, or move it away")
        self._file = file
        self._part = file.with_name(f".{file.name}.{os.getpid()}.part")
        self._raw: IO[bytes] = _private(self._part)
        self._stream = _compressing(self._raw, file.name)
        self._tar = tarfile.open(fileobj=self._stream, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def has(self, name: str, size_bytes: int) -> bool:
        return False

    def link(self, name: str, other: str) -> bool:
        return False

    def add(self, name: str, path: Path, size_bytes: int | None = None) -> tuple[int, str]:
        with path.open("rb") as source:
            size = os.fstat(source.fileno()).st_size if size_bytes is None else size_bytes
            reader = _Hashing(source)
            try:
                self._tar.addfile(_member(name, size), reader)
            except OSError as error:
                if reader.count < size:
                    raise BackupError(f"{path} became shorter while it was copied; make the backup again") from error
                raise
        return size, reader.hexdigest()

    def put(self, name: str, data: bytes) -> tuple[int, str]:
        self._tar.addfile(_member(name, len(data)), io.BytesIO(data))
        return len(data), _hash(data)

    def finish(self) -> None:
        self._tar.close()
        if self._stream is not self._raw:
            self._stream.close()
        if not self._raw.closed:
            self._raw.flush()
            os.fsync(self._raw.fileno())
            self._raw.close()
        self._part.replace(self._file)

    def drop(self) -> None:
        with suppress(OSError, ValueError):
            self._raw.close()
        self._part.unlink(missing_ok=True)


class _Hashing:
    """A file that is hashed while it is read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._digest = new_hash()
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._digest.update(data)
        self.count += len(data)
        return data

    def hexdigest(self) -> str:
        return str(self._digest.hexdigest())


def is_archive(path: Path) -> bool:
    """Whether the name is that of an archive."""
    return path.name.endswith(ARCHIVES)


@contextmanager
def opened_archive(file: Path) -> Iterator[tarfile.TarFile]:
    """An archive to be read from its beginning to its end.

    Raises:
        BackupError: it is none, or ends too early.
        MissingExtraError: what it was compressed with is not installed.
    """
    try:
        with file.open("rb") as raw:
            heads: Any = CheckedHeads(_decompressing(raw, file.name))
            with tarfile.open(fileobj=heads, mode="r|") as tar:
                yield tar
    except FileNotFoundError as error:
        raise BackupError(f"there is no {file}") from error
    except _errors_of(file.name) as error:
        raise BackupError(f"{file} is no whole archive of a backup ({error}); take another copy of it") from error


def _compressing(raw: IO[bytes], name: str) -> Any:
    if name.endswith(".tar.zst"):
        return _zstandard().ZstdCompressor(level=3, threads=-1).stream_writer(raw, closefd=False)
    if name.endswith(("gz",)):
        import gzip

        return gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6, mtime=0)
    return raw


def _decompressing(raw: IO[bytes], name: str) -> Any:
    if name.endswith(".tar.zst"):
        return _zstandard().ZstdDecompressor().stream_reader(raw, read_across_frames=True)
    if name.endswith(("gz",)):
        import gzip

        return gzip.GzipFile(fileobj=raw, mode="rb")
    return raw


def _errors_of(name: str) -> tuple[type[Exception], ...]:
    """What reading an archive raises that was cut short or changed."""
    if name.endswith(".tar.zst"):
        return (tarfile.TarError, EOFError, _zstandard().ZstdError)
    import gzip
    import zlib

    return (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise MissingExtraError(
            f"an archive .tar.zst needs zstandard ({error}): pip install 'partita[backup]', or give a name ending in .tar.gz"
        ) from error
    return zstandard


def _private(path: Path) -> IO[bytes]:
    """A new file that only its owner reads: values and rows may be nobody else's business."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb")


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(time.time())
    return member


def _copy(source: IO[bytes], written: IO[bytes], size_bytes: int | None) -> tuple[int, str]:
    digest, count = new_hash(), 0
    while size_bytes is None or count < size_bytes:
        chunk = source.read(_CHUNK_BYTES if size_bytes is None else min(_CHUNK_BYTES, size_bytes - count))
        if not chunk:
            break
        digest.update(chunk)
        written.write(chunk)
        count += len(chunk)
    return count, str(digest.hexdigest())


def _hash(data: bytes) -> str:
    digest = new_hash()
    digest.update(data)
    return str(digest.hexdigest())
