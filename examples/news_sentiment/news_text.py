"""Tweets as a classifier reads them: what only makes texts different is taken out, what tells is kept."""

from __future__ import annotations

import html
import re

__all__ = ["TOKEN", "identity", "normalise"]

#: A word, with what belongs to it ("S&P" is two, "write-down" and "don't" are one), or a mark.
TOKEN = r"\w+(?:[.'-]\w+)*|[!?:;,.-]"

_LINK = re.compile(r"https?://\S+")
_BLANKS = re.compile(r"\s+")
#: Which share, how much and where it was read is different in each tweet; that there is one, and its direction, is not.
_KINDS = (
    (_LINK, " _link_ "),
    (re.compile(r"\$[a-z][a-z.]*"), " _ticker_ "),
    (re.compile(r"(?<![\w.])\+\$?\d[\d.,]*\s?%"), " _rise_ "),
    (re.compile(r"(?<![\w.])[-−]\$?\d[\d.,]*\s?%"), " _fall_ "),
    (re.compile(r"\d[\d.,]*\s?%"), " _percent_ "),
    (re.compile(r"\$?\d[\d.,]*"), " _number_ "),
)
#: A crude stem: "raise", "raises", "raised" and "raising" tell the same.
_ENDING = re.compile(r"\b([a-z]{3,}?)(?:ing|ed|es|(?<!s)s|e)\b")


def normalise(text: str) -> str:
    """The text in lower case, with kinds of numbers, tickers and links in their place, and without endings."""
    text = html.unescape(text).lower()
    for pattern, kind in _KINDS:
        text = pattern.sub(kind, text)
    return _ENDING.sub(r"\1", _BLANKS.sub(" ", text).strip())


def identity(text: str) -> str:
    """What is the same for a tweet that was sent twice with different links; empty where there are no words."""
    return _BLANKS.sub(" ", _LINK.sub(" ", html.unescape(text))).strip().lower()
