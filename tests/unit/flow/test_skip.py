"""What there is nothing to do about is skipped, and fails nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from partita import Outcome, Ref, Skip, flow, settle, task
from partita.errors import StepError
from partita.testing import MemoryWorkspace, memory_workspace


@task
def rows(number: int) -> list[int]:
    if not number:
        raise Skip("no new rows")
    return list(range(number))


@task
def count(values: list[int]) -> int:
    return len(values)


@task
def shown(values: list[int] | None) -> str:
    return "nothing" if values is None else f"{len(values)} rows"


@task
def untyped(values=None):  # type: ignore[no-untyped-def]
    return values is None


@flow
def chained(number: int) -> int:
    return count(rows(number))


@flow
def told(number: int) -> str:
    return shown(rows(number))


@flow
def default_of_none(number: int) -> bool:
    return untyped(rows(number))


@flow
def both(number: int) -> dict[str, Any]:
    loaded = rows(number)
    return {"count": count(loaded), "shown": shown(loaded), "other": count(rows(2))}


@flow
def looked_at(number: int) -> str:
    return judged(settle(rows(number)))


@task
def judged(outcome: Outcome[Any]) -> str:
    return "ok" if outcome.ok else f"{outcome.error.type.rpartition('.')[2]}: {outcome.error.message}"


@flow
def only_if(number: Ref[int], size: int) -> int:
    if size < 2:
        raise Skip("too few")
    return count(rows(number))


@flow
def deferred(number: int) -> int:
    return only_if(number, count(rows(number)))


@flow
def placed(number: int) -> str:
    return shown_number(only_if(number, number))


@task
def shown_number(number: int | None) -> str:
    return str(number)


@flow
def tolerant(numbers: list[int]) -> list[list[int]]:
    return rows.map(numbers, at_least=1)


@flow
def all_of(numbers: list[int]) -> list[list[int]]:
    return rows.map(numbers)


@task(fallback=count)
def careful(values: list[int]) -> int:
    raise Skip("not today")


@flow
def with_fallback() -> int:
    return careful([1])


@task
def broken() -> list[int]:
    raise ValueError("broken")


@task
def joined(left: list[int], right: list[int]) -> int:
    return len(left) + len(right)


@flow
def failure_counts_for_more(number: int) -> Any:
    wrong = broken()
    seen = settle(joined(rows(number), wrong))
    return judged(seen)


@flow
def lacks_a_failed_part(number: int) -> int:
    wrong = broken()
    settle(wrong)
    return joined(rows(number), wrong)


def test_what_lacks_a_failed_step_too_is_no_condition_that_was_not_met() -> None:
    with memory_workspace(), pytest.raises(StepError, match="broken"):
        lacks_a_failed_part.run(0).result()
    with pytest.raises(ValueError, match="broken"):
        lacks_a_failed_part(0)


CASES: list[tuple[Any, tuple[Any, ...], Any]] = [
    (chained, (3,), 3),
    (chained, (0,), None),
    (told, (0,), "nothing"),
    (told, (2,), "2 rows"),
    (default_of_none, (0,), True),
    (both, (0,), {"count": None, "shown": "nothing", "other": 2}),
    (looked_at, (0,), "Skip: no new rows"),
    (deferred, (1,), None),
    (deferred, (2,), 2),
    (placed, (1,), "None"),
    (placed, (3,), "3"),
    (tolerant, ([1, 0, 2],), [[0], [0, 1]]),
    (all_of, ([1, 0, 2],), [[0], None, [0, 1]]),
    (with_fallback, (), None),
    (failure_counts_for_more, (0,), "ValueError: broken"),
]


@pytest.mark.parametrize(("target", "arguments", "value"), CASES, ids=[f"{c[0].__name__}{c[1]}" for c in CASES])
def test_a_run_and_a_plain_call_agree(target: Any, arguments: tuple[Any, ...], value: Any) -> None:
    with memory_workspace():
        run = target.run(*arguments)
        assert (run.state, run.result()) == ("succeeded", value)
    assert target(*arguments) == value


def test_what_needs_a_skipped_step_is_skipped_with_its_reason() -> None:
    with memory_workspace():
        steps = {step["path"]: step for step in chained.run(0).steps}
    assert {path: step["state"] for path, step in steps.items()} == {
        "chained": "succeeded", "rows": "skipped", "count": "skipped",
    }  # fmt: skip
    assert all("unmet" in steps[path]["marks"] for path in ("rows", "count"))
    assert "no new rows" in steps["count"]["error"]["message"]


def test_a_flow_that_is_laid_out_in_place_is_skipped_as_a_whole() -> None:
    with memory_workspace():
        steps = {step["path"]: step["state"] for step in placed.run(1).steps}
    assert steps == {"placed": "succeeded", "only_if": "skipped", "shown_number": "succeeded"}


def test_a_skipped_step_is_not_tried_again() -> None:
    with memory_workspace() as workspace:
        again = rows.with_options(retries=3)
        run = one_task(again).run()
        assert run.state == "succeeded"
        assert [attempt["outcome"] for attempt in workspace.attempts(run.id, 1)] == ["skipped"]


def one_task(target: Any) -> Any:
    global _target
    _target = target
    return one


_target: Any = None


@flow
def one() -> Any:
    return _target(0)


def test_a_run_whose_flow_skips_is_skipped() -> None:
    with memory_workspace():
        run = only_if.submit(1, 1)
        run.wait()
        assert run.state == "skipped"
        with pytest.raises(Skip, match="too few"):
            run.result()


def test_a_task_called_plainly_raises() -> None:
    with pytest.raises(Skip, match="no new rows"):
        rows(0)


# after


order: list[str] = []


@task
def saved(name: str) -> None:
    order.append(name)
    if name == "bad":
        raise ValueError(name)


@task
def report() -> str:
    order.append("report")
    return "done"


@flow
def ordered(name: str) -> str:
    return report.after(saved(name))()


@flow
def whatever_comes(name: str) -> str:
    return report.after(settle(saved(name)))()


@flow
def reported() -> str:
    return report()


@flow
def flow_after(name: str) -> str:
    return reported.after(saved(name))()


@pytest.fixture(autouse=True)
def _forget() -> None:
    order.clear()


@flow
def map_after(number: int) -> list[int]:
    return doubled.after(rows(number - 1)).map(rows(number))


@task
def doubled(value: int) -> int:
    return 2 * value


def test_a_map_over_what_is_not_known_yet_begins_after_what_it_is_to_come_after(workspace: MemoryWorkspace) -> None:
    assert map_after.run(2).result() == [0, 2]
    run = map_after.run(1)
    assert run.result() is None
    assert {step["path"]: step["state"] for step in run.steps}["doubled[]"] == "skipped"


@pytest.mark.parametrize("target", [ordered, whatever_comes, flow_after])
@pytest.mark.parametrize("call", [lambda f, *a: f.run(*a).result(), lambda f, *a: f(*a)], ids=["run", "call"])
def test_steps_begin_after_what_they_are_to_come_after(target: Any, call: Callable[..., Any]) -> None:
    with memory_workspace():
        assert call(target, "good") == "done"
    assert order == ["good", "report"]


def test_what_comes_after_a_failure_is_not_run_but_after_its_end_it_is() -> None:
    with memory_workspace() as workspace:
        with pytest.raises(StepError, match="bad"):
            ordered.run("bad").result()
        assert order == ["bad"]
        assert whatever_comes.run("bad").result() == "done"
        assert workspace.run()["state"] == "succeeded"


def test_after_keeps_options_and_is_kept_by_them(workspace: MemoryWorkspace) -> None:
    later = report.with_options(retries=2).after("x")
    assert later.options.retries == 2
    assert later.with_options(retries=1).prerequisites == ("x",)
    assert report.prerequisites == ()
