"""What the engine promises, on the real engine with real workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partita.errors import CancelledError, NotFoundError, StepError

pytestmark = pytest.mark.integration


def wait_for(path: Path, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path.name} did not come"
        time.sleep(0.01)


STOPPING = """
import time
from pathlib import Path
from partita import context, flow, task

@task(grace=5)
def cleans_up() -> int:
    Path("started").touch()
    try:
        time.sleep(60)
    finally:
        Path("cleaned").touch()
    return 1

@task(grace=5)
def asks() -> int:
    Path("started").touch()
    while not context().should_stop():
        time.sleep(0.01)
    Path("asked").touch()
    return 1

@task(grace=0.3)
def stubborn() -> int:
    Path("started").touch()
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass

@flow
def cleaning() -> int:
    return cleans_up()

@flow
def asking() -> int:
    return asks()

@flow
def holding() -> int:
    return stubborn()
"""


@pytest.mark.parametrize(("flow", "trace"), [("cleaning", "cleaned"), ("asking", "asked"), ("holding", None)])
def test_cancelling_lets_a_step_clean_up_and_kills_one_that_does_not_stop(
    project: Any, flow: str, trace: str | None
) -> None:
    project.write(STOPPING)
    run = project.start(flow)
    wait_for(project.folder / "started")
    run.cancel()
    with pytest.raises(CancelledError):
        project.result(run)
    if trace is not None:
        assert (project.folder / trace).exists()


def test_retries_wait_and_ask_the_rule(project: Any) -> None:
    project.write("""
from partita import context, flow, task
def is_worth_it(error):
    return "again" in str(error)
@task(retries=3, retry_delay=[0.05, 0.1], retry_on=is_worth_it)
def flaky() -> int:
    if context().attempt < 3:
        raise ValueError("try again")
    return context().attempt
@task(retries=3, retry_on=is_worth_it)
def hopeless() -> int:
    raise ValueError("no")
@flow
def good() -> int:
    return flaky()
@flow
def bad() -> int:
    return hopeless()
""")
    assert project("good") == 3
    run = project.start("bad")
    with pytest.raises(StepError, match="hopeless failed: ValueError: no") as told:
        project.result(run)
    assert "raise ValueError" in told.value.report
    assert [step["attempts"] for step in run.steps if step["name"] == "hopeless"] == [1]


def test_a_failed_run_is_undone_in_reverse(project: Any) -> None:
    project.write("""
from partita import flow, task
def write(line):
    with open("undone", "a") as file:
        file.write(line + "\\n")
@task
def release(result: str, name: str) -> None:
    write(f"{result} {name}")
@task(compensate=release)
def book(name: str, after: str = "") -> str:
    return name.upper()
@task
def pay(a: str, b: str) -> str:
    raise ValueError("card refused")
@flow
def main() -> str:
    room = book("room")
    car = book("car", room)
    return pay(room, car)
""")
    with pytest.raises(StepError, match="card refused"):
        project("main")
    assert (project.folder / "undone").read_text().split("\n")[:-1] == ["CAR car", "ROOM room"]


def test_runs_at_once_never_hold_more_than_there_is(make_project: Callable[[str], Any]) -> None:
    project = make_project('cpu = 2\nslots = { licence = 1 }\nmemory = "1GiB"\n')
    project.write("""
import os, time
from pathlib import Path
from partita import flow, task
@task(slots={"licence": 1}, cpu=0)
def licensed(n: int) -> tuple[float, float]:
    start = time.time(); time.sleep(0.05); return start, time.time()
@task(cpu=1)
def busy(n: int) -> tuple[float, float]:
    start = time.time()
    Path(f"busy-{os.getpid()}").touch()
    while n == 0 and len(list(Path().glob("busy-*"))) < 2:  # until another worker has begun, however long that takes
        time.sleep(0.01)
    time.sleep(0.05); return start, time.time()
@task
def collect(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return spans
@flow
def main(n: int) -> dict[str, list[tuple[float, float]]]:
    return {"licensed": collect(licensed.map(list(range(n)))), "busy": collect(busy.map(list(range(n))))}
""")
    runs = [project.start("main", n=6) for _ in range(3)]
    results = [project.result(run) for run in runs]
    assert most_at_once([span for result in results for span in result["licensed"]]) == 1
    assert most_at_once([span for result in results for span in result["busy"]]) == 2


def most_at_once(spans: list[tuple[float, float]]) -> int:
    changes = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


RERUN = """
from partita import flow, task
def note(line):
    with open("ran", "a") as file:
        file.write(line + "\\n")
@task
def load(n: int) -> list[int]:
    note("load")
    return list(range(n))
@task
def double(x: int) -> int:
    note(f"double {x}")
    return 2 * x
@task
def total(xs: list[int]) -> int:
    note("total")
    return sum(xs)
@flow
def main(n: int) -> int:
    return total(double.map(load(n)))
"""


def test_a_rerun_adopts_what_is_unchanged(project: Any) -> None:
    project.write(RERUN)
    first = project.start("main", n=3)
    assert project.result(first) == 6
    ran = project.folder / "ran"
    ran.unlink()
    again = type(first)(project.workspace, project.workspace.rerun(first.id))
    assert project.result(again) == 6
    assert not ran.exists()
    project.write(RERUN.replace("return sum(xs)", "return sum(xs) + 100"))
    changed = type(first)(project.workspace, project.workspace.rerun(first.id))
    assert project.result(changed) == 106
    assert ran.read_text().split() == ["total"]
    assert project.workspace.run(changed.id)["notes"]["adopted"] == 4


def test_a_rerun_from_a_step_does_it_again_with_all_that_came_of_it(project: Any) -> None:
    project.write(RERUN.replace("@task\ndef double", "@task(cache=True)\ndef double"))
    first = project.start("main", n=3)
    assert project.result(first) == 6
    ran = project.folder / "ran"
    ran.unlink()
    steps = {step["path"]: step["id"] for step in project.workspace.all_steps(first.id)}
    chosen = next(id for path, id in steps.items() if path.endswith("double[1]"))
    again = type(first)(project.workspace, project.workspace.rerun(first.id, afresh=[chosen]))
    assert project.result(again) == 6
    assert ran.read_text().splitlines() == ["double 1", "total"]
    with pytest.raises(NotFoundError, match="has no step 9999 to be done again"):
        project.workspace.rerun(first.id, afresh=[9999])


def test_a_child_run_is_one_for_its_key_and_waiting_for_it_does_not_block_two_cores(project: Any) -> None:
    project.write("""
from partita import context, flow, task
@task
def square(x: int) -> int:
    return x * x
@flow
def child(x: int) -> int:
    return square(x)
@task
def parent(x: int) -> list[int]:
    here = context()
    first, second = here.launch(child, x, key="a"), here.launch(child, x, key="a")
    assert first.id == second.id
    return [first.result(), second.result()]
@task
def collect(parts: list[list[int]]) -> list[list[int]]:
    return parts
@flow
def main() -> list[list[int]]:
    return collect(parent.map([1, 2, 3, 4]))
""")
    assert project("main") == [[1, 1], [4, 4], [9, 9], [16, 16]]


def test_brief_steps_that_wait_for_children_hold_up_nobody_on_one_core(make_project: Callable[[str], Any]) -> None:
    project = make_project("cpu = 1\n")
    project.write("""
from partita import context, flow, task
@task
def leaf(n: int) -> int:
    return n + 1
@flow
def child(n: int) -> int:
    return leaf(n)
@task
def parent(n: int) -> int:
    if n < 20:
        return n  # brief, so that those behind may stand in line
    return context().launch(child, n, key=str(n)).result()
@flow
def main(n: int) -> list[int]:
    return parent.map(list(range(n)))
""")
    assert project("main", n=40) == [*range(20), *range(21, 41)]


def test_children_are_cancelled_with_their_parent(project: Any) -> None:
    project.write("""
import time
from pathlib import Path
from partita import context, flow, task
@task
def sleeps() -> int:
    Path("started").touch()
    time.sleep(60)
    return 1
@flow
def child() -> int:
    return sleeps()
@task
def parent() -> int:
    return context().launch(child).result()
@flow
def main() -> int:
    return parent()
""")
    run = project.start("main")
    wait_for(project.folder / "started")
    run.cancel()
    with pytest.raises(CancelledError):
        project.result(run)
    child = next(view for view in project.workspace.runs() if view["title"] == "child")
    assert type(run)(project.workspace, child["id"]).wait(30).state == "cancelled"


def test_secrets_are_masked_wherever_they_show(project: Any) -> None:
    (project.folder / ".env").write_text("TOKEN=tr0ub4dor-secret\n")
    project.write("""
import os, subprocess
from partita import flow, task
@task(secrets=["TOKEN"])
def leaks() -> int:
    print("token", os.environ["TOKEN"])
    subprocess.run(["sh", "-c", "echo from below $TOKEN"], check=True)
    raise ValueError("bad token " + os.environ["TOKEN"])
@flow
def main() -> int:
    return leaks()
""")
    run = project.start("main")
    with pytest.raises(StepError) as told:
        project.result(run)
    project.workspace.stop_engine()
    assert "tr0ub4dor" not in str(told.value) + told.value.report
    stored = b"".join(file.read_bytes() for file in project.workspace.state.rglob("*") if file.is_file())
    assert b"tr0ub4dor" not in stored
    assert b"from below" in stored


def test_commands_async_tasks_progress_and_reports(project: Any) -> None:
    project.write("""
import asyncio
from partita import CommandResult, command, context, flow, task
words = command("printf '%s' {text} | wc -c")
@task
async def later(x: int) -> int:
    await asyncio.sleep(0.01)
    for i in range(3):
        context().progress(i + 1, 3, "steps")
        context().report("loss", 1.0 / (i + 1), i)
    return x + 1
@task
def number(result: CommandResult) -> int:
    return int(result.stdout)
@flow
def main() -> int:
    return later(number(words(text="it's five")))
""")
    run = project.start("main")
    assert project.result(run) == 10
    assert [(report["name"], report["value"]) for report in project.workspace.reports(run.id)][:2] == [
        ("loss", 1.0),
        ("loss", 0.5),
    ]
