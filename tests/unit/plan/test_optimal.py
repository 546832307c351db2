"""What the solver proves, against an independent model of the same tiny instances; and what it must not let through."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import Any

import pytest

from partita.plan.bounds import lower_bounds
from partita.plan.documents import read_instance
from partita.plan.evaluation import Schedule, evaluate
from partita.plan.greedy import first_come
from partita.plan.instance import Instance
from partita.plan.optimal import Proof, Prover
from partita.plan.planner import make_plan
from partita.plan.rules import one_after_another
from tests.unit.plan.instances import TWO_NODES, example

LATE = {
    "nodes": [
        {"id": "n0", "capacity": {"cpu": 1}, "price": {"cpu": 1}, "rent": 0.5},
        {"id": "n1", "capacity": {"cpu": 2}, "price": {"cpu": 10}},
    ],
    "network": {"latency": 40},
    "tasks": [
        {"id": "long", "duration": 8, "demand": {"cpu": 1}, "nodes": ["n0"]},
        {"id": "first", "duration": 3, "demand": {"cpu": 1}, "nodes": ["n1"]},
        {"id": "then", "duration": 2, "demand": {"cpu": 1}},
    ],
    "edges": [["first", "then", 0]],
    "alpha": 0.01,
    "beta": 1,
}
LINKED = {
    "nodes": [{"id": own, "capacity": {"cpu": 1}} for own in ("n0", "n1", "n2")],
    "network": {"latency": 0.4, "links": [["n0", "n1", 0, 1]]},
    "tasks": [
        {"id": own, "duration": seconds, "demand": {"cpu": 1}, "nodes": [node]}
        for own, seconds, node in (("a", 2, "n0"), ("b", 3, "n2"), ("c", 2, "n0"), ("d", 3, "n2"))
    ],
    "edges": [["a", "b", 0], ["c", "d", 0]],
    "alpha": 1,
    "beta": 0,
}


def proved(instance: Instance, hint: Schedule, limit_s: float = 30.0) -> Proof:
    pytest.importorskip("ortools", reason="needs the extra 'optimal'")
    return Prover(instance, lower_bounds(instance)).solve(hint, limit_s, 1)


def tiny(seed: int, *, whole: bool) -> dict[str, Any]:
    """A few tasks on two or three nodes that differ in everything, moving things over ways that differ too."""
    chance = random.Random(seed)
    nodes = [
        {
            "id": f"n{number}", "capacity": {"cpu": chance.choice([1, 2])}, "speed": chance.choice([1, 1, 2] if whole else [1, 0.5, 3]),
            "price": {"cpu": chance.choice([0, 1, 3, 10])}, "rent": chance.choice([0, 0, 0.5, 2]),
        }
        for number in range(chance.choice([2, 3]))
    ]  # fmt: skip
    ids = [node["id"] for node in nodes]
    tasks = [
        {
            "id": f"t{number}", "demand": {"cpu": chance.choice([1, 1, 2] if max(n["capacity"]["cpu"] for n in nodes) > 1 else [1])},
            "duration": 2 * chance.randint(0, 4) if whole else chance.randint(0, 80) / 10,
            "cost_weight": chance.choice([1, 1, 0.5]),
        }
        for number in range(chance.choice([3, 4, 5]))
    ]  # fmt: skip
    for task in tasks:
        if chance.random() < 0.3:
            roomy = [node["id"] for node in nodes if node["capacity"]["cpu"] >= task["demand"]["cpu"]]
            task["nodes"] = chance.sample(roomy, chance.randint(1, len(roomy)))
        if chance.random() < 0.2:
            task["durations"] = {chance.choice(ids): chance.randint(0, 9) if whole else chance.randint(0, 90) / 10}
    pairs = [(one, other) for one in ids for other in ids if one != other]
    links = chance.sample(pairs, chance.choice([0, 0, 1, 2, len(pairs)]))
    if links and chance.random() < 0.5:
        links = list(dict.fromkeys([("n0", "n1"), *links]))
    times = [0, 1, 5, 20] if whole else [0, 0.4, 1.3, 20.5]
    return {
        "nodes": nodes,
        "tasks": tasks,
        "edges": [
            [f"t{first}", f"t{second}", chance.choice([0, 10, 20])]
            for second in range(1, len(tasks))
            for first in {chance.randrange(second) for _ in range(chance.randint(0, 2))}
        ],
        "network": {
            "bandwidth": chance.choice([0, 5, 10]),
            "latency": chance.choice(times),
            "links": [[*pair, chance.choice([0, 5, 10]), chance.choice(times)] for pair in links],
        },
        "alpha": chance.choice([1, 1, 0.01, 0]),
        "beta": chance.choice([0, 1, 1, 0.3]),
    }


def exact(value: float) -> Fraction:
    return Fraction(str(value))


def best_objective(instance: Instance) -> float:
    """The least objective, by a model of its own: exact fractions, all pairs of tasks, and far more time than is needed."""
    pytest.importorskip("ortools", reason="needs the extra 'optimal'")
    from ortools.sat.python import cp_model

    def seconds(task: int, node: int) -> Fraction:
        own = instance.overrides.get(task, {})
        return exact(own[node]) if node in own else exact(instance.durations[task]) / exact(instance.nodes[node].speed)

    def moving(size: float, origin: int, target: int) -> Fraction:
        told = instance.network.links.get((origin, target), (instance.network.bandwidth, instance.network.latency))
        return Fraction(0) if origin == target else exact(told[1]) + (exact(size) / exact(told[0]) if told[0] else 0)

    def cost(task: int, node: int) -> Fraction:
        told = instance.nodes[node]
        rate = sum(
            exact(amount) * exact(told.price[resource]) for resource, amount in instance.demands[task] if told.price
        )
        return exact(instance.weights[task]) * seconds(task, node) * rate

    tasks, nodes = range(len(instance)), range(len(instance.nodes))
    edges = [
        (needed, task, size)
        for task in tasks
        for needed, size in zip(instance.predecessors[task], instance.edge_bytes[task], strict=True)
    ]
    run = {(task, node): seconds(task, node) for task in tasks for node in instance.allowed[task]}
    move = {(size, one, other): moving(size, one, other) for _, _, size in edges for one in nodes for other in nodes}
    unit = math.lcm(*(value.denominator for value in (*run.values(), *move.values())))
    horizon = int(unit * (sum(run.values()) + len(edges) * max(move.values(), default=Fraction(0)))) + 1
    model = cp_model.CpModel()
    start = [model.new_int_var(0, horizon, "") for _ in tasks]
    end = [model.new_int_var(0, horizon, "") for _ in tasks]
    place = {key: model.new_bool_var("") for key in run}
    last = model.new_int_var(0, horizon, "")
    for task in tasks:
        model.add_exactly_one(place[task, node] for node in instance.allowed[task])
        model.add(last >= end[task])
        for node in instance.allowed[task]:
            model.add(end[task] == start[task] + int(unit * run[task, node])).only_enforce_if(place[task, node])
    for needed, task, size in edges:
        for one in instance.allowed[needed]:
            for other in instance.allowed[task]:
                both = [place[needed, one], place[task, other]]
                model.add(start[task] >= end[needed] + int(unit * move[size, one, other])).only_enforce_if(both)
    for node in nodes:
        own = [task for task in tasks if node in instance.allowed[task] and run[task, node] and instance.demands[task]]
        intervals = [
            model.new_optional_interval_var(start[task], int(unit * run[task, node]), end[task], place[task, node], "")
            for task in own
        ]
        capacity = int(instance.nodes[node].capacity[0])
        model.add_cumulative(intervals, [int(instance.demands[task][0][1]) for task in own], capacity)
    alpha, beta = exact(instance.alpha), exact(instance.beta)
    terms: list[tuple[Fraction, Any]] = [(alpha / unit, last)]
    terms += [(beta * cost(*key), literal) for key, literal in place.items()]
    for node in nodes:
        low, high = model.new_int_var(0, horizon, ""), model.new_int_var(0, horizon, "")
        model.add(low <= high)
        for task in tasks:
            if node in instance.allowed[task]:
                model.add(low <= start[task]).only_enforce_if(place[task, node])
                model.add(high >= end[task]).only_enforce_if(place[task, node])
        rent = beta * exact(instance.nodes[node].rent) / unit
        terms += [(rent, high), (-rent, low)]
    scale = math.lcm(*(weight.denominator for weight, _ in terms))
    model.minimize(sum(int(weight * scale) * variable for weight, variable in terms))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(model) == cp_model.OPTIMAL
    return solver.objective_value / scale


@pytest.mark.parametrize(("changes", "objective"), [(LATE, 45.45), (LINKED, 8.4)])
def test_nothing_is_proved_that_is_not_so(changes: dict[str, Any], objective: float) -> None:
    instance = read_instance(example([]) | changes)
    assert best_objective(instance) == pytest.approx(objective)
    for hint in (one_after_another(instance), first_come(instance), make_plan(instance).schedule):
        proof = proved(instance, hint)
        assert evaluate(instance, proof.schedule).objective == pytest.approx(objective)
        assert proof.is_optimal and proof.bound == pytest.approx(objective)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("seed", range(40))
def test_tiny_instances_are_solved_as_by_another_model(seed: int, whole: bool) -> None:
    instance = read_instance(example([]) | tiny(seed, whole=whole))
    best = best_objective(instance)
    slack = 1e-6 * max(1.0, best)
    for hint in (one_after_another(instance), make_plan(instance).schedule):
        proof = proved(instance, hint, 30.0 if whole else 1.0)
        value = evaluate(instance, proof.schedule).objective
        assert proof.bound <= best + slack
        assert best - slack <= value <= evaluate(instance, hint).objective + slack
        if whole:
            assert value == pytest.approx(best)
            assert proof.is_optimal


def test_of_times_that_lie_on_no_grid_something_is_proved_too() -> None:
    """As learned ones are: `wide` holds both cores, and the small ones fit beside `fetch` but for a moment."""
    small = {"duration": 0.1569262, "demand": {"cpu": 1}}
    rows = [
        {"id": "fetch", "duration": 0.7787706, "demand": {"cpu": 1}},
        {"id": "wide", "duration": 1.7236228, "demand": {"cpu": 2}},
        *({"id": f"one{number}", **small} for number in range(6)),
    ]
    nodes = [{"id": "n", "capacity": {"cpu": 2}}]
    instance = read_instance(example(nodes, 1.0, 0.0) | {"tasks": rows, "edges": [["fetch", "wide", 0]]})
    proof = proved(instance, make_plan(instance).schedule, 8.0)
    best = 0.7787706 + 1.7236228 + 0.1569262
    assert evaluate(instance, proof.schedule).objective == pytest.approx(best)
    assert lower_bounds(instance).objective < 0.98 * best
    assert 0.995 * best < proof.bound <= best


def test_what_the_solver_finds_is_given_only_if_it_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with a model: here it lets tasks begin before what they wait for."""
    from partita.plan import optimal

    monkeypatch.setattr(optimal._Model, "_add_edge", lambda *_: None)
    instance = read_instance(example([]) | LINKED)
    hint = one_after_another(instance)
    proof = proved(instance, hint)
    assert evaluate(instance, proof.schedule).objective <= evaluate(instance, hint).objective


def test_a_rule_whose_plan_cannot_be_kept_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from partita.plan import planner

    instance = read_instance(example(TWO_NODES))
    wrong = Schedule([0.0, 0.0, 0.0], [0, 0, 0])
    monkeypatch.setattr(planner, "quick_schedules", lambda _: [("wrong", wrong)])
    plan = make_plan(instance)
    assert plan.planner == "one after another"
    assert evaluate(instance, plan.schedule) == plan.value


def test_many_shares_that_fill_a_node_may_do_so() -> None:
    """Seven sevenths, each rounded up a little, were more than the node."""
    rows = [{"id": f"t{number}", "duration": 1, "demand": {"cpu": 0.14285714}} for number in range(7)]
    instance = read_instance(example([{"id": "n", "capacity": {"cpu": 1}}], 1.0, 0.0) | {"tasks": rows})
    proof = proved(instance, one_after_another(instance))
    assert evaluate(instance, proof.schedule).objective == pytest.approx(1.0) == proof.bound


def test_numbers_of_any_size_can_be_proved_with() -> None:
    """A node so slow or dear that nothing would ever run there made numbers that the solver cannot hold."""
    nodes = [*TWO_NODES, {"id": "slow", "capacity": {"cpu": 3}, "speed": 1e-30, "price": {"cpu": 1e30}, "rent": 1e30}]
    for alpha, beta in ((0.2, 0.3), (0.0, 1.0), (1.0, 0.0)):
        instance = read_instance(example(nodes, alpha, beta))
        proof = proved(instance, make_plan(instance).schedule)
        usual = read_instance(example(TWO_NODES, alpha, beta))
        best = proved(usual, make_plan(usual).schedule)
        assert evaluate(instance, proof.schedule).objective == pytest.approx(best.bound, rel=1e-6)
        assert proof.bound <= best.bound + 1e-6
