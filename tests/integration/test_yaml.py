"""YAML flows on a real engine: files travel with the code, and workers find every part of them."""

from __future__ import annotations

from typing import Any

import pytest

from partita.errors import CheckError
from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

TASKS = """
from partita import flow, load_flow, task

@task
def numbers(count: int) -> list[int]:
    return list(range(count))

@task
def square(number: int) -> int:
    return number * number

@task
def total(values: list[int]) -> int:
    return sum(values)

@task(cache=True)
def told(text: str) -> str:
    print("told", text)
    return text

report = load_flow("flows/report.yaml")

@flow
def around(count: int) -> str:
    return report(count, 3)["text"]
"""

REPORT = """
inputs: {count: int, limit: {type: int, default: 10}}
steps:
  numbers: {task: "shop:numbers", with: {count: "${{ inputs.count }}"}}
  square:
    task: shop:square
    foreach: {items: "${{ steps.numbers.output }}", key: "${{ 'n' + string(item) }}"}
    when: ${{ item != 1 }}
    with: {number: "${{ item + inputs.limit }}"}
  plain: {task: "shop:square", foreach: "${{ steps.numbers.output }}", with: {number: "${{ item }}"}}
  total: {task: "shop:total", with: {values: "${{ steps.plain.output }}"}}
  pause: {wait: {sleep: 0.1}}
  echo: {run: "printf %s ${{ steps.total.output }}-${{ inputs.limit }}", needs: pause}
  large:
    task: shop:told
    when: ${{ steps.total.output > inputs.limit }}
    with: {text: "large: ${{ steps.echo.output.stdout }}"}
  small: {task: "helper.py:small", when: "${{ steps.total.output <= inputs.limit }}", with: {number: "${{ steps.total.output }}"}}
outputs: {text: "${{ steps.large.output }}", small: "${{ steps.small.output }}", total: "${{ steps.total.output }}"}
"""

HELPER = """
from partita import task

@task
def small(number: int) -> str:
    return f"small: {number}"
"""


@pytest.fixture
def shop(project: Project) -> Project:
    (project.folder / "flows").mkdir()
    project.write(TASKS, "shop.py")
    project.write(REPORT, "flows/report.yaml")
    project.write(HELPER, "flows/helper.py")
    return project


def states(project: Project, run: Any) -> dict[str, str]:
    return {step["path"]: step["state"] for step in run.steps}


def test_a_flow_of_a_file_runs_in_workers(shop: Project) -> None:
    run = shop.start("flows/report.yaml:report", count=4)
    assert shop.result(run) == {"text": "large: 14-10", "small": None, "total": 14}
    made = states(shop, run)
    assert made["square[]/square[n1]"] == made["small"] == "skipped"
    assert made["square[]/square[n3]/square"] == made["large/large.text"] == "succeeded"
    assert shop("flows/report.yaml:report", count=2) == {"text": None, "small": "small: 1", "total": 1}


def test_a_python_flow_calls_it_and_a_rerun_takes_over_what_is_the_same(shop: Project) -> None:
    run = shop.start("shop.py:around", count=4)
    assert shop.result(run) == "large: 14-3"
    again = shop.workspace.rerun(run.id)
    from partita.workspace.runs import Run

    rerun = Run(shop.workspace, again)
    assert shop.result(rerun) == "large: 14-3"
    marks = {step["path"]: step["marks"] for step in rerun.steps}
    adopted = [path for path, found in marks.items() if "adopted" in found]
    assert {"report/numbers", "report/total", "report/echo", "report/large/large.text"} <= set(adopted)


def test_a_wrong_file_is_refused_by_the_engine_with_every_problem(shop: Project) -> None:
    shop.write(
        REPORT.replace("shop:numbers", "shop:number")
        .replace("retries", "x")
        .replace("steps.total.output >", "steps.totl.output >"),
        "flows/report.yaml",
    )
    with pytest.raises(CheckError) as caught:
        shop("flows/report.yaml:report", count=4)
    told = [(problem.place.rpartition("/")[2], problem.remedy) for problem in caught.value.problems]
    assert ("report.yaml:4:19", "did you mean 'numbers'?") in told
    assert ("report.yaml:16:15", "did you mean 'total'?") in told


def test_what_convert_writes_of_it_in_a_worker_runs(shop: Project) -> None:
    found = shop.workspace.convert("shop.py:around", {"count": "4"})
    assert found["notes"] == [] or all("report" in note for note in found["notes"])
    assert "task: shop:numbers" in found["text"]


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("name: Nightly report", "Nightly report"),
        ('name: "a: b"  # quoted', "a: b"),
        ("# name: x", "flow"),
        ("name: 3", "flow"),
    ],
)
def test_runs_of_a_file_have_the_name_that_it_gives(project: Project, line: str, title: str) -> None:
    project.write(f"{line}\nsteps: {{a: {{run: 'true'}}}}\n", "flow.yaml")
    run = project.start("flow.yaml:flow")
    run.wait()
    assert run.view["title"] == title
