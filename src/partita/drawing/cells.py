"""Text in terminal cells: wide characters take two, and what could steer a terminal is made harmless."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clean", "clean_log", "fit", "pad", "plain", "width", "writable"]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_].*?(?:\x1b\\|$)|[@-Z\\-_]|$)", re.DOTALL
)
_NOT_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
_COLOR = re.compile(r"\x1b\[[0-9;:]*m")


def width(text: str) -> int:
    """How many cells a terminal takes for the text."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit(text: str, cells: int, ending: str = "…") -> str:
    """The text, cut so that it takes no more than so many cells."""
    if width(text) <= cells:
        return text
    left, kept = cells - width(ending), []
    for character in text:
        left -= _cells(character)
        if left < 0:
            break
        kept.append(character)
    return "".join(kept) + ending if cells >= width(ending) else ""


def pad(text: str, cells: int, *, is_right: bool = False) -> str:
    """The text with blanks, so that it takes so many cells."""
    blanks = " " * max(cells - width(text), 0)
    return blanks + text if is_right else text + blanks


def clean(text: str) -> str:
    """The text on one line, without characters that steer terminals."""
    return _CONTROL.sub("", _ESCAPE.sub("", text).replace("\n", " ").replace("\t", " "))


def plain(text: str) -> str:
    """The text on one line, with nothing in it that XML cannot hold."""
    return writable(clean(text))


def writable(text: str) -> str:
    """The text without halves of characters: what was decoded from broken bytes cannot be sent as UTF-8."""
    return _NOT_XML.sub("\ufffd", text)


def clean_log(text: str, *, keeps_colors: bool) -> str:
    """What a program printed, without what steers terminals; colours are kept where the reader can see them."""

    def kept(match: re.Match[str]) -> str:
        return match[0] if keeps_colors and _COLOR.fullmatch(match[0]) else ""

    return "".join(
        part if part.startswith("\x1b") else _CONTROL.sub(lambda m: m[0] if m[0] == "\r" else "", part)
        for part in re.split(r"(\x1b\[[0-9;:]*m)", _ESCAPE.sub(kept, text))
    )
