from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from hypothesis import given, settings

from partita.errors import PlanningError
from partita.plan.documents import instance_document, plan_document, read_instance, read_schedule
from partita.plan.evaluation import Schedule, evaluate
from partita.plan.planner import make_plan
from tests.unit.plan.instances import ONE_NODE, TWO_NODES, documents, example


@given(documents())
@settings(deadline=None, max_examples=30)
def test_an_instance_is_read_back_as_it_was(document: dict[str, Any]) -> None:
    written = instance_document(read_instance(document))
    assert instance_document(read_instance(written)) == written


@given(documents())
@settings(deadline=None, max_examples=30)
def test_a_plan_is_read_back_as_it_was(document: dict[str, Any]) -> None:
    instance = read_instance(document)
    schedule = make_plan(instance).schedule
    read = read_schedule(instance, plan_document(instance, schedule, planner="test"))
    assert (list(read.starts), list(read.nodes)) == (list(schedule.starts), list(schedule.nodes))


def broken(change: str) -> dict[str, Any]:
    """The example, with one thing that cannot be."""
    document = copy.deepcopy(example(TWO_NODES))
    exec(change, {"d": document, "nan": math.nan, "inf": math.inf})
    return document


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("d['format'] = 'other/1'", "this is no instance"),
        ("del d['name']", 'needs a "name"'),
        ("d['tasks'] = []", "has no tasks"),
        ("d['nodes'] = []", "has no nodes"),
        ("del d['edges']", '"edges" is missing'),
        ("d['tasks'] = {}", '"tasks" should be a list'),
        ("d['edges'] = [['A', 'B'], ['B', 'C'], ['C', 'A']]", "form a circle: 'A' -> 'B' -> 'C' -> 'A'"),
        ("d['edges'] = [['A', 'A']]", "form a circle: 'A' -> 'A'"),
        ("d['edges'] = [['A', 'Z']]", "names the task 'Z'"),
        ("d['edges'] = [['A']]", "an edge should be"),
        ("d['edges'] = [['A', 'B', -1]]", "bytes of the edge 'A' -> 'B'"),
        ("d['tasks'][1]['id'] = 'A'", "two tasks 'A'"),
        ("d['tasks'][1]['id'] = 7", 'each task needs an "id"'),
        ("d['nodes'][1]['id'] = 'fast'", "two nodes 'fast'"),
        ("del d['tasks'][0]['duration']", "the duration of task 'A' should be a number, and is missing"),
        ("d['tasks'][0]['duration'] = nan", "the duration of task 'A'"),
        ("d['tasks'][0]['duration'] = inf", "the duration of task 'A'"),
        ("d['tasks'][0]['duration'] = -1", "the duration of task 'A'"),
        ("d['tasks'][0]['duration'] = '2'", "the duration of task 'A'"),
        ("d['tasks'][0]['duration'] = True", "the duration of task 'A'"),
        (
            "d['tasks'][0]['demand'] = {'cpu': 4}",
            "task 'A' fits on no node: it asks for 4 cpu, and there is fast (3 cpu)",
        ),
        ("d['tasks'][0]['demand'] = {'gpu': 1}", "task 'A' fits on no node"),
        ("d['tasks'][0]['demand'] = {'cpu': -1}", "the demand of task 'A' for cpu"),
        ("d['tasks'][0]['demand'] = {'cpu': nan}", "the demand of task 'A' for cpu"),
        ("d['tasks'][0]['demand'] = [1]", "the demand of task 'A' should map"),
        ("d['tasks'][0]['nodes'] = ['slow']", "names the node 'slow'"),
        ("d['tasks'][0]['nodes'] = []", "the nodes of task 'A'"),
        ("d['tasks'][0]['durations'] = {'slow': 1}", "names the node 'slow'"),
        ("d['tasks'][0]['durations'] = {'fast': -1}", "the duration of task 'A' on fast"),
        ("d['tasks'][0]['cost_weight'] = -1", "the cost_weight of task 'A'"),
        ("d['nodes'][0]['price'] = {'cpu': -1}", "the price of node 'fast' for cpu"),
        ("d['nodes'][0]['price'] = {'unknown': -1}", "the price of node 'fast' for unknown"),
        ("d['nodes'][0]['price'] = 3", "the price of node 'fast' should map resources"),
        ("d['nodes'][0]['price'] = [3]", "the price of node 'fast' should map resources"),
        ("d['nodes'][0]['speed'] = 0", "the speed of node 'fast' is 0"),
        ("d['nodes'][0]['speed'] = -1", "the speed of node 'fast'"),
        ("d['nodes'][0]['rent'] = nan", "the rent of node 'fast'"),
        ("del d['nodes'][0]['capacity']", "node 'fast' needs a \"capacity\""),
        ("d['nodes'][0]['capacity'] = {'cpu': -3}", "the capacity of node 'fast' for cpu"),
        ("d['alpha'] = -1", '"alpha"'),
        ("d['beta'] = nan", '"beta"'),
        ("d['network'] = {'bandwidth': -1}", "the bandwidth of the network"),
        ("d['network'] = {'links': [['fast', 'slow', 1, 1]]}", "names the node 'slow'"),
        ("d['network'] = {'links': [['fast', 'cheap']]}", "a link should be"),
        ("d['network'] = {'links': 5}", "the links of the network should be a list"),
        ("d['tasks'][0]['duration'] = 10**400", "the duration of task 'A' is 1000"),
        (
            "d['tasks'][0]['duration'] = 1e308",
            "the duration of task 'A' is 1e+308, and a plan can be made with numbers up to",
        ),
        ("d['tasks'][0]['demand'] = {'cpu': 10**400}", "the demand of task 'A' for cpu is 1000"),
        ("d['edges'] = [['A', 'B', 10**400]]", "the bytes of the edge 'A' -> 'B' is 1000"),
        ("d['nodes'][1]['price'] = {'cpu': 1e300}", "the price of node 'cheap' for cpu is 1e+300"),
        ("d['nodes'][1]['rent'] = 1e300", "the rent of node 'cheap' is 1e+300"),
        ("d['alpha'] = 10**400", '"alpha" is 1000'),
        (
            "d['nodes'][1]['speed'] = 1e-320",
            "the tasks run for inf s, and a plan can be made of 1e+50 s in all; task 'A' runs for inf s on node 'cheap'",
        ),
        ("d['nodes'][1]['speed'] = 1e-50", "task 'C' runs for 5e+50 s on node 'cheap', whose speed is 1e-50"),
        ("d['tasks'] = [t | {'duration': 0.4e50} for t in d['tasks']]", "the tasks run for 2.4e+50 s"),
        (
            "d['tasks'][0]['durations'] = {'cheap': 1e50}; d['tasks'][1]['duration'] = 1e49",
            "task 'A' runs for 1e+50 s on node",
        ),
        (
            "d['edges'] = [['A', 'B', 1]]; d['network'] = {'bandwidth': 1e-320}",
            "moving 1 bytes over 1 edges at 9.99989e-321 bytes a second, each after 0 s, takes inf s",
        ),
        (
            "d['edges'] = [['A', 'B'], ['B', 'C']]; d['network'] = {'links': [['fast', 'cheap', 1, 1e50]]}",
            "each after 1e+50 s, takes 2e+50 s",
        ),
    ],
)
def test_what_cannot_be_is_told(change: str, told: str) -> None:
    with pytest.raises(PlanningError) as caught:
        read_instance(broken(change))
    assert told in str(caught.value)


@pytest.mark.parametrize("nodes", [ONE_NODE, TWO_NODES])
def test_no_plan_of_what_is_read_is_infinite(nodes: list[dict[str, Any]]) -> None:
    """With all numbers at their largest."""
    largest = 1e50
    document = example(nodes, largest, largest)
    document["tasks"] = [
        task | {"duration": largest / 6, "demand": {"cpu": largest}, "cost_weight": largest}
        for task in document["tasks"]
    ]
    document["nodes"] = [
        node | {"capacity": {"cpu": largest}, "price": {"cpu": largest}, "rent": largest, "speed": 1.0}
        for node in nodes
    ]
    plan = make_plan(read_instance(document | {"edges": [["A", "B", largest]], "network": {"bandwidth": 10.0}}))
    assert all(map(math.isfinite, (*plan.value, plan.bound, plan.gap, *plan.schedule.starts)))


def test_what_is_no_document_is_told() -> None:
    with pytest.raises(PlanningError, match="this is no instance"):
        read_instance([1])


def test_a_long_circle_is_shortened() -> None:
    rows = [{"id": str(number), "duration": 1} for number in range(100)]
    edges = [[str(number), str((number + 1) % 100)] for number in range(100)]
    with pytest.raises(PlanningError) as caught:
        read_instance(example(ONE_NODE) | {"tasks": rows, "edges": edges})
    assert len(str(caught.value)) < 200


def planned(**changes: Any) -> dict[str, Any]:
    tasks = {name: {"node": "n1", "start": start} for name, start in (("A", 0.0), ("B", 0.0), ("C", 3.0))}
    return {"format": "partita.sched.plan/1", "instance": "example", "tasks": tasks} | changes


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ({"format": "other"}, "this is no plan"),
        (planned(instance="another"), "not of 'example'"),
        (planned(tasks={"A": {"start": 0}}), "lacks 2 of 3 tasks, such as 'B'"),
        (planned(tasks={"Z": {"start": 0}}), "names the task 'Z'"),
        (planned(tasks={"A": {"start": 0, "node": "n2"}}), "names the node 'n2'"),
        (planned(tasks={"A": {"start": math.nan}}), "the start of task 'A'"),
        (planned(tasks={}), "neither the starts of all tasks nor an order"),
        (planned(tasks={}, order=["A", "B"]), "every task once"),
        (planned(tasks={}, order=["B", "A", "C"]), "has 'B' before 'A'"),
    ],
)
def test_plans_that_are_none_are_told(plan: dict[str, Any], told: str) -> None:
    instance = read_instance(example(ONE_NODE) | {"edges": [["A", "B"]]})
    with pytest.raises(PlanningError) as caught:
        read_schedule(instance, plan)
    assert told in str(caught.value)


def test_a_plan_of_several_nodes_names_them() -> None:
    plan = planned(tasks={name: {"start": 0.0} for name in "ABC"})
    with pytest.raises(PlanningError, match="does not say on which node task 'A'"):
        read_schedule(read_instance(example(TWO_NODES)), plan)


def test_a_plan_of_an_order_is_placed_in_that_order() -> None:
    instance = read_instance(example(ONE_NODE))
    schedule = read_schedule(instance, planned(tasks={}, order=["B", "C", "A"]))
    assert evaluate(instance, schedule).objective == pytest.approx(3.91)


@pytest.mark.parametrize(
    ("starts", "nodes", "told"),
    [
        ([0, 0, 0], [0, 0, 0], "lacks"),
        ([0, 0, 0], [0, 1, 1], "lacks"),
        ([-1, 0, 5], [0, 0, 0], "before there is time"),
        ([0, 1, 8], [0, 0, 0], "what it needs of 'A' is there at 2 s"),
        ([0, 2, 8], [0, 1, 0], "what it needs of 'A' is there at 3 s"),
        ([0, 2, 8], [1, 0, 0], "may not run on node 'cheap'"),
    ],
)
def test_schedules_that_cannot_be_kept_are_refused(starts: list[float], nodes: list[int], told: str) -> None:
    document = copy.deepcopy(example(TWO_NODES)) | {"edges": [["A", "B", 100]], "network": {"bandwidth": 100}}
    document["tasks"] = [document["tasks"][0] | {"nodes": ["fast"]}, *document["tasks"][1:]]
    if told == "lacks":
        document["edges"] = []
        document["tasks"][0].pop("nodes")
    instance = read_instance(document)
    with pytest.raises(PlanningError) as caught:
        evaluate(instance, Schedule([float(start) for start in starts], nodes))
    assert told in str(caught.value)
