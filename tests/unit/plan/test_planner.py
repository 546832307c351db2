"""What holds for every plan, whatever the instance."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.plan.bounds import lower_bounds
from partita.plan.documents import read_instance
from partita.plan.evaluation import evaluate
from partita.plan.greedy import first_come
from partita.plan.nodes import FREE, NodesProblem
from partita.plan.planner import Means, Plan, make_plan
from tests.unit.plan.instances import documents, random_document, random_instance


def searched(document: dict[str, Any], seed: int = 0, rounds: int = 40) -> Plan:
    """A plan that is searched for by so many rounds, whatever time they take."""
    return make_plan(read_instance(document), Means(lambda: 0.0, 1.0, random.Random(seed), rounds=rounds))


def permuted(document: dict[str, Any], seed: int) -> dict[str, Any]:
    """The same instance with all its lists in another order."""
    chance = random.Random(seed)
    return document | {
        name: chance.sample(document[name], len(document[name])) for name in ("tasks", "edges", "nodes")
    }  # fmt: skip


@given(documents())
@settings(deadline=None, max_examples=60)
def test_a_plan_can_be_kept_and_is_no_better_than_its_bound(document: dict[str, Any]) -> None:
    instance = read_instance(document)
    for plan in (make_plan(instance), searched(document)):
        value = evaluate(instance, plan.schedule)
        assert value == pytest.approx(plan.value)
        assert plan.bound <= value.objective * (1 + 1e-9)
        assert 0 <= plan.gap <= 1


@given(documents())
@settings(deadline=None, max_examples=30)
def test_a_plan_is_no_worse_than_first_come_and_searching_makes_none_worse(document: dict[str, Any]) -> None:
    instance = read_instance(document)
    quick = make_plan(instance).value.objective
    assert quick <= evaluate(instance, first_come(instance)).objective * (1 + 1e-9)
    assert searched(document).value.objective <= quick * (1 + 1e-9)


@given(documents(), st.integers(0, 10))
@settings(deadline=None, max_examples=30)
def test_a_seed_gives_one_plan(document: dict[str, Any], seed: int) -> None:
    first, second = searched(document, seed), searched(document, seed)
    assert list(first.schedule.starts) == list(second.schedule.starts)
    assert list(first.schedule.nodes) == list(second.schedule.nodes)


@given(documents(), st.integers(0, 10))
@settings(deadline=None, max_examples=40)
def test_the_order_of_the_input_is_irrelevant_to_bounds_and_feasibility(document: dict[str, Any], seed: int) -> None:
    instance, other = read_instance(document), read_instance(permuted(document, seed))
    assert lower_bounds(other) == pytest.approx(lower_bounds(instance))
    plan = make_plan(other)
    numbers = {own: task for task, own in enumerate(other.ids)}
    places = {node.id: number for number, node in enumerate(instance.nodes)}
    moved = type(plan.schedule)(
        [plan.schedule.starts[numbers[own]] for own in instance.ids],
        [places[other.nodes[plan.schedule.nodes[numbers[own]]].id] for own in instance.ids],
    )
    assert evaluate(instance, moved) == pytest.approx(plan.value)


def test_names_are_irrelevant() -> None:
    document = random_document(5, 20, 2, priced=True)
    renamed = document | {
        "tasks": [task | {"id": "x" + task["id"]} for task in document["tasks"]],
        "edges": [["x" + first, "x" + second, size] for first, second, size in document["edges"]],
    }
    assert searched(renamed).schedule == searched(document).schedule


@pytest.mark.parametrize(("count", "nodes"), [(100_000, 1), (25_000, 3)])
@pytest.mark.parametrize("shape", ["chain", "level"])
def test_a_great_many_tasks_in_one_chain_or_one_level(shape: str, count: int, nodes: int) -> None:
    document = random_document(1, 1, nodes) | {
        "tasks": [{"id": str(number), "duration": 1.0 + number % 7, "demand": {"cpu": 1}} for number in range(count)],
        "edges": [[str(number), str(number + 1)] for number in range(count - 1)] if shape == "chain" else [],
    }
    instance = read_instance(document)
    plan = make_plan(instance)
    assert evaluate(instance, plan.schedule).objective == pytest.approx(plan.value.objective)
    assert plan.gap < 0.001


def test_zero_durations_and_no_demands() -> None:
    document = random_document(2, 12, 2) | {"edges": [["t0", "t5", 10], ["t5", "t9", 0]]}
    document["tasks"] = [{"id": task["id"], "duration": 0} for task in document["tasks"]]
    plan = searched(document)
    assert evaluate(read_instance(document), plan.schedule).makespan == plan.value.makespan
    assert plan.value.makespan <= 1e-9 or plan.value.makespan == pytest.approx(0.0)


def test_the_solver_beside_a_search_is_heard() -> None:
    pytest.importorskip("ortools", reason="needs the extra 'optimal'")
    import time
    from concurrent.futures import ThreadPoolExecutor

    instance = random_instance(3, 9, whole=True)
    with ThreadPoolExecutor(1) as threads:
        means = Means(
            time.perf_counter,
            time.perf_counter() + 60.0,
            random.Random(0),
            aside=threads.submit,
            workers=1,
            must_prove=True,
        )
        plan = make_plan(instance, means)
    assert plan.is_optimal
    assert evaluate(instance, plan.schedule).objective == pytest.approx(plan.bound)


def test_a_limit_that_is_too_short_for_a_search_gives_the_quick_plan() -> None:
    document = random_document(1, 1) | {
        "tasks": [{"id": str(number), "duration": 1.0 + number % 7, "demand": {"cpu": 1}} for number in range(3000)]
    }
    instance = read_instance(document)
    tries: list[int] = []

    class Counted(random.Random):
        def random(self) -> float:
            tries.append(1)
            return super().random()

    plan = make_plan(instance, Means(lambda: 0.0, 0.05, Counted(1)))
    assert plan.schedule == make_plan(instance).schedule
    assert not tries


def test_the_rent_of_a_single_node_is_part_of_the_bound() -> None:
    document = random_document(3, 15, priced=True)
    document["nodes"][0]["rent"] = 7.0
    plan = searched(document)
    assert (
        plan.bound > lower_bounds(read_instance(document | {"nodes": [document["nodes"][0] | {"rent": 0}]})).objective
    )
    assert evaluate(read_instance(document), plan.schedule).objective >= plan.bound - 1e-9


def test_a_list_by_starts_keeps_the_order_whatever_rounding_does() -> None:
    """A start that was a finish less a duration came before what it waited for, and the next schedule lost an edge."""
    chance = random.Random(1)
    for _ in range(50):
        rows = [{"id": own, "duration": 0.0 if own == "b" else 100 * chance.random()} for own in "abc"]
        document = random_document(1, 1, 2) | {"tasks": rows, "edges": [["a", "b"], ["b", "c"]], "network": {}}
        problem = NodesProblem(read_instance(document))
        assert problem.order_of(problem.place([0, 1, 2], [FREE] * 3)) == [0, 1, 2]
