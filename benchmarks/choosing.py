"""What it costs that steps may choose between executors, and what it brings.

    python benchmarks/choosing.py [--repeats 5] [--fan 10000]

Both executors are worker processes of this machine with a core each. Prints JSON lines, medians over the repeats:

- "dealing": steps a second of a fan-out of steps that do nothing, on one executor with two cores and, in turn, with a choice of
  two with one core each; and their ratio.
- "planning": microseconds that placing takes for each step that ends, with a choice of two executors and 2,000 steps of 0.1 s of
  learned duration that are ready, on a virtual clock; and milliseconds a plan.
- "spread": how long 24 steps that sleep for 0.1 to 0.8 s take with a choice of two executors of which one counts as half as fast,
  in units of the time that the steps would take if they could be cut at will.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLOWS = """
import time
from partita import flow, task

@task
def nothing(number: int) -> int:
    return number

@task(executor="any", cpu=1)
def sleeps(number: int) -> int:
    time.sleep(0.1 * (1 + number % 8))
    return number

@flow
def fan(count: int) -> None:
    for number in range(count):
        nothing(number)

@flow
def spread(count: int) -> None:
    for number in range(count):
        sleeps(number)
"""


@contextmanager
def project(settings: str) -> Iterator[Any]:
    folder = Path(tempfile.mkdtemp(prefix="partita-bench-"))
    (folder / "flows.py").write_text(FLOWS)
    (folder / "partita.toml").write_text(settings)
    os.chdir(folder)
    from partita.workspace import open_workspace

    workspace = open_workspace()
    try:
        yield workspace
    finally:
        workspace.stop_engine()
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)


def run_s(workspace: Any, flow: str, count: int, executor: str = "") -> float:
    started = time.perf_counter()
    run = workspace.launch(f"flows.py:{flow}", texts={"count": str(count)}, executor=executor)
    while not (seen := workspace.wait(run, 30))["is_final"]:
        pass
    assert seen["run"]["state"] == "succeeded", seen["run"]
    return time.perf_counter() - started


def say(name: str, **figures: Any) -> None:
    print(json.dumps({"name": name, "cores": os.cpu_count(), **figures}), flush=True)


def dealing(fan: int, repeats: int) -> None:
    fixed, chosen = [], []
    with project("cpu = 2\n") as one, project("cpu = 1\n[executors.other]\ncpu = 1\n") as two:
        run_s(one, "fan", 200)
        run_s(two, "fan", 200, "any")
        for _ in range(repeats):
            fixed.append(fan / run_s(one, "fan", fan))
            chosen.append(fan / run_s(two, "fan", fan, "any"))
    ratios = [b / a for a, b in zip(fixed, chosen, strict=True)]
    say(
        "dealing", steps=fan, one_steps_per_s=round(statistics.median(fixed)),
        choice_steps_per_s=round(statistics.median(chosen)), share=round(statistics.median(ratios), 3),
    )  # fmt: skip


def planning() -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from tests.timed_executors import Machine, TimedEngine

    engine = TimedEngine({"one": Machine(8), "two": Machine(8, 2.0, 2.0)}, lambda name: 0.1)
    steps = [(f"work#{number}", {"executor": "any", "expect_s": 0.1}, ()) for number in range(2000)]
    place, spent_s, plans = engine.book.choosing.place, 0.0, 0

    def timed() -> None:
        nonlocal spent_s, plans
        started = time.perf_counter()
        place()
        spent_s += time.perf_counter() - started
        plans += 1

    engine.book.choosing.place = timed  # type: ignore[method-assign]
    engine.play(steps)
    say("planning", us_a_step=round(1e6 * spent_s / len(steps), 1), ms_a_plan=round(1000 * spent_s / plans, 3))


def spread(repeats: int) -> None:
    count, found = 24, []
    least_s = sum(0.1 * (1 + number % 8) for number in range(count)) / 2
    with project("cpu = 1\n[executors.other]\ncpu = 1\nspeed = 0.5\n") as workspace:
        for _ in range(repeats + 1):
            found.append(run_s(workspace, "spread", count) / least_s)
    say("spread", steps=count, first=round(found[0], 3), learned=round(statistics.median(found[1:]), 3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--fan", type=int, default=10_000)
    options = parser.parse_args()
    planning()
    dealing(options.fan, options.repeats)
    spread(options.repeats)


if __name__ == "__main__":
    main()
