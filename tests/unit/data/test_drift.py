"""Tables against a reference."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas
import pyarrow
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


FIRST = datetime(2026, 1, 1)
COLUMNS: dict[str, list[Any]] = {
    "moments": [FIRST + timedelta(hours=n) for n in range(400)],
    "moments of a zone": [FIRST.replace(tzinfo=UTC) + timedelta(hours=n) for n in range(400)],
    "dates": [date(2026, 1, 1) + timedelta(days=n) for n in range(400)],
    "durations": [timedelta(minutes=n) for n in range(400)],
    "decimals": [Decimal(n) / 100 for n in range(400)],
}
SHIFTS = {"dates": timedelta(days=400), "durations": timedelta(minutes=400), "decimals": Decimal(4)}


@pytest.mark.parametrize("has_gaps", [False, True])
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", list(COLUMNS))
def test_dates_and_decimals_are_compared_as_numbers_in_every_table(name: str, library: str, has_gaps: bool) -> None:
    old: list[Any] = [None if has_gaps and n % 50 == 0 else value for n, value in enumerate(COLUMNS[name])]
    shift = SHIFTS.get(name, timedelta(hours=400))
    new = [value if value is None else value + shift for value in old]
    found = table_drift(made(library, {"x": old}), made(library, {"x": new}))
    assert {item.kind for item in found.columns} == ({"numbers", "missing"} if has_gaps else {"numbers"})
    assert found.columns[0].effect == pytest.approx(3.46, abs=0.05) and found.drifted == ["x"]
    same = table_drift(made(library, {"x": old}), made("rows", {"x": old}))  # of another library
    assert {item.kind: item.effect for item in same.columns}["numbers"] == pytest.approx(0, abs=1e-9)


def test_one_moment_told_in_two_zones_is_the_same() -> None:
    east = timezone(timedelta(hours=8))
    told = [moment.astimezone(east) for moment in COLUMNS["moments of a zone"]]
    for library in LIBRARIES:
        for other in (told, COLUMNS["moments"]):  # without a zone: UTC
            found = table_drift(made(library, {"x": COLUMNS["moments of a zone"]}), made(library, {"x": other}))
            assert [(item.kind, item.effect) for item in found.columns] == [("numbers", 0.0)]


def test_types_of_pandas_and_polars_that_are_no_numpy_types() -> None:
    amounts = [Decimal(n) for n in range(300)]
    arrow = pandas.ArrowDtype(pyarrow.decimal128(10, 2))
    whole = pandas.DataFrame({"x": pandas.Series(amounts, dtype=arrow)}), Decimal(300)
    days = pandas.DataFrame({"x": pandas.date_range("2026-01-01", periods=300, tz="Asia/Tokyo")}), timedelta(days=300)
    nullable = pandas.DataFrame({"x": pandas.Series([None, *range(299)], dtype="Int64")}), 300
    for table, shift in (whole, days, nullable):
        found = table_drift(table, table.assign(x=table["x"] + shift))
        assert found.drifted == ["x"] and found.columns[0].effect == pytest.approx(3.46, abs=0.05)


def test_what_is_not_finite_is_counted_as_missing() -> None:
    old = [*np.random.default_rng(0).normal(size=499).tolist(), float("inf")]
    new = [*np.random.default_rng(1).normal(2, 1, 499).tolist(), 10**400]
    found = table_drift([{"x": value} for value in old], [{"x": value} for value in new])
    kinds = {item.kind: item for item in found.columns}
    assert found.drifted == ["x"] and kinds["numbers"].effect == pytest.approx(2, abs=0.2)
    assert kinds["numbers"].rows == (499, 499) and not kinds["missing"].is_drifted
    gone = [{"x": float("inf") if n % 2 else 1.0} for n in range(400)]
    with pytest.raises(DataError, match=r"x has drifted \(missing values\)"):
        check_drift(gone, [{"x": 1.0}] * 400)


def test_texts_and_truth_values_are_no_numbers() -> None:
    for values in (["a", "b"] * 100, [True, False] * 100, [1, True, "x", None] * 50):
        table = [{"x": value} for value in values]
        assert {item.kind for item in table_drift(table, table).columns} <= {"values", "missing"}
