"""Places behind URLs, as fsspec opens them, and what is said where one cannot be opened or does not answer."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from partita.errors import MissingExtraError, ValueStoreError

__all__ = ["FarPlace", "time_of"]

#: Where a file that is being written can be seen before it is whole, unlike an object of an object store.
_NOT_ATOMIC = frozenset({"file", "ftp", "hdfs", "local", "sftp", "smb", "ssh"})
#: Under which of these a file system says when a file was written.
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")


class FarPlace:
    """A file system and a folder in it."""

    def __init__(self, url: str, what: str, **options: Any) -> None:
        """
        Args:
            what: lies there, in words for messages: "artifacts".
            options: of the file system.

        Raises:
            MissingExtraError: what the URL needs is not installed.
            ValueStoreError: the URL is none.
        """
        self.url, self._what = url, what
        try:
            import fsspec
        except ImportError as error:
            raise MissingExtraError(f"{url}, for {what}, needs fsspec: pip install 'partita[remote]'") from error
        try:
            files, root = fsspec.url_to_fs(url, **options)
        except ImportError as error:
            raise MissingExtraError(f"{url}, for {what}, needs more than fsspec: {error}") from error
        except Exception as error:
            raise ValueStoreError(f"{url}, for {what}, cannot be used: {error}") from error
        self.files: Any = files
        self.root: str = root.rstrip("/")

    @property
    def is_atomic(self) -> bool:
        """Whether what is written there cannot be seen before it is whole."""
        protocol = self.files.protocol
        return not ({protocol} if isinstance(protocol, str) else set(protocol)) & _NOT_ATOMIC

    def unreachable(self, error: Exception) -> ValueStoreError:
        """What is said when the file system has raised this; each has errors of its own."""
        told = str(error) or type(error).__name__
        return ValueStoreError(
            f"{self._what} cannot be reached at {self.url}: {told}; look at the address, the credentials and the network. "
            "It may be tried again"
        )


def time_of(told: dict[str, Any]) -> float | None:
    """When a file was written, in seconds since the epoch, as its file system tells; None: it does not."""
    for name in _TIMES:
        value = told.get(name)
        if isinstance(value, str):
            with suppress(ValueError):
                value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, (int, float)):
            return float(value)
    return None
