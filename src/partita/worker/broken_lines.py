"""Secrets in Base64 that was broken into lines, as `base64` and mail do: they are looked for as if the breaks were not there."""

from __future__ import annotations

import re

__all__ = ["BrokenLines"]

_NO_BREAKS = str.maketrans("", "", "\r\n")
#: So many characters of a form at the end of a text are held back for what comes: fewer stand at many an end by chance, and are
#: held back only behind what looks like Base64.
_HEAD_LENGTH = 4
_ENCODED_LINE = re.compile(r"[A-Za-z0-9+/_-]{16,}[\r\n]*$")
#: A character with a break behind it, at most.
_WITH_BREAK = 3


class BrokenLines:
    """Looks for the forms of one attempt's secrets."""

    def __init__(self, forms: list[str], pattern: str, mask: str) -> None:
        """
        Args:
            pattern: an expression that finds any of the forms.
        """
        self._pattern = re.compile(pattern)
        self._mask = mask
        self._longest = max(map(len, forms), default=0)
        self._by_head: dict[str, list[str]] = {}
        self._beginnings = {form[:length] for form in forms for length in range(1, _HEAD_LENGTH)}
        for form in forms:
            if len(form) > _HEAD_LENGTH:
                self._by_head.setdefault(form[:_HEAD_LENGTH], []).append(form)
        heads = "|".join(map(re.escape, sorted(self._by_head)))
        self._heads = re.compile(f"(?=({heads or '(?!)'}))")

    def masked(self, text: str) -> str:
        """The text without what stands in several lines of it; what stands in one is for others to find."""
        if "\n" not in text:
            return text
        found = [span.span() for span in self._pattern.finditer(text.translate(_NO_BREAKS))]
        if not found:
            return text
        places = _places(text)
        shown, position = [], 0
        for begin, end in found:
            shown += [text[position : places[begin]], self._mask]
            position = places[end - 1] + 1
        return "".join([*shown, text[position:]])

    def doubtful_from(self, text: str) -> int:
        """Where the text begins that further lines could make a secret."""
        begin = max(len(text) - _WITH_BREAK * self._longest, 0)
        tail = text[begin:]
        joined = tail.translate(_NO_BREAKS)
        for found in self._heads.finditer(joined):
            rest = joined[found.start() :]
            if any(len(form) > len(rest) and form.startswith(rest) for form in self._by_head[found[1]]):
                return begin + _places(tail)[found.start()]
        if _ENCODED_LINE.search(tail):
            for length in range(_HEAD_LENGTH - 1, 0, -1):
                if joined[-length:] in self._beginnings:
                    return len(text.rstrip("\r\n")) - length
        return len(text)


def _places(text: str) -> list[int]:
    """Where each character stood before the breaks were taken out."""
    return [place for place, character in enumerate(text) if character not in "\r\n"]
