"""What can go into a container and come out of it."""

from __future__ import annotations

from typing import Any, get_args, get_origin

from partita.errors import LoadError
from partita.flow.loading import load
from partita.protocol.stored_files import FILE, FOLDER

__all__ = ["FILES", "SCALARS", "input_kind", "is_default", "output_kind", "type_of"]

#: Word -> type, of what a command takes as text.
SCALARS: dict[str, type] = {"text": str, "integer": int, "number": float, "boolean": bool}
#: Word -> reference of the type, of what a command takes as a path.
FILES = {"file": FILE, "folder": FOLDER}

_ALSO = {"str": "text", "string": "text", "int": "integer", "float": "number", "bool": "boolean"}
_WORDS = {kind: word for word, kind in SCALARS.items()}
_PATHS = {reference: word for word, reference in FILES.items()}
_LIST = "list of "


def is_default(given: Any) -> bool:
    """Whether an input is declared by its default value instead of its type."""
    return isinstance(given, (bool, int, float)) or (isinstance(given, str) and _word(given) is None)


def input_kind(given: Any) -> str | None:
    """The word for a declared type: "file", "text", "list of file", ...; None: such a thing cannot go in."""
    if isinstance(given, str):
        return _word(given)
    if get_origin(given) is list:
        inner = _single(get_args(given)[0])
        return f"{_LIST}{inner}" if inner is not None and inner != "folder" else None
    return _single(given)


def output_kind(given: Any) -> str:
    """The word for a declared type; whatever is neither a file nor a text is written as JSON: "json"."""
    word = _word(given) if isinstance(given, str) else _single(given)
    return word if word in FILES or word == "text" else "json"


def type_of(given: Any) -> Any:
    """The type that a word or a type stands for.

    Raises:
        LoadError: it is a text that is no such word.
    """
    if not isinstance(given, str):
        return given
    word = _word(given)
    if word is None:
        raise LoadError(f"there is no type {given!r}")
    if word.startswith(_LIST):
        kind: Any = type_of(word.removeprefix(_LIST))
        return list[kind]
    return SCALARS[word] if word in SCALARS else load(FILES[word])


def _single(given: Any) -> str | None:
    try:
        word = _WORDS.get(given)
    except TypeError:
        return None
    return word or _PATHS.get(f"{getattr(given, '__module__', '')}:{getattr(given, '__qualname__', '')}")


def _word(text: str) -> str | None:
    text = text.strip()
    if text.startswith("list[") and text.endswith("]"):
        inner = _word(text[5:-1])
        return f"{_LIST}{inner}" if inner is not None and inner in {*SCALARS, "file"} else None
    text = _ALSO.get(text, text)
    return text if text in SCALARS or text in FILES else None
