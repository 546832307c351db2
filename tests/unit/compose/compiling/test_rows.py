"""What rows a compiled graph takes: those that are like the ones that it was compared on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from partita.compose import Blend
from partita.compose.compiling import compile_onnx, load_compiled
from partita.compose.compiling.rows import Columns
from tests.unit.compose.compiling.test_exports import X, Y

WHOLE = ~np.isnan(X).any(axis=1)


def test_numbers_that_are_missing_where_none_were_compared_are_refused(tmp_path: Path) -> None:
    forest = RandomForestClassifier(10, random_state=0).fit(X[:300], Y[:300])
    compiled = compile_onnx(forest, X[300:][WHOLE[300:]], measure=False)
    compiled.save(tmp_path / "forest.onnx")
    for graph in (compiled, load_compiled(tmp_path / "forest.onnx")):
        np.testing.assert_allclose(graph.predict_proba(X[WHOLE]), forest.predict_proba(X[WHOLE]), atol=1e-5)
        with pytest.raises(ValueError, match="numbers are missing in the column 1, and none were in the rows"):
            graph.predict(X)
        with pytest.raises(ValueError, match="numbers are missing in the column 1"):
            graph.predict_proba(X[~WHOLE][:1])
    with pytest.raises(ValueError, match="compile with rows that lack some"):
        compiled.parity(forest, X)


@pytest.mark.parametrize("as_frame", [False, True])
def test_numbers_may_be_missing_in_columns_where_that_was_compared(as_frame: bool) -> None:
    rows: Any = pd.DataFrame(X, columns=["age", "income", "size"]) if as_frame else X
    members = [
        ("line", make_pipeline(SimpleImputer(), LogisticRegression())),
        ("boosted", HistGradientBoostingClassifier(max_iter=10)),
    ]
    blend = Blend(members, keep="blend", cv=3).fit(rows[:300], Y[:300])
    compiled = compile_onnx(blend, rows[300:], measure=False)
    assert compiled.is_one_graph
    np.testing.assert_allclose(compiled.predict_proba(rows), blend.predict_proba(rows), atol=1e-5)
    other = X.copy()
    other[0, 2] = np.nan
    other = pd.DataFrame(other, columns=["age", "income", "size"]) if as_frame else other
    with pytest.raises(ValueError, match=f"numbers are missing in the column {'size' if as_frame else '2'}, "):
        compiled.predict(other)


def test_which_columns_may_lack_values_is_known_of_every_kind_of_table() -> None:
    frame = pd.DataFrame({"a": pd.array([1, None], "Int64"), "b": ["x", "y"], "c": [1.5, 2.5], "d": [None, "x"]})
    found = Columns.of(frame)
    assert found.kinds == ("whole", "text", "number", "text") and found.may_miss == (0, 3)
    np.testing.assert_array_equal(found.feeds(frame)["numbers"], [[1.0, 1.5], [np.nan, 2.5]])
    full = Columns.of(frame.fillna({"a": 0, "d": ""}))
    assert full.may_miss == ()
    with pytest.raises(ValueError, match="numbers are missing in the column a, "):
        full.feeds(frame)
    assert Columns.of(np.array([[1.0, np.nan]])).may_miss == (1,)
    assert Columns.of(np.array([[1, 2]])).may_miss == ()
