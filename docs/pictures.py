"""Makes the pictures of the documents from what their commands really print: `python docs/pictures.py`.

The flows are those that the pages tell to write. `tests/integration/test_documents.py` holds that the pictures are still
theirs.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

DOCS = Path(__file__).parent
WIDTH = 92  # columns

_DARK, _LIGHT, _GREY = (24, 28, 36), (222, 226, 234), (110, 118, 132)
_COLORS = [(240, 113, 120), (130, 200, 130), (240, 190, 110), (120, 170, 240), (200, 140, 220), (110, 200, 210)]

#: A terminal that reads well on light and dark pages alike.
_THEME = TerminalTheme(_DARK, _LIGHT, [_DARK, *_COLORS, _LIGHT], [_GREY, *_COLORS, (255, 255, 255)])

#: rich's own frame fetches its font from elsewhere.
_FRAME = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def write_flow(folder: Path) -> None:
    """The tutorial's project, as far as its first run of `read_digits`."""
    (folder / "partita.toml").touch()
    told = (DOCS / "tutorial.md").read_text(encoding="utf-8").partition("## When a step fails")[0]
    blocks = re.findall(r"<!-- (?:file|add to): digits\.py -->\n```python\n(.*?)^```", told, re.MULTILINE | re.DOTALL)
    (folder / "digits.py").write_text("\n\n".join(blocks), encoding="utf-8")


def draw_graph(folder: Path, file: Path) -> None:
    """The graph as `partita graph` draws it."""
    _partita(folder, "graph", "digits.py:read_digits", "--svg", str(file))


def draw_run(folder: Path, file: Path) -> None:
    """What a terminal shows of a run."""
    console = Console(record=True, width=WIDTH, file=StringIO(), color_system="truecolor")
    for words in (["run", "digits.py:read_digits"], ["runs", "show"]):
        console.print(Text(f"$ partita {' '.join(words)}", style="bold"))
        console.print(Text.from_ansi(_in_terminal(folder, words)))
    drawn = console.export_svg(title="", theme=_THEME, code_format=_FRAME, unique_id="run", font_aspect_ratio=0.61)
    file.write_text("\n".join(line.rstrip() for line in drawn.splitlines()) + "\n", encoding="utf-8")


def write_film(folder: Path) -> None:
    """The project of the page about plans."""
    told = (DOCS / "how-to" / "plan-before-you-run.md").read_text(encoding="utf-8")
    for name, text in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)^```", told, re.MULTILINE | re.DOTALL):
        (folder / name).write_text(text, encoding="utf-8")


def draw_plan(folder: Path, file: Path) -> None:
    """The plan as `partita plan` draws it."""
    _partita(folder, "plan", "film.py:film", "--nodes", "machines.yaml", "--deadline", "8m", "--svg", str(file))


def _partita(folder: Path, *words: str) -> None:
    subprocess.run([sys.executable, "-m", "partita.cli", *words], cwd=folder, check=True, capture_output=True)


def _in_terminal(folder: Path, words: list[str]) -> str:
    """What the command leaves on a terminal's screen: what was drawn over again counts no more."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": str(WIDTH), "LINES": "40", "TERM": "xterm-256color"}
    started = subprocess.Popen(
        [sys.executable, "-m", "partita.cli", *words],
        cwd=folder,
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
        env=environment,
    )
    os.close(theirs)
    pieces = []
    while True:
        try:
            pieces.append(os.read(ours, 65536))
        except OSError:  # the other end is closed
            break
    started.wait()
    return _screen(b"".join(pieces).decode())


def _screen(printed: str) -> str:
    lines: list[str] = [""]
    row = 0
    for part in re.split(r"(\x1b\[\d*[ABJKG]|\x1b\[\?25[lh]|\r|\n)", printed):
        moved = re.fullmatch(r"\x1b\[(\d*)([AB])", part)
        if part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif moved:
            row += int(moved[1] or 1) * (-1 if moved[2] == "A" else 1)
        elif re.fullmatch(r"\x1b\[2?K", part):
            lines[row] = ""
        elif re.fullmatch(r"\x1b\[0?J", part):
            del lines[row + 1 :]
        elif not re.fullmatch(r"\r|\x1b\[.*[GJlh]", part):
            lines[row] += part
    return "\n".join(lines).rstrip()


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "digits"
        folder.mkdir()
        write_flow(folder)
        try:
            draw_graph(folder, DOCS / "_static" / "tutorial-graph.svg")
            draw_run(folder, DOCS / "_static" / "tutorial-run.svg")
        finally:
            _partita(folder, "engine", "stop")
        folder = Path(made) / "film"
        folder.mkdir()
        write_film(folder)
        draw_plan(folder, DOCS / "_static" / "plan-film.svg")


if __name__ == "__main__":
    main()
