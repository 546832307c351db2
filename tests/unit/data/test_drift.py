"""Tables against a reference."""

from __future__ import annotations

import numpy as np
import pytest

from partita.data import check_drift, table_drift
from partita.errors import DataError
from tests.unit.data.tables import LIBRARIES, made

DRAW = np.random.default_rng(0)
OLD = {"x": DRAW.normal(size=500).tolist(), "kind": DRAW.choice(["a", "b"], 500).tolist()}
NEW = {"x": DRAW.normal(1, 1, 500).tolist(), "kind": DRAW.choice(["a", "b"], 500).tolist()}


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_column_that_has_drifted_is_named(library: str) -> None:
    old, new = made(library, OLD), made(library, NEW)
    assert table_drift(old, new).drifted == ["x"]
    assert table_drift(old, new, columns=["kind"]).drifted == []
    assert check_drift(old, old) is old
    with pytest.raises(DataError, match=r"x has drifted: effect 0\.95"):
        check_drift(new, old)


def test_missing_values_and_columns_are_drift_too() -> None:
    holes = [{"x": None if n % 2 else float(n)} for n in range(400)]
    full = [{"x": float(n), "y": 1} for n in range(400)]
    with pytest.raises(DataError, match=r"x has drifted \(missing values\).*\n?.*y is not there any more"):
        check_drift(holes, full)


def test_wrong_input_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="there is no column 'z'; there are x"):
        table_drift([{"x": 1}], [{"x": 1}], columns=["z"])
    with pytest.raises(ValueError, match="without rows"):
        table_drift([{"x": 1}], [])
