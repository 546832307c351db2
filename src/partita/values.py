"""How a value travels and is stored: a packed tree of nodes.

A *node* is a MessagePack array whose first element is its tag. The engine reads the tree's structure (to follow
refs and to take `ref["k"]` apart) and never what an opaque leaf holds; only workers and the user's own process do.

    [PLAIN, plain]                        None, bool, int, float, str, bytes and lists and string-keyed dicts of them
    [INLINE, codec, bytes, preview]       an encoded leaf that lies in the row itself
    [BLOB, codec, hash, size, preview]    an encoded leaf that lies in the artifact store under its hash
    [REF, step, path]                     the value of another step; path is a list of keys and indices
    [LIST, nodes]  [TUPLE, nodes]
    [DICT, keys, nodes]                   keys are plain
    [OBJECT, class, names, nodes]         a dataclass, "module:qualname"
    [OUTCOME, is_ok, node, error]         what settle gives; error is a map or None
    [SELECT, node, path]                  what the worker has to take out of the node once it has opened it
    [INPUT, k]                            in arguments only: the step's k-th input

INLINE, BLOB and OBJECT have one element more where what they hold is of classes or functions of the project: the hash of their
code as it was then, a text. It is part of what the value is: a cache that did not look at it would go by old code.

`preview` is a short text for people, made by whoever wrote the leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgpack

__all__ = [
    "BLOB", "DICT", "HASH_HEAD", "INLINE", "INLINE_LIMIT_BYTES", "INPUT", "LIST", "NOTEBOOK", "NOTEBOOK_FILE", "OBJECT",
    "OUTCOME", "PLAIN", "REF", "SELECT", "TUPLE", "Node", "Path", "blobs_of", "identity", "is_plain", "is_value", "navigate",
    "pack", "pack_list", "put_in", "refs_of", "size_of", "unpack",
]  # fmt: skip

PLAIN, INLINE, BLOB, REF, LIST, TUPLE, DICT, OBJECT, OUTCOME, SELECT, INPUT = range(11)

#: What stands before a blob's hash, a text of 64 characters, in a packed node.
HASH_HEAD = b"\xd9\x40"

#: Packed leaves up to this size lie in the step's row; larger ones become blobs.
INLINE_LIMIT_BYTES = 4096

#: The place in references ("notebook:fit") to what was typed into a session: a notebook, a console, `python -c`.
NOTEBOOK = "notebook"

#: In a bundle: the definitions of the session that it was made in.
NOTEBOOK_FILE = ".notebook"

Node = list[Any]
Path = tuple[str | int, ...]

_packer = msgpack.Packer(use_bin_type=True, autoreset=True)
_SCALARS = frozenset({type(None), bool, float, str, bytes})
#: How many elements a node has that may be part of a value, by its tag.
_LENGTHS = {PLAIN: 2, INLINE: 4, BLOB: 5, LIST: 2, TUPLE: 2, DICT: 3, OBJECT: 4, OUTCOME: 4, SELECT: 3}
_CODED = frozenset({INLINE, BLOB, OBJECT})
_HASH_LENGTH = 64
_LARGEST = 2**62
_SIGNED_MINIMUM, _UNSIGNED_MAXIMUM = -(2**63), 2**64 - 1


def pack(node: Any) -> bytes:
    """The node as bytes."""
    packed: bytes = _packer.pack(node)
    return packed


def unpack(data: bytes) -> Any:
    """The node that `pack` made the bytes from."""
    return msgpack.unpackb(data, raw=False, strict_map_key=False, use_list=True)


def is_plain(value: object) -> bool:
    """Whether MessagePack gives the value back exactly: no subclasses, no tuples, no integer past 64 bits."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if kind is int:
        return _SIGNED_MINIMUM <= value <= _UNSIGNED_MAXIMUM  # type: ignore[operator]
    if kind is list:
        return all(map(is_plain, value))  # type: ignore[call-overload]
    if kind is dict:
        return all(type(key) is str and is_plain(item) for key, item in value.items())  # type: ignore[attr-defined]
    return False


def is_value(data: bytes) -> bool:
    """Whether the bytes, which anybody may have sent, are a value: one node without refs, in form all the way down.

    What opaque leaves hold is not looked at.
    """
    try:
        stack = [unpack(data)]
    except (ValueError, TypeError):  # MessagePack's own errors are of the first kind; the second is a map as a key
        return False
    while stack:
        node = stack.pop()
        length = _length(node)
        if not length:
            return False
        parts = _parts(*node[:length])
        if type(parts) is not list:
            return False
        stack.extend(parts)
    return True


def _length(node: Any) -> int:
    """How many elements the node has without the hash of code; 0: it is no node of a value."""
    if type(node) is not list or not node or type(node[0]) is not int:
        return 0
    length = _LENGTHS.get(node[0], 0)
    is_coded = node[0] in _CODED and len(node) == length + 1 and type(node[-1]) is str
    return length if len(node) == length or is_coded else 0


def _parts(tag: int, *held: Any) -> Any:
    """The nodes that a node holds, if what it holds is of the right kinds; else something that is no list."""
    if tag == PLAIN:
        return []
    if tag in (LIST, TUPLE):
        return held[0]
    if tag in (DICT, OBJECT):
        names, nodes = held[-2:]
        are_two = type(names) is list and type(nodes) is list and len(names) == len(nodes)
        return nodes if are_two and (tag == DICT or type(held[0]) is str) else None
    if tag == OUTCOME:
        _, node, error = held
        return ([] if node is None else [node]) if error is None or type(error) is dict else None
    if tag == SELECT:
        return [held[0]] if type(held[1]) is list else None
    codec, content, *size, preview = held
    if type(codec) is not str or type(preview) is not str:
        return None
    if tag == INLINE:
        return [] if type(content) is bytes else None
    is_blob = type(content) is str and len(content) == _HASH_LENGTH and type(size[0]) is int and size[0] >= 0
    return [] if is_blob else None


def pack_list(packed: list[bytes]) -> bytes:
    """[LIST, nodes] of nodes that are packed already, without opening them."""
    head = msgpack.Packer(autoreset=False)
    head.pack_array_header(2)
    head.pack(LIST)
    head.pack_array_header(len(packed))
    start: bytes = head.bytes()
    return start + b"".join(packed)


def navigate(node: Node, path: Path) -> tuple[Node, Path]:
    """Follow the path as far as the structure is visible.

    Returns the node reached and what is left of the path: empty, unless a ref or an opaque leaf was met.

    Raises:
        LookupError: the structure has no such key or index.
    """
    for position, key in enumerate(path):
        tag = node[0]
        if tag in (LIST, TUPLE):
            node = node[1][key]
        elif tag in (DICT, OBJECT):
            names, nodes = (node[1], node[2]) if tag == DICT else (node[2], node[3])
            if key not in names:
                raise KeyError(key)
            node = nodes[names.index(key)]
        elif tag == PLAIN:
            node = [PLAIN, node[1][key]]
        else:
            return node, path[position:]
    return node, ()


def size_of(packed: bytes | None, *, is_arguments: bool = False) -> int:
    """How much a packed node holds, its blobs included.

    Args:
        is_arguments: it is no node but the arguments of a step, `[nodes, names, nodes]`.
    """
    if packed is None:
        return 0
    total = len(packed)
    if HASH_HEAD not in packed:
        return total
    # Whoever made it may be wrong; then it counts for what it is itself.
    with suppress(ValueError, LookupError, TypeError):
        data = unpack(packed)
        nodes = [*data[0], *data[2]] if is_arguments else [data]
        total += sum(max(int(size), 0) for node in nodes for _, size in blobs_of(node))
    return min(total, _LARGEST)


def refs_of(node: Node) -> list[tuple[int, Path]]:
    """Every (step, path) that the node refers to, in order of appearance, without recursion."""
    found: list[tuple[int, Path]] = []
    stack = [node]
    while stack:
        current = stack.pop()
        tag = current[0]
        if tag == REF:
            found.append((current[1], tuple(current[2])))
        elif tag in (LIST, TUPLE):
            stack.extend(reversed(current[1]))
        elif tag == DICT:
            stack.extend(reversed(current[2]))
        elif tag == OBJECT:
            stack.extend(reversed(current[3]))
        elif tag == OUTCOME and current[2] is not None:
            stack.append(current[2])
        elif tag == SELECT:
            stack.append(current[1])
    return found


def identity(node: Node, inputs: Sequence[Node] = ()) -> Node:
    """The node with inputs put in and without what is only for people: equal for values that are equal."""
    tag = node[0]
    if tag == PLAIN:
        return node
    if tag in (INLINE, BLOB):
        return [*node[:3], *node[_LENGTHS[tag] :]]
    if tag == INPUT:
        return identity(inputs[node[1]], ())
    if tag in (LIST, TUPLE):
        return [tag, [identity(item, inputs) for item in node[1]]]
    if tag == DICT:
        return [tag, node[1], [identity(item, inputs) for item in node[2]]]
    if tag == OBJECT:
        return [tag, node[1], node[2], [identity(item, inputs) for item in node[3]], *node[4:]]
    if tag == OUTCOME and node[2] is not None:
        return [tag, node[1], identity(node[2], inputs), node[3]]
    if tag == SELECT:
        return [tag, identity(node[1], inputs), node[2]]
    return node


def put_in(node: Node, inputs: Sequence[Node]) -> Node:
    """The node with inputs put in where they are named."""
    tag = node[0]
    if tag == INPUT:
        return inputs[node[1]]
    if tag in (LIST, TUPLE):
        return [tag, [put_in(item, inputs) for item in node[1]]]
    if tag == DICT:
        return [tag, node[1], [put_in(item, inputs) for item in node[2]]]
    if tag == OBJECT:
        return [tag, node[1], node[2], [put_in(item, inputs) for item in node[3]], *node[4:]]
    return node


def blobs_of(node: Node) -> list[tuple[str, int]]:
    """Every (hash, size in bytes) of a blob that the node names."""
    found: list[tuple[str, int]] = []
    stack = [node]
    while stack:
        current = stack.pop()
        tag = current[0]
        if tag == BLOB:
            found.append((current[2], current[3]))
        elif tag in (LIST, TUPLE):
            stack.extend(current[1])
        elif tag in (DICT, OBJECT):
            stack.extend(current[2] if tag == DICT else current[3])
        elif tag == OUTCOME and current[2] is not None:
            stack.append(current[2])
        elif tag == SELECT:
            stack.append(current[1])
    return found
