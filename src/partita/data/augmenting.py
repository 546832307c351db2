"""Making more rows to train on: of tables, texts and pictures.

Each task takes rows, or the parts that `split_rows` gave; of parts only the one to train on is changed, so that nothing made up
is tested on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.data.columns import column_names, column_of, row_count, stacked, taken, with_columns
from partita.flow.task import task

__all__ = ["add_noise", "oversample_rows", "vary_pictures", "vary_texts"]


@task(tags=("table", "augment", "train"))
def add_noise(
    table: Any,
    *,
    columns: Sequence[str] | None = None,
    scale: float = 0.05,
    copies: int = 1,
    part: str = "train",
    seed: int = 0,
) -> Any:
    """Add copies of the rows whose numbers differ a little.

    Args:
        table: a table, or the parts of `split_rows`.
        columns: which numbers are changed; default: all that are not whole.
        scale: standard deviation of the noise, in standard deviations of the column.
        copies: of each row.
        part: which of the parts is changed.
        seed: of the draws.

    Raises:
        ValueError: there is no such column, part, or nothing to change.
    """
    _not_negative(scale=scale, copies=copies)

    def made(rows: Any) -> Any:
        names = (
            list(columns)
            if columns is not None
            else [n for n in column_names(rows) if column_of(rows, n).kind == "number"]
        )
        if not names:
            raise ValueError("there are no numbers that are not whole; name columns=")
        draw, parts = np.random.default_rng(seed), [rows]
        for _ in range(copies):
            changed = {}
            for name in names:
                values = _numbers(rows, name)
                changed[name] = values + draw.normal(scale=scale * float(np.nanstd(values)), size=len(values))
            parts.append(with_columns(rows, changed))
        return stacked(parts)

    return _of_part(table, part, made)


@task(tags=("table", "augment", "oversample", "smote", "train"))
def oversample_rows(
    table: Any, label: str, *, size: int | None = None, neighbours: int = 5, part: str = "train", seed: int = 0
) -> Any:
    """Add rows of rare classes, each between one row and a near one of its class (SMOTE; Chawla et al., 2002).

    Numbers lie between those of the two rows, whole numbers are rounded, and all other columns are those of the first row.

    Args:
        table: a table, or the parts of `split_rows`.
        label: the column of the classes.
        size: rows that each class has at least afterwards; default: those of the most frequent class.
        neighbours: of how many near rows one is taken; 0: rows are repeated.
        part: which of the parts is changed.
        seed: of the draws.

    Raises:
        ValueError: there is no such column or part, or a class has a single row and no neighbour.
    """
    _not_negative(neighbours=neighbours)

    def made(rows: Any) -> Any:
        labels = np.array([str(value) for value in column_of(rows, label).values])
        names = [n for n in column_names(rows) if n != label and column_of(rows, n).kind in ("integer", "number")]
        classes, counts = np.unique(labels, return_counts=True)
        target = int(counts.max()) if size is None else size
        draw, parts = np.random.default_rng(seed), [rows]
        for name, count in zip(classes, counts, strict=True):
            if count < target:
                own = taken(rows, np.flatnonzero(labels == name))
                parts.append(_between(own, names, target - int(count), neighbours, draw, str(name)))
        return stacked(parts)

    return _of_part(table, part, made)


def _between(rows: Any, names: list[str], count: int, neighbours: int, draw: np.random.Generator, label: str) -> Any:
    first = draw.integers(0, row_count(rows), count)
    base = taken(rows, first)
    if not neighbours or not names:
        return base
    matrix = np.column_stack([_numbers(rows, name) for name in names])
    if len(matrix) < 2:
        raise ValueError(f"the class {label} has one row, which has no neighbour; take neighbours=0, which repeats it")
    spread = np.nanstd(matrix, axis=0)
    scaled = np.nan_to_num(matrix / np.where(spread > 0, spread, 1.0))
    second = np.empty(count, dtype=np.int64)
    for row in np.unique(first):
        apart = ((scaled - scaled[row]) ** 2).sum(axis=1)
        apart[row] = np.inf
        near = np.argsort(apart, kind="stable")[: min(neighbours, len(matrix) - 1)]
        own = first == row
        second[own] = draw.choice(near, int(own.sum()))
    way = draw.random(count)[:, None]
    mixed = matrix[first] + way * (matrix[second] - matrix[first])
    changed = {}
    for number, name in enumerate(names):
        is_whole = column_of(rows, name).kind == "integer" and not np.isnan(mixed[:, number]).any()
        changed[name] = np.round(mixed[:, number]).astype(np.int64) if is_whole else mixed[:, number]
    return with_columns(base, changed)


@task(tags=("text", "augment", "train"))
def vary_texts(
    table: Any,
    column: str,
    *,
    dropout: float = 0.1,
    swaps: float = 0.1,
    copies: int = 1,
    part: str = "train",
    seed: int = 0,
) -> Any:
    """Add copies of the rows in whose texts words are left out and neighbouring ones change places.

    Args:
        table: a table, or the parts of `split_rows`.
        column: of the texts, whose words are separated by blanks.
        dropout: how probably a word is left out; one always stays.
        swaps: how probably a word changes places with the next.
        copies: of each row.
        part: which of the parts is changed.
        seed: of the draws.

    Raises:
        ValueError: there is no such column or part, or it has no texts.
    """
    _not_negative(dropout=dropout, swaps=swaps, copies=copies)

    def made(rows: Any) -> Any:
        texts = column_of(rows, column)
        if texts.kind not in ("text", "empty"):
            raise ValueError(f"the column {column!r} has values of type {texts.kind}, and no texts")
        draw, parts = np.random.default_rng(seed), [rows]
        for _ in range(copies):
            varied = np.empty(len(texts.values), dtype=object)
            varied[:] = [
                text if gone else _varied(text, dropout, swaps, draw)
                for text, gone in zip(texts.values.tolist(), texts.is_missing, strict=True)
            ]
            parts.append(with_columns(rows, {column: varied}))
        return stacked(parts)

    return _of_part(table, part, made)


def _varied(text: str, dropout: float, swaps: float, draw: np.random.Generator) -> str:
    words = text.split()
    if len(words) < 2:
        return text
    kept = draw.random(len(words)) >= dropout
    if not kept.any():
        kept[draw.integers(len(words))] = True
    words = [word for word, stays in zip(words, kept, strict=True) if stays]
    place = 0
    while place < len(words) - 1:
        if draw.random() < swaps:
            words[place], words[place + 1] = words[place + 1], words[place]
            place += 1
        place += 1
    return " ".join(words)


@task(tags=("picture", "image", "augment", "train"))
def vary_pictures(
    pictures: Any,
    labels: Any = None,
    *,
    flip: bool = True,
    shift: float = 0.1,
    rotate: float = 10.0,
    copies: int = 1,
    seed: int = 0,
) -> tuple[NDArray[Any], Any]:
    """Add copies of pictures that are mirrored, shifted and rotated at random. Give it only those to train on.

    Args:
        pictures: (pictures, height, width) or (pictures, height, width, channels).
        labels: (pictures,) or None.
        flip: whether a copy is mirrored, left to right, half the time.
        shift: by what part of the size a copy is shifted at most; what is left free is filled by the edge.
        rotate: by how many degrees a copy is rotated at most; it needs Pillow (`partita[pictures]`). 0: not at all.
        copies: of each picture.
        seed: of the draws.

    Returns:
        (pictures with the copies behind them, of the same type; labels with theirs, or None).

    Raises:
        ValueError: the shape is none of pictures, or labels are not as many.
    """
    _not_negative(shift=shift, rotate=rotate, copies=copies)
    stack = np.asarray(pictures)
    if stack.ndim not in (3, 4):
        raise ValueError(
            f"pictures are (pictures, height, width) or with channels behind, and have the shape {stack.shape}"
        )
    names = None if labels is None else np.asarray(labels)
    if names is not None and len(names) != len(stack):
        raise ValueError(f"there are {len(stack):,} pictures and {len(names):,} labels")
    draw = np.random.default_rng(seed)
    made = [stack]
    for _ in range(copies):
        made.append(
            np.stack([_moved(picture, flip, shift, rotate, draw) for picture in stack]) if len(stack) else stack
        )
    return np.concatenate(made), None if names is None else np.concatenate([names] * (copies + 1))


def _moved(picture: NDArray[Any], flip: bool, shift: float, rotate: float, draw: np.random.Generator) -> NDArray[Any]:
    if flip and draw.random() < 0.5:
        picture = picture[:, ::-1]
    if rotate:
        picture = _rotated(picture, float(draw.uniform(-rotate, rotate)))
    for axis in (0, 1):
        most = int(shift * picture.shape[axis])
        places = np.arange(picture.shape[axis]) - int(draw.integers(-most, most + 1))
        picture = np.take(picture, np.clip(places, 0, picture.shape[axis] - 1), axis=axis)
    return picture


def _rotated(picture: NDArray[Any], degrees: float) -> NDArray[Any]:
    from partita.components.extras import need

    images = need("PIL.Image", "pictures", "vary_pictures")
    layers = picture[..., None] if picture.ndim == 2 else picture
    turned = [
        np.asarray(
            images.fromarray(np.ascontiguousarray(layers[..., channel], dtype=np.float32)).rotate(
                degrees, resample=images.Resampling.BILINEAR
            )
        )
        for channel in range(layers.shape[-1])
    ]
    found = np.stack(turned, axis=-1)
    if picture.dtype.kind in "iu":
        found = np.round(found)
    found = found.astype(picture.dtype)
    return found[..., 0] if picture.ndim == 2 else found


def _of_part(table: Any, part: str, made: Callable[[Any], Any]) -> Any:
    if not isinstance(table, Mapping):
        return made(table)
    if part not in table:
        raise ValueError(f"there is no part {part!r}; there are {', '.join(table)}")
    return {name: made(rows) if name == part else rows for name, rows in table.items()}


def _numbers(table: Any, name: str) -> NDArray[np.float64]:
    column = column_of(table, name)
    if column.kind not in ("integer", "number"):
        raise ValueError(f"the column {name!r} has values of type {column.kind}, and no numbers")
    found = np.full(len(column.values), np.nan)
    found[~column.is_missing] = column.present.astype(float)
    return found


def _not_negative(**numbers: float) -> None:
    for name, number in numbers.items():
        if number < 0:
            raise ValueError(f"{name}={number!r} is to be 0 or more")
