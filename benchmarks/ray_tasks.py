"""How long steps that do nothing take on Ray, beside the same count of bare Ray tasks and of calls of bare Ray actors.

    python benchmarks/ray_tasks.py [--steps 5000] [--repeats 3]

All run in turn, each on a local Ray with two CPUs. Prints a JSON line: medians over the repeats, in seconds, and their ratio.
It makes a project of its own in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

FLOWS = """
from partita import flow, task

@task(executor="cluster")
def nothing(number: int) -> int:
    return number

@flow
def many(count: int) -> int:
    return last(nothing.map(list(range(count))))

@task
def last(numbers: list[int]) -> int:
    return numbers[-1]
"""


def partita_s(workspace: Any, count: int) -> float:
    started = time.perf_counter()
    run = workspace.launch("flows.py:many", texts={"count": str(count)})
    while not (seen := workspace.wait(run, 30))["is_final"]:
        pass
    assert seen["run"]["state"] == "succeeded", seen["run"]
    return time.perf_counter() - started


class BareRay:
    """A Ray of this process."""

    def __init__(self) -> None:
        import ray

        self._ray = ray
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        self._task = ray.remote(_nothing)
        self._actors = [ray.remote(_Nothing).remote() for _ in range(2)]
        self.tasks_s(10)
        self.calls_s(10)

    def tasks_s(self, count: int) -> float:
        started = time.perf_counter()
        self._ray.get([self._task.remote(number) for number in range(count)])
        return time.perf_counter() - started

    def calls_s(self, count: int) -> float:
        started = time.perf_counter()
        self._ray.get([self._actors[number % 2].nothing.remote(number) for number in range(count)])
        return time.perf_counter() - started

    def close(self) -> None:
        self._ray.shutdown()


def _nothing(number: int) -> int:
    return number


class _Nothing:
    def __init__(self) -> None:
        self.number = 0

    def nothing(self, number: int) -> int:
        return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    folder = Path(tempfile.mkdtemp(prefix="partita-bench-"))
    (folder / "flows.py").write_text(FLOWS)
    (folder / "partita.toml").write_text('[executors.cluster]\nkind = "ray"\ncpu = 2\nidle = "10m"\n')
    os.chdir(folder)
    from partita.workspace import open_workspace

    workspace = open_workspace()
    try:
        cold_s = partita_s(workspace, 2)
        taken: dict[str, list[float]] = {"partita_s": [], "tasks_s": [], "calls_s": []}
        for _ in range(options.repeats):
            taken["partita_s"].append(partita_s(workspace, options.steps))
            bare = BareRay()
            taken["tasks_s"].append(bare.tasks_s(options.steps))
            taken["calls_s"].append(bare.calls_s(options.steps))
            bare.close()
        figures = {name: statistics.median(values) for name, values in taken.items()}
        figures |= {"to_tasks": figures["partita_s"] / figures["tasks_s"], "cold_s": cold_s}
        rounded = {name: round(value, 2) for name, value in figures.items()}
        print(json.dumps({"name": "ray", "cores": os.cpu_count(), "steps": options.steps, **rounded}))
    finally:
        workspace.stop_engine()
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
