"""What planning is worth end to end: a flow whose steps burn CPU and memory, run as it comes, planned cold, and with history.

    python benchmarks/plan_and_run.py [--repeats 5] [--runs 40] [--only makespans|coverage]

Prints JSON lines. The flow has many short steps of uneven length, a chain of long ones that is called last, and a step that
needs all cores. Makespans are medians over the repeats, the three kinds in turn. Coverage: of so many runs with history, whose
steps take as long as chance will have it, how many ended between the tenth and the ninetieth percentile that were told at
their beginning; and how wide that was (P10 to P90, of the median), as it was told and as it would have been right.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CORES = os.cpu_count() or 1

FLOW = '''
import random
import time

from partita import flow, task


def burn(seconds: float, size_bytes: int = 8 << 20) -> float:
    """Keep a core busy for so many seconds of CPU time, with some memory."""
    held = bytearray(size_bytes)
    until, steps = time.process_time() + seconds, 0
    while time.process_time() < until:
        held[steps % size_bytes] = steps & 255
        steps += 4097
    return seconds


@task
def clean(part: int, seconds: float) -> float:
    return burn(seconds)


@task
def train(before: float, seconds: float) -> float:
    return burn(seconds, 32 << 20)


@task(cpu=CORES)
def evaluate(model: float, seconds: float) -> float:
    return burn(seconds)


@task
def report(parts: list[float], score: float) -> float:
    return sum(parts) + score


def seconds_of(seed: int, spread: float) -> dict[str, list[float]]:
    draw = random.Random(seed)
    shapes = random.Random(0)
    cleans = [0.15 + 0.9 * shapes.random() ** 3 for _ in range(24)]
    trains = [1.0, 1.4, 1.2, 0.8]
    vary = lambda seconds: seconds * draw.lognormvariate(0.0, spread)
    return {"clean": [vary(s) for s in cleans], "train": [vary(s) for s in trains], "evaluate": [vary(0.6)]}


@flow
def study(seed: int, spread: float) -> float:
    seconds = seconds_of(seed, spread)
    parts = [clean(part, each) for part, each in enumerate(seconds["clean"])]
    model = clean(99, 0.2)
    for each in seconds["train"]:
        model = train(model, each)
    score = evaluate(model, seconds["evaluate"][0])
    return report(parts, score)
'''


def say(name: str, **figures: Any) -> None:
    print(json.dumps({"name": name, "cores": CORES, **figures}), flush=True)


class Project:
    """A folder with the flow, and an engine of its own."""

    def __init__(self, order: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="partita-bench-"))
        (self.folder / "study.py").write_text(FLOW.replace("CORES", str(CORES)))
        (self.folder / "partita.toml").write_text(f'order = "{order}"\n')

    def partita(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "partita.cli", *words], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout

    def run(self, seed: int, spread: float) -> dict[str, Any]:
        """One run; its record, with what it took."""
        self.partita("run", "study.py:study", "--seed", str(seed), "--spread", str(spread), "--quiet")
        view: dict[str, Any] = json.loads(self.partita("runs", "show", "--json"))
        return view

    def close(self) -> None:
        subprocess.run([sys.executable, "-m", "partita.cli", "engine", "stop"], cwd=self.folder, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def took_s(view: dict[str, Any]) -> float:
    return float(view["ended_at"] - view["started_at"])


def makespans(repeats: int) -> None:
    found: dict[str, list[float]] = {"arrival": [], "cold": [], "history": []}
    learned = Project("planned")
    for number in range(6):
        learned.run(number, 0.2)
    for number in range(repeats):
        for name in found:
            project = learned if name == "history" else Project("planned" if name == "cold" else "arrival")
            found[name].append(took_s(project.run(100 + number, 0.2)))
            if name != "history":
                project.close()
    learned.close()
    for name, times in found.items():
        ratios = [time / base for time, base in zip(times, found["arrival"], strict=True)]
        say(
            f"makespan_{name}", seconds=round(statistics.median(times), 2), of_arrival=round(statistics.median(ratios), 3),
            all=[round(each, 2) for each in times],
        )  # fmt: skip


def coverage(runs: int) -> None:
    project = Project("planned")
    for number in range(6):
        project.run(number, 0.25)
    inside, errors, widths = 0, [], []
    for number in range(runs):
        view = project.run(1000 + number, 0.25)
        planned = view["notes"].get("planned")
        if planned is None:
            continue
        inside += planned["p10"] <= view["ended_at"] <= planned["p90"]
        errors.append((view["ended_at"] - view["started_at"]) / (planned["p50"] - view["started_at"]))
        widths.append((planned["p90"] - planned["p10"]) / (planned["p50"] - view["started_at"]))
    project.close()
    say(
        "coverage", runs=len(errors), inside=round(inside / max(len(errors), 1), 3),
        actual_over_planned=round(statistics.median(errors), 3), told_width=round(statistics.median(widths), 3),
        true_width=round(2.563 * statistics.pstdev(errors), 3),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--only", choices=["makespans", "coverage"])
    arguments = parser.parse_args()
    random.seed(0)
    began = time.monotonic()
    if arguments.only != "coverage":
        makespans(arguments.repeats)
    if arguments.only != "makespans":
        coverage(arguments.runs)
    say("all", seconds=round(time.monotonic() - began))


if __name__ == "__main__":
    main()
