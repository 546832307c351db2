"""`partita plan FLOW` on real layouts: the examples, the known answer, and what cannot be planned."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partita.cli import main
from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[2] / "examples"

THREE = """
from partita import flow, task

@task(cpu=1)
def a() -> int:
    raise AssertionError("a plan runs nothing")

@task(cpu=2)
def b() -> int:
    raise AssertionError("a plan runs nothing")

@task(cpu=3)
def c() -> int:
    raise AssertionError("a plan runs nothing")

@flow
def three() -> list[int]:
    return [a(), b(), c()]

@task(cpu=64)
def huge() -> int:
    return 1

@flow
def impossible() -> int:
    return huge()

@flow
def nothing() -> int:
    return 1
"""
TIMES = "alpha: 0.2\nbeta: 0.3\ndurations: {a: 2s, b: 3s, c: 5s}\nweights: {a: 0.2, b: 0.3, c: 0.5}\n"
ONE = "nodes: [{id: one, capacity: {cpu: 5}, price: 1}]\n" + TIMES
TWO = (
    "nodes: [{id: fast, capacity: {cpu: 3}, price: 1}, {id: cheap, capacity: {cpu: 3}, speed: 0.5, price: 0.3}]\n"
    + TIMES
)


class Told:
    """What a command said."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def plan(project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(project.folder)
    project.write(THREE)
    (project.folder / "one.yaml").write_text(ONE)
    (project.folder / "two.yaml").write_text(TWO)

    def call(*words: str) -> Told:
        capsys.readouterr()
        status = main(["plan", *words])
        return Told(status, *capsys.readouterr())

    return call


def test_the_known_answer_on_one_node(plan: Any) -> None:
    found = plan("three", "--nodes", "one.yaml", "--json").document
    assert (found["makespan_s"], found["cost"]) == (5.0, pytest.approx(9.7))
    assert found["objective"] == pytest.approx(3.91)
    assert {step["path"]: step["start_s"] for step in found["steps"]} == {"a": 3.0, "b": 0.0, "c": 0.0}


def test_the_known_answer_on_a_fast_and_a_cheap_node(plan: Any) -> None:
    found = plan("three", "--nodes", "two.yaml", "--json", "--pareto").document
    assert (found["makespan_s"], found["cost"], found["objective"]) == (6.0, pytest.approx(8.82), pytest.approx(3.846))
    assert {step["path"]: step["node"] for step in found["steps"]} == {"a": "cheap", "b": "cheap", "c": "fast"}
    front = [(point["makespan_s"], round(point["cost"], 6)) for point in found["frontier"]]
    assert front == [(6.0, 8.82), (10.0, 6.7), (14.0, 6.54), (16.0, 5.82)]


@pytest.mark.parametrize(("beta", "makespan"), [(0.377, 6.0), (0.378, 10.0), (1.363, 10.0), (1.364, 16.0)])
def test_the_optimum_moves_with_beta(plan: Any, beta: float, makespan: float) -> None:
    found = plan("three", "--nodes", "two.yaml", "--json", "--beta", str(beta)).document
    assert found["makespan_s"] == makespan


def test_a_deadline_takes_the_cheapest_plan_that_keeps_it(plan: Any) -> None:
    found = plan("three", "--nodes", "two.yaml", "--json", "--deadline", "12s").document
    assert (found["makespan_s"], round(found["cost"], 6), found["refusal"]) == (10.0, 6.7, "")
    assert 0.0 < found["finish"]["chance"] < 1.0
    told = plan("three", "--nodes", "two.yaml", "--deadline", "3s")
    assert told.status == 1
    assert "no plan is done in 3.0 s" in told.err


def test_what_cannot_be_planned_is_told(plan: Any) -> None:
    told = plan("impossible", "--nodes", "two.yaml")
    assert told.err == (
        "error: step huge needs 64 cores; the largest node, fast, has 3 cores. Ask for less, or add a larger node\n"
    )
    told = plan("impossible")
    assert told.status == 2
    assert "huge can never run here: cpu: 64 asked" in told.err
    assert "nothing has no steps with these inputs" in plan("nothing").err
    assert "there is no file no.yaml" in plan("three", "--nodes", "no.yaml").err


def test_a_wrong_field_of_a_node_is_told(plan: Any, project: Project) -> None:
    (project.folder / "bad.yaml").write_text("nodes: [{id: n, capacity: {cpu: 1}, prize: 3}]")
    assert "there is no 'prize' in node 1; did you mean 'price'?" in plan("three", "--nodes", "bad.yaml").err


def test_a_circle_in_yaml_is_told(plan: Any, project: Project) -> None:
    steps = "steps:\n  one: {task: flows:a, needs: [two]}\n  two: {task: flows:b, needs: [one]}\n"
    (project.folder / "ring.yaml").write_text(f"name: ring\n{steps}")
    told = plan("ring.yaml")
    assert told.status == 2
    assert "one" in told.err and "two" in told.err


def test_a_flow_of_yaml_goes_by_its_name(plan: Any, project: Project) -> None:
    (project.folder / "small.yaml").write_text("name: a small one\nsteps:\n  one: {task: flows:a}\n")
    assert plan("small.yaml", "--json").document["title"] == "a small one"


@pytest.mark.parametrize(("example", "flow"), [("tweet_store", "tweets.py:store"), ("news_sentiment", "flow.yaml")])
def test_examples_are_planned(
    example: str, flow: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / example
    shutil.copytree(EXAMPLES / example, folder, ignore=shutil.ignore_patterns("data", ".partita", "report", "out"))
    monkeypatch.chdir(folder)
    assert main(["plan", flow, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    by_path = {step["path"]: step for step in found["steps"]}
    assert len(by_path) == len(found["steps"]) >= 10
    for step in found["steps"]:
        for number in step["needs"]:
            needed = found["steps"][number]
            assert needed["start_s"] + needed["seconds"] <= step["start_s"] + 1e-9
    assert found["guessed"] == len(found["steps"])  # nothing has run yet
    assert found["least_s"] <= found["makespan_s"]


LATER = """
import time
from partita import flow, task

@task
def count(n: int) -> int:
    time.sleep(0.2)
    return n

@task
def work(i: int) -> int:
    time.sleep(0.2)
    return i

@task
def add(xs: list[int]) -> int:
    return sum(xs)

@flow
def spread(n: int) -> int:
    return add(work.map(list(range(n))))

@flow
def whole(n: int = 3) -> int:
    return spread(count(n))
"""


def test_after_a_run_durations_and_later_parts_are_those_of_the_run(plan: Any, project: Project) -> None:
    project.write(LATER, "later.py")
    before = plan("later.py:whole", "--json").document
    assert ([step["path"] for step in before["steps"]], before["unknown"]) == (["count", "spread"], ["spread"])
    assert before["guessed"] == 2
    assert project("later.py:whole") == 3
    after = plan("later.py:whole", "--json").document
    assert [step["path"] for step in after["steps"]] == [
        "count", "spread/work[0]", "spread/work[1]", "spread/work[2]", "spread/add",
    ]  # fmt: skip
    assert (after["guessed"], after["unknown"], after["from_past"]) == (0, [], ["spread"])
    assert after["steps"][0]["seconds"] >= 0.2 and after["steps"][1]["basis"] == "3 earlier attempts"
    assert "as before      spread: the steps that came of it in the last run" in plan("later.py:whole").out


SIZED = """
import time
from partita import flow, task

@task
def read(text: str) -> int:
    time.sleep(len(text) / 100_000)
    return len(text)

@task
def add(sizes: list[int]) -> int:
    return sum(sizes)

@flow
def later(n: int) -> int:
    return add(read.map(["x" * 5_000] * n))

@task
def count(n: int) -> int:
    return n

@flow
def whole(n: int) -> int:
    return later(count(n))

@flow
def texts(sizes: list[int]) -> int:
    return add(read.map(["x" * size for size in sizes]))
"""


def test_the_finish_counts_what_came_of_later_parts_in_each_of_the_last_runs(plan: Any, project: Project) -> None:
    project.write(SIZED, "sized.py")
    for n in (2, 2, 40):
        assert project("sized.py:whole", n=n) == n * 5_000
    words = ("sized.py:whole", "n=2")
    found = plan(*words, "--json").document
    assert len(found["steps"]) == 4 and found["past_runs"] == 3  # a usual run has two elements
    assert found["finish"]["p90"] > 4 * found["finish"]["p50"]
    assert "as before      later: the steps that came of it in a usual run; the finish counts" in plan(*words).out


def test_elements_are_planned_by_the_size_of_their_own_input(plan: Any, project: Project) -> None:
    project.write(SIZED, "sized.py")
    project("sized.py:texts", sizes=[2_000, 4_000, 10_000, 20_000, 30_000, 40_000] * 3)
    found = plan("sized.py:texts", "sizes=[1000, 40000]", "--json").document
    short, long = (step["seconds"] for step in found["steps"][:2])
    assert short < 0.06 and 0.25 < long < 0.6


ASKING = """
import time
from partita import flow, task

@task
def count(n: int) -> int:
    return n

@task(cpu=2)
def wide(i: int) -> int:
    time.sleep(0.2)
    return i

@task(executor="heavy")
def hot(i: int) -> int:
    return i

@task
def add(xs: list[int]) -> int:
    return sum(xs)

@flow
def inner(n: int) -> int:
    return add([*[wide(i) for i in range(n)], hot(n)])

@flow
def outer(n: int = 2) -> int:
    return inner(count(n))

@flow
def mapped(n: int = 2) -> int:
    return add(wide.map(spread(n)))

@task
def spread(n: int) -> list[int]:
    return list(range(n))
"""


@pytest.mark.parametrize("flow", ["outer", "mapped"])
def test_steps_of_later_parts_ask_for_what_they_asked_for_when_they_ran(
    make_project: Callable[[str], Project], monkeypatch: pytest.MonkeyPatch, flow: str
) -> None:
    project = make_project("cpu = 2\n[executors.heavy]\ncpu = 1\n")
    project.write(ASKING, "asking.py")
    monkeypatch.chdir(project.folder)
    project(f"asking.py:{flow}")
    steps = project.workspace.plan(f"asking.py:{flow}", {}, {})["steps"]
    wide = sorted((step for step in steps if step["title"] == "wide"), key=lambda step: step["start_s"])
    assert [step["demand"]["cpu"] for step in wide] == [2.0, 2.0]
    assert wide[1]["start_s"] >= wide[0]["start_s"] + wide[0]["seconds"] - 1e-6
    assert {step["node"] for step in steps if step["title"] == "hot"} <= {"heavy"}
    assert {step["node"] for step in wide} == {"process"}
