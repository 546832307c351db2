"""kill -9 of engines, workers and clients, a hundred times: results, artifacts and attempts are exact afterwards."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from partita.errors import EngineError
from partita.settings import load_settings
from partita.values import unpack
from partita.workspace.local import LocalWorkspace
from partita.workspace.runs import Run, encoder_of

pytestmark = pytest.mark.crash

FLOWS = '''
import os
import time
from pathlib import Path

import numpy as np

from partita import Outcome, context, flow, settle, task


def note(what):
    """One line for each time that a body begins, written in one piece."""
    here = context()
    with open(Path("effects") / here.run, "a") as file:
        file.write(f"{what} {here.attempt}\\n")


@task
def work(number: int) -> int:
    note(f"work {number}")
    time.sleep(0.03)
    return number + 1


@task
def large(seed: int) -> np.ndarray:
    note(f"large {seed}")
    return np.full(50_000, seed)


@task
def total(parts: list[np.ndarray], values: list[int]) -> int:
    note("total 0")
    return int(sum(part.sum() for part in parts)) + sum(values)


@task(idempotent=False)
def once(number: int) -> int:
    note(f"once {number}")
    time.sleep(0.02)
    return number


@task
def known(outcomes: list[Outcome[int]]) -> int:
    return len(outcomes)


@flow
def loop(value: int, rounds: int) -> int:
    if rounds == 0:
        return value
    return loop(work(value), rounds - 1)


@flow
def main(seed: int, width: int, rounds: int) -> dict[str, int]:
    parts = large.map([seed, seed + 1, seed + 2])
    values = work.map([1000 * seed + i for i in range(width)])
    chained = loop(total(parts, values), rounds)
    tried = known([settle(once(100 + i)) for i in range(6)])
    return {"chained": chained, "tried": tried}
'''


def expected(seed: int, width: int, rounds: int) -> dict[str, int]:
    arrays = 50_000 * (3 * seed + 3)
    values = sum(1000 * seed + i + 1 for i in range(width))
    return {"chained": arrays + values + rounds, "tried": 6}


class Victims:
    """Whom to kill: the engine, one of its workers, or a client that waits for the run."""

    def __init__(self, workspace: LocalWorkspace, run: str, draw: random.Random) -> None:
        self.workspace = workspace
        self.run = run
        self.draw = draw
        self.killed: Counter[str] = Counter()
        self.client = self._start_client()

    def _start_client(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "partita.cli", "runs", "logs", self.run, "--follow"]
        return subprocess.Popen(
            command, cwd=self.workspace.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def engine_pid(self) -> int:
        """The engine's process; one is started where none is up."""
        self.workspace.run(self.run)
        view = self.workspace.engine()
        assert view is not None
        return view["pid"]

    def kill_one(self) -> None:
        kind = self.draw.choice(["engine", "engine", "worker", "worker", "client"])
        try:
            if kind == "client":
                self.client.kill()
                self.client.wait()
                self.client = self._start_client()
            else:
                engine = psutil.Process(self.engine_pid())
                workers = engine.children()
                victim = self.draw.choice(workers) if kind == "worker" and workers else engine
                victim.send_signal(signal.SIGKILL)
        except (psutil.NoSuchProcess, EngineError):
            return  # it ended by itself a moment before
        self.killed[kind] += 1

    def close(self) -> None:
        self.client.kill()
        self.client.wait()


@pytest.fixture
def workspace(tmp_path: Path) -> Any:
    (tmp_path / "partita.toml").write_text('idle_timeout = "10s"\ncpu = 2\n')
    (tmp_path / "flows.py").write_text(FLOWS)
    (tmp_path / "effects").mkdir()
    found = LocalWorkspace(tmp_path, load_settings(tmp_path))
    yield found
    found.stop_engine()
    deadline = time.monotonic() + 20
    while workers_of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not workers_of(tmp_path), "workers outlived their engine"


def workers_of(folder: Path) -> list[int]:
    """Processes that still have the project's folder as theirs."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "cwd"]):
        command = " ".join(process.info["cmdline"] or ())
        if "partita" in command and process.info["cwd"] == str(folder) and process.info["pid"] != os.getpid():
            found.append(process.info["pid"])
    return found


def check_attempts(workspace: LocalWorkspace, run: str) -> None:
    """Every step has at most one attempt that succeeded, its last; nothing begins after it; no attempt is open."""
    steps = {step["id"]: step for step in workspace.all_steps(run)}
    ended: dict[int, list[str]] = {}
    for attempt in workspace.attempts(run):
        ended.setdefault(attempt["step"], []).append(attempt["outcome"])
    for number, outcomes in ended.items():
        assert "running" not in outcomes
        assert outcomes.count("succeeded") == (steps[number]["state"] == "succeeded"), (steps[number], outcomes)
        assert "succeeded" not in outcomes[:-1], (steps[number], outcomes)
    begun = Counter(line.rsplit(" ", 1)[0] for line in (workspace.folder / "effects" / run).read_text().splitlines())
    tries = Counter({f"once {100 + i}": 0 for i in range(6)})
    for what, count in begun.items():
        if what in tries:
            assert count == 1, f"{what} is not idempotent and began {count} times"
    most = max(len(outcomes) for outcomes in ended.values())
    assert max(begun.values()) <= most


@pytest.mark.parametrize("seed", range(5))
def test_a_run_survives_twenty_kills(workspace: LocalWorkspace, seed: int) -> None:
    texts = {"seed": str(seed), "width": "40", "rounds": "30"}
    run = workspace.launch("flows.py:main", texts=texts)
    draw = random.Random(seed)
    victims = Victims(workspace, run, draw)
    try:
        while sum(victims.killed.values()) < 20:
            time.sleep(draw.uniform(0.02, 0.3))
            if workspace.run(run)["state"] != "running":
                check_end(workspace, run, seed)
                run = victims.run = workspace.launch("flows.py:main", texts=texts)
            victims.kill_one()
        Run(workspace, run).wait(120)
    finally:
        victims.close()
    check_end(workspace, run, seed)
    database = sqlite3.connect(workspace.state / "store.db")
    assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    database.close()


def check_end(workspace: LocalWorkspace, run: str, seed: int) -> None:
    view = workspace.run(run, with_result=True)
    assert view["state"] == "succeeded", view["error"]
    packed = view.get("result")
    assert packed is not None
    assert encoder_of(workspace).decode(unpack(packed)) == expected(seed, 40, 30)
    check_attempts(workspace, run)


def test_an_engine_that_is_asked_to_end_leaves_the_run_to_the_next_one(workspace: LocalWorkspace) -> None:
    run = workspace.launch("flows.py:main", texts={"seed": "1", "width": "40", "rounds": "10"})
    view = workspace.engine()
    assert view is not None
    while workspace.run(run)["counts"].get("succeeded", 0) < 5:
        time.sleep(0.01)
    engine = psutil.Process(view["pid"])
    engine.terminate()
    engine.wait(10)
    assert not (workspace.state / "engine.json").exists()
    Run(workspace, run).wait(60)
    packed = workspace.run(run, with_result=True)["result"]
    assert packed is not None
    assert encoder_of(workspace).decode(unpack(packed)) == expected(1, 40, 10)
