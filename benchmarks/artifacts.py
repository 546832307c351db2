"""How long it takes to list artifacts with their lineage, to follow one, and to search all runs for a blob.

    python benchmarks/artifacts.py [--artifacts 10000] [--repeats 7]

Prints JSON lines, medians over the repeats. It makes a project of its own in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FLOWS = """
from partita import flow, task

@task
def first(number: int) -> int:
    return number

@task
def second(number: int) -> list[int]:
    return [number, number + 1]

@flow
def pairs(count: int) -> list[list[int]]:
    return second.map(first.map(list(range(count))))
"""


def median_s(action: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return round(statistics.median(times), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--artifacts", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="partita-bench-"))
    (folder / "flows.py").write_text(FLOWS)
    (folder / "partita.toml").write_text("")
    os.chdir(folder)
    from partita.workspace import open_workspace

    workspace = open_workspace()
    try:
        run = workspace.launch("flows.py:pairs", texts={"count": str(options.artifacts // 2)})
        while not workspace.wait(run, 30)["is_final"]:
            pass
        found = workspace.artifacts(run=run)
        assert len(found) == options.artifacts and found[-1]["made_from"]
        actions: dict[str, Callable[[], Any]] = {
            "list_with_lineage": lambda: workspace.artifacts(run=run),
            "lineage_of_one": lambda: workspace.lineage(f"{run}:second[77]"),
            "find_by_name": lambda: workspace.artifact(f"{run}:second[77]"),
            "compare_with_itself": lambda: workspace.compare_runs(run, run),
        }
        for name, action in actions.items():
            figures = {"artifacts": options.artifacts, "seconds": median_s(action, options.repeats)}
            print(json.dumps({"name": name, "cores": os.cpu_count(), **figures}), flush=True)
    finally:
        workspace.stop_engine()
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
