"""What the calls in a flow's body become."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest

from partita.core.states import Kind, Need
from partita.errors import CheckError, DefinitionError
from partita.flow.ambient import forbid_direct
from partita.flow.entry import lay_out
from partita.flow.flow import flow
from partita.flow.layout import Layout
from partita.flow.mapped import Mapped
from partita.flow.ref import Ref, is_ref
from partita.flow.settle import Outcome, settle
from partita.flow.task import task
from partita.protocol.messages import FRAME_STEPS
from partita.values import DICT, INPUT, LIST, OBJECT, PLAIN, REF, TUPLE, pack, unpack


@task
def add(number: int, more: int = 1) -> int:
    return number + more


@task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@task
def split(number: int) -> tuple[int, str]:
    return number, str(number)


@task
def describe(parts: dict[str, Any]) -> str:
    return repr(parts)


@dataclass
class Pair:
    left: int
    right: list[int]


@task
def measure(pair: Pair) -> int:
    return pair.left + len(pair.right)


def row_of(layout: Layout, name: str) -> list[Any]:
    return next(row for row in layout.rows if row[0] == name)


def test_a_call_adds_a_step_and_a_ref_draws_an_edge(lay, evaluate):
    @flow
    def two() -> int:
        return add(add(1, more=2))

    layout = lay(two)
    first, second = layout.rows
    assert first[:4] == ["add", Kind.TASK, 0, -1]
    assert unpack(first[4]) == [[[PLAIN, 1]], ["more"], [[PLAIN, 2]]]
    assert second[0] == "add#2" and second[5] == [0]
    assert unpack(second[4]) == [[[INPUT, 0]], [], []]
    assert layout.value == [REF, 1, []]
    assert len(layout.profiles) == 1
    assert evaluate(layout) == 4
    assert first[8].endswith(f"test_layout.py:{two.function.__code__.co_firstlineno + 2}")


def test_refs_are_found_in_lists_tuples_dicts_and_dataclasses(lay, evaluate):
    @flow
    def nested() -> str:
        one = add(1)
        size = measure(Pair(one, [one, 3]))
        return describe({"a": [one, (size, 5)], "b": one})

    layout = lay(nested)
    assert unpack(row_of(layout, "measure")[4])[0][0] == [
        OBJECT,
        f"{Pair.__module__}:Pair",
        ["left", "right"],
        [[INPUT, 0], [LIST, [[INPUT, 0], [PLAIN, 3]]]],
    ]
    row = row_of(layout, "describe")
    assert row[5] == [0, 1]
    structure = [DICT, ["a", "b"], [[LIST, [[INPUT, 0], [TUPLE, [[INPUT, 1], [PLAIN, 5]]]]], [INPUT, 0]]]
    assert unpack(row[4])[0] == [structure]
    assert evaluate(layout) == "{'a': [2, (4, 5)], 'b': 2}"


def test_parts_of_a_value_are_inputs_of_their_own(lay, evaluate):
    @flow
    def parts() -> int:
        number, text = split(7)
        describe({"text": text})
        return add(number)

    layout = lay(parts)
    assert row_of(layout, "add")[5] == [[0, [0], Need.VALUE]]
    assert row_of(layout, "describe")[5] == [[0, [1], Need.VALUE]]
    assert evaluate(layout) == 8


@flow
def inner(number: int) -> int:
    return add(add(number))


@flow
def hold(number: Ref[int], times: int) -> int:
    assert is_ref(number) or times == 0
    for _ in range(times):
        number = add(number)
    return number


def test_a_flow_with_known_arguments_is_laid_out_in_place(lay, evaluate):
    @flow
    def outer() -> int:
        return add(inner(3))

    layout = lay(outer)
    assert [(row[0], row[1], row[3]) for row in layout.rows] == [
        ("inner", Kind.FLOW, -1),
        ("add", Kind.TASK, 0),
        ("add#2", Kind.TASK, 0),
        ("add", Kind.TASK, -1),
    ]
    assert unpack(layout.rows[0][7]) == [REF, 2, []]
    assert layout.rows[3][5] == [0]
    assert evaluate(layout) == 6


def test_a_flow_that_is_given_a_ref_is_one_deferred_step(lay, evaluate):
    @flow
    def outer() -> int:
        return inner(add(1))

    layout = lay(outer)
    assert [row[:2] for row in layout.rows] == [["add", Kind.TASK], ["inner", Kind.FLOW]]
    assert layout.rows[1][7] is None and layout.rows[1][5] == [0]
    assert layout.profiles[1].body == "flow"
    assert evaluate(layout) == 4


def test_a_ref_parameter_does_not_defer(lay, evaluate):
    @flow
    def outer() -> int:
        return hold(add(1), 2)

    layout = lay(outer)
    assert [row[3] for row in layout.rows] == [-1, -1, 1, 1]
    assert evaluate(layout) == 4


def test_a_ref_parameter_of_a_deferred_flow_is_held(lay, evaluate):
    @flow
    def outer() -> int:
        return hold(add(1), add(1))

    layout = lay(outer)
    assert row_of(layout, "hold")[5] == [[0, [], Need.HOLD], 1]
    assert evaluate(layout) == 4


def test_refs_of_outer_steps_have_numbers_below_zero(encode):
    layout = Layout(encode)
    lay_out(hold, (layout.outer_ref(41, ["a"]), 1), layout=layout)
    assert layout.rows[0][5] == [[-42, ["a"], Need.VALUE]]


@flow
def loop(value: Ref[int], score: int, target: int) -> int:
    if score >= target:
        return value
    better = add(value)
    return loop(better, better, target)


def test_a_loop_until_good(lay, evaluate):
    @flow
    def outer() -> int:
        return loop(add(0), 0, 5)

    assert evaluate(lay(outer)) == 5
    assert outer() == 5


def test_names_are_unique_below_their_parent(lay):
    @flow
    def many() -> None:
        for _ in range(3):
            add(1)
        add.with_options(name="add#2")(1)
        inner(1)
        add.map([1, 2], key=["a", "b"])
        add.map([1, 2], key=["a", "b"])

    names = [(row[3], row[0]) for row in lay(many).rows]
    assert len(set(names)) == len(names)
    assert [name for parent, name in names if parent == -1] == [
        "add", "add#2", "add#3", "add#2#2", "inner", "add[a]", "add[b]", "add[a]#2", "add[b]#2",
    ]  # fmt: skip


def test_settle_looks_at_a_failure(lay, evaluate):
    @task
    def fail(number: int) -> int:
        raise ValueError(f"no {number}")

    @flow
    def choose(outcome: Outcome[int]) -> str:
        return "good" if outcome.ok else f"{outcome.error.type}: {outcome.error.message}"

    @flow
    def outer() -> str:
        return choose(settle(fail(3)))

    layout = lay(outer)
    assert row_of(layout, "settle")[1:6] == [Kind.SETTLE, -1, -1, None, [[0, [], Need.FINAL]]]
    assert evaluate(layout) == "ValueError: no 3"
    assert outer() == "ValueError: no 3"


def test_a_fallback_is_a_step_of_its_own(lay, evaluate):
    @task
    def spare(number: int) -> int:
        return -number

    @task(fallback=spare)
    def fail(number: int) -> int:
        raise ValueError

    @flow
    def outer() -> int:
        return add(fail(3))

    layout = lay(outer)
    assert [(row[0], row[6]) for row in layout.rows] == [("fail", None), ("spare", 0), ("add", None)]
    assert layout.rows[2][5] == [0]
    assert evaluate(layout) == -2 == outer()


def test_a_fallback_flow_is_not_laid_out_before_it_is_needed(lay, evaluate):
    @task(fallback=inner)
    def fail(number: int) -> int:
        raise ValueError

    @flow
    def outer() -> int:
        return fail(3)

    layout = lay(outer)
    assert [(row[0], row[1], row[6]) for row in layout.rows] == [("fail", Kind.TASK, None), ("inner", Kind.FLOW, 0)]
    assert evaluate(layout) == 5 == outer()


def test_a_fallback_of_another_type_is_refused(lay):
    @task
    def spare(number: int) -> str:
        return ""

    @task(fallback=spare)
    def fail(number: int) -> int:
        raise ValueError

    @flow
    def outer() -> int:
        return fail(3)

    with pytest.raises(CheckError, match="fallback spare of fail gives str, but fail gives int"):
        lay(outer)


def test_all_problems_are_reported_at_once(lay):
    @flow
    def wrong() -> str:
        add("x")
        add(1, moer=2)
        add()
        describe(add(1))
        return add(2)

    with pytest.raises(CheckError) as caught:
        lay(wrong)
    messages = [problem.message for problem in caught.value.problems]
    assert messages == [
        "add's number takes int, and got 'x' (str), not int",
        "add has no parameter 'moer'; did you mean 'more'?",
        "add is missing its argument 'number' (int)",
        "describe's parts takes dict[str, Any], and step add#4 gives int",
        "wrong returns str, and step add#5" + messages[4].partition("add#5")[2],
    ]
    first_line = wrong.function.__code__.co_firstlineno
    lines = [int(problem.place.rpartition(":")[2]) - first_line for problem in caught.value.problems[:4]]
    assert lines == [2, 3, 4, 5]


def test_what_the_body_raises_passes_through_unless_more_is_wrong(lay):
    @flow
    def broken() -> None:
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        lay(broken)

    @flow
    def twice_broken() -> None:
        add("x")
        raise KeyError("lost")

    with pytest.raises(CheckError) as caught:
        lay(twice_broken)
    assert len(caught.value.problems) == 2


def test_a_refused_ref_is_reported_with_the_line_that_used_it(lay):
    @flow
    def wrong() -> int:
        add("x")
        if add(1):
            return 2
        return 3

    with pytest.raises(CheckError) as caught:
        lay(wrong)
    problem = caught.value.problems[-1]
    assert "step add#2" in problem.message and "used as a condition" in problem.message
    assert problem.place.endswith(f":{wrong.function.__code__.co_firstlineno + 3}")


def test_catching_what_an_in_place_flow_raised_is_refused(lay):
    @flow
    def raising() -> int:
        add(1)
        raise ValueError("half-way")

    @flow
    def outer() -> None:
        with contextlib.suppress(ValueError):
            raising()

    with pytest.raises(CheckError, match="the body of raising raised ValueError: half-way"):
        lay(outer)


def test_refs_of_another_layout_are_refused(lay):
    kept = []

    @flow
    def first() -> None:
        kept.append(add(1))

    @flow
    def second() -> int:
        return add(kept[0])

    lay(first)
    with pytest.raises(CheckError, match="belongs to another layout"):
        lay(second)


def test_a_call_from_another_thread_is_refused(lay):
    caught = []

    @flow
    def threaded() -> None:
        import contextvars

        def call() -> None:
            try:
                add(1)
            except DefinitionError as error:
                caught.append(str(error))

        inside = contextvars.copy_context()
        for target in (call, lambda: inside.run(call)):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()

    with forbid_direct():
        layout = lay(threaded)
    assert layout.rows == []
    assert len(caught) == 2 and all("thread" in message for message in caught)


def test_a_call_in_an_import_is_refused(lay, tmp_path, monkeypatch):
    (tmp_path / "calls_at_import.py").write_text(f"from {__name__} import add\nadd(1)\n")
    monkeypatch.syspath_prepend(tmp_path)

    @flow
    def importing() -> None:
        import calls_at_import  # type: ignore[import-not-found]  # noqa: F401

    with pytest.raises(CheckError, match="while a module is imported"):
        lay(importing)


def test_plain_calls_are_refused_where_a_layout_is_made():
    with forbid_direct(), pytest.raises(DefinitionError, match="add was called while a flow is being laid out"):
        add(1)
    assert add(1) == 2


def test_a_value_that_cannot_be_stored_is_a_problem_with_its_parameter(lay):
    @task
    def take(what: Any) -> None: ...

    @flow
    def outer() -> None:
        take({1: add(1)}.keys())

    from partita.errors import ValueStoreError

    def refuse(value: Any, declared: Any = None) -> Any:
        raise ValueStoreError("dict_keys cannot be stored")

    with pytest.raises(CheckError, match="take's what cannot be passed on: dict_keys cannot be stored"):
        lay_out(outer, encode=refuse)


def test_an_object_that_came_in_keeps_its_node():
    class Model:
        pass

    @task
    def use(model: Any, others: Any) -> None: ...

    @flow
    def outer(model: Any) -> Any:
        use(model, [model, 1])
        return {"model": model}

    def encode(value: Any, declared: Any = None) -> Any:
        assert not isinstance(value, Model)
        return [PLAIN, value]

    model = Model()
    node = [2, "pickle", "hash", 100, ""]
    layout = Layout(encode)
    layout.remember(model, node)
    lay_out(outer, (model,), layout=layout)
    assert unpack(layout.rows[0][4])[0] == [node, [LIST, [node, [PLAIN, 1]]]]
    assert layout.value == [DICT, ["model"], [node]]


def test_the_executor_of_a_flow_is_that_of_its_steps(lay):
    @flow(executor="big")
    def on_big() -> int:
        return add.with_options(executor="other")(add(1))

    @flow
    def outer() -> None:
        on_big()
        add(1)

    layout = lay(outer)
    assert [layout.profiles[row[2]].executor for row in layout.rows] == ["big", "big", "other", ""]


def test_equal_options_share_a_profile(lay):
    @flow
    def outer() -> None:
        for _ in range(5):
            add.with_options(retries=2)(1)

    assert len(lay(outer).profiles) == 1


def test_one_line_is_warned_of_once(lay):
    @task
    def untyped(number):  # type: ignore[no-untyped-def]
        return number

    @flow
    def outer() -> None:
        for _ in range(1000):
            add(untyped(1))

    assert len(lay(outer).warnings) == 1


def test_a_large_constant_is_looked_through_fast(lay):
    numbers = list(range(1_000_000))

    @flow
    def outer() -> int:
        return total(numbers)

    started = time.process_time()
    lay(outer)
    assert time.process_time() - started < 2  # 0.1 s on an idle machine


def test_frames_hold_few_steps_and_their_profiles(lay):
    @flow
    def outer() -> None:
        for i in range(FRAME_STEPS + 1):
            add(i)
        describe({})

    frames = list(lay(outer).frames())
    assert [len(rows) for _, rows in frames] == [FRAME_STEPS, 2]
    assert [[profile["title"] for profile in profiles] for profiles, _ in frames] == [["add"], ["describe"]]
    assert pack([*frames])  # plain data


def test_large_arguments_make_small_frames(lay):
    @flow
    def outer() -> None:
        for _ in range(10):
            describe({"text": "x" * 40_000})

    assert max(len(rows) for _, rows in lay(outer).frames()) == 2


def test_a_large_layout_takes_little_time(lay):
    @flow
    def outer() -> int:
        return total([add(i) for i in range(20_000)])

    started = time.process_time()
    layout = lay(outer)
    assert sum(len(rows) for _, rows in layout.frames()) == 20_001
    assert time.process_time() - started < 2  # 0.12 s on an idle machine


def test_a_flow_may_return_a_structure(lay, evaluate):
    @flow
    def outer() -> dict[str, Any]:
        return {"a": add(1), "b": [add(2), 5], "c": add.map([1, 2])}

    layout = lay(outer)
    assert layout.value == [DICT, ["a", "b", "c"], [
        [REF, 0, []], [LIST, [[REF, 1, []], [PLAIN, 5]]], [LIST, [[REF, 2, []], [REF, 3, []]]],
    ]]  # fmt: skip
    assert evaluate(layout) == {"a": 2, "b": [3, 5], "c": [2, 3]} == outer()


def test_typed_maps_are_lists_to_a_flow_that_holds_them(lay, evaluate):
    @flow
    def pick(numbers: list[Ref[int]], which: int) -> int:
        return numbers[which]

    @flow
    def whole(numbers: Mapped[int]) -> int:
        return total(add.map(numbers))

    @flow
    def outer() -> tuple[int, int, int]:
        numbers = add.map([1, 2, 3])
        return pick(numbers, 1), pick(numbers, add(0)), whole(numbers)

    layout = lay(outer)
    assert evaluate(layout) == (3, 3, 12)
