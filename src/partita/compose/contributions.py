"""What each member of a composition adds to it: a report with its numbers and pictures."""

from __future__ import annotations

import pickle
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing

from partita.artifacts.codecs.shown import Html
from partita.compose.folds import fit_all, splits_of
from partita.compose.members import Composition, need_probabilities
from partita.compose.replayed import cross_fitted, stand_ins, with_members
from partita.compose.weighted import OutOfFold
from partita.drawing.charts import Bar, interval_chart, shade_chart

__all__ = ["Contribution", "Report", "report"]

Array = NDArray[np.float64]

#: Rows that a member's time is taken with, and how often; standard errors from a mean to the ends of its interval.
_TIMED_ROWS, _TIMES, _REACH = 1000, 3, 1.96


@dataclass(frozen=True)
class Contribution:
    """What one member adds."""

    name: str
    loss: float  # of the member alone, out of fold
    without: float | None  # loss of the composition without it; None: it cannot do without
    adds: float | None  # how much the loss is less with it than without
    low: float | None  # of the 95 % interval of what it adds
    high: float | None
    weight: float | None  # where the composition gives weights
    correlation: float | None  # mean correlation of its errors with those of the others
    ms_per_1000_rows: float  # to predict, with one processor
    size_bytes: int  # of the fitted member, pickled

    @property
    def is_needed(self) -> bool | None:
        """Whether what it adds is more than noise; None: not known."""
        return None if self.low is None else self.low > 0


@dataclass(frozen=True)
class Report:
    """How good a composition is, out of fold, and what each member adds."""

    composition: str  # its kind
    rows: int  # that were predicted out of fold
    measure: str  # "log loss" or "squared loss"
    loss: float  # of the composition
    members: list[Contribution]
    correlation: list[list[float]]  # of the members' errors, in their order
    disagreement: list[list[float]] = field(
        default_factory=list
    )  # shares of rows where two classifiers say different things
    diversity: float | None = (
        None  # mean disagreement of classifiers; mean variance between what regressors say (ambiguity)
    )
    pictures: dict[str, Html] = field(default_factory=dict)  # name -> SVG

    def __str__(self) -> str:
        return self.markdown()

    def markdown(self) -> str:
        """The report as a text with a table."""
        lines = [
            f"## What the members of the {self.composition} add",
            "",
            f"Its {self.measure} out of fold, of {self.rows:,} rows, is {self.loss:.4g}.",
            "",
            "| member | alone | without it | adds | weight | correlation | ms per 1,000 rows | bytes |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for each in self.members:
            adds = "" if each.adds is None else f"{each.adds:.3g} ({each.low:.3g} to {each.high:.3g})"
            cells = [
                each.name, f"{each.loss:.4g}", _cell(each.without), adds, _cell(each.weight), _cell(each.correlation),
                f"{each.ms_per_1000_rows:.3g}", f"{each.size_bytes:,}",
            ]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
        spare = [each.name for each in self.members if each.is_needed is False]
        if spare:
            lines += ["", f"It does no worse, beyond chance, without any one of: {', '.join(spare)}."]
        return "\n".join(lines) + "\n"


def report(
    composition: Composition,
    X: Any,  # noqa: N803
    y: Any,
    *,
    sample_weight: Any = None,
    groups: Any = None,
    n_jobs: int | None = None,
) -> Report:
    """What each member adds to a composition.

    Members are fitted on all rows and on each fold, once. What joins them is then fitted on the other folds, with all of them and
    with all but one, and the losses are compared row by row.

    Args:
        composition: of regressors, or of classifiers with probabilities; fitted or not, it is left as it is.
        X: (rows, features).
        y: (rows,) labels or values.
        sample_weight: (rows,): how much each row counts.
        groups: (rows,), for a `cv` by groups.
        n_jobs: processes to fit in.

    Raises:
        ValueError: members do not go together, or the composition looks at the inputs itself (a stack with passthrough).
    """
    made = with_members(composition, composition.members)
    members = made._checked_members()
    is_classifier = made._kind == "classifier"
    if is_classifier:
        need_probabilities(members)
    X, y, rows = made._data(X, y, sample_weight)  # noqa: N806
    splits = splits_of(getattr(composition, "cv", 5), X, y, groups, is_classifier=is_classifier)
    classes = made.classes_ if is_classifier else None
    folds = fit_all(members, X, y, splits, sample_weight=rows, classes=classes, n_jobs=n_jobs)
    told = OutOfFold(folds, y, classes, rows)
    names = [name for name, _ in members]
    told_members = stand_ins(names, folds.predictions, classes)
    whole = told.losses_of(cross_fitted(composition, told, told_members))
    weights = _weights(composition, told, told_members)
    errors = _errors(told)
    correlation = _correlation(errors)
    alone = told.losses_alone()
    disagreement = _disagreement(told) if is_classifier else []
    found = []
    for number, name in enumerate(names):
        others = [at for at in range(len(names)) if at != number]
        found.append(
            Contribution(
                name=name,
                loss=told.mean(alone[number]),
                **_left_out(composition, told, told_members, number, whole),
                weight=None if weights is None else float(weights[number]),
                correlation=float(np.mean([correlation[number][at] for at in others])) if others else None,
                ms_per_1000_rows=_ms_per_1000_rows(folds.fitted[number], X),
                size_bytes=len(pickle.dumps(folds.fitted[number])),
            )
        )
    made_report = Report(
        composition=type(composition).__name__.lower(),
        rows=int(told.seen.sum()),
        measure="log loss" if is_classifier else "squared loss",
        loss=told.mean(whole),
        members=found,
        correlation=correlation,
        disagreement=disagreement,
        diversity=_diversity(told, weights, disagreement),
    )
    return replace(made_report, pictures=_pictures(made_report))


def _left_out(
    composition: Composition, told: OutOfFold, members: Sequence[tuple[str, Any]], number: int, whole: Array
) -> dict[str, float | None]:
    """What the composition is without a member."""
    nothing: dict[str, float | None] = {"without": None, "adds": None, "low": None, "high": None}
    others = [each for at, each in enumerate(members) if at != number]
    if not others:
        return nothing
    less = with_members(composition, others)
    for name in ("costs", "weights"):
        given = getattr(less, name, None)
        if (
            given is not None and np.ndim(given) == 1 and len(given) == len(members)
        ):  # and no matrix of what misses cost
            setattr(less, name, [each for at, each in enumerate(given) if at != number])
    try:
        without = told.losses_of(cross_fitted(less, told, others))
    except ValueError:  # a cascade of one
        return nothing
    adds, noise = told.gain(without - whole)
    return {"without": told.mean(without), "adds": adds, "low": adds - _REACH * noise, "high": adds + _REACH * noise}


def _weights(composition: Composition, told: OutOfFold, members: Sequence[tuple[str, Any]]) -> Array | None:
    """The members' weights when all rows are looked at; None: it has none."""
    rows = np.flatnonzero(told.seen)
    made = with_members(composition, members)
    if hasattr(made, "cv"):
        made.cv = 2
    made.fit(rows[:, None].astype(np.float64), told.labels[rows])
    weights = getattr(made, "weights_", None)
    return None if weights is None or len(weights) != len(members) else np.asarray(weights, dtype=np.float64)


def _errors(told: OutOfFold) -> Array:
    """(members, rows that were left out): how far each is off; of classifiers what the true class lacks to 1."""
    given = told.given[:, told.seen]
    if told.classes is not None:
        return np.asarray(1.0 - given)
    off = told.truth[told.seen] - given
    return np.asarray(off.reshape(len(off), -1))


def _correlation(errors: Array) -> list[list[float]]:
    """Between members; 0 where one's errors do not vary."""
    centred = errors - errors.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1))
    scaled = centred / np.where(length > 0, length, 1.0)[:, None]
    return [[float(min(1.0, max(-1.0, value))) for value in row] for row in scaled @ scaled.T]


def _disagreement(told: OutOfFold) -> list[list[float]]:
    said = np.argmax(told.predictions[:, told.seen], axis=2)
    return [[float(np.mean(one != other)) for other in said] for one in said]


def _diversity(told: OutOfFold, weights: Array | None, disagreement: list[list[float]]) -> float | None:
    count = len(told.predictions)
    if count < 2:
        return None
    if told.classes is not None:
        return float(np.sum(disagreement) / (count * (count - 1)))
    shares = np.full(count, 1.0 / count) if weights is None else weights
    given = told.given[:, told.seen]
    mean = np.tensordot(shares, given, axes=1)
    return float(np.mean(np.tensordot(shares, (given - mean) ** 2, axes=1)))


def _ms_per_1000_rows(member: Any, X: Any) -> float:  # noqa: N803
    rows = _safe_indexing(X, np.arange(min(X.shape[0], _TIMED_ROWS)))
    took = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        member.predict(rows)
        took.append(time.perf_counter() - began)
    return float(1e6 * statistics.median(took) / rows.shape[0])


def _pictures(made: Report) -> dict[str, Html]:
    bars = [
        Bar(each.name, each.adds, each.low, each.high, is_faint=not each.is_needed)
        for each in made.members
        if each.adds is not None
    ]
    pictures = {}
    if bars:
        label = f"by how much the {made.measure} is less with it"
        pictures["adds"] = Html(interval_chart("What each member adds", bars, x_label=label, guide=0.0))
    names = [each.name for each in made.members]
    if len(names) > 1:
        pictures["correlation"] = Html(shade_chart("Correlation of errors", names, made.correlation, span=(-1.0, 1.0)))
    if len(names) > 1 and made.disagreement:
        top = max(max(row) for row in made.disagreement) or 1.0
        pictures["disagreement"] = Html(
            shade_chart("Share of rows with different answers", names, made.disagreement, span=(0.0, top))
        )
    return pictures


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
