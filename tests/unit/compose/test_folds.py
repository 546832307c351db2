"""Compositions whose members are fitted elsewhere, as in a flow, part by part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from partita.compose import (
    Auto,
    Bag,
    Blend,
    Cascade,
    Chain,
    Distil,
    Route,
    Select,
    Severity,
    Soup,
    Stack,
    Vote,
    explain,
    report,
)
from partita.compose.folds import Folds, Work, fit_part, fitted_by, splits_of

X, Y = load_iris(return_X_y=True)
TWO = [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=2, random_state=0))]
COMPOSITIONS = [
    Bag(TWO, draws=3),
    Bag(TWO, draws=3, random_state=None),
    Blend(TWO, calibrate="sigmoid"),
    Cascade(TWO, calibrate="temperature"),
    Chain([("scale", StandardScaler()), *TWO], calibrate="temperature"),
    Distil(GaussianNB(), LogisticRegression(max_iter=500)),
    Distil(Ridge(), Ridge()),
    Route(TWO, DecisionTreeClassifier(max_depth=2, random_state=0), out_of_scope="confidence", outside=2),
    Route(TWO, out_of_scope=IsolationForest(random_state=0), outside=9),
    Select(TWO, bags=2, rounds=4, calibrate="isotonic"),
    Severity(TWO, costs={(2, 1): 5}),
    Soup([Ridge(1.0), Ridge(2.0)], how="greedy"),
    Stack(TWO, further=[TWO], calibrate="sigmoid"),
    Vote(TWO, calibrate="temperature"),
]


class _Asked(Exception):
    def __init__(self, work: Work) -> None:
        self.work = work


def fitted_step_by_step(composition: Any) -> Any:
    """Fitted anew each time that something it asked for is there, as flows do."""
    done: list[Folds] = []
    while True:
        left = iter(list(done))

        def find(work: Work, left: Any = left) -> Folds:
            found = next(left, None)
            if found is None:
                raise _Asked(work)
            assert work.inputs.shape[0] == len(work.targets)
            return found

        made = clone(composition)
        try:
            with fitted_by(find):
                return made.fit(X, Y)
        except _Asked as asked:
            work = asked.work
            parts = [
                fit_part(
                    work.members[number][1], work.inputs, work.targets, None if at is None else work.splits[at],
                    sample_weight=work.sample_weight, classes=work.classes,
                )
                for number, at in work.parts
            ]  # fmt: skip
            done.append(work.gathered(parts))


@pytest.mark.parametrize("composition", COMPOSITIONS, ids=lambda each: type(each).__name__)
def test_what_is_fitted_part_by_part_is_what_is_fitted_at_once(composition: Any) -> None:
    parts = fitted_step_by_step(composition)
    if getattr(composition, "random_state", 0) is None:  # draws differ, and fit to each other all the same
        assert parts.score_ > 0.8
        assert all(np.array_equal(member.rows, parts.rows_[n // 2]) for n, member in enumerate(parts.members_))
        return
    whole = clone(composition).fit(X, Y)
    assert np.array_equal(parts.predict(X), whole.predict(X))
    if hasattr(whole, "predict_proba"):
        assert parts.predict_proba(X) == pytest.approx(whole.predict_proba(X))


def test_no_folds_are_an_error() -> None:
    with pytest.raises(ValueError, match="there are no folds; give cv at least two"):
        splits_of([], X, Y, None, is_classifier=True)


LOOKING = [Bag(TWO), Chain(TWO), Route(TWO), Distil(GaussianNB(), GaussianNB())]


@pytest.mark.parametrize("composition", LOOKING, ids=lambda each: type(each).__name__)
def test_what_looks_at_inputs_is_not_tried_on_predictions_alone(composition: Any) -> None:
    among = [("other", composition)]
    with pytest.raises(ValueError, match="looks at inputs, and is not tried on predictions alone"):
        Auto(TWO, among=among).fit(X, Y)
    (why,) = explain(clone(composition).fit(X, Y), X[:1], background=X)
    assert why.said == 0
    assert all(member.effect is None for member in why.members)


def test_severity_is_reported_on_member_by_member() -> None:
    told = report(Severity(TWO, costs=np.array([[0, 1], [5, 0]])), X[:100], Y[:100])
    assert [each.name for each in told.members] == ["bayes", "tree"]
    assert all(each.without is not None for each in told.members)
