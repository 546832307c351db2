"""How good and how fast plans are: the judge of `shared/bench/sched` over its public instances, part by part.

    python benchmarks/planner.py --judge PATH/bench/sched [PART ...] [--sample N] [--limit S]

Parts (default: all but those with CP-SAT beside, which take long):
    j30 j60 j120                10 s each: mean and largest gap to the best known, and how many are proved
    cpsat-j30 cpsat-j60         the same by plain CP-SAT (`cpsat.py`), for the proved ones in the same session
    fast                        J60 and J120 in 50 ms
    workflows                   10 s each on all platforms, against BEST.json and first-come order
    quick                       the same without a time limit
    online                      sigma .6, four draws: against the clairvoyant, or the bound on unequal nodes
    large                       100,000 tasks, load included
    decisions                   us a step of the pool's policy, ms a re-plan on unequal nodes

Every plan is checked by the judge's own code. Prints a JSON line for each part. Several nodes are those of `platforms.py`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from partita.plan.documents import read_instance
from partita.plan.following import PoolPolicy
from partita.plan.rolling import RollingPolicy

PARTITA = [sys.executable, "-m", "partita.cli", "plan"]
PLATFORMS = ("pool8", "pool32", "pool128", "het8", "het8-cost")
#: One draw of all durations says little: the figures of two lie up to .01 apart.
DRAWS = 4
Row = dict[str, Any]


class Bench:
    def __init__(self, folder: Path, sample: int, limit_s: float) -> None:
        sys.path.insert(0, str(folder))
        self.judge, self.psched = importlib.import_module("judge"), importlib.import_module("psched")
        self.platforms = importlib.import_module("platforms")
        self.best = json.loads((folder / "data" / "public" / "BEST.json").read_text())
        self.sample, self.limit_s = sample, limit_s

    def instances(self, family: str, platform: str | None = None) -> Iterator[tuple[Row, Row]]:
        yield from self.judge.sampled(self.judge.instances("public", [family], platform), self.sample)

    def plan(self, document: Row, limit_s: float) -> Row:
        """The judge's verdict on the plan of a process of its own; with the seconds it took and whether it is proved."""
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "in.json"), Path(folder, "out.json")
            source.write_text(json.dumps(document))
            words = [*PARTITA, "--json", str(source), "-o", str(target)]
            began, spent = time.perf_counter(), _cpu_of_children()
            subprocess.run(words + (["--time-limit", str(limit_s)] if limit_s else []), check=True, capture_output=True)
            wall, cpu = time.perf_counter() - began, _cpu_of_children() - spent
            plan = json.loads(target.read_text())
        told = self.judge.verdict(self.psched.Instance(document), plan)
        return {**told, "wall": wall, "cpu": cpu, "proved": plan["status"] == "optimal", "bound": plan["bound"]}

    # Parts

    def psplib(self, family: str, limit_s: float) -> Row:
        gaps, proved = [], 0
        for entry, document in self.instances(family):
            told = self.plan(document, limit_s)
            gaps.append(100 * (told["F"] / entry["best_known"] - 1))
            proved += told["proved"]
        return {"limit_s": limit_s, "mean_gap": _mean(gaps), "max_gap": max(gaps), "proved": proved, "of": len(gaps)}

    def cpsat(self, family: str) -> Row:
        solve = importlib.import_module("cpsat").solve
        gaps, proved = [], 0
        for entry, document in self.instances(family):
            told = solve(self.psched.Instance(document), self.limit_s)
            gaps.append(100 * (told["F"] / entry["best_known"] - 1))
            proved += told["status"] == "OPTIMAL"
        return {
            "limit_s": self.limit_s,
            "mean_gap": _mean(gaps),
            "max_gap": max(gaps),
            "proved": proved,
            "of": len(gaps),
        }

    def workflows(self, limit_s: float) -> Iterator[Row]:
        for platform in PLATFORMS:
            gains, gaps = [], []
            for entry, document in self.instances("wf", platform):
                told = self.plan(document, limit_s)
                instance = self.psched.Instance(document)
                first = self.psched.evaluate(instance, *self.psched.PLANNERS["fifo"](instance))["F"]
                gains.append(100 * (1 - told["F"] / first))
                gaps.append(100 * (told["F"] / self.best[entry["name"]][platform]["best_F"] - 1))
            yield {
                "platform": platform, "limit_s": limit_s, "better_than_first_come": _mean(gains), "at_least": min(gains),
                "over_best": _mean(gaps), "max_over_best": max(gaps), "of": len(gaps),
            }  # fmt: skip

    def online(self) -> Iterator[Row]:
        for platform in PLATFORMS[:-1]:
            ratios = []
            for _, document in self.instances("wf", platform):
                instance = self.psched.Instance(document)
                for draw in range(DRAWS):
                    chance = random.Random(f"{document['name']}|iid|0.6|{draw}")
                    true = [chance.lognormvariate(0, 0.6) for _ in range(instance.n)]
                    told, _, _ = self.follow(document, instance, true)
                    ratios.append(told / self.reference(instance, true))
            yield {
                "platform": platform,
                "sigma": 0.6,
                "ratio": statistics.mean(ratios),
                "max": max(ratios),
                "of": len(ratios),
            }

    def reference(self, instance: Any, factors: list[float]) -> float:
        """The clairvoyant's makespan on one pool; the bound of the true durations on several nodes."""
        if instance.M == 1:
            true = [seconds * factor for seconds, factor in zip(instance.dur, factors, strict=True)]
            ranks = self.psched.blevel(instance, dur=true)
            starts, _ = self.psched.list_schedule(instance, ranks, dur=true, reserve=True, est=true)
            return max(start + seconds for start, seconds in zip(starts, true, strict=True))
        known = object.__new__(type(instance))
        known.__dict__.update(instance.__dict__)
        known.over = [{m: instance.d(i, m) * factors[i] for m in range(instance.M)} for i in range(instance.n)]
        return self.psched.lower_bounds(known, cuts=40)["lb"]

    def follow(self, document: Row, instance: Any, factors: list[float]) -> tuple[float, float, int]:
        """Makespan by the policy, CPU seconds in it, and how often it was asked."""
        import heapq

        read = read_instance(document)
        began = time.process_time()
        policy: Any = PoolPolicy(read) if instance.M == 1 else RollingPolicy(read)
        begun, spent, asked, now = policy.begin(), time.process_time() - began, 1, 0.0
        node, end, running = [0] * instance.n, [0.0] * instance.n, []
        while True:
            for row in begun:
                task, node[task] = (row, 0) if instance.M == 1 else row
                there = [end[p] + instance.comm(size, node[p], node[task]) for p, size in instance.pred[task]]
                start = max([now, *there])
                end[task] = start + instance.d(task, node[task]) * factors[task]
                heapq.heappush(running, (end[task], task, start))
            if not running:
                return max(end), spent, asked
            now, ended = running[0][0], []
            while running and running[0][0] <= now:
                _, task, start = heapq.heappop(running)
                ended.append(task if instance.M == 1 else (task, start))
            began = time.process_time()
            begun = policy.finished(ended, now)
            spent, asked = spent + time.process_time() - began, asked + 1

    def decisions(self) -> Iterator[Row]:
        public = {
            platform: [document for _, document in self.instances("wf", platform)]
            for platform in ("pool8", "pool128", "het8")
        }
        for platform, documents in {**public, "300 different demands": [_demands(3000, 300)]}.items():
            spent, asked, steps = 0.0, 0, 0
            for document in documents:
                instance = self.psched.Instance(document)
                _, seconds, times = self.follow(document, instance, [1.0] * instance.n)
                spent, asked, steps = spent + seconds, asked + times, steps + instance.n
            yield {"platform": platform, "us_a_step": 1e6 * spent / steps, "ms_asked": 1e3 * spent / asked}

    def large(self, count: int = 100_000) -> Iterator[Row]:
        for platform, cpus in (
            ("pool128", [1]),
            ("pool128", [1, 1, 1, 2, 4]),
            ("het8", [1]),
            ("het8", [1, 1, 1, 2, 4]),
        ):
            document = self.platforms.apply(_layers(count, cpus), platform)
            told = self.plan(document, 0)
            yield {
                "platform": platform,
                "cpus": sorted(set(cpus)),
                "tasks": count,
                "wall_s": told["wall"],
                "cpu_s": told["cpu"],
                "over_bound": told["ratio"],
            }


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _layers(count: int, cpus: list[int]) -> Row:
    chance = random.Random(1)
    tasks = [
        {"id": f"t{n}", "duration": round(chance.lognormvariate(1, 1), 3), "demand": {"cpu": chance.choice(cpus)}}
        for n in range(count)
    ]
    edges = [
        [f"t{first}", f"t{n}", chance.randrange(10**6)]
        for n in range(1000, count)
        for first in {chance.randrange(max(0, n - 3000), n) for _ in range(2)}
    ]
    return {"format": "partita.sched.instance/1", "name": f"layers-{count}", "tasks": tasks, "edges": edges}


def _demands(count: int, kinds: int) -> Row:
    """Tasks with so many different demands, on one node that holds few of them at a time."""
    chance = random.Random(1)
    asked = [
        {"cpu": chance.choice([1, 1, 1, 2, 4, 8]), "mem": chance.randint(1, 32) + kind / 1000} for kind in range(kinds)
    ]
    tasks = [
        {"id": f"t{n}", "duration": chance.lognormvariate(1, 1), "demand": chance.choice(asked)} for n in range(count)
    ]
    edges = [[f"t{chance.randrange(max(0, n - 800), n)}", f"t{n}", 0] for n in range(count // 4, count)]
    nodes = [{"id": "n", "capacity": {"cpu": 32, "mem": 64}}]
    return {
        "format": "partita.sched.instance/1", "name": "demands", "nodes": nodes, "tasks": tasks, "edges": edges,
    }  # fmt: skip


def _mean(values: list[float]) -> float:
    return statistics.mean(values)


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--judge", type=Path, required=True, help="the folder of judge.py")
    reader.add_argument("--sample", type=int, default=0, help="so many instances of each family, evenly spread")
    reader.add_argument("--limit", type=float, default=10.0)
    reader.add_argument("parts", nargs="*")
    given = reader.parse_args()
    bench = Bench(given.judge, given.sample, given.limit)
    parts: dict[str, Callable[[], Any]] = {
        "fast": lambda: (({"family": family} | bench.psplib(family, 0.05)) for family in ("j60", "j120")),
        "quick": lambda: bench.workflows(0),
        "decisions": bench.decisions,
        "large": bench.large,
        "online": bench.online,
        "workflows": lambda: bench.workflows(given.limit),
        "j30": lambda: [bench.psplib("j30", given.limit)],
        "j60": lambda: [bench.psplib("j60", given.limit)],
        "j120": lambda: [bench.psplib("j120", given.limit)],
        "cpsat-j30": lambda: [bench.cpsat("j30")],
        "cpsat-j60": lambda: [bench.cpsat("j60")],
    }
    for part in given.parts or [name for name in parts if not name.startswith("cpsat")]:
        for row in parts[part]():
            told = {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
            print(json.dumps({"part": part, **told}), flush=True)


if __name__ == "__main__":
    main()
