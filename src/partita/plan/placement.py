"""Better schedules for unequal nodes, by trying again with a part of the tasks disturbed.

A try takes the best schedule's order and nodes, frees or disturbs some tasks, places all of them anew, and justifies what
comes out. Where running costs money, tasks that can wait go where they are cheap: a try may say until when all has to be
done, and what a second later counts.
"""

from __future__ import annotations

from partita.plan.evaluation import Schedule
from partita.plan.evolution import Chance
from partita.plan.nodes import FREE, NodesProblem, Placed
from partita.plan.ranks import order_by

__all__ = ["Placement"]


class Placement:
    """The best schedule so far, and what is tried to better it."""

    def __init__(self, problem: NodesProblem, chance: Chance, first: Schedule) -> None:
        """
        Args:
            first: a schedule that can be done; what is found is never worse.
        """
        self._problem, self._chance = problem, chance
        self.best = self._current = problem.placed(first)
        self._order = problem.order_of(self.best)
        self._tries = 0
        self._all_free = [FREE] * len(self._order)
        self._by_rank = order_by(problem.instance, problem.ranks)

    @property
    def schedule(self) -> Schedule:
        return self._problem.schedule(self.best)

    @property
    def objective(self) -> float:
        return self.best.objective

    def fit_to(self, seconds: float, limit_s: float) -> None:
        """How the time is shared does not depend on how much there is."""

    def step(self) -> None:
        """Try once more."""
        self._tries += 1
        chance = self._chance.random
        if self._tries % 2 and self._tries < 40:
            placed = self._with_deadline()
        elif chance() < 0.2:
            placed = self._with_noise()
        else:
            placed = self._with_some_free()
        if placed.objective > self._current.objective * (1.02 if chance() < 0.5 else 1.0):
            return
        _, justified = self._problem.justify(placed)
        if justified.objective <= placed.objective:
            placed = justified
        if placed.objective <= self._current.objective:
            self._current = placed
            self._order = self._problem.order_of(placed)
            if placed.objective < self.best.objective:
                self.best = placed

    def _with_deadline(self) -> Placed:
        """All tasks placed anew, those that can wait where they are cheap."""
        chance = self._chance.random
        due = self.best.makespan * (0.85 + 0.5 * chance())
        order = self._by_rank if chance() < 0.5 else self._order
        return self._problem.place(order, self._all_free, due, 0.3 + 2.0 * chance() ** 2)

    def _with_noise(self) -> Placed:
        problem, chance = self._problem, self._chance.random
        reach = max(problem.ranks) * 0.2 * chance()
        order = order_by(problem.instance, [rank + reach * chance() for rank in problem.ranks])
        return problem.place(order, self._all_free, self._due(), 1.0)

    def _with_some_free(self) -> Placed:
        """The current schedule, where a window of it or a few tasks anywhere are placed anew."""
        problem, chance, count = self._problem, self._chance.random, len(self._order)
        nodes = list(self._current.nodes)
        order = list(self._order)
        width = max(2, min(count, int(3 + 40 * chance() ** 2)))
        first = int(chance() * max(1, count - width))
        window = order[first : first + width]
        if chance() < 0.5:
            for task in window:
                nodes[task] = FREE
        else:
            for task in window:
                if chance() < 0.5:
                    allowed = problem.allowed[task]
                    nodes[task] = allowed[int(chance() * len(allowed))] if chance() < 0.3 else FREE
        starts = self._current.starts
        if chance() < 0.7 and len(window) > 1:
            span = (starts[window[-1]] - starts[window[0]]) * chance() + 1e-9
            keys = [-start for start in starts]
            for task in window:
                keys[task] += span * (chance() - 0.5)
            order = order_by(problem.instance, keys)
        return problem.place(order, nodes, self._due(), 0.5 + chance())

    def _due(self) -> float:
        chance = self._chance.random
        if self._problem.costs is None:
            return 0.0
        return self.best.makespan * (0.9 + 0.2 * chance())
