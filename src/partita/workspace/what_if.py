"""The nodes that a plan is for: the executors of the settings, or those of a what-if file.

A what-if file is YAML or JSON:

    nodes:
      - id: fast
        capacity: {cpu: 8, memory: 32GiB}     # what is left out: memory without a limit, no GPU, slots of the settings,
                                              # which all nodes hold together
        speed: 2                              # how much faster than the durations tell
        price: {cpu: 0.00001}                 # a unit and a second (memory: a GiB); one number: of a core
        rent: 0.0001                          # a second from the first start to the last finish
        count: 3                              # so many of them: fast-1, fast-2, fast-3
        executor: gpu-box                     # steps that name this executor run here
    network: {bandwidth: 125MB, latency: 50ms, links: [[fast, slow, 1GB, 1ms]]}
    alpha: 1
    beta: 0
    durations: {train: 2m, "fit[3]": 10s}     # of steps, by task, name or path
    weights: {train: 2}                       # what their cost counts
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from partita.errors import CheckError, NotFoundError, OptionError, PlanningError
from partita.plan.numbers import as_number
from partita.settings import Settings
from partita.settings_values import LEAST_SPEED, MOST_SPEED
from partita.units import duration_s, size_bytes
from partita.workspace.executors import node_classes_of, pools_of

__all__ = ["STEP", "Machines", "PlannedNode", "machines_of", "read_machines"]

#: What every step holds one of, where nodes limit or price steps as such.
STEP = "worker"
_GIB = 2.0**30


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """A node that steps may run on."""

    id: str
    executor: str  # steps that name it run here; empty: any step may
    capacity: Mapping[str, float]  # by resource; memory in bytes; what is left out has no limit
    speed: float = 1.0
    price: Mapping[str, float] = field(default_factory=dict)  # a unit of a resource and a second
    rent: float = 0.0  # a second
    node_class: str = ""  # what was learned on this class of machines is told of it; empty: its speed tells


@dataclass(frozen=True, slots=True)
class Machines:
    """What a plan is for."""

    nodes: tuple[PlannedNode, ...]
    bandwidth: float = 0.0  # bytes a second between nodes; 0: moving takes only the latency
    latency: float = 0.0  # seconds
    links: tuple[tuple[str, str, float, float], ...] = ()  # (from, to, bandwidth, latency)
    alpha: float = 1.0
    beta: float = 0.0
    durations: Mapping[str, float] = field(default_factory=dict)  # seconds by task, name or path
    weights: Mapping[str, float] = field(default_factory=dict)
    slots: Mapping[str, float] = field(default_factory=dict)  # by resource: what all nodes have of it together
    is_what_if: bool = False  # else steps run on the executor that they name, or on the default one


def machines_of(settings: Settings) -> Machines:
    """The executors of the settings, each a node. The cost is in the unit of the setting `price`: seconds of waiting."""
    nodes, classes = [], node_classes_of(settings)
    for name, pool in pools_of(settings).items():
        item = settings.executors.get(name)
        price = {STEP: item.price} if item is not None and item.price else {}
        speed = item.speed if item is not None else 1.0
        nodes.append(PlannedNode(name, name, dict(pool.capacity), speed, price, node_class=classes[name]))
    links = [
        (node.id, name, item.bandwidth, 0.0)
        for name, item in settings.executors.items() if item.bandwidth
        for node in nodes if node.id != name
    ]  # fmt: skip
    beta = 1.0 if any(node.price for node in nodes) else 0.0
    return Machines(tuple(nodes), links=tuple(links), beta=beta, slots=_slots_of(settings))


def _slots_of(settings: Settings) -> dict[str, float]:
    """Named limits by resource; all nodes hold them together."""
    return {f"slot {name}": float(count) for name, count in settings.slots.items()}


def read_machines(path: Path, settings: Settings) -> Machines:
    """What a what-if file says.

    Raises:
        NotFoundError: there is no such file.
        PlanningError: it says something that cannot be; the message names the place in the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}; `--nodes` names a YAML or JSON file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PlanningError(f"{path} cannot be read: {error}") from None
    return _Reader(path.name, settings).read(_parsed(path.name, text))


def _parsed(name: str, text: str) -> Any:
    from partita.flow.yaml.source import read_plain

    try:
        return read_plain(text, name)
    except RecursionError:
        raise PlanningError(f"{name} is nested too deeply to be read") from None
    except CheckError as error:
        raise PlanningError(f"{name} is neither YAML nor JSON: {' '.join(str(error).split())}") from None


_TOP = ("nodes", "network", "alpha", "beta", "durations", "weights")
_NODE = ("id", "capacity", "speed", "price", "rent", "count", "executor")
_NETWORK = ("bandwidth", "latency", "links")
_MOST_NODES = 1000


class _Reader:
    def __init__(self, name: str, settings: Settings) -> None:
        self.name, self.settings = name, settings
        self.slots = _slots_of(settings)
        self.own: set[str] = set()  # slots that a node has by itself

    def read(self, document: Any) -> Machines:
        if isinstance(document, list):
            document = {"nodes": document}
        table = self._table(document, "the file", _TOP)
        rows = table.get("nodes")
        if not isinstance(rows, list) or not rows:
            raise self._wrong("nodes should be a list of at least one node", "nodes: [{id: big, capacity: {cpu: 8}}]")
        nodes: list[PlannedNode] = []
        for number, row in enumerate(rows, 1):
            nodes.extend(self._nodes(row, number))
        seen: set[str] = set()
        for node in nodes:
            if node.id in seen:
                raise self._wrong(f"there are two nodes {node.id!r}", "give each an id of its own, or a count")
            seen.add(node.id)
        network = self._table(table.get("network") or {}, "network", _NETWORK)
        return Machines(
            tuple(nodes),
            self._amount(network.get("bandwidth", 0), "network.bandwidth", size_bytes),
            self._amount(network.get("latency", 0), "network.latency", duration_s),
            self._links(network.get("links"), seen),
            self._number(table.get("alpha", 1.0), "alpha"),
            self._number(table.get("beta", 0.0), "beta"),
            self._by_step(table.get("durations"), "durations", duration_s),
            self._by_step(table.get("weights"), "weights", None),
            {name: count for name, count in self.slots.items() if name not in self.own},
            is_what_if=True,
        )

    def _nodes(self, row: Any, number: int) -> list[PlannedNode]:
        table = self._table(row, f"node {number}", _NODE)
        own = table.get("id")
        if not isinstance(own, str) or not own:
            raise self._wrong(f"node {number} has no id", "id: big")
        where = f"node {own}"
        speed = self._number(table.get("speed", 1.0), f"the speed of {where}")
        if not speed:
            raise self._wrong(f"the speed of {where} is 0: nothing would ever end there", "leave the node out")
        if not LEAST_SPEED <= speed <= MOST_SPEED:
            raise self._wrong(
                f"the speed of {where} is {speed:g}", f"a number from {LEAST_SPEED:f} to {MOST_SPEED:.0f}"
            )
        count = table.get("count", 1)
        if not isinstance(count, int) or isinstance(count, bool) or not 0 < count <= _MOST_NODES:
            raise self._wrong(f"the count of {where} is {count!r}", f"a whole number from 1 to {_MOST_NODES}")
        executor = table.get("executor") or (own if own in ("process", *self.settings.executors) else "")
        made = PlannedNode(
            own, str(executor), self._capacity(table.get("capacity"), where), speed,
            self._price(table.get("price"), where), self._number(table.get("rent", 0.0), f"the rent of {where}"),
        )  # fmt: skip
        if count == 1:
            return [made]
        return [
            PlannedNode(f"{own}-{n}", made.executor, made.capacity, speed, made.price, made.rent)
            for n in range(1, count + 1)
        ]

    def _capacity(self, given: Any, where: str) -> dict[str, float]:
        if not isinstance(given, Mapping) or "cpu" not in given:
            raise self._wrong(f"{where} does not say how many cores it has", "capacity: {cpu: 8, memory: 32GiB}")
        found = {"gpu": 0.0, **self.slots}
        for key, value in given.items():
            resource, what = self._resource(key, where), f"the {key} of {where}"
            self.own |= {resource} & self.slots.keys()
            found[resource] = (
                self._amount(value, what, size_bytes) if resource == "memory" else self._number(value, what)
            )
        return found

    def _resource(self, key: Any, where: str) -> str:
        known = {"cpu": "cpu", "memory": "memory", "mem": "memory", "gpu": "gpu", "workers": STEP}
        known |= {slot.removeprefix("slot "): slot for slot in self.slots}
        if key not in known:
            raise self._unknown(str(key), tuple(known), f"{where}, among its resources")
        return known[key]

    def _price(self, given: Any, where: str) -> dict[str, float]:
        if given is None:
            return {}
        table = given if isinstance(given, Mapping) else {"cpu": given}
        found = {}
        for key, value in table.items():
            resource = self._resource(key, where)
            price = self._number(value, f"the price of {where} for {key}")
            found[resource] = price / _GIB if resource == "memory" else price
        return found

    def _links(self, rows: Any, known: set[str]) -> tuple[tuple[str, str, float, float], ...]:
        if rows is not None and not isinstance(rows, list):
            raise self._wrong(f"network.links is {str(rows)[:80]!r}", "links: [[from, to, 1GB, 1ms]]")
        return tuple(self._link(row, known) for row in rows or ())

    def _link(self, row: Any, known: set[str]) -> tuple[str, str, float, float]:
        if not isinstance(row, list) or len(row) != 4:
            raise self._wrong(f"a link is {row!r}", "links: [[from, to, 1GB, 1ms]]")
        for end in row[:2]:
            if end not in known:
                raise self._unknown(str(end), tuple(sorted(known)), "a link, among the nodes")
        return (
            row[0], row[1], self._amount(row[2], "the bandwidth of a link", size_bytes),
            self._amount(row[3], "the latency of a link", duration_s),
        )  # fmt: skip

    def _by_step(self, given: Any, key: str, parse: Callable[[object], float] | None) -> dict[str, float]:
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            raise self._wrong(f"{key} is {given!r}", f"{key}: {{train: {'2m' if parse else '2'}}}")
        return {
            str(name): self._amount(value, f"{key}.{name}", parse) if parse else self._number(value, f"{key}.{name}")
            for name, value in given.items()
        }

    def _table(self, given: Any, where: str, known: tuple[str, ...]) -> Mapping[str, Any]:
        if not isinstance(given, Mapping):
            told = f"{self.name}: {where} is no table of names and values; see docs/how-to/plan-before-you-run.md"
            raise PlanningError(told)
        for key in given:
            if key not in known:
                raise self._unknown(str(key), known, where)
        return given

    def _unknown(self, key: str, known: tuple[str, ...], where: str) -> PlanningError:
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        return PlanningError(f"{self.name}: there is no {key!r} in {where}; {hint}")

    def _wrong(self, told: str, example: str) -> PlanningError:
        return PlanningError(f"{self.name}: {told}; write {example}")

    def _number(self, value: Any, what: str) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
            raise PlanningError(f"{self.name}: {what} is {value!r}; give a number of at least 0")
        return as_number(value, f"{self.name}: {what}")

    def _amount(self, value: Any, what: str, parse: Callable[[object], float]) -> float:
        if isinstance(value, (int, float)):
            return self._number(value, what)
        try:
            return self._number(parse(value), what)
        except OptionError:
            kind = 'a duration such as "5m"' if parse is duration_s else 'a size such as "16GiB"'
            raise PlanningError(f"{self.name}: {what} is {value!r}; give a number or {kind}") from None
