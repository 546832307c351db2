"""Soups: one model with the mean of several models' weights."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge, RidgeClassifier, SGDClassifier
from sklearn.metrics import accuracy_score
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from partita.compose import Soup, share, stir
from tests.unit.compose.by_folds import BY_FOLDS

X, Y = load_diabetes(return_X_y=True)
IRIS = load_iris(return_X_y=True)
RIDGES = [("weak", Ridge(0.01)), ("middle", Ridge(1.0)), ("strong", Ridge(10.0))]


def test_the_known_answer_a_soup_of_linear_models_is_the_mean_of_their_predictions() -> None:
    soup = Soup(RIDGES).fit(X, Y)
    assert soup.predict(X) == pytest.approx(np.mean([member.predict(X) for member in soup.members_], axis=0))
    assert soup.taken_ == ["weak", "middle", "strong"]
    assert isinstance(soup.model_, Ridge)


def test_a_soup_of_classifiers_is_the_mean_of_how_far_classes_are_ahead() -> None:
    members = [LogisticRegression(C=c, max_iter=1000) for c in (0.01, 1.0, 10.0)]
    soup = Soup(members).fit(*IRIS)
    mean = np.mean([member.decision_function(IRIS[0]) for member in soup.members_], axis=0)
    assert soup.model_.decision_function(IRIS[0]) == pytest.approx(mean)
    assert soup.predict_proba(IRIS[0]).sum(axis=1) == pytest.approx(np.ones(150))
    assert soup.score(*IRIS) > 0.9
    two = Soup([LinearSVC(C=c) for c in (0.1, 1.0)]).fit(IRIS[0][:100], np.array(["a", "b"])[IRIS[1][:100]])
    assert not hasattr(two, "predict_proba")
    assert two.score(IRIS[0][:100], np.array(["a", "b"])[IRIS[1][:100]]) == 1.0


def test_a_greedy_soup_leaves_out_what_makes_it_worse() -> None:
    greedy = Soup([*RIDGES, ("nothing", Ridge(1e6))], how="greedy").fit(X, Y)
    assert "nothing" not in greedy.taken_
    assert greedy.scores_["soup"] >= max(greedy.scores_[name] for name in greedy.names_)
    assert greedy.scores_["soup"] >= Soup([*RIDGES, ("nothing", Ridge(1e6))]).fit(X, Y).scores_["soup"]
    assert greedy.predict(X) == pytest.approx(
        np.mean([member.predict(X) for name, member in zip(greedy.names_, greedy.members_, strict=True) if name in greedy.taken_], axis=0)
    )  # fmt: skip


@given(outputs=st.integers(1, 3), count=st.integers(2, 4), seed=st.integers(0, 99), weighed=st.booleans())
@settings(max_examples=30, deadline=None)
def test_fitted_linear_models_of_any_shape_are_stirred(outputs: int, count: int, seed: int, weighed: bool) -> None:
    draw = np.random.default_rng(seed)
    x, y = draw.normal(size=(30, 4)), draw.normal(size=(30, outputs)).squeeze()
    models = [LinearRegression().fit(x[draw.integers(0, 30, 20)], y[draw.integers(0, 30, 20)]) for _ in range(count)]
    weights = draw.uniform(0.1, 1, count) if weighed else np.ones(count)
    mixed = stir(models, weights=weights).model
    told = np.tensordot(weights / weights.sum(), np.array([model.predict(x) for model in models]), axes=1)
    assert mixed.predict(x) == pytest.approx(told)


@pytest.mark.parametrize(
    ("soup", "told"),
    [
        (Soup([DecisionTreeRegressor()]), "DecisionTreeRegressor has no coef_ and intercept_"),
        (Soup([Ridge(), Lasso()]), "made of models of one class, and these are Lasso, Ridge"),
        (Soup([Ridge()], how="best"), "how is one of uniform, greedy"),
        (Soup([Ridge(), GaussianNB()]), "classifiers, or all regressors"),
    ],
)
def test_what_does_not_go_together_is_told(soup: Soup, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        soup.fit(X, Y)


def test_linear_models_that_differ_are_told_of() -> None:
    with pytest.raises(ValueError, match=r"coef_ is \(10,\) in model 0 and \(3,\) in model 1"):
        stir([Ridge().fit(X, Y), Ridge().fit(X[:, :3], Y)])
    with pytest.raises(ValueError, match="know other classes"):
        stir([RidgeClassifier().fit(IRIS[0], IRIS[1]), RidgeClassifier().fit(IRIS[0], IRIS[1] + 1)])
    with pytest.raises(ValueError, match="model 0 has no coef_"):
        stir([Ridge()])
    with pytest.raises(ValueError, match="made of a list of models"):
        stir([])


@parametrize_with_checks(
    [
        Soup([("one", Ridge(1.0)), ("two", Ridge(2.0))], cv=3),
        Soup([("one", LogisticRegression(C=1.0)), ("two", LogisticRegression(C=2.0))], how="greedy", cv=3),
    ],
    expected_failed_checks=lambda estimator: BY_FOLDS,
)
def test_it_is_what_scikit_learn_asks_of_an_estimator(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


# Models of PyTorch


def nets(count: int = 3, width: int = 8) -> list[Any]:
    torch = pytest.importorskip("torch")
    found = []
    for seed in range(count):
        torch.manual_seed(seed)
        found.append(
            torch.nn.Sequential(
                torch.nn.Linear(4, width), torch.nn.BatchNorm1d(width), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(width, 2)
            )
        )  # fmt: skip
    return found


def test_tensors_are_averaged_and_counters_are_of_the_first() -> None:
    torch = pytest.importorskip("torch")
    models = nets()
    for number, model in enumerate(models):
        for _ in range(number + 1):
            model(torch.randn(16, 4))
    soup = stir(models)
    assert soup.taken == (0, 1, 2)
    mean = sum(model[0].weight for model in models) / 3
    assert torch.allclose(soup.model[0].weight, mean)
    assert torch.allclose(soup.model[1].running_mean, sum(model[1].running_mean for model in models) / 3)
    assert soup.model[1].num_batches_tracked == 1
    weighed = stir([model.state_dict() for model in models], weights=[1, 0, 1]).model
    assert torch.allclose(weighed["0.weight"], (models[0][0].weight + models[2][0].weight) / 2)
    assert torch.equal(models[0][0].weight, nets()[0][0].weight)  # what was given stays as it is


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64", "complex64"])
def test_tensors_keep_their_type(kind: str) -> None:
    torch = pytest.importorskip("torch")
    states = [{"w": torch.full((2,), float(value), dtype=getattr(torch, kind))} for value in (1, 2)]
    mixed = stir(states).model["w"]
    assert mixed.dtype == getattr(torch, kind)
    assert mixed.real.tolist() == [1.5, 1.5]


def test_linear_nets_predict_the_mean() -> None:
    torch = pytest.importorskip("torch")
    lines = [torch.nn.Linear(4, 3) for _ in range(4)]
    rows = torch.randn(7, 4)
    assert torch.allclose(stir(lines).model(rows), sum(line(rows) for line in lines) / 4, atol=1e-6)


def test_statistics_are_found_anew() -> None:
    torch = pytest.importorskip("torch")
    models = nets(2)
    rows = torch.randn(64, 4) * 3 + 5
    model = stir(models, statistics=[rows[:32], (rows[32:], "labels")]).model
    told = model[0](rows)
    halves = [told[:32], told[32:]]
    assert torch.allclose(model[1].running_mean, told.mean(dim=0), atol=1e-5)
    assert torch.allclose(model[1].running_var, sum(half.var(dim=0) for half in halves) / 2, rtol=1e-4)
    assert model.training and model[1].momentum == 0.1
    with pytest.raises(ValueError, match="statistics are found by a model"):
        stir([each.state_dict() for each in models], statistics=[rows])


def test_a_greedy_soup_adds_only_what_does_not_make_it_worse() -> None:
    torch = pytest.importorskip("torch")

    def line(value: float) -> Any:
        made = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.constant_(made.weight, value)
        return made

    def score(model: Any) -> float:
        return -abs(model.weight.item() - 2.0)

    soup = stir([line(9.0), line(1.5), line(2.5), line(2.0)], "greedy", score=score)
    assert soup.taken == (3,) or set(soup.taken) == {1, 2, 3}
    assert soup.score == 0.0
    better = stir([line(9.0), line(1.5), line(2.75)], "greedy", score=score)
    assert better.taken == (1, 2)
    assert better.model.weight.item() == pytest.approx(2.125)
    with pytest.raises(ValueError, match="takes a score, and no weights"):
        stir([line(1.0), line(2.0)], "greedy")


def test_the_first_tensor_that_differs_is_named() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match=r"the tensor 0.weight is \(8, 4\) in model 0 and \(6, 4\) in model 1"):
        stir([*nets(1), *nets(1, width=6)])
    with pytest.raises(ValueError, match=r"model 0 has the tensor 1\.weight, and model 1 has not"):
        stir(
            [
                torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)),
                torch.nn.Sequential(torch.nn.Linear(2, 2)),
            ]
        )
    with pytest.raises(ValueError, match="model 1 has the tensor bias, and model 0 has not"):
        stir([torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 2)])


# Parts that are shared


def test_parts_are_shared_and_learn_together() -> None:
    torch = pytest.importorskip("torch")
    models = nets(3)
    heads = [model[4].weight.clone() for model in models]
    saved = share(models, ["0", "1"])
    assert saved == 2 * (4 * 8 + 8 + 8 + 8)
    assert models[1][0] is models[0][0] and models[2][1] is models[0][1]
    assert all(torch.equal(model[4].weight, head) for model, head in zip(models, heads, strict=True))
    models[1](torch.randn(8, 4)).sum().backward()
    assert models[0][0].weight.grad is not None
    assert share(models, ["0"]) == 0


def test_parts_that_cannot_be_shared_are_told_of_and_nothing_changes() -> None:
    models = [*nets(1), *nets(1, width=6)]
    with pytest.raises(
        ValueError, match=r"the part 0 cannot be shared: the tensor weight is \(8, 4\) in model 0 and \(6, 4\)"
    ):
        share(models, ["3", "0"])
    assert models[1][3] is not models[0][3]
    with pytest.raises(ValueError, match="model 0 has no part 'encoder'; it has 0, 1, 2, 3, 4"):
        share(nets(2), ["encoder"])
    with pytest.raises(ValueError, match="two models of PyTorch at least"):
        share([Ridge(), Ridge()], ["coef_"])
    with pytest.raises(ValueError, match=r"parts is a list of names, as \['0'\]"):
        share(nets(2), "0")


def test_importing_compositions_does_not_import_torch() -> None:
    program = "import sys, partita.compose; print('torch' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert shown.stdout.strip() == "False"


def test_seeds_make_members() -> None:
    """Linear models that differ by their seed only: the soup is no worse than one of them."""
    members = [SGDClassifier(random_state=seed, max_iter=2000) for seed in range(5)]
    soup = Soup(members).fit(*IRIS)
    alone = np.mean([accuracy_score(IRIS[1], clone(member).fit(*IRIS).predict(IRIS[0])) for member in members])
    assert soup.score(*IRIS) >= alone - 0.02
