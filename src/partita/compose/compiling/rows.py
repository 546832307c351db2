"""What rows look like to a graph: their numbers as one tensor, their texts as another, and which column is where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NUMBERS", "TEXTS", "Columns"]

#: The inputs of a compiled graph: (rows, numeric columns) of double, and (rows, columns of texts) of string.
NUMBERS, TEXTS = "numbers", "texts"

_MISSING = ""


@dataclass(frozen=True)
class Columns:
    """The columns of the rows that a model was fitted on."""

    kinds: tuple[str, ...]  # of each: "number", "whole" (a number without fractions) or "text"
    names: tuple[str, ...] | None = None  # None: an array, whose columns have none
    may_miss: tuple[int, ...] = ()  # where values were missing: numbers go in as NaN, texts as ""

    @classmethod
    def of(cls, rows: Any) -> Columns:
        """Those of a data frame, an array or a sparse matrix.

        Raises:
            ValueError: they are no table, or one column is neither numbers nor texts.
        """
        if not hasattr(rows, "iloc"):
            found = _dense(rows)
            if found.ndim != 2:
                raise ValueError(f"rows to compile with are a table (rows, columns), and these are {found.shape}")
            kind = _kind_of(found.dtype)
            lacking = np.flatnonzero(np.isnan(found).any(axis=0)) if kind == "number" else ()
            return cls((kind,) * found.shape[1], None, tuple(int(at) for at in lacking))
        kinds, missing = [], []
        for at, name in enumerate(rows.columns):
            kinds.append(_kind_of_series(rows.iloc[:, at], name))
            if bool(rows.iloc[:, at].isna().any()):
                missing.append(at)
        return cls(tuple(kinds), tuple(str(name) for name in rows.columns), tuple(missing))

    @property
    def numbers(self) -> tuple[int, ...]:
        """The columns of numbers."""
        return tuple(at for at, kind in enumerate(self.kinds) if kind != "text")

    @property
    def texts(self) -> tuple[int, ...]:
        """The columns of texts."""
        return tuple(at for at, kind in enumerate(self.kinds) if kind == "text")

    def feeds(self, rows: Any) -> dict[str, NDArray[Any]]:
        """The tensors that a graph is given for these rows.

        Raises:
            ValueError: columns are missing or too many, or a value is missing in a column that lacked none in the rows that the
                graph was compared on: what it says of such rows is not known to be right.
        """
        if not hasattr(rows, "iloc"):
            return self._of_array(_dense(rows))
        rows = self._in_order(rows)
        found = {}
        if self.numbers:
            found[NUMBERS] = self._known(rows.iloc[:, list(self.numbers)].to_numpy(dtype=np.float64, na_value=np.nan))
        if self.texts:
            found[TEXTS] = np.column_stack([self._texts_of(rows.iloc[:, at], at) for at in self.texts])
        return found

    def _of_array(self, rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
        if rows.ndim != 2 or rows.shape[1] != len(self.kinds):
            raise ValueError(
                f"rows are (rows, {len(self.kinds)}), as the graph was made for, and these are {rows.shape}"
            )
        if not self.texts:
            return {NUMBERS: self._known(np.ascontiguousarray(rows, dtype=np.float64))}
        found = {TEXTS: rows[:, list(self.texts)].astype(object)}
        if self.numbers:
            found[NUMBERS] = self._known(rows[:, list(self.numbers)].astype(np.float64))
        return found

    def _in_order(self, rows: Any) -> Any:
        """The frame's columns in the order in which the graph takes them."""
        if self.names is None or tuple(rows.columns) == self.names:
            return rows
        missing = [name for name in self.names if name not in rows.columns]
        if missing:
            raise ValueError(f"columns are missing: {', '.join(missing)}")
        return rows[list(self.names)]

    def _known(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers that are missing only where some were."""
        if np.isnan(numbers).any():
            lacking = np.flatnonzero(np.isnan(numbers).any(axis=0))
            self._need_known("numbers", [self.numbers[place] for place in lacking])
        return numbers

    def _texts_of(self, column: Any, at: int) -> NDArray[Any]:
        missing = column.isna().to_numpy()
        found: NDArray[Any] = column.astype(object).to_numpy()
        if missing.any():
            self._need_known("texts", [at])
            found = np.where(missing, _MISSING, found)
        return found

    def _need_known(self, what: str, lacking: Sequence[int]) -> None:
        for at in lacking:
            if at not in self.may_miss:
                name = self.names[at] if self.names else at
                raise ValueError(
                    f"{what} are missing in the column {name}, and none were in the rows that the graph was compared on; "
                    "fill them, or compile with rows that lack some"
                )

    # As plain data, for the file that a graph is saved in

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"kinds": self.kinds, "names": self.names, "may_miss": self.may_miss}

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Columns:
        """What `to_dict` gave."""
        names: Sequence[str] | None = told["names"]
        return cls(tuple(told["kinds"]), None if names is None else tuple(names), tuple(told["may_miss"]))


def _dense(rows: Any) -> NDArray[Any]:
    return np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)


def _kind_of(dtype: Any) -> str:
    if dtype.kind in "biu":
        return "whole"
    return "number" if dtype.kind == "f" else "text"


def _kind_of_series(column: Any, name: Any) -> str:
    from pandas.api import types

    if types.is_bool_dtype(column) or types.is_integer_dtype(column):
        return "whole"
    if types.is_numeric_dtype(column):
        return "number"
    present = column.dropna()
    if all(isinstance(each, str) for each in present):
        return "text"
    raise ValueError(f"the column {name} is neither numbers nor texts but {column.dtype}; make it one of these")
