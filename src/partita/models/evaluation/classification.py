"""Evaluating classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import classification_report

from partita.drawing.charts import matrix_chart
from partita.flow.task import task
from partita.models.evaluation.assembling import assembled
from partita.models.evaluation.calibration import calibration_error, calibration_picture, roc_picture
from partita.models.evaluation.classified import Classified, areas_under_curves, confusion_of
from partita.models.evaluation.inputs import labels_of, plain, same_kind, same_length
from partita.models.evaluation.measures import Array, Rows
from partita.models.evaluation.record import Evaluation
from partita.models.evaluation.resampling import Resampling

__all__ = ["evaluate_classification"]

_MOST_DRAWN = 20


@task(tags=("evaluation", "classification", "metrics", "model"))
def evaluate_classification(
    truth: Any,
    prediction: Any = None,
    *,
    probabilities: Any = None,
    classes: Sequence[Any] | None = None,
    positive: Any = None,
    slices: Any = None,
    groups: Any = None,
    bins: int = 15,
    confidence: float = 0.95,
    resamples: int = 1000,
    interval: str = "percentile",
    seed: int = 0,
    least_rows: int = 30,
) -> Evaluation:
    """Evaluate what a classifier predicted: a report by class, intervals, probabilities, calibration, slices, pictures.

    Metrics: accuracy, balanced_accuracy, precision, recall and F1 as macro and weighted means (and of the positive class, where
    there are two), mcc; with probabilities log_loss, brier, auc (of many classes: the mean of each against the others) and
    calibration_error. They are those of scikit-learn; classes that occur neither in truth nor in prediction are left out.

    Args:
        truth: (rows,): the true labels.
        prediction: (rows,): the predicted labels; default: the most probable class.
        probabilities: (rows, classes), or (rows,) of the second of two classes.
        classes: the labels in the order of the columns of `probabilities`; default: sorted.
        positive: of two classes, the one that precision, recall, F1 and AUC are of; default: the second.
        slices: name -> boolean mask, or a column whose values are the slices; a table serves as well.
        groups: (rows,): rows of one group, such as a patient's, are resampled together.
        bins: of equal width, for the calibration error.
        confidence: of the intervals.
        resamples: of the bootstrap; 0: no intervals.
        interval: "percentile", or "bca".
        seed: of the bootstrap.
        least_rows: a slice of fewer is marked as small.

    Raises:
        ValueError: nothing was predicted, lengths differ, labels are missing, or classes and columns do not go together.
    """
    how = Resampling(resamples, confidence, interval, groups, seed, least_rows)
    known, codes, predicted, chances = _coded(truth, prediction, probabilities, classes)
    names = [str(label) for label in known]
    first = _positive(known, positive)
    measure = Classified(codes, predicted, len(known), first, chances)
    is_met = np.unique(np.concatenate([codes, predicted]))
    report = classification_report(
        codes, predicted, labels=is_met, target_names=[names[code] for code in is_met], zero_division=0
    )
    notes = [f"positive class: {names[first]}"] if first is not None else []
    unseen = [names[code] for code in range(len(known)) if not (codes == code).any()]
    if unseen:
        notes.append(f"classes without a row in truth: {', '.join(unseen)}")
    pictures = {"confusion": _confusion_picture(names, confusion_of(codes, predicted, len(known)))}
    more: dict[str, float] = {}
    if chances is not None:
        more["calibration_error"] = calibration_error(codes, chances, bins)
        pictures["roc"] = roc_picture(codes, chances, names, first)
        pictures["calibration"] = calibration_picture(codes, chances, names, first, bins)
        notes.append(f"calibration_error: of the most probable class, in {bins} bins of equal width (Guo et al., 2017)")
    return assembled(
        "classification", measure, how, slices, more=more, table=_table(known, measure), report=report,
        pictures=pictures, notes=notes,
    )  # fmt: skip


def _coded(
    truth: Any, prediction: Any, probabilities: Any, classes: Sequence[Any] | None
) -> tuple[NDArray[Any], Rows, Rows, Array | None]:
    """The classes, truth and prediction as numbers of them, and probabilities with a column each."""
    if prediction is None and probabilities is None:
        raise ValueError("give prediction, probabilities or both; there is nothing to evaluate")
    real = labels_of("truth", truth)
    said = None if prediction is None else labels_of("prediction", prediction)
    chances = None if probabilities is None else _probabilities(probabilities)
    same_length(truth=real, prediction=said, probabilities=chances)
    same_kind(real, said, None if classes is None else np.asarray(list(classes)))
    met = np.unique(real if said is None else np.concatenate([real, said]))
    known = met if classes is None else np.asarray(list(classes))
    if chances is not None and chances.shape[1] != len(known):
        remedy = (
            "are given in classes"
            if classes is not None
            else "were met; give all in classes, in the order of the columns"
        )
        raise ValueError(f"probabilities have {chances.shape[1]} columns, and {len(known)} classes {remedy}")
    code_of = {plain(label): code for code, label in enumerate(known)}
    if len(code_of) < len(known):
        raise ValueError("classes name one label twice")
    strange = [plain(label) for label in met if plain(label) not in code_of]
    if strange:
        raise ValueError(
            f"labels that classes lack: {', '.join(map(repr, strange[:5]))}; there are {', '.join(map(str, known[:10]))}"
        )
    codes = np.array([code_of[label] for label in real.tolist()], dtype=np.int64)
    if said is None:
        assert chances is not None
        return known, codes, np.argmax(chances, axis=1).astype(np.int64), chances
    return known, codes, np.array([code_of[label] for label in said.tolist()], dtype=np.int64), chances


def _probabilities(values: Any) -> Array:
    found = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values, dtype=np.float64)
    if found.ndim == 1:
        found = np.column_stack([1 - found, found])
    if found.ndim != 2:
        raise ValueError(f"probabilities are (rows, classes), and have the shape {found.shape}")
    if not np.isfinite(found).all() or (found < -1e-9).any() or (found > 1 + 1e-9).any():
        raise ValueError("probabilities are to be numbers from 0 to 1; of scores, make probabilities first")
    wrong = np.flatnonzero(np.abs(found.sum(axis=1) - 1) > 1e-3)
    if len(wrong):
        raise ValueError(f"the probabilities of row {wrong[0]} add up to {found[wrong[0]].sum():.4g}, and not to 1")
    return np.clip(found, 0.0, 1.0)


def _positive(known: NDArray[Any], positive: Any) -> int | None:
    if len(known) != 2:
        if positive is not None:
            raise ValueError(f"positive={positive!r} makes sense for two classes, and there are {len(known)}")
        return None
    if positive is None:
        return 1
    places = [code for code, label in enumerate(known) if plain(label) == positive]
    if not places:
        raise ValueError(f"positive={positive!r} is none of the classes {known[0]} and {known[1]}")
    return places[0]


def _table(known: NDArray[Any], measure: Classified) -> list[dict[str, Any]]:
    confusion = confusion_of(measure.truth, measure.predicted, measure.classes)
    areas = None
    if measure.probabilities is not None:
        areas = areas_under_curves(measure.truth, measure.probabilities, np.ones(measure.rows))
    rows = []
    for code, label in enumerate(known):
        own, real, said = confusion[code, code], confusion[code].sum(), confusion[:, code].sum()
        if real + said == 0:
            continue
        row = {
            "class": str(label), "precision": float(own / said) if said else 0.0,
            "recall": float(own / real) if real else 0.0, "f1": float(2 * own / (real + said)), "support": int(real),
        }  # fmt: skip
        if areas is not None and np.isfinite(areas[code]):
            row["auc"] = float(areas[code])
        rows.append(row)
    return rows


def _confusion_picture(names: Sequence[str], confusion: Array) -> str:
    """Of many classes, those with the most errors are drawn."""
    title, chosen = "Confusion matrix", np.arange(len(names))
    if len(names) > _MOST_DRAWN:
        wrong = confusion.sum(axis=0) + confusion.sum(axis=1) - 2 * np.diag(confusion)
        chosen = np.sort(np.argsort(-wrong, kind="stable")[:_MOST_DRAWN])
        title = f"Confusion matrix: the {_MOST_DRAWN} of {len(names)} classes with the most errors"
    counts = confusion[np.ix_(chosen, chosen)].astype(int).tolist()
    return matrix_chart(
        title, [names[int(code)] for code in chosen], counts, row_label="truth", column_label="prediction"
    )
