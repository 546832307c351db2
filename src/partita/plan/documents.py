"""Instances and plans as plain data, as JSON files and other programs have them: `partita.sched.instance/1`, `.plan/1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partita.errors import PlanningError
from partita.plan.evaluation import Schedule
from partita.plan.instance import Amounts, Instance, Network, Node
from partita.plan.numbers import MOST, as_number
from partita.plan.placing import place_in_order

__all__ = ["INSTANCE_FORMAT", "PLAN_FORMAT", "instance_document", "plan_document", "read_instance", "read_schedule"]

INSTANCE_FORMAT = "partita.sched.instance/1"
PLAN_FORMAT = "partita.sched.plan/1"


def read_instance(document: Any) -> Instance:
    """The instance that the document tells of.

    Raises:
        PlanningError: the document is not one, or tells of something that cannot be; the message says where.
    """
    if not isinstance(document, Mapping) or document.get("format") != INSTANCE_FORMAT:
        found = document.get("format") if isinstance(document, Mapping) else type(document).__name__
        raise PlanningError(f'this is no instance: "format" should be "{INSTANCE_FORMAT}", and is {found!r}')
    name = document.get("name")
    if not isinstance(name, str):
        raise PlanningError(f'the instance needs a "name" that is text, and has {name!r}')
    tasks, nodes = _list(document, "tasks"), _list(document, "nodes")
    resources = _resources(tasks, nodes)
    node_numbers = _numbers(nodes, "node")
    task_numbers = _numbers(tasks, "task")
    return _Reader(resources, node_numbers, task_numbers).read(name, document, tasks, nodes)


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    found = document.get(key)
    if not isinstance(found, list):
        raise PlanningError(f'"{key}" should be a list, and is {found!r}' if key in document else f'"{key}" is missing')
    return found


def _numbers(rows: list[Any], noun: str) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for row in rows:
        own = row.get("id") if isinstance(row, dict) else None
        if not isinstance(own, str):
            raise PlanningError(f'each {noun} needs an "id" that is text; this has none: {str(row)[:80]}')
        if own in numbers:
            raise PlanningError(f"there are two {noun}s {own!r}; ids are unique")
        numbers[own] = len(numbers)
    return numbers


def _resources(tasks: list[Any], nodes: list[Any]) -> dict[str, int]:
    names: set[str] = set()
    for rows, key in ((nodes, "capacity"), (tasks, "demand")):
        for row in rows:
            if isinstance(row, dict) and isinstance(row.get(key), dict):
                names.update(row[key])
    return {name: number for number, name in enumerate(sorted(names))}


class _Reader:
    """Reads the parts of one instance; names become numbers."""

    def __init__(self, resources: dict[str, int], nodes: dict[str, int], tasks: dict[str, int]) -> None:
        self.resources, self.nodes, self.tasks = resources, nodes, tasks
        self.demands: dict[tuple[tuple[str, Any], ...], Amounts] = {}

    def read(self, name: str, document: Mapping[str, Any], tasks: list[Any], nodes: list[Any]) -> Instance:
        overrides: dict[int, dict[int, float]] = {}
        restricted: dict[int, tuple[int, ...]] = {}
        durations, demands, labels, weights = [], [], [], []
        for task, row in enumerate(tasks):
            own = row["id"]
            duration = row.get("duration")
            if type(duration) is not float or not 0.0 <= duration <= MOST:
                duration = as_number(duration, f"the duration of task {own!r}")
            durations.append(duration)
            demands.append(self._amounts(row.get("demand"), "demand", f"task {own!r}"))
            labels.append(row.get("label", own))
            weight = row.get("cost_weight")
            weights.append(1.0 if weight is None else as_number(weight, f"the cost_weight of task {own!r}"))
            if row.get("durations"):
                overrides[task] = self._durations(row["durations"], own)
            if "nodes" in row:
                restricted[task] = self._places(row["nodes"], own)
        return Instance(
            name=name,
            nodes=[self._node(row) for row in nodes],
            resources=list(self.resources),
            ids=list(self.tasks),
            durations=durations,
            demands=demands,
            labels=labels,
            weights=weights,
            overrides=overrides,
            restricted=restricted,
            edges=self._edges(_list(document, "edges")),
            network=self._network(document.get("network")),
            alpha=as_number(document.get("alpha"), '"alpha"', 1.0),
            beta=as_number(document.get("beta"), '"beta"', 0.0),
        )

    def _amounts(self, given: Any, what: str, owner: str) -> Amounts:
        if not given:
            return ()
        if not isinstance(given, dict):
            raise PlanningError(f"the {what} of {owner} should map resources to amounts, and is {given!r}")
        try:
            key = tuple(given.items())
            found = self.demands.get(key)
        except TypeError:
            found, key = None, ()
        if found is None:
            pairs = [
                (self.resources[name], as_number(amount, f"the {what} of {owner} for {name}"))
                for name, amount in given.items()
            ]
            found = self.demands[key] = tuple(sorted(pair for pair in pairs if pair[1]))
        return found

    def _node(self, row: dict[str, Any]) -> Node:
        owner = f"node {row['id']!r}"
        if not isinstance(row.get("capacity"), dict):
            raise PlanningError(f'{owner} needs a "capacity" that maps resources to amounts')
        capacity = dict(self._amounts(row["capacity"], "capacity", owner))
        told = row.get("price")
        if told is not None and not isinstance(told, dict):
            raise PlanningError(
                f"the price of {owner} should map resources to what a unit of them costs a second, and is {str(told)[:80]}"
            )
        for name, amount in (told or {}).items():
            as_number(amount, f"the price of {owner} for {name}")
        known = {name: amount for name, amount in (told or {}).items() if name in self.resources}
        price = dict(self._amounts(known, "price", owner))
        speed = as_number(row.get("speed"), f"the speed of {owner}", 1.0)
        if not speed:
            raise PlanningError(f"the speed of {owner} is 0: nothing would ever end there; leave the node out")
        every = range(len(self.resources))
        return Node(
            row["id"],
            tuple(capacity.get(resource, 0.0) for resource in every),
            speed,
            tuple(price.get(resource, 0.0) for resource in every) if price else (),
            as_number(row.get("rent"), f"the rent of {owner}", 0.0),
        )

    def _node_number(self, name: Any, where: str) -> int:
        number = self.nodes.get(name) if isinstance(name, str) else None
        if number is None:
            raise PlanningError(f"{where} names the node {name!r}, which is not among the nodes")
        return number

    def _durations(self, given: Any, own: str) -> dict[int, float]:
        if not isinstance(given, dict):
            raise PlanningError(f"the durations of task {own!r} should map nodes to seconds, and are {given!r}")
        where = f"the durations of task {own!r}"
        return {
            self._node_number(name, where): as_number(value, f"the duration of task {own!r} on {name}")
            for name, value in given.items()
        }

    def _places(self, given: Any, own: str) -> tuple[int, ...]:
        if not isinstance(given, list) or not given:
            raise PlanningError(f"the nodes of task {own!r} should be a list of node ids, and are {given!r}")
        return tuple(sorted({self._node_number(name, f"task {own!r}") for name in given}))

    def _edges(self, rows: list[Any]) -> list[tuple[int, int, float]]:
        tasks, edges = self.tasks, []
        for row in rows:
            try:
                origin, target = tasks[row[0]], tasks[row[1]]
                size = row[2] if len(row) > 2 else 0.0
            except (LookupError, TypeError):
                raise PlanningError(self._wrong_edge(row)) from None
            if (type(size) is not float and type(size) is not int) or not 0 <= size <= MOST:
                size = as_number(size, f"the bytes of the edge {row[0]!r} -> {row[1]!r}")
            edges.append((origin, target, float(size)))
        return edges

    def _wrong_edge(self, row: Any) -> str:
        if not isinstance(row, list) or not 2 <= len(row) <= 3:
            return f"an edge should be [task, task] or [task, task, bytes], and is {str(row)[:80]}"
        unknown = next(name for name in row[:2] if not isinstance(name, str) or name not in self.tasks)
        return f"the edge {row[0]!r} -> {row[1]!r} names the task {unknown!r}, which is not among the tasks"

    def _network(self, given: Any) -> Network:
        if not given:
            return Network()
        if not isinstance(given, dict):
            raise PlanningError(f'the "network" should map bandwidth, latency and links, and is {given!r}')
        links, rows = {}, given.get("links")
        if rows is not None and not isinstance(rows, list):
            raise PlanningError(
                f"the links of the network should be a list of [node, node, bandwidth, latency], and are {str(rows)[:80]}"
            )
        for row in rows or ():
            if not isinstance(row, list) or len(row) != 4:
                raise PlanningError(f"a link should be [node, node, bandwidth, latency], and is {str(row)[:80]}")
            pair = self._node_number(row[0], "a link"), self._node_number(row[1], "a link")
            links[pair] = as_number(row[2], "the bandwidth of a link"), as_number(row[3], "the latency of a link")
        return Network(
            as_number(given.get("bandwidth"), "the bandwidth of the network", 0.0),
            as_number(given.get("latency"), "the latency of the network", 0.0),
            links,
        )


def instance_document(instance: Instance) -> dict[str, Any]:
    """The instance as plain data, which `read_instance` reads back as it was."""
    resources, ids = instance.resources, [node.id for node in instance.nodes]
    nodes = []
    for node in instance.nodes:
        row: dict[str, Any] = {"id": node.id, "capacity": dict(zip(resources, node.capacity, strict=True))}
        row["speed"] = node.speed
        if any(node.price):
            row["price"] = dict(zip(resources, node.price, strict=True))
        nodes.append(row | ({"rent": node.rent} if node.rent else {}))
    tasks = []
    for task, own in enumerate(instance.ids):
        row = {"id": own, "label": instance.labels[task], "duration": instance.durations[task]}
        row["demand"] = {resources[resource]: amount for resource, amount in instance.demands[task]}
        row["cost_weight"] = instance.weights[task]
        if task in instance.overrides:
            row["durations"] = {ids[node]: value for node, value in instance.overrides[task].items()}
        if len(instance.allowed[task]) < len(ids):
            row["nodes"] = [ids[node] for node in instance.allowed[task]]
        tasks.append(row)
    edges = [
        [instance.ids[origin], own, size]
        for task, own in enumerate(instance.ids)
        for origin, size in zip(instance.predecessors[task], instance.edge_bytes[task], strict=True)
    ]
    network = instance.network
    links = [[ids[pair[0]], ids[pair[1]], *told] for pair, told in network.links.items()]
    return {
        "format": INSTANCE_FORMAT,
        "name": instance.name,
        "alpha": instance.alpha,
        "beta": instance.beta,
        "nodes": nodes,
        "network": {"bandwidth": network.bandwidth, "latency": network.latency, "links": links},
        "tasks": tasks,
        "edges": edges,
    }


def plan_document(
    instance: Instance,
    schedule: Schedule,
    *,
    planner: str,
    bound: float | None = None,
    status: str = "feasible",
) -> dict[str, Any]:
    """A plan as plain data: node and start of each task.

    Args:
        planner: who made it.
        bound: a lower bound on the objective of any plan, if known.
        status: "optimal" where the bound is met, "feasible" otherwise.
    """
    names = [node.id for node in instance.nodes]
    document: dict[str, Any] = {"format": PLAN_FORMAT, "instance": instance.name, "planner": planner, "status": status}
    if bound is not None:
        document["bound"] = bound
    document["tasks"] = {
        own: {"node": names[node], "start": start}
        for own, node, start in zip(instance.ids, schedule.nodes, schedule.starts, strict=True)
    }
    return document


def read_schedule(instance: Instance, document: Any) -> Schedule:
    """What a plan says of each task. A plan of an order alone is placed in that order, as early as things fit.

    Raises:
        PlanningError: it is not a plan, or not one of this instance's tasks and nodes. Whether what it says can be
            done is asked of `evaluate`.
    """
    if not isinstance(document, Mapping) or document.get("format") != PLAN_FORMAT:
        found = document.get("format") if isinstance(document, Mapping) else type(document).__name__
        raise PlanningError(f'this is no plan: "format" should be "{PLAN_FORMAT}", and is {found!r}')
    if document.get("instance") not in (None, instance.name):
        raise PlanningError(f"the plan is one of {document['instance']!r}, and not of {instance.name!r}")
    numbers = {own: number for number, own in enumerate(instance.ids)}
    places = {node.id: number for number, node in enumerate(instance.nodes)}
    rows = document.get("tasks") or {}
    nodes: dict[int, int] = {}
    starts: dict[int, float] = {}
    for own, row in rows.items():
        if own not in numbers:
            raise PlanningError(f"the plan names the task {own!r}, which is not among the tasks")
        if "node" in row:
            if row["node"] not in places:
                raise PlanningError(f"the plan names the node {row['node']!r}, which is not among the nodes")
            nodes[numbers[own]] = places[row["node"]]
        if "start" in row:
            starts[numbers[own]] = as_number(row["start"], f"the start of task {own!r}")
    if rows and len(starts) == len(rows):
        missing = [own for own, number in numbers.items() if number not in starts]
        if missing:
            raise PlanningError(f"the plan lacks {len(missing)} of {len(instance)} tasks, such as {missing[0]!r}")
        if len(nodes) < len(instance) and len(places) > 1:
            unplaced = next(own for own, number in numbers.items() if number not in nodes)
            raise PlanningError(f"the plan does not say on which node task {unplaced!r} runs")
        every = range(len(instance))
        return Schedule([starts[task] for task in every], [nodes.get(task, 0) for task in every])
    if "order" not in document:
        raise PlanningError("the plan has neither the starts of all tasks nor an order")
    fixed = [nodes[task] for task in range(len(instance))] if len(nodes) == len(instance) else None
    return place_in_order(instance, _order(instance, numbers, document["order"]), fixed)


def _order(instance: Instance, numbers: dict[str, int], given: Any) -> list[int]:
    if not isinstance(given, list) or sorted(map(str, given)) != sorted(numbers):
        raise PlanningError("the plan's order should name every task once")
    order = [numbers[own] for own in given]
    rank = {task: position for position, task in enumerate(order)}
    for task in order:
        for needed in instance.predecessors[task]:
            if rank[needed] > rank[task]:
                raise PlanningError(
                    f"the plan's order has {instance.ids[task]!r} before {instance.ids[needed]!r}, whose result it needs"
                )
    return order
