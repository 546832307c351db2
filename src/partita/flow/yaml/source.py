"""The text of a YAML file as nodes that know their line and column.

Plain scalars are read by the rules of YAML 1.2: only `true` and `false` are booleans, so that `no`, `on` and dates are
texts. Nothing is made of tags. Aliases are followed up to a limit, so that a small file cannot stand for a huge one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from partita.errors import CheckError, Problem
from partita.flow.yaml.problems import Problems

__all__ = ["Node", "name_in", "read_plain", "read_source"]

MOST_BYTES = 4 << 20
MOST_NODES = 500_000  # once every alias has been followed
DEEPEST = 40

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {text: value for value in (True, False) for text in (str(value), str(value).lower(), str(value).upper())}
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)\Z")
_NANS = frozenset({".nan", ".NaN", ".NAN"})
_MOST_DIGITS = 400


class Node:
    """A scalar, list or mapping of the file."""

    __slots__ = ("column", "keys", "line", "quotes", "size", "value")

    def __init__(self, value: Any, line: int, column: int) -> None:
        self.value = value  # None, bool, int, float, str, list[Node] or dict[str, Node]
        self.line = line  # from 1
        self.column = column  # from 1
        self.keys: dict[str, Node] = {}  # of a mapping: where its keys stand
        self.size = 1  # nodes in it, aliases followed
        self.quotes = 0  # characters before a text's own

    @property
    def kind(self) -> str:
        """What it is, for messages."""
        return _KINDS.get(type(self.value), "a number")

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        return self.value

    def walk(self) -> Iterator[Node]:
        """The node and all in it, an alias as often as it stands there."""
        yield self
        items = self.value.values() if isinstance(self.value, dict) else self.value
        if isinstance(self.value, (dict, list)):
            for item in items:
                yield from item.walk()


_KINDS = {type(None): "nothing", bool: "true or false", str: "a text", list: "a list", dict: "a mapping"}

_NAME_LINE = re.compile(r"^name:[^\n]*", re.MULTILINE)
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TOO_DEEP = (f"this is nested more than {DEEPEST} levels deep", "make it flatter")


class _Refused(Exception):
    def __init__(self, message: str, remedy: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message, self.remedy, self.line, self.column = message, remedy, line, column


def read_source(text: str, problems: Problems) -> Node | None:
    """The node of the file's one document; None where it cannot be read: then a problem says why."""
    import yaml

    if len(text) > MOST_BYTES:
        problems.at(1, 1, f"the file has {len(text):,} characters", f"a flow's file has at most {MOST_BYTES:,}")
        return None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder(problems).build(yaml.parse(text, Loader=loader))
    except _Refused as refused:
        problems.at(refused.line, refused.column, refused.message, refused.remedy)
    except yaml.YAMLError as error:
        _tell(error, text, problems)
    return None


def read_plain(text: str, file: str) -> Any:
    """The data that a file's text says: YAML, or JSON where the file's name says so.

    Args:
        file: its name, for messages.

    Raises:
        CheckError: it cannot be read; with line and column.
    """
    if file.endswith(".json"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise CheckError([Problem(f"this is not JSON: {error}", file)]) from error
    problems = Problems(file)
    root = read_source(text, problems)
    problems.raise_if_any()
    return root.plain() if root is not None else None


def name_in(text: str) -> str:
    """The name that the file gives its flow on a line of its own, without reading the rest; empty: none."""
    line = _NAME_LINE.search(text)
    node = read_source(line[0], Problems("")) if line else None
    found = node.value["name"].value if node is not None and isinstance(node.value, dict) else ""
    return found if isinstance(found, str) else ""


def _tell(error: Any, text: str, problems: Problems) -> None:
    """Note why the library cannot read the text."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    told = ", ".join(part for part in (getattr(error, "context", None), getattr(error, "problem", None)) if part)
    remedy = "look for a missing quote, colon or indentation"
    forbidden = _FORBIDDEN.search(text)
    if "nesting depth" in told:  # the library looks ahead, and has a limit of its own
        problems.at(line, column, *_TOO_DEEP)
        return
    if mark is None and forbidden:
        before = text[: forbidden.start()]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        told, remedy = f"the character #x{ord(forbidden[0]):04x} is not allowed", "leave it out"
    elif "cannot start any token" in told and text.split("\n")[line - 1][column - 1 : column] == "\t":
        told, remedy = "a tab stands where the line is indented", "indent with spaces"
    problems.at(line, column, f"this is not YAML: {told or error}", remedy)


class _Builder:
    """Makes nodes of the parser's events, on a stack of its own: depth costs no recursion."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._anchors: dict[str, Node] = {}
        self._open: list[tuple[Node, str, list[Node]]] = []  # a collection, its anchor, what stands in it so far
        self._count = 0
        self._root: Node | None = None

    def build(self, events: Iterator[Any]) -> Node | None:
        documents = 0
        for event in events:
            name = type(event).__name__
            if name == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise self._refused(event, "the file holds a second document", "keep one flow in one file")
            elif name in ("MappingStartEvent", "SequenceStartEvent"):
                self._begin(event, {} if name == "MappingStartEvent" else [])
            elif name in ("MappingEndEvent", "SequenceEndEvent"):
                self._end()
            elif name == "ScalarEvent":
                self._take(self._scalar(event), event.anchor)
            elif name == "AliasEvent":
                self._alias(event)
        return self._root

    def _refused(self, event: Any, message: str, remedy: str) -> _Refused:
        return _Refused(message, remedy, event.start_mark.line + 1, event.start_mark.column + 1)

    def _begin(self, event: Any, value: Any) -> None:
        if len(self._open) >= DEEPEST:
            raise self._refused(event, *_TOO_DEEP)
        if event.tag is not None and not event.implicit:
            raise self._refused(event, f"the tag {event.tag!r} is not read", "leave it out")
        node = Node(value, event.start_mark.line + 1, event.start_mark.column + 1)
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)  # until it has ended: nothing can hold itself
        self._open.append((node, event.anchor or "", []))

    def _end(self) -> None:
        node, anchor, items = self._open.pop()
        node.size += sum(item.size for item in items)
        if isinstance(node.value, list):
            node.value = items
        else:
            self._fill(node, items)
        self._take(node, anchor)

    def _fill(self, node: Node, items: list[Node]) -> None:
        merged: list[Node] = []
        for key, item in zip(items[::2], items[1::2], strict=True):
            if isinstance(key.value, (list, dict)):
                self._problems.add(key, f"{key.kind} cannot be a key", "write a text before the colon")
                continue
            name = key.value if isinstance(key.value, str) else _written(key.value)
            if name == "<<" and isinstance(item.value, (dict, list)):
                merged += item.value if isinstance(item.value, list) else [item]
            elif name in node.value:
                first = node.keys[name].line
                self._problems.add(
                    key, f"the key {name!r} stands here twice, first in line {first}", "keep one of them"
                )
            else:
                node.value[name] = item
                node.keys[name] = key
        for other in merged:
            if isinstance(other.value, dict):
                for name, item in other.value.items():
                    node.value.setdefault(name, item)
                    node.keys.setdefault(name, other.keys[name])
                node.size += other.size

    def _alias(self, event: Any) -> None:
        found = self._anchors.get(event.anchor)
        if found is None:
            hint = "an anchor is written before its alias, and does not lie around it"
            raise self._refused(event, f"there is no anchor &{event.anchor} before this", hint)
        self._take(found, None)

    def _take(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        self._count += 1
        if max(self._count, node.size) > MOST_NODES:
            message = f"the file stands for more than {MOST_NODES:,} values once its aliases are followed"
            raise _Refused(message, "use fewer aliases in aliases", node.line, node.column)
        if self._open:
            self._open[-1][2].append(node)
        else:
            self._root = node

    def _scalar(self, event: Any) -> Node:
        value: Any = event.value
        is_plain = event.implicit[0]
        if event.tag is not None and event.tag not in ("!", "tag:yaml.org,2002:str"):
            raise self._refused(event, f"the tag {event.tag!r} is not read", "leave it out")
        if is_plain and event.tag is None:
            value = self._resolved(event)
        node = Node(value, event.start_mark.line + 1, event.start_mark.column + 1)
        node.quotes = int(event.style in ("'", '"'))
        return node

    def _resolved(self, event: Any) -> Any:
        text = event.value
        first = text[:1]
        if first not in _TELLING:
            return text
        if text in _NULLS:
            return None
        if text in _BOOLS:
            return _BOOLS[text]
        if len(text) <= _MOST_DIGITS:
            if _INTEGER.match(text):
                return int(text)
            if _FLOAT.match(text):
                return float(text)
            if _HEX.match(text) or _OCTAL.match(text):
                return int(text, 0)
            if _INFINITE.match(text):
                return float(text.replace(".", ""))
            if text in _NANS:
                return float("nan")
        return text


#: What a plain scalar that is no text begins with.
_TELLING = frozenset({"", "~", *"nNtTfF0123456789+-."})


def _written(value: Any) -> str:
    """A key that is no text, as it stands in the file."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
