"""How single steps end: cancelled, out of time or memory, replaced by a fallback, undone, retried, told as they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from partita.errors import CancelledError, StepError

pytestmark = pytest.mark.integration

STEPS = """
import ctypes, os, time
from pathlib import Path
from partita import Outcome, context, flow, settle, task

def note(line):
    with open("notes", "a") as file:
        file.write(line + "\\n")

@task
def gate() -> int:
    context().progress(1, 2, "half way")
    Path("begun").touch()
    while not os.path.exists("go"):
        time.sleep(0.01)
    return 1

@task
def other() -> int:
    return 10

@task
def add(left: int, right: int) -> int:
    return left + right

@task
def told(outcome: Outcome[int], value: int) -> str:
    return f"{outcome.error.type if outcome.error else outcome.value} {value}"

@flow
def settled() -> str:
    return told(settle(gate()), other())

@flow
def unsettled() -> int:
    return add(gate(), other())

@task(grace=60)
def deaf() -> int:
    Path("pid").write_text(str(os.getpid()))
    Path("begun").touch()
    mutex = ctypes.create_string_buffer(64)
    for _ in range(2):  # the second time it waits for itself, and no signal wakes it
        ctypes.PyDLL(None).pthread_mutex_lock(mutex)
    return 1

@flow
def forced() -> int:
    return deaf()

@task(timeout=0.5, grace=0.2, retries=1)
def slow() -> int:
    note(f"slow {context().attempt}")
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass

@flow
def late() -> int:
    return slow()

@task
def spare(n: int) -> int:
    return -n

@task(fallback=spare, retries=1)
def breaks(n: int) -> int:
    note(f"breaks {n}")
    raise ValueError("broken")

@flow
def replaced() -> int:
    return add(breaks(5), other())

@task(retries=3, retry_delay=0.1, backoff=2, jitter=0)
def patient() -> list[float]:
    note(str(time.time()))
    if context().attempt < 4:
        raise ValueError("not yet")
    return [float(line) for line in Path("notes").read_text().split()]

@flow
def backing_off() -> list[float]:
    return patient()

@task
def release(result: int, name: str) -> None:
    note(f"release {name}")

@task(compensate=release)
def book(name: str) -> int:
    note(f"book {name}")
    return 1

@task
def fails(a: int) -> int:
    raise ValueError("refused")

@flow
def trip(name: str) -> int:
    return fails(book(name))

@flow
def two_trips() -> str:
    first = settle(trip("first"))
    return told(first, book("second"))

@task(memory="300MiB")
def holds(n: int) -> tuple[float, float]:
    start = time.time()
    Path(f"holds-{os.getpid()}").touch()
    while n == 0 and len(list(Path().glob("holds-*"))) < 2:  # until another worker has begun, however long that takes
        time.sleep(0.01)
    time.sleep(0.1); return start, time.time()

@task
def spans(all: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return all

@flow
def memory(n: int) -> list[tuple[float, float]]:
    return spans(holds.map(list(range(n))))

@task(memory="120MiB", crash_retries=1)
def leaks() -> int:
    note("leaks")
    kept = []
    while True:
        kept.append(bytearray(b"x") * (10 << 20))
        time.sleep(0.02)

@flow
def leaking() -> int:
    return leaks()

@task
async def not_awaited() -> object:
    async def inner() -> int:
        return 1
    return inner()

@flow
def coroutine() -> object:
    return not_awaited()

@task
def exits_well() -> int:
    raise SystemExit(0)

@flow
def leaving() -> int:
    return exits_well()

@task
def odd_reports() -> int:
    context().report("count", 1.0, 2**63)
    context().report("loss", float("nan"), 1)
    context().report("loss", float("inf"), 2)
    context().progress(float("nan"), 0, "x" * 1_000_000)
    return 1

@flow
def odd() -> int:
    return odd_reports()

@task
def texts() -> str:
    return "lone \\ud800 half"

@flow
def half() -> str:
    return texts()
"""


@pytest.fixture
def steps(make_project: Callable[[str], Any]) -> Any:
    made = make_project('cancel_grace = "2s"\ncpu = 2\nmemory = "700MiB"\n')
    made.write(STEPS)
    return made


def wait_for(path: Path, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path.name} did not come"
        time.sleep(0.01)


def states(run: Any) -> dict[str, str]:
    return {step["name"]: step["state"] for step in run.steps}


def notes(project: Any) -> list[str]:
    return (project.folder / "notes").read_text().splitlines()


@pytest.mark.parametrize(
    ("flow", "end", "sum_state"), [("settled", "CancelledError 10", "succeeded"), ("unsettled", None, "skipped")]
)
def test_a_step_that_is_cancelled_fails_alone(steps: Any, flow: str, end: str | None, sum_state: str) -> None:
    run = steps.start(flow)
    wait_for(steps.folder / "begun")
    gate = next(step for step in run.steps if step["name"] == "gate")
    steps.workspace.cancel(run.id, step=gate["id"])
    if end is None:
        with pytest.raises(StepError, match="gate failed: CancelledError"):
            steps.result(run)
    else:
        assert steps.result(run) == end
    assert states(run)["gate"] == "cancelled"
    assert states(run)["other"] == "succeeded"
    assert states(run)["told" if end else "add"] == sum_state


def test_progress_shows_while_a_step_runs(steps: Any) -> None:
    run = steps.start("settled")
    wait_for(steps.folder / "begun")
    until = time.monotonic() + 20
    while [1, 2, "half way"] not in [step["progress"] for step in run.steps]:
        assert time.monotonic() < until
    (steps.folder / "go").touch()
    assert steps.result(run) == "1 10"


def test_cancelling_by_force_does_not_wait_for_a_step_in_c_code(steps: Any) -> None:
    run = steps.start("forced")
    wait_for(steps.folder / "begun")
    worker = psutil.Process(int((steps.folder / "pid").read_text()))
    asleep = 0
    while asleep < 5:  # it has said that it begins, and sleeps in C code from then on
        asleep = asleep + 1 if worker.status() == psutil.STATUS_SLEEPING else 0
        time.sleep(0.02)
    started = time.monotonic()
    run.cancel()
    run.cancel(force=True)
    with pytest.raises(CancelledError):
        steps.result(run)
    assert time.monotonic() - started < 20  # its grace is a minute
    psutil.wait_procs([worker], timeout=10)
    assert not worker.is_running()


def test_a_timeout_kills_what_does_not_stop_and_counts_as_a_failure(steps: Any) -> None:
    run = steps.start("late")
    with pytest.raises(StepError, match=r"timeout of 0\.5 s"):
        steps.result(run)
    assert notes(steps) == ["slow 1", "slow 2"]
    assert [attempt["outcome"] for attempt in steps.workspace.attempts(run.id)][1:] == ["timeout", "timeout"]


def test_a_fallback_takes_the_place_of_what_failed_for_good(steps: Any) -> None:
    run = steps.start("replaced")
    assert steps.result(run) == 5
    assert notes(steps) == ["breaks 5", "breaks 5"]
    assert states(run)["spare"] == "succeeded"
    assert steps.workspace.run(run.id)["state"] == "succeeded"


def test_the_delay_between_retries_grows(steps: Any) -> None:
    began = steps("backing_off")
    waits = [later - earlier for earlier, later in pairwise(began)]
    for wait, least in zip(waits, [0.1, 0.2, 0.4], strict=True):
        assert wait >= least * 0.98


def test_a_failure_that_is_handled_undoes_its_own_flow_only(steps: Any) -> None:
    assert steps("two_trips") == "ValueError 1"
    assert sorted(notes(steps)) == ["book first", "book second", "release first"]


def test_memory_that_was_declared_is_not_given_out_twice(steps: Any) -> None:
    runs = [steps.start("memory", n=3) for _ in range(3)]
    found = [span for run in runs for span in steps.result(run)]
    changes = sorted([(start, 1) for start, _ in found] + [(end, -1) for _, end in found])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    assert most == 2


def test_a_step_that_leaks_is_killed_and_given_more_until_its_retries_are_spent(steps: Any) -> None:
    run = steps.start("leaking")
    with pytest.raises(StepError, match=r"OutOfMemory: it used \d+ MiB of memory, \d+ MiB were declared"):
        steps.result(run)
    assert notes(steps) == ["leaks", "leaks"]


@pytest.mark.parametrize(
    ("flow", "message"),
    [("coroutine", "`await` it"), ("leaving", "exit with status 0; a task ends by returning")],
)
def test_what_cannot_be_a_value_is_named_with_its_remedy(steps: Any, flow: str, message: str) -> None:
    with pytest.raises(StepError) as told:
        steps(flow)
    assert message in str(told.value)


def test_half_a_character_is_a_value_too(steps: Any) -> None:
    assert steps("half") == "lone \ud800 half"


def test_numbers_that_no_row_can_hold_stop_nothing(steps: Any) -> None:
    run = steps.start("odd")
    assert steps.result(run) == 1
    assert len(steps.workspace.reports(run.id)) == 3
    assert steps("replaced") == 5
