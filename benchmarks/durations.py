"""How well the duration model predicts steps of real workflows.

    python benchmarks/durations.py TRACES [--tune] [--each]

TRACES is a folder of workflow traces as the scheduling benchmark has them (`partita.sched.instance/1`, gzipped: tasks with
`label`, `input_bytes` and `duration`). Each trace is replayed alone, from nothing learned: its steps run first come, first
served, on so many cores, and in the order in which they end each is predicted before it is learned, by its label and the size
of its input. Counted is |log(predicted / true)| of steps of at least 0.1 s whose label has been seen at least 1, 3 or 5 times;
shorter ones are left out, as noise of the traces' clocks, but for the rows "all", which learn and count whatever took any time.

--tune chooses the constants of the model: for each workflow those that are best on the others, judged on it.
--each prints each trace.

Prints a Markdown table, and how many durations lie between the tenth and the ninetieth percentile that were told.
"""

from __future__ import annotations

import argparse
import gzip
import heapq
import itertools
import json
import math
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from partita.plan import durations
from partita.plan.durations import SECONDS, Model

Task = tuple[str, float, float]  # label, bytes of input, seconds
Errors = list[tuple[int, float]]  # how often the label had been seen, logarithm of predicted by true

SHORTEST_S = 0.1
ANY_S = 1e-9
WARM = (1, 3, 5)


class Predictor(Protocol):
    count: int

    def observe(self, input_bytes: float, seconds: float) -> None: ...
    def predict(self, input_bytes: float) -> float: ...


class OurModel(Model):
    def __init__(self) -> None:
        super().__init__(SECONDS)

    def predict(self, input_bytes: float) -> float:
        return self.estimate(input_bytes).median


class LifetimeMean:
    def __init__(self) -> None:
        self.count, self.total_s = 0, 0.0

    def observe(self, input_bytes: float, seconds: float) -> None:
        self.count += 1
        self.total_s += seconds

    def predict(self, input_bytes: float) -> float:
        return self.total_s / self.count


class LifetimeMedian:
    def __init__(self) -> None:
        self.seen: list[float] = []

    @property
    def count(self) -> int:
        return len(self.seen)

    def observe(self, input_bytes: float, seconds: float) -> None:
        self.seen.append(seconds)

    def predict(self, input_bytes: float) -> float:
        return statistics.median(self.seen)


class RecentMean:
    """Exponentially weighted mean of logarithms, gain 0.25."""

    def __init__(self) -> None:
        self.count, self.mean = 0, 0.0

    def observe(self, input_bytes: float, seconds: float) -> None:
        self.count += 1
        self.mean += max(0.25, 1 / self.count) * (math.log(max(seconds, 1e-3)) - self.mean)

    def predict(self, input_bytes: float) -> float:
        return math.exp(self.mean)


class PlainRegression:
    """Regression of the logarithms with a slope drawn to 0, and the exponentially weighted mean of residuals, gain 0.25."""

    def __init__(self) -> None:
        self.count = 0
        self.x = self.y = self.xx = self.xy = self.recent = 0.0

    def _line(self, x: float) -> float:
        return self.y + self.xy / (self.xx + 2.0) * (x - self.x)

    def observe(self, input_bytes: float, seconds: float) -> None:
        x, y = math.log(max(input_bytes, 1.0)), math.log(max(seconds, 1e-3))
        if self.count:
            self.recent += 0.25 * (y - self._line(x) - self.recent)
        self.count += 1
        dx, dy = x - self.x, y - self.y
        self.x += dx / self.count
        self.y += dy / self.count
        self.xx += dx * (x - self.x)
        self.xy += dx * (y - self.y)

    def predict(self, input_bytes: float) -> float:
        return math.exp(self._line(math.log(max(input_bytes, 1.0))) + self.recent)


PREDICTORS: dict[str, Callable[[], Predictor]] = {
    "the model": OurModel,
    "regression and residual mean": PlainRegression,
    "recent mean of logarithms": RecentMean,
    "lifetime median": LifetimeMedian,
    "lifetime mean": LifetimeMean,
}

#: What --tune tries for each constant.
CHOICES: dict[str, list[Any]] = {
    "GAINS": [
        (0.0, 0.03, 0.1, 0.25, 0.5), (0.0, 0.06, 0.12, 0.25, 0.5), (0.0, 0.1, 0.25, 0.5, 0.8), (0.0, 0.05, 0.15, 0.25, 0.4),
    ],
    "NEAR_GAIN": [0.25, 0.4, 0.5], "NEAR_WIDTH": [0.003, 0.005, 0.01, 0.02], "LOSS_DECAY": [0.97, 0.985, 0.995],
    "SHARPNESS": [10.0, 20.0, 30.0, 40.0], "DECAY": [0.98, 0.99, 1.0], "SLOPE": [0.0, 0.15, 0.3, 0.5],
    "SLOPE_VARIANCE": [0.1, 0.2, 0.5, 1.0], "PRIOR_VARIANCE": [0.05, 0.08, 0.15, 0.3], "MEDIAN_SHARE": [0.0, 0.2, 0.4, 0.6],
}  # fmt: skip
TRIED = 60


def ended(trace: dict[str, Any], cores: int) -> list[Task]:
    """The tasks in the order in which they end, each started as soon as it can be, first come first served."""
    tasks = trace["tasks"]
    number = {task["id"]: i for i, task in enumerate(tasks)}
    after: dict[int, list[int]] = defaultdict(list)
    waits_for = [0] * len(tasks)
    for edge in trace["edges"]:
        after[number[edge[0]]].append(number[edge[1]])
        waits_for[number[edge[1]]] += 1
    ready = [(0.0, i) for i, count in enumerate(waits_for) if not count]
    heapq.heapify(ready)
    running: list[tuple[float, int, float]] = []
    now, free, order = 0.0, float(cores), []
    while ready or running:
        while ready:
            need = min(float(tasks[ready[0][1]].get("demand", {}).get("cpu", 1)), float(cores))
            if need > free:
                break
            _, i = heapq.heappop(ready)
            free -= need
            heapq.heappush(running, (now + tasks[i]["duration"], i, need))
        now, i, need = heapq.heappop(running)
        free += need
        order.append((tasks[i]["label"], float(tasks[i].get("input_bytes", 0)), float(tasks[i]["duration"])))
        for j in after[i]:
            waits_for[j] -= 1
            if not waits_for[j]:
                heapq.heappush(ready, (now, j))
    return order


def replay(tasks: list[Task], make: Callable[[], Predictor], shortest_s: float) -> Iterator[tuple[int, float]]:
    """The errors of each task but the first of its label, in order."""
    models: dict[str, Predictor] = {}
    for label, size, seconds in tasks:
        if seconds < shortest_s:
            continue
        model = models.get(label) or models.setdefault(label, make())
        if model.count and seconds > 0:
            yield model.count, math.log(model.predict(size)) - math.log(seconds)
        model.observe(size, seconds)


def judged(errors: Errors, warm: int = 1) -> tuple[int, float, float]:
    """How many, median and root mean square."""
    found = [abs(error) for count, error in errors if count >= warm]
    if not found:
        return 0, math.nan, math.nan
    return len(found), statistics.median(found), math.sqrt(statistics.fmean(error * error for error in found))


def coverage(tasks: list[Task]) -> Iterator[tuple[int, bool]]:
    """Of each task but the first of its label: how often the label had been seen, and whether it lay between P10 and P90."""
    models: dict[str, Model] = {}
    for label, size, seconds in tasks:
        if seconds >= SHORTEST_S:
            model = models.get(label) or models.setdefault(label, Model(SECONDS))
            if model.count:
                estimate = model.estimate(size)
                yield model.count, estimate.p10 <= seconds <= estimate.p90
            model.observe(size, seconds)


def workflow(name: str) -> str:
    """Traces of one workflow, by the first part of their names; pipelines of Nextflow by the second."""
    parts = name.split("-")
    return parts[1] if parts[0] == "nextflow" else parts[0]


def tune(traces: dict[str, list[Task]]) -> None:
    chance = random.Random(1)
    settings = [{name: getattr(durations, name) for name in CHOICES}]
    settings += [{name: chance.choice(values) for name, values in CHOICES.items()} for _ in range(TRIED)]
    settings += [{**settings[0], name: value} for name, values in CHOICES.items() for value in values]
    by_setting: list[dict[str, Errors]] = []
    for setting in settings:
        for name, value in setting.items():
            setattr(durations, name, value)
        found: dict[str, Errors] = defaultdict(list)
        for trace, tasks in traces.items():
            found[workflow(trace)].extend(replay(tasks, OurModel, SHORTEST_S))
        by_setting.append(found)

    def score(found: dict[str, Errors], without: str = "") -> float:
        pooled = list(itertools.chain.from_iterable(errors for name, errors in found.items() if name != without))
        _, median, rms = judged(pooled)
        each = [judged(errors) for name, errors in found.items() if name != without and errors]
        # Pooled and, so that the largest traces do not decide alone, the mean of each workflow's own.
        return median + rms + statistics.fmean(m + r for _, m, r in each)

    held_out: Errors = []
    for left_out in by_setting[0]:
        best = min(range(len(settings)), key=lambda i: score(by_setting[i], left_out))
        held_out.extend(by_setting[best][left_out])
        print(f"without {left_out}: {settings[best]}")
    order = sorted(range(len(settings)), key=lambda i: score(by_setting[i]))
    for i in order[:5]:
        print(f"over all: {score(by_setting[i]):.4f} {judged(_all(by_setting[i]))} {settings[i]}")
    print(f"as they are: {score(by_setting[0]):.4f} {judged(_all(by_setting[0]))}")
    print(f"each workflow by constants chosen on the others: {judged(held_out)}")


def _all(found: dict[str, Errors]) -> Errors:
    return list(itertools.chain.from_iterable(found.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", type=Path)
    parser.add_argument("--cores", type=int, default=32)
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--each", action="store_true")
    options = parser.parse_args()
    files = sorted(options.traces.glob("*.json.gz"))
    traces = {
        file.name.removesuffix(".json.gz"): ended(json.loads(gzip.decompress(file.read_bytes())), options.cores)
        for file in files
    }
    if options.tune:
        tune(traces)
        return
    if options.each:
        for name, tasks in traces.items():
            print(name, judged(list(replay(tasks, OurModel, SHORTEST_S))))
    print("| " + " | ".join(["predictor", *(f"seen {n}+: median / RMS" for n in WARM), "all, seen 1+"]) + " |")
    print("| --- " * (len(WARM) + 2) + "|")
    for name, make in PREDICTORS.items():
        errors = [pair for tasks in traces.values() for pair in replay(tasks, make, SHORTEST_S)]
        whole = [pair for tasks in traces.values() for pair in replay(tasks, make, ANY_S)]
        cells = [judged(errors, n) for n in WARM] + [judged(whole)]
        print("| " + " | ".join([name, *(f"{median:.3f} / {rms:.3f}" for _, median, rms in cells)]) + " |")
    sizes = [judged(errors, n)[0] for n in WARM] + [judged(whole)[0]]
    print("| " + " | ".join(["steps", *map(str, sizes)]) + " |")
    covered = list(itertools.chain.from_iterable(map(coverage, traces.values())))
    for first, end in ((1, 5), (5, 20), (20, math.inf)):
        inside = [is_inside for count, is_inside in covered if first <= count < end]
        print(f"seen {first} or more, fewer than {end}: {statistics.fmean(inside):.1%} between P10 and P90")


if __name__ == "__main__":
    main()
