"""The promise to what does not fit now that it begins at a time, and what others may still take until then."""

from __future__ import annotations

from collections.abc import Iterable

from partita.core.records import Demand
from partita.core.resources import TOLERANCE, Pool

__all__ = ["Promise"]

#: What runs for longer than it was thought to is thought to end after so many seconds more.
_OVERDUE_S = 0.1
#: Seconds that are taken for nothing.
_INSTANT_S = 1e-9


class Promise:
    """When a demand will be free, by what running attempts are thought to take, and what else will be free then."""

    __slots__ = ("_pool", "_spare", "_until_s")

    def __init__(self, pool: Pool, until_s: float, spare: dict[str, float]) -> None:
        """
        Args:
            until_s: what ends by then delays nothing.
            spare: what is free beside what was promised.
        """
        self._pool, self._until_s, self._spare = pool, until_s + _INSTANT_S, spare

    @classmethod
    def make(
        cls,
        pool: Pool,
        demand: Demand,
        now_s: float,
        running: Iterable[tuple[float, Demand]],
        *,
        is_strict: bool = False,
    ) -> Promise | None:
        """The promise of a demand; None: nothing that runs here is in its way, so that nothing here brings it nearer.

        Args:
            running: (monotonic time at which it is thought to end, what it holds) of all that holds something here.
            is_strict: nothing is believed of how long anything takes.
        """
        amounts = pool.amounts(demand)
        spare = {name: capacity - pool.held[name] + TOLERANCE for name, capacity in pool.capacity.items()}
        if any(name not in spare for name, _ in amounts):
            return None
        for at_s, held in sorted((max(end_s, now_s + _OVERDUE_S), held) for end_s, held in running):
            for name, amount in pool.amounts(held):
                spare[name] += amount
            if all(spare[name] >= amount for name, amount in amounts):
                for name, amount in amounts:
                    spare[name] -= amount
                return cls(pool, now_s if is_strict else at_s, spare)
        return None

    def ends_before(self, end_s: float) -> bool:
        """Whether what ends then is in nobody's way."""
        return end_s <= self._until_s

    def has_room(self, demand: Demand) -> bool:
        """Whether there is room for the demand beside what was promised, however long it is held."""
        spare = self._spare
        return all(spare[name] >= amount for name, amount in self._pool.amounts(demand))

    def take(self, demand: Demand) -> None:
        """Something that may run for longer holds the demand."""
        for name, amount in self._pool.amounts(demand):
            self._spare[name] -= amount
