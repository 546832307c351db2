"""Labels that persons give: a flow that waits for them, takes what is right, and asks for the rest again."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from partita.artifacts.files import File
from partita.components.file_values import Scratch
from partita.data.columns import column_of, row_count, rows_of, with_columns
from partita.errors import DataError, Problem
from partita.flow.context import context
from partita.flow.flow import flow
from partita.flow.task import task
from partita.flow.waits import ask_form, wait_for

__all__ = ["label_rows", "read_labels", "take_labels"]

_SHOWN, _NAMED = 300, 20


@flow(tags=("data", "label", "ask", "person"))
def label_rows(
    table: Any,
    labels: list[Any],
    *,
    key: str = "",
    columns: list[str] | None = None,
    into: str = "label",
    question: str = "Which label",
    way: Literal["answer", "event"] = "answer",
    by: list[str] | None = None,
    batch: int = 20,
    timeout: str | float | None = None,
) -> Any:
    """Let persons label rows. The run waits for them, and holds no worker meanwhile.

    By "answer", `partita answer RUN` asks row by row in a terminal, `partita answer RUN row_0=spam row_1=ham` and
    `run.answer({...})` give labels at once, `partita answer RUN --inputs labels.csv` (or .json) takes them of a file; a wrong
    label is refused, with all that are wrong. By "event", a program sends `partita send RUN labels --data '{"row_0": "spam"}'`;
    which labels are wrong stands in the log of the step that looks at them. Labels that were right are kept, and the run asks for
    the rest.

    Args:
        table: a pandas or Polars DataFrame, an Arrow Table, or a list of dicts.
        labels: those that may be given.
        key: a column that names the rows; default: "row_0", "row_1" and so on.
        columns: what persons see of a row; default: all.
        into: the column that the labels go to. Rows that have one already there are not asked for.
        question: what is asked.
        way: "answer" or "event".
        by: names of who may answer; default: anybody.
        batch: so many rows are asked for at once; by event all are.
        timeout: how long to wait for each batch at most; the step then fails.

    Returns:
        The table with the labels.

    Raises:
        DataError: two rows have one name.
        ValueError: there are no labels to choose from.
    """
    if not labels or len(set(map(str, labels))) < len(labels):
        raise ValueError(f"labels={labels!r}: give different labels to choose from")
    if batch < 1:
        raise ValueError(f"batch={batch}: give 1 or more")
    shown, known = _sheet(table, key, columns, into)
    label_sheet(shown, into)
    found = _collected(shown, labels, known, question, way, by or [], batch, timeout)
    return with_labels(table, found, key, into)


def _sheet(table: Any, key: str, columns: list[str] | None, into: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Name of each row -> what is shown of it; and the labels that are there."""
    names = _names(table, key)
    shown: dict[str, str] = {}
    known: dict[str, Any] = {}
    for name, row in zip(names, rows_of(table), strict=True):
        if row.get(into) is not None and row[into] == row[into]:
            known[name] = row[into]
            continue
        kept = {column: row.get(column) for column in (columns or [c for c in row if c not in (key, into)])}
        told = str(next(iter(kept.values()))) if len(kept) == 1 else ", ".join(f"{c}: {v}" for c, v in kept.items())
        shown[name] = told if len(told) <= _SHOWN else told[: _SHOWN - 1] + "…"
    return shown, known


def _names(table: Any, key: str) -> list[str]:
    if not key:
        return [f"row_{row}" for row in range(row_count(table))]
    column = column_of(table, key)
    first: dict[str, int] = {}
    problems = [Problem(f"row {row} has no {key}") for row in np.flatnonzero(column.is_missing)[:_NAMED]]
    for row, value in enumerate(column.values.tolist()):
        before = first.setdefault(str(value), row)
        if before != row and len(problems) < _NAMED:
            problems.append(Problem(f"rows {before} and {row} have the same {key}, {value!r}"))
    if problems:
        raise DataError(problems)
    return list(first)


@task(cpu=0, tags=("label", "csv"))
def label_sheet(shown: dict[str, str], into: str = "label") -> File:
    """A CSV file of the rows to be labelled, with an empty column to fill in."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["row", "shown", into])
    writer.writerows([name, told, ""] for name, told in shown.items())
    scratch = Scratch()
    (scratch.path / "labels.csv").write_text(text.getvalue(), encoding="utf-8")
    return scratch.file("labels.csv")


@flow(name="labels")
def _collected(
    shown: dict[str, str],
    labels: list[Any],
    known: dict[str, Any],
    question: str,
    way: str,
    by: list[str],
    batch: int,
    timeout: str | float | None,
) -> Any:
    """One round: what is missing is waited for, what comes is looked at, and what is still missing is the next round's."""
    missing = [name for name in shown if name not in known]
    if not missing:
        return known
    if way == "event":
        given: Any = wait_for("labels", timeout=timeout)
    else:
        asked = missing[:batch]
        one = {"type": "choice", "choices": labels, "is_optional": True}
        form = {"type": "object", "fields": [{"name": name, "form": one, "is_required": False} for name in asked]}
        told = f"{question}? ({len(shown) - len(missing)} of {len(shown)} rows are labelled)"
        given = ask_form(told, form, show={name: shown[name] for name in asked}, by=by, timeout=timeout)
    taken = take_labels(given, missing, labels, known)
    return _collected(shown, labels, taken, question, way, by, batch, timeout)


@task(cpu=0, tags=("label",))
def take_labels(
    given: Any, rows: Sequence[str], labels: Sequence[Any], known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Take labels that are right, and say in the log which are not, and why.

    Args:
        given: name of a row -> label, or a list of maps with "row" and "label".
        rows: names of the rows that labels are wanted for.
        labels: those that may be given.
        known: labels that are known already.

    Returns:
        The known labels and those that were taken.
    """
    found = dict(known or {})
    refused: list[str] = []
    wanted, named = set(rows), {str(label): label for label in labels}
    for name, label in _pairs(given, refused):
        if label is None or label == "":
            continue
        if name not in wanted:
            refused.append(f"{name}: there is no such row to be labelled")
        elif str(label) not in named:
            refused.append(f"{name}: {label!r} is none of {', '.join(named)}")
        else:
            found[name] = named[str(label)]
    for line in refused[:_NAMED]:
        print(f"refused: {line}")
    if len(refused) > _NAMED:
        print(f"refused: {len(refused) - _NAMED} more")
    print(f"{sum(name in found for name in rows)} of {len(rows)} rows were labelled")
    context().report("refused", len(refused))
    return found


def _pairs(given: Any, refused: list[str]) -> list[tuple[str, Any]]:
    if isinstance(given, Mapping):
        return [(str(name), label) for name, label in given.items()]
    if isinstance(given, (list, tuple)) and all(isinstance(item, Mapping) and "row" in item for item in given):
        return [(str(item["row"]), item.get("label")) for item in given]
    refused.append(f'{str(given)[:80]!r} are no labels; give {{"row_0": "label"}}')
    return []


@task(tags=("label", "csv", "json", "file"))
def read_labels(path: str | Path | File) -> dict[str, Any]:
    """Read labels from a CSV file (the first column names the row, the last one is the label) or a JSON file of a map.

    Args:
        path: a path or a `File`; empty labels are left out.

    Raises:
        ValueError: it is neither.
    """
    from partita.components.file_values import source_path
    from partita.components.json_files import read_json

    name = path.path.name if isinstance(path, File) else str(path)
    if name.lower().endswith(".csv"):
        with source_path(path).open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) > 1]
        return {row[0]: row[-1].strip() for row in rows[1:] if row[-1].strip()}
    found = read_json(path)
    if not isinstance(found, dict):
        raise ValueError(f'{path} holds no labels; write {{"row_0": "label"}}')
    return {str(row): label for row, label in found.items() if label not in (None, "")}


@task(tags=("label", "table"))
def with_labels(table: Any, labels: Mapping[str, Any], key: str = "", into: str = "label") -> Any:
    """Put labels into a column of a table.

    Args:
        table: a pandas or Polars DataFrame, an Arrow Table, or a list of dicts.
        labels: name of a row -> label.
        key: the column that names the rows; default: "row_0", "row_1" and so on.
        into: the column.
    """
    column = np.empty(row_count(table), dtype=object)
    column[:] = [labels.get(name) for name in _names(table, key)]
    return with_columns(table, {into: column})
