"""What the documents tell to type is typed, in a folder of its own and on a real engine, in the order of the page."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.pictures import draw_graph, draw_plan, write_film, write_flow
from docs.translations import translations
from tests.documents import DOCS, PAGES, Block, blocks_of, commands_of, is_as_shown, name_of, write_block

pytestmark = pytest.mark.integration

#: The code of a translation is that of its source.
STORIES = [
    page
    for page in PAGES
    if page not in translations() and any(block.language in ("sh", "console") for block in blocks_of(page))
]


class Shell:
    """A shell whose working directory is kept from command to command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = folder.parent / "state"
        self._state.write_text(str(folder))
        home = folder.parent / "home"
        home.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PARTITA_", "PYTHON"))}
        bin_folder = Path(sys.executable).parent
        given = {"HOME": str(home), "COLUMNS": "100", "TERM": "dumb", "PATH": f"{bin_folder}:{os.environ['PATH']}"}
        self._environment = kept | given

    @property
    def here(self) -> Path:
        return Path(self._state.read_text().strip())

    def __call__(self, script: str) -> tuple[int, str]:
        whole = f"trap 'pwd > \"{self._state}\"' EXIT\n{script}\n"
        words = ["bash", "-euo", "pipefail", "-c", whole]
        done = subprocess.run(
            words, cwd=self.here, env=self._environment, text=True, timeout=240, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, done.stdout


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    folder = tmp_path / "new"
    folder.mkdir()
    made = Shell(folder)
    yield made
    for state in folder.rglob(".partita"):
        made(f'cd "{state.parent}" && partita engine stop')


@pytest.mark.parametrize("page", STORIES, ids=name_of)
def test_what_is_to_be_typed_does_what_the_page_says(page: Path, shell: Shell) -> None:
    for block in blocks_of(page):
        if block.use in ("file", "add to"):
            write_block(block, shell.here)
        elif block.use != "not run":
            for earlier in blocks_of(page.parent / block.detail) if block.use == "begin with" else []:
                if earlier.use in ("file", "add to"):
                    write_block(earlier, shell.here)
            play(block, shell, name_of(page))


def play(block: Block, shell: Shell, page: str) -> None:
    where = f"{page}, line {block.line}"
    if block.language == "sh":
        status, printed = shell(block.text)
        assert status == 0, f"{where}:\n{block.text}\n{printed}"
    elif block.language == "console":
        commands = list(commands_of(block))
        for number, command in enumerate(commands, 1):
            status, printed = shell(command.line)
            wanted = int(block.detail) if block.use == "status" and number == len(commands) else 0
            assert status == wanted, f"{where}: {command.line}\n{printed}"
            assert not command.shown or is_as_shown(printed, command.shown), f"{where}: {command.line}\n{printed}"


def test_the_tutorials_graph_is_the_one_that_is_drawn(tmp_path: Path, shell: Shell) -> None:
    """Where it is not: `python docs/pictures.py`."""
    write_flow(shell.folder)
    draw_graph(shell.folder, tmp_path / "graph.svg")
    assert (tmp_path / "graph.svg").read_text() == (DOCS / "_static" / "tutorial-graph.svg").read_text()


def test_the_tutorials_run_shows_the_steps_that_there_are(shell: Shell) -> None:
    picture = (DOCS / "_static" / "tutorial-run.svg").read_text()
    write_flow(shell.folder)
    status, printed = shell("partita run digits.py:read_digits --quiet && partita runs show --json")
    assert status == 0, printed
    told, _, record = printed.partition("\n")
    assert told.replace(" ", "&#160;") in picture
    assert not [step["path"] for step in json.loads(record)["steps"] if step["path"].split("[")[0] not in picture]


def test_the_picture_of_a_plan_shows_the_steps_that_there_are(tmp_path: Path, shell: Shell) -> None:
    """Where it does not: `python docs/pictures.py`. When each step starts may change with the planner."""
    write_film(shell.folder)
    draw_plan(shell.folder, tmp_path / "plan.svg")
    drawn, shown = (file.read_text() for file in (tmp_path / "plan.svg", DOCS / "_static" / "plan-film.svg"))
    first_lines = [sorted(re.findall(r"<title>(.*)$", text, re.MULTILINE)) for text in (drawn, shown)]
    assert first_lines[0] == first_lines[1] and len(first_lines[0]) == 10


def test_there_are_stories() -> None:
    assert {"README.md", "docs/get-started.md", "docs/tutorial.md"} <= {name_of(page) for page in STORIES}


def test_what_is_shown_is_compared() -> None:
    """Lest a page that shows something else passes."""
    assert is_as_shown("a  \nb 0.31 s\n", "a\nb ... s")
    assert is_as_shown("a\nb\n", "...\nb\n...") and is_as_shown("b", "...\nb\n...")
    assert not is_as_shown("a\nb\nc", "a\nb") and not is_as_shown("ab\nc", "a...c")
    shown = list(commands_of(Block("console", "$ one \\\n  more\nout\n$ two\n", 1, "", "")))
    assert shown == [("one \\\n  more", "out"), ("two", "")]
