"""How good models are: ready tasks that are plain functions too, each brought in where it is first used.

record.py          what an evaluation and a comparison found
classification.py  classifiers; classified.py has their metrics, calibration.py what their probabilities are worth
regression.py      regressors
ranked.py          rankings and retrieval
sequences.py       sequence labelling; chunks.py counts entities as conlleval does
forecasting.py     forecasts
learning.py        learning curves
paired.py          tests between two models
areas.py           DeLong's test between two areas under the ROC curve
resampling.py      bootstrap intervals
slices.py          parts of the rows
measures.py        the port of a measure
inputs.py          truths and predictions as arrays
assembling.py      an evaluation out of a measure
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partita.models.evaluation.record import Comparison, Evaluation

if TYPE_CHECKING:
    from partita.models.evaluation.areas import auc_covariance, compare_auc, delong_test
    from partita.models.evaluation.chunks import chunks_of
    from partita.models.evaluation.classification import evaluate_classification
    from partita.models.evaluation.forecasting import evaluate_forecast
    from partita.models.evaluation.learning import learning_curve
    from partita.models.evaluation.paired import (
        compare_classifiers,
        compare_regressors,
        mcnemar_test,
        permutation_test,
    )
    from partita.models.evaluation.ranked import evaluate_ranking, evaluate_retrieval, ranked_lists
    from partita.models.evaluation.regression import evaluate_regression
    from partita.models.evaluation.resampling import bootstrap_interval
    from partita.models.evaluation.sequences import evaluate_sequence_labelling

__all__ = [
    "Comparison", "Evaluation", "auc_covariance", "bootstrap_interval", "chunks_of", "compare_auc", "compare_classifiers",
    "compare_regressors", "delong_test", "evaluate_classification", "evaluate_forecast", "evaluate_ranking",
    "evaluate_regression", "evaluate_retrieval", "evaluate_sequence_labelling", "learning_curve", "mcnemar_test",
    "permutation_test", "ranked_lists",
]  # fmt: skip

_MODULES = {
    "areas": ("auc_covariance", "compare_auc", "delong_test"),
    "chunks": ("chunks_of",),
    "classification": ("evaluate_classification",),
    "forecasting": ("evaluate_forecast",),
    "learning": ("learning_curve",),
    "paired": ("compare_classifiers", "compare_regressors", "mcnemar_test", "permutation_test"),
    "ranked": ("evaluate_ranking", "evaluate_retrieval", "ranked_lists"),
    "regression": ("evaluate_regression",),
    "resampling": ("bootstrap_interval",),
    "sequences": ("evaluate_sequence_labelling",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        from importlib import import_module

        from partita.components.extras import need

        need("sklearn", "evaluation", name)
        found = getattr(import_module(f"partita.models.evaluation.{_MODULE_OF[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'partita.models.evaluation' has no attribute {name!r}")
