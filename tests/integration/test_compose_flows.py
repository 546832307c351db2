"""Compositions that are fitted by a flow: a step for each member and fold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, make_friedman1
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from partita.compose import Auto, Bag, Blend, Cascade, Chain, Distil, Route, Select, Severity, Stack, Vote
from tests.integration.conftest import Project
from tests.integration.engines import kill_engine
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

CLASSIFIERS = [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=3, random_state=0))]
REGRESSORS = [("line", Ridge()), ("near", KNeighborsRegressor())]

FLOWS = """
import pickle
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge

from partita import flow, task
from partita.compose import Blend
from partita.compose.flows import fit_composition, predict

@task
def loaded(name: str) -> Any:
    return pickle.loads(Path(name).read_bytes())

@flow
def fitted(name: str) -> Any:
    given = loaded(name)
    return fit_composition(given["composition"], given["x"], given["y"], given["sample_weight"], given["groups"])

class Waits(RegressorMixin, BaseEstimator):
    def __init__(self, name: str = "", at: int = -1):
        self.name, self.at = name, at

    def fit(self, X, y):
        with open("notes", "a") as file:
            file.write(f"{self.name} {len(y)}\\n")
        while self.name == "second" and not Path("go").exists():
            pass
        self.mean_ = y.mean()
        return self

    def predict(self, X):
        return X[:, 0] * 0 + self.mean_

@flow
def waiting() -> Any:
    x = [[float(at)] for at in range(40)]
    model = fit_composition(Blend([("first", Waits("first")), ("second", Waits("second"))], cv=2, keep="blend"), as_array(x), as_array(range(40)))
    return predict(model, as_array(x))

@task
def as_array(values: Any) -> Any:
    import numpy
    return numpy.array(list(values), dtype=float)
"""


@pytest.fixture(autouse=True)
def _flows(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write(FLOWS)
    monkeypatch.chdir(project.folder)


def by_flow(project: Project, composition: Any, x: Any, y: Any, **more: Any) -> Any:
    import pickle

    given = {"composition": composition, "x": x, "y": y, "sample_weight": None, "groups": None} | more
    Path("given").write_bytes(pickle.dumps(given))
    return project("fitted", name="given")


def marks(project: Project) -> list[str]:
    """Of each fitted part of the last run, whether it was done or taken from the cache."""
    run = project.workspace.runs()[0]
    return ["cached" if "cached" in step["marks"] else "done" for step in steps(project, run["id"])]


def steps(project: Project, run: str) -> list[dict[str, Any]]:
    from partita.workspace.runs import Run

    return [
        step
        for step in Run(project.workspace, run).steps
        if "/fit_part[" in step["path"] and not step["path"].endswith("fit_part[]")
    ]


@pytest.mark.parametrize(
    "composition",
    [
        Blend(CLASSIFIERS, keep="blend"),
        Select(CLASSIFIERS, rounds=5, bags=2),
        Vote(CLASSIFIERS),
        Cascade(CLASSIFIERS),
        Stack(CLASSIFIERS, further=[[("tree", DecisionTreeClassifier(max_depth=2))]], repeats=2),
        Stack([("blend", Blend(CLASSIFIERS)), ("bayes", GaussianNB())]),
        Auto(CLASSIFIERS, cv=3),
        Severity(CLASSIFIERS, costs={("malignant", "benign"): 10, ("benign", "malignant"): 1}, calibrate="sigmoid"),
        Bag(CLASSIFIERS[1:], draws=4),
        Route(CLASSIFIERS, cv=3, out_of_scope="confidence", keep=0.95, outside="nothing"),
        Chain([("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=2, random_state=0))], cv=3),
        Distil(Blend(CLASSIFIERS, keep="blend"), GaussianNB(), cv=3),
    ],
    ids=[
        "blend",
        "select",
        "vote",
        "cascade",
        "layers",
        "nested",
        "auto",
        "severity",
        "bag",
        "route",
        "chain",
        "distil",
    ],
)
def test_a_flow_fits_what_the_estimator_fits(project: Project, composition: Any) -> None:
    x, y = load_breast_cancer(return_X_y=True)
    x, y = x[::3], np.where(y[::3], "benign", "malignant")
    made = by_flow(project, composition, x, y)
    here = composition.fit(x, y)
    np.testing.assert_array_equal(made.predict_proba(x), here.predict_proba(x))
    assert vars(made).keys() == vars(here).keys()


def test_weights_of_rows_groups_and_rows_without_a_past(project: Project) -> None:
    x, y = load_diabetes(return_X_y=True)
    x, y = x[:120], y[:120]
    shares, patients = np.arange(120) % 3 + 1.0, np.arange(120) // 10
    members = [("line", Ridge()), ("steep", Ridge(100.0))]
    weighted = Blend(members, cv=GroupKFold(4), keep="blend")
    made = by_flow(project, weighted, x, y, sample_weight=shares, groups=patients)
    np.testing.assert_array_equal(made.weights_, weighted.fit(x, y, shares, groups=patients).weights_)
    ordered = Stack(REGRESSORS, further=[[("last", Ridge())]], cv=TimeSeriesSplit(3))
    made = by_flow(project, ordered, x, y)
    np.testing.assert_array_equal(made.predict(x), ordered.fit(x, y).predict(x))


def test_folds_given_by_rows_and_layers_of_a_stack_that_is_chosen(project: Project) -> None:
    x, y = load_diabetes(return_X_y=True)
    x, y = x[:200], y[:200]
    pairs = list(TimeSeriesSplit(3).split(x))
    layers = Stack(REGRESSORS, further=[[Ridge(10.0), KNeighborsRegressor(9)]], cv=pairs)
    made = by_flow(project, layers, x, y)
    np.testing.assert_array_equal(made.predict(x), layers.fit(x, y).predict(x))
    x, y = make_friedman1(400, random_state=0, noise=0.1)
    members = [KNeighborsRegressor(5), DecisionTreeRegressor(max_depth=4, random_state=0)]
    # The members of both layers have the same names.
    further = [[KNeighborsRegressor(20), DecisionTreeRegressor(max_depth=4, random_state=0)]]
    auto = Auto(members, among=[("stack", Stack([], further=further))], cv=3)
    made, here = by_flow(project, auto, x, y), auto.fit(x, y)
    assert made.chosen_ == here.chosen_ == "stack"
    np.testing.assert_array_equal(made.predict(x), here.predict(x))
    np.testing.assert_array_equal(made.predict(x), Stack(members, further=further, cv=3).fit(x, y).predict(x))


def test_what_was_fitted_is_not_fitted_again(project: Project) -> None:
    x, y = load_diabetes(return_X_y=True)
    by_flow(project, Blend(REGRESSORS, cv=3), x, y)
    assert marks(project) == ["done"] * 8
    by_flow(project, Blend(REGRESSORS, cv=3), x, y)
    assert marks(project) == ["cached"] * 8
    by_flow(
        project, Stack([*REGRESSORS, ("steep", Ridge(10.0))], cv=3), x, y
    )  # one member more, and another composition
    assert marks(project).count("done") == 4
    by_flow(project, Blend(REGRESSORS, cv=3), x, y + 1.0)
    assert marks(project) == ["done"] * 8


def test_a_crash_in_the_middle_of_a_fit_loses_no_member_that_was_fitted(project: Project) -> None:
    run = project.start("waiting")
    wait_until(lambda: os.path.exists("notes") and Path("notes").read_text().count("first") == 3)
    wait_until(lambda: sum(step["state"] == "succeeded" for step in steps(project, run.id)) == 3)
    kill_engine(project)
    Path("go").touch()
    assert project.result(run).tolist() == [19.5] * 40
    assert Path("notes").read_text().count("first") == 3


def test_a_composition_that_cannot_be_fitted_fails_before_any_member(project: Project) -> None:
    x, y = load_diabetes(return_X_y=True)
    with pytest.raises(Exception, match="two members are called 'line'"):
        by_flow(project, Blend([("line", Ridge()), ("line", Ridge())]), x, y)
    with pytest.raises(Exception, match="describes no estimator"):
        by_flow(project, {"blnd": {}}, x, y)
