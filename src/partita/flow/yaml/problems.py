"""Everything that is wrong with a file, gathered so that it is told at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Protocol

from partita.errors import CheckError, Problem

__all__ = ["Placed", "Problems", "near"]

_MOST = 100


class Placed(Protocol):
    """What stands at a line and column."""

    line: int
    column: int


def near(name: str, known: Iterable[str], what: str = "") -> str:
    """A remedy that names the known name that was probably meant, or all of them."""
    names = list(dict.fromkeys(known))
    found = difflib.get_close_matches(name, names, 1)
    if found:
        return f"did you mean {found[0]!r}?"
    if not names:
        return f"there are no {what}" if what else ""
    return f"{what + ': ' if what else 'there is '}{', '.join(names[:30])}{', …' if len(names) > 30 else ''}"


class Problems:
    """The problems of one file, in its order."""

    def __init__(self, file: str) -> None:
        self.file = file  # as messages name it
        self._found: list[tuple[int, int, Problem]] = []

    def __bool__(self) -> bool:
        return any(not problem.is_warning for *_, problem in self._found)

    def place(self, where: Placed) -> str:
        """ "flow.yaml:12:7"."""
        return f"{self.file}:{where.line}:{where.column}"

    def add(self, where: Placed, message: str, remedy: str = "", is_warning: bool = False) -> None:
        """Note what is wrong there."""
        self.at(where.line, where.column, message, remedy, is_warning)

    def at(self, line: int, column: int, message: str, remedy: str = "", is_warning: bool = False) -> None:
        """Note what is wrong at a line and column."""
        problem = Problem(message, f"{self.file}:{line}:{column}", remedy, is_warning)
        if len(self._found) < _MOST and (line, column, problem) not in self._found:
            self._found.append((line, column, problem))

    def merge(self, error: CheckError) -> None:
        """Take over what was found in another file."""
        self._found += [(1 << 30, 0, problem) for problem in error.problems]

    @property
    def all(self) -> list[Problem]:
        """In the order of the file."""
        return [problem for *_, problem in sorted(self._found, key=lambda found: found[:2])]

    def raise_if_any(self) -> None:
        """
        Raises:
            CheckError: something is wrong.
        """
        if self:
            raise CheckError(self.all)
