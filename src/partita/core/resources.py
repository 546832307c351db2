"""What can be held at once, and by whom it is held."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from typing import Any

from partita.core.records import Demand
from partita.units import size_text

__all__ = ["CONTAINERS", "ENVIRONMENTS", "WORKER", "PartPool", "Pool", "amount_text"]

#: What tasks may need beside amounts of resources.
CONTAINERS, ENVIRONMENTS = "containers", "environments"

#: CPUs and GPUs are held in fractions; sums of them are compared with this tolerance.
TOLERANCE = 1e-9

#: One is held by each attempt, where an executor has a limited number of them.
WORKER = "worker"


def amount_text(resource: str, amount: float) -> str:
    """An amount of a resource for people."""
    return size_text(amount) if resource == "memory" else f"{amount:g}"


class Pool:
    """The resources of one executor, and how much of them is free.

    Law: what is held never exceeds the capacity, and every `acquire` has one `release`.
    """

    def __init__(self, cpu: float, memory_bytes: int, gpu: float = 0.0, slots: dict[str, int] | None = None) -> None:
        self.capacity: dict[str, float] = {"cpu": cpu, "memory": memory_bytes, "gpu": gpu}
        self.capacity.update({f"slot {name}": count for name, count in (slots or {}).items()})
        self.held: MutableMapping[str, float] = dict.fromkeys(self.capacity, 0.0)
        self.remedies: Mapping[str, str] = {}  # CONTAINERS, ENVIRONMENTS, if there are none here -> what to do instead
        self._amounts: dict[Demand, tuple[tuple[str, float], ...]] = {}
        self._parts: dict[Demand, float] = {}

    def limit_workers(self, count: int) -> None:
        """Let no more than so many attempts hold anything here at once."""
        self.capacity[WORKER] = count
        self.held[WORKER] = 0.0
        self._amounts.clear()
        self._parts.clear()

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> Pool:
        """An empty pool like the one that was described."""
        made = cls(0, 0)
        made.capacity = dict(described["capacity"])
        made.held = dict.fromkeys(made.capacity, 0.0)
        made.remedies = dict(described["remedies"])
        return made

    def describe(self) -> dict[str, Any]:
        """What can ever be had here, as plain data."""
        return {"capacity": dict(self.capacity), "remedies": dict(self.remedies)}

    def amounts(self, demand: Demand) -> tuple[tuple[str, float], ...]:
        """The demand as (resource, amount), without what it asks nothing of."""
        found = self._amounts.get(demand)
        if found is None:
            pairs = [("cpu", demand.cpu), ("memory", demand.memory_bytes or demand.learned_bytes), ("gpu", demand.gpu)]
            pairs += [(f"slot {name}", count) for name, count in demand.slots]
            pairs += [(WORKER, 1)] if WORKER in self.capacity else []
            found = self._amounts[demand] = tuple((name, amount) for name, amount in pairs if amount)
        return found

    def share(self, demand: Demand) -> float:
        """The largest part of any resource that the demand takes (its dominant share: Ghodsi et al., 2011)."""
        found = self._parts.get(demand)
        if found is None:
            parts = [amount / self.capacity[name] for name, amount in self.amounts(demand) if self.capacity.get(name)]
            found = self._parts[demand] = max(parts, default=0.0)
        return found

    def lacks_for_ever(self, demand: Demand) -> list[str]:
        """Why the demand can never be met, a sentence part for each resource; empty where it can."""
        lacking = []
        for name, amount in self.amounts(demand):
            capacity = self.capacity.get(name)
            if capacity is None:
                lacking.append(f"{name}: no such limit is set")
            elif amount > capacity + TOLERANCE:
                lacking.append(f"{name}: {amount_text(name, amount)} asked, {amount_text(name, capacity)} in all")
        return lacking

    def lacks(self, demand: Demand, reserved: Demand | None = None) -> list[str]:
        """The resources of which too little is free now, beside what is reserved for somebody else."""
        kept = dict(self.amounts(reserved)) if reserved is not None else {}
        return [
            name
            for name, amount in self.amounts(demand)
            if self.held[name] + amount + kept.get(name, 0.0) > self.capacity[name] + TOLERANCE
        ]

    def free(self) -> dict[str, float]:
        """What is free of each resource now, with the tolerance."""
        held = self.held
        return {name: capacity + TOLERANCE - held[name] for name, capacity in self.capacity.items()}

    def fits(self, demand: Demand) -> bool:
        """Whether the demand may be had now; only where each of its amounts is free."""
        held, capacity = self.held, self.capacity
        for name, amount in self.amounts(demand):
            if held[name] + amount > capacity[name] + TOLERANCE:
                return False
        return True

    def is_wanted_elsewhere(self, demand: Demand) -> bool:
        """Whether others wait for something of the demand that is shared with them."""
        return False

    def acquire(self, demand: Demand) -> None:
        for name, amount in self.amounts(demand):
            self.held[name] += amount

    def release(self, demand: Demand) -> None:
        for name, amount in self.amounts(demand):
            left = self.held[name] - amount
            self.held[name] = left if left > TOLERANCE else 0.0


class PartPool(Pool):
    """The resources of one of several executors, whose slots are those of all of them together."""

    def __init__(self, cpu: float, memory_bytes: int, gpu: float, slots: Pool) -> None:
        """
        Args:
            slots: where slots are held.
        """
        super().__init__(cpu, memory_bytes, gpu)
        self._own, self._shared = self.held, slots.held
        self.capacity.update({name: count for name, count in slots.capacity.items() if _is_slot(name)})
        self.held = ChainMap(self._own, self._shared)

    def acquire(self, demand: Demand) -> None:
        for name, amount in self.amounts(demand):
            (self._shared if _is_slot(name) else self._own)[name] += amount

    def release(self, demand: Demand) -> None:
        for name, amount in self.amounts(demand):
            held = self._shared if _is_slot(name) else self._own
            left = held[name] - amount
            held[name] = left if left > TOLERANCE else 0.0


def _is_slot(name: str) -> bool:
    return name.startswith("slot ")
