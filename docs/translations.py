"""Keeps the translations beside their sources: `python docs/translations.py`.

A translated page names its English source and the hash of what was translated in its first line. Its code blocks are
those of the source. When a source has changed, change the translation, then run this: it copies the code blocks and
notes the new hash. `tests/unit/test_translations.py` holds that this has been done.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTE = re.compile(r"\A<!-- translated from ([\w./-]+), ([0-9a-f]{16}) -->\n")

#: A fenced block with the comment above it; a table of contents belongs to its own page.
BLOCK = re.compile(
    r"^(?:<!-- (?:run|file|add to|not run|status|begin with)[^\n]* -->\n)?```\w[^\n]*\n.*?^```$", re.M | re.S
)


def translations() -> list[Path]:
    """The translated pages."""
    pages = [*ROOT.glob("README.*.md"), *(ROOT / "docs" / "zh-CN").glob("*.md")]
    return sorted(page for page in pages if NOTE.match(page.read_text(encoding="utf-8")))


def source_of(page: Path) -> Path:
    found = NOTE.match(page.read_text(encoding="utf-8"))
    assert found is not None, page
    return ROOT / found[1]


def hash_of(source: Path) -> str:
    return hashlib.sha256(source.read_bytes()).hexdigest()[:16]


def blocks_of(page: Path) -> list[str]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def refresh(page: Path) -> None:
    """Copy the source's blocks, and note its hash."""
    source = source_of(page)
    blocks, text = blocks_of(source), page.read_text(encoding="utf-8")
    if len(blocks) != len(BLOCK.findall(text)):
        raise SystemExit(
            f"{page} and {source} have different numbers of blocks: put them in, or take them out, by hand"
        )
    following = iter(blocks)
    text = BLOCK.sub(lambda _: next(following), text)
    note = f"<!-- translated from {source.relative_to(ROOT)}, {hash_of(source)} -->\n"
    page.write_text(NOTE.sub(lambda _: note, text), encoding="utf-8")


if __name__ == "__main__":
    for found in translations():
        refresh(found)
