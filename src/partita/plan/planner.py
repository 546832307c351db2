"""Making a plan: quick rules first, then improving on the best of them for as long as there is time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from partita.plan.bounds import Bounds, lower_bounds
from partita.plan.evaluation import Evaluation, Schedule, worth
from partita.plan.following import PoolPolicy, follow
from partita.plan.greedy import first_come, start_greedily
from partita.plan.instance import Instance
from partita.plan.placing import place_in_order
from partita.plan.ranks import expected_seconds, order_by, upward_ranks

__all__ = ["Plan", "make_plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule, and how good it is known to be."""

    schedule: Schedule
    value: Evaluation
    bound: float  # no plan's objective is less
    planner: str  # what found it

    @property
    def is_optimal(self) -> bool:
        return self.value.objective <= self.bound + 1e-6 * max(1.0, abs(self.bound))


def make_plan(instance: Instance) -> Plan:
    """The best plan that quick rules find."""
    bounds = lower_bounds(instance)
    return quick_plan(instance, bounds)


def quick_plan(instance: Instance, bounds: Bounds) -> Plan:
    """The best of what quick rules give; all of them are tried while tasks are few."""
    best: Plan | None = None
    for name, rule in _rules(instance):
        schedule = rule()
        value = worth(instance, schedule)
        if best is None or value.objective < best.value.objective:
            best = Plan(schedule, value, bounds.objective, name)
            if best.is_optimal:
                break
    assert best is not None
    return best


#: Tasks from which on only the rule that is mostly best is tried.
_MANY = 20_000


def _rules(instance: Instance) -> list[tuple[str, Callable[[], Schedule]]]:
    ranks = upward_ranks(instance)
    if len(instance.nodes) == 1:
        seconds = expected_seconds(instance)
        rules: list[tuple[str, Callable[[], Schedule]]] = [
            ("ranks", lambda: follow(PoolPolicy(instance, seconds, ranks), seconds)),
            ("first-come", lambda: first_come(instance)),
            ("greedy ranks", lambda: start_greedily(instance, ranks)),
        ]
    else:
        order = order_by(instance, ranks)
        rules = [
            ("HEFT", lambda: place_in_order(instance, order)),
            ("first-come", lambda: first_come(instance)),
            ("greedy ranks", lambda: start_greedily(instance, ranks)),
        ]
        if instance.beta:
            rules.insert(0, ("HEFT by objective", lambda: place_in_order(instance, order, with_cost=True)))
    return rules[:1] if len(instance) >= _MANY else rules
