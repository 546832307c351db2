"""How fast steps are taken from the cache.

    python benchmarks/cached.py [--steps 20000] [--repeats 5]

Prints JSON lines. A first run computes the steps of a map, the others take them from the cache; the time is that of the
whole run, layout included. In "keyed" a function of the user says which steps are equal, which a worker has to call.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path

from partita.settings import load_settings
from partita.workspace.local import LocalWorkspace
from partita.workspace.runs import Run

FLOWS = """
from partita import flow, task


@task(cache=True)
def plain(number: int) -> int:
    return number


@task(cache=True, cache_key=lambda number: number)
def keyed(number: int) -> int:
    return number


@flow
def all_plain(steps: int) -> list[int]:
    return plain.map(list(range(steps)))


@flow
def all_keyed(steps: int) -> list[int]:
    return keyed.map(list(range(steps)))
"""


def took_s(workspace: LocalWorkspace, flow: str, steps: int) -> float:
    run = Run(workspace, workspace.launch(f"flows.py:{flow}", texts={"steps": str(steps)}))
    run.wait()
    view = run.view
    assert view["state"] == "succeeded" and view["started_at"] is not None and view["ended_at"] is not None, view
    return view["ended_at"] - view["started_at"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="partita-bench-"))
    (folder / "flows.py").write_text(FLOWS)
    workspace = LocalWorkspace(folder, load_settings(folder))
    try:
        for name, steps in (("plain", options.steps), ("keyed", options.steps // 10)):
            first_s = took_s(workspace, f"all_{name}", steps)
            found = [took_s(workspace, f"all_{name}", steps) for _ in range(options.repeats)]
            rate = round(steps / statistics.median(found))
            figures = {"steps": steps, "cached_steps_per_s": rate, "computed_steps_per_s": round(steps / first_s)}
            print(json.dumps({"name": name, "cores": os.cpu_count(), **figures}), flush=True)
    finally:
        workspace.stop_engine()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
