"""Fitting a composition as a flow: each member on each fold is a step, which runs beside the others and is kept for good.

A composition asks for its members through one gate, `fit_all` of `folds`. Here what comes through it is not fitted but told: the
flow lays out a step for each part, and fits the composition anew once they are done, which then finds them there and goes
on to the next thing that it asks for (a further layer of a stack), or to its end. No member is fitted twice for that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sklearn.base import clone

from partita.compose.folds import Folds, Work, fit_part, fitted_by
from partita.compose.written import composition_of
from partita.flow.flow import flow
from partita.flow.ref import Ref
from partita.flow.task import task

__all__ = ["fit_composition", "predict"]


class _Asked(Exception):
    """A composition asks for what has not been fitted yet."""

    def __init__(self, work: Work) -> None:
        super().__init__("asks for members that are not fitted yet")
        self.work = work


@flow(tags=("model", "compose", "fit", "blend", "stack", "vote", "cascade"))
def fit_composition(
    composition: Ref[Any],
    x: Ref[Any],
    y: Ref[Any],
    sample_weight: Ref[Any] = None,
    groups: Ref[Any] = None,
) -> Any:
    """Fit a composition with a step for each member and fold: in parallel, cached, and resumed after a crash.

    Args:
        composition: one of `partita.compose`, not fitted; or a mapping that describes one, see `composition_of`.
        x: (rows, features): an array, a data frame or a sparse matrix.
        y: (rows,) labels or values.
        sample_weight: (rows,): how much each row counts.
        groups: (rows,): of the rows, for folds by groups.

    Returns:
        The fitted composition.
    """
    data = {"x": x, "y": y, "sample_weight": sample_weight, "groups": groups}
    asked = _ask(composition, data)
    return _go_on(asked["parts"], composition, data, asked)


@flow(name="members")
def _go_on(
    parts: list[tuple[str, int, int | None]], composition: Ref[Any], data: Ref[Any], asked: Ref[dict[str, Any]]
) -> Any:
    """Fit the parts that were asked for, and ask again; without any, the composition is fitted."""
    if not parts:
        return asked["model"]
    shared = asked["shared"]
    results = _fit_part.map(
        [asked["members"][number] for _, number, _ in parts],
        [None if at is None else asked["splits"][at] for _, _, at in parts],
        shared,
        key=[name for name, _, _ in parts],
    )
    then = _ask(composition, data, asked, results)
    return _go_on(then["parts"], composition, data, then)


@task(cache=True, name="fit_part")
def _fit_part(member: Any, split: Any, shared: dict[str, Any]) -> Any:
    """A member fitted on all rows; with a split, what it predicts of the rows that were left out."""
    return fit_part(
        member,
        shared["inputs"],
        shared["targets"],
        None if split is None else (split[0], split[1]),
        sample_weight=shared["sample_weight"],
        classes=shared["classes"],
    )


@task(cache=True, name="compose")
def _ask(
    composition: Any,
    data: dict[str, Any],
    asked: dict[str, Any] | None = None,
    results: list[Any] | None = None,
) -> dict[str, Any]:
    """What the composition asks for next: parts, and what they are made of; without parts, "model" is the fitted one."""
    done: list[Folds] = [] if asked is None else list(asked["done"])
    if asked is not None:
        done.append(_work_of(asked).gathered(results or []))
    left = iter(done)

    def find(work: Work) -> Folds:
        found = next(left, None)
        if found is None:
            raise _Asked(work)
        return found

    given = {name: data[name] for name in ("sample_weight", "groups") if data[name] is not None}
    made = composition_of(composition) if isinstance(composition, Mapping) else clone(composition)
    try:
        with fitted_by(find):
            made.fit(data["x"], data["y"], **given)
    except _Asked as more:
        return {"parts": _named(more.work), "model": None, "done": done, **_told(more.work)}
    return {"parts": [], "model": made}


def _named(work: Work) -> list[tuple[str, int, int | None]]:
    """Of each part its name as people see it, the number of its member, and that of its fold."""
    met: Counter[str] = Counter()
    names = []
    for name, _ in work.members:
        met[name] += 1
        names.append(name if met[name] == 1 else f"{name} {met[name]}")  # a bag draws for one member several times
    return [
        (names[number] if at is None else f"{names[number]}, fold {at + 1}", number, at) for number, at in work.parts
    ]


def _told(work: Work) -> dict[str, Any]:
    """Some work as a value whose parts are stored each for itself."""
    return {
        "names": [name for name, _ in work.members],
        "members": [member for _, member in work.members],
        "splits": [list(split) for split in work.splits],
        "shared": {
            "inputs": work.inputs,
            "targets": work.targets,
            "sample_weight": work.sample_weight,
            "classes": work.classes,
        },
        "refit": work.refit,
    }


def _work_of(asked: Mapping[str, Any]) -> Work:
    shared = asked["shared"]
    return Work(
        list(zip(asked["names"], asked["members"], strict=True)),
        shared["inputs"],
        shared["targets"],
        [(train, test) for train, test in asked["splits"]],
        shared["sample_weight"],
        shared["classes"],
        asked["refit"],
    )


@task(tags=("model", "compose", "predict"))
def predict(model: Any, x: Any, probabilities: bool = False) -> Any:
    """What a model predicts.

    Args:
        model: anything fitted that predicts.
        x: (rows, features).
        probabilities: of classes, instead of labels.

    Returns:
        (rows,) labels or values; (rows, classes) with `probabilities`.
    """
    return model.predict_proba(x) if probabilities else model.predict(x)
