"""What a model is not for: rows that are out of its scope are told by how sure it is, or by a detector."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_classifier

__all__ = ["ScopeScores", "is_learned", "scope_threshold", "share_kept"]

Array = NDArray[np.float64]

_USUAL_SHARE = 0.95
_ROUNDING = 1e-9


def is_learned(given: Any) -> bool:
    """Whether it is a classifier, and no function, text or detector."""
    return hasattr(given, "fit") and bool(is_classifier(given))


class ScopeScores(BaseEstimator):  # type: ignore[misc]
    """A detector whose scores are called `predict`, as folds ask: the higher, the more a row is in scope.

    An outlier detector scores by `score_samples`; a classifier, which is fitted on 0 (outside) and 1 (in scope), by the
    probability of 1.
    """

    def __init__(self, detector: Any) -> None:
        self.detector = detector

    def fit(self, X: Any, y: Any) -> ScopeScores:  # noqa: N803
        self.detector.fit(X, y) if is_learned(self.detector) else self.detector.fit(X)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        if is_learned(self.detector):
            return self.detector.predict_proba(X)[:, np.searchsorted(self.detector.classes_, 1)]
        return self.detector.score_samples(X)


def scope_threshold(
    scores: Array,
    inside: NDArray[np.bool_],
    shares: Array,
    *,
    right: NDArray[np.bool_] | None = None,
    keep: float | None = None,
    accuracy: float | None = None,
) -> float:
    """From what score on a row is in scope.

    Args:
        scores: (rows,): out of fold.
        inside: (rows,): which are in scope.
        shares: (rows,): how much each counts.
        right: (rows,): which are answered rightly, where that can be said.
        keep: of the rows in scope, the share that is to be kept at least.
        accuracy: of the rows in scope, the share that is to be kept and answered rightly at least.
            Without both: what separates best, the share of rows in scope that is kept and the share of others that is found
            counting alike; where there are no others, 0.95 are kept.

    Raises:
        ValueError: the accuracy is not reached even with all rows kept.
    """
    good = inside if accuracy is None or right is None else inside & right
    whole = shares[inside].sum()
    if accuracy is None and keep is None and not np.all(inside):
        return _separating(scores, inside, shares)
    wanted = accuracy if accuracy is not None else _USUAL_SHARE if keep is None else keep
    most = float(shares[good].sum() / whole)
    if wanted > most + _ROUNDING:
        raise ValueError(
            f"an accuracy of {wanted:g} in scope is not reached: out of fold, {most:.4g} are right with all rows kept"
        )
    order = np.argsort(-scores[good], kind="stable")
    kept = np.cumsum(shares[good][order]) / whole
    return float(scores[good][order][int(np.argmax(kept >= wanted - _ROUNDING))]) if wanted > 0 else float("inf")


def _separating(scores: Array, inside: NDArray[np.bool_], shares: Array) -> float:
    """Where the share of rows in scope that is kept and that of others that is found are most together (Youden, 1950)."""
    order = np.argsort(scores, kind="stable")
    lost = np.cumsum(np.where(inside, shares, 0.0)[order]) / shares[inside].sum()
    found = np.cumsum(np.where(inside, 0.0, shares)[order]) / max(shares[~inside].sum(), 1e-300)
    ends = np.append(scores[order][1:] > scores[order][:-1], True)  # rows of one score go together
    gains = np.where(ends, found - lost, -np.inf)
    best = int(np.argmax(gains))
    if gains[best] <= 0.0:
        return float("-inf")
    return float(np.append(scores[order], np.inf)[best + 1])


def share_kept(is_kept: NDArray[np.bool_], rows: NDArray[np.bool_], shares: Array) -> float:
    """Of these rows, the share that is kept; not a number where there are none."""
    whole = shares[rows].sum()
    return float(shares[rows & is_kept].sum() / whole) if whole > 0.0 else float("nan")
