"""Where values stand in a command: `{inputs.name}` and `{outputs.name}`; all other braces are the command's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from partita.errors import DefinitionError
from partita.flow.containers.scripts import CODE, SHELL, UNCLEAR, Quoting, language_of

__all__ = ["Place", "check_template", "parts_of", "script_variable"]

_PLACES = re.compile(r"\{(\{(?:inputs|outputs)\.\w+\})\}|\{((?:inputs?|outputs?)\b[^{}]*)\}")
_NAMED = re.compile(r"(inputs|outputs)\.([^\W\d]\w*)\Z")


class Place(NamedTuple):
    """Where a value goes in."""

    root: str  # "inputs" or "outputs"
    name: str


def parts_of(word: str) -> Iterator[str | Place]:
    """The texts and places of a word of a command, in order; two braces, as in `{{inputs.x}}`, stand for one.

    Raises:
        DefinitionError: something looks like a place and is none.
    """
    position = 0
    for found in _PLACES.finditer(word):
        if found.start() > position:
            yield word[position : found.start()]
        position = found.end()
        if found[1] is not None:
            yield found[1]
            continue
        named = _NAMED.match(found[2])
        if named is None:
            raise DefinitionError(
                f"{found[0]} is no value; write {{inputs.name}} or {{outputs.name}}, and two braces around what is meant "
                "as it stands"
            )
        yield Place(named[1], named[2])
    if position < len(word):
        yield word[position:]


def script_variable(name: str) -> str:
    """The variable by which a shell's program is given a text."""
    return f"inputs_{name}"


def check_template(words: Sequence[str], inputs: dict[str, str], outputs: dict[str, str]) -> None:
    """Refuse a command whose values could not be put in, or could be read as something else.

    Args:
        inputs: name -> word of its kind.
        outputs: likewise.

    Raises:
        DefinitionError: with what to do.
    """
    for position, word in enumerate(words):
        language, quoting = language_of(words, position), Quoting()
        parts = list(parts_of(word))
        for part in parts:
            if isinstance(part, str):
                quoting.read(part)
                continue
            known = inputs if part.root == "inputs" else outputs
            shown = f"{{{part.root}.{part.name}}}"
            if part.name not in known:
                raise DefinitionError(f"{shown} is not among the {part.root} ({', '.join(known) or 'there are none'})")
            if part == ("outputs", "stdout"):
                raise DefinitionError(
                    f"{shown} is what the command prints, and has no path; leave it out of the command"
                )
            if part.root == "inputs":
                _check_input(shown, part.name, known[part.name], len(parts) == 1, language, quoting)


def _check_input(shown: str, name: str, kind: str, is_alone: bool, language: str, quoting: Quoting) -> None:
    if kind.startswith("list of ") and (not is_alone or language in (SHELL, CODE)):
        raise DefinitionError(
            f"{shown} is a list, which becomes several words of the command: let it be an item of its own"
            + (' behind the program, which sees them as "$@" after a name for itself' if language == SHELL else "")
        )
    if kind != "text" or not language:
        return  # a number is never a part of a program, nor is a path, whose name is made of plain characters
    if language == UNCLEAR:
        if is_alone:
            return  # a word of its own, as any other
        raise DefinitionError(
            f"{shown} may stand inside of a program, where a text could be read as a part of it: let it be an item of its own"
        )
    if language == CODE:
        raise DefinitionError(
            f"{shown} stands inside of a program, where a text could be read as a part of it: let it be an item of its own "
            "behind the program, which finds it among its arguments"
        )
    if not quoting.variable(script_variable(name)):
        raise DefinitionError(
            f"{shown} stands in single quotes, in which a shell puts nothing in: take double quotes, or none"
        )
