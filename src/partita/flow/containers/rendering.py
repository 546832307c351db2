"""The command and files of one call of a container task: pure, and whatever runs containers starts from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from partita.flow.containers.declaration import ContainerDeclaration
from partita.flow.containers.scripts import SHELL, Quoting, language_of
from partita.flow.containers.template import Place, parts_of, script_variable

__all__ = ["RenderedCall", "render"]

_UNSAFE = re.compile(r"[^\w.+-]", re.ASCII)
_LONGEST_NAME = 200
_MOST_BYTES = 120 << 10  # of one word: the kernel takes 128 KiB with what stands around it


@dataclass(frozen=True, slots=True)
class RenderedCall:
    """One call, before anybody has chosen what runs it."""

    command: tuple[str, ...]  # empty: the image's entrypoint
    arguments: tuple[str, ...]  # empty: those of the image
    variables: dict[str, str]  # by which programs of a shell are given texts
    files: tuple[tuple[str, Any], ...]  # (path in the container, the File or Folder that lies there, only to be read)


def render(declaration: ContainerDeclaration, values: Mapping[str, Any]) -> RenderedCall:
    """The call with these values, each of the kind that is declared.

    Args:
        values: by name of the input; of a File or Folder only the name is looked at.

    Raises:
        ValueError: a text is one that no command line can hold.
    """
    files: list[tuple[str, Any]] = []
    texts: dict[str, list[str]] = {}
    kinds = dict(declaration.inputs)
    for name, kind in declaration.inputs:
        is_list = kind.startswith("list of ")
        single = kind.removeprefix("list of ")
        texts[name] = []
        for number, value in enumerate(values[name] if is_list else [values[name]]):
            if single in ("file", "folder"):
                parts = (str(number),) if is_list else ()
                path = declaration.input_path(name, *parts, _safe_name(value.name, single))
                files.append((path, value))
                texts[name].append(path)
            else:
                texts[name].append(_text(name, value))
    variables: dict[str, str] = {}
    words = list(_words(declaration, kinds, texts, variables))
    count = len(declaration.command)
    command = [text for position, text in words if position < count]
    arguments = [text for position, text in words if position >= count]
    return RenderedCall(tuple(command), tuple(arguments), variables, tuple(files))


def _words(
    declaration: ContainerDeclaration,
    kinds: Mapping[str, str],
    texts: Mapping[str, list[str]],
    variables: dict[str, str],
) -> Iterator[tuple[int, str]]:
    """(position in the declared command, word)."""
    declared = declaration.words
    for position, word in enumerate(declared):
        parts = list(parts_of(word))
        first = parts[0] if parts else ""
        if len(parts) == 1 and isinstance(first, Place) and kinds.get(first.name, "").startswith("list of "):
            yield from ((position, text) for text in texts[first.name])
            continue
        is_script = language_of(declared, position) == SHELL
        quoting, written = Quoting(), ""
        for part in parts:
            if isinstance(part, str):
                quoting.read(part)
                written += part
            elif part.root == "outputs":
                written += declaration.output_path(part.name)
            elif is_script and kinds[part.name] == "text":
                variable = script_variable(part.name)
                variables[variable] = texts[part.name][0]
                written += quoting.variable(variable)
            else:
                written += texts[part.name][0]
        yield position, written


def _text(name: str, value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if "\0" in text:
        raise ValueError(f"the input {name} holds the character NUL, which no word of a command can; give it as a File")
    if len(text.encode("utf-8", "surrogateescape")) > _MOST_BYTES:
        raise ValueError(
            f"the input {name} has more than {_MOST_BYTES >> 10} KiB, too much for a word of a command; give it as a File"
        )
    return text


def _safe_name(name: str, kind: str) -> str:
    """A name that means nothing to a shell, with the ending by which programs tell what it holds."""
    safe = _UNSAFE.sub("_", name)[-_LONGEST_NAME:]
    return safe if safe.strip(".") else kind
