"""Tuning compositions and other estimators of scikit-learn: a step for each member and fold, cached where nothing has changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.metrics import get_scorer
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold
from sklearn.utils import _safe_indexing

from partita.compose.flows import fit_composition
from partita.compose.written import composition_of
from partita.flow.context import context
from partita.flow.flow import flow
from partita.flow.ref import Ref
from partita.flow.task import task
from partita.tune.dimensions import dimension_of

if TYPE_CHECKING:
    from partita.tune.study import Study

__all__ = ["cross_validate", "tune_composition"]


@flow(tags=("model", "tune", "evaluate"))
def cross_validate(
    estimator: Ref[Any],
    x: Ref[Any],
    y: Ref[Any],
    parameters: dict[str, Any] | None = None,
    scoring: str = "",
    cv: int = 5,
    groups: Ref[Any] = None,
    seed: int = 0,
) -> dict[str, float]:
    """How good an estimator with these parameters is on rows that it was not fitted on.

    Each fold reports its score as "score", with its number as the step, so that hopeless trials can be pruned.

    Args:
        estimator: not fitted; or a mapping that describes one, see `partita.compose.written.composition_of`.
        x: (rows, features): an array, a data frame or a sparse matrix.
        y: (rows,) labels or values.
        parameters: as `set_params` takes them: {"line__C": 0.1}.
        scoring: one of scikit-learn's names; default: the estimator's own score.
        cv: folds; of classifiers, each has its share of each class.
        groups: (rows,): rows of one group are in one fold.
        seed: of the shuffling before rows are dealt out to folds.

    Returns:
        "score": the mean over the folds; "spread": their standard deviation.
    """
    made = _with_parameters(estimator, parameters or {})
    kind = _kind(made)
    scores = []
    for number in range(cv):
        rows = _fold(kind, x, y, groups, cv, number, seed)
        model = fit_composition(made, rows["fit_x"], rows["fit_y"])
        scores.append(_score(model, rows["test_x"], rows["test_y"], scoring, number))
    return _summary(scores)


@task(cache=True, name="with_parameters")
def _with_parameters(estimator: Any, parameters: dict[str, Any]) -> Any:
    made = composition_of(estimator) if isinstance(estimator, Mapping) else clone(estimator)
    return made.set_params(**parameters)


@task(name="kind")
def _kind(estimator: Any) -> str:
    return "classifier" if is_classifier(estimator) else "regressor"


@task(cache=True, name="fold")
def _fold(kind: str, x: Any, y: Any, groups: Any, cv: int, number: int, seed: int) -> dict[str, Any]:
    if groups is not None:
        splitter: Any = GroupKFold(cv)
    elif kind == "classifier":
        splitter = StratifiedKFold(cv, shuffle=True, random_state=seed)
    else:
        splitter = KFold(cv, shuffle=True, random_state=seed)
    kept, left = list(splitter.split(x, y, groups))[number]
    taken = _safe_indexing
    return {"fit_x": taken(x, kept), "fit_y": taken(y, kept), "test_x": taken(x, left), "test_y": taken(y, left)}


@task(name="score")
def _score(model: Any, x: Any, y: Any, scoring: str, number: int) -> float:
    found = float(get_scorer(scoring)(model, x, y) if scoring else model.score(x, y))
    context().report("score", found, number)
    return found


@task(name="summary")
def _summary(scores: list[float]) -> dict[str, float]:
    return {"score": float(np.mean(scores)), "spread": float(np.std(scores))}


def tune_composition(
    estimator: Any,
    x: Any,
    y: Any,
    space: Mapping[str, Any],
    *,
    scoring: str = "",
    cv: int = 5,
    groups: Any = None,
    **options: Any,
) -> Study:
    """Search the parameters of an estimator or of members of a composition for the best cross-validated score.

    Args:
        estimator: of scikit-learn, not fitted, such as `Blend([("line", LogisticRegression()), ...])`.
        x, y, groups, scoring, cv: as for `cross_validate`.
        space: ranges and choices by the names that `set_params` takes: {"line__C": Range(0.01, 100, log=True)}.
        options: those of `tune`, such as `trials` and `seed`.

    Returns:
        The study; `estimator.set_params(**study.best_parameters)` is the best one, to be fitted on all rows.

    Raises:
        ValueError: the estimator has no such parameter.
        StudyError, CheckError: as `tune` raises them.
    """
    from partita.tune.study import tune

    known = estimator.get_params()
    wrong = [name for name in space if name not in known]
    if wrong:
        near = ", ".join(sorted(name for name in known if name.rpartition("__")[2] == wrong[0].rpartition("__")[2])[:5])
        raise ValueError(
            f"the estimator has no parameter {wrong[0]!r}; "
            + (f"it has {near}" if near else "get_params() lists those it has")
        )
    if groups is not None:
        options["inputs"] = {**options.get("inputs", {}), "groups": groups}
    return tune(
        cross_validate, estimator, x, y, scoring=scoring, cv=cv, objective="score", into="parameters",
        space={name: dimension_of(given) for name, given in space.items()}, **options,
    )  # fmt: skip
