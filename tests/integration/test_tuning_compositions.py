"""Compositions are tuned member by member: what a trial leaves alone is taken from the cache."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

pytest.importorskip("optuna")
pytest.importorskip("sklearn")

SCRIPT = """
import json
from typing import Annotated, Any

from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

from partita import flow, open_workspace, task
from partita.compose import Blend
from partita.compose.flows import fit_composition
from partita.tune import Range, tune, tune_composition


@task(cache=True)
def load() -> dict[str, Any]:
    x, y = load_diabetes(return_X_y=True)
    return {"x": x[:300], "y": y[:300], "test_x": x[300:], "test_y": y[300:]}


@task
def score(model: Any, x: Any, y: Any) -> float:
    return float(model.score(x, y))


@flow
def train(alpha: Annotated[float, Range(0.001, 10, log=True)], near: int = 15) -> float:
    data = load()
    blend = Blend([("line", Ridge(alpha)), ("near", KNeighborsRegressor(near))], cv=3)
    model = fit_composition(blend, data["x"], data["y"])
    return score(model, data["test_x"], data["test_y"])


def counts(study):
    workspace = open_workspace()
    found = []
    for trial in study.trials:
        parts = [step for step in workspace.all_steps(trial["run"]) if step["kind"] == "task" and step["name"].startswith("fit_part[")]
        found.append([sum("cached" in step["marks"] for step in parts if step["name"].startswith("fit_part[" + name)) for name in ("line", "near")] + [len(parts)])
    return found


if __name__ == "__main__":
    own = tune(train, trials=3, seed=0, parallel=1)
    x, y = load_diabetes(return_X_y=True)
    blend = Blend([("line", Ridge()), ("near", KNeighborsRegressor())], cv=3)
    ready = tune_composition(
        blend, x, y, {"line__alpha": Range(0.001, 10, log=True)}, scoring="neg_root_mean_squared_error", cv=2, trials=3,
        seed=0, parallel=1,
    )
    best = blend.set_params(**ready.best_parameters).fit(x, y)
    try:
        tune_composition(blend, x, y, {"line__alhpa": Range(0.1, 1)})
    except ValueError as error:
        told = str(error)
    print(json.dumps({
        "own": counts(own), "ready": counts(ready), "value": ready.best_value, "own_value": own.best_value,
        "reported": [len(trial["reported"]) for trial in ready.trials], "score": best.score(x, y), "told": told,
    }))
"""


def test_members_that_stay_the_same_are_cached(project: Project) -> None:
    import json

    project.write(SCRIPT, "tuned.py")
    done = subprocess.run(
        [sys.executable, "tuned.py"], cwd=project.folder, env=os.environ, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    # Each member on 3 folds and on all rows; of the one that is not searched, the first trial fits all that there is.
    assert found["own"][0][:2] == [0, 0] and found["own"][0][2] == 8
    assert [cached[1] for cached in found["own"][1:]] == [4, 4] and [cached[0] for cached in found["own"]] == [0, 0, 0]
    assert [cached[1] for cached in found["ready"][1:]] == [8, 8]  # two folds around
    assert found["reported"] == [2, 2, 2] and -70 < found["value"] < 0 and found["score"] > 0.3
    assert found["own_value"] > 0.2
    assert "no parameter 'line__alhpa'" in found["told"]
