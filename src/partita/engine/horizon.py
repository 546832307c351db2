"""When an executor will have room, by what runs on it and what was planned for it: only as far as choosing needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from partita.core.records import Demand
from partita.core.resources import WORKER, Pool
from partita.plan.placing import Timeline

__all__ = ["Horizon"]

#: What a timeline is made of, in units: thousandths of cores and devices, MiB, whole workers. Slots are held elsewhere too,
#: and are looked at when a step is started.
_UNITS = {"cpu": 1000.0, "memory": 1.0 / 2**20, "gpu": 1000.0, WORKER: 1.0}
_WIDTH = 40  # bits of a field
_SLACK = 64  # units by which rounded amounts may exceed a capacity
#: An attempt that takes longer than it was thought to is thought to go on for such a share of what it has taken.
_OVERDUE = 0.2
_LEAST_S = 0.05


class Horizon:
    """What one executor has free from now on."""

    def __init__(self, pool: Pool, running: Iterable[tuple[float, Demand]], now_s: float) -> None:
        """
        Args:
            running: what holds something: (when it is thought to end, what it holds), monotonic seconds.
        """
        self._pool, self._now_s = pool, now_s
        self._names = [name for name in _UNITS if name in pool.capacity]
        guard = sum(1 << ((_WIDTH + 1) * at + _WIDTH) for at in range(len(self._names)))
        self._line = Timeline(self._pack(pool.capacity, _SLACK) + guard, guard, now_s)
        self._packed: dict[Demand, int] = {}
        for end_s, demand in running:
            over_s = now_s - end_s
            left_s = -over_s if over_s < 0 else max(_OVERDUE * over_s, _LEAST_S)
            self._line.take(now_s, now_s + left_s, self._amounts(demand))

    def earliest(self, since_s: float, seconds: float, demand: Demand) -> float:
        """The first time from `since_s` on at which the demand is free for so long."""
        return self._line.earliest(max(since_s, self._now_s), max(seconds, 1e-6), self._amounts(demand))

    def take(self, start_s: float, seconds: float, demand: Demand) -> None:
        """Something is to run there then."""
        self._line.take(start_s, start_s + max(seconds, 1e-6), self._amounts(demand))

    def _amounts(self, demand: Demand) -> int:
        found = self._packed.get(demand)
        if found is None:
            found = self._packed[demand] = self._pack(dict(self._pool.amounts(demand)), 0)
        return found

    def _pack(self, amounts: Mapping[str, float], slack: int) -> int:
        packed, most = 0, (1 << _WIDTH) - 1
        for at, name in enumerate(self._names):
            packed += min(round(amounts.get(name, 0.0) * _UNITS[name]) + slack, most) << ((_WIDTH + 1) * at)
        return packed
