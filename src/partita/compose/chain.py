"""Models in a row: what one gives is what the next one takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.metaestimators import available_if

from partita.compose.calibration import Calibration, calibration_of, need_calibration
from partita.compose.folds import aligned, among, fit_all, lasting, splits_of
from partita.compose.members import Composition, Members, named, need_sample_weight

__all__ = ["Chain"]

Array = NDArray[np.float64]

_WAYS = ("transform", "held_out_transform", "predict", "predict_proba", "decision_function")


def _gives_probabilities(chain: Chain) -> bool:
    if chain._kind != "classifier" or not hasattr(chain._last(), "predict_proba"):
        raise AttributeError("only a chain whose last link is a classifier with probabilities predicts them")
    return True


class Chain(Composition):
    """Links, each of which learns from what the one before gives, alone or beside what that one has seen.

    What a link predicts is given on out of fold: the next one learns from predictions of rows that were not fitted on, as it will
    get them later. "transform" is as in a pipeline: `fit_transform` on all rows, which encoders that look at `y` fit on folds
    themselves, as scikit-learn's `TargetEncoder`. "held_out_transform" does that for those that do not: the rows of a fold are
    transformed by a link that was fitted on the others. It is for columns that mean the same in each fold.

    Attributes (once fitted):
        links_: the links, fitted on all rows; `names_` are their names, and `gives_` is what each but the last gives.
        calibration_: what calibrates, if that was asked for.
        classes_: of a chain that ends in a classifier.
    """

    _looks_at_inputs = True

    def __init__(
        self,
        members: Members,
        *,
        gives: Mapping[str, str] | None = None,
        append: bool | Sequence[str] = False,
        cv: Any = 5,
        calibrate: str | None = None,
        n_jobs: int | None = None,
    ) -> None:
        """
        Args:
            members: the links in their order: estimators, or pairs of a name and one. The last is a classifier or a regressor.
            gives: what a link gives, by its name: "transform", "held_out_transform", "predict", "predict_proba" or
                "decision_function". Default: probabilities, or what it transforms, or what it predicts, the first that it has.
            append: whether links see what the link before has seen beside what it gives; or names: of links whose output is so
                appended.
            cv: number of folds, or a splitter, as in scikit-learn.
            calibrate: "sigmoid", "isotonic" or "temperature": the last link is calibrated on its out-of-fold predictions.
            n_jobs: processes to fit in.
        """
        self.members = members
        self.gives = gives
        self.append = append
        self.cv = cv
        self.calibrate = calibrate
        self.n_jobs = n_jobs

    @property
    def _kind(self) -> str:
        last = self._last()
        return "classifier" if is_classifier(last) else "regressor" if is_regressor(last) else ""

    def _last(self) -> Any:
        links = self._named()
        return links[-1][1] if links else None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        links = self._named()
        if links:  # what goes in goes into the first, unless it is passed on
            first = get_tags(links[0][1])
            tags.input_tags.string = first.input_tags.string
            if not self._appended(links[0][0]):
                tags.input_tags.sparse, tags.input_tags.allow_nan = first.input_tags.sparse, first.input_tags.allow_nan
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Chain:  # noqa: N803
        """Fit one link after the other.

        Args:
            sample_weight: (rows,); all links have to take it but those that are asked to "transform", which are not told.
            groups: (rows,), for a `cv` by groups.

        Raises:
            ValueError: a parameter is wrong, or a link cannot take what the one before gives: both are named.
        """
        links = named(self.members)
        if not self._kind:
            raise ValueError(f"the last link, {links[-1][0]}, is to be a classifier or a regressor")
        need_calibration(self.calibrate, self._kind)
        if self.calibrate is not None and not hasattr(links[-1][1], "predict_proba"):
            raise ValueError(
                f"the last link, {links[-1][0]}, predicts no probabilities to calibrate; leave calibrate out"
            )
        self.gives_ = self._checked_gives(links)
        X, y, rows = self._data(X, y, sample_weight)  # noqa: N806
        if rows is not None:
            need_sample_weight(
                [link for link, way in zip(links, [*self.gives_, ""], strict=True) if way != "transform"]
            )
        self.names_ = [name for name, _ in links]
        self.links_: list[Any] = []
        self._widths: list[int] = []
        self.calibration_: Calibration | None = None
        inputs, cv = X, lasting(self.cv)
        for number, (name, link) in enumerate(links):
            way = self.gives_[number] if number + 1 < len(links) else ""
            with _Naming(self.names_, number, inputs):
                if way == "transform":
                    given, seen = self._transformed(link, inputs, y), None
                else:
                    given, seen = self._out_of_fold(name, link, way, inputs, y, rows, groups, cv)
            if not way:
                break
            if seen is not None:  # what no fold has left out, as the first in time, is of no use from here on
                if self.calibrate is not None or any(later != "transform" for later in self.gives_[number + 1 :]):
                    cv = among(cv, seen, len(y))
                X, y, inputs = (_safe_indexing(each, seen) for each in (X, y, inputs))  # noqa: N806
                rows, groups = (None if each is None else _safe_indexing(each, seen) for each in (rows, groups))
                given = given[seen]
            inputs = self._passed_on(number, inputs, given)
            self._widths.append(inputs.shape[1])
        return self

    def _checked_gives(self, links: Sequence[tuple[str, Any]]) -> list[str]:
        names = [name for name, _ in links]
        asked = dict(self.gives or {})
        if not isinstance(self.append, bool) and (isinstance(self.append, str) or set(self.append) - set(names[:-1])):
            raise ValueError(f"append is true, false, or names of {', '.join(names[:-1])}, and not {self.append!r}")
        for name, way in asked.items():
            if name not in names[:-1]:
                raise ValueError(f"gives is by names of {', '.join(names[:-1])}, and {name!r} is none of them")
            if way not in _WAYS:
                raise ValueError(f"a link gives one of {', '.join(_WAYS)}, and {name} not {way!r}")
        found = []
        for name, link in links[:-1]:
            can = [way for way in ("predict_proba", "transform", "predict") if hasattr(link, way)]
            way = asked.get(name, can[0])
            if not hasattr(link, way.removeprefix("held_out_")):
                raise ValueError(
                    f"the link {name} has no {way.removeprefix('held_out_')}; it can give {', '.join(can)}"
                )
            found.append(way)
        return found

    def _transformed(self, link: Any, inputs: Any, y: Any) -> Any:
        made = clone(link)
        self.links_.append(made)
        return (
            made.fit_transform(inputs, y) if hasattr(made, "fit_transform") else made.fit(inputs, y).transform(inputs)
        )

    def _out_of_fold(
        self, name: str, link: Any, way: str, inputs: Any, y: Any, rows: Any, groups: Any, cv: Any
    ) -> tuple[Any, NDArray[np.int64] | None]:
        """What a link gives of rows that it was not fitted on, and which these are; None: all."""
        if not way and self.calibrate is None:
            self.links_ += fit_all([(name, link)], inputs, y, [], sample_weight=rows, n_jobs=self.n_jobs).fitted
            return None, None
        splits = splits_of(cv, inputs, y, groups, is_classifier=self._kind == "classifier")
        of_classes = self._kind == "classifier" and (way or "predict_proba") == "predict_proba"
        member = link if of_classes else _Giving(link, way.removeprefix("held_out_"))
        classes = self.classes_ if of_classes else None
        folds = fit_all([(name, member)], inputs, y, splits, sample_weight=rows, classes=classes, n_jobs=self.n_jobs)
        self.links_.append(folds.fitted[0] if of_classes else folds.fitted[0].member)
        seen = np.flatnonzero(folds.seen)
        if not way and self.calibrate is not None:
            at, shares = np.searchsorted(self.classes_, y[seen]), np.ones(len(y)) if rows is None else rows
            self.calibration_ = calibration_of(self.calibrate, folds.predictions[0][seen], at, shares[seen])
        return folds.predictions[0], None if len(seen) == len(y) else seen

    def _appended(self, name: str) -> bool:
        return self.append if isinstance(self.append, bool) else name in self.append

    def _passed_on(self, number: int, inputs: Any, given: Any) -> Any:
        """What the next link takes: numbers of (rows, columns).

        Raises:
            ValueError: it cannot take them; both links are named.
        """
        name, next_name = self.names_[number : number + 2]
        columns = given if sparse.issparse(given) or hasattr(given, "iloc") else np.asarray(given)
        if self.gives_[number] == "predict_proba" and columns.ndim == 2 and columns.shape[1] == 2:
            columns = columns[:, 1:]  # of two classes, one says all
        if columns.ndim == 1:
            columns = columns[:, None]
        told = f"what the link {name} gives to the link {next_name}"
        if columns.ndim != 2 or columns.shape[0] != inputs.shape[0] or not columns.shape[1]:
            raise ValueError(f"{told} is to be of ({inputs.shape[0]}, columns), and is {columns.shape}")
        if isinstance(columns, np.ndarray) and columns.dtype.kind not in "fiub":
            raise ValueError(f"{told} is {columns.dtype}, and no numbers; let it give probabilities, or encode it")
        takes_nothing_missing = not get_tags(self._named()[number + 1][1]).input_tags.allow_nan
        if isinstance(columns, np.ndarray) and takes_nothing_missing and not np.all(np.isfinite(columns)):
            raise ValueError(f"{told} contains NaN or infinity; let {name} give finite numbers, or fill them in")
        return _beside(inputs, columns, name) if self._appended(name) else columns

    def inputs_of_last(self, X: Any) -> Any:  # noqa: N803
        """What the last link sees: (rows, columns)."""
        return self.inputs_of_links(X)[-1]

    def inputs_of_links(self, X: Any) -> list[Any]:  # noqa: N803
        """What each link sees: (rows, columns)."""
        inputs = self._looked_at(X)
        found = [inputs]
        for number, way in enumerate(self.gives_):
            link = self.links_[number]
            with _Naming(self.names_, number, inputs):
                if way == "predict_proba" and self._kind == "classifier":
                    given = aligned(link, inputs, self.classes_)
                else:
                    given = getattr(link, way.removeprefix("held_out_"))(inputs)
            inputs = self._passed_on(number, inputs, given)
            if inputs.shape[1] != self._widths[number]:
                name, next_name = self.names_[number : number + 2]
                raise ValueError(
                    f"what the link {name} gives to the link {next_name} makes {inputs.shape[1]} columns, and made "
                    f"{self._widths[number]} when {next_name} was fitted; let {name} give as many for any rows"
                )
            found.append(inputs)
        return found

    def predict(self, X: Any) -> Any:  # noqa: N803
        """(rows,) labels or values."""
        inputs = self.inputs_of_last(X)
        if self.calibration_ is not None:
            return self.classes_[np.argmax(self.calibration_(aligned(self.links_[-1], inputs, self.classes_)), axis=1)]
        return self.links_[-1].predict(inputs)

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """(rows, classes), in the order of `classes_`."""
        inputs = self.inputs_of_last(X)
        told = aligned(self.links_[-1], inputs, self.classes_)
        return told if self.calibration_ is None else self.calibration_(told)


class _Naming:
    """Names both links where the second cannot take what the first gives."""

    def __init__(self, names: Sequence[str], number: int, inputs: Any) -> None:
        self.names, self.number, self.inputs = names, number, inputs

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if self.number and isinstance(error, (TypeError, ValueError)):
            name, next_name = self.names[self.number - 1 : self.number + 1]
            raise ValueError(
                f"the link {next_name} cannot take what the link {name} gives, {self.inputs.shape} of "
                f"{getattr(self.inputs, 'dtype', 'several types')}: {error}"
            ) from error


class _Giving(BaseEstimator):  # type: ignore[misc]
    """A link whose way of giving is called `predict`, as folds ask."""

    def __init__(self, member: Any, way: str) -> None:
        self.member = member
        self.way = way

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> _Giving:  # noqa: N803
        self.member.fit(X, y, **({} if sample_weight is None else {"sample_weight": sample_weight}))
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        given = getattr(self.member, self.way)(X)
        return given.toarray() if sparse.issparse(given) else given


def _beside(inputs: Any, columns: Any, name: str) -> Any:
    """What a link has seen, and what it gives."""
    if sparse.issparse(inputs) or sparse.issparse(columns):
        return sparse.hstack([inputs, columns], format="csr")
    if hasattr(inputs, "assign"):
        texts = all(isinstance(column, str) for column in inputs.columns)
        made = inputs.copy()
        for number, column in enumerate(np.asarray(columns).T):
            made[f"{name}_{number}" if texts else inputs.shape[1] + number] = column
        return made
    if inputs.ndim != 2:
        raise ValueError(f"what the link {name} gives cannot stand beside texts; leave append out for it")
    return np.column_stack([inputs, np.asarray(columns)])
