"""What an expression refers to: found by reading its words, so that each reference can become an edge of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["ROOTS", "Reference", "Token", "ends_at", "references_of", "tokens_of"]

#: What an expression can name.
ROOTS = ("inputs", "steps", "item")

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<text>[rRbB]{0,2}(?:'{3}(?:\\.|[^\\])*?'{3}|"{3}(?:\\.|[^\\])*?"{3}|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
  | (?P<number>0x[0-9a-fA-F]+u?|(?:\d+\.\d+|\d+)(?:[eE][-+]?\d+)?u?)
  | (?P<name>[^\W\d]\w*)
  | (?P<mark>&&|\|\||[<>=!]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One word of an expression."""

    kind: str  # "text", "number", "name" or "mark"
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reference:
    """`inputs.rate`, `steps.train.output.score` or `item[0]` in an expression."""

    root: str  # of ROOTS
    name: str  # of the input or step; empty for item
    part: str  # of a step: "output" or "outcome"
    path: tuple[str | int, ...]  # keys and indices behind it
    start: int  # where it stands in the expression
    end: int
    is_whole: bool = True  # False: something is wrong with it, which `told` says
    told: str = ""
    remedy: str = ""


def tokens_of(text: str, start: int = 0) -> list[Token]:
    """The words of an expression, without blanks and comments."""
    found = []
    for match in _TOKEN.finditer(text, start):
        kind = match.lastgroup or "mark"
        if kind != "space":
            found.append(Token(kind, match[0], match.start(), match.end()))
    return found


def ends_at(text: str, start: int) -> int:
    """Where the `}}` stands that ends the expression which begins at `start`; below 0: nowhere."""
    depth = 0
    position = start
    while position < len(text):
        match = _TOKEN.match(text, position)
        assert match is not None
        mark = match[0]
        if mark == "{":
            depth += 1
        elif mark == "}":
            if depth == 0:
                return position if text.startswith("}}", position) else -1
            depth -= 1
        position = match.end()
    return -1


def references_of(text: str) -> list[Reference]:
    """The references in an expression, in its order."""
    tokens = tokens_of(text)
    found = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        is_member = position > 0 and tokens[position - 1].text == "."
        if token.kind == "name" and token.text in ROOTS and not is_member and not _is_key(tokens, position):
            reference, position = _read(tokens, position)
            found.append(reference)
        else:
            position += 1
    return found


def _is_key(tokens: list[Token], position: int) -> bool:
    """Whether the name is called, which makes it a function."""
    return position + 1 < len(tokens) and tokens[position + 1].text == "("


def _read(tokens: list[Token], position: int) -> tuple[Reference, int]:
    first = tokens[position]
    is_tested = position > 1 and tokens[position - 1].text == "(" and tokens[position - 2].text == "has"
    path, ends = _path(tokens, position + 1)
    if is_tested and path:
        path, ends = path[:-1], ends[:-1]
    needed = {"inputs": 1, "steps": 2, "item": 0}[first.text]
    if len(path) < needed or not all(isinstance(key, str) for key in path[:needed]):
        end = ends[-1] if ends else position + 1
        told = f"`{_shown(tokens[position:end])}` names nothing that can be passed on"
        remedy = _REMEDIES[first.text]
        return Reference(first.text, "", "", (), first.start, tokens[end - 1].end, False, told, remedy), end
    end = ends[-1] if ends else position + 1
    names = [str(key) for key in path[:needed]] + ["", ""]
    return Reference(first.text, names[0], names[1], tuple(path[needed:]), first.start, tokens[end - 1].end), end


_REMEDIES = {
    "inputs": "write inputs.NAME",
    "steps": "write steps.NAME.output; its parts are steps.NAME.output.KEY and steps.NAME.output[0]",
    "item": "",
}


def _shown(tokens: list[Token]) -> str:
    return "".join(token.text for token in tokens)


def _is_member(tokens: list[Token], position: int) -> bool:
    return position + 1 < len(tokens) and tokens[position].text == "." and tokens[position + 1].kind == "name"


def _step_name(tokens: list[Token], position: int) -> tuple[str, int]:
    """The name behind `steps.`, and the position behind it; `-` belongs to it, since a step alone has no value."""
    name, position = tokens[position].text, position + 1
    while (
        position + 1 < len(tokens) and tokens[position].text == "-" and tokens[position + 1].kind in ("name", "number")
    ):
        between = (
            tokens[position - 1].end == tokens[position].start and tokens[position].end == tokens[position + 1].start
        )
        if not between:
            break
        name += f"-{tokens[position + 1].text}"
        position += 2
    return name, position


def _path(tokens: list[Token], position: int) -> tuple[list[str | int], list[int]]:
    """The keys behind a name, and for each the position behind it."""
    path: list[str | int] = []
    ends: list[int] = []
    if tokens[position - 1].text == "steps" and _is_member(tokens, position):
        name, position = _step_name(tokens, position + 1)
        path.append(name)
        ends.append(position)
    while position + 1 < len(tokens):
        mark, key = tokens[position], tokens[position + 1]
        after = tokens[position + 2].text if position + 2 < len(tokens) else ""
        if mark.text == "." and key.kind == "name" and after != "(":
            path.append(key.text)
            position += 2
        elif mark.text == "[" and after == "]" and key.kind in ("number", "text"):
            literal = _literal(key)
            if literal is None:
                break
            path.append(literal)
            position += 3
        else:
            break
        ends.append(position)
    return path, ends


def _literal(token: Token) -> str | int | None:
    if token.kind == "number":
        return int(token.text) if token.text.isdecimal() and len(token.text) < 10 else None
    inner = token.text[1:-1]
    is_simple = token.text[0] in "'\"" and "\\" not in inner and not token.text.startswith(("'''", '"""'))
    return inner if is_simple else None
