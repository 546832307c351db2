"""What tests can say that tasks, workers and the store do."""

from __future__ import annotations

import pytest

from partita import context, flow, task
from partita.errors import DefinitionError, EngineError, StepError
from partita.testing import MemoryWorkspace

calls: list[str] = []


@task(retries=1)
def download(address: str) -> str:
    raise AssertionError("a test went out into the world")


@task
def count(text: str) -> int:
    calls.append(text)
    return len(text)


@flow
def main(address: str) -> int:
    return count(download(address))


@flow
def many(addresses: list[str]) -> list[int]:
    return count.map(download.map(addresses))


@pytest.fixture(autouse=True)
def _forget_calls() -> None:
    calls.clear()


# Fakes


def test_a_value_instead(workspace: MemoryWorkspace) -> None:
    workspace.fake(download, "page")
    assert main.run("example.org").result() == 4


def test_a_function_instead(workspace: MemoryWorkspace) -> None:
    workspace.fake(download, lambda address: address * 2)
    assert many.run(["a", "bb"]).result() == [2, 4]


def test_an_async_function_instead(workspace: MemoryWorkspace) -> None:
    async def answer(address: str) -> str:
        return f"{address}:{context().attempt}"

    workspace.fake(download, answer)
    assert main.run("a").result() == 3


def test_a_function_that_fails_instead(workspace: MemoryWorkspace) -> None:
    def refuse(address: str) -> str:
        raise ConnectionError(f"attempt {context().attempt}")

    workspace.fake(download, refuse)
    with pytest.raises(StepError, match="ConnectionError: attempt 2"):
        main.run("a").result()


def test_a_fake_lasts_as_long_as_its_workspace(workspace: MemoryWorkspace) -> None:
    workspace.fake(download, "page")
    workspace.fake(download, "pages")
    assert main.run("a").result() == 5
    with pytest.raises(AssertionError, match="into the world"):
        download("a")


def test_a_fake_is_stored_like_what_it_stands_for(workspace: MemoryWorkspace) -> None:
    workspace.fake(download, lambda address: (part for part in address))
    with pytest.raises(StepError, match="ValueStoreError"):
        main.run("a").result()


def test_a_fake_counts_for_other_options_too(workspace: MemoryWorkspace) -> None:
    @flow
    def urgent() -> str:
        return download.with_options(priority=5)("a")

    workspace.fake(download, "page")
    assert urgent.run().result() == "page"


def test_tasks_inside_tests_can_be_faked(workspace: MemoryWorkspace) -> None:
    @task
    def local() -> int:
        return 1

    @flow
    def only() -> int:
        return local()

    workspace.fake(local, 2)
    assert only.run().result() == 2


def test_what_undoes_a_faked_task_gets_its_arguments(workspace: MemoryWorkspace) -> None:
    undone = []

    def release(result: str, seats: int) -> None:
        raise AssertionError("the real one")

    @task(compensate=release)
    def reserve(seats: int) -> str:
        raise AssertionError("the real one")

    @flow
    def book() -> int:
        return count.with_options(retries=0)(broken(reserve(3)))

    @task
    def broken(ticket: str) -> str:
        raise ValueError("no")

    workspace.fake(reserve, lambda *anything: "ticket")
    workspace.fake(release, lambda result, seats: undone.append((result, seats)))
    assert book.run().state == "failed"
    assert undone == [("ticket", 3)]


def test_flows_are_not_faked(workspace: MemoryWorkspace) -> None:
    with pytest.raises(DefinitionError, match="main is a flow; fake the tasks that it calls"):
        workspace.fake(main, 1)


# Crashes


def test_a_crash_is_tried_again(workspace: MemoryWorkspace) -> None:
    workspace.fake(download, "page")
    workspace.crash(count, 2)
    run = main.run("a")
    assert run.result() == 4
    assert calls == ["page"]
    step = run.steps[2]
    assert (step["attempts"], step["marks"]) == (3, ["crashed"])
    assert [view["outcome"] for view in workspace.attempts(step=2)] == ["crashed", "crashed", "succeeded"]


def test_a_late_crash_comes_when_the_work_is_done(workspace: MemoryWorkspace) -> None:
    workspace.fake(download, "page")
    workspace.crash(count, late=True)
    assert main.run("a").result() == 4
    assert calls == ["page", "page"]


def test_too_many_crashes_fail_the_step(workspace: MemoryWorkspace) -> None:
    workspace.fake(download, "page")
    workspace.crash(count, 10)
    with pytest.raises(StepError, match="WorkerDied: the worker died: the test said so"):
        main.run("a").result()


def test_what_is_not_idempotent_is_not_begun_again(workspace: MemoryWorkspace) -> None:
    @task(idempotent=False)
    def pay() -> int:
        return 1

    @flow
    def once() -> int:
        return pay()

    workspace.crash(pay)
    run = once.run()
    with pytest.raises(StepError, match="not tried again"):
        run.result()
    assert run.steps[1]["attempts"] == 1


def test_layouts_crash_too(workspace: MemoryWorkspace) -> None:
    workspace.fake(download, "page")
    workspace.crash(main)
    run = main.run("a")
    assert (run.result(), run.steps[0]["attempts"]) == (4, 2)


# The store and the engine


def test_the_engine_waits_for_a_store_that_refuses(workspace: MemoryWorkspace) -> None:
    workspace.fake(download, "page")
    workspace.fail_commits(3)
    before = workspace.clock.now()
    assert main.run("a").result() == 4
    assert workspace.clock.now() > before
    assert calls == ["page"]


def test_another_engine_goes_on_from_what_is_stored(workspace: MemoryWorkspace) -> None:
    @task(retries=1, retry_delay=60)
    def flaky(number: int) -> int:
        if context().attempt == 1:
            raise ConnectionError
        return number

    @flow
    def durable() -> int:
        return flaky(count("abc"))

    run = durable.submit()
    workspace.advance(1)
    workspace.restart()
    assert run.state == "running"
    assert run.result() == 3
    assert calls == ["abc"]


def test_an_attempt_cannot_restart_its_engine(workspace: MemoryWorkspace) -> None:
    @task
    def restart() -> None:
        workspace.restart()

    @flow
    def durable() -> None:
        restart()

    with pytest.raises(StepError, match="EngineError: an attempt that runs inline cannot restart its engine"):
        durable.run().result()
    with pytest.raises(EngineError):
        raise EngineError


def test_a_rerun_adopts_what_is_unchanged(workspace: MemoryWorkspace) -> None:
    @task
    def last(number: int) -> int:
        if not calls[1:]:
            calls.append("mended")
            raise ValueError("once")
        return number

    @flow
    def two() -> int:
        return last(count("abc"))

    assert two.run().state == "failed"
    again = workspace.rerun()
    assert again.result() == 3
    assert calls == ["abc", "mended"]
    assert again.steps[1]["marks"] == ["adopted"]
