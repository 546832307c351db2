"""Splitting rows into parts: at random, stratified, grouped, both, or by time."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.data.columns import column_of, row_count, taken
from partita.flow.task import task

__all__ = ["part_sizes", "sample_rows", "split_indices", "split_rows"]

Rows = NDArray[np.int64]

#: Ways to deal out groups that are tried, and groups that are dealt out in all.
_TRIALS, _MOST_DEALS = 20, 200_000


@task(tags=("table", "split", "train", "test"))
def split_rows(
    table: Any,
    parts: Mapping[str, float] | None = None,
    *,
    stratify: str | None = None,
    groups: str | None = None,
    time: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Split a table into parts, such as {"train": 0.8, "test": 0.2}.

    Args:
        table: a pandas or Polars DataFrame, an Arrow Table, or a list of dicts.
        parts: name -> share of the rows, which add up to 1, or numbers of rows, where other rows may be left out; default: 0.8 to
            train and 0.2 to test.
        stratify: a column whose values are in each part as often as in all.
        groups: a column, such as patients, whose rows of one value stay in one part, or are left out; parts are then as near to
            what was asked for as groups allow.
        time: a column by which the first part has the earliest rows, the last one the latest; rows of one time stay together.
            What is left out is the earliest.
        seed: of the draws.

    Returns:
        name -> the rows of the part, in the order in which they stood (by time: of the time).

    Raises:
        ValueError: it cannot be done: parts do not add up, a class or the groups are too few for the parts.
    """
    columns = {name: None if name is None else column_of(table, name) for name in (stratify, groups, time)}
    for column in columns.values():
        if column is not None and column.is_missing.any():
            raise ValueError(
                f"{column.name} is missing in row {np.flatnonzero(column.is_missing)[0]}; no part can be chosen by it"
            )

    def values(name: str | None) -> Any:
        column = columns[name]
        return None if column is None else column.values

    found = split_indices(
        row_count(table), parts, stratify=values(stratify), groups=values(groups), time=values(time), seed=seed
    )
    return {name: taken(table, rows) for name, rows in found.items()}


def split_indices(
    rows: int,
    parts: Mapping[str, float] | None = None,
    *,
    stratify: Any = None,
    groups: Any = None,
    time: Any = None,
    seed: int = 0,
) -> dict[str, Rows]:
    """The numbers of the rows of each part, as `split_rows` splits them.

    Args:
        rows: how many there are.
        parts: name -> share, or number of rows.
        stratify, groups, time: (rows,).
        seed: of the draws.

    Raises:
        ValueError: it cannot be done, or what rows are split by has not an entry for each.
    """
    for name, given in (("stratify", stratify), ("groups", groups), ("time", time)):
        if given is not None and len(given) != rows:
            raise ValueError(f"{name} has {len(given):,} entries, and there are {rows:,} rows; give one for each row")
    named = parts if parts is not None else {"train": 0.8, "test": 0.2}
    sizes = part_sizes(rows, named)
    draw = np.random.default_rng(seed)
    if time is not None:
        if stratify is not None or groups is not None:
            raise ValueError(
                "a split by time cannot be stratified or grouped as well: then later rows would train for earlier ones"
            )
        assigned = _by_time(np.asarray(time), sizes)
        return dict(zip(named, assigned, strict=True))
    classes = None if stratify is None else _codes(stratify)
    if groups is not None:
        place = _grouped(_codes(groups), classes, sizes, draw)
    elif classes is not None:
        place = _stratified(classes, stratify, sizes, draw)
    else:
        place = np.full(rows, -1)
        place[draw.permutation(rows)[: sum(sizes)]] = np.repeat(np.arange(len(sizes)), sizes)
    return {name: np.flatnonzero(place == number) for number, name in enumerate(named)}


def part_sizes(rows: int, parts: Mapping[str, float]) -> list[int]:
    """Numbers of rows that are as near to the shares as whole numbers can be.

    Raises:
        ValueError: shares do not add up to 1, there are fewer rows than asked for, or a part would be empty.
    """
    values = list(parts.values())
    if not values or any(isinstance(value, bool) or value <= 0 for value in values):
        raise ValueError(f"parts={dict(parts)!r}: give each part a share or a number of rows above 0")
    are_counts = [isinstance(value, (int, np.integer)) for value in values]
    if all(are_counts):
        if sum(values) > rows:
            raise ValueError(f"parts ask for {sum(values):,.0f} rows, and there are {rows:,}")
        return [int(value) for value in values]
    if any(are_counts):
        raise ValueError(f"parts={dict(parts)!r} mix shares and numbers of rows; give all as shares, or all as numbers")
    if abs(sum(values) - 1) > 1e-6:
        raise ValueError(f"the shares of parts add up to {sum(values):.6g}, and not to 1")
    exact = np.array(values) * rows
    sizes = np.floor(exact + 1e-9).astype(int)
    for place in np.argsort(-(exact - sizes), kind="stable")[: rows - sizes.sum()]:
        sizes[place] += 1
    if (sizes == 0).any():
        name = list(parts)[int(np.flatnonzero(sizes == 0)[0])]
        raise ValueError(f"{rows:,} rows are too few: the part {name!r} would be empty")
    return [int(size) for size in sizes]


def _codes(values: Any) -> Rows:
    array = np.asarray(values)
    if array.dtype.kind == "O":
        array = np.array([repr(value) for value in array.tolist()])
    codes: Rows = np.unique(array, return_inverse=True)[1].astype(np.int64)
    return codes


def _by_time(time: NDArray[Any], sizes: list[int]) -> list[Rows]:
    """Rows of one time go to the part that most of them would be in; rows before the first part are left out."""
    order = np.argsort(time, kind="stable")
    ordered = time[order]
    ends = []
    for target in len(time) - np.cumsum(sizes[::-1])[::-1]:  # where each part begins
        first = int(np.searchsorted(ordered, ordered[target], side="left"))
        behind = int(np.searchsorted(ordered, ordered[target], side="right"))
        ends.append(first if target - first <= behind - target else behind)
    ends.append(len(time))
    if any(end <= begin for begin, end in pairwise(ends)):
        raise ValueError(
            f"there are only {len(np.unique(ordered)):,} different times, which stay together; a part would be empty"
        )
    return [order[begin:end] for begin, end in pairwise(ends)]


def _stratified(classes: Rows, values: Any, sizes: list[int], draw: np.random.Generator) -> Rows:
    """Of each class, as many rows for each part as is just, and of each part as many as were asked for."""
    counts = np.bincount(classes)
    if (counts < len(sizes)).any():
        rare = int(np.argmin(counts))
        label = np.asarray(values, dtype=object)[int(np.flatnonzero(classes == rare)[0])]
        raise ValueError(
            f"{label!r} has {counts[rare]} rows, too few for {len(sizes)} parts; take it together with another value, or cut "
            "numbers into ranges first"
        )
    exact = np.outer(counts, sizes) / len(classes)
    dealt = np.floor(exact + 1e-9).astype(int)
    wanted = np.array(sizes) - dealt.sum(axis=0)
    left = counts - dealt.sum(axis=1)
    for cell in np.argsort(-(exact - dealt).ravel(), kind="stable"):
        of_class, part = divmod(int(cell), len(sizes))
        if left[of_class] and wanted[part]:
            dealt[of_class, part] += 1
            left[of_class] -= 1
            wanted[part] -= 1
    while wanted.any():  # what is over after each cell had one more
        part, of_class = int(np.argmax(wanted)), int(np.argmax(left))
        dealt[of_class, part] += 1
        left[of_class] -= 1
        wanted[part] -= 1
    place = np.full(len(classes), -1)
    for number, row in enumerate(dealt):
        own = draw.permutation(np.flatnonzero(classes == number))
        place[own[: row.sum()]] = np.repeat(np.arange(len(sizes)), row)
    return place


def _grouped(groups: Rows, classes: Rows | None, sizes: list[int], draw: np.random.Generator) -> Rows:
    """Whole groups, dealt out one by one to where they are missed most; of several orders the one that comes nearest."""
    if classes is None:
        classes = np.zeros(len(groups), dtype=np.int64)
    held = np.zeros((groups.max() + 1, classes.max() + 1))
    np.add.at(held, (groups, classes), 1)
    if len(held) < len(sizes):
        raise ValueError(f"there are {len(held)} groups, too few for {len(sizes)} parts: each needs one at least")
    left_out = len(groups) - sum(sizes)
    wanted = [*sizes, left_out] if left_out else sizes
    target = np.outer(wanted, held.sum(axis=0)) / len(groups)  # (parts, classes)
    best: tuple[float, Rows] | None = None
    for trial in range(max(1, min(_TRIALS, _MOST_DEALS // len(held)))):
        order = draw.permutation(len(held))
        if trial % 2 == 0:
            order = order[np.argsort(-held[order].sum(axis=1), kind="stable")]  # large ones first fit best
        cost, dealt = _dealt(held, order, target, len(sizes))
        if best is None or cost < best[0]:
            best = (cost, dealt)
    assert best is not None
    place: Rows = best[1][groups]
    return place


def _dealt(held: NDArray[np.float64], order: Rows, target: NDArray[np.float64], parts: int) -> tuple[float, Rows]:
    """How far it is from the target, and the part of each group; a part behind the others is of groups that are left out."""
    filled = np.zeros_like(target)
    part_of = np.zeros(len(held), dtype=np.int64)
    scale = np.maximum(target, 1.0)
    is_empty = np.arange(len(target)) < parts  # what is left out may be nothing
    for number, group in enumerate(order):
        gain = ((filled + held[group] - target) ** 2 - (filled - target) ** 2) / scale
        cost = gain.sum(axis=1)
        if len(order) - number <= is_empty.sum():  # the last groups are for parts that have none
            cost = np.where(is_empty, cost, np.inf)
        part = int(np.argmin(cost))
        is_empty[part] = False
        part_of[group] = part
        filled[part] += held[group]
    return float((((filled - target) ** 2) / scale).sum()), part_of


@task(tags=("table", "sample"))
def sample_rows(
    table: Any,
    size: float,
    *,
    stratify: str | None = None,
    weights: str | None = None,
    with_replacement: bool = False,
    seed: int = 0,
) -> Any:
    """Draw rows of a table at random; they stay in their order.

    Args:
        table: a pandas or Polars DataFrame, an Arrow Table, or a list of dicts.
        size: number of rows, or a share up to 1.0.
        stratify: a column whose values are in the sample as often as in all.
        weights: a column of numbers: how probable a row is in proportion.
        with_replacement: whether a row can be drawn again.
        seed: of the draws.

    Raises:
        ValueError: there are not so many rows, or arguments do not go together.
    """
    rows = row_count(table)
    count = (
        int(size) if isinstance(size, (int, np.integer)) and not isinstance(size, bool) else round(float(size) * rows)
    )
    if count < 1 or (not with_replacement and count > rows):
        raise ValueError(f"size={size!r} asks for {count:,} of {rows:,} rows")
    if stratify is not None:
        if weights is not None or with_replacement:
            raise ValueError("a stratified sample takes neither weights nor with_replacement")
        if count == rows:
            return table
        values = column_of(table, stratify).values
        return taken(table, split_indices(rows, {"in": count, "out": rows - count}, stratify=values, seed=seed)["in"])
    chances = None
    if weights is not None:
        each = column_of(table, weights).values.astype(float)
        if not np.isfinite(each).all() or (each < 0).any() or not each.any():
            raise ValueError(f"the weights {weights!r} are to be numbers of 0 or more, and not all 0")
        if not with_replacement and np.count_nonzero(each) < count:
            raise ValueError(f"only {np.count_nonzero(each):,} rows have a weight above 0, and {count:,} are asked for")
        chances = each / each.sum()
    drawn = np.random.default_rng(seed).choice(rows, count, replace=with_replacement, p=chances)
    return taken(table, np.sort(drawn))
