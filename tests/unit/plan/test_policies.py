"""What begins now, as tasks end: on one pool and on unequal nodes, whatever the durations turn out to be."""

from __future__ import annotations

import heapq
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.errors import PlanningError
from partita.plan.conversation import Conversation
from partita.plan.documents import read_instance
from partita.plan.following import Admission
from partita.plan.instance import Instance, Node
from tests.unit.plan.instances import documents, random_document


class Execution:
    """Runs an instance as a conversation says, with durations of its own, and watches what is promised."""

    def __init__(self, document: dict[str, Any], seed: int, spread: float) -> None:
        self.instance: Instance = read_instance(document)
        self.document = document
        chance = random.Random(seed)
        self.factors = [chance.lognormvariate(0, spread) for _ in self.instance.ids]
        self.numbers = {own: task for task, own in enumerate(self.instance.ids)}
        self.places = {node.id: number for number, node in enumerate(self.instance.nodes)}
        self.free = [list(node.capacity) for node in self.instance.nodes]
        self.node: dict[int, int] = {}
        self.end: dict[int, float] = {}
        self.running: list[tuple[float, int, float]] = []

    def run(self) -> float:
        conversation, now = Conversation(), 0.0
        told = conversation.answer({"event": "begin", "t": 0.0, "instance": self.document})
        while True:
            for row in told["start"]:
                self.begin(row, now)
            if not self.running:
                assert len(self.end) == len(self.instance), "a policy left tasks waiting with nothing running"
                return now
            now, ended = self.running[0][0], []
            while self.running and self.running[0][0] <= now:
                _, task, start = heapq.heappop(self.running)
                self.end[task] = now
                for resource, amount in self.instance.demands[task]:
                    self.free[self.node[task]][resource] += amount
                node = self.instance.nodes[self.node[task]].id
                ended.append({"task": self.instance.ids[task], "node": node, "start": start})
            told = conversation.answer({"event": "finish", "t": now, "finished": ended})

    def begin(self, row: dict[str, str], now: float) -> None:
        instance, task, node = self.instance, self.numbers[row["task"]], self.places[row["node"]]
        assert task not in self.node, "begun twice"
        assert all(needed in self.end for needed in instance.predecessors[task]), "begun before what it needs has ended"
        assert node in instance.allowed[task]
        for resource, amount in instance.demands[task]:
            self.free[node][resource] -= amount
            assert self.free[node][resource] >= -1e-6, "more begun than there is"
        self.node[task] = node
        pairs = zip(instance.predecessors[task], instance.edge_bytes[task], strict=True)
        start = max([now, *(self.end[p] + instance.network.seconds(size, self.node[p], node) for p, size in pairs)])
        heapq.heappush(self.running, (start + instance.seconds(task, node) * self.factors[task], task, start))


@given(documents(), st.integers(0, 100), st.sampled_from([0.0, 0.6, 2.0]))
@settings(deadline=None, max_examples=80)
def test_every_task_runs_once_in_order_and_where_there_is_room(
    document: dict[str, Any], seed: int, spread: float
) -> None:
    Execution(document, seed, spread).run()


def test_a_task_ends_on_the_node_on_which_it_was_started() -> None:
    document = random_document(1, 4, 2)
    conversation = Conversation()
    begun = conversation.answer({"event": "begin", "t": 0, "instance": document})["start"][0]
    other = next(node["id"] for node in document["nodes"] if node["id"] != begun["node"])
    with pytest.raises(
        PlanningError, match=f"has finished on node '{other}', and was started on node '{begun['node']}'"
    ):
        conversation.answer(
            {"event": "finish", "t": 1, "finished": [{"task": begun["task"], "node": other, "start": 0}]}
        )


def test_a_conversation_is_the_same_each_time() -> None:
    document = random_document(3, 40, 3)
    assert Execution(document, 1, 0.6).run() == Execution(document, 1, 0.6).run()


@pytest.mark.parametrize(("busy_s", "waits"), [(1.2, True), (2.5, False)])
def test_a_fast_node_is_worth_waiting_for_not_for_ever(busy_s: float, waits: bool) -> None:
    """On the slow node it would end a little sooner than on the fast one, if it took as long as expected."""
    nodes = [{"id": "slow", "capacity": {"cpu": 1}}, {"id": "fast", "capacity": {"cpu": 1}, "speed": 2}]
    nodes.append({"id": "other", "capacity": {"cpu": 1}})
    tasks = [
        {"id": "a", "duration": 2 * busy_s, "demand": {"cpu": 1}, "nodes": ["fast"]},
        {"id": "after a", "duration": 9, "demand": {"cpu": 1}, "nodes": ["other"]},
        {"id": "b", "duration": 2, "demand": {"cpu": 1}, "nodes": ["slow", "fast"]},
    ]
    document = {"format": "partita.sched.instance/1", "name": "two", "nodes": nodes, "tasks": tasks}
    document["edges"] = [["a", "after a"]]
    told = Conversation().answer({"event": "begin", "t": 0, "instance": document})
    begun = {row["task"]: row["node"] for row in told["start"]}
    assert begun == ({"a": "fast"} if waits else {"a": "fast", "b": "slow"})


WIDE, NARROW = ((0, 8.0),), ((0, 1.0),)


def test_a_wide_task_does_not_starve() -> None:
    """Narrow tasks come without end, each more important than the wide one but the first."""
    admission = Admission(Node("n", (8.0,)))
    now, next_task, began_at = 0.0, 1, None
    for _ in range(8):
        admission.push(next_task, NARROW, 5.0, 1.0 + next_task % 3)
        next_task += 1
    ends = [(now + 1.0 + task % 3, task) for task in admission.due(now)]
    admission.push(0, WIDE, 10.0, 4.0)
    heapq.heapify(ends)
    while ends and began_at is None:
        now, task = heapq.heappop(ends)
        admission.release(task)
        admission.push(next_task, NARROW, 5.0, 1.0 + next_task % 3)
        next_task += 1
        for begun in admission.due(now):
            if begun == 0:
                began_at = now
            heapq.heappush(ends, (now + 1.0 + begun % 3, begun))
    assert began_at is not None and began_at <= 3.0


def test_what_asks_for_nothing_begins_whatever_is_free() -> None:
    document = random_document(1, 4, 2) | {"network": {}, "edges": [["t0", "t1"]]}
    document["nodes"] = [{"id": own, "capacity": {"cpu": 1}} for own in "nm"]
    document["tasks"] = [{"id": f"t{number}", "duration": 1 + number} for number in range(3)]
    assert Execution(document, 0, 0.0).run() == 3.0
    document["tasks"] += [{"id": f"wide{own}", "duration": 9, "demand": {"cpu": 1}, "nodes": [own]} for own in "nm"]
    told = Conversation().answer({"event": "begin", "t": 0, "instance": document})
    assert {row["task"] for row in told["start"]} == {"t0", "t2", "widen", "widem"}
    assert Execution(document, 0, 0.0).run() == 9.0


def test_what_is_short_goes_before_a_reservation() -> None:
    admission = Admission(Node("n", (4.0,)))
    admission.push(0, ((0, 3.0),), 9.0, 10.0)
    assert admission.due(0.0) == [0]
    admission.push(1, ((0, 4.0),), 8.0, 5.0)
    admission.push(2, ((0, 1.0),), 7.0, 20.0)  # would delay the wide one
    admission.push(3, ((0, 1.0),), 6.0, 3.0)
    assert admission.due(0.0) == [3]
    admission.release(3)
    assert admission.due(3.0) == []
    admission.release(0)
    assert admission.due(10.0) == [1]
    admission.release(1)
    assert admission.due(15.0) == [2]


def ended(**row: Any) -> dict[str, Any]:
    return {"event": "finish", "t": 1, "finished": [{"task": "t1", "node": "n0", "start": 0} | row]}


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([{"event": "finish", "t": 0, "finished": []}], "before the"),
        ([{"event": "pause"}], "an event is"),
        ([[]], "an event is"),
        ([{"event": "begin", "t": 0, "instance": {}}], "this is no instance"),
        (["begin", {"event": "finish", "t": 1, "finished": [{"task": "zz"}]}], "was not running"),
        (["begin", {"event": "finish", "finished": []}], 'needs its time "t"'),
        (["begin", {"event": "finish", "t": 1, "finished": 5}], "as a list"),
        (["begin", ended(start="x")], "the start of 't1' should be a number, and is 'x'"),
        (["begin", ended(start=None)], "the start of 't1' should be a number, and is missing"),
        (["begin", ended(start=10**400)], "the start of 't1' is 1000"),
        (["begin", ended(node="moon")], "'t1' has finished on node 'moon', and was started on node 'n0'"),
        (["begin", {**ended(), "t": float("nan")}], 'the time "t" of an event should be a finite number'),
        (["begin", {**ended(), "t": 10**400}], 'the time "t" of an event is 1000'),
        ([{"event": "begin", "t": "x", "instance": {}}], "needs its time \"t\", and has 'x'"),
    ],
)
def test_events_that_cannot_be_are_told(events: list[Any], told: str) -> None:
    begin = {"event": "begin", "t": 0, "instance": random_document(1, 3)}
    conversation = Conversation()
    with pytest.raises(PlanningError) as caught:
        for event in events:
            conversation.answer(json.loads(json.dumps(begin if event == "begin" else event)))
    assert told in str(caught.value)
