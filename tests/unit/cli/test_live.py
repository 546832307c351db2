from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

#: A run that goes on until it is cancelled, or until the file "end" is there.
SCRIPT = """
import sys, time
from pathlib import Path
from partita.cli import main
from tests.unit.cli.fake import FakeWorkspace, make_step

class Slow(FakeWorkspace):
    def watch(self, run, version=0, timeout_s=10.0):
        time.sleep(min(timeout_s, 0.05))
        return super().watch(run, version, timeout_s)

workspace = Slow(Path.cwd())
def goes_on(version):
    is_over = Path(sys.argv[1], "end").exists() or any(asked[0] == "cancel" for asked in workspace.asked)
    return None if is_over else True
workspace.before_end = goes_on
workspace.add_failed("0new") if "failed" in sys.argv else workspace.add("0new", "succeeded")
workspace.step_views["0new"] += [
    make_step(100, "[red]模型[/red]\\x1b[2J"), *(make_step(200 + i, f"many[{i}]") for i in range(1000))
]
workspace.step_views["0new"] += [make_step(3000 + i, f"row{i}") for i in range(200)]
sys.exit(main(["run", "flows.py:news"], open_workspace=lambda arguments: workspace))
"""


class Terminal:
    """The command line in a terminal of its own, 24 rows by 100 columns."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        import fcntl
        import struct
        import termios

        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        (folder / "flows.py").write_text("def news(): ...")
        inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
        path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(folder), *words], stdin=slave, stdout=slave, stderr=slave, cwd=folder,
            env={**inherited, "PYTHONPATH": path, "TERM": "xterm-256color", "PYTHONUTF8": "1", **environment},
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.told = ""

    def wait_for(self, text: str) -> None:
        until = time.monotonic() + 20
        while text not in self.told:
            if not self._read(until - time.monotonic()):
                raise AssertionError(f"{text!r} never came; there is {self.told[-3000:]!r}")

    def _read(self, timeout_s: float) -> bool:
        if not select.select([self._master], [], [], max(timeout_s, 0))[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self.told += data.decode("utf-8", "replace")
        return bool(data)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def end(self) -> int:
        while self._read(20):
            pass
        return self.process.wait(20)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path)
    yield made
    made.close()


def test_a_terminal_shows_a_table_that_fits(terminal: Terminal, tmp_path: Path) -> None:
    terminal.wait_for("many[]")
    terminal.wait_for("0/1,000")
    (tmp_path / "end").touch()
    assert terminal.end() == 0
    assert "more rows" in terminal.told
    assert "[red]模型[/red]" in terminal.told
    assert "\x1b[2J" not in terminal.told
    assert "1,000/1,000" in terminal.told
    assert "'accuracy': 0.83" in terminal.told
    assert "\x1b[?25h" in terminal.told[terminal.told.rindex("\x1b[?25l") :]


def test_ctrl_c_then_leaving(terminal: Terminal) -> None:
    terminal.wait_for("many[]")
    terminal.interrupt()
    terminal.wait_for("cancel it [c]")
    terminal.type("l\n")
    assert terminal.end() == 130
    assert "The run 0new goes on." in terminal.told


def test_ctrl_c_twice_leaves_at_once(terminal: Terminal) -> None:
    terminal.wait_for("many[]")
    terminal.interrupt()
    terminal.wait_for("cancel it [c]")
    terminal.interrupt()
    assert terminal.end() == 130
    assert "The run 0new goes on." in terminal.told


def test_ctrl_c_then_cancelling(terminal: Terminal) -> None:
    terminal.wait_for("many[]")
    terminal.interrupt()
    terminal.wait_for("cancel it [c]")
    terminal.type("c\n")
    assert terminal.end() == 3
    assert "Cancelling" in terminal.told


def test_ctrl_c_then_watching_on(terminal: Terminal, tmp_path: Path) -> None:
    terminal.wait_for("many[]")
    terminal.interrupt()
    terminal.wait_for("cancel it [c]")
    terminal.type("w\n")
    (tmp_path / "end").touch()
    assert terminal.end() == 0


def test_a_failure_is_told_below_the_table(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "failed", NO_COLOR="1")
    (tmp_path / "end").touch()
    assert terminal.end() == 1
    terminal.close()
    assert "fit[1] failed, after 3 attempts" in terminal.told.replace("\r\n", "\n")
    assert "\x1b[31m" not in terminal.told
