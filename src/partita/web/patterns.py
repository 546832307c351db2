"""English texts that were made elsewhere, in the reader's language, by their patterns.

The engine, workers and stores tell in English what went wrong and what a value is. What people meet of it in pages is told again:
`texts/<language>/patterns.json` has the English text with names in braces, and a test holds that each is still said so. What
has no pattern there (of user code, of rare faults of machinery) stays as it is. `verdicts.json` beside it has what gates say: it
is too short to be looked for among all texts, of which many are the user's own.
"""

from __future__ import annotations

import json
import re
from functools import cache

from partita.web.texts import FOLDER, Texts

__all__ = ["retold", "retold_verdict"]

#: Longer texts hold what is not ours, and are not compared.
_LONGEST = 1500
_DEEP = 3
#: Values that are words which pages say elsewhere.
_WORDS = frozenset({"state", "outcome"})
_NAME = re.compile(r"\{(\w+)\}")


@cache
def _patterns(language: str, kind: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """What is said of which texts, those with most words of their own first."""
    file = FOLDER / language / f"{kind}.json"
    texts: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    ranked = sorted(texts.items(), key=lambda pair: -len(_NAME.sub("", pair[0])))
    return tuple((_pattern(text), said) for text, said in ranked)


def _pattern(text: str) -> re.Pattern[str]:
    parts = _NAME.split(text)
    return re.compile(
        "".join(f"(?P<{part}>.+?)" if number % 2 else re.escape(part) for number, part in enumerate(parts)), re.DOTALL
    )


def retold(text: str, tell: Texts) -> str:
    """The text as it is said in the reader's language; one that is not known stays as it is."""
    return _retold(text, tell, "patterns", _DEEP)


def retold_verdict(text: str, tell: Texts) -> str:
    """What a gate asks for or has found, as it is said in the reader's language."""
    return _retold(text, tell, "verdicts", _DEEP)


def _retold(text: str, tell: Texts, kind: str, deep: int) -> str:
    if not deep or len(text) > _LONGEST:
        return text
    for pattern, said in _patterns(tell.language, kind):
        if found := pattern.fullmatch(text):
            return _filled(said, found, tell, kind, deep)
    return text


def _filled(said: str, found: re.Match[str], tell: Texts, kind: str, deep: int) -> str:
    values = {
        name: tell(value) if name in _WORDS else _retold(value, tell, kind, deep - 1)
        for name, value in found.groupdict().items()
    }
    return _NAME.sub(lambda name: values[name[1]], said)
