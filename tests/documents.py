"""The pages of the documentation, and the blocks in them.

A comment above a block says what is done with it:

    <!-- run -->                    a Python block that is run; those of a page form one module
    <!-- file: prices.py -->        is written to that file of the page's folder
    <!-- add to: prices.py -->      is appended to it
    <!-- not run: the reason -->    is not run; the site shows the reason
    <!-- begin with: X.md -->       the files of that page beside this one are written first; `sh` and `console`
    <!-- status: 1 -->              a `console` block whose last command ends with that status

`sh` and `console` blocks need no comment: they are run in order in the page's folder, and what a `console` block shows
is what is printed, where `...` stands for anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("README.*.md")), ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]

FENCE = re.compile(r"^```(\{?[\w-]*\}?)[^\n]*\n(.*?)^```\s*?$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!-- (run|file|add to|not run|begin with|status)(?:: ([^\n]*?))? -->\s*\Z")


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    text: str
    line: int  # of its first line, from 1
    use: str  # what the comment above it says: "run", "file", "add to", "not run", "begin with", "status" or ""
    detail: str  # what the comment says after the colon

    @property
    def is_run(self) -> bool:
        """Whether it is Python that is run as part of the page's module."""
        return self.language == "python" and self.use == "run"


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [_block(text, found) for found in FENCE.finditer(text)]


def _block(text: str, found: re.Match[str]) -> Block:
    comment = _COMMENT.search(text[: found.start()])
    use, detail = (comment[1], comment[2] or "") if comment else ("", "")
    return Block(found[1], found[2], text.count("\n", 0, found.start(2)) + 1, use, detail)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def write_block(block: Block, folder: Path) -> None:
    """Do what `file` and `add to` say."""
    file = folder / block.detail
    file.parent.mkdir(parents=True, exist_ok=True)
    before = file.read_text(encoding="utf-8") + "\n\n" if block.use == "add to" else ""
    file.write_text(before + block.text, encoding="utf-8")


class Command(NamedTuple):
    """A command of a `console` block."""

    line: str
    shown: str  # what the page says that it prints


def commands_of(block: Block) -> Iterator[Command]:
    """The commands of a `console` block; a line that ends with a backslash goes on."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, rest = [], part.splitlines()
        while rest:
            line.append(rest.pop(0))
            if not line[-1].endswith("\\"):
                break
        yield Command("\n".join(line), "\n".join(rest).strip())


def is_as_shown(printed: str, shown: str) -> bool:
    """Whether what was printed is what a page shows."""
    plain = "".join(f"{line.rstrip()}\n" for line in printed.strip().splitlines())
    wanted = "".join(f"{re.escape(line.rstrip())}\n" for line in shown.strip().splitlines())
    wanted = re.sub(
        r"^\\\.\\\.\\\.\n", "(?:.*\n)*?", wanted, flags=re.MULTILINE
    )  # a line of its own: any lines, or none
    return re.fullmatch(wanted.replace(r"\.\.\.", ".*?"), plain) is not None
