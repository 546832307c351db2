"""Flows in memory behave as in production, in no time."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from partita import Outcome, Ref, command, context, flow, settle, task
from partita.errors import CancelledError, CheckError, EngineError, NotFoundError, StepError
from partita.testing import MemoryWorkspace, memory_workspace

called: list[int] = []


@task
def double(number: int) -> int:
    called.append(number)
    return 2 * number


@flow
def doubled(number: int) -> int:
    return double(double(number))


@dataclass
class Split:
    train: list[int]
    rest: list[int]


@pytest.fixture(autouse=True)
def _forget_calls() -> None:
    called.clear()


def states(run: object) -> dict[str, str]:
    return {step["path"]: step["state"] for step in run.steps}


# What flows are made of


def test_a_flow_gives_its_value(workspace: MemoryWorkspace) -> None:
    run = doubled.run(3)
    assert (run.state, run.result()) == ("succeeded", 12)
    assert states(run) == {"doubled": "succeeded", "double": "succeeded", "double#2": "succeeded"}


def test_the_module_of_the_test_is_not_loaded_a_second_time(workspace: MemoryWorkspace) -> None:
    doubled.run(1)
    assert called == [1, 2]


def test_tasks_and_flows_may_stand_inside_a_test(workspace: MemoryWorkspace) -> None:
    offset = 10

    @task
    def add(number: int) -> int:
        return number + offset

    @flow
    def inner(number: int) -> int:
        return add(number)

    @flow
    def outer(number: int) -> int:
        return inner(add(number))  # deferred: its argument is not known yet

    assert outer.run(1).result() == 21


def test_real_values_decide_in_deferred_flows(workspace: MemoryWorkspace) -> None:
    @flow
    def improve(score: int, rounds: int) -> int:
        if score >= 8 or rounds == 0:
            return score
        return improve(double(score), rounds - 1)

    assert improve.run(1, rounds=9).result() == 8


def test_maps_over_what_was_not_known(workspace: MemoryWorkspace) -> None:
    @task
    def upto(number: int) -> list[int]:
        return list(range(number))

    @task
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    @flow
    def main(number: int) -> int:
        return total(double.map(upto(number)))

    assert main.run(4).result() == 12


def test_parts_of_structures_are_passed_on(workspace: MemoryWorkspace) -> None:
    @task
    def split(numbers: list[int]) -> Split:
        return Split(numbers[:2], numbers[2:])

    @task
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    @flow
    def main(numbers: list[int]) -> tuple[int, Split]:
        parts = split(numbers)
        return total(parts["rest"]), parts

    assert main.run([1, 2, 3, 4]).result() == (7, Split([1, 2], [3, 4]))


def test_refs_are_passed_on_without_waiting(workspace: MemoryWorkspace) -> None:
    @flow
    def choose(value: Ref[int], wanted: bool) -> int:
        return double(value) if wanted else value

    @flow
    def main() -> tuple[int, int]:
        return choose(double(1), True), choose(double(1), False)

    assert main.run().result() == (4, 2)


def test_async_tasks(workspace: MemoryWorkspace) -> None:
    @task
    async def later(number: int) -> int:
        await asyncio.sleep(0)
        return number + 1

    @flow
    def main() -> list[int]:
        return later.map([1, 2])

    assert main.run().result() == [2, 3]


def test_in_an_async_test_too(workspace: MemoryWorkspace) -> None:
    @task
    async def later(number: int) -> int:
        await asyncio.sleep(0)
        return context().attempt + number

    @flow
    def main() -> int:
        return later(double(2))

    async def test() -> int:
        result: int = main.run().result()
        return result

    assert asyncio.run(test()) == 5


def test_commands(workspace: MemoryWorkspace) -> None:
    speak = command([sys.executable, "-c", "import sys; print(sys.argv[1])", "{word}"], name="speak")

    @flow
    def main() -> object:
        return speak(word="hello")

    run = main.run()
    assert run.result().stdout == "hello\n"
    assert run.logs() == "hello\n"


def test_settle_and_fallback(workspace: MemoryWorkspace) -> None:
    @task
    def stand_in(number: int) -> int:
        return -number

    @task(fallback=stand_in)
    def fragile(number: int) -> int:
        raise ValueError("no")

    @task
    def broken() -> int:
        raise KeyError("gone")

    @flow
    def describe(outcome: Outcome[int]) -> str:
        return "fine" if outcome.ok else outcome.error.type

    @flow
    def main() -> tuple[int, str]:
        return fragile(3), describe(settle(broken()))

    assert main.run().result() == (-3, "KeyError")


def test_what_a_failed_run_finished_is_undone(workspace: MemoryWorkspace) -> None:
    undone = []

    def release(result: int, number: int) -> None:
        undone.append((result, number))

    @task(compensate=release)
    def reserve(number: int) -> int:
        return number * 100

    @task
    def pay(reserved: int) -> int:
        raise ValueError("no money")

    @flow
    def main() -> int:
        return pay(reserve(1) if reserve(2) is not None else 0)

    run = main.run()
    assert run.state == "failed"
    assert sorted(undone) == [(100, 1), (200, 2)]


# Failures


def test_a_failure_says_what_was_raised(workspace: MemoryWorkspace) -> None:
    @task
    def fail(text: str) -> int:
        raise ValueError(text)

    @flow
    def main() -> int:
        return fail("no such thing")

    run = main.run()
    assert run.state == "failed"
    with pytest.raises(StepError, match="fail failed: ValueError: no such thing") as caught:
        run.result()
    assert caught.value.kind == "ValueError"
    assert "raise ValueError(text)" in caught.value.report


def test_what_cannot_be_stored_fails_here_too(workspace: MemoryWorkspace) -> None:
    @task
    def open_stream() -> object:
        return sys.__stdout__

    @flow
    def main() -> object:
        return open_stream()

    with pytest.raises(StepError, match="ValueStoreError") as caught:
        main.run().result()
    assert "file" in str(caught.value)


def test_values_are_copies(workspace: MemoryWorkspace) -> None:
    kept: list[list[int]] = []

    @task
    def make() -> list[int]:
        kept.append([1])
        return kept[0]

    @task
    def change(numbers: list[int]) -> list[int]:
        numbers.append(2)
        return numbers

    @flow
    def main() -> tuple[list[int], list[int]]:
        made = make()
        return made, change(made)

    assert main.run().result() == ([1], [1, 2])
    assert kept == [[1]]


def test_large_values_go_through_blobs(workspace: MemoryWorkspace) -> None:
    numpy = pytest.importorskip("numpy")

    @task
    def make(size: int) -> object:
        return numpy.arange(size)

    @task
    def total(numbers: object) -> int:
        return int(numbers.sum())

    @flow
    def main(size: int) -> int:
        return total(make(size))

    assert main.run(300_000).result() == 300_000 * 299_999 // 2


def test_wrong_wiring_is_refused(workspace: MemoryWorkspace) -> None:
    @task
    def text() -> str:
        return "a"

    @flow
    def main() -> int:
        return double(text())

    with pytest.raises(CheckError, match="double"):
        main.run().result()
    assert called == []


def test_wrong_inputs_are_refused_at_once(workspace: MemoryWorkspace) -> None:
    with pytest.raises(CheckError):
        doubled.submit("three")


def test_what_the_workspace_has_not_is_refused() -> None:
    @task(slots="license", cpu=2)
    def licensed() -> int:
        return 1

    @flow
    def main() -> int:
        return licensed()

    with memory_workspace(cpu=1), pytest.raises(CheckError, match=r"license.*\n?.*cpu|cpu.*\n?.*license"):
        main.run().result()
    with memory_workspace(cpu=2, slots={"license": 1}):
        assert main.run().result() == 1


@pytest.mark.parametrize("end", [KeyboardInterrupt, lambda: pytest.fail("enough")])
def test_what_ends_a_test_ends_it_from_within_tasks(workspace: MemoryWorkspace, end: Callable[[], object]) -> None:
    @task(retries=3)
    def interrupted() -> None:
        called.append(1)
        raised = end()
        if isinstance(raised, BaseException):
            raise raised

    @flow
    def child() -> None:
        interrupted()

    @task
    def parent() -> None:
        context().launch(child).result()

    @flow
    def main() -> None:
        parent()

    with pytest.raises((KeyboardInterrupt, pytest.fail.Exception)):
        main.run()
    assert called == [1]


# Time


def test_retries_take_no_time(workspace: MemoryWorkspace) -> None:
    at = []

    @task(retries=3, retry_delay=60, backoff=2)
    def flaky() -> int:
        at.append(workspace.clock.now())
        if len(at) < 3:
            raise ConnectionError
        return context().attempt

    @flow
    def main() -> int:
        return flaky()

    before = time.monotonic()
    assert main.run().result() == 3
    assert time.monotonic() - before < 5
    assert [round(later - earlier) for earlier, later in pairwise(at)] == [60, 120]


def test_the_retry_rule_decides(workspace: MemoryWorkspace) -> None:
    @task(retries=5, retry_on=ConnectionError)
    def wrong() -> int:
        raise ValueError(str(context().attempt))

    @flow
    def main() -> int:
        return wrong()

    with pytest.raises(StepError, match="ValueError: 1"):
        main.run().result()


def test_one_can_look_while_a_step_waits(workspace: MemoryWorkspace) -> None:
    @task(retries=1, retry_delay=30)
    def flaky() -> int:
        if context().attempt == 1:
            raise ConnectionError
        return 7

    @flow
    def main() -> int:
        return flaky()

    run = main.submit()
    assert states(run) == {"main": "ready"} or states(run) == {"main": "running"}
    workspace.work()
    assert states(run)["flaky"] == "waiting"
    workspace.advance(29)
    assert states(run)["flaky"] == "waiting"
    with pytest.raises(TimeoutError, match=f"run {run.id} has not ended within 0.5 s"):
        run.wait(0.5)
    workspace.advance(1)
    assert run.state == "succeeded"
    workspace.advance(100)
    assert run.result() == 7


def test_moving_the_clock_by_hand_makes_things_due(workspace: MemoryWorkspace) -> None:
    @task(retries=1, retry_delay=30)
    def flaky() -> int:
        if context().attempt == 1:
            raise ConnectionError
        return 7

    @flow
    def main() -> int:
        return flaky()

    run = main.submit()
    workspace.work()
    workspace.clock.jump(30)
    workspace.work()
    assert run.state == "succeeded"


def test_a_timeout_is_measured_on_the_clock(workspace: MemoryWorkspace) -> None:
    cleaned = []

    @task(timeout=10, retries=1)
    def slow(seconds: float) -> str:
        try:
            workspace.clock.jump(seconds)
        finally:
            cleaned.append(context().deadline)
        return "in time"

    @flow
    def main(seconds: float) -> str:
        return slow(seconds)

    assert main.run(9).result() == "in time"
    with pytest.raises(StepError, match="slow took longer than its timeout of 10 s"):
        main.run(11).result()
    assert len(cleaned) == 3
    outcomes = [view["outcome"] for view in workspace.attempts(step=1)]
    assert outcomes == ["timeout", "timeout"]


def test_an_async_task_is_stopped_by_its_timeout(workspace: MemoryWorkspace) -> None:
    @task(timeout=10)
    async def slow() -> None:
        workspace.clock.jump(11)
        await asyncio.sleep(60)

    @flow
    def main() -> None:
        slow()

    with pytest.raises(StepError, match="timeout of 10 s"):
        main.run().result()


def test_who_asks_whether_to_stop_is_not_interrupted(workspace: MemoryWorkspace) -> None:
    @task(timeout=10)
    def polite() -> str:
        rounds = 0
        while not context().should_stop():
            workspace.clock.jump(3)
            rounds += 1
        return f"stopped after {rounds}"

    @flow
    def main() -> str:
        return polite()

    assert main.run().result() == "stopped after 4"


def test_times_may_be_fractions(workspace: MemoryWorkspace) -> None:
    @task(retries=1, retry_delay=0.3)
    def flaky() -> int:
        if context().attempt == 1:
            raise ConnectionError
        return 7

    @flow
    def main() -> int:
        return flaky()

    run = main.submit()
    workspace.work()
    for _ in range(3):
        assert run.state == "running"
        workspace.advance(0.1)
    assert run.state == "succeeded"


# Cancelling


def test_a_run_can_be_cancelled(workspace: MemoryWorkspace) -> None:
    run = doubled.submit(1)
    run.cancel()
    assert run.wait().state == "cancelled"
    with pytest.raises(CancelledError):
        run.result()
    assert called == []
    with pytest.raises(NotFoundError, match="has ended already: cancelled"):
        run.cancel()


def test_a_task_that_has_its_run_cancelled_is_stopped(workspace: MemoryWorkspace) -> None:
    cleaned = []

    @task
    def cancel_all() -> None:
        try:
            workspace.cancel()
            cleaned.append("not stopped")
        finally:
            cleaned.append("cleaned up")

    @flow
    def main() -> None:
        cancel_all()

    assert main.run().state == "cancelled"
    assert cleaned == ["cleaned up"]


def test_a_step_can_be_cancelled(workspace: MemoryWorkspace) -> None:
    @task(retries=1, retry_delay=60)
    def fail() -> int:
        raise ValueError

    @flow
    def main() -> tuple[int, object]:
        return double(4), settle(fail())

    run = main.submit()
    workspace.work()
    number = next(step["id"] for step in run.steps if step["state"] == "waiting")
    workspace.cancel(run.id, step=number)
    value, outcome = run.result()
    assert (value, outcome.ok) == (8, False)
    assert states(run)["fail"] == "cancelled"


def test_a_run_that_cannot_end_says_so(workspace: MemoryWorkspace) -> None:
    @task
    def wait_for_itself() -> str:
        with pytest.raises(EngineError, match="cannot end: nothing is left to do here that main"):
            runs[0].wait()
        return "noticed"

    @flow
    def main() -> str:
        return wait_for_itself()

    runs = [main.submit()]
    assert runs[0].result() == "noticed"


# What is kept


def test_output_is_kept_and_shown(workspace: MemoryWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    @task
    def speak(word: str) -> None:
        print(word)
        print("aside", file=sys.stderr)
        logging.getLogger("mine").info("noted %s", word)

    @flow
    def main() -> None:
        speak("first")
        speak("second")

    level = logging.getLogger().level
    run = main.run()
    first, second = workspace.logs(run.id)
    assert first["text"].startswith("first\naside\n") and first["text"].endswith("INFO    mine: noted first\n")
    assert second["path"] == "speak#2" and "first" not in second["text"]
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("first\nsecond\n", "aside\naside\n")
    assert logging.getLogger().level == level


def test_secrets_are_masked(
    workspace: MemoryWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("API_TOKEN", "hunter2!")

    @task(secrets=["API_TOKEN"])
    def use() -> int:
        import os

        print("the token is", os.environ["API_TOKEN"])
        return len(os.environ["API_TOKEN"])

    @flow
    def main() -> int:
        return use()

    run = main.run()
    assert run.result() == 8
    assert run.logs() == "the token is ***\n"
    assert "hunter2" not in capsys.readouterr().out


def test_runs_are_listed(workspace: MemoryWorkspace) -> None:
    first, second = doubled.run(1), doubled.run(2)
    assert [view["id"] for view in workspace.runs()] == [second.id, first.id]
    assert workspace.run()["id"] == second.id
    assert workspace.run(first.id)["counts"] == {"succeeded": 3}


def test_nothing_is_left_behind() -> None:
    streams, path = (sys.stdout, sys.stderr), list(sys.path)
    with memory_workspace() as workspace:
        doubled.run(1)
        folder = workspace.folder
        assert folder.is_dir()
    assert not folder.exists()
    assert (sys.stdout, sys.stderr) == streams
    assert sys.path == path


def test_workspaces_do_not_know_each_other() -> None:
    with memory_workspace() as outer:
        doubled.run(1)
        with memory_workspace() as inner:
            doubled.run(2)
            doubled.run(3)
        assert (len(outer.runs()), len(inner.runs())) == (1, 2)
        doubled.run(4)
        assert len(outer.runs()) == 2


def test_a_script_runs_its_flows_in_memory(tmp_path: Path) -> None:
    import os
    import subprocess

    script = tmp_path / "script.py"
    script.write_text(
        "from partita import flow, task\n"
        "from partita.testing import memory_workspace\n"
        "print('loaded')\n"
        "@task\n"
        "def add(left: int, right: int) -> int:\n"
        "    return left + right\n"
        "@flow\n"
        "def main() -> int:\n"
        "    return add(1, 2)\n"
        "if __name__ == '__main__':\n"
        "    with memory_workspace():\n"
        "        print(main.run().result())\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, timeout=60)
    assert done.stdout == "loaded\n3\n", done.stderr
