"""How many flights an engine has left: a blend of two regressors, tuned by a study on engines whose end is known.

partita tune study.yaml             # in this folder: thirty trials, none of which looks at the engines to be judged by
partita run flow.py                 # the best one, judged; a trial that is there already takes a few seconds
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from partita import flow, task
from partita.compose import Blend
from partita.compose.flows import fit_composition
from partita.data import validate_table, window_features
from partita.models.evaluation import Evaluation, evaluate_regression
from partita.tune import Range

CAP = 125  # more flights than this cannot be told from a sound engine: so papers on these data count them
EVERY = 5  # rows of one engine that follow each other are much alike: it is fitted on every fifth
SENSORS = [f"sensor {number}" for number in (2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21)]  # others tell nothing
TRUTHS = [f"at most {CAP}", "as they are"]  # how flights that are left are counted
NAMES = ["engine", "flight", "altitude", "speed", "throttle", *(f"sensor {number}" for number in range(1, 22))]
SCHEMA = {
    "columns": {
        "engine": {"type": "integer", "nulls": False},
        "flight": {"type": "integer", "nulls": False, "range": [1, None]},
        **{name: {"type": "number", "nulls": False} for name in SENSORS},
    }
}


@task(cache=True)
def flights(file: Path) -> Any:
    """What sensors told in each flight of each engine."""
    return pandas.read_csv(file, sep=r"\s+", header=None, names=NAMES)


@task(cache=True)
def until_failure(table: Any) -> dict[str, Any]:
    """What is known in every fifth flight of engines that flew until they failed, and how many were left."""
    left = table.groupby("engine").flight.transform("max") - table.flight
    rows = (left % EVERY == 0).to_numpy()
    return {"x": told(table)[rows], "y": np.minimum(left, CAP)[rows].to_numpy(float), "engine": table.engine[rows]}


def told(table: Any) -> Any:
    """The columns that are learned from."""
    return table[["flight", *(name for name in table.columns if "_" in name)]]


@task
def last_flights(blend: Any, table: Any, left: Path) -> dict[str, Any]:
    """How many flights are left after the last one that is known of each engine: in truth, and as the blend takes it."""
    last = table.groupby("engine").flight.transform("max") == table.flight
    truth = np.loadtxt(left)
    return {"truths": [np.minimum(truth, CAP), truth], "prediction": np.clip(blend.predict(told(table)[last]), 0, CAP)}


@task
def standing(blend: Any, evaluations: list[Evaluation] | None) -> dict[str, Any]:
    """Errors in flights: of all on engines that were left out of the fit, and of the blend on those that it is judged by."""
    errors = {name: round(float(np.sqrt(loss)), 3) for name, loss in blend.losses_.items()}
    judged = {
        name: [round(each, 2) for each in (found.metrics["rmse"], *found.intervals["rmse"])]
        for name, found in zip(TRUTHS, evaluations or [], strict=False)
    }
    return {
        "rmse": errors["blend"],
        "members": errors,
        "weights": dict(zip(blend.names_, blend.weights_.round(3).tolist(), strict=True)),
        "judged": judged,
    }


@flow
def remaining_life(
    window: Annotated[int, Range(20, 60, step=10)] = 60,
    leaves: Annotated[int, Range(4, 20, step=4)] = 16,
    rounds: Annotated[int, Range(40, 160, step=40)] = 120,
    width: Annotated[float, Range(0.001, 0.03, log=True)] = 0.0075,
    smooth: Annotated[float, Range(0.01, 10, log=True)] = 0.28,
    data: Path = Path("data"),
    judge: bool = True,
) -> dict[str, Any]:
    """Fit a blend on engines that flew until they failed, and judge it by others that did not.

    Returns:
        "rmse": the error in flights on engines that were left out of the fit, which a study goes by; "members": the same of
        each; "weights": theirs; "judged": the error on other engines with its 95 % interval, if that was asked for.

    Args:
        window: figures are of so many flights.
        leaves: of each tree.
        rounds: so many trees follow each other.
        width: of the kernel: the larger, the nearer engines have to be to each other to tell of each other.
        smooth: how strongly the kernel's weights are drawn towards 0.
        data: the folder of the data set.
        judge: whether the engines to be judged by are looked at. A study leaves them alone.
    """
    lately = window_features.partial(by="engine", order="flight", columns=SENSORS)
    known = validate_table(flights(data / "train_FD001.txt.gz"), SCHEMA)
    learn = until_failure(lately(lately(known, window=window), window=5, figures=["mean"]))
    trees = HistGradientBoostingRegressor(
        max_iter=rounds, max_leaf_nodes=leaves, learning_rate=0.1, min_samples_leaf=20, random_state=0
    )
    kernel = make_pipeline(StandardScaler(), Nystroem(gamma=width, n_components=300, random_state=0), Ridge(smooth))
    blend = fit_composition(
        Blend([("trees", trees), ("kernel", kernel)], cv=GroupKFold(4)), learn["x"], learn["y"], groups=learn["engine"]
    )
    if not judge:
        return standing(blend, None)
    other = validate_table(flights(data / "test_FD001.txt.gz"), SCHEMA)
    recent = lately(lately(other, window=window), window=5, figures=["mean"])
    found = last_flights(blend, recent, data / "RUL_FD001.txt.gz")
    examine = evaluate_regression.partial(prediction=found["prediction"]).with_options(name="examine")
    return standing(blend, examine.map(truth=found["truths"], key=TRUTHS))
