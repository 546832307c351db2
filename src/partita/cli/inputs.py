"""A flow and its inputs as words of the command line.

`partita run FLOW --rate 0.1 --fast name=value`: the worker converts the texts by the flow's signature.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from partita.errors import CheckError, Problem

__all__ = ["Call", "parse_call"]

_ASSIGNED = re.compile(r"([^\W\d]\w*)=(.*)", re.DOTALL)
_NUMBER = re.compile(r"-[\d.]|-(inf|nan)\b", re.IGNORECASE)


class Call(NamedTuple):
    """What the user asks for."""

    flow: str  # as written; empty: the only one there is
    texts: dict[str, str]  # inputs by parameter


def parse_call(words: Sequence[str], inputs_file: str = "") -> Call:
    """Take words apart.

    Args:
        inputs_file: a JSON file with further inputs, "-" for the standard input; what is given in words wins.

    Raises:
        CheckError: with every word that cannot be understood.
    """
    rest = list(words)
    flow = rest.pop(0) if rest and not rest[0].startswith("-") and not _ASSIGNED.fullmatch(rest[0]) else ""
    problems: list[Problem] = []
    texts: dict[str, str] = {}
    for name, text in _pairs(rest, problems):
        if name in texts:
            remedy = f"give it once; a list is written as JSON: --{name} '[1, 2]'"
            problems.append(Problem(f"the input {name} is given twice: {texts[name]!r} and {text!r}", "", remedy))
        texts[name] = text
    from_file = _read_inputs(inputs_file, problems) if inputs_file else {}
    if problems:
        raise CheckError(problems)
    return Call(flow, {**from_file, **texts})


def _pairs(rest: list[str], problems: list[Problem]) -> Iterator[tuple[str, str]]:
    while rest:
        word = rest.pop(0)
        assigned = _ASSIGNED.fullmatch(word)
        if assigned:
            yield assigned[1], assigned[2]
            continue
        name, is_valued, text = word.removeprefix("--").partition("=")
        name = name.replace("-", "_")
        if not word.startswith("--") or not name.isidentifier():
            problems.append(_stray(word))
        elif is_valued:
            yield name, text
        elif rest and (not rest[0].startswith("-") or rest[0] == "-" or _NUMBER.match(rest[0])):
            yield name, rest.pop(0)
        elif name.startswith("no_"):
            yield name.removeprefix("no_"), "false"
        else:
            yield name, "true"


def _stray(word: str) -> Problem:
    if word.startswith("-"):
        remedy = "an input is written --name value or name=value; `partita run --help` lists the options"
        return Problem(f"there is no option {word!r}", "", remedy)
    remedy = "the flow comes first, and an input is written --name value or name=value"
    return Problem(f"{word!r} belongs to no input", "", remedy)


def _read_inputs(name: str, problems: list[Problem]) -> dict[str, str]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        document = json.loads(text, parse_constant=_refuse)
    except OSError as error:
        problems.append(Problem(f"the inputs file {name} cannot be read: {error.strerror}", "", "name a JSON file"))
    except ValueError as error:
        problems.append(Problem(f"the inputs file {name} is not JSON: {error}", "", 'write {"name": value, ...}'))
    else:
        if isinstance(document, dict):
            return {str(key): _as_text(value) for key, value in document.items()}
        told = f"the inputs file {name} holds a {type(document).__name__}, not a JSON object"
        problems.append(Problem(told, "", 'write {"name": value, ...}'))
    return {}


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON: JSON has no such number; use null, or leave it out")


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
