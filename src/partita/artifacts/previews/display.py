"""What people see of a blob without opening it: plain data, made by the worker that wrote the value.

A record is a MessagePack map of at most 256 KiB that lies beside the blob (`BlobStore.put_preview`, `preview`):

    {"kind": "table", "rows": int, "columns": [[name, type], ...], "head": [[text, ...], ...],
                      "numbers": {column: NUMBERS}}              20 rows and 40 columns at most; "rows" None: not counted
    {"kind": "array", "type": str, "shape": [int, ...], "numbers": NUMBERS or None}
    {"kind": "image", "width": int, "height": int, "mode": str, "png": bytes}     256 pixels a side at most
    {"kind": "audio", "rate_hz": int, "channels": int, "duration_s": float, "envelope": [[low, high], ...]}  -1 to 1
    {"kind": "html", "html": str, "is_cut": bool}
    {"kind": "text", "text": str, "length": int}       characters; of a file that is not read to its end, bytes

    NUMBERS: {"count": int, "missing": int, "min": float, "max": float, "mean": float, "bins": [int, ...], "is_sample": bool}
             bins: 20 of equal width from min to max, over finite numbers; all but "count" of a sample where it is one

Every field of text may hold anything, so who shows it escapes it. A value that has no record has its short text only.
"""

from __future__ import annotations

import math
from typing import Any

from partita.artifacts.codecs.shown import Html
from partita.artifacts.previews.envelope import audio_record
from partita.artifacts.previews.file_records import HTML_LENGTH, TEXT_LENGTH, ShownFile, file_record
from partita.artifacts.previews.shortening import Mask, cell, shortened
from partita.artifacts.previews.thumbnail import picture_record
from partita.values import pack

__all__ = ["PREVIEW_BYTES", "display"]

#: No record is larger.
PREVIEW_BYTES = 256 << 10

_ROWS, _COLUMNS, _BINS = 20, 40, 20
_SAMPLE = 100_000  # numbers


def display(value: Any, mask: Mask = str) -> bytes | None:
    """The packed record of a value; None where there is none. Whatever the value is, this does not fail.

    Args:
        mask: takes secrets out of texts.
    """
    try:
        record = _record(value, mask)
        packed = pack(_masked(record, mask)) if record is not None else None
    except Exception:
        return None
    return packed if packed is not None and len(packed) <= PREVIEW_BYTES else None


def _record(value: Any, mask: Mask) -> dict[str, Any] | None:
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    if kind is str:
        return {"kind": "text", "text": shortened(value, TEXT_LENGTH, mask), "length": len(value)}
    if kind is Html:
        told = shortened(value.text, HTML_LENGTH, mask)
        return {"kind": "html", "html": told, "is_cut": len(value.text) > HTML_LENGTH}
    if kind is ShownFile:
        return file_record(value, mask)
    if kind.__module__ == "partita.artifacts.codecs.audio":
        return audio_record(value)
    if package == "PIL":
        return picture_record(value)
    if package == "numpy" and kind.__name__ == "ndarray":
        return _array(value)
    if package == "torch" and kind.__name__ == "Tensor":
        numbers = value.detach().reshape(-1)[:: max(1, value.numel() // _SAMPLE)].double().numpy()
        type_name = str(value.dtype).removeprefix("torch.")
        return {
            "kind": "array", "type": type_name, "shape": list(value.shape), "numbers": _numbers(numbers, value.numel()),
        }  # fmt: skip
    if package in ("pandas", "polars", "pyarrow"):
        return _table(value, package, mask)
    return None


def _array(value: Any) -> dict[str, Any]:
    numbers = None
    if value.dtype.kind in "biuf" and value.size:
        step = max(1, value.size // _SAMPLE)
        flat = (
            value.reshape(-1) if value.flags.c_contiguous else value.T.reshape(-1) if value.flags.f_contiguous else None
        )
        sample = flat[::step] if flat is not None else value.flat[:_SAMPLE]
        numbers = _numbers(sample, value.size)
    return {"kind": "array", "type": str(value.dtype), "shape": list(value.shape), "numbers": numbers}


def _numbers(sample: Any, count: int) -> dict[str, Any] | None:
    import numpy

    numbers = numpy.asarray(sample, dtype="float64").reshape(-1)
    finite = numbers[numpy.isfinite(numbers)]
    if not finite.size:
        return None
    low, high = float(finite.min()), float(finite.max())
    if not math.isfinite(high - low):
        return None
    bins, _ = numpy.histogram(finite, _BINS, (low, high))
    return {
        "count": count, "missing": int(numpy.isnan(numbers).sum()), "min": low, "max": high,
        "mean": float(finite.mean()), "bins": [int(number) for number in bins], "is_sample": count > numbers.size,
    }  # fmt: skip


def _table(value: Any, package: str, mask: Mask) -> dict[str, Any] | None:
    if package == "pandas":
        frame = value.to_frame() if value.ndim == 1 else value
        names, types = list(frame.columns)[:_COLUMNS], list(map(str, frame.dtypes))[:_COLUMNS]
        columns = [frame.iloc[:, place] for place in range(len(names))]
        heads = [column.iloc[:_ROWS].tolist() for column in columns]
        rows, numbers = len(frame), [_pandas_numbers(column) for column in columns]
    elif package == "polars":
        frame = value.to_frame() if hasattr(value, "to_frame") else value
        names, types = frame.columns[:_COLUMNS], list(map(str, frame.dtypes))[:_COLUMNS]
        columns = frame.get_columns()[:_COLUMNS]
        heads = [column.head(_ROWS).to_list() for column in columns]
        rows, numbers = frame.height, [_foreign_numbers(column, column.dtype.is_numeric()) for column in columns]
    elif hasattr(value, "column_names"):
        names, types = value.column_names[:_COLUMNS], [str(field.type) for field in value.schema][:_COLUMNS]
        columns = [value.column(place) for place in range(len(names))]
        heads = [column.slice(0, _ROWS).to_pylist() for column in columns]
        rows = value.num_rows
        numeric = [text.startswith(("int", "uint", "float", "double")) for text in types]
        numbers = [_foreign_numbers(column, is_one) for column, is_one in zip(columns, numeric, strict=True)]
    else:
        return None
    head = [[cell(column[row], mask) for column in heads] for row in range(min(rows, _ROWS))]
    summary = {str(name): found for name, found in zip(names, numbers, strict=True) if found is not None}
    shown = [[cell(name, mask), cell(text, mask)] for name, text in zip(names, types, strict=True)]
    return {"kind": "table", "rows": rows, "columns": shown, "head": head, "numbers": summary}


def _pandas_numbers(column: Any) -> dict[str, Any] | None:
    if getattr(column.dtype, "kind", "") not in "biuf":
        return None
    sample = column.iloc[:: max(1, len(column) // _SAMPLE)]
    return _numbers(sample.to_numpy(dtype="float64", na_value=math.nan), len(column))


def _foreign_numbers(column: Any, is_numeric: bool) -> dict[str, Any] | None:
    if not is_numeric:
        return None
    sample = column[:_SAMPLE] if hasattr(column, "to_list") else column.slice(0, _SAMPLE)
    return _numbers(sample.to_numpy(), len(column))


def _masked(item: Any, mask: Mask) -> Any:
    if isinstance(item, str):
        return mask(item.encode("utf-8", "replace").decode())
    if isinstance(item, list):
        return [_masked(part, mask) for part in item]
    if isinstance(item, dict):
        return {_masked(key, mask): _masked(part, mask) for key, part in item.items()}
    return item
