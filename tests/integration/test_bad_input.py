"""What users do wrong, or what their code does to a worker: each ends with a message that helps, and harms nobody else."""

from __future__ import annotations

import os
from typing import Any

import pytest

from partita.errors import CheckError, StepError

pytestmark = pytest.mark.integration

BAD = """
import ctypes, os, sys, threading, time
from partita import Outcome, flow, settle, task

@task
def generator() -> object:
    return (i for i in range(3))

@task
def lock() -> object:
    return {"deep": [threading.Lock()]}

@task
def exits() -> int:
    raise SystemExit(3)

@task
def interrupts() -> int:
    raise KeyboardInterrupt

class Odd(Exception):
    def __init__(self, first, second):
        self.lock = threading.Lock()
    def __str__(self):
        raise RuntimeError("no text")

@task
def odd() -> int:
    raise Odd(1, 2)

@task
def long_message() -> int:
    raise ValueError("x" * 10_000_000)

@task
def shouts() -> int:
    for _ in range(1000):
        print("y" * 100_000)
    return 1

@task
def forks() -> int:
    os.fork()
    return 2

@task(timeout=1, grace=0)
def hangs() -> int:
    ctypes.CDLL(None).sleep(60)
    return 1

@task(memory="150MiB", crash_retries=2)
def grows() -> int:
    held = bytearray(b"x") * (200 << 20)
    time.sleep(1.5)
    return len(held) >> 20

@task
def leaves_a_thread() -> int:
    threading.Thread(target=time.sleep, args=(30,)).start()
    return 3

@task
def size(data: bytes) -> int:
    return len(data)

@task(crash_retries=1)
def dies() -> int:
    os._exit(9)

@task(idempotent=False)
def dies_once() -> int:
    os._exit(9)

@task
def told(outcomes: list[Outcome[int]]) -> list[str]:
    return [f"value {o.value}" if o.ok else f"{o.error.type}: {o.error.message}"[:2000] for o in outcomes]

@flow
def main() -> list[str]:
    tried = [generator, lock, exits, interrupts, odd, long_message, shouts, forks, hangs, grows, leaves_a_thread, dies,
             dies_once]
    return told([settle(one()) for one in tried] + [settle(size(b"z" * 10_000_000))])

@task
def add(left: int, right: int) -> int:
    return left + right

@task
def total(values: list[int]) -> int:
    return sum(values)

@flow
def wide(count: int) -> int:
    return total([add(i, 1) for i in range(count)])

@flow
def same_keys() -> list[int]:
    return add.map([1, 2], [3, 4], key=["same", "same"])
"""


def test_every_kind_of_strange_attempt_ends_with_a_message_that_helps(project: Any) -> None:
    project.write(BAD)
    said = project("main")
    expected = [
        "generator", "lock", "exit with status 3", "KeyboardInterrupt", "whose text cannot be had", "ValueError: xxx",
        "value 1", "value 2", "timeout of 1 s", "value 200", "value 3", "exit status 9", "idempotent=False",
        "value 10000000",
    ]  # fmt: skip
    assert len(said) == len(expected)
    for part, text in zip(expected, said, strict=True):
        assert part in text, text


def test_a_fan_in_of_twenty_thousand(project: Any) -> None:
    project.write(BAD)
    assert project("wide", count=20_000) == 20_000 * 20_001 // 2


def test_two_elements_of_one_key_are_refused(project: Any) -> None:
    project.write(BAD)
    with pytest.raises((CheckError, StepError), match="same"):
        project("same_keys")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("work = task(lambda x: x)", "lambda"),
        ("@task\ndef work():\n    yield 1", "generator"),
        ("@task(retires=2)\ndef work() -> int:\n    return 1", "did you mean 'retries'"),
        ("@task\ndef work(x: int) -> int:\n    return x\n@flow\ndef main() -> int:\n    return work('no')", "int"),
        (
            "@task(cpu=1000)\ndef work() -> int:\n    return 1\n@flow\ndef main() -> int:\n    return work()",
            "can never run",
        ),
        (
            "@task(executor='moon')\ndef work() -> int:\n    return 1\n@flow\ndef main() -> int:\n    return work()",
            "moon",
        ),
        (
            "@task(slots={'x': 1})\ndef work() -> int:\n    return 1\n@flow\ndef main() -> int:\n    return work()",
            "slot x",
        ),
        ("@task\ndef work() -> int:\n    return 1\n@flow\ndef main() -> int:\n    return work() + 1", "work"),
        ("import nothing_of_that_name", "nothing_of_that_name"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_runs(project: Any, source: str, message: str) -> None:
    flow = "" if "def main" in source else "\n@flow\ndef main() -> int:\n    return work()\n"
    project.write(f"from partita import flow, task\n{source}{flow}")
    run = project.start("main")
    with pytest.raises((CheckError, StepError), match=message):
        project.result(run)
    assert [step["name"] for step in run.steps if step["attempts"]] == ["main"]


def test_everything_that_is_wrong_is_told_at_once(project: Any) -> None:
    project.write("""
from partita import flow, task
@task(cpu=64, slots={"db": 1})
def big(x: int) -> int:
    return x
@task
def text(x: str) -> str:
    return x
@flow
def main(n: int) -> str:
    text()
    return text(big(n))
""")
    for problems in (
        project.workspace.check("flows.py:main", {"n": "3"})["problems"],
        project.start("main", n=3).wait().view["error"]["problems"],
    ):
        said = " | ".join(problem["message"] for problem in problems)
        for part in ("gives int", "missing its argument 'x'", "cpu: 64 asked", "slot db"):
            assert part in said
        assert all(problem["place"].startswith("flows.py:") for problem in problems)


def test_a_task_that_is_changed_while_its_run_is_under_way_stays_as_it_was(project: Any) -> None:
    source = """
import os, time
from partita import flow, task
@task
def first() -> int:
    while not os.path.exists("go"):
        time.sleep(0.01)
    return 1
@task
def second(x: int) -> int:
    return x + 10
@flow
def main() -> int:
    return second(first())
"""
    project.write(source)
    run = project.start("main")
    project.write(source.replace("x + 10", "x + 999"))
    (project.folder / "go").touch()
    assert project.result(run) == 11
    assert project("main") == 1000


def test_a_projects_folder_that_was_moved_goes_on_at_its_new_place(project: Any, tmp_path: Any) -> None:
    project.write(
        "from partita import flow, task\n@task\ndef one() -> int:\n    return 1\n@flow\ndef main() -> int:\n    return one()\n"
    )
    first = project.start("main")
    assert project.result(first) == 1
    project.workspace.stop_engine()
    moved = tmp_path.parent / f"{tmp_path.name}-moved"
    os.rename(tmp_path, moved)
    try:
        again = type(project)(moved)
        assert again.workspace.run(first.id)["state"] == "succeeded"
        assert again("main") == 1
        again.workspace.stop_engine()
    finally:
        os.rename(moved, tmp_path)
