"""Whole numbers for seconds: the grid on which the constraint solver's times lie, and how late a best plan may end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from partita.plan.bounds import Bounds
from partita.plan.evaluation import Schedule, worth
from partita.plan.instance import Instance, moving_seconds

__all__ = ["Grid", "coarse_grid_of", "grid_of", "latest_end_s"]

#: Units of a second that are tried in turn for a grid on which all times lie.
_UNITS = (1, 10, 100, 1000, 10_000, 1_000_000)
#: Steps of the grid from 0 to the makespan where there is no such unit.
_RESOLUTION = 20_000
#: The same where something is to be proved of few tasks. With 20,000 steps the solver counts through starts that hardly differ:
#: it was not done in 20 s with 9 tasks of a real flow, for which 3,000 take .5 s.
_COARSE_RESOLUTION = 3000
#: Steps that a grid has at most: sums of so large numbers are still exact.
_MOST_STEPS = 10**15
#: The same where times are rounded, so that nothing is lost by leaving out what ends later.
_MOST_ROUNDED_STEPS = 10**9


class Grid(NamedTuple):
    """Whole numbers for seconds."""

    per_second: float
    is_exact: bool  # all times that matter are whole numbers of its steps; else they are rounded up

    def up(self, seconds: float) -> int:
        return round(seconds * self.per_second) if self.is_exact else math.ceil(seconds * self.per_second - 1e-9)

    def lost(self, seconds: float) -> float:
        """So much of a step rounding adds."""
        return 0.0 if self.is_exact else max(0.0, self.up(seconds) - seconds * self.per_second)

    def reach(self, seconds: float, more: float = 0.0) -> int:
        """Steps after which nothing has to be looked at where a best plan ends within so many seconds and steps more."""
        steps = math.ceil(seconds * self.per_second * (1.0 + 1e-9) + more) + 1
        return steps if self.is_exact else min(steps, _MOST_ROUNDED_STEPS)


def grid_of(instance: Instance, table: Sequence[Sequence[float]], hint: Schedule, latest_s: float) -> Grid:
    """The coarsest grid that has all times of plans that end by `latest_s`, or one that is fine enough to round them.

    Args:
        table: the instance's run times.
        hint: a schedule that can be done.
    """
    seconds = {value for task, row in enumerate(table) for value in map(row.__getitem__, instance.allowed[task])}
    if len(instance.nodes) > 1:
        routes = instance.network.routes(len(instance.nodes))
        sizes = {size for row in instance.edge_bytes for size in row}
        seconds |= {moving_seconds(size, *route) for size in sizes for route in routes}
    kept = [value for value in seconds if value <= latest_s]  # what takes longer is in none of these plans
    for unit in _UNITS:
        if latest_s * unit > _MOST_STEPS:
            break
        if all(abs(value * unit - round(value * unit)) <= 1e-9 * max(1.0, value * unit) for value in kept):
            return Grid(unit, True)
    return _rounding_grid(table, hint, _RESOLUTION)


def coarse_grid_of(table: Sequence[Sequence[float]], hint: Schedule) -> Grid:
    """A grid that times are rounded to so that a little can be proved soon."""
    return _rounding_grid(table, hint, _COARSE_RESOLUTION)


def _rounding_grid(table: Sequence[Sequence[float]], hint: Schedule, resolution: int) -> Grid:
    last = max(start + table[task][hint.nodes[task]] for task, start in enumerate(hint.starts))
    return Grid(resolution / max(last, 1e-9), False)


def latest_end_s(instance: Instance, table: Sequence[Sequence[float]], hint: Schedule, bounds: Bounds) -> float:
    """Seconds by which some best plan has ended.

    Where only the makespan counts, no best plan ends later than the hint. Where cost counts too, ending later may be
    cheaper, for as long as the cost that can be saved is worth it. And where at some time nothing runs and nothing is
    being moved, all that comes later may as well come earlier: so there is a best plan that at all times runs something
    or moves something. What a task hands on is moved in the time after its end that the slowest of it takes.
    """
    value = worth(instance, hint)
    if not instance.beta or len(instance.nodes) == 1:
        return value.makespan
    routes = instance.network.routes(len(instance.nodes))
    moving = [0.0] * len(instance)
    for needed, sizes in zip(instance.predecessors, instance.edge_bytes, strict=True):
        for origin, size in zip(needed, sizes, strict=True):
            moving[origin] = max(moving[origin], *(moving_seconds(size, *route) for route in routes))
    latest = sum(moving) + sum(
        max(row[node] for node in allowed) for row, allowed in zip(table, instance.allowed, strict=True)
    )
    if instance.alpha:
        latest = min(latest, (value.objective - instance.beta * bounds.cost) / instance.alpha)
    return max(latest, value.makespan)
