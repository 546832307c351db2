"""CSV and Parquet files as tables of pandas, Polars or Arrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from partita.components.extras import need
from partita.components.json_files import matching_files
from partita.components.replacing import replacing
from partita.flow.task import task

__all__ = ["read_csv", "read_parquet", "write_csv", "write_parquet"]

Library = Literal["pandas", "polars", "arrow"]


@task(tags=("csv", "table", "file", "read"))
def read_csv(
    path: str | Path, *, columns: list[str] | None = None, separator: str = ",", library: Library = "pandas"
) -> Any:
    """Read CSV files as one table.

    Args:
        path: a file, or a pattern such as "data/*.csv", whose files are read in the order of their names.
        columns: only these; default: all.
        separator: between two values.
        library: whose table it is.

    Returns:
        A pandas or Polars DataFrame, or an Arrow Table.
    """
    files = matching_files(path)
    if library == "pandas":
        pandas = need("pandas", "tables", "read_csv")
        tables = [pandas.read_csv(file, usecols=columns, sep=separator) for file in files]
        whole = pandas.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
        return whole[columns] if columns is not None else whole
    if library == "polars":
        polars = need("polars", "polars", "read_csv")
        return polars.concat([polars.read_csv(file, columns=columns, separator=separator) for file in files])
    csv = need("pyarrow.csv", "tables", "read_csv")
    how = {
        "parse_options": csv.ParseOptions(delimiter=separator),
        "convert_options": csv.ConvertOptions(include_columns=columns),
    }
    arrow = need("pyarrow", "tables", "read_csv")
    return arrow.concat_tables([csv.read_csv(file, **how) for file in files], promote_options="permissive")


@task(tags=("parquet", "table", "file", "read"))
def read_parquet(path: str | Path, *, columns: list[str] | None = None, library: Library = "pandas") -> Any:
    """Read Parquet files as one table.

    Args:
        path: a file, or a pattern such as "data/*.parquet", whose files are read in the order of their names.
        columns: only these; default: all.
        library: whose table it is.

    Returns:
        A pandas or Polars DataFrame, or an Arrow Table.
    """
    files = matching_files(path)
    if library == "polars":
        polars = need("polars", "polars", "read_parquet")
        return polars.concat([polars.read_parquet(file, columns=columns) for file in files])
    arrow, parquet = need("pyarrow", "tables", "read_parquet"), need("pyarrow.parquet", "tables", "read_parquet")
    tables = [parquet.read_table(file, columns=columns, partitioning=None) for file in files]
    table = arrow.concat_tables(tables, promote_options="permissive")
    if library == "arrow":
        return table
    need("pandas", "tables", "read_parquet")
    return table.to_pandas()


@task(tags=("csv", "table", "file", "write"))
def write_csv(table: Any, path: Path, *, separator: str = ",") -> Path:
    """Write a table as a CSV file, which appears when it is whole.

    Args:
        table: a pandas or Polars DataFrame, an Arrow Table, or a list of dicts.
        path: where it goes; folders are made, a file of that name is replaced.
        separator: between two values.
    """
    with replacing(path) as temporary:
        kind = _kind(table)
        if kind == "pandas":
            table.to_csv(temporary, index=False, sep=separator)
        elif kind == "polars":
            table.write_csv(temporary, separator=separator)
        else:
            csv = need("pyarrow.csv", "tables", "write_csv")
            csv.write_csv(_arrow(table, "write_csv"), temporary, csv.WriteOptions(delimiter=separator))
    return path


@task(tags=("parquet", "table", "file", "write"))
def write_parquet(table: Any, path: Path, *, compression: str = "zstd") -> Path:
    """Write a table as a Parquet file, which appears when it is whole.

    Args:
        table: a pandas or Polars DataFrame, an Arrow Table, or a list of dicts.
        path: where it goes; folders are made, a file of that name is replaced.
        compression: "zstd", "snappy", "gzip" or "none".
    """
    with replacing(path) as temporary:
        if _kind(table) == "polars":
            table.write_parquet(temporary, compression="uncompressed" if compression == "none" else compression)
        else:
            parquet = need("pyarrow.parquet", "tables", "write_parquet")
            parquet.write_table(_arrow(table, "write_parquet"), temporary, compression=compression)
    return path


def _kind(table: Any) -> str:
    return type(table).__module__.partition(".")[0]


def _arrow(table: Any, task: str) -> Any:
    arrow = need("pyarrow", "tables", task)
    if isinstance(table, arrow.Table):
        return table
    if _kind(table) == "pandas":
        return arrow.Table.from_pandas(table, preserve_index=False)
    if isinstance(table, list):
        return arrow.Table.from_pylist(table)
    raise TypeError(f"{task} writes a DataFrame, an Arrow Table or a list of dicts, not {type(table).__name__}")
