"""Ready tasks for data, each brought in where it is first used. Tables are those of pandas, Polars and Arrow, and lists of dicts.

validation.py  tables against a schema, and schemas of tables; schemas.py says what one looks like
drift.py       tables against a reference
splitting.py   parts to train and to test on, and samples
augmenting.py  more rows to train on
windows.py     what went on lately in series
pictures.py    numbers that tell what is in pictures
labels.py      labels that persons give
columns.py     tables by columns
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partita.data.augmenting import add_noise, oversample_rows, vary_pictures, vary_texts
    from partita.data.drift import check_drift, table_drift
    from partita.data.labels import label_rows, read_labels, with_labels
    from partita.data.pictures import gradient_features, texture_features
    from partita.data.splitting import sample_rows, split_indices, split_rows
    from partita.data.validation import infer_schema, table_problems, validate_table
    from partita.data.windows import window_features

__all__ = [
    "add_noise", "check_drift", "gradient_features", "infer_schema", "label_rows", "oversample_rows", "read_labels",
    "sample_rows", "split_indices", "split_rows", "table_drift", "table_problems", "texture_features", "validate_table",
    "vary_pictures", "vary_texts", "window_features", "with_labels",
]  # fmt: skip

_MODULES = {
    "augmenting": ("add_noise", "oversample_rows", "vary_pictures", "vary_texts"),
    "drift": ("check_drift", "table_drift"),
    "labels": ("label_rows", "read_labels", "with_labels"),
    "pictures": ("gradient_features", "texture_features"),
    "splitting": ("sample_rows", "split_indices", "split_rows"),
    "validation": ("infer_schema", "table_problems", "validate_table"),
    "windows": ("window_features",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        from importlib import import_module

        from partita.components.extras import need

        need("scipy", "data", name)
        found = getattr(import_module(f"partita.data.{_MODULE_OF[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'partita.data' has no attribute {name!r}")
