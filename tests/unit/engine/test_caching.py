"""Cached tasks: the value of an equal step is taken, and computed once at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from partita import Mapped, Skip, flow, task
from partita.errors import OptionError, StepError
from partita.testing import MemoryWorkspace

computed: list[Any] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    computed.clear()


@task(cache=True)
def square(number: int, unit: str = "") -> int:
    computed.append((number, unit))
    return number * number


@task(cache="1h")
def brief(number: int) -> int:
    computed.append(number)
    return number


@task(cache=True, cache_key=lambda number, noise: number % 10)
def by_last_digit(number: int, noise: float) -> int:
    computed.append(number)
    return number


@task(cache=True)
def failing(number: int) -> int:
    computed.append(number)
    raise ValueError("no")


@task(cache=True)
def skipping(number: int) -> int:
    computed.append(number)
    raise Skip("not now")


@task
def three() -> int:
    return 3


@task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@task(cache=True)
def shown(value: Any) -> str:
    computed.append(value)
    return repr(value)


@flow
def squares(numbers: list[int]) -> list[int]:
    return square.map(numbers)


@flow
def other_squares(numbers: list[int]) -> list[int]:
    return square.map(numbers)


@flow
def of_a_promise() -> int:
    return square(three())


@flow
def of_a_constant() -> int:
    return square(number=3, unit="")


@flow
def by_name() -> int:
    return square(number=3)


@flow
def briefly(number: int) -> int:
    return brief(number)


@flow
def digits(numbers: list[int]) -> list[int]:
    return [by_last_digit(number, number / 7) for number in numbers]


@flow
def fails() -> Any:
    return failing.map([1, 1], settle=True)


@flow
def skips() -> int:
    return skipping(1)


@flow
def told(values: list[Any]) -> list[str]:
    return [shown(value) for value in values]


@flow
def sum_of_squares(numbers: list[int]) -> int:
    found: Mapped[int] = square.map(numbers)  # type: ignore[assignment]
    return total(found)


@flow
def odd() -> int:
    return by_last_digit.with_options(cache_key=lambda number, noise: object())(1, 0.5)


def marks(run: Any) -> dict[str, list[str]]:
    return {step["path"]: step["marks"] for step in run.steps}


def why(workspace: MemoryWorkspace, run: Any) -> str:
    return "\n".join(fact["text"] for fact in workspace.explain(run.id, 1)["facts"])


def test_a_second_run_takes_the_values_of_the_first(workspace: MemoryWorkspace) -> None:
    assert squares.run([1, 2, 3]).result() == [1, 4, 9]
    again = squares.run([2, 3, 4])
    assert again.result() == [4, 9, 16]
    assert [number for number, _ in computed] == [1, 2, 3, 4]
    assert {path: "cached" in found for path, found in marks(again).items()} == {
        "squares": False, "square[0]": True, "square[1]": True, "square[2]": False,
    }  # fmt: skip
    assert workspace.attempts(again.id, 1) == []


def test_another_flow_takes_them_too_and_a_restarted_engine(workspace: MemoryWorkspace) -> None:
    squares.run([5])
    workspace.restart()
    assert other_squares.run([5]).result() == [25]
    assert computed == [(5, "")]


def test_it_does_not_matter_how_an_argument_came(workspace: MemoryWorkspace) -> None:
    for same in (of_a_promise, by_name):
        assert same.run().result() == 9
    assert squares.run([3]).result() == [9]
    assert computed == [(3, "")]
    assert of_a_constant.run().result() == 9
    assert len(computed) == 2, "an argument that is given is not one that is left out"


def test_equal_steps_of_one_run_are_computed_once(workspace: MemoryWorkspace) -> None:
    assert squares.run([7] * 20).result() == [49] * 20
    assert computed == [(7, "")]


def test_equal_steps_of_runs_at_the_same_time_are_computed_once(workspace: MemoryWorkspace) -> None:
    runs = [squares.submit([8, 9]) for _ in range(3)]
    assert [run.result() for run in runs] == [[64, 81]] * 3
    assert sorted(computed) == [(8, ""), (9, "")]


def test_a_value_counts_as_long_as_it_was_said(workspace: MemoryWorkspace) -> None:
    briefly.run(1)
    workspace.advance(3599)
    briefly.run(1)
    assert computed == [1]
    workspace.advance(2)
    run = briefly.run(1)
    briefly.run(1)
    assert computed == [1, 1]
    assert "a value counts for 1h 00m, and as long as" in why(workspace, run)


def test_a_key_function_says_which_steps_are_equal(workspace: MemoryWorkspace) -> None:
    first = digits.run([11, 21, 5])
    assert first.result() == [11, 11, 5]
    second = digits.run([31, 15])
    assert second.result() == [11, 5]
    assert computed == [11, 5]
    assert [attempt["outcome"] for attempt in workspace.attempts(second.id) if attempt["step"]] == ["cached", "cached"]


def test_a_failure_says_that_it_is_not_kept(workspace: MemoryWorkspace) -> None:
    run = fails.submit()
    run.wait()
    assert "It failed, and only values are kept." in why(workspace, run)


def test_a_failure_is_not_kept_and_the_next_one_computes(workspace: MemoryWorkspace) -> None:
    outcomes = fails.run().result()
    assert [outcome.ok for outcome in outcomes] == [False, False]
    assert computed == [1, 1]
    fails.run()
    assert computed == [1] * 4


def test_what_was_skipped_is_not_kept(workspace: MemoryWorkspace) -> None:
    skips.run()
    skips.run()
    assert computed == [1, 1]


def test_a_lost_attempt_computes_again_while_the_others_wait(workspace: MemoryWorkspace) -> None:
    workspace.crash(square, times=2, late=True)
    assert squares.run([6, 6]).result() == [36, 36]
    assert computed == [(6, "")] * 3


def test_a_run_can_compute_everything_anew_and_keeps_that(workspace: MemoryWorkspace) -> None:
    squares.run([4])
    run = workspace.submit(squares, ([4],), {}, {"refresh": True})
    assert run.result() == [16] and computed == [(4, ""), (4, "")]
    squares.run([4])
    assert len(computed) == 2


def test_an_argument_that_differs_by_its_type_is_another(workspace: MemoryWorkspace) -> None:
    values = [1, 1.0, True, "1", None, [1], (1,), {"a": 1}, b"1", timedelta(1), {1}, 1 << 70]
    assert told.run(values).result() == [repr(value) for value in values]
    assert told.run(values).result() == [repr(value) for value in values]
    assert len(computed) == len(values)


@pytest.mark.parametrize("given", [0, -1, "soon", object()])
def test_what_says_nothing_of_caching_is_refused(given: Any) -> None:
    with pytest.raises(OptionError, match="cache"):
        square.with_options(cache=given)


def test_a_flow_cannot_be_cached() -> None:
    with pytest.raises(OptionError, match="a flow has no option 'cache'"):
        squares.with_options(cache=True)


def test_what_a_key_function_gives_has_to_be_plain(workspace: MemoryWorkspace) -> None:
    with pytest.raises(StepError, match="cache_key of by_last_digit gave object"):
        odd.run().result()


def test_a_map_of_cached_values_goes_on(workspace: MemoryWorkspace) -> None:
    assert [sum_of_squares.run([1, 2]).result() for _ in range(2)] == [5, 5]
    assert len(computed) == 2
