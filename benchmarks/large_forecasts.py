"""What forecasts of runs with very many steps ahead cost, and how right they are.

    python benchmarks/large_forecasts.py [--sizes 4000 20000 100000] [--steps 40000] [--only cost|truth]

Prints JSON lines. "cost": seconds of CPU that one forecast takes, of runs of several shapes that have just been laid out; how
long the engine waits for it at most at a time; and after how many seconds it is there, at the share of time that forecasts have.
"truth": a run of so many steps with a real engine, whose steps take about three milliseconds: when its first forecast was there,
and by how much what was left was over or under what each forecast told.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from partita import flow, task
from partita.engine import forecasting
from partita.engine.forecasting import Forecasting
from partita.testing import memory_workspace
from partita.workspace.local import open_workspace

FLOW = """
import time
from partita import flow, task

@task
def work(number: int) -> int:
    until = time.process_time() + 0.001 * (1 + number % 5)
    while time.process_time() < until:
        pass
    return number

@task
def add(numbers: list[int]) -> int:
    return sum(numbers)

@flow
def whole(count: int) -> int:
    return add(work.map(list(range(count))))
"""


@task
def one(number: int) -> int:
    return number


@task
def add(numbers: list[int]) -> int:
    return sum(numbers)


@flow
def wide(count: int) -> int:
    return add(one.map(list(range(count))))


@flow
def chain(count: int) -> int:
    value = 0
    for _ in range(count):
        value = one(value)
    return value


@flow
def two_maps(count: int) -> int:
    return add(one.map(one.map(list(range(count // 2)))))


@flow
def rounds(count: int) -> int:
    value = 0
    for _ in range(20):
        value = add([one(value) for _ in range(count // 20)])
    return value


def say(name: str, **figures: Any) -> None:
    print(json.dumps({"name": name, **figures}), flush=True)


def cost(sizes: list[int]) -> None:
    for shape, size in itertools.product((wide, chain, two_maps, rounds), sizes):
        with memory_workspace(cpu=2) as workspace:
            run = shape.submit(size)
            book = workspace.engine.book
            live = book.live(run.id)
            assert live is not None
            while len(live.run.steps) < size or live.backlog:
                workspace.engine.turn(0.0)
                if any(step in live.running for step in range(1, 3)):
                    break
            making = Forecasting(book)._forecast([live])
            pauses = list(_timed(making))
            spent = sum(pauses)
            say(
                "cost", shape=shape.name, steps=size, seconds=round(spent, 3), longest_ms=round(max(pauses) * 1e3, 1),
                there_after_s=round(spent / forecasting._SHARE), us_a_step=round(spent / size * 1e6, 1),
                is_there="forecast" in live.notes,
            )  # fmt: skip


def _timed(making: Iterator[None]) -> Iterator[float]:
    """Seconds from each pause to the next."""
    last = time.thread_time()
    for _ in making:
        now = time.thread_time()
        yield now - last
        last = time.thread_time()
    yield time.thread_time() - last


def truth(steps: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="partita-bench-"))
    (folder / "large.py").write_text(FLOW)
    workspace = open_workspace(folder)
    try:
        workspace.wait(workspace.launch("large.py:whole", texts={"count": "2000"}), 60.0)  # what has run once is known
        began = time.time()
        run = workspace.launch("large.py:whole", texts={"count": str(steps)})
        told: dict[float, dict[str, float]] = {}
        while (view := workspace.run(run))["ended_at"] is None:
            note = view["notes"].get("forecast")
            if note is not None:
                told.setdefault(note["made_at"], {**note, "seen_at": time.time()})
            time.sleep(0.5)
        ended, ratios = view["ended_at"], []
        for made_at, note in told.items():
            if ended - made_at > 2.0:
                ratios.append((ended - made_at) / max(note["p50"] - made_at, 1e-9))
        first = min((note["seen_at"] for note in told.values()), default=ended)
        say(
            "truth", steps=steps, took_s=round(ended - began, 1), first_after_s=round(first - began, 1),
            forecasts=len(told), actual_over_told=round(statistics.median(ratios), 3) if ratios else None,
            all=[round(ratio, 2) for ratio in ratios],
        )  # fmt: skip
    finally:
        workspace.stop_engine()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[4000, 20_000, 100_000])
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--only", choices=["cost", "truth"])
    arguments = parser.parse_args()
    if arguments.only != "truth":
        cost(arguments.sizes)
    if arguments.only != "cost":
        truth(arguments.steps)


if __name__ == "__main__":
    main()
