"""How good and how fast compositions are, beside those of scikit-learn: same data, same members, one run.

    pip install mlxtend statsmodels       (they carry some of the data)
    python benchmarks/compose.py [PART ...] [--repeats N]

Parts (default: all):
    quality     10 data sets that packages carry, N splits of each: the mean loss on rows left out, ranks, and whether ours is
                worse than scikit-learn's beyond noise (corrected resampled t-test, Nadeau and Bengio, 2003)
    weights     the weights of two models against the closed form
    cores       8 members on 5 folds: by one process and by two
    cached      the same as a flow on a real engine: the first run, and a second one, which fits nothing

Prints a JSON line for each row.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata
from scipy.stats import t as student
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine, make_classification
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import KFold, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

from partita.compose import Auto, Blend, Select, Stack
from partita.compose.folds import fit_all, splits_of
from partita.compose.replayed import fitted_members
from partita.compose.weights import two_model_weight

Row = dict[str, Any]
#: Share of the rows that are left out to be predicted.
_LEFT_OUT = 0.3


def data_sets() -> Iterator[tuple[str, Any, Any, bool]]:
    """Name, inputs, targets, and whether they are classes."""
    import mlxtend.data
    import statsmodels.api as sm

    for load in (load_iris, load_wine, load_breast_cancer, load_digits):
        yield load.__name__.removeprefix("load_"), *load(return_X_y=True), True
    x, y = _shuffled(*mlxtend.data.mnist_data())
    yield "handwriting", x[:1500] / 255.0, y[:1500], True
    anes = sm.datasets.anes96.load_pandas()
    yield "anes96", anes.exog.to_numpy(dtype=float), (anes.data["vote"] > 0).to_numpy(), True
    fair = sm.datasets.fair.load_pandas()
    x, y = _shuffled(fair.exog.to_numpy(dtype=float), (fair.endog > 0).to_numpy())
    yield "fair", x[:2000], y[:2000], True
    yield "diabetes", *load_diabetes(return_X_y=True), False
    yield "auto mpg", *_whole(*mlxtend.data.autompg_data()), False
    yield "boston housing", *mlxtend.data.boston_housing_data(), False


def _shuffled(x: Any, y: Any) -> tuple[Any, Any]:
    order = np.random.default_rng(0).permutation(len(y))
    return x[order], y[order]


def _whole(x: Any, y: Any) -> tuple[Any, Any]:
    x = x[:, np.isfinite(x).any(axis=0)]  # names of cars are no numbers
    kept = np.isfinite(x).all(axis=1)
    return x[kept], y[kept]


def members_of(is_classes: bool) -> list[tuple[str, Any]]:
    if is_classes:
        return [
            ("line", make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))),
            ("near", make_pipeline(StandardScaler(), KNeighborsClassifier(10))),
            ("bayes", GaussianNB()),
            ("forest", RandomForestClassifier(100, random_state=0)),
            ("trees", ExtraTreesClassifier(100, random_state=0)),
        ]
    return [
        ("line", make_pipeline(StandardScaler(), RidgeCV())),
        ("near", make_pipeline(StandardScaler(), KNeighborsRegressor(10))),
        ("margin", make_pipeline(StandardScaler(), SVR(C=30.0))),
        ("forest", RandomForestRegressor(100, random_state=0)),
        ("trees", ExtraTreesRegressor(100, random_state=0)),
    ]


def quality(repeats: int) -> Iterator[Row]:
    ranks: dict[str, list[float]] = {}
    for name, x, y, is_classes in data_sets():
        losses: dict[str, list[float]] = {}
        for repeat in range(repeats):
            given = train_test_split(x, y, test_size=_LEFT_OUT, random_state=repeat, stratify=y if is_classes else None)
            for which, loss in _losses(*given, is_classes).items():
                losses.setdefault(which, []).append(loss)
        means = {which: statistics.mean(values) for which, values in losses.items()}
        for which, place in zip(means, rankdata(list(means.values())), strict=True):  # equal ones share their places
            ranks.setdefault(which, []).append(float(place))
        row: Row = {"part": "quality", "data": name, "rows": len(y), **{w: round(v, 5) for w, v in means.items()}}
        for theirs in ("voting (scikit-learn)", "stacking (scikit-learn)"):
            row[f"auto worse than {theirs}, p"] = round(_p_worse(losses["auto"], losses[theirs]), 3)
        yield row
    yield {
        "part": "quality",
        "data": "mean rank",
        **{which: statistics.mean(places) for which, places in ranks.items()},
    }


def _losses(fit_x: Any, test_x: Any, fit_y: Any, test_y: Any, is_classes: bool) -> dict[str, float]:
    """The loss of each composition on the rows left out; ours share the fitted members."""
    members = members_of(is_classes)
    voting, stacking = (VotingClassifier, StackingClassifier) if is_classes else (VotingRegressor, StackingRegressor)
    made = {
        "voting (scikit-learn)": voting(members, **({"voting": "soft"} if is_classes else {})).fit(fit_x, fit_y),
        "stacking (scikit-learn)": stacking(members).fit(fit_x, fit_y),
    }
    splits = splits_of(5, fit_x, fit_y, None, is_classifier=is_classes)
    folds = fit_all(members, fit_x, fit_y, splits, classes=np.unique(fit_y) if is_classes else None)
    for name, one in (
        ("blend", Blend(members)),
        ("select", Select(members)),
        ("stack", Stack(members)),
        ("auto", Auto(members)),
    ):
        made[name] = fitted_members(one, folds, fit_x, fit_y)
    if is_classes:
        labels = np.unique(fit_y)
        return {name: float(log_loss(test_y, one.predict_proba(test_x), labels=labels)) for name, one in made.items()}
    return {name: float(mean_squared_error(test_y, one.predict(test_x))) for name, one in made.items()}


def _p_worse(ours: list[float], theirs: list[float]) -> float:
    """One-sided: how probable so large a disadvantage is where there is none."""
    gaps = np.subtract(ours, theirs)
    count = len(gaps)
    spread = gaps.var(ddof=1) * (1.0 / count + _LEFT_OUT / (1.0 - _LEFT_OUT))
    if spread <= 0:
        return 0.0 if gaps.mean() > 0 else 1.0
    return float(student.sf(gaps.mean() / math.sqrt(spread), count - 1))


def weights(repeats: int) -> Iterator[Row]:
    x, y = load_diabetes(return_X_y=True)
    worst = 0.0
    for repeat in range(repeats):
        rows = np.random.default_rng(repeat).permutation(len(y))[:300]
        members = [("line", RidgeCV()), ("near", KNeighborsRegressor(15))]
        splits = splits_of(KFold(5), x[rows], y[rows], None, is_classifier=False)
        folds = fit_all(members, x[rows], y[rows], splits)
        blend = fitted_members(Blend(members, draw=0, keep="blend", cv=KFold(5)), folds, x[rows], y[rows])
        worst = max(worst, abs(blend.weights_[0] - two_model_weight(y[rows], *folds.predictions)))
    yield {"part": "weights", "largest error against the closed form": worst}


def _eight() -> list[tuple[str, Any]]:
    return [
        ("line", make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))),
        ("margin", make_pipeline(StandardScaler(), SVC(probability=False, C=1.0))),
        ("forest", RandomForestClassifier(150, random_state=0)),
        ("trees", ExtraTreesClassifier(200, random_state=0)),
        ("net", make_pipeline(StandardScaler(), MLPClassifier((64,), max_iter=60, random_state=0))),
        ("tree", DecisionTreeClassifier(random_state=0)),
        ("near", KNeighborsClassifier()),
        ("bayes", GaussianNB()),
    ]


def cores(repeats: int) -> Iterator[Row]:
    x, y = make_classification(6000, 40, n_informative=20, random_state=0)
    members = [each for each in _eight() if hasattr(each[1], "predict_proba")]
    members += [("forest 2", RandomForestClassifier(150, random_state=1))] * (8 - len(members))
    members = [(f"{name} {number}", clone(member)) for number, (name, member) in enumerate(members)]
    splits = splits_of(5, x, y, None, is_classifier=True)
    took: dict[int, list[float]] = {1: [], 2: []}
    fit_all(
        members[:2],
        x[:500],
        y[:500],
        splits_of(2, x[:500], y[:500], None, is_classifier=True),
        classes=np.unique(y),
        n_jobs=2,
    )
    for _ in range(min(repeats, 3)):
        for processes, times in took.items():
            began = time.perf_counter()
            fit_all(members, x, y, splits, classes=np.unique(y), n_jobs=processes)
            times.append(time.perf_counter() - began)
    one, two = (statistics.median(times) for times in took.values())
    yield {
        "part": "cores",
        "members": len(members),
        "one_s": round(one, 2),
        "two_s": round(two, 2),
        "times_as_fast": round(one / two, 2),
    }


FLOW = """
from typing import Any

from sklearn.datasets import make_classification

from partita import flow, task
from partita.compose import Blend
from partita.compose.flows import fit_composition
from benchmarks_members import eight


@task(cache=True)
def data() -> dict[str, Any]:
    x, y = make_classification(6000, 40, n_informative=20, random_state=0)
    return {"x": x, "y": y}


@task
def weights(model: Any) -> list[float]:
    return list(map(float, model.weights_))


@flow
def train() -> list[float]:
    given = data()
    return weights(fit_composition(Blend(eight(), keep="blend"), given["x"], given["y"]))
"""


def cached(_: int) -> Iterator[Row]:
    from partita.settings import load_settings
    from partita.workspace.local import LocalWorkspace
    from partita.workspace.runs import Run

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "partita.toml").write_text("")
        (folder / "train.py").write_text(FLOW)
        source = Path(__file__).read_text()
        imports = source[source.index("import numpy as np") : source.index("from partita.compose import")]
        body = source[source.index("def _eight()") : source.index("def cores(")]
        picked = 'def eight():\n    return [each for each in _eight() if hasattr(each[1], "predict_proba")]\n'
        (folder / "benchmarks_members.py").write_text(f"from typing import Any\n\n{imports}\n\n{body}\n\n{picked}")
        workspace = LocalWorkspace(folder, load_settings(folder))
        try:
            for number in (1, 2):
                began = time.perf_counter()
                run = Run(workspace, workspace.launch("train.py:train"))
                run.wait(600)
                took = time.perf_counter() - began
                parts = [s for s in run.steps if "/fit_part[" in s["path"] and not s["path"].endswith("fit_part[]")]
                fitted = sum("cached" not in step["marks"] for step in parts)
                yield {"part": "cached", "run": number, "parts": len(parts), "fitted": fitted, "took_s": round(took, 2)}
        finally:
            workspace.stop_engine()


def main() -> None:
    if "OMP_NUM_THREADS" not in os.environ:  # what is compared is processes, and libraries read it when they are loaded
        os.execve(
            sys.executable,
            [sys.executable, *sys.argv],
            {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--repeats", type=int, default=10)
    reader.add_argument("parts", nargs="*")
    given = reader.parse_args()
    parts = {"quality": quality, "weights": weights, "cores": cores, "cached": cached}
    warnings.simplefilter("ignore")
    for part in given.parts or parts:
        for row in parts[part](given.repeats):
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
