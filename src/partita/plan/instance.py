"""What is to be planned: tasks with durations and demands, edges between them, and nodes to run them on.

Everything is held by position: a task and a node are small numbers, their names are looked up only at the border. The
lists are read by the solvers' inner loops and never changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from partita.errors import PlanningError
from partita.plan.numbers import MOST

__all__ = ["TOLERANCE", "Amounts", "Instance", "Network", "Node", "moving_seconds", "topological_order"]

#: Seconds, and shares of a capacity, that are taken for nothing.
TOLERANCE = 1e-6

#: What is asked of resources, by their numbers; what is not asked for is left out.
Amounts = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Node:
    """Where tasks run."""

    id: str
    capacity: tuple[float, ...]  # by resource number
    speed: float = 1.0  # how much faster than the durations tell
    price: tuple[float, ...] = ()  # a unit of a resource and a second, by resource number
    rent: float = 0.0  # a second from the first start to the last finish on it

    def rate(self, demand: Amounts) -> float:
        """What holding the demand costs a second."""
        price = self.price
        return sum([amount * price[resource] for resource, amount in demand]) if price else 0.0


@dataclass(frozen=True, slots=True)
class Network:
    """What moving bytes between two different nodes takes."""

    bandwidth: float = 0.0  # bytes a second; 0: only the latency counts
    latency: float = 0.0  # seconds
    links: dict[tuple[int, int], tuple[float, float]] = field(default_factory=dict)  # (from, to): bandwidth, latency

    def seconds(self, size_bytes: float, origin: int, target: int) -> float:
        if origin == target:
            return 0.0
        return moving_seconds(size_bytes, *self.links.get((origin, target), (self.bandwidth, self.latency)))

    def routes(self, nodes: int) -> set[tuple[float, float]]:
        """(bandwidth, latency) of all ways between two different ones of so many nodes."""
        own = [told for (origin, target), told in self.links.items() if origin != target]
        return {*own, (self.bandwidth, self.latency)} if len(own) < nodes * (nodes - 1) else set(own)


def moving_seconds(size_bytes: float, bandwidth: float, latency: float) -> float:
    """What moving so many bytes takes on a way of that kind."""
    return latency + (size_bytes / bandwidth if bandwidth else 0.0)


class Instance:
    """A scheduling problem: minimise alpha * makespan + beta * cost.

    The cost is the sum over tasks of weight * run time on the node * demand * price, and the rent of the nodes in use.
    A task needs its whole demand on one node for its whole run; between different nodes its inputs take time to move.
    Of some resources all nodes together have only so much, whatever each of them has: licences, calls to a service.
    """

    __slots__ = (
        "allowed", "alpha", "beta", "demands", "durations", "edge_bytes", "ids", "labels", "name", "network", "nodes",
        "order", "overrides", "predecessors", "resources", "successors", "together", "weights",
    )  # fmt: skip

    def __init__(
        self,
        *,
        name: str,
        nodes: Sequence[Node],
        resources: Sequence[str],
        ids: Sequence[str],
        durations: Sequence[float],
        demands: Sequence[Amounts],
        edges: Sequence[tuple[int, int, float]],
        network: Network | None = None,
        labels: Sequence[str] | None = None,
        weights: Sequence[float] | None = None,
        overrides: dict[int, dict[int, float]] | None = None,
        restricted: dict[int, tuple[int, ...]] | None = None,
        together: dict[int, float] | None = None,
        alpha: float = 1.0,
        beta: float = 0.0,
    ) -> None:
        """
        Args:
            durations: seconds at speed 1, by task.
            edges: (task, task that needs its result, bytes).
            overrides: task -> node -> seconds there, where it is not the duration divided by the node's speed.
            restricted: task -> the nodes that it may run on, where not all.
            together: resource -> how much of it all nodes have together; each by itself has as much, or none of it.

        Raises:
            PlanningError: there is no task or no node, a task fits on no node, the edges form a circle, or run times and
                transfers come to more seconds than can be planned with.
        """
        if not ids:
            raise PlanningError("the instance has no tasks: there is nothing to plan")
        if not nodes:
            raise PlanningError("the instance has no nodes: nothing can run; give at least one node with its capacity")
        self.name, self.alpha, self.beta = name, alpha, beta
        self.nodes, self.resources = tuple(nodes), tuple(resources)
        self.network = network or Network()
        self.ids, self.durations, self.demands = list(ids), list(durations), list(demands)
        count = len(self.ids)
        self.labels = list(labels) if labels is not None else self.ids
        self.weights = list(weights) if weights is not None else [1.0] * count
        self.overrides = overrides or {}
        self.together = dict(together or {}) if len(nodes) > 1 else {}  # by resource number
        self.successors: list[list[int]] = [[] for _ in range(count)]
        self.predecessors: list[list[int]] = [[] for _ in range(count)]
        self.edge_bytes: list[list[float]] = [[] for _ in range(count)]  # beside the predecessors
        for origin, target, size in edges:
            self.successors[origin].append(target)
            self.predecessors[target].append(origin)
            self.edge_bytes[target].append(size)
        self.allowed = self._allowed(restricted or {})
        self.order = topological_order(self)
        self._check_sums()

    def _check_sums(self) -> None:
        """No plan takes for ever: not even one that does one thing at a time, each where it is slowest."""
        slowest: dict[tuple[int, ...], float] = {}
        for nodes in set(self.allowed):
            slowest[nodes] = min([self.nodes[node].speed for node in nodes])
        times = [duration / slowest[nodes] for duration, nodes in zip(self.durations, self.allowed, strict=True)]
        for task in self.overrides:
            times[task] = max([self.seconds(task, node) for node in self.allowed[task]])
        total = sum(times)
        if not total <= MOST:
            task = max(range(len(times)), key=times.__getitem__)
            node = self.nodes[max(self.allowed[task], key=lambda place: self.seconds(task, place))]
            raise PlanningError(
                f"one after the other, each where it is slowest, the tasks run for {total:g} s, and a plan can be made of "
                f"{MOST:g} s in all; task {self.ids[task]!r} runs for {times[task]:g} s on node {node.id!r}, whose speed is "
                f"{node.speed:g}"
            )
        if len(self.nodes) == 1:
            return
        sizes = [size for row in self.edge_bytes for size in row]
        for bandwidth, latency in self.network.routes(len(self.nodes)):
            total = moving_seconds(sum(sizes), bandwidth, latency * len(sizes))
            if not total <= MOST:
                raise PlanningError(
                    f"moving {sum(sizes):g} bytes over {len(sizes)} edges at {bandwidth:g} bytes a second, each after "
                    f"{latency:g} s, takes {total:g} s, and a plan can be made of {MOST:g} s in all"
                )

    def _allowed(self, restricted: dict[int, tuple[int, ...]]) -> list[tuple[int, ...]]:
        everywhere = tuple(range(len(self.nodes)))
        known: dict[tuple[Amounts, tuple[int, ...]], tuple[int, ...]] = {}
        found = []
        for task, demand in enumerate(self.demands):
            key = (demand, restricted.get(task, everywhere))
            nodes = known.get(key)
            if nodes is None:
                nodes = known[key] = tuple(node for node in key[1] if self._fits(demand, node))
                if not nodes:
                    raise PlanningError(self._why_nowhere(task, key[1]))
            found.append(nodes)
        return found

    def _fits(self, demand: Amounts, node: int) -> bool:
        capacity, together = self.nodes[node].capacity, self.together
        return all(
            min(capacity[resource], together.get(resource, amount)) + TOLERANCE >= amount for resource, amount in demand
        )

    def _why_nowhere(self, task: int, nodes: tuple[int, ...]) -> str:
        needed = self.demands[task]
        asked = ", ".join(f"{amount:g} {self.resources[resource]}" for resource, amount in needed)
        rooms = []
        for node in nodes[:4]:
            told = self.nodes[node]
            there = ", ".join(f"{told.capacity[resource]:g} {self.resources[resource]}" for resource, _ in needed)
            rooms.append(f"{told.id} ({there})")
        where = ", ".join(rooms)
        more = f" and {len(nodes) - 4} more" if len(nodes) > 4 else ""
        return (
            f"task {self.ids[task]!r} fits on no node: it asks for {asked}, and there is {where or 'none'}{more}; "
            "ask for less, or allow a larger node"
        )

    def __len__(self) -> int:
        return len(self.ids)

    def seconds(self, task: int, node: int) -> float:
        """How long the task runs there."""
        own = self.overrides.get(task)
        if own is not None and node in own:
            return own[node]
        return self.durations[task] / self.nodes[node].speed

    def task_cost(self, task: int, node: int) -> float:
        """What the task adds to the cost there, without rent."""
        place = self.nodes[node]
        return self.weights[task] * self.seconds(task, node) * place.rate(self.demands[task]) if place.price else 0.0

    def run_times(self) -> list[list[float]]:
        """Seconds by task and node; infinite where the task may not run."""
        speeds = [node.speed for node in self.nodes]
        everywhere = len(speeds)
        table = []
        for task, duration in enumerate(self.durations):
            allowed = self.allowed[task]
            if task in self.overrides or len(allowed) < everywhere:
                row = [float("inf")] * everywhere
                for node in allowed:
                    row[node] = self.seconds(task, node)
            else:
                row = [duration / speed for speed in speeds]
            table.append(row)
        return table


def topological_order(instance: Instance) -> list[int]:
    """The tasks, each after those that it needs; as given where that leaves a choice.

    Raises:
        PlanningError: the edges form a circle; some tasks of it are named.
    """
    waiting = [len(needed) for needed in instance.predecessors]
    successors = instance.successors
    order = [task for task, count in enumerate(waiting) if not count]
    for task in order:
        for successor in successors[task]:
            waiting[successor] -= 1
            if not waiting[successor]:
                order.append(successor)
    if len(order) < len(waiting):
        circle = " -> ".join(repr(instance.ids[task]) for task in _circle(instance, waiting))
        raise PlanningError(f"the edges form a circle: {circle}; no order of the tasks can keep them")
    return order


def _circle(instance: Instance, waiting: list[int]) -> list[int]:
    """One circle among the tasks that wait for each other, shortened in the middle where it is long."""
    task = next(task for task, count in enumerate(waiting) if count)
    seen: dict[int, int] = {}
    while task not in seen:
        seen[task] = len(seen)
        task = next(needed for needed in instance.predecessors[task] if waiting[needed])
    circle = [*list(seen)[seen[task] :], task][::-1]
    return circle if len(circle) <= 8 else circle[:4] + circle[-4:]
