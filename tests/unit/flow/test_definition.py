"""What can be a task or flow, and what calling one outside a run does."""

from __future__ import annotations

import asyncio
import copy
import functools
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from partita.errors import CheckError, DefinitionError, EngineError, OptionError
from partita.flow.entry import lay_out
from partita.flow.flow import Flow, flow
from partita.flow.launching import launching, set_launcher_provider
from partita.flow.mapped import Mapped
from partita.flow.settle import Outcome, settle
from partita.flow.task import Task, task

launching_module = sys.modules["partita.flow.launching"]


@task
def add(number: int, more: int = 1) -> int:
    """Adds."""
    return number + more


@task
async def wait_for(number: int) -> int:
    await asyncio.sleep(0)
    return number


@flow(name="sum up")
def both(number: int) -> int:
    """Sums."""
    return add(add(number), wait_for(1))


class Model:
    def fit(self) -> None: ...

    def __call__(self) -> None: ...


def counting():  # type: ignore[no-untyped-def]
    yield 1


async def async_counting():  # type: ignore[no-untyped-def]
    yield 1


@pytest.mark.parametrize(
    ("unsuitable", "remedy"),
    [
        (lambda x: x, "it is a lambda, which has no name that a worker could find; write `def"),
        (Model, "it is a class; write a function"),
        (Model(), "it is an object of Model; write a function that calls it"),
        (Model.fit, "it is a method; write a function that takes the object"),
        (counting, "it is a generator (it contains `yield`), whose values cannot be stored; return a list"),
        (async_counting, "it is a generator"),
        (functools.partial(print, 1), "it is an object of partial"),
        (len, "it is built in"),
        (3, "it is int, not a function"),
        (staticmethod(counting), "above a function at the top of the module"),
        (add, "it is a task already; use .with_options"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_be_a_task_is_refused_with_a_remedy(unsuitable: Any, remedy: str):
    for decorate in (task, task(retries=1), flow, flow(tags=["x"])):
        with pytest.raises(DefinitionError) as caught:
            decorate(unsuitable)
        assert remedy in str(caught.value)


def test_a_flow_cannot_be_async():
    with pytest.raises(DefinitionError, match="a flow's body only lays out steps"):

        @flow
        async def outer() -> None: ...


def test_wrong_options_are_refused_at_definition():
    with pytest.raises(OptionError, match="fit: there is no option 'retrys'; did you mean 'retries'"):

        @task(retrys=3)  # type: ignore[call-overload]
        def fit() -> None: ...


def test_a_task_looks_like_its_function():
    assert isinstance(add, Task) and isinstance(both, Flow)
    assert (add.__name__, add.__doc__, add.__module__) == ("add", "Adds.", __name__)
    assert add.__wrapped__(1) == 2
    assert both.name == "sum up" and both.__name__ == "both"
    assert add.reference == f"{__name__}:add"
    assert repr(add) == "<Task add>" and repr(both) == "<Flow sum up>"


def test_a_call_outside_a_flow_is_plain():
    assert add(1) == 2
    assert add(number=1, more=4) == 5
    coroutine: Any = wait_for(3)
    assert asyncio.run(coroutine) == 3
    assert both(1) == 3
    assert add.map([1, 2]) == [2, 3]


def test_a_flow_with_async_tasks_runs_in_a_running_loop_too():
    async def main() -> int:
        return both(1)

    assert asyncio.run(main()) == 3


def test_tasks_travel_by_name():
    assert pickle.loads(pickle.dumps(add)) is add
    assert copy.deepcopy([add])[0] is add
    changed = cloudpickle.loads(cloudpickle.dumps(add.with_options(retries=7)))
    assert changed.options.retries == 7 and changed(1) == 2


@task
def fail(number: int) -> int:
    raise ValueError(f"no {number}")


def test_a_failure_is_raised_at_the_end_unless_it_is_settled():
    ran = []

    @task
    def note(number: int) -> int:
        ran.append(number)
        return number

    @flow
    def unsettled() -> int:
        fail(1)
        return note(2)

    @flow
    def settled() -> Outcome[int]:
        note(fail(3))
        return settle(note(fail(4)))

    with pytest.raises(ValueError, match="no 1"):
        unsettled()
    assert ran == [2]
    with pytest.raises(ValueError, match="no 3"):
        settled()

    @flow
    def all_settled() -> list[Any]:
        return [settle(note(fail(4))), settle(add(1)), settle(7)]

    first, second, third = all_settled()
    assert (first.ok, first.error.type, first.error.message) == (False, "ValueError", "no 4")
    assert "no 4" in first.error.traceback
    assert (second.value, third.value) == (2, 7)
    assert ran == [2]


def test_touching_what_failed_raises_its_failure():
    @flow
    def outer() -> int:
        value = fail(1)
        return 1 if value > 3 else 2

    with pytest.raises(ValueError, match="no 1"):
        outer()


def test_a_failure_of_an_inner_flow_can_be_settled():
    @flow
    def inner() -> int:
        return add(fail(5))

    @flow
    def outer() -> bool:
        return settle(inner()).ok

    assert outer() is False


def test_a_fallback_works_in_a_plain_call():
    @task
    def spare(number: int) -> int:
        return -number

    safe = fail.with_options(fallback=spare)

    @flow
    def outer() -> int:
        return safe(3)

    assert outer() == -3
    with pytest.raises(ValueError):
        safe(3)  # a task by itself is its function


def test_an_outcome_gives_its_value_or_raises():
    from partita.errors import StepError
    from partita.flow.settle import make_outcome

    assert make_outcome(True, 3, None).get() == 3
    with pytest.raises(StepError, match="ValueError: bad"):
        make_outcome(False, None, {"type": "ValueError", "message": "bad", "traceback": "..."}).get()


class Handle:
    id = "run-1"
    state = "succeeded"
    steps: list[Any] = []  # noqa: RUF012
    waited = False

    def wait(self, timeout: float | None = None) -> None:
        self.waited = True

    def result(self, timeout: float | None = None) -> int:
        return 42


class Recording:
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def submit(self, flow: Any, arguments: Any, keywords: Any, options: Any) -> Handle:
        self.calls.append((flow, arguments, keywords))
        return Handle()


def test_a_flow_is_started_by_the_launcher_of_the_place(monkeypatch: pytest.MonkeyPatch):
    recording, other = Recording(), Recording()
    monkeypatch.setattr(launching_module, "_provider", None)
    set_launcher_provider(lambda: other)
    with launching(recording):
        handle = both.run(1)
    assert handle.result() == 42 and handle.waited
    both.submit(number=2)
    set_launcher_provider(None)
    assert recording.calls == [(both, (1,), {})]
    assert other.calls == [(both, (), {"number": 2})]
    with pytest.raises(EngineError, match="nothing here can start a run"):
        both.submit(1)


def test_a_flow_starts_no_runs_in_a_body(encode):
    @flow
    def outer() -> None:
        both.submit(1)

    with pytest.raises(CheckError, match=r"both.submit\(\) was called in a flow's body"):
        lay_out(outer, encode=encode)


def test_importing_the_package_is_cheap():
    code = "import sys, partita.flow.flow, partita.flow.command; print(sorted(set(sys.modules) & set(sys.argv[1:])))"
    heavy = ["asyncio", "pydantic", "numpy", "cloudpickle", "rich", "subprocess", "concurrent.futures"]
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


TYPED = """
from typing import assert_type
from partita.flow.flow import flow
from partita.flow.task import task
from partita.flow.ref import Ref
from partita.flow.mapped import Mapped
from partita.flow.settle import Outcome, settle

@task
def add(number: int) -> int: return number
@task(retries=2)
async def text(number: int) -> str: return ""
@task
def total(numbers: list[int]) -> int: return 0
@flow
def inner(number: Ref[int], which: int) -> int:
    return add(number)
@flow(tags=["x"])
def outer() -> int:
    assert_type(add(1), int)
    assert_type(text(1), str)
    assert_type(add.map([1]), Mapped[int])
    assert_type(settle(add(1)), Outcome[int])
    assert_type(text.with_options(retries=1)(2), str)
    assert_type(inner(add(1), 2), int)
    add("x")  # wrong
    add(text(1))  # wrong
    return total(add.map([1]))
"""


def test_a_type_checker_sees_the_wiring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MYPYPATH", str(Path(launching_module.__file__).parents[2]))
    api = pytest.importorskip("mypy.api")
    file = tmp_path / "typed.py"
    file.write_text(TYPED)
    out, _, _ = api.run(
        ["--strict", "--no-error-summary", "--cache-dir", str(tmp_path), "--follow-imports", "silent", str(file)]
    )
    wrong = [line for line in out.splitlines() if "typed.py" in line]
    expected = [number for number, line in enumerate(TYPED.splitlines(), 1) if "# wrong" in line]
    assert [int(line.split(":")[1]) for line in wrong if "error" in line] == expected, out


def test_mapped_is_exported_under_its_own_name():
    assert Mapped.__name__ == "Mapped"
