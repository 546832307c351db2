"""The port of what keeps small named objects where engine and agents both reach them: a folder, or behind a URL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

__all__ = ["Objects"]


class Objects(Protocol):
    """Keeps bytes under names such as "said/abc-0". Each method may wait for a network, and raises ValueStoreError.

    Law: an object is seen whole or not at all, and of several `create` of one name at most one is True.
    """

    def create(self, name: str, data: bytes) -> bool:
        """Write the object unless there is one of that name; False where there is."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Write the object, in the place of one that is there."""
        ...

    def get(self, name: str) -> bytes | None:
        """What it holds; None: there is none."""
        ...

    def put_file(self, name: str, file: Path) -> None:
        """Write the object from a file, however large, in the place of one that is there."""
        ...

    def get_file(self, name: str, file: Path) -> bool:
        """Bring what it holds into a file; False: there is none, and no file either."""
        ...

    def names(self, folder: str) -> list[str]:
        """Names of all objects in a folder."""
        ...

    def remove(self, names: Sequence[str]) -> None:
        """Remove objects; those that are not there are ignored."""
        ...
