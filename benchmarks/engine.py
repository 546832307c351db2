"""How fast the engine dispatches, in the configuration that users get: durable state, isolated workers, logs on.

    python benchmarks/engine.py [--limit PATH/dispatch_limit.py] [--repeats 5] [--only NAME ...]

Prints JSON lines: a measurement each, medians over the repeats. The limit program, where it is given, runs in turn with
Partita's own runs, so that both see the same machine. Figures of a shared machine are compared as ratios in one run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from partita.errors import NotFoundError

HERE = Path(__file__).resolve().parent


def say(name: str, **figures: Any) -> None:
    print(json.dumps({"name": name, "cores": os.cpu_count(), **figures}), flush=True)


class Bench:
    """A project of its own in a temporary folder, with an engine that is stopped at the end."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="partita-bench-"))
        shutil.copy(HERE / "engine_flows.py", self.folder / "engine_flows.py")
        (self.folder / "partita.toml").write_text("")
        os.chdir(self.folder)
        sys.path.insert(0, str(self.folder))
        import engine_flows

        from partita.workspace.runs import default_launcher

        self.flows = engine_flows
        self.workspace = default_launcher().workspace

    def engine_pid(self) -> int:
        view = self.workspace.engine()
        assert view is not None
        return view["pid"]

    def close(self) -> None:
        self.workspace.stop_engine()
        os.chdir("/")
        shutil.rmtree(self.folder, ignore_errors=True)


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def timed(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def limits(program: str | None) -> dict[str, float]:
    """Steps a second of the bare prototype, by name."""
    if program is None:
        return {}
    said = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True).stdout
    return {line["name"]: line["steps_per_s"] for line in map(json.loads, said.splitlines())}


def rates(bench: Bench, limit: str | None, repeats: int) -> None:
    """Chains and fan-outs, each in turn with the limit."""
    flows = bench.flows
    flows.chain.run(5).result()
    flows.fan_out.run(500).result()
    found: dict[str, list[float]] = {"chain": [], "fan_out": []}
    bounds: dict[str, list[float]] = {"chain": [], "fan_out": []}
    for _ in range(repeats):
        for name, steps in (("chain", 2000), ("fan_out", 20_000)):
            run = getattr(flows, name)
            seconds = timed(lambda run=run, steps=steps: run.run(steps))
            found[name].append(steps / seconds)
        for name, rate in limits(limit).items():
            bounds[name].append(rate)
    for name, steps in (("chain", 2000), ("fan_out", 20_000)):
        rate = statistics.median(found[name])
        figures: dict[str, Any] = {"steps": steps, "steps_per_s": round(rate), "all": [round(r) for r in found[name]]}
        if bounds[name]:
            bound = statistics.median(bounds[name])
            shares = [r / b for r, b in zip(found[name], bounds[name], strict=True)]
            figures |= {"limit_steps_per_s": round(bound), "share_of_limit": round(statistics.median(shares), 3)}
        say(name, **figures)


def growth(bench: Bench, repeats: int) -> None:
    """Time a step and memory a step of 100,000 steps against 10,000."""
    flows, pid = bench.flows, bench.engine_pid()
    small = statistics.median(timed(lambda: flows.fan_out.run(10_000)) / 10_000 for _ in range(repeats))
    before = rss_bytes(pid)
    peak = before
    times = []
    for _ in range(max(1, repeats // 2)):
        run = flows.fan_out.submit(100_000)
        started = time.perf_counter()
        while not bench.workspace.wait(run.id, 0.05)["is_final"]:
            peak = max(peak, rss_bytes(pid))
        times.append((time.perf_counter() - started) / 100_000)
    large = statistics.median(times)
    say(
        "growth", us_a_step_of_10_000=round(small * 1e6, 1), us_a_step_of_100_000=round(large * 1e6, 1),
        ratio=round(large / small, 2), engine_bytes_a_step=round((peak - before) / 100_000),
    )  # fmt: skip


def delay(bench: Bench, repeats: int) -> None:
    """How long a layout of 100,000 steps delays the steps of another run, while it arrives."""
    flows = bench.flows
    worst: list[float] = []
    for _ in range(max(1, repeats // 2)):
        slow = flows.slow_half.submit(3000)
        while bench.workspace.run(slow.id)["counts"].get("succeeded", 0) < 50:
            time.sleep(0.01)
        large = flows.fan_out.submit(100_000)
        slow.wait()
        gaps = sorted(float(line) for line in slow.logs().split())
        with contextlib.suppress(NotFoundError):  # it may have ended
            large.cancel(force=True)
        large.wait()
        worst.append(gaps[-1])
    say("delay", worst_ms=round(statistics.median(worst) * 1000, 1), all_ms=[round(w * 1000, 1) for w in worst])


def starts(bench: Bench, repeats: int) -> None:
    """A fresh process that runs a flow of one step, with and without an engine; and the bare import."""
    command = [sys.executable, "-m", "partita.cli", "run", "engine_flows.py:one", "--quiet"]

    def run() -> None:
        subprocess.run(command, cwd=bench.folder, check=True, capture_output=True)

    cold, warm, imports = [], [], []
    for _ in range(repeats):
        bench.workspace.stop_engine()
        while bench.workspace.engine() is not None:
            time.sleep(0.05)
        time.sleep(0.3)
        cold.append(timed(run))
        warm.append(timed(run))
        bare = timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))
        imports.append(timed(lambda: subprocess.run([sys.executable, "-c", "import partita"], check=True)) - bare)
    say(
        "starts", without_engine_s=round(statistics.median(cold), 3), with_engine_s=round(statistics.median(warm), 3),
        import_s=round(statistics.median(imports), 3),
    )  # fmt: skip


def resume(bench: Bench, repeats: int) -> None:
    """A run of 50,000 steps whose engine is killed half-way: seconds to its first new step."""
    seconds = []
    for number in range(max(1, repeats // 2)):
        gate = bench.folder / f"gate{number}"
        run = bench.flows.waiting.submit(50_000, str(gate))
        while bench.workspace.run(run.id)["counts"].get("succeeded", 0) < 25_000:
            time.sleep(0.1)
        os.kill(bench.engine_pid(), signal.SIGKILL)
        gate.touch()
        started = time.time()
        bench.workspace.engine() or bench.workspace.resume(run.id)
        while True:
            again = bench.workspace.attempts(run.id, 25_002)  # the step that was waiting for the file
            attempts = [attempt for attempt in again if attempt["outcome"] == "succeeded"]
            if attempts:
                break
            time.sleep(0.02)
        seconds.append(min(a["started_at"] for a in attempts) - started)
        run.wait()
    say("resume", steps=50_000, first_step_after_s=round(statistics.median(seconds), 2))


def loops(bench: Bench, repeats: int) -> None:
    """A deferred loop of 10,000 rounds: time and memory a round, in its first and in its second half."""
    pid = bench.engine_pid()
    run = bench.flows.loop.submit(0, 10_000)
    marks: list[tuple[int, int, float]] = []
    while True:
        news = bench.workspace.wait(run.id, 0.1)
        with_count = sum(bench.workspace.run(run.id)["counts"].values())
        marks.append((with_count, rss_bytes(pid), time.perf_counter()))
        if news["is_final"]:
            break
    assert run.result() == 10_000
    middle = min(marks, key=lambda mark: abs(mark[0] - 10_000))
    first, last = marks[0], max(marks, key=lambda mark: mark[0])

    def bytes_a_round(start: tuple[int, int, float], end: tuple[int, int, float]) -> int:
        return round((end[1] - start[1]) / max(1, (end[0] - start[0]) / 2))

    say(
        "loop", rounds=10_000, rounds_per_s=round(10_000 / (last[2] - first[2])),
        bytes_a_round_first_half=bytes_a_round(first, middle), bytes_a_round_second_half=bytes_a_round(middle, last),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", help="the program that stands for the limit")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    limit = str(Path(options.limit).resolve()) if options.limit else None
    parts: dict[str, Callable[[Bench], None]] = {
        "rates": lambda bench: rates(bench, limit, options.repeats),
        "growth": lambda bench: growth(bench, options.repeats),
        "delay": lambda bench: delay(bench, options.repeats),
        "loops": lambda bench: loops(bench, options.repeats),
        "resume": lambda bench: resume(bench, options.repeats),
        "starts": lambda bench: starts(bench, options.repeats),
    }
    bench = Bench()
    try:
        bench.flows.one.run().result()  # an engine is up and its workers are warm
        for name, part in parts.items():
            if not options.only or name in options.only:
                part(bench)
    finally:
        bench.close()


if __name__ == "__main__":
    main()
