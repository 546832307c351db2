"""Rows of a workspace's secrets, and how they are read: a part of the port of stores.

A value is here only as it was encrypted, for its name and version. Versions of a name grow, also when it is forgotten between: of
two engines that set a secret at once, the later version stays, and a value that was encrypted anew never takes the place of a
later one.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

__all__ = ["SecretRow", "SecretSealing", "SecretStore"]


class SecretRow(NamedTuple):
    """One secret."""

    name: str
    version: int  # given by the store
    key: str  # name of the key that it was encrypted with
    ciphertext: bytes
    created_at: float
    created_by: str
    rotated_at: float  # when this version was set
    rotated_by: str


class SecretSealing(NamedTuple):
    """The same value, encrypted with another key; the last two are its key."""

    key: str
    ciphertext: bytes
    name: str
    version: int


class SecretStore(Protocol):
    """Reads secrets."""

    def next_secret_version(self, name: str) -> int:
        """A version that no value of this name was ever given."""
        ...

    def secrets(self, name: str = "") -> list[SecretRow]:
        """One secret, or all (empty), by name."""
        ...
