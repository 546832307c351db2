"""Plans that are proved to be the best, or how far from it they can be at most: the problem as CP-SAT has it.

Times lie on a grid. Where all of them are multiples of its unit, what the solver proves holds as it is. Else they are
rounded up, the order that it finds is placed again with exact times, and its bound holds less what rounding can add: any
plan can be kept on the grid, in its own order and no task earlier, and no chain of tasks gets longer by more than all
roundings together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

from partita.plan.bounds import Bounds
from partita.plan.constraints import ConstraintModel, load_solver
from partita.plan.evaluation import Schedule, can_be_kept, worth
from partita.plan.grid import Grid, coarse_grid_of, grid_of, latest_end_s
from partita.plan.instance import Instance, Network, moving_seconds
from partita.plan.packing import SCALES
from partita.plan.placing import place_in_order

__all__ = ["Proof", "Prover"]

#: Units of a capacity whose amounts have no scale that makes them whole.
_FINE = 1 << 20
#: Of so few tasks something is proved on a coarse grid first where times lie on none: with more, rounding adds too much.
_COARSE_TASKS = 64
#: What the objective of the hint is in whole numbers, where it is no mere makespan; and what no objective exceeds.
_OBJECTIVE, _MOST = 1e11, 2.0**60


class Proof(NamedTuple):
    """The best schedule that was found, and what is known of all others."""

    schedule: Schedule
    bound: float  # no plan's objective is less
    is_optimal: bool


class Prover:
    """One use of the solver; it may be stopped from another thread, and tells its bound while it works."""

    def __init__(self, instance: Instance, bounds: Bounds) -> None:
        self._instance, self._bounds = instance, bounds
        self._model: _Model | None = None
        self._solving: Any = None
        self._is_stopped = False
        self.bound = bounds.objective  # no plan's objective is less

    def solve(self, hint: Schedule, limit_s: float, workers: int = 2, parameters: str = "") -> Proof:
        """The best schedule that CP-SAT finds within the limit.

        Args:
            hint: a schedule that can be done, to begin with.
            parameters: more of the solver's, as text.

        Raises:
            MissingExtraError: OR-Tools is not installed.
        """
        load_solver()
        instance = self._instance
        table = instance.run_times()
        latest_s = latest_end_s(instance, table, hint, self._bounds)
        grids = [grid_of(instance, table, hint, latest_s)]
        if not grids[0].is_exact and len(instance) <= _COARSE_TASKS:
            grids.insert(0, coarse_grid_of(table, hint))
        schedule = hint
        for left, grid in zip(range(len(grids), 0, -1), grids, strict=True):
            if self._is_stopped:
                break
            model = self._model = _Model(instance, table, grid, schedule, self._bounds, latest_s)
            text = f"num_workers:{workers} max_time_in_seconds:{max(limit_s / left, 0.01)} random_seed:1 {parameters}"
            answer = model.model.solve(text, self._learn, self._begin)
            limit_s -= answer.took_s
            if answer.is_void:
                self.bound = self._bounds.objective
            else:
                self._learn(answer.bound)
            if answer.values is not None:
                schedule = self._best(schedule, model.schedules(answer.values))
        value = worth(instance, schedule).objective
        bound = min(self.bound, value)
        return Proof(schedule, bound, value <= bound + 1e-7 * max(1.0, value))

    def _best(self, hint: Schedule, found: Sequence[Schedule]) -> Schedule:
        """The best of the hint and of what was found that can be kept, whatever the grid and its rounding have done."""
        best, value = hint, worth(self._instance, hint).objective
        for schedule in found:
            other = worth(self._instance, schedule).objective
            if other < value and can_be_kept(self._instance, schedule):
                best, value = schedule, other
        return best

    def stop(self) -> None:
        """End the search; what has been found is kept."""
        self._is_stopped = True
        if self._solving is not None:
            self._solving.stop_search()

    def _begin(self, solving: Any) -> None:
        self._solving = solving
        if self._is_stopped:
            solving.stop_search()

    def _learn(self, bound: float) -> None:
        if self._model is not None and math.isfinite(bound):
            self.bound = max(self.bound, self._model.bound(bound))


class _Model:
    """The instance on the grid."""

    def __init__(
        self,
        instance: Instance,
        table: Sequence[Sequence[float]],
        grid: Grid,
        hint: Schedule,
        bounds: Bounds,
        latest_s: float,
    ) -> None:
        """
        Args:
            table: the instance's run times.
            latest_s: what ends later need not be looked at.
        """
        self.instance, self.grid = instance, grid
        self.model = ConstraintModel()
        self.sizes = [
            {node: grid.up(table[task][node]) for node in allowed} for task, allowed in enumerate(instance.allowed)
        ]
        self.lost = self._lost(table)
        begin = self._on_grid(hint)
        last = max(start + self.sizes[task][hint.nodes[task]] for task, start in enumerate(begin))
        horizon = last
        if instance.beta and len(instance.nodes) > 1:  # a later end may cost less
            horizon = max(last, grid.reach(latest_s, self.lost))
            if horizon < latest_s * grid.per_second + self.lost:
                self.lost = math.inf  # a best plan may lie beyond
        self.horizon = horizon
        self.sizes = [
            {node: size for node, size in sizes.items() if size <= horizon} for sizes in self.sizes
        ]  # of the nodes that are fast enough
        variable = self.model.variable
        low = max(0, math.ceil(bounds.makespan * grid.per_second - 1e-6) if grid.is_exact else 0)
        self.makespan = variable(min(low, last), horizon, last)
        self.starts = [variable(0, horizon, start) for start in begin]
        self.places: list[dict[int, int]] = []  # by task: node -> 0-1 variable; none where there is no choice
        self.ends: list[tuple[list[tuple[int, int]], int]] = []
        self.on_node: list[list[tuple[int, int]]] = [[] for _ in instance.nodes]  # (task, interval)
        for task, sizes in enumerate(self.sizes):
            self._add_task(task, sizes, hint, begin[task], horizon)
        for task in range(len(instance)):
            for needed, size in zip(instance.predecessors[task], instance.edge_bytes[task], strict=True):
                self._add_edge(needed, task, size, hint)
        for node in range(len(instance.nodes)):
            for resource in range(len(instance.resources)):
                self._add_capacity(resource, instance.nodes[node].capacity[resource], (node,))
        for resource, capacity in instance.together.items():
            self._add_capacity(resource, capacity, range(len(instance.nodes)))
        self._add_objective(hint, begin)

    def _lost(self, table: Sequence[Sequence[float]]) -> float:
        """Steps by which rounding makes no plan longer than that."""
        grid, instance, nodes = self.grid, self.instance, len(self.instance.nodes)
        if grid.is_exact:
            return 0.0
        lost = 1.0  # of a start
        routes = instance.network.routes(nodes) if nodes > 1 else set()
        for task, allowed in enumerate(instance.allowed):
            lost += max(grid.lost(table[task][node]) for node in allowed)
            sizes = set(instance.edge_bytes[task])
            lost += max((grid.lost(moving_seconds(size, *route)) for size in sizes for route in routes), default=0.0)
        return lost

    def _on_grid(self, hint: Schedule) -> list[int]:
        """The hint's order placed on the grid, so that the solver begins with something that holds there."""
        grid = self.grid
        if grid.is_exact:
            return [round(start * grid.per_second) for start in hint.starts]
        coarse = copy(self.instance)
        network = coarse.network
        if network.links:
            coarse.network = _RoundedNetwork(network.bandwidth, network.latency, network.links, grid)
        elif len(coarse.nodes) > 1:
            coarse.network = Network(bandwidth=1.0)
            coarse.edge_bytes = [
                [float(grid.up(network.seconds(size, 0, 1))) for size in row] for row in coarse.edge_bytes
            ]
        rounded = [[math.inf] * len(coarse.nodes) for _ in self.sizes]
        for task, sizes in enumerate(self.sizes):
            for node, size in sizes.items():
                rounded[task][node] = float(size)
        placed = place_in_order(coarse, order_by_start(coarse, hint), hint.nodes, run_times=rounded)
        return [math.ceil(start - 1e-6) for start in placed.starts]

    def _add_task(self, task: int, sizes: dict[int, int], hint: Schedule, begin: int, horizon: int) -> None:
        model, start = self.model, self.starts[task]
        from_start = ([(1, start)], 0)
        if len(sizes) == 1:
            ((node, size),) = sizes.items()
            end = ([(1, start)], size)
            self.places.append({})
            self.on_node[node].append((task, model.interval(from_start, size, end)))
        else:
            own = model.variable(0, horizon, begin + sizes[hint.nodes[task]])
            end = ([(1, own)], 0)
            places = {node: model.variable(0, 1, int(hint.nodes[task] == node)) for node in sizes}
            for node, size in sizes.items():
                self.on_node[node].append((task, model.interval(from_start, size, end, [places[node]])))
            model.exactly_one(list(places.values()))
            self.places.append(places)
        self.ends.append(end)
        model.at_least([(1, self.makespan), (-1, end[0][0][1])], end[1])

    def _after(self, needed: int, task: int, delay: int, only_if: Sequence[int] = ()) -> None:
        terms, constant = self.ends[needed]
        self.model.at_least([(1, self.starts[task]), (-1, terms[0][1])], constant + delay, only_if)

    def _add_edge(self, needed: int, task: int, size: float, hint: Schedule) -> None:
        network, count = self.instance.network, len(self.instance.nodes)
        self._after(needed, task, 0)
        if count == 1 or not (network.latency or network.bandwidth or network.links):
            return
        here, there = self._choices(needed), self._choices(task)
        if network.links:
            for origin, first in here.items():
                for target, second in there.items():
                    delay = self._delay(network.seconds(size, origin, target))
                    if delay:
                        self._after(needed, task, delay, [*first, *second])
            return
        delay = self._delay(network.seconds(size, 0, 1))
        if not delay:
            return
        away = self.model.variable(0, 1, int(hint.nodes[needed] != hint.nodes[task]))
        for node, first in here.items():  # on this node, then the other one too, or away
            terms = [(1, away), *((-1, literal) for literal in first)]
            if node in there:
                terms += [(1, literal) for literal in there[node]]
            fixed = (1 if node in there and not there[node] else 0) - (0 if first else 1)
            self.model.at_least(terms, -fixed)
        self._after(needed, task, delay, [away])

    def _delay(self, seconds: float) -> int:
        """Steps; what takes longer than all else may cannot be."""
        return min(self.grid.up(seconds), self.horizon + 1)

    def _choices(self, task: int) -> dict[int, list[int]]:
        """By node, the 0-1 variables that say that the task runs there: one, or none where it has no choice."""
        if self.places[task]:
            return {node: [literal] for node, literal in self.places[task].items()}
        return {node: [] for node in self.sizes[task]}

    def _add_capacity(self, resource: int, capacity: float, nodes: Sequence[int]) -> None:
        """No more of the resource is held on these nodes together."""
        intervals, amounts = [], []
        for node in nodes:
            for task, interval in self.on_node[node]:
                amount = dict(self.instance.demands[task]).get(resource, 0.0)
                if amount and self.sizes[task][node]:
                    intervals.append(interval)
                    amounts.append(amount)
        if not intervals or sum(amounts) <= capacity:
            return
        whole = next((scale for scale in SCALES if _is_whole(scale, amounts)), None)
        if whole is not None:
            room = math.floor(capacity * whole + 1e-6)
            self.model.cumulative(room, intervals, [round(amount * whole) for amount in amounts])
            return
        scale = _FINE / capacity  # rounded to the nearest, with as many units more as roundings may add up to
        room = _FINE + len(amounts) // 2 + 1
        self.model.cumulative(room, intervals, [round(amount * scale) for amount in amounts])

    def _add_objective(self, hint: Schedule, begin: list[int]) -> None:
        """alpha * makespan + beta * cost, in whole numbers: so many of them are one unit of the objective."""
        instance, model, per_second = self.instance, self.model, self.grid.per_second
        alpha, beta = instance.alpha, instance.beta
        self.fixed = 0.0  # what is paid anyway
        if len(instance.nodes) == 1:
            self.fixed = beta * sum(instance.task_cost(task, 0) for task in range(len(instance)))
            self.scale, self.error = per_second / max(alpha + beta * instance.nodes[0].rent, 1e-12), 0.0
            model.minimise([(1, self.makespan)])
            return
        if not beta:
            self.scale, self.error = per_second / max(alpha, 1e-12), 0.0
            model.minimise([(1, self.makespan)])
            return
        spans = [(alpha, self.makespan)] if alpha else []
        for node, told in enumerate(instance.nodes):
            if told.rent:
                spans += [(sign * beta * told.rent, variable) for sign, variable in self._span(node, hint, begin)]
        most = sum(abs(weight) for weight, _ in spans) * self.horizon / per_second + beta * sum(
            max(instance.task_cost(task, node) for node in sizes) for task, sizes in enumerate(self.sizes)
        )
        self.scale = min(_OBJECTIVE / max(worth(instance, hint).objective, 1e-9), _MOST / max(most, 1e-9))
        terms = [(round(self.scale * weight / per_second), variable) for weight, variable in spans]
        for task, places in enumerate(self.places):
            if not places:
                self.fixed += beta * instance.task_cost(task, hint.nodes[task])
            for node, literal in places.items():
                terms.append((round(self.scale * beta * instance.task_cost(task, node)), literal))
        self.error = 0.5 * len(instance) + 0.5 * self.horizon * len(spans)
        model.minimise([(coefficient, variable) for coefficient, variable in terms if coefficient])

    def _span(self, node: int, hint: Schedule, begin: list[int]) -> list[tuple[int, int]]:
        """The last finish on the node less the first start, or 0: the variables that a rent is paid for."""
        own = [task for task, place in enumerate(hint.nodes) if place == node]
        first = min([begin[task] for task in own], default=0)
        last = max([begin[task] + self.sizes[task][node] for task in own], default=0)
        model = self.model
        low, high = model.variable(0, self.horizon, first), model.variable(0, self.horizon, last)
        model.at_least([(1, high), (-1, low)], 0)
        for task, _ in self.on_node[node]:
            only_if = [self.places[task][node]] if self.places[task] else []
            terms, constant = self.ends[task]
            model.at_least([(1, self.starts[task]), (-1, low)], 0, only_if)
            model.at_least([(1, high), (-1, terms[0][1])], constant, only_if)
        return [(1, high), (-1, low)]

    def schedules(self, values: Sequence[int]) -> list[Schedule]:
        """What the solver's values say, with exact times; and with each task as early as it may be in that order."""
        nodes = []
        for task, places in enumerate(self.places):
            chosen = [node for node, literal in places.items() if values[literal]]
            nodes.append(chosen[0] if chosen else next(iter(self.sizes[task])))
        found = Schedule([values[start] / self.grid.per_second for start in self.starts], nodes)
        return [found, place_in_order(self.instance, order_by_start(self.instance, found), nodes)]

    def bound(self, value: float) -> float:
        """The solver's bound as one of the instance's objective."""
        if math.isinf(self.lost):
            return -math.inf
        instance, lost_s = self.instance, self.lost / self.grid.per_second
        rounded = (instance.alpha + instance.beta * sum(node.rent for node in instance.nodes)) * lost_s
        return (math.ceil(value - 1e-6) - self.error) / self.scale + self.fixed - rounded


@dataclass(frozen=True)
class _RoundedNetwork(Network):
    """Moving takes steps of a grid, as the solver has it."""

    grid: Grid = Grid(1.0, True)

    def seconds(self, size_bytes: float, origin: int, target: int) -> float:
        return float(self.grid.up(Network.seconds(self, size_bytes, origin, target)))


def order_by_start(instance: Instance, schedule: Schedule) -> list[int]:
    """The tasks by their starts, each after those that it needs."""
    positions = [0] * len(instance)
    for position, task in enumerate(instance.order):
        positions[task] = position
    return sorted(range(len(instance)), key=lambda task: (schedule.starts[task], positions[task]))


def _is_whole(scale: int, amounts: Sequence[float]) -> bool:
    return all(abs(scale * amount - round(scale * amount)) < 1e-6 for amount in amounts)
