"""Words of a command that are programs themselves: there a value must never be read as a part of the program."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["CODE", "SHELL", "Quoting", "language_of"]

SHELL, CODE = "shell", "code"

_SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "zsh"})
_INTERPRETERS = re.compile(r"(python[\d.]*|pypy[\d.]*|perl|ruby|node|php|Rscript)\Z")
_SHELL_FLAG = re.compile(r"-[a-zA-Z]*c\Z")
_CODE_FLAG = re.compile(r"(-[a-zA-Z]*[ceEr]|--eval)\Z")


def language_of(words: Sequence[str], position: int) -> str:
    """What the word at this position is a program of: SHELL, CODE (some other language), or empty: of none."""
    if position < 2:
        return ""
    programs = {word.rpartition("/")[2] for word in words[: position - 1]}
    flag = words[position - 1]
    if programs & _SHELLS and _SHELL_FLAG.match(flag):
        return SHELL
    if any(_INTERPRETERS.match(program) for program in programs) and _CODE_FLAG.match(flag):
        return CODE
    return ""


class Quoting:
    """Which quotes stand open in a shell's program, as far as it was read."""

    def __init__(self) -> None:
        self.open = ""  # ', " or nothing

    def read(self, text: str) -> None:
        """Read on."""
        is_escaped, before = False, " "
        is_comment = False
        for character in text:
            if is_comment:
                is_comment = character != "\n"
            elif is_escaped:
                is_escaped = False
            elif character == "\\" and self.open != "'":
                is_escaped = True
            elif self.open:
                self.open = "" if character == self.open else self.open
            elif character in "'\"":
                self.open = character
            elif character == "#" and before.isspace():
                is_comment = True
            before = character

    def variable(self, name: str) -> str:
        """The variable as it stands here for one word, whatever it holds; empty: in single quotes it stands for nothing."""
        return {"": f'"${{{name}}}"', '"': f"${{{name}}}", "'": ""}[self.open]
