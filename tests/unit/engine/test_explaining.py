"""Why things went as they went."""

from __future__ import annotations

from typing import Any

import pytest

from partita import Skip, approval, context, flow, settle, sleep, task, wait_for
from partita.testing import MemoryWorkspace


@task(retries=2, retry_delay=3)
def flaky() -> int:
    if context().attempt < 3:
        raise ValueError("not yet")
    return 1


@task
def broken() -> int:
    raise ValueError("broken")


@task
def other(number: int = 0) -> int:
    return number


@task
def both(left: int, right: int) -> int:
    return left + right


@task
def nothing() -> int:
    raise Skip("no rows")


@task(fallback=other)
def careful(number: int = 0) -> int:
    raise ValueError("careful")


@task(cache=True)
def cached(number: int) -> int:
    return number


@flow
def decided(number: int) -> int:
    return other(number) if number else nothing()


@flow
def fine() -> list[Any]:
    return [both(flaky(), other(1)), careful(4), decided(flaky()), cached(2)]


@flow
def fails() -> int:
    return both(broken(), other(1))


@flow
def skips() -> int:
    return both(nothing(), other(1))


@flow
def waits() -> int:
    return both(wait_for("x", timeout="1h"), 1)


@flow
def asks() -> Any:
    return approval("Go?", after=sleep(10)), sleep(10)


@flow
def never() -> Any:
    return wait_for("x", timeout="1h", default=0)


@flow
def choose(number: int) -> int:
    raise Skip("not today")


@flow
def branches(is_fine: bool) -> Any:
    return choose(other(1)) if is_fine else decided(broken())


@flow
def handled() -> Any:
    return settle(broken())


def told(workspace: MemoryWorkspace, run: Any, path: str = "") -> str:
    number = next(step["id"] for step in run.steps if step["path"] == path) if path else 0
    return "\n".join(fact["text"] for fact in workspace.explain(run.id, number)["facts"])


def test_a_step_tells_where_it_comes_from_what_it_waited_for_and_where_it_ran(workspace: MemoryWorkspace) -> None:
    run = fine.run()
    text = told(workspace, run, "both")
    assert "fine laid it out at tests/unit/engine/test_explaining.py:" in text
    assert "It waited 6 s for its inputs; the last of them was flaky." in text or "6.0 s" in text
    assert "It ran on the executor process, the default, since nobody named another." in text


def test_attempts_tell_why_they_were_followed_by_others(workspace: MemoryWorkspace) -> None:
    run = fine.run()
    text = told(workspace, run, "flaky")
    assert "Attempt 1 failed (ValueError: not yet). It was tried again after 3" in text
    assert "Attempt 3" not in text
    failing = fails.submit()
    failing.wait()
    assert "Attempt 1 failed (ValueError: broken). It was not tried again: the task has no retries." in told(
        workspace, failing, "broken"
    )


def test_branches_tell_which_way_was_taken(workspace: MemoryWorkspace) -> None:
    run = fine.run()
    assert "It is the fallback of careful, for the case that that step fails." in told(workspace, run, "other#2")
    assert "Its body ran only when its inputs were known; with them it laid out 1 step." in told(
        workspace, run, "decided"
    )
    assert "Not in the cache: Nothing that counts was cached of this task" in told(workspace, run, "cached")
    assert "Taken from the cache" in told(workspace, fine.run(), "cached")


def test_what_was_skipped_tells_because_of_what(workspace: MemoryWorkspace) -> None:
    failing = fails.submit()
    failing.wait()
    assert "It was skipped because it needs broken, which did not succeed." in told(workspace, failing, "both")
    run = skips.run()
    assert "It was skipped by its own code: no rows." in told(workspace, run, "nothing")
    assert "It was skipped with a step that it needs: no rows." in told(workspace, run, "both")


def test_a_run_tells_what_it_hung_on_and_what_failed_first(workspace: MemoryWorkspace) -> None:
    text = told(workspace, fine.run())
    assert "What ended last hung on: " in text and "flaky" in text
    failing = fails.submit()
    failing.wait()
    text = told(workspace, failing)
    assert "What failed first was broken (ValueError: broken). Because of that 1 step was skipped." in text
    assert "failed first" not in told(workspace, handled.run())


def test_what_waits_tells_for_what(workspace: MemoryWorkspace) -> None:
    run = waits.submit()
    workspace.work()
    assert "It waits for the event 'x', 1h 00m from now at most." in told(workspace, run, "x")
    assert "It waits for x." in told(workspace, run, "both")
    assert "It goes on: x." in told(workspace, run)


def test_a_wait_that_is_over_tells_what_ended_it(workspace: MemoryWorkspace) -> None:
    run = asks.submit()
    workspace.advance(40)
    workspace.approve(run.id, comment="fine", by="ann")
    run.wait()
    assert "It waited 30.0 s for the approval 'Go?': approved (ann approved)." in told(workspace, run, "approval")
    assert "It waited 10.0 s for a time, which came." in told(workspace, run, "sleep")
    assert "It waited 1h 00m for the event 'x': nothing came in time." in told(workspace, never.run(), "x")


def test_a_step_that_failed_tells_what_ran_in_its_place(workspace: MemoryWorkspace) -> None:
    text = told(workspace, fine.run(), "careful")
    assert "Its fallback other#2 ran in its place, and succeeded." in text


def test_a_flow_that_did_not_lay_out_steps_tells_why(workspace: MemoryWorkspace) -> None:
    failing = branches.submit(False)
    failing.wait()
    assert "Its body never ran: what it needs never came to be." in told(workspace, failing, "decided")
    text = told(workspace, branches.run(True), "choose")
    assert "Its body ran only when its inputs were known, and laid out no steps." in text
    assert "It was skipped by its own code: not today." in text


@pytest.mark.parametrize("target", [fine, fails, skips])
def test_every_step_of_every_run_can_be_explained(workspace: MemoryWorkspace, target: Any) -> None:
    run = target.submit()
    run.wait()
    for step in run.steps:
        assert workspace.explain(run.id, step["id"])["facts"]
