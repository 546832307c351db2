"""What the history tells a plan, and who is asked of what was not learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from partita.core.records import Demand
from partita.engine.history_requests import expectation, view
from partita.plan.history import Attempted, History, Subject, place_of
from partita.plan.memory import admitted_bytes
from partita.plan.planner import make_plan
from partita.plan.spreads import Guess
from partita.protocol.requests import ExpectationView
from partita.workspace.flow_instance import GUESS, SAID, Known, NoHistory, Past, Prepared, prepare
from partita.workspace.flow_tasks import FlowTask
from partita.workspace.learned import Asked, Learned
from partita.workspace.what_if import Machines, PlannedNode

FIT = FlowTask("fit[3]", "fit", "task", "f.py:1", Demand(), "flows:fit", "2", "", ())
GIB = 2.0**30


class Teacher:
    """A history, and the answers of an engine that keeps it."""

    def __init__(self) -> None:
        self.history = History()
        self.asked: list[int] = []  # how many questions at once
        self.now = 0.0

    def saw(
        self, seconds: float, *, times: int = 9, function: str = "flows:fit", version: str = "2", node: str = "here",
        title: str = "fit", input_bytes: float = 10.0, memory: float = 1e6, output: float = 5000.0, path: str = "",
    ) -> Teacher:  # fmt: skip
        subject = Subject(function, version, node, "flows:whole", title)
        for _ in range(times):
            self.now += 1.0
            place = place_of("flows:whole", path) if path else 0
            self.history.observe(subject, Attempted(input_bytes, seconds, seconds, memory, output, self.now, place))
        return self

    def learned(self, otherwise: Past | None = None) -> Learned:
        def ask(questions: Sequence[Asked]) -> list[ExpectationView]:
            self.asked.append(len(questions))
            return [expectation(self.history, *asked) for asked in questions]

        views = [view(*key, known) for key, known in self.history.known()]
        return Learned(views, "here", "flows:whole", ask, otherwise or Always())


class Always:
    """Knows something of every step."""

    def of(self, task: FlowTask) -> Known:
        return Known(Guess(77.0, 0.1), "elsewhere")


def known(teacher: Teacher, task: FlowTask = FIT) -> Known:
    found = teacher.learned().of(task)
    assert found is not None
    return found


def median(teacher: Teacher, task: FlowTask = FIT) -> float:
    return known(teacher, task).spread.median


def test_a_plan_expects_what_the_engine_does() -> None:
    teacher = Teacher().saw(20.0).saw(22.0, times=3)
    told = teacher.history.expect(Subject("flows:fit", "2", "here", "flows:whole"), 10.0)
    found = known(teacher)
    assert [found.spread.quantile(share) for share in (0.1, 0.5, 0.9)] == pytest.approx(
        [told.duration.p10, told.duration.median, told.duration.p90]
    )
    assert (found.basis, found.output_bytes) == ("12 earlier attempts", pytest.approx(told.output.median))
    assert found.memory_bytes == told.memory.p90


def test_the_own_version_and_the_default_executors_class_count_most() -> None:
    teacher = Teacher().saw(9.0, function="flows:other")
    assert known(teacher) == Known(Guess(77.0, 0.1), "elsewhere")
    assert median(teacher.saw(1.0, version="1")) == pytest.approx(1.0, rel=0.05)
    assert median(teacher.saw(2.0, node="there")) == pytest.approx(2.0, rel=0.05)
    assert median(teacher.saw(3.0)) == pytest.approx(3.0, rel=0.05)


def test_a_task_that_goes_by_another_name_has_a_history_of_its_own() -> None:
    teacher = Teacher().saw(1.0).saw(2.0, function="flows:fit#quick", title="quick")
    assert median(teacher, replace(FIT, title="quick")) == pytest.approx(2.0, rel=0.05)
    assert median(teacher) == pytest.approx(1.0, rel=0.05)


def test_of_a_step_of_an_earlier_run_the_name_is_enough() -> None:
    assert median(Teacher().saw(5.0), replace(FIT, function="", version="")) == pytest.approx(5.0, rel=0.05)


def test_flows_and_waits_are_asked_of_others() -> None:
    assert known(Teacher().saw(5.0), replace(FIT, kind="flow")).basis == "elsewhere"


def test_a_step_is_expected_to_take_what_it_took_in_earlier_runs() -> None:
    teacher = Teacher()
    for _ in range(8):
        for path, seconds in (("fit", 2.0), ("deep/fit", 30.0), ("fit#2", 9.0)):
            teacher.saw(seconds, times=1, path=path)
    for path, seconds in (("fit", 2.0), ("deep/fit", 30.0), ("fit#2", 9.0)):
        assert median(teacher, replace(FIT, path=path)) == pytest.approx(seconds, rel=0.1)
    assert 5 < median(teacher, replace(FIT, path="elsewhere")) < 15
    assert median(teacher, replace(FIT, path="fit[7]")) == median(teacher, replace(FIT, path="fit[8]"))


def test_elements_take_as_long_as_their_own_inputs_say() -> None:
    teacher = Teacher()
    for size in (1e4, 1e5, 1e6, 1e7) * 6:
        teacher.saw(size / 1e5, times=1, input_bytes=size)
    tasks = [replace(FIT, path=f"fit[{n}]", input_bytes=size) for n, size in enumerate((1e4, 1e6, 1e7, 1.001e7))]
    learned = teacher.learned()
    learned.look_up(tasks)
    asked = sum(teacher.asked)
    small, middle, large, also_large = (found.spread.median for task in tasks if (found := learned.of(task)))
    assert small == pytest.approx(0.1, rel=0.5) and middle == pytest.approx(10, rel=0.5)
    assert large == also_large == pytest.approx(100, rel=0.5)
    assert (len(teacher.asked), asked) == (1, 4)  # at once, and of what is nearly the same once; the usual size, too
    assert 0.5 < median(teacher) < 50  # of an unknown size: the usual one


def prepared(teacher: Teacher, *tasks: FlowTask, nodes: Sequence[PlannedNode]) -> Prepared:
    return prepare("f", tasks, Machines(tuple(nodes), is_what_if=True), teacher.learned(NoHistory()), "process")


def memory_of(found: Prepared) -> list[float]:
    memory = found.instance.resources.index("memory")
    return [dict(demand).get(memory, 0.0) for demand in found.instance.demands]


def test_memory_that_was_learned_is_held_as_in_the_engine() -> None:
    teacher = Teacher().saw(5.0, memory=3 * GIB)
    told = teacher.history.expect(Subject("flows:fit", "2", "here", ""), 10.0).memory.p90
    node = PlannedNode("process", "process", {"cpu": 4.0, "memory": 8 * GIB})
    declared = replace(FIT, demand=Demand(1.0, 2**30))
    found = prepared(teacher, FIT, declared, nodes=[node])
    assert memory_of(found) == [admitted_bytes(told, 8 * GIB, 4.0), GIB]
    assert found.instance.demands[0] != found.instance.demands[1]
    assert make_plan(prepared(teacher, FIT, FIT, FIT, FIT, nodes=[node]).instance).value.makespan > 9.0  # two at a time


def test_learned_memory_that_does_not_matter_is_not_counted() -> None:
    roomy = PlannedNode("process", "process", {"cpu": 4.0, "memory": 64 * GIB})
    endless = PlannedNode("process", "process", {"cpu": 4.0})
    assert memory_of(prepared(Teacher().saw(5.0, memory=0.1 * GIB), FIT, nodes=[roomy])) == [0.0]
    assert "memory" not in prepared(Teacher().saw(5.0, memory=9 * GIB), FIT, nodes=[endless]).instance.resources


def test_what_was_measured_on_a_class_of_machines_counts_for_more_than_speed() -> None:
    nodes = [
        PlannedNode(name, name, {"cpu": 1.0}, 4.0 if name != "process" else 1.0, node_class=kind)
        for name, kind in (("process", "here"), ("big", "there"), ("other", "elsewhere"))
    ]
    instance = prepared(Teacher().saw(20.0).saw(12.0, node="there"), FIT, nodes=nodes).instance
    assert [instance.seconds(0, node) for node in range(3)] == pytest.approx([20.0, 12.0, 5.0], rel=0.05)


def test_what_a_task_expects_of_itself_counts_where_nothing_was_learned() -> None:
    machines = Machines((PlannedNode("process", "process", {"cpu": 1.0}),))
    expected = replace(FIT, expect_s=120.0)
    made = prepare("f", [expected, replace(FIT, path="b")], machines, NoHistory(), "process")
    assert [(known.spread.median, known.basis) for known in made.known] == [(120.0, SAID), (1.0, GUESS)]
    found = prepare("f", [expected], machines, Teacher().saw(5.0).learned(), "process").known[0]
    assert found.spread.median == pytest.approx(5.0, rel=0.05)


def test_what_takes_no_time_is_known_too() -> None:
    assert median(Teacher().saw(0.0)) < 0.01
