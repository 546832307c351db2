"""Which members and inputs a prediction came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from partita.compose.auto import Auto
from partita.compose.folds import aligned
from partita.compose.members import Composition, rows_of
from partita.compose.replayed import standing_in

__all__ = ["Explanation", "InputEffect", "MemberSaid", "explain"]

Array = NDArray[np.float64]

#: Rows of the background that a value is exchanged with, and inputs that are looked at, at most.
_EXCHANGED, _INPUTS = 20, 500


@dataclass(frozen=True)
class MemberSaid:
    """What one member said of a row."""

    name: str
    said: Any  # its label or value
    probability: (
        float | None
    )  # that it gives to what the composition says; None: it tells none, or values are predicted
    effect: float | None  # by how much it moved what is explained, against its mean on the background; None: not known
    weight: float | None  # in the composition, where it has weights
    answers: bool  # whether it was asked: the later stages of a cascade are not where an earlier one was sure


@dataclass(frozen=True)
class InputEffect:
    """What one input did."""

    name: str  # of the column, or "input 3"
    value: Any
    effect: float  # by how much it moved what is explained, against values of the background


@dataclass(frozen=True)
class Explanation:
    """Where the prediction of one row came from."""

    said: Any  # the label or the value
    explained: float  # the probability of the label, or the value
    members: list[MemberSaid]
    inputs: list[InputEffect] = field(default_factory=list)  # the largest effects first

    def __str__(self) -> str:
        lines = [f"{self.said} ({self.explained:.4g})"]
        for each in self.members:
            if not each.answers:
                lines.append(f"  {each.name} was not asked")
                continue
            told = "" if each.probability is None else f", with {each.probability:.3g}"
            moved = "" if each.effect is None else f"; it moved the answer by {each.effect:+.3g}"
            lines.append(f"  {each.name} says {_short(each.said)}{told}{moved}")
        lines += [f"  {each.name} = {_short(each.value)} moved it by {each.effect:+.3g}" for each in self.inputs]
        return "\n".join(lines)


def explain(composition: Any, X: Any, *, background: Any = None, inputs: int = 5) -> list[Explanation]:  # noqa: N803
    """Tell for each row which members and inputs its prediction came from.

    A member's effect is the change of the prediction when, instead of its word on this row, its mean on the background is heard.
    An input's effect is the mean change when its value is exchanged with those of rows of the background, all else as it is.

    Args:
        composition: fitted; of classifiers, it predicts probabilities. Compositions that are members are not taken apart.
        X: (rows, features): arrays or data frames; of sparse matrices and texts the inputs are not looked at.
        background: (rows, features): rows as they usually are, such as some that it was fitted on; default: `X` itself.
        inputs: of the strongest so many are told; 0: none is looked at, which is quicker.

    Returns:
        An explanation for each row.

    Raises:
        ValueError: classifiers that predict no probabilities.
    """
    check_is_fitted(composition)
    X, usual = rows_of(X), rows_of(X if background is None else background)  # noqa: N806
    model = composition.model_ if isinstance(composition, Auto) else composition
    classes = getattr(composition, "classes_", None)
    if classes is not None and not hasattr(composition, "predict_proba"):
        raise ValueError(f"a {type(composition).__name__.lower()} that predicts no probabilities cannot be explained")
    count = X.shape[0]
    told = aligned(composition, X, classes)
    said = composition.predict(X)
    # Where misses differ in what they cost, another class may be said than the most probable one.
    at = np.searchsorted(classes, said) if classes is not None else None
    explained = _picked(told, at)
    members = _members(composition, model, X, usual, at, classes)
    effects = _inputs(composition, X, usual, at, classes, explained) if inputs else []
    return [
        Explanation(
            said=_plain(said[row]),
            explained=float(np.mean(explained[row])),
            members=[each[row] for each in members],
            inputs=_strongest(effects, row, inputs),
        )
        for row in range(count)
    ]


def _picked(told: Array, at: NDArray[np.int64] | None) -> Array:
    """(rows[, outputs]): the probability of the class that is explained, or the value."""
    return told if at is None else told[np.arange(len(told)), at]


def _members(
    composition: Any,
    model: Any,
    X: Any,  # noqa: N803
    usual: Any,
    at: NDArray[np.int64] | None,
    classes: NDArray[Any] | None,
) -> list[list[MemberSaid]]:
    """Of each member what it said of each row."""
    names = list(getattr(composition, "names_", []))
    fitted = model.layers_[0] if hasattr(model, "layers_") else getattr(composition, "members_", [])
    if len(fitted) != len(names):
        return []
    told = [_words(member, X, classes) for member in fitted]
    means = [
        None if words is None else _words(member, usual, classes) for member, words in zip(fitted, told, strict=True)
    ]
    weights = getattr(model, "weights_", None)
    stages = model.stage_of(X) if hasattr(model, "stage_of") else None
    effects = _member_effects(model, told, means, at)
    found = []
    for number, (name, member) in enumerate(zip(names, fitted, strict=True)):
        said, words = member.predict(X), told[number]
        chance = None if words is None or at is None else _picked(words, at)
        found.append(
            [
                MemberSaid(
                    name=name,
                    said=_plain(said[row]),
                    probability=None if chance is None else float(chance[row]),
                    effect=None if effects is None else float(np.mean(effects[number][row])),
                    weight=None if weights is None or len(weights) != len(names) else float(weights[number]),
                    answers=stages is None or number <= stages[row],
                )
                for row in range(X.shape[0])
            ]
        )
    return found


def _words(member: Any, X: Any, classes: NDArray[Any] | None) -> Array | None:  # noqa: N803
    """What a member predicts, as compositions hear it; None: it tells no probabilities."""
    if classes is not None and not hasattr(member, "predict_proba"):
        return None
    return aligned(member, X, classes)


def _member_effects(
    model: Any, told: Sequence[Array | None], usual: Sequence[Array | None], at: NDArray[np.int64] | None
) -> list[Array] | None:
    """Of each member by how much it moved each row; None: that cannot be told."""
    if not isinstance(model, Composition) or any(words is None for words in told):
        return None
    words = np.array(told)
    rows = np.arange(words.shape[1])[:, None].astype(np.float64)
    classes = model.classes_ if at is not None else None
    try:
        whole = _picked(aligned(standing_in(model, words), rows, classes), at)
        found = []
        for number, mean in enumerate(usual):
            exchanged = words.copy()
            exchanged[number] = np.mean(np.asarray(mean), axis=0)
            found.append(whole - _picked(aligned(standing_in(model, exchanged), rows, classes), at))
    except ValueError:
        return None
    return found


def _inputs(
    composition: Any,
    X: Any,  # noqa: N803
    usual: Any,
    at: NDArray[np.int64] | None,
    classes: NDArray[Any] | None,
    explained: Array,
) -> list[tuple[str, Any, Array]]:
    """Of each input its name, its values, and by how much they moved each row."""
    if not hasattr(X, "shape") or len(X.shape) != 2 or hasattr(X, "toarray") or X.shape[1] > _INPUTS:
        return []
    draws = np.unique(np.linspace(0, usual.shape[0] - 1, min(_EXCHANGED, usual.shape[0])).astype(np.int64))
    count = X.shape[0]
    repeated = np.repeat(np.arange(count), len(draws))
    picks = None if at is None else at[repeated]
    found = []
    for column in range(X.shape[1]):
        many = _safe_indexing(X, repeated)
        if hasattr(X, "iloc"):
            name = str(X.columns[column])
            values = list(X.iloc[:, column])
            many = many.copy()
            many[many.columns[column]] = usual.iloc[np.tile(draws, count), column].array
        else:
            name, values = f"input {column}", list(X[:, column])
            many = np.array(many)
            many[:, column] = np.asarray(usual)[np.tile(draws, count), column]
        told = _picked(aligned(composition, many, classes), picks)
        found.append((name, values, explained - told.reshape(count, len(draws), *told.shape[1:]).mean(axis=1)))
    return found


def _strongest(effects: Sequence[tuple[str, Any, Array]], row: int, count: int) -> list[InputEffect]:
    told = [InputEffect(name, _plain(values[row]), float(np.mean(moved[row]))) for name, values, moved in effects]
    return sorted(told, key=lambda each: -abs(each.effect))[:count]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value.tolist() if isinstance(value, np.ndarray) else value


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
