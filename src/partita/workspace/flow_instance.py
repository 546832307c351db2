"""The instance that a flow's tasks make on some machines, with what is known of how long each takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple, Protocol

from partita.choices import named
from partita.core.records import Demand
from partita.errors import PlanningError
from partita.plan.forecast import Uncertain
from partita.plan.instance import Instance, Network, Node
from partita.plan.memory import admitted_bytes
from partita.plan.spreads import Guess, Spread
from partita.units import size_text
from partita.workspace.flow_tasks import FlowTask
from partita.workspace.what_if import STEP, Machines, PlannedNode

__all__ = ["GUESS", "SAID", "Known", "NoHistory", "Past", "Prepared", "prepare"]

#: What a duration was taken from where nobody has measured one, and where a what-if file or the task says one.
GUESS, SAID = "guess", "said"
#: Seconds that a step is thought to take of which nothing is known, and how far off that may be (as logarithm).
_GUESS = Guess(1.0, 1.2)
#: The same for what somebody has said.
_SAID_SIGMA, _EXPECTED_SIGMA = 0.3, 0.7
#: How much of the errors of one function's durations they have in common: nearly all of those of a guess.
_SHARED = {GUESS: 0.9, SAID: 0.5}
_SHARED_LEARNED = 0.05
_SECONDS_OF_WAITS = 0.0


class Known(NamedTuple):
    """What is known of a step before it runs."""

    spread: Spread  # of its duration on a node of speed 1
    basis: str  # what it was taken from
    output_bytes: float = 0.0
    seconds_on: Mapping[str, float] = {}  # by class of machines, where it was measured there
    memory_bytes: float = 0.0  # nine of ten attempts hold no more; 0: nobody knows


class Past(Protocol):
    """What earlier runs tell of steps."""

    def of(self, task: FlowTask) -> Known | None:
        """None: nothing."""
        ...


class NoHistory:
    """Nothing has run yet."""

    def of(self, task: FlowTask) -> Known | None:
        return None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is planned, task by task."""

    tasks: Sequence[FlowTask]
    known: Sequence[Known]
    instance: Instance

    @property
    def uncertain(self) -> list[Uncertain]:
        return [
            Uncertain(
                known.spread, f"{task.kind} {task.function or task.title}", _SHARED.get(known.basis, _SHARED_LEARNED)
            )
            for task, known in zip(self.tasks, self.known, strict=True)
        ]


def prepare(title: str, tasks: Sequence[FlowTask], machines: Machines, past: Past, default: str) -> Prepared:
    """The instance of the tasks.

    Args:
        title: of the flow.
        default: name of the executor for steps that name none.

    Raises:
        PlanningError: there is nothing to plan, a step fits on no node, or the what-if file names a step that is not there.
    """
    if not tasks:
        raise PlanningError(f"{title} has no steps with these inputs: there is nothing to plan")
    known = [_known(task, machines, past) for task in tasks]
    places = [_places(task, machines, default) for task in tasks]
    demands = [
        dict(_amounts(task, [machines.nodes[place] for place in places[number]], known[number].memory_bytes))
        for number, task in enumerate(tasks)
    ]
    resources = list(dict.fromkeys(name for row in (*demands, *(n.capacity for n in machines.nodes)) for name in row))
    numbers = {name: number for number, name in enumerate(resources)}
    most = _most(demands)
    restricted = _restricted(tasks, demands, machines, places)
    nodes = [_node(node, resources, most) for node in machines.nodes]
    ids = {node.id: number for number, node in enumerate(machines.nodes)}
    instance = Instance(
        name=title,
        nodes=nodes,
        resources=resources,
        ids=[task.path for task in tasks],
        labels=[task.title for task in tasks],
        durations=[item.spread.median for item in known],
        demands=[tuple(sorted((numbers[name], amount) for name, amount in row.items())) for row in demands],
        edges=[
            (needed, number, known[needed].output_bytes) for number, task in enumerate(tasks) for needed in task.needs
        ],
        network=Network(
            machines.bandwidth, machines.latency,
            {(ids[a], ids[b]): (bandwidth, latency) for a, b, bandwidth, latency in machines.links},
        ),
        weights=[_by_name(machines.weights, task, 1.0) for task in tasks],
        restricted=restricted,
        together={numbers[name]: count for name, count in machines.slots.items() if name in numbers},
        overrides=_measured(known, machines),
        alpha=machines.alpha,
        beta=machines.beta,
    )  # fmt: skip
    _check_names(machines, tasks)
    return Prepared(tasks, known, instance)


def _known(task: FlowTask, machines: Machines, past: Past) -> Known:
    if task.kind == "wait":
        return Known(Guess(_SECONDS_OF_WAITS, 0.0), SAID)
    said = _by_name(machines.durations, task, -1.0)
    found = past.of(task)
    if said >= 0:
        return Known(Guess(said, _SAID_SIGMA), SAID, found.output_bytes if found else 0.0)
    if found is None and task.expect_s is not None:
        return Known(Guess(task.expect_s, _EXPECTED_SIGMA), SAID)
    return found or Known(_GUESS, GUESS)


def _measured(known: Sequence[Known], machines: Machines) -> dict[int, dict[int, float]]:
    """Seconds by task and node, where they were measured on machines like it; on others the speed tells."""
    return {
        number: seconds
        for number, item in enumerate(known)
        if item.seconds_on and (
            seconds := {
                place: item.seconds_on[node.node_class]
                for place, node in enumerate(machines.nodes) if node.node_class in item.seconds_on
            }
        )
    }  # fmt: skip


def _names(task: FlowTask) -> tuple[str, ...]:
    """What a step may be called in a what-if file, the most exact first."""
    last = task.path.rpartition("/")[2]
    return task.path, last, last.partition("[")[0], task.title


def _by_name(table: Mapping[str, float], task: FlowTask, default: float) -> float:
    return next((table[name] for name in _names(task) if name in table), default)


def _check_names(machines: Machines, tasks: Sequence[FlowTask]) -> None:
    known = {name for task in tasks for name in _names(task)}
    for name in (*machines.durations, *machines.weights):
        if name not in known:
            raise PlanningError(
                f"the what-if file speaks of a step {name!r}, and there is none; "
                f"there are {', '.join(sorted({task.title for task in tasks})[:8])}"
            )


def _amounts(task: FlowTask, nodes: Sequence[PlannedNode], needed_bytes: float) -> Sequence[tuple[str, float]]:
    """What the task holds: what it declares, and memory that its like were seen to need, as the engine admits it.

    Args:
        nodes: where it may run.
        needed_bytes: nine of ten of its like held no more.
    """
    demand: Demand = task.demand
    if task.kind == "wait":
        return ()
    if not demand.memory_bytes and needed_bytes:
        roomy = max(nodes, key=lambda node: node.capacity.get("memory", inf))
        room = roomy.capacity.get("memory", inf)
        demand = demand._replace(memory_bytes=admitted_bytes(needed_bytes, room, roomy.capacity.get("cpu", 1.0)))
    pairs: list[tuple[str, float]] = [("cpu", demand.cpu), ("memory", demand.memory_bytes), ("gpu", demand.gpu)]
    pairs += [(f"slot {name}", count) for name, count in demand.slots]
    return [*((name, amount) for name, amount in pairs if amount), (STEP, 1.0)]


def _most(demands: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """What is asked of each resource if everything runs at once: more is never held."""
    most: dict[str, float] = {}
    for row in demands:
        for name, amount in row.items():
            most[name] = most.get(name, 0.0) + amount
    return most


def _node(node: PlannedNode, resources: Sequence[str], most: Mapping[str, float]) -> Node:
    return Node(
        node.id,
        tuple(float(node.capacity.get(name, max(most.get(name, 0.0), 1.0))) for name in resources),
        node.speed,
        tuple(node.price.get(name, 0.0) for name in resources) if any(node.price.values()) else (),
        node.rent,
    )


def _places(task: FlowTask, machines: Machines, default: str) -> tuple[int, ...]:
    """The nodes that the task may run on, whatever it holds."""
    everywhere = tuple(range(len(machines.nodes)))
    if task.kind == "wait":
        return everywhere
    known = {node.executor for node in machines.nodes}
    names = named(task.executor or ("" if machines.is_what_if else default))
    if not known.issuperset(names):
        return everywhere
    return tuple(number for number in everywhere if machines.nodes[number].executor in names) or everywhere


def _restricted(
    tasks: Sequence[FlowTask],
    demands: Sequence[Mapping[str, float]],
    machines: Machines,
    places: Sequence[tuple[int, ...]],
) -> dict[int, tuple[int, ...]]:
    """Where each task may run that may not run everywhere; every one fits somewhere."""
    restricted = {}
    for number, task in enumerate(tasks):
        nodes = [machines.nodes[place] for place in places[number]]
        if len(nodes) < len(machines.nodes):
            restricted[number] = places[number]
        if task.kind != "wait" and not any(_fits(demands[number], node) for node in nodes):
            raise PlanningError(_why_nowhere(task, demands[number], nodes))
    return restricted


def _fits(demand: Mapping[str, float], node: PlannedNode) -> bool:
    return all(amount <= node.capacity.get(name, amount) + 1e-9 for name, amount in demand.items())


def _why_nowhere(task: FlowTask, demand: Mapping[str, float], nodes: Sequence[PlannedNode]) -> str:
    for name, amount in demand.items():
        largest = max(nodes, key=lambda node: node.capacity.get(name, float("inf")))
        most = largest.capacity.get(name, float("inf"))
        if amount > most:
            return (
                f"step {task.path} needs {_told(name, amount)}; the largest node, {largest.id}, has {_told(name, most)}. "
                "Ask for less, or add a larger node"
            )
    asked = ", ".join(_told(name, amount) for name, amount in demand.items() if name != STEP)
    return f"step {task.path} needs {asked}, and no node has all of that at once; ask for less, or add a larger node"


def _told(name: str, amount: float) -> str:
    if name == "memory":
        return size_text(amount) + " of memory"
    nouns = {"cpu": "core", "gpu": "GPU", STEP: "worker"}
    noun = nouns.get(name) or f"slot of {name.removeprefix('slot ')}"
    return f"{amount:g} {noun}{'s' * (amount != 1)}" if name in nouns else f"{amount:g} × {noun}"
