"""Tables against schemas."""

from __future__ import annotations

import pickle
from datetime import date
from pathlib import Path
from typing import Any

import pandas
import pytest

from partita import flow
from partita.data import infer_schema, table_problems, validate_table
from partita.errors import DataError, DefinitionError
from partita.testing import memory_workspace
from tests.unit.data.tables import LIBRARIES, made

GOOD: dict[str, list[Any]] = {
    "id": [1, 2, 3], "age": [30.5, None, 70.0], "kind": ["a", "b", "a"], "day": ["2026-01-01", "2026-02-01", "2026-03-01"],
    "ok": [True, False, True],
}  # fmt: skip
SCHEMA: dict[str, Any] = {
    "columns": {
        "id": {"type": "integer", "nulls": False, "unique": True},
        "age": {"type": "number", "range": [0, 120], "nulls": 0.5},
        "kind": {"type": "text", "values": ["a", "b"]},
        "day": {"type": "date", "range": ["2025-12-31", None], "pattern": r"\d{4}-\d\d-\d\d"},
        "ok": "boolean",
        "note": {"is_optional": True},
    },
    "extra": False,
    "rows": [1, 10],
    "unique": [["kind", "day"]],
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_good_table_is_passed_on_as_it_is(library: str) -> None:
    table = made(library, GOOD)
    assert validate_table(table, SCHEMA) is table


@pytest.mark.parametrize("library", LIBRARIES)
def test_everything_that_is_wrong_is_told_with_its_rows(library: str) -> None:
    bad = made(library, {
        "id": [1, 1, 7], "age": [-3.0, None, 130.0], "kind": ["a", "z", None], "day": ["2025-01-01", "2026-02-01", "2026-2-1"],
        "more": [1, 2, 3],
    })  # fmt: skip
    problems = table_problems(bad, {**SCHEMA, "rows": [5, None], "unique": [["kind", "day"]]})
    assert problems == [
        "there are 3 rows, and 5 are needed",
        "the column 'more' is not in the schema",
        "id: 1 are not unique: row 1 as row 0",
        "age: 1 are below 0: row 0 (-3.0)",
        "age: 1 are above 120: row 2 (130.0)",
        "kind: 1 are none of a, b: row 1 ('z')",
        "day: 1 are not of type date: row 2 ('2026-2-1')",
        "the column 'ok' is missing",
    ]
    with pytest.raises(DataError) as caught:
        validate_table(bad, SCHEMA)
    assert len(caught.value.problems) == 7 and "row 2 (130.0)" in str(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("values", "rule", "problem"),
    [
        ([1, None, 3], {"nulls": False}, "x: 1 missing: row 1"),
        ([1.0, None, None, 4.0], {"nulls": 0.3}, "x: 2 missing, and 0.3 of the rows may be: row 1, row 2"),
        ([1.5, 2.0], {"type": "integer"}, "x: 1 are not of type integer: row 0 (1.5)"),
        (["1", "2"], {"type": "number"}, "x: 2 are not of type number: row 0 ('1'), row 1 ('2')"),
        ([True, False], {"type": "integer"}, "x: 2 are not of type integer: row 0 (True), row 1 (False)"),
        (["ab", "abc"], {"pattern": "..."}, "x: 1 do not match '...': row 0 ('ab')"),
        (["2026-01-01", "2027-01-01"], {"type": "date", "range": [None, "2026-06-01"]},
         "x: 1 are above 2026-06-01: row 1 ('2027-01-01')"),
        ([1, 1, 1, 1, 1, 1, 1], {"unique": True},
         "x: 6 are not unique: row 1 as row 0, row 2 as row 0, row 3 as row 0, row 4 as row 0, row 5 as row 0, ..."),
        ([1, 2, 3], {"values": [1, 2]}, "x: 1 are none of 1, 2: row 2 (3)"),
    ],
)  # fmt: skip
def test_each_rule(library: str, values: list[Any], rule: dict[str, Any], problem: str) -> None:
    assert table_problems(made(library, {"x": values}), {"columns": {"x": rule}}) == [problem]


def test_whole_numbers_that_pandas_reads_as_floats_are_whole() -> None:
    table = pandas.DataFrame({"n": [1, None, 3], "when": pandas.to_datetime(["2026-01-01", None, "2026-01-03"])})
    rules = {"n": {"type": "integer"}, "when": {"type": "date", "range": ["2026-01-02", None]}}
    assert table_problems(table, {"columns": rules})[0].startswith("when: 1 are below 2026-01-02: row 0")
    assert not table_problems(table, {"columns": {"n": "integer"}})


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_schema_that_was_inferred_admits_its_table_and_refuses_others(library: str) -> None:
    schema = infer_schema(made(library, GOOD))
    assert not table_problems(made(library, GOOD), schema)
    assert schema["columns"]["age"] == {"type": "number", "nulls": True, "range": [30.5, 70.0]}
    assert schema["columns"]["kind"] == {"type": "text", "nulls": False, "values": ["a", "b"]}
    assert schema["columns"]["id"]["unique"] is True
    worse = {**GOOD, "kind": ["a", "b", "c"], "age": [30.5, 40.0, 71.0]}
    assert len(table_problems(made(library, worse), schema)) == 2


def test_a_schema_may_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "schema.yaml"
    file.write_text("columns:\n  x: {type: integer, range: [0, 5]}\n")
    assert table_problems([{"x": 9}], file) == ["x: 1 are above 5: row 0 (9)"]


def test_a_file_means_what_it_says(tmp_path: Path) -> None:
    file = tmp_path / "schema.yaml"
    file.write_text(
        "columns:\n  on: {type: text, values: [yes, no, 1:30]}\n  day: {type: date, range: [2026-01-01, 2026-12-31]}\n"
    )
    rows = [{"on": "yes", "day": "2026-05-01"}, {"on": "no", "day": "2027-05-01"}, {"on": "1:30", "day": "2026-05-01"}]
    (problem,) = table_problems(rows, file)
    assert problem.startswith("day: 1 are above") and "row 1" in problem
    (tmp_path / "schema.json").write_text('{"columns":\n\t{"x": {"type": "integer"}}}')
    assert table_problems([{"x": 1}], tmp_path / "schema.json") == []


@pytest.mark.parametrize(("text", "told"), [
    ("columns:\n  x: {type: integer", "schema.yaml:3:"), ("columns: {}\ncolumns: {}", "schema.yaml:2:1: the key 'columns'"),
])  # fmt: skip
def test_a_file_that_cannot_be_read_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "schema.yaml"
    file.write_text(text)
    with pytest.raises(DefinitionError, match=told):
        table_problems([{"x": 9}], file)
    with pytest.raises(DefinitionError, match="cannot be read"):
        table_problems([{"x": 9}], tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"colums": {}}, "did you mean 'columns'?"),
        ({"columns": {"x": {"typ": "text"}}}, "x has no 'typ'; did you mean 'type'?"),
        ({"columns": {"x": {"type": "int"}}}, "the type 'int' is none of integer, number"),
        ({"columns": {"x": {"range": [5, 1]}}}, "5 is above 1"),
        ({"columns": {"x": {"range": 5}}}, r"x: range is \[lowest, highest\]"),
        ({"columns": {"x": {"type": "text", "range": [1, 2]}}}, "a range is of numbers and dates, and not of text"),
        ({"columns": {"x": {"nulls": 7}}}, "nulls=7 is true, false or a share"),
        ({"columns": {"x": {"pattern": "("}}}, "is no regular expression"),
        ({"columns": {"x": 3, "y": {"values": 4}}}, "x: give a map such as.*y: values is a list"),
        ({"columns": {"x": {}}, "unique": [["x", "z"]]}, "unique names 'z'"),
        ([], "a schema is a map"),
    ],
)
def test_a_schema_that_cannot_be_read_says_why(schema: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        validate_table([{"x": 1}], schema)


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(TypeError, match="a table is a DataFrame"):
        validate_table("x,y", {"columns": {}})


@flow
def checked(rows: list[dict[str, int]]) -> Any:
    return validate_table(rows, {"columns": {"x": {"range": [0, 5]}}})


def test_in_a_flow_the_step_fails_with_the_problems() -> None:
    with memory_workspace():
        assert checked.run([{"x": 1}]).result() == [{"x": 1}]
        with pytest.raises(Exception, match=r"x: 1 are above 5: row 1 \(9\)"):
            checked.run([{"x": 1}, {"x": 9}]).result()


def test_whole_numbers_are_integers_however_they_are_kept() -> None:
    schema = {"columns": {"age": {"type": "integer", "range": [0, 2]}}}
    for ages in ([1.0, 2.0, 3.0], [1.0, None, 3.0], [1, 2.0, 3]):
        assert table_problems(pandas.DataFrame({"age": pandas.Series(ages)}), schema)[0].startswith(
            "age: 1 are above 2: row 2"
        )
        assert table_problems([{"age": age} for age in ages], {"columns": {"age": "integer"}}) == []
    assert table_problems(pandas.DataFrame({"age": [1.0, 2.5]}), schema) == [
        "age: 1 are not of type integer: row 1 (2.5)"
    ]
    assert "row 0 (inf)" in table_problems(pandas.DataFrame({"age": [float("inf"), 1.0]}), schema)[0]


def test_dates_may_be_texts_and_dates_at_once() -> None:
    rows = [{"day": "2026-01-01"}, {"day": date(2026, 1, 5)}]
    assert table_problems(rows, {"columns": {"day": "date"}}) == []
    told = table_problems(rows, {"columns": {"day": {"type": "date", "range": ["2025-01-01", "2026-01-03"]}}})
    assert told == ["day: 1 are above 2026-01-03: row 1 (datetime.date(2026, 1, 5))"]
