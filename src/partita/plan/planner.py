"""Making a plan: quick rules first, then improving on the best of them for as long as there is time."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from partita.plan.bounds import Bounds, lower_bounds
from partita.plan.constraints import is_solver_there
from partita.plan.evaluation import Evaluation, Schedule, can_be_kept, worth
from partita.plan.evolution import Chance, Evolution
from partita.plan.instance import Instance
from partita.plan.nodes import NodesProblem
from partita.plan.optimal import Proof, Prover
from partita.plan.placement import Placement
from partita.plan.pool import PoolProblem
from partita.plan.rules import one_after_another, quick_schedules

__all__ = ["Means", "Plan", "make_plan"]

#: Share of the time for which is searched before the solver begins, and seconds of it at most.
_ALONE, _ALONE_S = 0.1, 1.0
#: The search is taken to be at its end when so large a share of its time, and so many seconds at least, brought nothing better:
#: before the solver begins, and beside it. Beside it, it then goes on for some seconds and rests for others, in turn, since the
#: solver can make more of the cores. (Shares from one try on four instances: what they bring is within the noise so far.)
_BARREN = 0.5
_BARREN_ALONE_S, _BARREN_BESIDE_S = 0.2, 1.0
_GOING_ON_S, _RESTING_S = 0.25, 0.75
#: Seconds below which the solver is not begun, and tasks beyond which it is not, on one node and on several.
_SOLVER_S, _POOL_TASKS, _NODES_TASKS = 1.0, 1500, 60
#: Seconds of one try at the worst: for each pair of tasks in a pool, for each task and node elsewhere.
_POOL_TRY_S, _NODES_TRY_S = 3e-7, 1e-5
#: Seconds that reading what the solver has found may take.
_READING_S = 0.1


class Waiting(Protocol):
    """Something that is being worked on elsewhere, as `concurrent.futures.Future` is."""

    def done(self) -> bool: ...

    def result(self, timeout: float | None = None) -> Proof:
        """Waits for it; TimeoutError where so many seconds were not enough."""


@dataclass(frozen=True, slots=True)
class Means:
    """What may be used to look for better plans."""

    clock: Callable[[], float]  # seconds that go on
    until: float = 0.0  # on the clock: when to stop
    chance: Chance | None = None  # None: nothing is left to chance, and only quick rules are used
    rounds: int = 0  # how many schedules to try at most; 0: as many as there is time for
    aside: Callable[[Callable[[], Proof]], Waiting] | None = None  # does something in another thread; None: no solver
    workers: int = 2  # threads of the solver
    must_prove: bool = False  # the solver is missed where it is not installed


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule, and how good it is known to be."""

    schedule: Schedule
    value: Evaluation
    bound: float  # no plan's objective is less
    planner: str  # what found it

    @property
    def is_optimal(self) -> bool:
        return self.value.objective <= self.bound + 1e-7 * max(1.0, abs(self.bound))

    @property
    def gap(self) -> float:
        """How far from the best it is at most, as a share of the objective."""
        if self.is_optimal:
            return 0.0
        return 1.0 - self.bound / self.value.objective


def make_plan(instance: Instance, means: Means | None = None) -> Plan:
    """The best plan that can be found by these means; without any, that of quick rules. It is checked that it can be kept.

    Raises:
        MissingExtraError: it has to be proved, and the solver is not installed.
    """
    bounds = lower_bounds(instance)
    best = _quick_plan(instance, bounds)
    if means is None or means.chance is None or _takes_too_long(instance, means.until - means.clock()):
        return best
    return _Improvement(instance, bounds, best, means, means.chance).run()


def _quick_plan(instance: Instance, bounds: Bounds) -> Plan:
    """The best of the quick rules. Only what would be taken is checked: with 100,000 tasks that takes as long as a rule."""
    found: list[Plan] = []
    for name, schedule in quick_schedules(instance):
        value = worth(instance, schedule)
        found.append(Plan(schedule, value, min(bounds.objective, value.objective), name))
        if found[-1].is_optimal:
            break
    found.sort(key=lambda plan: plan.value.objective)  # of equal ones the first rule's
    best = next((plan for plan in found if can_be_kept(instance, plan.schedule)), None)
    if best is None:
        schedule = one_after_another(instance)
        value = worth(instance, schedule)
        best = Plan(schedule, value, min(bounds.objective, value.objective), "one after another")
    return best


def _takes_too_long(instance: Instance, left: float) -> bool:
    """Whether not even a few schedules can be tried in the time that is left."""
    count, nodes = len(instance), len(instance.nodes)
    return left <= (_POOL_TRY_S * count * count if nodes == 1 else _NODES_TRY_S * count * nodes)


class _Search(Protocol):
    """Looks for better schedules, one step after the other."""

    @property
    def schedule(self) -> Schedule: ...

    @property
    def objective(self) -> float: ...

    def fit_to(self, seconds: float, limit_s: float) -> None: ...

    def step(self) -> None: ...


class _Improvement:
    """One search with time, and the solver beside it."""

    def __init__(self, instance: Instance, bounds: Bounds, first: Plan, means: Means, chance: Chance) -> None:
        self.instance, self.bounds, self.means = instance, bounds, means
        self.bound = first.bound
        self.best = first
        self.began = means.clock()
        self.rounds = 0  # schedules that were tried
        self.search: _Search
        if len(instance.nodes) == 1:
            self.search = Evolution(PoolProblem(instance), chance, first.schedule)
        else:
            self.search = Placement(NodesProblem(instance), chance, first.schedule)
        self.prover = Prover(instance, bounds)

    def run(self) -> Plan:
        means, clock = self.means, self.means.clock
        left = means.until - self.began
        if not self._may_solve(left):
            self._search_until(means.until, fit=True)
        else:
            self._search_until(self.began + min(_ALONE * left, _ALONE_S), barren_s=_BARREN_ALONE_S, fit=True)
        if self._may_solve(left) and not self._is_done():
            assert means.aside is not None
            hint = self._better(self.search.schedule)
            for_solver = means.until - clock() - _READING_S
            solving = means.aside(lambda: self.prover.solve(hint, for_solver, means.workers))
            self._search_beside(solving, means.until - _READING_S)
            self.prover.stop()
            proof = solving.result()
            self.bound = max(self.bound, proof.bound)
            self._take(proof.schedule, "constraint solver")
        self._take(self.search.schedule, "search")
        return replace(self.best, bound=min(self.bound, self.best.value.objective))

    def _may_solve(self, left: float) -> bool:
        means, instance = self.means, self.instance
        most = _POOL_TASKS if len(instance.nodes) == 1 else _NODES_TASKS
        if means.aside is None or (not means.must_prove and (left < _SOLVER_S or len(instance) > most)):
            return False
        return means.must_prove or is_solver_there()

    def _search_beside(self, solving: Waiting, until: float) -> None:
        search, clock = self.search, self.means.clock
        found_at = clock()
        while (now := clock()) < until and not (solving.done() or self._is_done()):
            before = search.objective
            self._search_until(min(until, now + _GOING_ON_S), solving=solving)
            now = clock()
            if search.objective < before:
                found_at = now
            elif now - found_at > max(_BARREN_BESIDE_S, _BARREN * (now - self.began)) or self._has_tried_all:
                with suppress(TimeoutError):
                    solving.result(max(0.0, min(_RESTING_S, until - now)))

    @property
    def _has_tried_all(self) -> bool:
        return 0 < self.means.rounds <= self.rounds

    def _search_until(
        self, until: float, *, barren_s: float = math.inf, solving: Waiting | None = None, fit: bool = False
    ) -> None:
        means, search, clock = self.means, self.search, self.means.clock
        best, found_at = search.objective, clock()
        while (now := clock()) < until and not self._has_tried_all:
            if now - found_at > max(barren_s, _BARREN * (now - self.began)):
                break
            search.step()
            self.rounds += 1
            if search.objective < best:
                best, found_at = search.objective, now
            if fit and self.rounds == 3:
                search.fit_to(clock() - self.began, means.until - self.began)
            if solving is not None and solving.done():
                break
            if self._is_done():
                break

    def _is_done(self) -> bool:
        """Whether nothing better can be found."""
        bound = max(self.bound, self.prover.bound)
        return self.search.objective <= bound + 1e-7 * max(1.0, abs(bound))

    def _better(self, schedule: Schedule) -> Schedule:
        value = worth(self.instance, schedule).objective
        is_better = value < self.best.value.objective and can_be_kept(self.instance, schedule)
        return schedule if is_better else self.best.schedule

    def _take(self, schedule: Schedule, planner: str) -> None:
        value = worth(self.instance, schedule)
        if value.objective < self.best.value.objective - 1e-12 and can_be_kept(self.instance, schedule):
            self.best = Plan(schedule, value, self.bound, planner)
