"""A small model that is taught by a large one (Hinton, Vinyals and Dean, 2015)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import softmax
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import has_fit_parameter, validate_data

from partita.compose.folds import aligned, among, fit_all, lasting, splits_of
from partita.compose.members import Composition, is_of_classifiers, need_probabilities, need_sample_weight, rows_of

__all__ = ["Distil"]

Array = NDArray[np.float64]

_LEAST_PROBABILITY = 1e-6


class Distil(Composition):
    """A student that learns what a teacher says, and is as small and fast as it likes.

    A student that is a classifier and takes `sample_weight` sees each row once for each class, with the teacher's probability
    as its weight: so its log loss against the whole of what the teacher says is least. One that is a regressor learns the
    teacher's log-odds, each class against their mean, by squared loss. In a composition of regressors the student learns values.

    What the teacher says of rows with labels is said out of fold: a teacher is far too sure of rows that it was fitted on.

    Attributes (once fitted):
        student_: the student, which alone predicts. `teacher_`: the teacher, fitted on all rows.
        scores_: of "teacher" and "student" against the truth, out of fold: accuracy, or coefficient of determination. Here the
            student has not been shown further rows, nor any of the fold.
        agreement_: of classifiers, the share of rows for which both say the same; of regressors, the coefficient of
            determination of the student against the teacher; out of fold.
        distance_: how far the student is from the teacher: the mean Kullback-Leibler divergence of probabilities, or the root
            of the mean square of differences; out of fold.
        names_: "teacher" and "student"; `classes_`: of classifiers.
    """

    _looks_at_inputs = True

    def __init__(
        self,
        teacher: Any,
        student: Any,
        *,
        temperature: float = 1.0,
        truth: float = 0.0,
        least: float = 1e-3,
        cv: Any = 5,
        n_jobs: int | None = None,
    ) -> None:
        """
        Args:
            teacher: a classifier with `predict_proba`, or a regressor: a composition, most often.
            student: of the same kind; or a regressor for a teacher of classes (of more than two: one of several outputs).
            temperature: of what the teacher says; above 1, what is improbable counts more.
            truth: from 0 to 1: how much what is true counts beside what the teacher says.
            least: classes that are less probable than this are not shown to a student that is a classifier.
            cv: number of folds, or a splitter, as in scikit-learn.
            n_jobs: processes to fit in.
        """
        self.teacher = teacher
        self.student = student
        self.temperature = temperature
        self.truth = truth
        self.least = least
        self.cv = cv
        self.n_jobs = n_jobs

    @property
    def members(self) -> Any:  # type: ignore[override]
        return [("teacher", self.teacher), ("student", self.student)]

    @property
    def _kind(self) -> str:
        if not hasattr(self.teacher, "fit"):
            return ""
        return "classifier" if is_classifier(self.teacher) else "regressor" if is_regressor(self.teacher) else ""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, further: Any = None) -> Distil:  # noqa: N803
        """Fit the teacher, and the student on what it says.

        Args:
            sample_weight: (rows,); teacher and student have to take it.
            groups: (rows,), for a `cv` by groups.
            further: (more rows, features): rows without labels, of which the student learns what the teacher says.

        Raises:
            ValueError: teacher and student do not go together, or a parameter is wrong.
        """
        self._check()
        self.names_ = [name for name, _ in self.members]
        X, y, rows = self._data(X, y, sample_weight)  # noqa: N806
        if further is not None:
            further = rows_of(further)
            validate_data(self, further, reset=False, skip_check_array=True)
        if rows is not None:
            need_sample_weight(
                [("teacher", self.teacher)] + ([] if self._by_classes() else [("student", self.student)])
            )
        classes = self.classes_ if self._kind == "classifier" else None
        cv = lasting(self.cv)
        splits = splits_of(cv, X, y, groups, is_classifier=classes is not None)
        teacher = [("teacher", self.teacher)]
        folds = fit_all(teacher, X, y, splits, sample_weight=rows, classes=classes, n_jobs=self.n_jobs)
        self.teacher_ = folds.fitted[0]
        seen = np.flatnonzero(
            folds.seen
        )  # what no fold has left out, as the first in time, the teacher has said nothing of
        cv = among(cv, seen, len(y))
        X, y, said = _safe_indexing(X, seen), y[seen], folds.predictions[0][seen]  # noqa: N806
        groups, rows = (None if each is None else _safe_indexing(each, seen) for each in (groups, rows))
        wanted = self._wanted(said, y)
        shown = "values" if classes is None else "classes" if self._by_classes() else "odds"
        pupil = _Pupil(self.student, shown, self.least)
        splits = splits_of(cv, X, y, groups, is_classifier=classes is not None)
        learned = fit_all(
            [("student", pupil)], X, wanted, splits, sample_weight=rows, n_jobs=self.n_jobs, refit=further is None
        )
        if further is None:
            whole = learned.fitted[0]
        else:
            told = self._wanted(aligned(self.teacher_, further, classes), None)
            weights = None if rows is None else np.concatenate([rows, np.full(len(told), float(np.mean(rows)))])
            X, wanted = _stacked(X, further), np.concatenate([wanted, told])  # noqa: N806
            whole = fit_all([("student", pupil)], X, wanted, [], sample_weight=weights, n_jobs=self.n_jobs).fitted[0]
        self.student_, self._pupil = whole.student, whole
        self._compare(said, learned.predictions[0], y, learned.seen, np.ones(len(y)) if rows is None else rows)
        return self

    def _check(self) -> None:
        kinds = {"teacher": self.teacher, "student": self.student}
        for name, model in kinds.items():
            if not hasattr(model, "fit") or not (is_classifier(model) or is_regressor(model)):
                raise ValueError(f"the {name} is to be a classifier or a regressor, and is {model!r}")
        if self._kind == "regressor" and not is_regressor(self.student):
            raise ValueError("a teacher that is a regressor teaches regressors, and the student is none")
        if self._kind == "classifier":
            need_probabilities([("teacher", self.teacher)], "calibrate it: calibrated(member)")
        if self._by_classes():
            need_probabilities([("student", self.student)], "let it be a regressor, which learns log-odds")
            if not has_fit_parameter(self.student, "sample_weight"):
                raise ValueError(
                    "the student takes no sample_weight, by which it is told how probable each class is; take another one, or "
                    "a regressor, which learns log-odds"
                )
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"temperature is a number above 0, and not {self.temperature!r}")
        for name in ("truth", "least"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a number from 0 to 1, and not {getattr(self, name)!r}")

    def _by_classes(self) -> bool:
        """Whether the student is shown rows by classes, and not log-odds or values."""
        return self._kind == "classifier" and bool(is_classifier(self.student))

    def _wanted(self, said: Array, y: Any) -> Array:
        """What the student is to learn: (rows, classes) probabilities, or values."""
        if self._kind == "regressor":
            return said if y is None else (1.0 - self.truth) * said + self.truth * y
        if self.temperature != 1.0:
            said = softmax(np.log(np.maximum(said, 1e-15)) / self.temperature, axis=1)
        if y is None or not self.truth:
            return said
        return np.asarray((1.0 - self.truth) * said + self.truth * (y[:, None] == self.classes_))

    def _compare(self, said: Array, learned: Array, y: Any, seen: NDArray[np.bool_], shares: Array) -> None:
        said, learned, y, shares = said[seen], learned[seen], y[seen], shares[seen]
        if self._kind == "classifier":
            wanted = np.maximum(self._wanted(said, None), 1e-15)
            apart = (wanted * (np.log(wanted) - np.log(np.maximum(learned, 1e-15)))).sum(axis=1)
            self.distance_ = float(np.average(apart, weights=shares))
            said, learned = (self.classes_[np.argmax(each, axis=1)] for each in (said, learned))
        else:
            square = (said - learned) ** 2
            square = square if square.ndim == 1 else square.mean(axis=1)
            self.distance_ = float(np.sqrt(np.average(square, weights=shares)))
        self.agreement_ = self._measured(said, learned, shares)
        self.scores_ = {"teacher": self._measured(y, said, shares), "student": self._measured(y, learned, shares)}

    def predict(self, X: Any) -> Any:  # noqa: N803
        """(rows,) labels or values, of the student."""
        told = self._told(X)
        return self.classes_[np.argmax(told, axis=1)] if self._kind == "classifier" else told

    @available_if(is_of_classifiers)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """(rows, classes), in the order of `classes_`, of the student."""
        return self._told(X)

    def _told(self, X: Any) -> Array:  # noqa: N803
        X = self._looked_at(X)  # noqa: N806
        return np.asarray(self._pupil.predict(X))


class _Pupil(BaseEstimator):  # type: ignore[misc]
    """A student that is shown (rows, classes) of probabilities, as "classes" or as "odds", and predicts such; or "values"."""

    def __init__(self, student: Any, shown: str, least: float) -> None:
        self.student = student
        self.shown = shown
        self.least = least

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> _Pupil:  # noqa: N803
        y = np.asarray(y)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        if self.shown == "classes":
            self.count_ = y.shape[1]
            rows, classes = np.nonzero((y >= self.least) | (y == y.max(axis=1, keepdims=True)))
            counted = y[rows, classes] * (1.0 if sample_weight is None else np.asarray(sample_weight)[rows])
            self.student.fit(_safe_indexing(X, rows), classes, sample_weight=counted)
        else:
            self.student.fit(X, _log_odds(y) if self.shown == "odds" else y, **weights)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        if self.shown == "classes":
            return aligned(self.student, X, np.arange(self.count_))
        told = np.asarray(self.student.predict(X), dtype=np.float64)
        if self.shown == "values":
            return told
        return softmax(np.column_stack([-told / 2.0, told / 2.0]) if told.ndim == 1 else told, axis=1)


def _log_odds(probabilities: Array) -> Array:
    """(rows, classes) logarithms from their mean; of two classes (rows,) those of the second against the first."""
    logs = np.log(np.maximum(probabilities, _LEAST_PROBABILITY))
    return np.asarray(logs[:, 1] - logs[:, 0] if logs.shape[1] == 2 else logs - logs.mean(axis=1, keepdims=True))


def _stacked(first: Any, second: Any) -> Any:
    """Rows below rows."""
    if sparse.issparse(first):
        return sparse.vstack([first, sparse.csr_matrix(second)], format="csr")
    if hasattr(first, "iloc"):
        import pandas

        return pandas.concat([first, second], ignore_index=True)
    return np.concatenate([first, second])
