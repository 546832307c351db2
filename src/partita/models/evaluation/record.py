"""What an evaluation and a comparison found: plain data, with pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from partita.artifacts.codecs.shown import Html

__all__ = ["Comparison", "Evaluation"]


@dataclass(frozen=True)
class Evaluation:
    """How good predictions are.

    It can be passed between steps, shown (`partita artifacts show`, notebooks), written out (`save`) and put into a model card
    (`markdown`).
    """

    kind: str  # "classification", "regression", "ranking", "retrieval", "sequence labelling", "forecast", "learning curve"
    rows: int  # what is counted and resampled: rows, queries, sentences or series
    metrics: dict[str, float]  # of all rows; one that has no value is left out, and a note says why
    main: str = ""  # the metric to look at first
    intervals: dict[str, list[float]] = field(default_factory=dict)  # metric -> low and high by the bootstrap
    confidence: float = 0.95  # of the intervals
    table: list[dict[str, Any]] = field(default_factory=list)  # a row for each class, type, cutoff, horizon or size
    slices: list[dict[str, Any]] = field(default_factory=list)
    """For each slice and metric: "slice", "rows", "metric", "value", "low", "high" (None: no interval), "gap" (value less that of
    all rows), "is_small" (of fewer rows than make sense)."""
    report: str = ""  # as the tool that the field goes by prints it
    pictures: dict[str, Html] = field(default_factory=dict)  # name -> SVG
    notes: list[str] = field(default_factory=list)  # what a reader has to know to take the numbers for what they are

    def __str__(self) -> str:
        return self.markdown()

    def markdown(self, *, heading: str = "Evaluation", pictures: str | None = None) -> str:
        """The evaluation for a model card.

        Args:
            heading: what stands above it, at the second level.
            pictures: the folder that pictures lie in, as a link leads there; None: without pictures.
        """
        parts = [f"## {heading}\n\n{self.kind.capitalize()}, {self.rows:,} {_rows_word(self.kind)}."]
        parts.append(_markdown_table(self._metric_rows()))
        if self.table:
            parts.append(_markdown_table(self.table))
        if self.slices:
            parts.append("### Slices\n\n" + _markdown_table(self._slice_rows()))
        if self.report:
            parts.append(f"```text\n{self.report.rstrip()}\n```")
        if pictures is not None:
            parts += [f"![{name}]({pictures.rstrip('/')}/{name}.svg)" for name in self.pictures]
        parts += ["\n".join(f"- {note}" for note in self.notes)] if self.notes else []
        return "\n\n".join(parts) + "\n"

    def save(self, folder: Path | str) -> list[Path]:
        """Write it into a folder, which is made: `evaluation.json`, `evaluation.md` and each picture as `NAME.svg`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        plain = {**asdict(self), "pictures": [f"{name}.svg" for name in self.pictures]}
        texts = {"evaluation.json": json.dumps(plain, indent=2, ensure_ascii=False, default=str) + "\n"}
        texts["evaluation.md"] = self.markdown(pictures=".")
        texts |= {f"{name}.svg": picture.text for name, picture in self.pictures.items()}
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        return [folder / name for name in texts]

    def _metric_rows(self) -> list[dict[str, Any]]:
        column = f"{self.confidence * 100:g} % interval"
        rows: list[dict[str, Any]] = []
        for name, value in self.metrics.items():
            row: dict[str, Any] = {"metric": name, "value": value}
            if self.intervals:
                low_high = self.intervals.get(name)
                row[column] = f"{_number(low_high[0])} to {_number(low_high[1])}" if low_high else ""
            rows.append(row)
        return rows

    def _slice_rows(self) -> list[dict[str, Any]]:
        """Of the main metric; of all of them they would fill pages."""
        metric = self.main or next(iter(self.metrics), "")
        return [_slice_row(row) for row in self.slices if row["metric"] == metric]

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{escape(self.kind.capitalize())}</b>, {self.rows:,} {_rows_word(self.kind)}</p>"]
        parts.append(_html_table(self._metric_rows()))
        parts += [_html_table(self.table)] if self.table else []
        parts += [_html_table(self._slice_rows())] if self.slices else []
        parts += [f"<p>{escape(note)}</p>" for note in self.notes]
        return "\n".join([*parts, *(picture.text for picture in self.pictures.values())])


@dataclass(frozen=True)
class Comparison:
    """Two models on the same rows."""

    metric: str  # what they are compared by
    rows: int
    first: float  # the metric of the first model
    second: float  # and of the second
    difference: float  # second less first
    interval: list[float] | None  # of the difference, by a bootstrap of the rows of both; None: not asked for
    confidence: float
    p_values: dict[str, float]  # test -> how probable a difference like this one is where there is none
    counts: dict[str, int] = field(default_factory=dict)  # of classifiers: rows that both, one or none had right
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = f"{self.metric}: {_number(self.first)} and {_number(self.second)}, difference {_number(self.difference)}"
        if self.interval is not None:
            told += f" ({_number(self.interval[0])} to {_number(self.interval[1])})"
        return told + "".join(f"; {name} p = {p:.3g}" for name, p in self.p_values.items())

    def markdown(self, *, heading: str = "Comparison") -> str:
        """The comparison for a model card."""
        rows: list[dict[str, Any]] = [{"": "first", self.metric: self.first}, {"": "second", self.metric: self.second}]
        rows.append({"": "difference", self.metric: self.difference})
        told = [f"{name}: p = {p:.3g}" for name, p in self.p_values.items()]
        if self.interval is not None:
            low, high = map(_number, self.interval)
            told.insert(0, f"The {self.confidence * 100:g} % interval of the difference is {low} to {high}.")
        notes = "\n".join(f"- {line}" for line in [*told, *self.notes])
        return f"## {heading}\n\n{self.rows:,} rows.\n\n{_markdown_table(rows)}\n\n{notes}\n"


def _rows_word(kind: str) -> str:
    return {"ranking": "queries", "retrieval": "queries", "sequence labelling": "sentences", "forecast": "series"}.get(
        kind, "rows"
    )


def _slice_row(row: Mapping[str, Any]) -> dict[str, Any]:
    has_interval = row["low"] is not None
    return {
        "slice": row["slice"] + (" (few rows)" if row["is_small"] else ""), "rows": row["rows"], "metric": row["metric"],
        "value": row["value"], "interval": f"{_number(row['low'])} to {_number(row['high'])}" if has_interval else "",
        "gap": row["gap"],
    }  # fmt: skip


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e5 else f"{value:.6g}"
    return "" if value is None else str(value)


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = _columns(rows)

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    body = [line(_number(row.get(name)) for name in names) for row in rows]
    return "\n".join([line(names), line("---" for _ in names), *body])


def _html_table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = _columns(rows)
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = ["".join(f"<td>{escape(_number(row.get(name)))}</td>" for name in names) for row in rows]
    return f"<table><tr>{head}</tr>" + "".join(f"<tr>{row}</tr>" for row in body) + "</table>"
