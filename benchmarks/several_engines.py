"""Two engines on one schema of PostgreSQL against one: the same steps, the same cores, the same number of runs at once.

    PARTITA_STORE='postgresql://...?schema=bench' python benchmarks/several_engines.py [--repeats 5] [--fan 10000] [--chain 1000]

Two runs go at once: both at one engine that has all cores, or one at each of two engines that have half of them. The two are
measured in turn, so that both see the same machine. Prints JSON lines: rates in steps a second, medians, and their ratio.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Engine:
    """A project of its own with its engine, driven by a process of its own as a user's would."""

    def __init__(self, folder: Path, cores: float, key: bytes | None) -> None:
        self.folder = folder
        folder.mkdir()
        shutil.copy(HERE / "engine_flows.py", folder / "engine_flows.py")
        shared = folder.parent / "shared"
        (folder / "partita.toml").write_text(f'artifacts = "{shared}"\ncpu = {cores}\nidle_timeout = "10m"\n')
        (folder / ".partita").mkdir()
        if key is not None:
            (folder / ".partita" / "key").write_bytes(key)
        self._driver = subprocess.Popen(
            [sys.executable, __file__, "--drive", os.fspath(folder)], cwd=folder, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.run("chain", 5, 1)
        self.wait()

    @property
    def key(self) -> bytes:
        return (self.folder / ".partita" / "key").read_bytes()

    def run(self, flow: str, steps: int, runs: int) -> None:
        assert self._driver.stdin is not None
        self._driver.stdin.write(json.dumps([flow, steps, runs]) + "\n")
        self._driver.stdin.flush()

    def wait(self) -> None:
        assert self._driver.stdout is not None
        if self._driver.stdout.readline().strip() != "done":
            raise SystemExit(f"the runs in {self.folder} failed; see its .partita/engine.log")

    def close(self) -> None:
        """End the driver, and with it the engine."""
        self._driver.communicate()


def drive(folder: str) -> None:
    """Start runs as they are asked for, and say when they have ended."""
    sys.path.insert(0, folder)
    import engine_flows

    from partita.workspace.runs import default_launcher

    for line in sys.stdin:
        flow, steps, count = json.loads(line)
        runs = [getattr(engine_flows, flow).submit(steps) for _ in range(count)]
        for run in runs:
            run.result()
        print("done", flush=True)
    default_launcher().workspace.stop_engine()


def rate(engines: list[Engine], flow: str, steps: int) -> float:
    """Steps a second of two runs."""
    started = time.perf_counter()
    for engine in engines:
        engine.run(flow, steps, 2 // len(engines))
    for engine in engines:
        engine.wait()
    return 2 * steps / (time.perf_counter() - started)


@contextlib.contextmanager
def some_engines(count: int) -> Iterator[list[Engine]]:
    folder = Path(tempfile.mkdtemp(prefix="partita-bench-"))
    engines: list[Engine] = []
    try:
        for number in range(count):
            key = engines[0].key if engines else None
            engines.append(Engine(folder / str(number), (os.cpu_count() or 2) / count, key))
        yield engines
    finally:
        for engine in engines:
            engine.close()
        shutil.rmtree(folder, ignore_errors=True)


def measure(repeats: int, sizes: dict[str, int]) -> None:
    url = os.environ.get("PARTITA_STORE", "")
    if "schema=" not in url:
        raise SystemExit("set PARTITA_STORE to the address of a database, with ?schema=NAME at its end")
    found: dict[str, dict[str, list[float]]] = {flow: {"one": [], "two": []} for flow in sizes}
    for repeat in range(repeats):
        for name, count in (("one", 1), ("two", 2)):
            # A schema for each, so that the tables of both are as large and the keys of the folders are their own.
            os.environ["PARTITA_STORE"] = f"{url}_{name}_{repeat}"
            with some_engines(count) as engines:
                for flow, steps in sizes.items():
                    found[flow][name].append(rate(engines, flow, steps))
    for flow, rates in found.items():
        shares = [two / one for one, two in zip(rates["one"], rates["two"], strict=True)]
        medians = {f"{name}_steps_per_s": round(statistics.median(all_of)) for name, all_of in rates.items()}
        told = {name: [round(r) for r in all_of] for name, all_of in rates.items()}
        share = round(statistics.median(shares), 3)
        print(json.dumps({"name": flow, "cores": os.cpu_count(), **medians, "share": share, "all": told}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--fan", type=int, default=10_000, help="independent steps of a run")
    parser.add_argument("--chain", type=int, default=1000, help="chained steps of a run")
    parser.add_argument("--drive", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.drive:
        drive(given.drive)
    else:
        measure(given.repeats, {"chain": given.chain, "fan_out": given.fan})


if __name__ == "__main__":
    main()
