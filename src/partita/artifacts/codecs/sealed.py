"""Bytes that are opened only where this workspace vouches for them: signed as pickles are, and not opened by being read."""

from __future__ import annotations

__all__ = ["Sealed"]


class Sealed:
    """Bytes of a format that is to be opened only if a worker of this workspace has written it."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and other.data == self.data

    def __hash__(self) -> int:
        return hash(self.data)

    def __repr__(self) -> str:
        return f"Sealed {len(self.data):,} bytes"
