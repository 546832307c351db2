"""What pages say. The English text is the key; the files of `texts/<language>` have the others, one for each subject."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

__all__ = ["FOLDER", "LANGUAGES", "Texts", "language_of"]

#: Tag -> what it calls itself.
LANGUAGES = {"en": "English", "zh-CN": "简体中文"}
FOLDER = Path(__file__).with_name("texts")


@cache
def _catalogue(language: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for file in sorted((FOLDER / language).glob("*.json")):
        found |= json.loads(file.read_text("utf-8"))
    return found


class Texts:
    """Says things in one language."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._found = _catalogue(self.language)

    def __call__(self, text: str, **values: object) -> str:
        """The text in this language, with values for what stands in braces."""
        said = self._found.get(text, text)
        for name, value in values.items():
            said = said.replace("{" + name + "}", str(value))
        return said


def language_of(chosen: str, accepted: str) -> str:
    """The language of a page.

    Args:
        chosen: what the person chose; empty or unknown: nothing.
        accepted: the browser's Accept-Language.
    """
    if chosen in LANGUAGES:
        return chosen
    ranked = []
    for place, item in enumerate(accepted.split(",")[:20]):
        tag, _, quality = item.strip().partition(";q=")
        try:
            ranked.append((-float(quality or 1), place, tag.strip().lower()))
        except ValueError:
            continue
    for _, _, tag in sorted(ranked):
        if tag.startswith("zh"):
            return "zh-CN"
        if tag.startswith("en"):
            return "en"
    return "en"
