"""Named limits that several engines keep together.

An engine has a share of each limit, which it enlarges when a step needs more and gives back when another engine wants some. So
the store is asked only when shares move: an engine that alone uses a limit asks once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress

from partita.clock import Clock
from partita.core.records import Demand
from partita.core.resources import PartPool, Pool
from partita.errors import StoreError
from partita.store.peers import Peers

__all__ = ["SharedPool", "Shares"]

#: A share that was refused is asked for again after so many seconds, unless there is news.
_AGAIN_S = 0.5
#: For so long after another engine wanted some, what steps give back is not kept.
_WANTED_S = 2.0


class Shares:
    """How much of each limit this engine has."""

    def __init__(self, peers: Peers, pool: Pool, clock: Clock) -> None:
        """
        Args:
            pool: where the steps of this engine hold slots; its capacities are those of all engines together.
        """
        self._peers = peers
        self._pool = pool
        self._clock = clock
        self._shares: dict[str, int] = {}
        self._not_before_s: dict[str, float] = {}  # monotonic
        self._wanted_until_s = -math.inf

    def has(self, name: str, amount: float) -> bool:
        """Whether a step can hold so much more; the engine's share is enlarged where it can be."""
        self.give_back()  # what steps have ended with is not used again while another engine waits for it
        wanted = int(self._pool.held[name] + amount)
        if wanted <= self._shares.get(name, 0):
            return True
        now_s = self._clock.monotonic()
        if now_s < self._not_before_s.get(name, 0.0):
            return False
        self._not_before_s[name] = now_s + _AGAIN_S
        try:
            self._shares[name] = self._peers.take_slots(name, wanted, int(self._pool.capacity[name]))
        except StoreError:
            return False
        if self._shares[name] < wanted:
            return False
        del self._not_before_s[name]
        return True

    @property
    def is_wanted(self) -> bool:
        """Whether another engine may be waiting for a slot."""
        return self._clock.monotonic() <= self._wanted_until_s

    def heard(self) -> None:
        """Another engine wants some, or has given some back."""
        self._wanted_until_s = self._clock.monotonic() + _WANTED_S
        self._not_before_s.clear()  # this engine may have been waiting for it
        self.give_back()

    def give_back(self) -> None:
        """Give back what no step holds, while another engine may want it, and let that one be first."""
        if not self.is_wanted:
            return
        now_s = self._clock.monotonic()
        for name, share in self._shares.items():
            held = int(self._pool.held[name])
            if held < share:
                with suppress(StoreError):
                    self._peers.give_slots(name, held)
                    self._shares[name] = held
                    self._not_before_s[name] = now_s + _AGAIN_S


class SharedPool(PartPool):
    """The resources of an executor, whose slots are those of all executors of all engines."""

    def __init__(self, cpu: float, memory_bytes: int, gpu: float, slots: Pool, shares: Shares) -> None:
        super().__init__(cpu, memory_bytes, gpu, slots)
        self._shares = shares

    def fits(self, demand: Demand) -> bool:
        return super().fits(demand) and not self._lacks_shares(demand)

    def lacks(self, demand: Demand, reserved: Demand | None = None) -> list[str]:
        return super().lacks(demand, reserved) or self._lacks_shares(demand)

    def is_wanted_elsewhere(self, demand: Demand) -> bool:
        return bool(demand.slots) and self._shares.is_wanted

    def _lacks_shares(self, demand: Demand) -> list[str]:
        names: Mapping[str, int] = {f"slot {name}": count for name, count in demand.slots}
        return [name for name, count in names.items() if not self._shares.has(name, count)]
