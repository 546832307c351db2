"""The files of a new project."""

from __future__ import annotations

__all__ = ["FILES"]

_FLOWS = '''\
"""Which words does a text use most?"""

import re
from collections import Counter
from pathlib import Path

from partita import flow, task


@task
def read(file: Path) -> list[str]:
    """The paragraphs of a text file."""
    return [part for part in file.read_text(encoding="utf-8").split("\\n\\n") if part.strip()]


@task(retries=2)
def count(paragraph: str) -> dict[str, int]:
    """How often each word of a paragraph occurs."""
    words = re.findall(r"[^\\W\\d_]{4,}", paragraph.lower())
    print(f"counting {len(words)} words")
    return dict(Counter(words))


@task
def most_common(counts: list[dict[str, int]], top: int) -> dict[str, int]:
    """The most frequent words of all paragraphs together."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total.most_common(top))


@flow
def words(file: Path = Path("README.md"), top: int = 5) -> dict[str, int]:
    """Count the paragraphs of a file at the same time, then add up."""
    return most_common(count.map(read(file)), top)
'''

_README = """\
# A Partita project

`flows.py` holds a flow: a Python function that calls tasks. Calling a task in a flow adds a step, and the steps
run in worker processes, as many at the same time as the machine has room for.

    partita run words                  run it on this file
    partita run words --top 10         with another input
    partita check words                check types and inputs without running anything
    partita graph words                its steps
    partita runs list                  the runs so far
    partita runs show                  the steps of the last run
    partita runs logs                  what they printed

A run goes on when its window is closed, and loses nothing when the machine dies: `partita runs resume`.
Settings go into `partita.toml`; `partita doctor` lists them.
"""

_SETTINGS = """\
# Settings of this project; `partita doctor` lists them all. Those below are the defaults.

# durability = "process"    # "full": also survives a power loss, at the price of speed
# cpu = 4                   # how many cores attempts may hold together (default: all)
# memory = "8GiB"           # how much memory they may hold together (default: all)
# idle_timeout = "60s"      # how long the engine stays when there is nothing to do

# [slots]                   # named limits that tasks take with slots=
# licence = 2
"""

_IGNORED = """\
.partita/
__pycache__/
.env
"""

FILES = {"partita.toml": _SETTINGS, "flows.py": _FLOWS, "README.md": _README, ".gitignore": _IGNORED}
