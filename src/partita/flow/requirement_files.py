"""Requirements files: their lines taken together with those of the files that they include, and checked."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["RequirementFile", "misfit"]

_COMMENT = re.compile(r"(^|\s)#.*$")
_INCLUDE = re.compile(r"(-r|--requirement|-c|--constraint)(?:\s+|=)\s*(.+)")
_EDITABLE = re.compile(r"(-e|--editable)\b")
_PATH = re.compile(r"(\.{0,2}/|file:)")
_PARTITA = re.compile(r"partita\s*($|[\[=<>~!@;])", re.IGNORECASE)


def misfit(line: object) -> str:
    """What is wrong with a requirement; empty: nothing."""
    from packaging.requirements import InvalidRequirement, Requirement

    if not isinstance(line, str) or not line.strip():
        return 'give a text such as "scikit-learn==1.7"'
    if _PARTITA.match(line):
        return "Partita is in every environment already, as the version that runs the flow; leave it out"
    if line.startswith("-"):
        return "options of pip belong into a requirements file; give its path instead of a list"
    try:
        Requirement(line)
    except InvalidRequirement as error:
        return str(error).partition("\n")[0].strip()
    return ""


class RequirementFile:
    """A requirements file with what it includes.

    `requirements` and `constraints` are the lines, without comments; options of the index and hashes stay as they were
    written. `problems` holds (message, "file:line") of what is wrong.

    Args:
        path: where it lies.
        shown: how messages name it.
    """

    def __init__(self, path: Path, shown: str) -> None:
        self.requirements: list[str] = []
        self.constraints: list[str] = []
        self.problems: list[tuple[str, str]] = []
        self._seen: set[Path] = set()
        self._take(path, shown, self.requirements)

    def _take(self, path: Path, shown: str, lines: list[str]) -> None:
        if path.resolve() in self._seen:
            return
        self._seen.add(path.resolve())
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            self.problems.append((f"{shown} cannot be read: {reason}", shown))
            return
        for number, line in _logical_lines(text):
            self._take_line(line, path, f"{shown}:{number}", lines)

    def _take_line(self, line: str, path: Path, place: str, lines: list[str]) -> None:
        included = _INCLUDE.match(line)
        if included:
            name = included[2].strip()
            target = self.constraints if "c" in included[1].strip("-")[:1] else lines
            if not (path.parent / name).is_file():
                self.problems.append((f"it includes {name}, which is not there", place))
                return
            self._take(path.parent / name, name, target)
            return
        if line.startswith("-") and not _EDITABLE.match(line):
            lines.append(line)
            return
        problem = self._misfit(line)
        if _PARTITA.match(line):  # `pip freeze` writes it, and every environment has it
            return
        if problem:
            self.problems.append((f"{line!r} is not a requirement: {problem}", place))
        else:
            lines.append(line)

    def _misfit(self, line: str) -> str:
        if _EDITABLE.match(line) or _PATH.match(line):
            return "a folder or file of this machine is not part of what was declared; publish it, or name it by URL"
        return misfit(re.split(r"\s--", line, maxsplit=1)[0].strip())


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """(number, line) with continued lines joined, without comments and empty ones."""
    found: list[tuple[int, str]] = []
    begun, first = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        first = first if begun else number
        line = raw if raw.lstrip().startswith("#") else begun + raw
        if raw.lstrip().startswith("#"):
            continue
        if line.endswith("\\"):
            begun = line[:-1]
            continue
        begun = ""
        line = _COMMENT.sub("", line).strip()
        if line:
            found.append((first, line))
    if begun.strip():
        found.append((first, _COMMENT.sub("", begun).strip()))
    return found
