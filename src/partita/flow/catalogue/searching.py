"""Which components some words mean."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from partita.flow.catalogue.records import Component

__all__ = ["near_names", "search_components"]

_WORD = re.compile(r"[^\W_]+")


def search_components(components: Sequence[Component], words: str) -> list[Component]:
    """Those that have every word in name, tags, description or parameters, the best first."""
    wanted = [word.lower() for word in _WORD.findall(words)]
    scored = [(_score(component, wanted), component) for component in components]
    return [component for score, component in sorted(scored, key=lambda item: -item[0]) if score > 0]


def near_names(components: Sequence[Component], name: str) -> list[str]:
    """Names that may be meant, the nearest first."""
    by_name = {form: item.name for item in components for form in (item.name.lower(), item.local_name.lower())}
    near = difflib.get_close_matches(name.lower(), by_name, 5, 0.6)
    parts = _WORD.findall(name.lower())
    sharing = [item.name for item in components if any(part in item.local_name.lower() for part in parts)]
    return list(dict.fromkeys([*(by_name[form] for form in near), *sharing]))[:5]


def _score(component: Component, wanted: list[str]) -> float:
    fields = (
        (10.0, component.local_name), (6.0, " ".join(component.tags)), (4.0, component.summary), (3.0, component.package),
        (2.0, " ".join(f"{item.name} {item.description}" for item in component.parameters)),
        (1.0, component.description),
    )  # fmt: skip
    texts = [(weight, [word.lower() for word in _WORD.findall(text)]) for weight, text in fields]
    total = 0.0
    for word in wanted:
        best = max((weight * _fit(word, there) for weight, there in texts), default=0.0)
        if best == 0:
            return 0.0
        total += best
    return total if wanted else 1.0


def _fit(word: str, there: list[str]) -> float:
    if word in there:
        return 1.0
    if any(item.startswith(word) for item in there):
        return 0.7
    return 0.4 if len(word) > 2 and any(word in item for item in there) else 0.0
