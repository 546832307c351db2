"""The same table in each library."""

from __future__ import annotations

from typing import Any

import pandas
import polars
import pyarrow

LIBRARIES = ("pandas", "polars", "arrow", "rows")


def made(library: str, columns: dict[str, list[Any]]) -> Any:
    if library == "pandas":
        return pandas.DataFrame(columns)
    if library == "polars":
        return polars.DataFrame(columns, strict=False)
    if library == "arrow":
        return pyarrow.table(columns)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
