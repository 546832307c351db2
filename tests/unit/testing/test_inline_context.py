"""`context()` inside attempts that run inline."""

from __future__ import annotations

import threading

import pytest

from partita import context, flow, task
from partita.errors import CancelledError, EngineError, StepError
from partita.testing import MemoryWorkspace, memory_workspace


def test_who_and_where_it_is(workspace: MemoryWorkspace) -> None:
    @task(retries=1, timeout=60)
    def tell() -> list[object]:
        here = context()
        if here.attempt == 1:
            raise ValueError("once")
        return [here.run, here.step, here.attempt, here.idempotency_key, here.deadline]

    @flow
    def main() -> list[object]:
        return tell()

    run = main.run()
    due = workspace.clock.now() + 60
    assert run.result() == [run.id, "tell", 2, f"{run.id}:1", due]
    assert context().run == "local"


def test_progress_is_seen_while_it_lasts(workspace: MemoryWorkspace) -> None:
    seen = []

    @task
    def work() -> None:
        context().progress(1, 2, "half")
        workspace.clock.jump(1)
        seen.extend(step["progress"] for step in workspace.all_steps())

    @flow
    def main() -> None:
        work()

    main.run().result()
    assert seen == [None, [1, 2, "half"]]


def test_reports_are_kept(workspace: MemoryWorkspace) -> None:
    @task
    def train() -> None:
        for epoch in range(3):
            context().report("loss", 1 / (epoch + 1), epoch)
            workspace.clock.jump(5)

    @flow
    def main() -> None:
        train()

    before = workspace.clock.now()
    main.run()
    reports = workspace.reports()
    assert [(row.name, row.value, row.at_step) for row in reports] == [
        ("loss", 1, 0),
        ("loss", 0.5, 1),
        ("loss", 1 / 3, 2),
    ]
    assert [row.reported_at - before for row in reports] == [0, 5, 10]
    assert workspace.reports(step=0) == []


def test_a_checkpoint_is_found_again(workspace: MemoryWorkspace) -> None:
    @task(retries=1)
    def train() -> str:
        file = context().checkpoint / "epoch"
        if not file.exists():
            file.write_text("7")
            raise ConnectionError
        return file.read_text()

    @flow
    def main() -> str:
        return train()

    assert main.run().result() == "7"


# Child runs


def test_a_child_run_gives_its_value(workspace: MemoryWorkspace) -> None:
    @task
    def square(number: int) -> int:
        return number * number

    @flow
    def child(numbers: list[int]) -> list[int]:
        return square.map(numbers)

    @task
    def parent() -> int:
        first = context().launch(child, [1, 2])
        second = context().launch(child, [3])
        return sum(first.result()) + sum(second.result())

    @flow
    def main() -> int:
        return parent()

    run = main.run()
    assert run.result() == 14
    assert [(view["title"], view["parent"]) for view in workspace.runs()] == [
        ("child", run.id), ("child", run.id), ("main", None),
    ]  # fmt: skip


def test_children_of_children_wait_for_their_retries(workspace: MemoryWorkspace) -> None:
    @task(retries=2, retry_delay=60)
    def leaf() -> int:
        if context().attempt < 3:
            raise ConnectionError
        return 1

    @flow
    def bottom() -> int:
        return leaf()

    @task
    def middle_task() -> int:
        return 1 + context().launch(bottom).result()

    @flow
    def middle() -> int:
        return middle_task()

    @task
    async def top_task() -> int:
        return 1 + context().launch(middle).result()

    @flow
    def top() -> int:
        return top_task()

    assert top.run().result() == 3


def test_a_childs_failure_is_raised(workspace: MemoryWorkspace) -> None:
    @task
    def fail() -> int:
        raise ValueError("deep")

    @flow
    def child() -> int:
        return fail()

    @task
    def parent() -> str:
        started = context().launch(child)
        assert started.state == "failed"
        with pytest.raises(StepError, match="deep"):
            started.result()
        return "saw it"

    @flow
    def main() -> str:
        return parent()

    assert main.run().result() == "saw it"


def test_the_same_key_gives_the_same_child(workspace: MemoryWorkspace) -> None:
    @flow
    def child(number: int) -> int:
        return number

    @task(retries=1)
    def parent() -> str:
        started = context().launch(child, 1, key="only")
        if context().attempt == 1:
            raise ConnectionError
        return str(started.id)

    @flow
    def main() -> str:
        return parent()

    identity = main.run().result()
    assert [view["id"] for view in workspace.runs(flow="child")] == [identity]


def test_a_child_that_nobody_waits_for_goes_on(workspace: MemoryWorkspace) -> None:
    @flow
    def child() -> int:
        return 1

    @task
    def parent() -> None:
        context().launch(child)

    @flow
    def main() -> None:
        parent()

    main.run()
    workspace.work()
    assert workspace.runs(flow="child")[0]["state"] == "succeeded"


def test_waiting_for_a_child_may_take_too_long(workspace: MemoryWorkspace) -> None:
    @task(retries=1, retry_delay=1000)
    def slow() -> int:
        raise ConnectionError

    @flow
    def child() -> int:
        return slow()

    @task(timeout=100)
    def parent() -> int:
        return context().launch(child).result()

    @flow
    def main() -> int:
        return parent()

    with pytest.raises(StepError, match="parent took longer than its timeout of 100 s"):
        main.run().result()
    workspace.advance(2000)
    assert workspace.runs(flow="child")[0]["state"] == "cancelled"


def test_a_cancelled_child_says_so(workspace: MemoryWorkspace) -> None:
    @task
    def stop() -> None:
        workspace.cancel(context().run)

    @flow
    def child() -> None:
        stop()

    @task
    def parent() -> str:
        with pytest.raises(CancelledError):
            context().launch(child).result()
        return "went on"

    @flow
    def main() -> str:
        return parent()

    assert main.run().result() == "went on"


def test_a_child_that_needs_what_its_parent_holds_again(workspace: MemoryWorkspace) -> None:
    """A waiting attempt holds nothing, so that parent and child can share the only slot."""

    @task(slots="device")
    def use() -> int:
        return 1

    @flow
    def child() -> int:
        return use()

    @task(slots="device")
    def parent() -> int:
        return context().launch(child).result()

    @flow
    def main() -> list[int]:
        return [parent(), parent()]

    with memory_workspace(slots={"device": 1}):
        assert main.run().result() == [1, 1]


def test_many_parents_wait_one_after_the_other(workspace: MemoryWorkspace) -> None:
    """What has not begun does not begin while another attempt waits, so that they do not pile up."""

    @task(retries=1, retry_delay=5)
    def square(number: int) -> int:
        if context().attempt == 1:
            raise ConnectionError
        return number * number

    @flow
    def child(number: int) -> int:
        return square(number)

    @task(timeout=60)
    def parent(number: int) -> int:
        return context().launch(child, number).result()

    @flow
    def main() -> list[int]:
        return parent.map(list(range(50)))

    before = workspace.clock.now()
    assert main.run().result() == [number * number for number in range(50)]
    assert workspace.clock.now() - before == 250


def test_asking_from_another_thread_is_refused(workspace: MemoryWorkspace) -> None:
    @flow
    def child() -> int:
        return 1

    @task
    def parent() -> str:
        caught: list[Exception] = []
        here = context()

        def ask() -> None:
            try:
                here.launch(child)
            except EngineError as error:
                caught.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        return str(caught[0])

    @flow
    def main() -> str:
        return parent()

    assert "from another thread" in main.run().result()


def test_a_flow_started_in_a_task_runs_here_too(workspace: MemoryWorkspace) -> None:
    @flow
    def other(number: int) -> int:
        return number + 1

    @task
    def start() -> int:
        return other.run(1).result()

    @flow
    def main() -> int:
        return start()

    assert main.run().result() == 2
    assert workspace.runs(flow="other")[0]["parent"] is None
