"""How much longer a step takes on other executors than on local processes, and how long the first one of a container takes.

    python benchmarks/executors.py --image IMAGE [--steps 300] [--repeats 5]

A chain of steps that do nothing, each fed by the last, on local processes and in warm containers of the image (which needs
what Partita's workers import), in turn. Prints JSON lines, medians over the repeats. It makes a project of its own in a
temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

FLOWS = """
from partita import flow, task

@task
def here(number: int) -> int:
    return number + 1

@task(executor="boxes")
def there(number: int) -> int:
    return number + 1

@flow
def near(count: int) -> int:
    number = 0
    for _ in range(count):
        number = here(number)
    return number

@flow
def far(count: int) -> int:
    number = 0
    for _ in range(count):
        number = there(number)
    return number
"""


def run_s(workspace: Any, flow: str, count: int) -> float:
    started = time.perf_counter()
    run = workspace.launch(f"flows.py:{flow}", texts={"count": str(count)})
    while not (seen := workspace.wait(run, 30))["is_final"]:
        pass
    assert seen["run"]["state"] == "succeeded", seen["run"]
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="partita-bench-"))
    (folder / "flows.py").write_text(FLOWS)
    (folder / "partita.toml").write_text(
        f'[executors.boxes]\nkind = "docker"\nimage = "{options.image}"\npull = "never"\ncpu = 1\n'
    )
    os.chdir(folder)
    from partita.workspace import open_workspace

    workspace = open_workspace()
    try:
        run_s(workspace, "near", 1)  # an engine is up
        cold_s = run_s(workspace, "far", 1)
        near, far = [], []
        for _ in range(options.repeats):
            near.append(run_s(workspace, "near", options.steps) / options.steps)
            far.append(run_s(workspace, "far", options.steps) / options.steps)
        here_ms, there_ms = 1000 * statistics.median(near), 1000 * statistics.median(far)
        figures = {"process_ms": here_ms, "docker_ms": there_ms, "added_ms": there_ms - here_ms, "cold_s": cold_s}
        rounded = {name: round(value, 3) for name, value in figures.items()}
        print(json.dumps({"name": "docker", "cores": os.cpu_count(), "steps": options.steps, **rounded}))
    finally:
        workspace.stop_engine()
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
