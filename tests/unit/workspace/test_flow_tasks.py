"""What of a layout is planned, and what needs what of it."""

from __future__ import annotations

from typing import Any

from partita.core.records import Demand, Profile
from partita.core.states import Kind, Need
from partita.values import DICT, PLAIN, REF, pack
from partita.workspace.flow_tasks import tasks_of

PROFILES = [
    Profile("flows:fit", "fit", demand=Demand(2.0), version="3", executor="big"),
    Profile("flows:sub", "sub", body="flow"),
]


def row(
    name: str, kind: Kind = Kind.TASK, inputs: list[Any] | None = None, parent: int = -1, fallback_of: int | None = None,
    value: bytes | None = None,
) -> list[Any]:  # fmt: skip
    profile = {Kind.TASK: 0, Kind.FLOW: 1}.get(kind, -1)
    return [name, kind, profile, parent, None, inputs or [], fallback_of, value, "flows.py:3"]


def needs(rows: list[list[Any]]) -> dict[str, list[str]]:
    tasks = tasks_of(rows, PROFILES)
    return {task.path: [tasks[number].path for number in task.needs] for task in tasks}


def test_a_task_has_what_its_profile_says() -> None:
    (task,) = tasks_of([row("fit")], PROFILES)
    assert (task.path, task.title, task.kind, task.demand.cpu, task.version, task.executor, task.place) == (
        "fit", "fit", "task", 2.0, "3", "big", "flows.py:3",
    )  # fmt: skip


def test_the_size_of_an_input_is_known_where_nothing_is_waited_for() -> None:
    whole = row("a")
    whole[4] = pack([[[PLAIN, "x" * 1000]], [], []])
    found = tasks_of([whole, row("b", inputs=[0]), row("c")], PROFILES)
    assert [task.input_bytes for task in found] == [float(len(whole[4])), None, 0.0]


def test_what_the_engine_completes_itself_is_seen_through() -> None:
    rows = [
        row("a[0]"), row("a[1]"), row("a[]", Kind.GATHER, [0, 1]), row("settle", Kind.SETTLE, [[2, [], int(Need.FINAL)]]),
        row("b", inputs=[2]), row("c", inputs=[3, 0]),
    ]  # fmt: skip
    assert needs(rows) == {"a[0]": [], "a[1]": [], "b": ["a[0]", "a[1]"], "c": ["a[0]", "a[1]"]}


def test_a_flow_laid_out_in_place_stands_for_the_steps_of_its_value() -> None:
    value = pack([DICT, ["x", "y"], [[REF, 1, []], [REF, 2, []]]])
    rows = [
        row("sub", Kind.FLOW, value=value), row("one", parent=0), row("two", parent=0), row("three", parent=0),
        row("all", inputs=[0]), row("part", inputs=[[0, ["y"], int(Need.VALUE)]]),
    ]  # fmt: skip
    assert needs(rows) == {
        "sub/one": [], "sub/two": [], "sub/three": [], "all": ["sub/one", "sub/two"], "part": ["sub/two"],
    }  # fmt: skip


def test_a_constant_of_a_flow_is_not_waited_for() -> None:
    rows = [row("sub", Kind.FLOW, value=pack([PLAIN, 3])), row("one", parent=0), row("use", inputs=[0])]
    assert needs(rows)["use"] == []


def test_what_is_only_passed_on_is_not_waited_for() -> None:
    assert needs([row("a"), row("b", inputs=[[0, [], int(Need.HOLD)]])])["b"] == []


def test_fallbacks_are_not_planned() -> None:
    rows = [row("risky"), row("spare", fallback_of=0), row("use", inputs=[0])]
    assert needs(rows) == {"risky": [], "use": ["risky"]}


def test_what_is_laid_out_later_and_waits_are_planned_as_steps() -> None:
    rows = [row("a"), row("sub", Kind.FLOW, [0]), row("approval", Kind.WAIT, [1]), row("b", inputs=[2])]
    tasks = tasks_of(rows, PROFILES)
    assert [(task.path, task.kind) for task in tasks] == [
        ("a", "task"),
        ("sub", "flow"),
        ("approval", "wait"),
        ("b", "task"),
    ]
    assert needs(rows) == {"a": [], "sub": ["a"], "approval": ["sub"], "b": ["approval"]}
