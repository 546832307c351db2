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

from partita.artifacts.blobs.folder import FolderBlobs
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
        file.write(f"{what}|{here.idempotency_key}|{here.attempt}\\n")


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


@task(retries=2, retry_delay=0.05)
def flaky(number: int) -> int:
    note(f"flaky {number}")
    kept = context().checkpoint / "tried"
    if not kept.exists():
        kept.touch()
        raise ValueError("not at the first time")
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
def main(seed: int, width: int, rounds: int) -> dict[str, object]:
    parts = large.map([seed, seed + 1, seed + 2])
    values = work.map([1000 * seed + i for i in range(width)])
    chained = loop(total(parts, values), rounds)
    tried = known([settle(once(100 + i)) for i in range(6)])
    retried = [flaky(i) for i in range(5)]
    return {"chained": chained, "tried": tried, "retried": retried}


@task
def quick(number: int) -> int:
    note(f"quick {number}")
    return number + 1


@task
def added(numbers: list[int]) -> int:
    note("added 0")
    return sum(numbers)


@flow
def brief(count: int) -> int:
    return added([quick(quick(i)) for i in range(count)])


@flow
def child(number: int) -> int:
    return work(work(number))


@task
def parent(number: int) -> int:
    note(f"parent {number}")
    return context().launch(child, number, key=str(number)).result()


@flow
def family(count: int) -> int:
    return added(parent.map(list(range(count))))
'''


def expected(seed: int, width: int, rounds: int) -> dict[str, object]:
    arrays = 50_000 * (3 * seed + 3)
    values = sum(1000 * seed + i + 1 for i in range(width))
    return {"chained": arrays + values + rounds, "tried": 6, "retried": [0, 1, 2, 3, 4]}


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
    # A step whose worker is killed again and again is given up by default, and these are killed for no fault of theirs.
    (tmp_path / "partita.toml").write_text('idle_timeout = "10s"\ncpu = 2\ncrash_retries = 20\n')
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
    """What ran and what is stored agree: every attempt is closed, and nothing began again once it had succeeded."""
    steps = {step["id"]: step for step in workspace.all_steps(run)}
    ended: dict[int, dict[int, str]] = {number: {} for number in steps}
    for attempt in workspace.attempts(run):
        ended[attempt["step"]][attempt["number"]] = attempt["outcome"]
    for number, outcomes in ended.items():
        step = steps[number]
        assert "running" not in outcomes.values()
        assert sorted(outcomes) == list(range(1, len(outcomes) + 1)), (step, outcomes)
        is_task = step["kind"] == "task"
        assert step["state"] != "succeeded" or not is_task or outcomes[len(outcomes)] == "succeeded", (step, outcomes)
        assert "succeeded" not in list(outcomes.values())[:-1], (step, outcomes)
    began = begun_attempts(workspace.folder / "effects" / run)
    for (what, key), numbers in began.items():
        assert len(numbers) == len(set(numbers)), f"{what} began attempt {numbers} twice"
        assert not what.startswith("once") or numbers == [1], f"{what} is not idempotent and began {numbers}"
        step_id = int(key.rpartition(":")[2])
        if step_id in steps:  # a loop's rounds that are over are forgotten
            assert set(numbers) <= set(ended[step_id]), (what, numbers, ended[step_id])


def begun_attempts(effects: Path) -> dict[tuple[str, str], list[int]]:
    """The numbers of the attempts that began, by what they were for and the step's idempotency key."""
    found: dict[tuple[str, str], list[int]] = {}
    for line in effects.read_text().splitlines():
        what, key, attempt = line.split("|")
        found.setdefault((what, key), []).append(int(attempt))
    return found


MAIN = ("flows.py:main", {"width": 40, "rounds": 30})
BRIEF = ("flows.py:brief", {"count": 300})
FAMILY = ("flows.py:family", {"count": 12})


@pytest.mark.parametrize(
    ("seed", "flow", "pause_s"),
    [*((seed, MAIN, 0.3) for seed in range(4)), *((seed, BRIEF, 0.12) for seed in (4, 5)), (6, FAMILY, 0.2)],
)
def test_a_run_survives_twenty_kills(
    workspace: LocalWorkspace, seed: int, flow: tuple[str, dict[str, int]], pause_s: float
) -> None:
    reference, inputs = flow
    texts = {name: str(value) for name, value in inputs.items()} | ({"seed": str(seed)} if flow is MAIN else {})
    value = expected(seed, 40, 30) if flow is MAIN else sum(i + 2 for i in range(inputs["count"]))
    run = workspace.launch(reference, texts=texts)
    draw = random.Random(seed)
    victims = Victims(workspace, run, draw)
    launched = 1
    try:
        while sum(victims.killed.values()) < 20:
            time.sleep(draw.uniform(0.01, pause_s))
            if workspace.run(run)["state"] != "running":
                check_end(workspace, run, value)
                run = victims.run = workspace.launch(reference, texts=texts)
                launched += 1
            victims.kill_one()
        Run(workspace, run).wait(120)
    finally:
        victims.close()
    check_end(workspace, run, value)
    children = 12 * launched if flow is FAMILY else 0  # a parent that is begun again has the child that it had
    found = workspace.runs(limit=2000)
    assert Counter(view["parent"] is None for view in found) == Counter({True: launched, False: children})
    assert {view["state"] for view in found} == {"succeeded"}
    check_store(workspace)


def check_store(workspace: LocalWorkspace) -> None:
    """The database and every blob are what they should be."""
    database = sqlite3.connect(workspace.state / "store.db")
    assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    database.close()
    blobs = FolderBlobs(workspace.state / "blobs")
    for file in blobs.folder.glob("??/*"):
        if not file.suffix and not file.name.startswith("."):  # the part of a blob whose worker was killed
            blobs.get(file.parent.name + file.name)


def check_end(workspace: LocalWorkspace, run: str, value: object) -> None:
    view = workspace.run(run, with_result=True)
    assert view["state"] == "succeeded", view["error"]
    packed = view.get("result")
    assert packed is not None
    assert encoder_of(workspace).decode(unpack(packed)) == value
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
