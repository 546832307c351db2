"""A run's value as clients are told it: what runs nothing is opened while it is small, the rest is described."""

from __future__ import annotations

from typing import Any

from partita.artifacts.blobs.port import BlobStore
from partita.artifacts.codecs.plain import is_veiled, plain_value
from partita.drawing.results import result_json
from partita.errors import PartitaError
from partita.values import BLOB, Node

__all__ = ["MOST_BYTES", "told_value"]

#: So much of one value is opened in all.
MOST_BYTES = 1 << 18


def told_value(packed: bytes | None, blobs: BlobStore) -> Any:
    """The value of a packed node as JSON has it.

    Leaves that are plain data or arrays are opened, up to `MOST_BYTES` together, unless they tell a secret. Whatever else is a
    map: "codec", "preview", and of what lies in a blob "hash" and "size_bytes".
    """
    left = MOST_BYTES

    def opened(node: Node) -> Any:
        nonlocal left
        if is_veiled(node):
            return node
        size = node[3] if node[0] == BLOB else len(node[2])
        if size > left:
            return node
        try:
            value = plain_value(node, blobs)
        except (PartitaError, OSError):  # only workers open it, or it is not there any more
            return node
        left -= size
        return value.tolist() if hasattr(value, "tolist") else value

    return result_json(packed, opened)
