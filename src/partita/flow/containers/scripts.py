"""Words of a command that are programs themselves: there a value must never be read as a part of the program."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["CODE", "SHELL", "UNCLEAR", "Quoting", "language_of"]

SHELL, CODE, UNCLEAR = "shell", "code", "unclear"

_SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "zsh"})
_INTERPRETERS = re.compile(r"(python[\d.]*|pypy[\d.]*|perl|ruby|node|php|Rscript)\Z")
_SHELL_FLAG = re.compile(r"-[a-zA-Z]*c\Z")
#: Options of interpreters that take the next word as their value.
_WITH_VALUE = frozenset({"-o", "+o", "-O", "-W", "-X", "-I", "-r", "--require", "--rcfile", "--init-file"})
_CODE_FLAG = re.compile(r"(-[a-zA-Z]*[ceEr]|--eval)\Z")


def language_of(words: Sequence[str], position: int) -> str:
    """What the word at this position is a program of: SHELL, CODE (some other language), UNCLEAR, or empty: of none."""
    if position < 2:
        return ""
    flag, found = words[position - 1], ""
    is_direct = True  # nothing but options stands between the interpreter and its flag
    for number in range(position - 2, -1, -1):
        program = words[number].rpartition("/")[2]
        if program in _SHELLS and _SHELL_FLAG.match(flag):
            found = SHELL
        elif _INTERPRETERS.match(program) and _CODE_FLAG.match(flag):
            found = CODE
        if found:
            return found if is_direct else UNCLEAR
        is_option = words[number].startswith(("-", "+")) or (number > 0 and words[number - 1] in _WITH_VALUE)
        is_direct = is_direct and is_option
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
