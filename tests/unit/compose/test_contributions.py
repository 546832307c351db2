"""What members add to compositions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from partita.compose import Blend, Cascade, Select, Stack, Vote
from partita.compose.contributions import report

IRIS = load_iris(return_X_y=True)
THREE = [("line", LogisticRegression(max_iter=500)), ("bayes", GaussianNB()), ("near", KNeighborsClassifier())]


class Sees(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    def __init__(self, first: int = 0, last: int = 1) -> None:
        self.first, self.last = first, last

    def fit(self, X: Any, y: Any) -> Sees:  # noqa: N803
        self.line_ = Ridge(1e-6).fit(X[:, self.first : self.last], y)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self.line_.predict(X[:, self.first : self.last])


def sums(rows: int = 300) -> tuple[Any, Any]:
    x = np.random.default_rng(0).normal(size=(rows, 3))
    return x, x[:, 0] + 2.0 * x[:, 1] + np.random.default_rng(1).normal(scale=0.3, size=rows)


def test_a_member_that_nothing_replaces_adds_and_a_useless_one_does_not() -> None:
    x, y = sums()
    made = report(Stack([("first", Sees(0, 1)), ("second", Sees(1, 2)), ("noise", Sees(2, 3))]), x, y)
    first, second, noise = made.members
    assert (first.is_needed, second.is_needed, noise.is_needed) == (True, True, False)
    assert first.adds == pytest.approx(np.var(x[:, 0]), rel=0.2)
    assert second.adds == pytest.approx(4 * np.var(x[:, 1]), rel=0.2)
    assert second.without is not None and made.loss < 0.12 < second.without
    assert "without any one of: noise." in str(made)
    assert "<svg" in made.pictures["adds"].text and "noise" in made.pictures["correlation"].text


def test_a_twin_adds_nothing_to_the_other() -> None:
    x, y = sums()
    made = report(Blend([("one", Sees(0, 2)), ("twin", Sees(0, 2)), ("half", Sees(0, 1))], keep="blend"), x, y)
    one, twin, _ = made.members
    assert one.is_needed is False and twin.is_needed is False
    assert made.correlation[0][1] == pytest.approx(1.0)
    assert one.weight is not None and twin.weight is not None and one.weight + twin.weight > 0.95


@pytest.mark.parametrize(
    "composition",
    [
        Blend(THREE),
        Select(THREE, rounds=3, bags=2),
        Stack(THREE),
        Vote(THREE, weights=[1, 2, 3]),
        Cascade(THREE, costs=[1, 2, 5]),
    ],
    ids=lambda each: type(each).__name__,
)
def test_of_classifiers(composition: Any) -> None:
    made = report(composition, *IRIS)
    assert made.measure == "log loss" and made.rows == 150
    assert [each.name for each in made.members] == ["line", "bayes", "near"]
    assert all(
        each.without is not None and each.ms_per_1000_rows > 0 and each.size_bytes > 100 for each in made.members
    )
    assert all(row[at] == 0.0 for at, row in enumerate(made.disagreement))
    assert 0 <= made.diversity <= 1  # type: ignore[operator]
    assert made.composition == type(composition).__name__.lower()


def test_two_stages_of_a_cascade_cannot_do_without_each_other() -> None:
    made = report(Cascade(THREE[:2]), *IRIS)
    assert [each.adds for each in made.members] == [None, None]
    assert "adds" not in made.pictures


def test_groups_and_weights_of_rows() -> None:
    x, y = sums(100)
    made = report(
        Blend([("first", Sees(0, 1)), ("second", Sees(1, 2))], cv=GroupKFold(4)), x, y, groups=np.arange(100) // 5
    )
    assert made.rows == 100


def test_what_cannot_be_reported_is_told() -> None:
    with pytest.raises(ValueError, match="passthrough looks at inputs"):
        report(Stack(THREE, passthrough=True), *IRIS)
