"""What scikit-learn's checks ask of estimators, and compositions that are fitted by folds cannot be."""

from __future__ import annotations

__all__ = ["BY_FOLDS"]

#: Folds of rows that are there twice are others than those of rows that count twice: so it is of each composition by folds.
BY_FOLDS = {
    "check_sample_weight_equivalence_on_dense_data": "folds differ",
    "check_sample_weight_equivalence_on_sparse_data": "folds differ",
}
