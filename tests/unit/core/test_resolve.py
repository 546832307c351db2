"""What inputs hold: values put together through flows, fallbacks and structures."""

from __future__ import annotations

import pytest

from partita.core.graph import Run, Step
from partita.core.resolve import resolve, sources
from partita.core.states import Kind, Mark, Need, State
from partita.values import DICT, LIST, OUTCOME, PLAIN, REF, SELECT, pack, unpack


def make_run() -> tuple[Run, dict[int, bytes]]:
    """1 and 2 are finished tasks; 3 is a flow that returns {"a": 1, "b": [2, "const"]}; 4 a flow that returns 3."""
    run = Run(1, "r")
    for number, kind in enumerate([Kind.FLOW, Kind.TASK, Kind.TASK, Kind.FLOW, Kind.FLOW]):
        step = Step(number, number - 1 if number == 0 else 0, f"s{number}", kind, 0, (), -1)
        step.state = State.SUCCEEDED
        run.steps[number] = step
    run.steps[3].alias = [DICT, ["a", "b"], [[REF, 1, []], [LIST, [[REF, 2, []], [PLAIN, "const"]]]]]
    run.steps[4].alias = [REF, 3, []]
    for number in (3, 4):
        run.steps[number].marks = Mark.EXPANDED
    return run, {1: pack([PLAIN, {"x": [10, 20]}]), 2: pack([PLAIN, 22])}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ((1, (), Need.VALUE), [PLAIN, {"x": [10, 20]}]),
        ((1, ("x", 1), Need.VALUE), [PLAIN, 20]),
        ((3, ("a",), Need.VALUE), [PLAIN, {"x": [10, 20]}]),
        ((4, ("a", "x", 0), Need.VALUE), [PLAIN, 10]),
        ((4, ("b",), Need.VALUE), [LIST, [[PLAIN, 22], [PLAIN, "const"]]]),
        ((4, ("b", 1), Need.VALUE), [PLAIN, "const"]),
        ((4, ("b",), Need.SHAPE), [LIST, [[REF, 2, []], [PLAIN, "const"]]]),
        ((4, (), Need.HOLD), [REF, 4, []]),
    ],
)
def test_an_input_is_put_together_from_the_values_below_it(source: tuple, expected: list) -> None:  # type: ignore[type-arg]
    run, values = make_run()
    needed = sources(run, [source])
    found = {number: values[number] for number in needed}
    assert unpack(resolve(run, source, found.__getitem__)) == expected


def test_a_part_of_an_opaque_value_is_left_to_the_worker() -> None:
    run, _ = make_run()
    blob = [2, "pickle", "abc", 12345, "a frame"]
    packed = resolve(run, (1, ("column", 3), Need.VALUE), lambda number: pack(blob))
    assert unpack(packed) == [SELECT, blob, ["column", 3]]


def test_an_outcome_of_what_failed_carries_its_error() -> None:
    run, values = make_run()
    failed = run.steps[2]
    failed.state, failed.error = State.FAILED, pack({"type": "ValueError", "message": "no"})
    settle = Step(5, 0, "settle", Kind.SETTLE, -1, ((2, (), Need.FINAL),), -1)
    settle.state = State.SUCCEEDED
    run.steps[5] = settle
    assert sources(run, [(5, (), Need.VALUE)]) == set()
    packed = resolve(run, (5, (), Need.VALUE), values.__getitem__)
    assert unpack(packed) == [OUTCOME, False, None, {"type": "ValueError", "message": "no"}]


def test_ten_thousand_flows_that_return_each_other_are_followed_without_recursion() -> None:
    run, values = make_run()
    for number in range(5, 10_005):
        step = Step(number, 0, "loop", Kind.FLOW, 0, (), -1)
        step.alias, step.state, step.marks = [REF, number - 1, []], State.SUCCEEDED, Mark.EXPANDED
        run.steps[number] = step
    assert unpack(resolve(run, (10_004, ("b", 0), Need.VALUE), values.__getitem__)) == [PLAIN, 22]
