"""Values that are plain data with arrays, opened where nothing may be unpickled."""

from __future__ import annotations

from typing import Any

from partita.artifacts.blobs.port import BlobStore
from partita.artifacts.codecs.leaves import open_leaf
from partita.errors import ValueStoreError
from partita.values import BLOB, DICT, INLINE, LIST, OBJECT, PLAIN, TUPLE, Node

__all__ = ["MASK", "is_veiled", "plain_value"]

#: What stands in place of a secret.
MASK = "***"

#: Codecs that run nothing and import nothing of the user's.
_PLAIN = frozenset({"bytes", "html", "msgpack", "npy", "numpy-scalar", "path", "scalar", "text"})


def plain_value(node: Node, blobs: BlobStore) -> Any:
    """The value; a dataclass as a dict of its fields.

    Raises:
        ValueStoreError: a part of it is no plain data.
        DamagedError: what is stored is not what was written.
    """
    tag = node[0]
    if tag == PLAIN:
        return node[1]
    if tag in (LIST, TUPLE):
        return [plain_value(item, blobs) for item in node[1]]
    if tag in (DICT, OBJECT):
        names, nodes = node[-2:]
        return {name: plain_value(item, blobs) for name, item in zip(names, nodes, strict=True)}
    if tag in (INLINE, BLOB) and node[1] in _PLAIN:
        return open_leaf(node[1], node[2] if tag == INLINE else blobs.get(node[2]), _refuse)
    raise ValueStoreError("a part of it is no plain data, and only workers open that")


def is_veiled(node: Node) -> bool:
    """Whether a part of it tells a secret: what people see of it is its preview, and not the value itself."""
    tag = node[0]
    if tag in (LIST, TUPLE):
        return any(map(is_veiled, node[1]))
    if tag in (DICT, OBJECT):
        return any(map(is_veiled, node[-1]))
    return bool(tag in (INLINE, BLOB) and MASK in node[4 if tag == BLOB else 3])


def _refuse(data: Any) -> Any:
    raise ValueStoreError("a pickled value is opened in workers only")
