"""Chains of models."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import StackingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, TimeSeriesSplit, cross_val_predict, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from partita.compose import Chain
from tests.unit.compose.by_folds import BY_FOLDS

X, Y = load_diabetes(return_X_y=True)
IRIS = load_iris(return_X_y=True)


def test_links_that_transform_are_a_pipeline() -> None:
    chain = Chain([("scale", StandardScaler()), ("pca", PCA(3)), ("line", Ridge())]).fit(X, Y)
    pipeline = make_pipeline(StandardScaler(), PCA(3), Ridge()).fit(X, Y)
    assert chain.predict(X) == pytest.approx(pipeline.predict(X))
    assert chain.gives_ == ["transform", "transform"]
    assert chain.inputs_of_last(X[:4]).shape == (4, 3)


@pytest.mark.parametrize("append", [False, True])
def test_probabilities_are_given_on_out_of_fold_as_a_stack_of_one_does(append: bool) -> None:
    folds = StratifiedKFold(5)
    chain = Chain([("bayes", GaussianNB()), ("line", LogisticRegression(max_iter=2000))], append=append, cv=folds)
    theirs = StackingClassifier(
        [("bayes", GaussianNB())], LogisticRegression(max_iter=2000), cv=folds, passthrough=append
    )
    assert chain.fit(*IRIS).predict_proba(IRIS[0]) == pytest.approx(theirs.fit(*IRIS).predict_proba(IRIS[0]), abs=1e-3)


def test_the_known_answer_of_values_given_on_beside_the_inputs() -> None:
    chain = Chain([("near", KNeighborsRegressor()), ("line", LinearRegression())], append=True, cv=4).fit(X, Y)
    told = cross_val_predict(KNeighborsRegressor(), X, Y, cv=4)
    by_hand = LinearRegression().fit(np.column_stack([X, told]), Y)
    assert chain.links_[-1].coef_ == pytest.approx(by_hand.coef_)
    fitted = KNeighborsRegressor().fit(X, Y)
    assert chain.predict(X) == pytest.approx(by_hand.predict(np.column_stack([X, fitted.predict(X)])))


def test_three_links_give_in_three_ways() -> None:
    chain = Chain(
        [
            ("groups", KMeans(3, n_init=1, random_state=0)),
            ("tree", DecisionTreeClassifier(max_depth=2)),
            ("end", GaussianNB()),
        ],
        gives={"groups": "transform", "tree": "predict"},
        append=["groups"],
    ).fit(*IRIS)
    assert chain.links_[1].n_features_in_ == 4 + 3
    assert chain.links_[2].n_features_in_ == 1
    assert chain.score(*IRIS) > 0.9
    sure = Chain(
        [("line", LogisticRegression(max_iter=500)), ("end", GaussianNB())], gives={"line": "decision_function"}
    ).fit(*IRIS)
    assert sure.inputs_of_last(IRIS[0]).shape == (150, 3)


class Means(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The mean of y for each value of the first column: an encoder that knows nothing of folds."""

    def fit(self, X: Any, y: Any) -> Means:  # noqa: N803
        self.mean_ = float(np.mean(y))
        self.means_ = {value: float(np.mean(y[X[:, 0] == value])) for value in np.unique(X[:, 0])}
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        return np.array([[self.means_.get(value, self.mean_)] for value in X[:, 0]])


def test_an_encoder_by_y_is_held_out_where_that_is_asked_for() -> None:
    """Values that have nothing to do with y, each of ten rows: their means look like y itself to who has seen it."""
    draw = np.random.default_rng(0)
    x, y = draw.permutation(np.repeat(np.arange(60.0), 10))[:, None], draw.normal(size=600)
    slopes = {
        way: Chain([("means", Means()), ("line", LinearRegression())], gives={"means": way})
        .fit(x, y)
        .links_[1]
        .coef_[0]
        for way in ("transform", "held_out_transform")
    }
    assert slopes["transform"] == pytest.approx(1)
    assert abs(slopes["held_out_transform"]) < 0.4


def test_texts_go_in_and_time_is_honoured() -> None:
    texts = ["good film", "fine film", "good plot", "bad film", "poor plot", "bad plot"] * 5
    y = np.array([1, 1, 1, 0, 0, 0] * 5)
    chain = Chain(
        [("words", TfidfVectorizer()), ("line", LogisticRegression()), ("end", GaussianNB())], append=["line"]
    )
    with pytest.raises(ValueError, match="the link end cannot take what the link line gives"):
        chain.fit(texts, y)  # sparse
    chain.set_params(append=False, cv=TimeSeriesSplit(3)).fit(texts, y)
    assert list(chain.predict(["a good plot", "a bad film"])) == [1, 0]


def test_folds_given_by_rows_are_those_of_the_rows_that_are_left() -> None:
    pairs = list(TimeSeriesSplit(4).split(IRIS[0]))
    mixed = np.random.default_rng(0).permutation(150)
    x, y = IRIS[0][mixed], IRIS[1][mixed]
    links = [("bayes", GaussianNB()), ("line", LogisticRegression(max_iter=500)), ("last", LogisticRegression())]
    for cv in (pairs, iter(pairs)):
        chain = Chain(links, cv=cv, append=True, calibrate="sigmoid").fit(x, y)
        assert chain.calibration_ is not None and chain.score(x, y) > 0.9
    held_out = [(np.arange(100), np.arange(100, 150))]
    assert Chain(links[1:], cv=held_out).fit(x, y).score(x, y) > 0.8
    with pytest.raises(ValueError, match="no fold of cv has rows to fit on and rows to predict among the 50 rows"):
        Chain(links, cv=held_out).fit(x, y)


def test_columns_of_a_frame_keep_their_names() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"c{number}" for number in range(10)])
    chain = Chain([("near", KNeighborsRegressor()), ("line", Ridge())], append=True).fit(frame, Y)
    assert list(chain.links_[1].feature_names_in_) == [*frame.columns, "near_0"]
    assert chain.predict(frame).shape == Y.shape


def test_the_last_link_is_calibrated() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    fit_x, test_x, fit_y, test_y = train_test_split(x, y, test_size=0.5, random_state=0)
    links = [("scale", StandardScaler()), ("bayes", GaussianNB())]
    plain = Chain(links).fit(fit_x, fit_y)
    held = Chain(links, calibrate="isotonic").fit(fit_x, fit_y)
    assert log_loss(test_y, held.predict_proba(test_x)) < log_loss(test_y, plain.predict_proba(test_x))
    assert held.score(test_x, test_y) > 0.9


@given(rows=st.integers(20, 60), columns=st.integers(1, 5), outputs=st.integers(1, 3), append=st.booleans())
@settings(max_examples=25, deadline=None)
def test_shapes_fit_together(rows: int, columns: int, outputs: int, append: bool) -> None:
    draw = np.random.default_rng(rows)
    x, y = draw.normal(size=(rows, columns)), draw.normal(size=(rows, outputs)).squeeze()
    chain = Chain([("near", KNeighborsRegressor(3)), ("line", LinearRegression())], append=append, cv=2).fit(x, y)
    assert chain.inputs_of_last(x).shape == (rows, outputs + (columns if append else 0))
    assert chain.predict(x).shape == y.shape


class Gives(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Gives what it is told to."""

    def __init__(self, what: str = "text") -> None:
        self.what = what

    def fit(self, X: Any, y: Any = None) -> Gives:  # noqa: N803
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        count = len(X)
        return {
            "text": np.full((count, 1), "a"),
            "fewer": np.ones((count - 1, 2)),
            "cube": np.ones((count, 2, 2)),
            "missing": np.full((count, 1), np.nan),
            "varying": np.ones((count, 1 + count % 2)),
        }[self.what]


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("text", "what the link gives gives to the link line is <U1, and no numbers"),
        ("fewer", r"what the link gives gives to the link line is to be of \(150, columns\), and is \(149, 2\)"),
        ("cube", r"the link gives gives to the link line is to be of \(150, columns\), and is \(150, 2, 2\)"),
        ("missing", "what the link gives gives to the link line contains NaN or infinity"),
    ],
)
def test_what_does_not_fit_names_both_links(what: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Chain([("gives", Gives(what)), ("line", LogisticRegression())]).fit(*IRIS)


def test_another_number_of_columns_later_names_both_links() -> None:
    chain = Chain([("gives", Gives("varying")), ("line", LogisticRegression())]).fit(*IRIS)
    with pytest.raises(ValueError, match="the link gives gives to the link line makes 2 columns, and made 1"):
        chain.predict(IRIS[0][:3])


def test_missing_values_go_to_a_link_that_takes_them() -> None:
    chain = Chain([("gives", Gives("missing")), ("tree", DecisionTreeRegressor())]).fit(*IRIS)
    assert chain.predict(IRIS[0]).shape == (150,)


@pytest.mark.parametrize(
    ("chain", "told"),
    [
        (Chain([StandardScaler(), PCA()]), "the last link, pca, is to be a classifier or a regressor"),
        (Chain([GaussianNB(), LogisticRegression()], gives={"bayes": "predict"}), "'bayes' is none of them"),
        (Chain([("a", GaussianNB()), ("b", GaussianNB())], gives={"a": "guess"}), "a link gives one of"),
        (Chain([("a", GaussianNB()), ("b", GaussianNB())], gives={"a": "transform"}), "the link a has no transform"),
        (Chain([("a", GaussianNB()), ("b", GaussianNB())], append=["b"]), "append is true, false, or names of a"),
        (Chain([("a", PCA()), ("b", Ridge())], calibrate="sigmoid"), "only a composition of classifiers"),
    ],
)
def test_what_does_not_go_together_is_told(chain: Chain, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        chain.fit(*IRIS)


def test_text_labels_that_are_predicted_are_no_numbers() -> None:
    labels = np.array(["a", "b", "c"])[IRIS[1]]
    with pytest.raises(ValueError, match=r"could not convert|no numbers"):
        Chain([("a", GaussianNB()), ("b", GaussianNB())], gives={"a": "predict"}).fit(IRIS[0], labels)


@parametrize_with_checks(
    [
        Chain([("scale", StandardScaler()), ("ridge", Ridge()), ("line", Ridge())], append=True, cv=3),
        Chain([("bayes", GaussianNB()), ("line", LogisticRegression())], cv=3),
    ],
    expected_failed_checks=lambda estimator: BY_FOLDS,
)
def test_it_is_what_scikit_learn_asks_of_an_estimator(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
