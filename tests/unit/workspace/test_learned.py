"""What the history tells a plan, and who is asked of what was not learned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from partita.core.records import Demand
from partita.plan.spreads import Guess
from partita.protocol.requests import HistoryView, SpreadView
from partita.workspace.flow_instance import GUESS, SAID, Known, NoHistory, prepare
from partita.workspace.flow_tasks import FlowTask
from partita.workspace.learned import Learned
from partita.workspace.what_if import Machines, PlannedNode

FIT = FlowTask("fit[3]", "fit", "task", "f.py:1", Demand(), "flows:fit", "2", "", ())


def view(p50: float, **fields: object) -> HistoryView:
    spread = SpreadView(p10=p50 / 2, p50=p50, p90=p50 * 3)
    made = HistoryView(
        task="fit", function="flows:fit", version="2", node="here", seen=9, updated_at=1.0, input_bytes=10.0, duration_s=spread,
        memory_bytes=spread, output_bytes=SpreadView(p10=1.0, p50=5000.0, p90=9e9), most_memory_bytes=1.0, cores=1.0,
    )  # fmt: skip
    return {**made, **fields}  # type: ignore[typeddict-item]


class Always:
    """Knows something of every step."""

    def of(self, task: FlowTask) -> Known:
        return Known(Guess(77.0, 0.1), "elsewhere")


def learned(*views: HistoryView) -> Learned:
    return Learned(views, "here", Always())


def told(past: Learned, task: FlowTask = FIT) -> tuple[float, str]:
    found = past.of(task)
    assert found is not None
    return found.spread.median, found.basis


def test_quantiles_and_sizes_are_those_of_the_history() -> None:
    found = learned(view(20.0)).of(FIT)
    assert found is not None
    assert [found.spread.quantile(share) for share in (0.1, 0.5, 0.9)] == pytest.approx([10.0, 20.0, 60.0])
    assert (found.basis, found.output_bytes) == ("9 earlier attempts", 5000.0)


def test_the_own_version_and_the_default_executors_class_count_most() -> None:
    views = [
        view(1.0, version="1", updated_at=9.0), view(2.0, node="there", updated_at=8.0), view(3.0), view(4.0, function="flows:other"),
    ]  # fmt: skip
    assert told(learned(*views))[0] == 3.0
    assert told(learned(*views[:2]))[0] == 2.0
    assert told(learned(*views[:1]))[0] == 1.0
    assert told(learned(views[3])) == (77.0, "elsewhere")


def test_a_task_that_goes_by_another_name_has_a_history_of_its_own() -> None:
    views = [view(1.0), view(2.0, function="flows:fit#quick", task="quick")]
    assert told(learned(*views), replace(FIT, title="quick"))[0] == 2.0
    assert told(learned(*views))[0] == 1.0


def test_of_a_step_of_an_earlier_run_the_name_is_enough() -> None:
    assert told(learned(view(5.0)), replace(FIT, function="", version=""))[0] == 5.0


def test_flows_and_waits_are_asked_of_others() -> None:
    assert told(learned(view(5.0)), replace(FIT, kind="flow")) == (77.0, "elsewhere")


def test_what_was_measured_on_a_class_of_machines_counts_for_more_than_speed() -> None:
    nodes = tuple(
        PlannedNode(name, name, {"cpu": 1.0}, 4.0 if name != "process" else 1.0, node_class=kind)
        for name, kind in (("process", "here"), ("big", "there"), ("other", "elsewhere"))
    )
    machines = Machines(nodes, is_what_if=True)
    past = Learned([view(20.0), view(12.0, node="there")], "here", NoHistory())
    instance = prepare("f", [FIT], machines, past, "process").instance
    assert [instance.seconds(0, node) for node in range(3)] == [20.0, 12.0, 5.0]


def test_what_a_task_expects_of_itself_counts_where_nothing_was_learned() -> None:
    machines = Machines((PlannedNode("process", "process", {"cpu": 1.0}),))
    expected = replace(FIT, expect_s=120.0)
    made = prepare("f", [expected, replace(FIT, path="b")], machines, NoHistory(), "process")
    assert [(known.spread.median, known.basis) for known in made.known] == [(120.0, SAID), (1.0, GUESS)]
    assert prepare("f", [expected], machines, learned(view(5.0)), "process").known[0].spread.median == 5.0


def test_what_takes_no_time_is_known_too() -> None:
    assert told(learned(view(0.0)))[0] == 0.0
