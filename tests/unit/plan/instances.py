"""Instances that the planner's tests share: the known example, and random ones."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st

from partita.plan.documents import INSTANCE_FORMAT, read_instance
from partita.plan.instance import Instance

TASKS = [
    {"id": "A", "duration": 2, "demand": {"cpu": 1}, "cost_weight": 0.2},
    {"id": "B", "duration": 3, "demand": {"cpu": 2}, "cost_weight": 0.3},
    {"id": "C", "duration": 5, "demand": {"cpu": 3}, "cost_weight": 0.5},
]
ONE_NODE = [{"id": "n1", "capacity": {"cpu": 5}, "price": {"cpu": 1.0}}]
TWO_NODES = [
    {"id": "fast", "capacity": {"cpu": 3}, "speed": 1.0, "price": {"cpu": 1.0}},
    {"id": "cheap", "capacity": {"cpu": 3}, "speed": 0.5, "price": {"cpu": 0.3}},
]


def example(nodes: list[dict[str, Any]], alpha: float = 0.2, beta: float = 0.3) -> dict[str, Any]:
    """Three tasks whose best plan is known, by brute force over all orders and placements."""
    return {
        "format": INSTANCE_FORMAT, "name": "example", "alpha": alpha, "beta": beta, "nodes": nodes, "tasks": TASKS, "edges": [],
    }  # fmt: skip


def random_document(
    seed: int, tasks: int, nodes: int = 1, *, priced: bool = False, whole: bool = False
) -> dict[str, Any]:
    """A random graph with random demands, on random nodes with a network between them."""
    chance = random.Random(seed)
    cpus = [chance.choice([2, 4, 8]) for _ in range(nodes)]
    rows = []
    for number in range(tasks):
        seconds = chance.randint(0, 9) if whole else round(chance.expovariate(0.2), 3)
        demand = {"cpu": chance.choice([1, 1, 2, max(cpus)]), "mem": round(chance.random(), 2)}
        rows.append({"id": f"t{number}", "label": f"l{number % 3}", "duration": seconds, "demand": demand})
        if nodes > 1 and chance.random() < 0.1:
            rows[-1]["durations"] = {"n0": 1 + chance.randint(0, 9)}
    edges = [
        [f"t{first}", f"t{second}", 0 if whole else chance.randint(0, 10**6)]
        for second in range(1, tasks)
        for first in {chance.randrange(second) for _ in range(chance.randint(0, 2))}
    ]  # fmt: skip
    told = [
        {
            "id": f"n{number}", "capacity": {"cpu": cpu, "mem": 2.0}, "speed": chance.choice([0.5, 1, 2]),
            **({"price": {"cpu": chance.choice([1, 2, 5])}, "rent": chance.choice([0, 1])} if priced else {}),
        }
        for number, cpu in enumerate(cpus)
    ]  # fmt: skip
    return {
        "format": INSTANCE_FORMAT, "name": f"random {seed}", "alpha": 1, "beta": 0.3 if priced else 0, "nodes": told,
        "tasks": rows, "edges": edges, "network": {"bandwidth": 1e6, "latency": 0.1} if nodes > 1 else {},
    }  # fmt: skip


def random_instance(seed: int, tasks: int, nodes: int = 1, **more: bool) -> Instance:
    return read_instance(random_document(seed, tasks, nodes, **more))


@st.composite
def documents(draw: st.DrawFn, most: int = 25) -> dict[str, Any]:
    """Random documents of one or several nodes."""
    return random_document(
        draw(st.integers(0, 10**6)), draw(st.integers(1, most)), draw(st.integers(1, 3)), priced=draw(st.booleans())
    )
