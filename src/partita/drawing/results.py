"""What a run gave, as JSON and as text. Values that only workers can open appear as their previews."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.protocol.models import model_text
from partita.protocol.stored_files import stored_text
from partita.values import BLOB, DICT, INLINE, LIST, OBJECT, OUTCOME, PLAIN, SELECT, TUPLE, Node, navigate, unpack

__all__ = ["result_json", "result_line", "result_text"]

Opened = Callable[[Node], Any]


class _Preview:
    """Stands for a value that is not opened."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def result_json(packed: bytes | None, opened: Opened | None = None) -> Any:
    """The value of a packed node; an encoded leaf is a map with its codec and its preview.

    Args:
        opened: gives the value of such a leaf, or the leaf itself where it is not to be opened.
    """
    return _json_of(unpack(packed), opened) if packed is not None else None


def _selected(node: Node) -> Node:
    """What a selection stands for; where only a worker can open that, the selection itself."""
    inner, path = node[1], tuple(node[2])
    try:
        if inner[0] == OUTCOME:
            _, is_ok, value, error = inner
            inner = {"ok": [PLAIN, is_ok], "value": value or [PLAIN, None], "error": [PLAIN, error]}[path[0]]
            path = path[1:]
        found, rest = navigate(inner, path)
    except (LookupError, TypeError):
        return node
    return node if rest else found


def _json_of(node: Node, opened: Opened | None) -> Any:
    node = _selected(node) if node[0] == SELECT else node
    tag = node[0]
    if tag == PLAIN:
        return node[1]
    if tag in (LIST, TUPLE):
        return [_json_of(item, opened) for item in node[1]]
    if tag == DICT:
        return {str(key): _json_of(item, opened) for key, item in zip(node[1], node[2], strict=True)}
    if tag == OBJECT:
        return {name: _json_of(item, opened) for name, item in zip(node[2], node[3], strict=True)}
    if tag == OUTCOME:
        return {"ok": node[1], "value": _json_of(node[2], opened) if node[2] is not None else None, "error": node[3]}
    if tag in (INLINE, BLOB) and opened is not None and (found := opened(node)) is not node:
        return found
    if tag == INLINE:
        return {"codec": node[1], "preview": str(node[3])}
    if tag == BLOB:
        return {"codec": node[1], "preview": str(node[4]), "hash": node[2], "size_bytes": node[3]}
    return {"preview": _selection_text(node)}


def _selection_text(node: Node) -> str:
    if node[0] != SELECT:
        return "(not known)"
    part = "".join(f"[{key!r}]" for key in node[2])
    return f"{part} of {_value_of(node[1])!r}"


def result_text(packed: bytes | None, columns: int = 100) -> str:
    """The value as Python shows it; a text as it is; nothing for None. A long record has a line for each field."""
    node: Node = unpack(packed) if packed is not None else [PLAIN, None]
    value = _value_of(node)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    from pprint import pformat

    whole = pformat(value, width=columns, sort_dicts=False)
    node = _selected(node) if node[0] == SELECT else node
    if node[0] != OBJECT or len(whole) <= columns or stored_text(node):
        return whole
    lines = [f"{str(node[1]).rpartition(':')[2]}("]
    for name, item in zip(node[2], node[3], strict=True):
        told = pformat(_value_of(item), width=max(columns - len(name) - 4, 20), sort_dicts=False)
        lines.append(f"  {name}=" + told.replace("\n", "\n" + " " * (len(name) + 3)) + ",")
    return "\n".join([*lines, ")"])


def _value_of(node: Node) -> Any:
    node = _selected(node) if node[0] == SELECT else node
    tag = node[0]
    if tag == PLAIN:
        return node[1]
    if tag == LIST:
        return [_value_of(item) for item in node[1]]
    if tag == TUPLE:
        return tuple(_value_of(item) for item in node[1])
    if tag == DICT:
        return {key: _value_of(item) for key, item in zip(node[1], node[2], strict=True)}
    if tag == OBJECT:
        text = stored_text(node) or model_text(node)
        if text:
            return _Preview(text)
        fields = ", ".join(f"{name}={_value_of(item)!r}" for name, item in zip(node[2], node[3], strict=True))
        return _Preview(f"{str(node[1]).rpartition(':')[2]}({fields})")
    if tag == OUTCOME:
        return _Preview(f"Outcome({_value_of(node[2])!r})" if node[1] else f"Outcome(error={node[3].get('message')!r})")
    return _Preview(str(node[4] if tag == BLOB else node[3] if tag == INLINE else _selection_text(node)))


def result_line(packed: bytes | None) -> str:
    """The value on one line, cut where it is long; nothing for None."""
    value = _value_of(unpack(packed)) if packed is not None else None
    if value is None:
        return ""
    import reprlib

    short = reprlib.Repr()
    short.maxstring = short.maxother = 160
    short.maxdict = short.maxlist = short.maxtuple = 10
    return " ".join(short.repr(value).split())
