"""What a plan is made for: its own objective, a deadline at the least cost, or the least time within a budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from partita.plan.bounds import lower_bounds
from partita.plan.evaluation import Evaluation, Schedule, worth
from partita.plan.frontier import PLACED, front_of, frontier, pick
from partita.plan.instance import Instance
from partita.plan.pareto import Point
from partita.plan.planner import make_plan

__all__ = ["Aim"]

#: Tasks that are placed anew to improve on a plan that is only to be compared with another one.
_BRIEFLY = 30_000


@dataclass(frozen=True, slots=True)
class Aim:
    """What is wanted of a plan."""

    deadline_s: float | None = None  # the cheapest plan that is done by then
    budget: float | None = None  # without a deadline, the fastest that costs no more
    is_out_of_reach: bool = False  # no plan keeps them: the fastest where there is a deadline, else the cheapest

    @property
    def is_constrained(self) -> bool:
        return self.deadline_s is not None or self.budget is not None

    def measure(self, value: Evaluation) -> float:
        """What is to be small: infinite where the plan does not keep what it has to."""
        if not self.is_constrained:
            return value.objective
        if not self.is_out_of_reach and not Point(Schedule((), ()), value).is_within(self.deadline_s, self.budget):
            return inf
        is_for_time = (self.deadline_s is not None) == self.is_out_of_reach  # cheap by a deadline, fast if it is missed
        return value.makespan if is_for_time else value.cost

    def chosen(self, instance: Instance, points: Sequence[Point], placed: int = PLACED) -> Point | None:
        """The plan that is wanted, of a front and of what lies near it; None: no plan was found that keeps what it has to.

        Args:
            placed: how many tasks may be placed anew for it, in all.
        """
        if self.is_out_of_reach:
            return self.ends(points)
        return pick(instance, points, self.deadline_s, self.budget, placed)

    def ends(self, points: Sequence[Point]) -> Point:
        """That end of a front which is nearest to what no plan keeps."""
        return points[0] if self.deadline_s is not None else points[-1]

    def planned_briefly(self, instance: Instance, known: Sequence[Schedule] = ()) -> Schedule:
        """A plan that is found in next to no time.

        Args:
            known: plans of the instance that it should be no worse than.
        """
        if not self.is_constrained:
            return make_plan(instance).schedule
        points = frontier(instance, lower_bounds(instance), lambda other: make_plan(other).schedule, _BRIEFLY)
        points = front_of([*points, *(Point(schedule, worth(instance, schedule)) for schedule in known)])
        return (self.chosen(instance, points, _BRIEFLY) or self.ends(points)).schedule

    def planned_like(self, schedule: Schedule, solve: Callable[[Instance], Schedule]) -> Callable[[Instance], Schedule]:
        """Plans instances that have more than another one for the same.

        Args:
            schedule: the plan of the other one.
            solve: plans for an instance's own objective.
        """
        return lambda instance: self.planned_briefly(instance, [schedule]) if self.is_constrained else solve(instance)
