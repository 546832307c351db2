"""Rows near a border inside of a composition: a threshold, or two experts that a router holds for equally good.

Rounding to float32 may put such a row on the other side, where another member answers it. Then the graph is no less right than
Python, if it answers as Python does on that side. That is not taken on trust: the composition is asked in Python with the border
moved, and the graph's answer has to be that one. Steps of isotonic calibration are so steep at times that rounding carries a row
up or down a part of one; there the answer has to lie between those of its ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from partita.compose.calibration import Calibration
from partita.compose.compiling.graph import SLACK, quiet
from partita.compose.compiling.joins import joining_of
from partita.compose.compiling.parity import Answers, Parity, answers_of, between, compared, far_off
from partita.compose.compiling.parts import calibrations_of, copied

__all__ = ["compared_with"]

#: At most this share of the rows may be near a border (one row always may): where more are, it is no matter of rounding.
_SHARE = 0.01


@dataclass(frozen=True)
class _Twin:
    """A composition that differs from another in one decision, near its border only."""

    model: Any
    group: int | None  # answers may lie between those of one group; None: they are to be this one's


def compared_with(composition: Any, rows: Any, python: Answers, graph: Answers, tolerance: float) -> Parity:
    """How far a graph's answers are from a composition's, those aside that are right on the other side of a border.

    Args:
        rows: that were answered.
        python: what the composition says of them in Python.
    """
    strict = compared(python, graph, tolerance)
    if strict.holds:
        return strict
    far = far_off(python, graph, tolerance)
    if len(far) > max(1.0, _SHARE * strict.rows):
        return strict
    some, told, given = _safe_indexing(rows, far), python.some(far), graph.some(far)
    accepted = np.zeros(len(far), dtype=bool)
    with quiet():
        twins = list(_twins(composition, some, max(tolerance, 2 * SLACK), [0]))
        for group, each in groupby(twins, key=lambda twin: twin.group):
            answers = [answers_of(twin.model, some) for twin in each]
            if group is None:
                for one in answers:
                    near = np.ones(len(far), dtype=bool)
                    near[far_off(one, given, tolerance)] = False
                    accepted |= near
            else:
                accepted |= between([told, *answers], given, tolerance)
    kept = np.ones(strict.rows, dtype=bool)
    kept[far[accepted]] = False
    found = compared(python.some(kept), graph.some(kept), tolerance)
    numbers = np.flatnonzero(kept)
    return replace(
        found, rows=strict.rows, border=int(accepted.sum()), worst=tuple(int(numbers[row]) for row in found.worst)
    )


def _twins(model: Any, rows: Any, within: float, groups: list[int]) -> Iterator[_Twin]:
    """Those of a composition, and of all that is in it."""
    joining = joining_of(model)
    if joining is None:
        return
    for other in joining.others(model, within):
        yield _Twin(other, None)
    for moved in _with_moved_steps(model, within):
        groups[0] += 1
        yield from (_Twin(each, groups[0]) for each in moved)
    if joining.is_whole:
        return
    parts = joining.parts(model, rows)
    for at, part in enumerate(parts):
        for twin in _twins(part.model, part.rows, within, groups):
            models = [twin.model if number == at else each.model for number, each in enumerate(parts)]
            yield _Twin(joining.replaced(model, models), twin.group)


def _with_moved_steps(model: Any, within: float) -> Iterator[list[Any]]:
    """Of each isotonic calibration of a composition, copies of that with its steps moved either way."""
    for name, several in calibrations_of(model).items():
        for at, one in enumerate(several):
            changed = [[*several[:at], each, *several[at + 1 :]] for each in _moved(one, within)]
            is_alone = not isinstance(getattr(model, name), list)
            yield [copied(model, **{name: each[0] if is_alone else each}) for each in changed]


def _moved(calibration: Calibration, within: float) -> Iterator[Calibration]:
    """Each class as probable as it may be, and the others as improbable, and the other way round."""
    if calibration.method != "isotonic":
        return
    for number in range(len(calibration.curves)):
        for sign in (1.0, -1.0):
            yield Calibration(
                "isotonic",
                tuple(
                    (inputs - sign * within if at == number else inputs + sign * within, outputs)
                    for at, (inputs, outputs) in enumerate(calibration.curves)
                ),
            )
