"""Summary, arguments and result from a docstring with sections named "Args:", "Returns:" and so on."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field

__all__ = ["Docstring", "read_docstring"]

_HEADING = re.compile(r"(Args|Arguments|Parameters|Returns|Yields|Raises|Note|Notes|Examples?|Attributes|Source):\s*$")
_ITEM = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)")


@dataclass(slots=True)
class Docstring:
    """A docstring taken apart."""

    summary: str = ""
    description: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    returns: str = ""


def read_docstring(text: str | None) -> Docstring:
    """Take it apart; what has no section is the description."""
    found = Docstring()
    if not text:
        return found
    sections: dict[str, list[str]] = {"": []}
    current = ""
    for line in inspect.cleandoc(text).splitlines():
        heading = _HEADING.fullmatch(line)
        if heading:
            current = heading[1]
        sections.setdefault(current, []).append("" if heading else line)
    summary, _, rest = "\n".join(sections[""]).strip().partition("\n\n")
    found.summary, found.description = " ".join(summary.split()), rest.strip()
    for name in ("Args", "Arguments", "Parameters", "Attributes"):
        found.arguments |= _arguments(sections.get(name, []))
    found.returns = " ".join(" ".join(sections.get("Returns", [])).split())
    return found


def _arguments(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    least, name = min(indents, default=0), ""
    for line in lines:
        item = _ITEM.fullmatch(line.strip()) if len(line) - len(line.lstrip()) == least else None
        if item:
            name = item[1]
            found[name] = item[2]
        elif name and line.strip():
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found
