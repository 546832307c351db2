"""Rows near a threshold: they may be answered as on its other side, and in no third way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from partita.compose import Blend, Cascade, Chain, Route, Severity, Vote
from partita.compose.calibration import Calibration

pytest.importorskip("onnxruntime")
from partita.compose.compiling import ParityError, compile_onnx, compiler
from partita.compose.compiling.borders import compared_with
from partita.compose.compiling.parity import Answers, answers_of

DIGITS, NUMBERS = load_digits(n_class=5, return_X_y=True)
X = DIGITS / 16
Y = np.char.add("d", NUMBERS.astype(str))
LINE = ("line", make_pipeline(StandardScaler(), LogisticRegression(C=0.01)))
BAYES = ("bayes", GaussianNB(var_smoothing=1e-2))
TREE = ("tree", DecisionTreeClassifier(max_depth=4, random_state=0))


def cascade_at(row: int, above: float) -> Cascade:
    """One whose threshold lies so much above what the first member gives a row."""
    cascade = Cascade([LINE, TREE], costs=[1, 5], cv=3).fit(X, Y)
    cascade.thresholds_ = np.array([cascade.members_[0].predict_proba(X[row : row + 1]).max() + above])
    return cascade


@pytest.fixture
def without_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thresholds are as low as they are for members that are in float32 only."""
    monkeypatch.setattr(compiler, "FINE_SLACK", compiler.SLACK)


@pytest.mark.usefixtures("without_doubles")
def test_a_row_at_a_threshold_may_be_answered_as_on_its_other_side() -> None:
    """Thresholds of a graph are lower by 1e-6, for those that are reached exactly in Python."""
    row = 7
    cascade = cascade_at(row, 5e-7)
    assert cascade.stage_of(X[row : row + 1]) == 1
    compiled = compile_onnx(cascade, X, Y, measure=False)
    assert compiled.is_one_graph and compiled.report is not None
    assert compiled.report.parity.border == 1
    assert "1 rows near a threshold answer as on its other side" in str(compiled.report)
    assert compiled.predict_proba(X[row : row + 1]) == pytest.approx(
        cascade.members_[0].predict_proba(X[row : row + 1]), abs=1e-6
    )
    others = np.delete(np.arange(len(X)), row)
    assert compiled.predict_proba(X[others]) == pytest.approx(cascade.predict_proba(X[others]), abs=1e-5)
    found = compiled.parity(cascade, X)
    assert (found.border, found.off, found.labels, found.rows) == (1, 0, 0, len(X))
    assert found.error < 1e-5


def test_a_row_that_reaches_a_threshold_exactly_is_on_its_own_side() -> None:
    compiled = compile_onnx(cascade_at(7, 0.0), X, Y, measure=False)
    assert compiled.report is not None and compiled.report.parity.border == 0


def test_rows_that_are_nearer_to_a_threshold_than_float32_can_tell_are_told_in_double() -> None:
    """Probabilities that are all but one, as a small temperature makes them."""
    y = np.where(NUMBERS < 4, Y, "other")
    folds: dict[str, Any] = {"cv": 3, "calibrate": "temperature"}
    route = Route([LINE, BAYES], TREE[1], out_of_scope="confidence", outside="other", **folds).fit(X, y)
    route._calibrations = [Calibration("temperature", (5.0,))]
    scores = np.sort(route.scope_scores(X))
    route.threshold_ = scores[len(X) // 3]
    assert np.mean(np.abs(scores - route.threshold_) < 1e-6) > 0.05
    compiled = compile_onnx(route, X, y, measure=False)
    assert compiled.is_one_graph and compiled.report is not None and compiled.report.parity.border == 0
    assert np.array_equal(compiled.predict(X), route.predict(X))


def test_what_no_side_says_is_refused() -> None:
    cascade = cascade_at(7, 5e-7)
    python = answers_of(cascade, X)
    first = cascade.members_[0].predict_proba(X[7:8])[0]
    assert python.given is not None and python.labels is not None
    for answer, holds in ((first, True), (0.5 * first + 0.5 * python.given[7], False), (np.roll(first, 1), False)):
        given, labels = python.given.copy(), python.labels.copy()
        given[7], labels[7] = answer, cascade.classes_[answer.argmax()]
        found = compared_with(cascade, X, python, Answers(given, labels), 1e-5)
        assert found.holds == holds
        assert found.worst == (() if holds else (7,))


def test_a_row_far_from_every_threshold_has_one_side() -> None:
    """What the other member says is wrong there."""
    cascade = cascade_at(7, 5e-7)
    python = answers_of(cascade, X)
    sure = int(np.argmax(cascade.members_[0].predict_proba(X).max(axis=1)))
    assert python.given is not None
    given = python.given.copy()
    given[sure] = 0.5 * given[sure] + 0.1
    found = compared_with(cascade, X, python, Answers(given, python.labels), 1e-5)
    assert (found.border, found.off, found.worst) == (0, 1, (sure,))


@pytest.mark.usefixtures("without_doubles")
def test_many_rows_at_a_threshold_are_no_matter_of_rounding() -> None:
    """A tree gives whole leaves one probability: a graph that compares wrongly is not excused."""
    cascade = Cascade([TREE, LINE], costs=[1, 5], cv=3).fit(X, Y)
    sure = cascade.members_[0].predict_proba(X).max(axis=1)
    values, counts = np.unique(sure[sure < 1.0], return_counts=True)
    assert counts.max() > 0.02 * len(X)
    cascade.thresholds_ = np.array([values[counts.argmax()] + 5e-7])
    with pytest.raises(ParityError, match="rows are off by up to"):
        compile_onnx(cascade, X, Y, measure=False)


@pytest.mark.usefixtures("without_doubles")
def test_a_border_inside_of_a_composition() -> None:
    vote = Vote([("cascade", Cascade([LINE, TREE], cv=3)), BAYES]).fit(X, Y)
    vote.members_[0].thresholds_ = cascade_at(7, 5e-7).thresholds_
    compiled = compile_onnx(vote, X, Y, measure=False)
    assert compiled.report is not None and compiled.report.parity.border == 1


@pytest.mark.usefixtures("without_doubles")
def test_a_row_at_the_end_of_a_scope() -> None:
    y = np.where(NUMBERS < 4, Y, "other")
    route = Route([LINE, TREE], BAYES[1], out_of_scope="confidence", outside="other", cv=3).fit(X, y)
    scores = route.scope_scores(X)
    row = int(np.argsort(scores)[len(X) // 4])
    route.threshold_ = scores[row] + 5e-7
    compiled = compile_onnx(route, X, y, measure=False)
    assert compiled.report is not None and compiled.report.parity.border == 1
    assert route.predict(X[row : row + 1]) == "other" and compiled.predict(X[row : row + 1]) != "other"


def turned(model: Any, answers: Answers, row: int, given: Any, label: Any) -> Answers:
    """Answers of which those of one row are others."""
    found = None if answers.given is None else answers.given.copy()
    labels = np.asarray(answers.labels).copy()
    if found is not None:
        found[row] = given
    labels[row] = label
    return Answers(found, labels)


def test_a_row_that_two_experts_are_as_good_for() -> None:
    route = Route([LINE, TREE], LogisticRegression(), cv=3).fit(X, Y)
    router = route.router_.router
    margin = np.diff(router.predict_proba(X), axis=1)[:, 0]
    row = int(np.argmin(np.abs(margin)))
    odds = router.decision_function(X[row : row + 1])[0]
    router.intercept_ = router.intercept_ - odds + 1e-7  # the two are equal but for rounding
    number = int(route._numbers(X[row : row + 1])[0])
    other = route.members_[1 - number].predict_proba(X[row : row + 1])[0]
    python = answers_of(route, X)
    assert python.given is not None and np.abs(python.given[row] - other).max() > 1e-3
    label = route.classes_[other.argmax()]
    assert compared_with(route, X, python, turned(route, python, row, other, label), 1e-5).border == 1
    far = int(np.argmax(np.abs(margin)))
    wrong = route.members_[1 - int(route._numbers(X[far : far + 1])[0])].predict_proba(X[far : far + 1])[0]
    found = compared_with(route, X, python, turned(route, python, far, wrong, route.classes_[wrong.argmax()]), 1e-5)
    assert found.border == 0 and not found.holds


def test_decisions_by_cost_that_cost_the_same() -> None:
    x, y = load_iris(return_X_y=True)
    severity = Severity([("bayes", GaussianNB())], costs={(2, 1): 5}, cv=3).fit(x, y)
    costs = severity.expected_costs(x)
    row = int(np.argmin(np.ptp(np.sort(costs, axis=1)[:, :2], axis=1)))
    first, second = np.argsort(costs[row])[:2]
    python = answers_of(severity, x)
    # The costs of that row are made equal but for rounding.
    severity.matrix_ = severity.matrix_.copy()
    assert python.given is not None
    truth = int(np.argmax(python.given[row]))
    severity.matrix_[truth, second] -= (costs[row, second] - costs[row, first] - 1e-8) / python.given[row, truth]
    python = answers_of(severity, x)
    assert python.given is not None and python.labels is not None and python.labels[row] == first
    graph = turned(severity, python, row, python.given[row], second)
    assert compared_with(severity, x, python, graph, 1e-5).border == 1
    third = ({0, 1, 2} - {int(first), int(second)}).pop()
    assert not compared_with(severity, x, python, turned(severity, python, row, python.given[row], third), 1e-5).holds


@pytest.mark.parametrize("kind", ["vote", "chain"])
def test_labels_of_members_that_vote_or_are_given_on(kind: str) -> None:
    line = ("line", LogisticRegression(max_iter=300))
    model: Any = (
        Vote([line, TREE, BAYES], how="hard", weights=[3, 1, 1])
        if kind == "vote"
        else Chain([line, ("tree", DecisionTreeClassifier())], gives={"line": "predict"}, cv=3)
    ).fit(X, NUMBERS)
    member = model.members_[0] if kind == "vote" else model.links_[0]
    given = member.decision_function(X)
    row = int(np.argmin(np.ptp(np.sort(given, axis=1)[:, -2:], axis=1)))
    first, second = np.argsort(-given[row])[:2]
    python = answers_of(model, X)
    member.intercept_[second] += given[row, first] - given[row, second] + 1e-8
    graph = answers_of(model, X)  # as it is where rounding has put the row on the other side
    assert python.labels is not None and graph.labels is not None
    member.intercept_[second] -= 2e-8
    assert python.labels[row] == model.predict(X[row : row + 1])[0] != graph.labels[row]
    python = answers_of(model, X)
    assert compared_with(model, X, python, graph, 1e-5).border == 1
    far = int(np.argmax(np.ptp(np.sort(given, axis=1)[:, -2:], axis=1)))
    wrong = python.labels.copy()
    wrong[far] = (wrong[far] + 1) % 5
    assert compared_with(model, X, python, Answers(python.given, wrong), 1e-5).labels == 1


def test_steep_steps_are_gone_up_in_part() -> None:
    rows, y = X[NUMBERS < 2], Y[NUMBERS < 2]
    blend = Blend([LINE, BAYES], keep="blend", cv=3, calibrate="isotonic").fit(rows, y)
    assert blend.calibration_ is not None
    plain = Blend([LINE, BAYES], keep="blend", cv=3).fit(rows, y)
    plain.members_, plain.weights_ = blend.members_, blend.weights_
    raw = plain.predict_proba(rows)
    row = int(np.argmin(np.abs(raw[:, 1] - 0.5)))
    # A step of a millionth of width, of which the row is near the upper end.
    steps = np.array([0.0, raw[row, 1] - 1.1e-6, raw[row, 1] - 1e-7, 1.0]), np.array([0.0, 0.3, 0.7, 1.0])
    blend.calibration_ = Calibration("isotonic", (steps,))
    python = answers_of(blend, rows)
    assert python.given is not None and python.given[row, 1] > 0.7
    for given, border in ((0.55, 1), (0.35, 1), (0.75, 0), (0.28, 0)):
        found = compared_with(
            blend, rows, python, turned(blend, python, row, [1 - given, given], blend.classes_[int(given > 0.5)]), 1e-5
        )
        assert (found.border, found.holds) == (border, bool(border))
