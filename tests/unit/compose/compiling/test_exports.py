"""Single models as graphs: what no graph says rightly, or no converter writes down, stays in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

from partita.compose import Blend
from partita.compose.compiling import compile_onnx

WHY = "its trees ask whether a value is missing"


def lacking() -> tuple[Any, Any]:
    """Rows of which a fifth lack a value, which tells their class: trees ask whether it is missing."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(400, 3))
    y = (x[:, 0] + draw.normal(size=400) > 0).astype(int)
    gone = draw.random(400) < 0.2
    x[gone, 1], y[gone] = np.nan, 1
    return x, y


X, Y = lacking()
FOREST = RandomForestClassifier(10, random_state=0)
TREE = DecisionTreeClassifier(max_features=2, max_depth=4, random_state=0)


def has_infinite_threshold(forest: Any) -> bool:
    return any(np.isinf(tree.tree_.threshold).any() for tree in forest.estimators_)


@pytest.mark.parametrize(
    "member",
    [
        FOREST,
        RandomForestRegressor(10, random_state=0),
        TREE,
        GridSearchCV(FOREST, {"max_depth": [4, 8]}, cv=3),
        VotingClassifier([("forest", FOREST), ("tree", TREE)], voting="soft"),
        BaggingClassifier(TREE, 5, random_state=0),
    ],
    ids=["forest", "regressor", "tree", "search", "vote", "bag"],
)
def test_trees_that_ask_whether_a_value_is_missing_are_not_converted_in_double(member: Any) -> None:
    fitted = member.fit(X[:300], Y[:300])
    with pytest.raises(ValueError, match=f"nothing of it can be a graph of ONNX: .*{WHY}"):
        compile_onnx(fitted, X[300:], measure=False)


def test_a_member_whose_trees_ask_whether_a_value_is_missing_stays_in_python_and_it_is_said_why() -> None:
    members = [("forest", FOREST), ("boosted", HistGradientBoostingClassifier(max_iter=10))]
    blend = Blend(members, keep="blend", cv=3, draw=1.0).fit(X[:300], Y[:300])
    assert has_infinite_threshold(blend.members_[0])
    compiled = compile_onnx(blend, X[300:], measure=False)
    forest, boosted = compiled.report.members
    assert forest.runs_in == "Python" and boosted.runs_in == "ONNX"
    assert "its graph predicts otherwise" in forest.why and WHY in forest.why
    np.testing.assert_allclose(compiled.predict_proba(X), blend.predict_proba(X), atol=1e-5)


def test_trees_of_rows_that_lack_nothing_are_converted_in_double_where_that_is_asked_for() -> None:
    whole = ~np.isnan(X).any(axis=1)
    boosted = AdaBoostClassifier(TREE, n_estimators=5, random_state=0).fit(X[whole][:200], Y[whole][:200])
    assert compile_onnx(boosted, X[whole][200:], measure=False).is_one_graph
