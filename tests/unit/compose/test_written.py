"""Compositions that are written as plain data."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline

from partita.compose import Blend, Stack
from partita.compose.written import composition_of


def test_a_blend_is_described_by_names_and_classes() -> None:
    made = composition_of(
        yaml.safe_load("""
        blend:
          members:
            line: {sklearn.linear_model.Ridge: {alpha: 0.1}}
            near: sklearn.neighbors.KNeighborsRegressor
          cv: 3
          keep: blend
        """)
    )
    assert isinstance(made, Blend)
    assert [name for name, _ in made.members] == ["line", "near"]
    assert isinstance(made.members[0][1], Ridge) and made.members[0][1].alpha == 0.1
    assert (made.cv, made.keep) == (3, "blend")


def test_layers_pipelines_splitters_and_compositions_in_each_other() -> None:
    made = composition_of(
        yaml.safe_load("""
        stack:
          members:
            scaled: {pipeline: [sklearn.preprocessing.StandardScaler, {sklearn.linear_model.LogisticRegression: {C: 0.5}}]}
            both: {vote: {members: [sklearn.naive_bayes.GaussianNB, "sklearn.tree:DecisionTreeClassifier"]}}
          further:
          - {last: sklearn.naive_bayes.GaussianNB}
          final: sklearn.linear_model.LogisticRegression
          cv: {sklearn.model_selection.StratifiedKFold: {n_splits: 4}}
        """)
    )
    assert isinstance(made, Stack)
    scaled, both = (member for _, member in made.members)
    assert isinstance(scaled, Pipeline) and scaled[-1].C == 0.5
    assert len(both.members) == 2
    assert isinstance(made.final, LogisticRegression) and made.cv.get_n_splits() == 4
    ((name, last),) = made.further[0]
    assert name == "last" and isinstance(last, GaussianNB)


@pytest.mark.parametrize(
    ("described", "told"),
    [
        ("sklearn.linear_model.Rigde", "sklearn.linear_model has no class Rigde"),
        ("nowhere.Model", "nowhere.Model is not there"),
        ({"sklearn.linear_model.Ridge": {"alhpa": 1}}, "Ridge cannot be made of alhpa"),
        ({"sklearn.linear_model.Ridge": [1]}, "is a mapping of its parameters"),
        ({"pipeline": "sklearn.linear_model.Ridge"}, "a pipeline is a list"),
        ({"blends": {"members": []}}, "describes no estimator"),
        (3, "describes no estimator"),
    ],
)
def test_what_cannot_be_made_is_told(described: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        composition_of(described)
