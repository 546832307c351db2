"""What a study adds to its runs.

    python benchmarks/tuning.py [--trials 100] [--repeats 5]

Prints JSON lines, medians over the repeats, each measured in turn with the others; one run at a time, of a flow with three
parameters and one step that does nothing to speak of:

- "bare": milliseconds a run takes that is started and waited for as trials are, without a study: what the others are compared
  with.
- "random", "tpe": milliseconds a trial takes with that sampler, and what that is more than "bare": the journal, the objective,
  the budgets, the best so far, and Optuna, which holds its study in memory. "cpu_ms_more_than_bare" is the same as processor time
  of this process, which other programs do not blur: with "random" it is that of the study's layers; what "tpe" takes beyond is
  Optuna's reckoning of the next parameters.
- "model", "registered": as "bare", of a flow whose step gives a model, and of one whose step registers it, too, with a metric
  and its lineage; and what that is more.
- "storage": milliseconds a trial takes of Optuna's own storages with the same three parameters, random ones: what was not taken.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

FLOWS = """
from typing import Annotated, Any

from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from partita import flow, task
from partita.models import model_of, register
from partita.tune import Range

X, Y = load_diabetes(return_X_y=True)


@task
def measure(x: float, y: float, n: int) -> float:
    return -((x - 0.3) ** 2) - (y - 0.1) ** 2 - n


@flow
def searched(
    x: Annotated[float, Range(0, 1)], y: Annotated[float, Range(1e-4, 1, log=True)], n: Annotated[int, Range(1, 9)]
) -> float:
    return measure(x, y, n)


@task
def fitted(x: float, y: float, n: int) -> Any:
    return model_of(Ridge(x).fit(X, Y), example=X[:5])


@task
def kept(x: float, y: float, n: int) -> Any:
    model = model_of(Ridge(x).fit(X, Y), example=X[:5])
    register(model, "line", metrics={"loss": y})
    return model


@flow
def made(
    x: Annotated[float, Range(0, 1)], y: Annotated[float, Range(1e-4, 1, log=True)], n: Annotated[int, Range(1, 9)]
) -> Any:
    return fitted(x, y, n)


@flow
def registered(
    x: Annotated[float, Range(0, 1)], y: Annotated[float, Range(1e-4, 1, log=True)], n: Annotated[int, Range(1, 9)]
) -> Any:
    return kept(x, y, n)
"""


def timed(what: Callable[[], Any], count: int) -> tuple[float, float]:
    """Milliseconds of time and of processor time for each of so many."""
    wall, busy = time.perf_counter(), time.process_time()
    what()
    return 1e3 * (time.perf_counter() - wall) / count, 1e3 * (time.process_time() - busy) / count


def bare(flow: Any, count: int) -> None:
    from partita.tune.spaces import space_of
    from partita.workspace.runs import default_launcher

    trials = default_launcher().trials()
    starter = trials.flow_starter(flow, (), {}, space_of(flow.signature), "")
    for number in range(count):
        run = trials.new_id()
        starter.start(run, {"x": number / count, "y": 0.2, "n": 3}, ["study:bare", f"trial:{number}"])
        while not trials.ended([run], 10.0):
            pass


def study(flow: Any, count: int, sampler: str) -> None:
    from partita.tune import tune

    made = tune(flow, trials=count, parallel=1, sampler=sampler, reuse=False)
    assert made.view["counts"] == {"succeeded": count}


def stored(kind: str, folder: Path, count: int) -> None:
    import optuna

    space = {
        "x": optuna.distributions.FloatDistribution(0, 1),
        "y": optuna.distributions.FloatDistribution(1e-4, 1, log=True),
        "n": optuna.distributions.IntDistribution(1, 9),
    }
    file = folder / f"{kind}-{time.monotonic_ns()}"
    storage: Any = {
        "memory": optuna.storages.InMemoryStorage,
        "journal": lambda: optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(file))),
        "sqlite": lambda: optuna.storages.RDBStorage(f"sqlite:///{file}"),
    }[kind]()
    made = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(count):
        trial = made.ask(space)
        trial.set_user_attr("run", "r1")
        made.tell(trial, trial.params["x"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="partita-bench-"))
    try:
        (folder / "searched_flows.py").write_text(FLOWS)
        (folder / "partita.toml").touch()
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        measure(options.trials, options.repeats, folder)
    finally:
        from partita import open_workspace

        open_workspace(folder).stop_engine()
        shutil.rmtree(folder, ignore_errors=True)


def measure(count: int, repeats: int, folder: Path) -> None:
    import optuna
    from searched_flows import made, registered, searched  # type: ignore[import-not-found]

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    kinds: dict[str, Callable[[], None]] = {
        "bare": lambda: bare(searched, count),
        "random": lambda: study(searched, count, "random"),
        "tpe": lambda: study(searched, count, "tpe"),
        "model": lambda: bare(made, count),
        "registered": lambda: bare(registered, count),
    }
    for what in kinds.values():
        what()
    found = [{name: timed(what, count) for name, what in kinds.items()} for _ in range(repeats)]
    for name in kinds:
        told: dict[str, Any] = {"measurement": name, "ms_a_trial": _median([each[name][0] for each in found])}
        if name == "registered":
            told["ms_more_than_model"] = _median([each[name][0] - each["model"][0] for each in found])
        if name in ("random", "tpe"):
            told["ms_more_than_bare"] = _median([each[name][0] - each["bare"][0] for each in found])
            told["cpu_ms_more_than_bare"] = _median([each[name][1] - each["bare"][1] for each in found])
        print(json.dumps(told), flush=True)
    for kind in ("memory", "journal", "sqlite"):
        few = count if kind == "memory" else min(count, 30)
        times = [timed(lambda kind=kind, few=few: stored(kind, folder, few), few)[0] for _ in range(min(repeats, 3))]  # type: ignore[misc]
        print(json.dumps({"measurement": "storage", "kind": kind, "ms_a_trial": _median(times)}), flush=True)


def _median(numbers: list[float]) -> float:
    return round(statistics.median(numbers), 2)


if __name__ == "__main__":
    main()
