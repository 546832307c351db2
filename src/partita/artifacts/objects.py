"""Small named objects in a folder or behind a URL: where engine and remote workers find each other's messages."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from partita.artifacts.blobs.placing import is_url
from partita.artifacts.far import FarPlace
from partita.errors import ValueStoreError
from partita.protocol.objects import Objects

__all__ = ["FolderObjects", "UrlObjects", "open_objects"]


def open_objects(place: str) -> Objects:
    """Objects below a folder or a URL.

    Raises:
        MissingExtraError: what the URL needs is not installed.
        ValueStoreError: the URL is none.
    """
    scheme, mark, path = place.partition("://")
    if mark and scheme in ("file", "local"):
        return FolderObjects(Path(path))
    return UrlObjects(place) if is_url(place) else FolderObjects(Path(place))


class FolderObjects:
    """Objects as files. Satisfies `Objects`, also where several machines share the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.fspath(folder)

    def create(self, name: str, data: bytes) -> bool:
        """Write the object unless there is one of that name."""
        path = self._path(name)
        part = self._write(path, data)
        try:
            os.link(part, path)  # unlike a rename, this replaces nothing
        except FileExistsError:
            return False
        except OSError as error:
            raise self._fault(path, error) from error
        finally:
            with suppress(OSError):
                os.unlink(part)
        return True

    def put(self, name: str, data: bytes) -> None:
        """Write the object, in the place of one that is there."""
        self._replace(self._write(self._path(name), data), self._path(name))

    def put_file(self, name: str, file: Path) -> None:
        """Write the object from a file, in the place of one that is there."""
        path = self._path(name)
        part = self._write(path, b"")
        try:
            shutil.copyfile(file, part)
        except OSError as error:
            with suppress(OSError):
                os.unlink(part)
            raise self._fault(path, error) from error
        self._replace(part, path)

    def get_file(self, name: str, file: Path) -> bool:
        """Bring what it holds into a file; False: there is none."""
        path = self._path(name)
        if not os.path.exists(path):
            return False
        try:
            shutil.copyfile(path, file)
        except OSError as error:
            raise self._fault(path, error) from error
        return True

    def get(self, name: str) -> bytes | None:
        """What it holds; None: there is none."""
        path = self._path(name)
        try:
            with open(path, "rb", buffering=0) as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._fault(path, error) from error

    def names(self, folder: str) -> list[str]:
        """Names of all objects in a folder."""
        try:
            found = os.listdir(self._path(folder))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._fault(folder, error) from error
        return [f"{folder}/{name}" for name in found if not name.endswith(".part")]

    def remove(self, names: Sequence[str]) -> None:
        """Remove objects."""
        for name in names:
            try:
                os.unlink(self._path(name))
            except FileNotFoundError:
                pass
            except OSError as error:
                raise self._fault(name, error) from error

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def _replace(self, part: str, path: str) -> None:
        try:
            os.replace(part, path)
        except OSError as error:
            with suppress(OSError):
                os.unlink(part)
            raise self._fault(path, error) from error

    def _write(self, path: str, data: bytes) -> str:
        part = f"{path}.{secrets.token_hex(4)}.part"
        try:
            try:
                file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            with open(file, "wb", buffering=0) as opened:
                view = memoryview(data)
                while view:
                    view = view[opened.write(view) :]
        except OSError as error:
            with suppress(OSError):
                os.unlink(part)
            raise self._fault(path, error) from error
        return part

    def _fault(self, path: str, error: OSError) -> ValueStoreError:
        return ValueStoreError(f"{path} cannot be used: {error.strerror}; see the folder's rights and room")


class UrlObjects:
    """Objects behind any URL that fsspec knows. Satisfies `Objects`."""

    def __init__(self, url: str) -> None:
        self._far = FarPlace(url, "messages", use_listings_cache=False)
        self._files, self._root, self._is_atomic = self._far.files, self._far.root, self._far.is_atomic

    def create(self, name: str, data: bytes) -> bool:
        """Write the object unless there is one of that name."""
        place = self._place(name)
        if not self._is_atomic:
            # There is no way to create a whole file of that name only: who looks at the same moment may be wrong.
            if self._ask("exists", place):
                return False
            self._write(place, data)
            return True
        try:
            self._ask("pipe_file", place, data, mode="create")
        except FileExistsError:
            return False
        return True

    def put(self, name: str, data: bytes) -> None:
        """Write the object, in the place of one that is there."""
        self._write(self._place(name), data)

    def put_file(self, name: str, file: Path) -> None:
        """Write the object from a file, in the place of one that is there."""
        self._write(self._place(name), file)

    def get_file(self, name: str, file: Path) -> bool:
        """Bring what it holds into a file; False: there is none."""
        try:
            self._ask("get_file", self._place(name), os.fspath(file))
        except FileNotFoundError:
            file.unlink(missing_ok=True)
            return False
        return True

    def get(self, name: str) -> bytes | None:
        """What it holds; None: there is none."""
        place = self._place(name)
        try:
            # From its first byte on, since for a whole file some stores are asked for its size first: a request more each time
            # that somebody looks whether there is something.
            return bytes(self._ask("cat_file", place, start=0))
        except FileNotFoundError:
            return None
        except ValueStoreError as error:
            if getattr(error.__cause__, "errno", None) != errno.EINVAL:
                raise
            return bytes(self._ask("cat_file", place))  # it is empty, and has no first byte

    def names(self, folder: str) -> list[str]:
        """Names of all objects in a folder."""
        try:
            found = self._ask("ls", self._place(folder), detail=False, refresh=True)
        except FileNotFoundError:
            return []
        names = [place.rstrip("/").rpartition("/")[2] for place in found]
        return [f"{folder}/{name}" for name in names if not name.endswith(".part")]

    def remove(self, names: Sequence[str]) -> None:
        """Remove objects."""
        if not names:
            return
        try:
            self._ask("rm", [self._place(name) for name in names])
        except FileNotFoundError:
            for name in names if len(names) > 1 else ():  # one was not there, and the others may be
                self.remove([name])

    def _write(self, place: str, data: bytes | Path) -> None:
        """Write an object whole or not at all, from bytes or from a file."""
        part = place
        if not self._is_atomic:
            part = f"{place}.{secrets.token_hex(4)}.part"
            self._ask("makedirs", place.rpartition("/")[0], exist_ok=True)
        if isinstance(data, Path):
            self._ask("put_file", os.fspath(data), part)
        else:
            self._ask("pipe_file", part, data)
        if part != place:
            self._ask("mv", part, place)

    def _place(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _ask(self, verb: str, *arguments: Any, **options: Any) -> Any:
        try:
            return getattr(self._files, verb)(*arguments, **options)
        except (FileNotFoundError, FileExistsError):
            raise
        except OSError as error:
            if "PreconditionFailed" in repr(error.__cause__) or "pre-condition" in str(error).lower():
                raise FileExistsError(*arguments[:1]) from error  # how S3 says that there is one
            raise self._far.unreachable(error) from error
        except Exception as error:  # each file system has errors of its own
            raise self._far.unreachable(error) from error
