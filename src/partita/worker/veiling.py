"""Values that tell secrets: they are stored as they are, and people who look at them see something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.artifacts.codecs.leaves import open_leaf, plain_leaf
from partita.artifacts.codecs.plain import MASK, is_veiled
from partita.artifacts.previews.preview import preview
from partita.protocol.stored_files import FILE, FOLDER
from partita.values import BLOB, DICT, INLINE, LIST, OBJECT, PLAIN, SELECT, TUPLE, Node

__all__ = ["veiled"]

Mask = Callable[[str], str]

_PREVIEW_AT = {INLINE: 3, BLOB: 4}
_PARTS_AT = {LIST: 1, TUPLE: 1, DICT: 2, OBJECT: 3}


def veiled(node: Node, value: Any, mask: Mask) -> Node:
    """The node of a value, of which no preview tells a secret; `is_veiled` says of it whether the value does."""
    node = _leaves(node, mask)
    _mask_previews(node, mask)
    if type(value) in (str, bytes) and node[0] == BLOB and not is_veiled(node) and mask(told := str(value)) != told:
        node[4] = f"{node[4]} {MASK}"  # it comes behind the beginning
    return node


def _leaves(node: Node, mask: Mask) -> Node:
    """The node, with leaves in place of what is plain and tells a secret: of these a preview is seen, and of others the value."""
    tag = node[0]
    if tag in _PARTS_AT and not (tag == OBJECT and node[1] in (FILE, FOLDER)):
        place = _PARTS_AT[tag]
        return [*node[:place], [_leaves(part, mask) for part in node[place]], *node[place + 1 :]]
    if tag == INLINE and node[1] == "npy":
        told = repr(open_leaf(node[1], node[2], _no_pickle).tolist())
        return node if mask(told) == told else [*node[:3], f"{node[3]} {MASK}", *node[4:]]
    if tag != PLAIN or mask(shown := repr(node[1])) == shown:
        return node
    value = node[1]
    if type(value) is list:
        return [LIST, [_leaves([PLAIN, item], mask) for item in value]]
    if type(value) is dict and mask(told := repr(list(value))) == told:
        return [DICT, list(value), [_leaves([PLAIN, item], mask) for item in value.values()]]
    leaf = plain_leaf(value)
    return [INLINE, leaf.codec, leaf.data, preview(value, mask)]


def _mask_previews(node: Node, mask: Mask) -> None:
    stack = [node]
    while stack:
        current = stack.pop()
        tag = current[0]
        if tag in _PREVIEW_AT:
            place = _PREVIEW_AT[tag]
            current[place] = mask(current[place])
        elif tag in _PARTS_AT:
            stack.extend(current[_PARTS_AT[tag]])
        elif tag == SELECT:
            stack.append(current[1])


def _no_pickle(data: Any) -> Any:
    raise ValueError("an array of plain numbers and texts holds nothing that is pickled")
