"""Where predictions came from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeRegressor

from partita.compose import Auto, Blend, Cascade, Select, Severity, Stack, Vote, explain

X, Y = load_iris(return_X_y=True, as_frame=True)
NAMED = np.array(["setosa", "versicolor", "virginica"])[Y]
THREE = [("line", LogisticRegression(max_iter=500)), ("bayes", GaussianNB()), ("near", KNeighborsClassifier())]


def test_effects_in_a_mean_of_lines_are_what_the_lines_say() -> None:
    x, y = load_diabetes(return_X_y=True)
    y = 10.0 * x[:, 0] - 5.0 * x[:, 3]
    vote = Vote([("one", LinearRegression()), ("other", Ridge(1e-6))], weights=[3, 1]).fit(x, y)
    (told,) = explain(vote, x[:1], background=x[:20], inputs=10)
    assert told.explained == pytest.approx(y[0])
    one, other = told.members
    assert (one.weight, other.weight) == (0.75, 0.25)
    assert one.effect == pytest.approx(0.75 * (y[0] - y[:20].mean()), abs=1e-4)
    effects = {each.name: each.effect for each in told.inputs}
    assert effects["input 0"] == pytest.approx(10.0 * (x[0, 0] - x[:20, 0].mean()), abs=1e-4)
    assert effects["input 3"] == pytest.approx(-5.0 * (x[0, 3] - x[:20, 3].mean()), abs=1e-4)
    assert [each.name for each in told.inputs][:2] in (["input 0", "input 3"], ["input 3", "input 0"])


@pytest.mark.parametrize(
    "composition",
    [
        Blend(THREE, keep="blend"), Select(THREE, rounds=3, bags=2), Stack(THREE, further=[[("last", GaussianNB())]]), Vote(THREE),
        Vote(THREE, how="median"), Cascade(THREE), Auto(THREE),
    ],
    ids=lambda each: type(each).__name__,
)  # fmt: skip
def test_of_each_composition_with_named_columns_and_labels(composition: Any) -> None:
    composition.fit(X, NAMED)
    told = explain(composition, X.iloc[[0, 70]], background=X, inputs=3)
    assert [each.said for each in told] == list(composition.predict(X.iloc[[0, 70]]))
    for row, each in zip((0, 70), told, strict=True):
        assert each.explained == pytest.approx(composition.predict_proba(X.iloc[[row]]).max())
        assert [member.name for member in each.members] == ["line", "bayes", "near"]
        assert len(each.inputs) == 3 and {effect.name for effect in each.inputs} <= set(X.columns)
        assert "petal" in str(each) and "line says" in str(each)


def test_who_was_not_asked() -> None:
    cascade = Cascade(THREE[:2], cost=2.0).fit(X, NAMED)
    stages = cascade.stage_of(X)
    told = explain(cascade, X, inputs=0)
    assert [each.members[1].answers for each in told] == list(stages == 1)
    sure = told[int(np.argmin(stages))]
    assert "bayes was not asked" in str(sure) and sure.members[1].effect == pytest.approx(0.0)


def test_what_is_explained_is_the_class_that_is_said_and_not_the_most_probable_one() -> None:
    """Where a miss is dear, a class is said that is less probable than another one."""
    severity = Severity(THREE, costs={("virginica", "versicolor"): 50}).fit(X, NAMED)
    chances, said = severity.predict_proba(X), severity.predict(X)
    at = np.searchsorted(severity.classes_, said)
    rows = np.flatnonzero(at != chances.argmax(axis=1))
    assert len(rows) > 3
    told = explain(severity, X.iloc[rows], background=X, inputs=4)
    for row, each in zip(rows, told, strict=True):
        assert each.said == said[row] == "virginica"
        assert each.explained == pytest.approx(chances[row, at[row]])
        line = each.members[0]
        assert line.probability == pytest.approx(severity.members_[0].predict_proba(X.iloc[[row]])[0, at[row]])
        effects = sum(member.effect or 0.0 for member in each.members)
        assert effects == pytest.approx(chances[row, at[row]] - chances[:, at[row]].mean())


def test_where_something_cannot_be_told_the_rest_is() -> None:
    through = Stack(THREE, passthrough=True, final=GaussianNB()).fit(X, NAMED)
    (told,) = explain(through, X.iloc[:1], background=X)
    assert told.members[0].effect is None and told.inputs
    sparse = csr_matrix(X.to_numpy())
    lines = Vote([("one", LogisticRegression(max_iter=500)), ("two", LogisticRegression(C=0.1, max_iter=500))]).fit(
        sparse, NAMED
    )
    assert explain(lines, sparse[:1])[0].inputs == []


def test_what_cannot_be_explained_is_told() -> None:
    hard = Vote(THREE, how="hard").fit(X, NAMED)
    with pytest.raises(ValueError, match="a vote that predicts no probabilities"):
        explain(hard, X)
    with pytest.raises(Exception, match="not fitted"):
        explain(Blend([("tree", DecisionTreeRegressor())]), X)
