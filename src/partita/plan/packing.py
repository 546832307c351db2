"""Amounts of several resources as one whole number, so that what is free is compared with what is asked in one step.

Each resource has a field of bits, and above it a guard bit that is set in what is free. Subtracting a demand clears the
guard of every resource that it exceeds (the old way of doing several small subtractions in one machine word).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from partita.plan.instance import Amounts, Instance

__all__ = ["SCALES", "Packing"]

#: By one of these, amounts that are no whole numbers mostly become some.
SCALES = (1, 2, 4, 10, 16, 64, 100, 256, 1000, 1024)
_FINE_BITS = 31  # of a capacity whose amounts have no scale
_SLACK = 64  # units of the fine scale that many rounded demands may exceed it by


class Packing:
    """How the amounts of an instance are packed: `(free - demand) & guard == guard` says that the demand fits."""

    __slots__ = ("demands", "full", "guard", "together", "together_full")

    def __init__(self, instance: Instance) -> None:
        classes = set(instance.demands)
        fields = []
        for resource in _binding(instance, classes):
            asked = [dict(demand).get(resource, 0.0) for demand in classes]
            limits = [node.capacity[resource] for node in instance.nodes]
            fields.append((resource, *_scaled(asked, limits)))
        packed = dict.fromkeys(classes, 0)
        self.full = [0] * len(instance.nodes)  # what an empty node has free, by node, guards set
        self.guard = 0
        self.together = 0  # the bits of a demand that all nodes together have to hold
        self.together_full = 0  # what is free of them where nothing is held, guards set
        shift = 0
        for resource, scale, slack in fields:
            together = instance.together.get(resource)  # whoever may hold some of it may hold all of it
            capacities = [node.capacity[resource] if together is None else together for node in instance.nodes]
            units = [int(capacity * scale + 1e-6) + slack for capacity in capacities]
            width = max(units).bit_length()
            for demand in classes:
                packed[demand] += min(round(dict(demand).get(resource, 0.0) * scale), (1 << width) - 1) << shift
            self.full = [full + (unit << shift) for full, unit in zip(self.full, units, strict=True)]
            self.guard += 1 << (shift + width)
            if together is not None:
                self.together += ((1 << width) - 1) << shift
                self.together_full += units[0] << shift
            shift += width + 1
        self.full = [full + self.guard for full in self.full]
        self.together_full += self.guard
        self.demands = [packed[demand] for demand in instance.demands]  # by task


def _scaled(asked: Sequence[float], limits: Sequence[float]) -> tuple[float, int]:
    """How many units one of the resource is, and how many units more than the capacity count as there."""
    for scale in SCALES:
        if all(abs(scale * amount - round(scale * amount)) < 1e-6 for amount in asked):
            if max(limits) * scale < 1 << 48:
                return scale, 0
            break
    return (1 << _FINE_BITS) / max(limits), _SLACK


def _binding(instance: Instance, classes: Iterable[Amounts]) -> list[int]:
    """The resources that can ever be short: not those of which enough is left wherever another one suffices."""
    rows = [dict(demand) for demand in classes]
    used = sorted({resource for row in rows for resource in row})
    kept = list(used)
    for resource in used:
        if resource in instance.together:
            continue
        for other in kept:
            if other != resource and all(
                row.get(resource, 0.0) * node.capacity[other] <= row.get(other, 0.0) * node.capacity[resource] * (1 + 1e-9)
                for row in rows
                for node in instance.nodes
            ):  # fmt: skip
                kept.remove(resource)
                break
    return kept
