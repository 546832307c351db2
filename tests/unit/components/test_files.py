"""Tables and JSON in files."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow
import pytest

from partita import flow
from partita.components import (
    read_csv,
    read_json,
    read_json_lines,
    read_parquet,
    write_csv,
    write_json,
    write_json_lines,
    write_parquet,
)
from partita.errors import MissingExtraError
from partita.testing import memory_workspace

COLUMNS: dict[str, list[Any]] = {"n": [1, 2, 3], "text": ["a", 'é, "b"', "c\nd"], "x": [0.5, None, -1e300]}


def table(library: str) -> Any:
    if library == "pandas":
        return pandas.DataFrame(COLUMNS)
    return polars.DataFrame(COLUMNS) if library == "polars" else pyarrow.table(COLUMNS)


def columns_of(found: Any) -> dict[str, list[Any]]:
    if isinstance(found, pandas.DataFrame):
        return {name: [None if item != item else item for item in found[name]] for name in found.columns}
    if isinstance(found, polars.DataFrame):
        return found.to_dict(as_series=False)
    plain: dict[str, list[Any]] = found.to_pydict()
    return plain


@pytest.mark.parametrize("written", ["pandas", "polars", "arrow"])
@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_table_comes_back(tmp_path: Path, written: str, library: Any, form: str) -> None:
    path = tmp_path / "new" / f"table.{form}"
    if form == "csv":
        given = table(written)
        if library == "arrow":  # whose reader takes no line breaks inside values
            given = {"pandas": lambda t: t.iloc[:2], "polars": lambda t: t[:2], "arrow": lambda t: t[:2]}[written](
                given
            )
        assert write_csv(given, path) == path
        found = read_csv(str(path), library=library)
        assert columns_of(found) == columns_of(given)
    else:
        write_parquet(table(written), path)
        assert columns_of(read_parquet(str(path), library=library)) == COLUMNS
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
def test_many_files_are_one_table(tmp_path: Path, library: Any) -> None:
    for number in (2, 1):
        write_csv([{"n": number, "m": number * 10}], tmp_path / f"part{number}.csv")
        write_parquet([{"n": number, "m": number * 10}], tmp_path / f"part{number}.parquet")
    assert columns_of(read_csv(f"{tmp_path}/*.csv", library=library)) == {"n": [1, 2], "m": [10, 20]}
    assert columns_of(read_parquet(f"{tmp_path}/*.parquet", library=library)) == {"n": [1, 2], "m": [10, 20]}
    assert columns_of(read_csv(f"{tmp_path}/*.csv", library=library, columns=["m"])) == {"m": [10, 20]}
    assert columns_of(read_parquet(f"{tmp_path}/*.parquet", library=library, columns=["m"])) == {"m": [10, 20]}


@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
def test_another_separator(tmp_path: Path, library: Any) -> None:
    path = write_csv(table(library), tmp_path / "a.csv", separator=";")
    assert path.read_text().partition("\n")[0].replace('"', "") == "n;text;x"
    first = read_csv(str(write_csv([{"a": 1, "b": 2}], path, separator=";")), separator=";", library=library)
    assert columns_of(first) == {"a": [1], "b": [2]}


@pytest.mark.parametrize("read", [read_csv, read_parquet, read_json_lines])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, read: Any) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file .*\*\.none"):
        read(f"{tmp_path}/*.none")


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json({"good": 1}, path)
    with pytest.raises(ValueError):
        write_json({"bad": float("nan")}, path)
    with pytest.raises(TypeError):
        write_json_lines([1, object()], path)
    with pytest.raises(TypeError, match="write_parquet writes a DataFrame"):
        write_parquet("no table", path)
    assert read_json(path) == {"good": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_json_comes_back(tmp_path: Path) -> None:
    value = {"a": [1, None, True, "é"], "b": {"c": 1.5}}
    path = write_json(value, tmp_path / "deep" / "a.json")
    assert read_json(path) == value
    path.write_text("{")
    with pytest.raises(ValueError, match=r"a\.json is not JSON"):
        read_json(path)


def test_packed_json_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress('{"é": [1]}'.encode()))
    assert read_json(path) == {"é": [1]}
    whole = gzip.compress(b"[" + b"1, " * 500 + b"1]")
    for damaged in (b"{}", whole[:12] + b"\xff" * 9 + whole[21:], whole[:-9]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"a\.json\.gz cannot be unpacked"):
            read_json(path)


def test_json_lines_come_back_from_many_files(tmp_path: Path) -> None:
    write_json_lines([{"n": 1}, "a\nb"], tmp_path / "1.jsonl")
    write_json_lines([[3]], tmp_path / "deep" / "2.jsonl")
    assert read_json_lines(f"{tmp_path}/**/*.jsonl") == [{"n": 1}, "a\nb", [3]]
    (tmp_path / "3.jsonl").write_text("1\n\n{\n")
    with pytest.raises(ValueError, match=r"3\.jsonl, line 3 is not JSON"):
        read_json_lines(str(tmp_path / "3.jsonl"))


def test_a_library_that_is_missing_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_csv([{"a": 1}], tmp_path / "a.csv")
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(MissingExtraError, match=r"read_csv needs polars.*'partita\[polars\]'"):
        read_csv(str(path), library="polars")


@flow
def there_and_back(folder: Path) -> list[Any]:
    rows = read_json(write_json([{"n": 1}], folder / "a.json"))
    lines = read_json_lines(write_json_lines(rows, folder / "a.jsonl"))
    return [
        lines,
        read_csv(write_csv(lines, folder / "a.csv")),
        read_parquet(write_parquet(lines, folder / "a.parquet")),
    ]


def test_what_was_written_can_be_read_in_one_flow(tmp_path: Path) -> None:
    with memory_workspace():
        lines, *tables = there_and_back.run(tmp_path).result()
    assert lines == [{"n": 1}] and [columns_of(found) for found in tables] == [{"n": [1]}] * 2
