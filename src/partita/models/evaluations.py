"""What was found out about a version, as plain data: taken from any record that has the fields of an evaluation.

An evaluation is a map, or an object with these attributes, of which none has to be there: "kind", "rows", "metrics" (numbers by
name), "main" (the metric to look at first), "intervals" (metric -> [low, high]), "confidence", "table" and "slices" (lists of
maps; a slice has "slice", "rows", "metric", "value", "gap"), "report", "pictures" (SVG texts or bytes of pictures by name),
"notes"; and "losses": (rows,) a loss for each row, by which two versions are compared row by row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from partita.errors import ModelError

__all__ = ["metrics_of", "plain_evaluation"]

_PICTURE_BYTES = 2 << 20
_DEEPEST = 12


def plain_evaluation(evaluation: Any, losses: Any = None) -> dict[str, Any]:
    """The evaluation as plain data; losses as an array of floats.

    Raises:
        ModelError: it is no such record.
    """
    told = _map_of(evaluation)
    if told is None:
        raise ModelError(f"{type(evaluation).__name__} is no evaluation: give a map or a record with `metrics`")
    made = {str(name): _plain(value, 0) for name, value in told.items() if name not in ("losses", "pictures")}
    pictures = {str(name): _picture(item) for name, item in (told.get("pictures") or {}).items()}
    made["pictures"] = {name: item for name, item in pictures.items() if item is not None}
    losses = losses if losses is not None else told.get("losses")
    if losses is not None:
        import numpy

        made["losses"] = numpy.asarray(losses, dtype="float64").reshape(-1)
    return made


def metrics_of(evaluation: Mapping[str, Any]) -> dict[str, float]:
    """Its metrics that are numbers, by name; what is nested is named with a dot."""
    found: dict[str, float] = {}

    def take(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for name, item in value.items():
                take(f"{prefix}.{name}" if prefix else str(name), item)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found[prefix[:200]] = float(value)

    take("", evaluation.get("metrics") or {})
    return found


def _map_of(value: Any) -> dict[str, Any] | None:
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return (
        {"metrics": value.metrics, **vars(value)} if hasattr(value, "metrics") and hasattr(value, "__dict__") else None
    )


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value if type(value) in (bool, int, float, str, type(None)) else _number(value)
    if hasattr(value, "tolist"):
        return _plain(value.tolist(), depth + 1)
    if depth > _DEEPEST:
        return str(value)
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return _plain(value.to_dict(orient="records"), depth + 1)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item, depth + 1) for item in value]
    inner = _map_of(value)
    return {str(name): _plain(item, depth + 1) for name, item in inner.items()} if inner is not None else str(value)


def _number(value: Any) -> Any:
    return next((kind(value) for kind in (bool, int, float, str) if isinstance(value, kind)), str(value))


def _picture(item: Any) -> Any:
    found = getattr(item, "text", item)
    return found if isinstance(found, (str, bytes)) and len(found) <= _PICTURE_BYTES else None
