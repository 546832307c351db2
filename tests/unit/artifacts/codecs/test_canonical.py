"""Pickles of equal values are equal bytes."""

from __future__ import annotations

import pickle
from typing import Any

import cloudpickle
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from partita.artifacts.codecs.canonical import canonical

MODELS = [RandomForestClassifier(10), make_pipeline(StandardScaler(), ExtraTreesClassifier(7, random_state=0))]

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=4)
    | st.binary(max_size=4),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner) | st.tuples(inner, inner),
    max_leaves=30,
)


@pytest.mark.parametrize("model", MODELS, ids=["forest", "pipeline"])
def test_what_was_read_from_a_pickle_is_pickled_as_what_was_typed(model: Any) -> None:
    typed = cloudpickle.dumps(model, protocol=5)
    read = cloudpickle.dumps(pickle.loads(typed), protocol=5)
    cloned = cloudpickle.dumps(clone(pickle.loads(read)), protocol=5)
    assert typed != read, "strings are shared otherwise"
    assert canonical(typed) == canonical(read) == canonical(cloned)
    assert pickle.loads(canonical(read)).get_params().keys() == model.get_params().keys()
    assert len(canonical(read)) <= len(read)


@given(PLAIN)
def test_the_value_stays(value: Any) -> None:
    pickled = pickle.dumps([value, value, pickle.loads(pickle.dumps(value))], protocol=5)
    one, again, other = pickle.loads(canonical(pickled))
    assert one == again == other == value
    assert canonical(canonical(pickled)) == canonical(pickled)


def test_things_that_are_one_stay_one_and_circles_stay_circles() -> None:
    circle: list[Any] = ["a" * 3]
    circle.append(circle)
    both = pickle.loads(
        canonical(pickle.dumps({"one": circle, "other": circle, "key": "".join(["a", "aa"])}, protocol=5))
    )
    assert both["one"] is both["other"] and both["one"][1] is both["one"]


def test_many_strings_arrays_and_other_protocols() -> None:
    many = [f"word {number % 700}" for number in range(3000)]
    apart = [str(bytes(word, "ascii"), "ascii") for word in many]
    assert canonical(pickle.dumps(many, protocol=5)) == canonical(pickle.dumps(apart, protocol=5))
    assert pickle.loads(canonical(pickle.dumps(apart, protocol=5))) == many
    array = pickle.loads(canonical(pickle.dumps({"x": np.arange(5.0), "y": np.array(["a", "b"])}, protocol=5)))
    assert array["x"].tolist() == [0, 1, 2, 3, 4]
    for protocol in (0, 2):
        assert canonical(pickle.dumps(many, protocol=protocol)) == pickle.dumps(many, protocol=protocol)
    assert canonical(large := pickle.dumps(["x" * 70_000, "y"], protocol=5)) == large
