"""The hash that a blob is kept under: BLAKE3 with 256 bits, in hexadecimal digits.

Every blob is hashed when it is written and again when it is read, so that a slow hash would be felt in every step that
passes much on; this one is several times as fast as what the standard library has (docs/decisions/0010).
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from blake3 import blake3

__all__ = ["DIGEST_BYTES", "Buffer", "hash_bytes", "hash_file", "holds", "is_hash", "is_hash_of", "new_hash"]

DIGEST_BYTES = 32
_CHUNK_BYTES = 1 << 20
_HEXADECIMAL = frozenset("0123456789abcdef")

Buffer = bytes | bytearray | memoryview


def new_hash() -> Any:
    """What is fed by `update` and gives the hash by `hexdigest`."""
    return blake3()


def hash_bytes(parts: Iterable[Buffer]) -> str:
    """The hash of the parts, one after the other."""
    digest = blake3()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def hash_file(path: Path) -> tuple[str, int]:
    """The hash of what a file holds, and its size in bytes."""
    return _feed(blake3(), path)


def holds(path: Path, digest: str) -> tuple[bool, int]:
    """Whether a file holds what the hash says, and its size in bytes.

    The hash may be the older one, BLAKE2b, of a blob that was written before Partita took BLAKE3.
    """
    found, size_bytes = hash_file(path)
    return found == digest or _feed(blake2b(digest_size=DIGEST_BYTES), path)[0] == digest, size_bytes


def is_hash_of(digest: str, data: Buffer) -> bool:
    """Whether the bytes are what the hash says; it may be the older one, as with `holds`."""
    return hash_bytes((data,)) == digest or blake2b(data, digest_size=DIGEST_BYTES).hexdigest() == digest


def is_hash(text: object) -> bool:
    """Whether it has the form of a blob's hash, so that it can be a part of a path."""
    return isinstance(text, str) and len(text) == 2 * DIGEST_BYTES and _HEXADECIMAL.issuperset(text)


def _feed(digest: Any, path: Path) -> tuple[str, int]:
    size_bytes = 0
    chunk = memoryview(bytearray(_CHUNK_BYTES))
    # Read and not mapped: a mapped file that somebody truncates meanwhile kills the process.
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(chunk):
            digest.update(chunk[:count])
            size_bytes += count
    return digest.hexdigest(), size_bytes
