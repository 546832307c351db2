"""How fast a large array goes through a chain of three tasks, beside plain copies of a file of the same size.

    python benchmarks/transfer.py [--gb 10] [--repeats 3] [--folder PLACE]

One task makes an array, the next one changes it, the last one sums it up: two blobs are written, and two are checked and
read. Beside it `cp` copies a file of that size, and the copy once more. Both begin with that file in the page cache and all
else of it free, and take turns, since the first one to touch memory or disk pays for it. Prints a JSON line a round and one
with the medians: "of_copy_speed" counts all the time of the run, "without_own_work" leaves out what the tasks' own lines
took (making, adding and summing numbers). It needs four times the size on the disk and three times as memory.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

FLOWS = """
import time
from contextlib import contextmanager

import numpy
from partita import flow, task


@contextmanager
def own_time():
    started = time.perf_counter()
    yield
    with open("own_s", "a") as file:
        file.write(f"{time.perf_counter() - started}\\n")


@task
def make(count: int, seed: int) -> numpy.ndarray:
    with own_time():
        return numpy.arange(seed, seed + count, dtype="float64")


@task
def change(array: numpy.ndarray) -> numpy.ndarray:
    with own_time():
        return array + 1


@task
def total(array: numpy.ndarray) -> float:
    with own_time():
        return float(array.sum())


@flow
def chain(count: int, seed: int) -> float:
    return total(change(make(count, seed)))
"""


def begin_alike(source: Path) -> None:
    """What was written before is no part of what is measured next; the source is in the page cache."""
    os.sync()
    time.sleep(3)  # machines under a hypervisor give free memory back after a while
    subprocess.run(["cat", source], check=True, stdout=subprocess.DEVNULL)


def copy_s(source: Path) -> float:
    begin_alike(source)
    copies = [source.with_name("copy1"), source.with_name("copy2")]
    started = time.perf_counter()
    subprocess.run(["cp", source, copies[0]], check=True)
    subprocess.run(["cp", *copies], check=True)
    elapsed = time.perf_counter() - started
    for copy in copies:
        copy.unlink()
    return elapsed


def chain_s(workspace: Any, source: Path, size_bytes: int, seed: int) -> tuple[float, float]:
    begin_alike(source)
    own = Path("own_s")
    own.unlink(missing_ok=True)
    started = time.perf_counter()
    run = workspace.launch("flows.py:chain", texts={"count": str(size_bytes // 8), "seed": str(seed)})
    while not (final := workspace.wait(run, 30))["is_final"]:
        pass
    elapsed = time.perf_counter() - started
    assert final["run"]["state"] == "succeeded", final["run"]
    workspace.delete_run(run)
    for path in Path(".partita", "blobs").glob("*/*"):
        path.unlink()
    return elapsed, sum(map(float, own.read_text().split()))


def measure(workspace: Any, source: Path, size_bytes: int, seed: int) -> dict[str, float]:
    plain_s = copy_s(source)
    whole_s, own_s = chain_s(workspace, source, size_bytes, seed)
    plain_s = (plain_s + copy_s(source)) / 2
    return {
        "copy_s": plain_s, "chain_s": whole_s, "own_work_s": own_s, "of_copy_speed": plain_s / whole_s,
        "without_own_work": plain_s / (whole_s - own_s),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="partita-bench-", dir=options.folder))
    (folder / "flows.py").write_text(FLOWS)
    (folder / "partita.toml").write_text("")
    os.chdir(folder)
    from partita.workspace import open_workspace

    workspace = open_workspace()
    size_bytes = int(options.gb * 1e9)
    source = folder / "source"
    try:
        subprocess.run(["dd", "if=/dev/urandom", f"of={source}", "bs=4M", f"count={size_bytes >> 22}", "status=none"])
        rounds = []
        for seed in range(options.repeats):
            rounds.append(measure(workspace, source, size_bytes, seed))
            print(json.dumps({name: round(value, 2) for name, value in rounds[-1].items()}), flush=True)
        medians = {name: round(statistics.median(r[name] for r in rounds), 2) for name in rounds[0]}
        print(json.dumps({"name": "chain", "gb": options.gb, "cores": os.cpu_count(), **medians}))
    finally:
        workspace.stop_engine()
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
