"""Queries and statements, against SQLite and DuckDB."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path

import pandas
import polars
import pyarrow
import pytest

from partita.components import sql_execute, sql_query, sql_table
from partita.errors import DefinitionError


@pytest.fixture(params=["sqlite", "duckdb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "duckdb":
        pytest.importorskip("duckdb_engine", reason="needs duckdb-engine")
    made = f"{request.param}:///{tmp_path}/shop.db"
    sql_execute("create table orders (id integer, customer text, total double, day date)", made)
    rows = [
        {"id": 1, "customer": "Ada", "total": 12.5, "day": "2026-01-02"},
        {"id": 2, "customer": "O'Brien", "total": 30.0, "day": "2026-01-03"},
        {"id": 3, "customer": None, "total": 7.25, "day": None},
    ]
    sql_execute("insert into orders values (:id, :customer, :total, :day)", made, parameters=rows)
    return made


def test_rows_are_dicts_by_column(url: str) -> None:
    rows = sql_query("select id, customer from orders order by id", url)
    assert rows == [{"id": 1, "customer": "Ada"}, {"id": 2, "customer": "O'Brien"}, {"id": 3, "customer": None}]


def test_parameters_are_bound_and_never_written_into_the_text(url: str) -> None:
    query = "select id from orders where customer = :name"
    assert sql_query(query, url, parameters={"name": "O'Brien"}) == [{"id": 2}]
    assert sql_query(query, url, parameters={"name": "x' or '1'='1"}) == []
    assert sql_query(query, url, parameters={"name": "'; drop table orders; --"}) == []
    assert len(sql_query("select * from orders", url)) == 3


def test_a_list_is_for_in(url: str) -> None:
    query = "select id from orders where id in :ids order by id"
    assert sql_query(query, url, parameters={"ids": [1, 3, 9]}) == [{"id": 1}, {"id": 3}]
    assert sql_query(query, url, parameters={"ids": []}) == []


def test_tables_of_three_libraries(url: str) -> None:
    query = "select id, total from orders order by id"
    as_pandas = sql_table(query, url)
    assert isinstance(as_pandas, pandas.DataFrame) and as_pandas["total"].tolist() == [12.5, 30.0, 7.25]
    as_polars = sql_table(query, url, library="polars")
    assert isinstance(as_polars, polars.DataFrame) and as_polars["id"].to_list() == [1, 2, 3]
    as_arrow = sql_table(query, url, library="arrow")
    assert isinstance(as_arrow, pyarrow.Table) and as_arrow.column_names == ["id", "total"]


def test_a_table_without_rows_has_its_columns(url: str) -> None:
    for library in ("pandas", "polars", "arrow"):
        table = sql_table("select id, total from orders where id > 9", url, library=library)  # type: ignore[arg-type]
        assert len(table) == 0
        assert list(table.column_names if library == "arrow" else table.columns) == ["id", "total"]


def test_a_transaction_happens_wholly_or_not_at_all(url: str) -> None:
    with pytest.raises(Exception, match="nonsense"):
        sql_execute(["delete from orders", "insert into nonsense values (1)"], url)
    assert len(sql_query("select * from orders", url)) == 3
    sql_execute(["delete from orders where id = 1", "delete from orders where id = 2"], url)
    assert sql_query("select id from orders", url) == [{"id": 3}]


def test_a_query_changes_nothing(url: str) -> None:
    with suppress(ValueError):  # DuckDB answers with a count
        sql_query("delete from orders", url)
    assert len(sql_query("select * from orders", url)) == 3


def test_a_statement_without_rows_is_no_query(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="use sql_execute"):
        sql_query("create table other (id integer)", f"sqlite:///{tmp_path}/a.db")


def test_changed_rows_are_counted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    sql_execute("create table a (n integer)", url)
    assert sql_execute("insert into a values (:n)", url, parameters=[{"n": 1}, {"n": 2}]) == 2
    assert sql_execute("update a set n = n + 1", url) == 2


def test_types_of_the_database_come_through(tmp_path: Path) -> None:
    pytest.importorskip("duckdb_engine", reason="needs duckdb-engine")
    rows = sql_query("select date '2026-01-02' as day, [1, 2] as many, 'x'::blob as raw", "duckdb:///:memory:")
    assert rows == [{"day": date(2026, 1, 2), "many": [1, 2], "raw": b"x"}]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense://x", "cannot use its url"),
        ("no url", "dialect"),
        ("postgresql+pg8000://localhost/x", "needs the package 'pg8000'"),
        ("postgresql+pg8000://me:${NO_SUCH}@localhost/x", r"\$\{NO_SUCH\}.*secrets="),
    ],
)
def test_a_url_that_cannot_be_used_says_why(url: str, told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        sql_query("select 1", url)


def test_statements_are_not_repeated_by_themselves() -> None:
    assert sql_execute.options.idempotent is False
    assert sql_query.options.idempotent is True
