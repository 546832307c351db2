"""Who says where steps run, and what is said before a run of steps that can never run there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from partita.cli import main
from partita.errors import CheckError
from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

HERE = """
cpu = 2
[executors.heavy]
cpu = 1
memory = "1GiB"
[executors.other]
cpu = 1
"""

BOXES = """
[executors.boxes]
kind = "docker"
image = "my-project:1"
"""

PODS_AND_RAY = """
[executors.pods]
kind = "kubernetes"
image = "my-project:2"
[executors.cluster]
kind = "ray"
"""

NAMES = '["heavy", "boxes", "pods", "cluster"]'

FLOWS = """
from partita import container, context, flow, task

@task
def free(x: int) -> int:
    return x + 1

@task(executor="other")
def bound(x: int) -> int:
    return x + 1

@task(executor="heavy")
def numbers(count: int) -> list[int]:
    return list(range(count))

@flow
def later(x: int) -> int:
    return free.with_options(name="later_free")(x)

@flow(executor="heavy")
def owned(x: int) -> int:
    return free.with_options(name="owned_free")(bound.with_options(name="owned_bound")(x))

@flow
def every(x: int = 1) -> list:
    known = free(x)                                   # where the run says
    return [
        bound(x),                                     # where the task says
        owned(x),                                     # where the flow says, laid out at once
        owned.with_options(name="waits")(known),      # the same, laid out when its argument is known
        owned.with_options(name="moved", executor="other")(known),
        later.with_options(executor="other")(known),
        free.with_options(name="each", executor="heavy").map(numbers(2)),
    ]

@task
def starts_another(x: int) -> int:
    return context().launch(later, x).result()

@flow
def parent(x: int = 1) -> int:
    return starts_another(x)

@flow(executor="heavy")
def heavy_flow(x: int = 1) -> int:
    return free(x)

@flow
def misspelt() -> int:
    return free.with_options(executor="haevy")(1)

@flow
def deferred_nowhere() -> int:
    return later.with_options(executor="haevy")(free(1))

@flow
def deferred_large() -> int:
    return later.with_options(cpu=64)(free(1))

@flow
def map_large() -> list:
    return free.with_options(cpu=64, executor="heavy").map(numbers(2))

@flow
def in_place_large() -> int:
    return later.with_options(cpu=64)(1)

@flow
def greedy() -> int:
    return free.with_options(cpu=2, memory="2GiB", gpu=1, executor="heavy")(1)

@flow
def packaged(names: list[str]) -> list:
    made = free.with_options(environment=["packaging"])
    return [made.with_options(executor=name)(1) for name in names]

@flow
def packaged_map() -> list:
    return free.with_options(environment=["packaging"], executor="boxes").map(numbers(2))

hello = container("hello", image="alpine:3.20", command="echo 1", outputs={"stdout": int})

@flow
def contained(names: list[str]) -> list:
    return [hello.with_options(executor=name)() for name in names]

@flow
def contained_plain() -> int:
    return hello()
"""


@pytest.fixture
def make(make_project: Callable[[str], Project], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Project]:
    def made(settings: str) -> Project:
        project = make_project(settings)
        project.write(FLOWS)
        monkeypatch.chdir(project.folder)
        return project

    return made


@pytest.fixture
def here(make: Callable[[str], Project]) -> Project:
    """Executors of processes, of which there is one a name."""
    return make(HERE)


def places(project: Project, run: str) -> dict[str, str]:
    """Path of each step that had an attempt -> the executor."""
    until: Any = None
    while until is None or not until["is_final"]:
        until = project.workspace.wait(run, 30)
    assert until["run"]["state"] == "succeeded", until["run"]
    return {
        step["path"]: project.workspace.attempts(run, step["id"])[0]["executor"]
        for step in project.workspace.all_steps(run)
        if step["attempts"]
    }


def test_the_nearest_one_who_says_where_a_step_runs_is_heard(here: Project) -> None:
    found = places(here, here.workspace.launch("flows.py:every"))
    assert found == {
        "every": "process", "free": "process", "bound": "other",
        "owned/owned_free": "heavy", "owned/owned_bound": "other",
        "waits": "heavy", "waits/owned_free": "heavy", "waits/owned_bound": "other",
        "moved": "other", "moved/owned_free": "other", "moved/owned_bound": "other",
        "later": "other", "later/later_free": "other",
        "numbers": "heavy", "each[]": "heavy", "each[]/each[0]": "heavy", "each[]/each[1]": "heavy",
    }  # fmt: skip


def test_a_run_says_where_steps_run_that_name_none(here: Project) -> None:
    run = here.workspace.launch("flows.py:heavy_flow", executor="other")
    assert places(here, run)["free"] == "heavy"  # which the flow names
    run = here.workspace.launch("flows.py:later", texts={"x": "1"}, executor="other")
    assert set(places(here, run).values()) == {"other"}


def test_the_command_line_says_it_for_a_run_and_a_rerun(here: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "later", "--x", "1", "--executor", "other", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)["id"]
    assert set(places(here, first).values()) == {"other"}
    here.write(FLOWS.replace("return x + 1", "return x + 2"))
    assert main(["runs", "rerun", first, "--json"]) == 0
    assert set(places(here, json.loads(capsys.readouterr().out)["id"]).values()) == {"other"}
    here.write(FLOWS.replace("return x + 1", "return x + 3"))
    assert main(["runs", "rerun", first, "--executor", "heavy", "--json"]) == 0
    assert set(places(here, json.loads(capsys.readouterr().out)["id"]).values()) == {"heavy"}
    assert main(["runs", "rerun", first, "--executor", "haevy"]) == 2
    assert "did you mean 'heavy'?" in capsys.readouterr().err


def test_python_says_it_with_options(here: Project) -> None:
    code = (
        "from flows import heavy_flow, later\n"
        "print(later.with_options(executor='other').run(1).id)\n"
        "print(heavy_flow.with_options(executor='other').run().id)\n"
        "print(heavy_flow.run().id)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=here.folder, capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(here.folder), *filter(None, sys.path)])},
    )  # fmt: skip
    ran = [set(places(here, run).values()) for run in told.stdout.split()]
    assert ran == [{"other"}, {"other"}, {"heavy"}]


def test_a_run_that_a_step_starts_is_where_its_parent_is(here: Project) -> None:
    run = here.workspace.launch("flows.py:parent", executor="other")
    assert set(places(here, run).values()) == {"other"}
    (child,) = [view["id"] for view in here.workspace.runs() if view["id"] != run]
    assert set(places(here, child).values()) == {"other"}


def problems(project: Project, flow: str, **texts: str) -> list[dict[str, Any]]:
    return project.workspace.check(f"flows.py:{flow}", texts)["problems"]


@pytest.mark.parametrize("flow", ["misspelt", "deferred_nowhere"])
def test_an_executor_that_there_is_not_is_told_with_the_nearest_name(here: Project, flow: str) -> None:
    (problem,) = problems(here, flow)
    assert "asks for the executor 'haevy'; there is none" in problem["message"]
    assert problem["remedy"].startswith("did you mean 'heavy'?") and problem["place"].startswith("flows.py:")
    with pytest.raises(CheckError, match="did you mean 'heavy'"):
        here(flow)


@pytest.mark.parametrize(
    ("flow", "told"),
    [
        ("deferred_large", "later can never run on the executor process: cpu: 64 asked, 2 in all"),
        ("map_large", "free can never run on the executor heavy: cpu: 64 asked, 1 in all"),
    ],
)
def test_what_comes_later_and_can_never_run_is_told_now(here: Project, flow: str, told: str) -> None:
    (problem,) = problems(here, flow)
    assert problem["message"] == told and problem["place"].startswith("flows.py:")
    with pytest.raises(CheckError, match="64 asked"):
        here(flow)


def test_a_flow_that_is_laid_out_at_once_asks_for_nothing(here: Project) -> None:
    assert problems(here, "in_place_large") == [] and here("in_place_large") == 2


def test_all_that_an_executor_has_too_little_of_is_told(here: Project) -> None:
    told = [problem["message"] for problem in problems(here, "greedy")]
    assert [message.partition(": ")[2] for message in told] == [
        "cpu: 2 asked, 1 in all", "memory: 2.0 GiB asked, 1.0 GiB in all", "gpu: 1 asked, 0 in all",
    ]  # fmt: skip
    assert all("executor heavy" in message for message in told)


def test_environments_that_cannot_be_made_are_told(make: Callable[[str], Project]) -> None:
    project = make(HERE + BOXES + PODS_AND_RAY)  # nothing of these is there, and a check needs none of it
    found = problems(project, "packaged", names=NAMES)
    assert [problem["message"] for problem in found] == [
        f"free has an environment of its own, and the executor {name} makes none"
        for name in ("boxes", "pods", "cluster")
    ]
    remedies = [problem["remedy"] for problem in found]
    assert "into the image my-project:1" in remedies[0] and "into the image my-project:2" in remedies[1]
    assert "runtime_env" in remedies[2] and all("another executor" in remedy for remedy in remedies)
    assert [problem["message"] for problem in problems(project, "packaged_map")] == [found[0]["message"]]
    with pytest.raises(CheckError, match="my-project:1"):
        make(HERE + BOXES)("packaged", names='["heavy", "boxes"]')


def test_containers_that_cannot_be_started_are_told(
    make: Callable[[str], Project], capsys: pytest.CaptureFixture[str]
) -> None:
    project = make(HERE + BOXES + PODS_AND_RAY)
    found = problems(project, "contained", names=NAMES)
    assert [problem["message"] for problem in found] == [
        f"hello runs a container, and the executor {name} starts none" for name in ("boxes", "pods", "cluster")
    ]
    assert all('executor="process"' in problem["remedy"] for problem in found)
    assert problems(project, "contained_plain") == []
    assert main(["check", "contained_plain", "--executor", "boxes"]) == 2
    assert "the executor boxes starts none" in capsys.readouterr().err
    with pytest.raises(CheckError, match="starts none"):
        make(HERE + BOXES)("contained", names='["heavy", "boxes"]')


def test_a_check_for_a_run_on_another_executor(here: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "every", "--executor", "heavy"]) == 0
    assert main(["check", "every", "--executor", "haevy"]) == 2
    told = capsys.readouterr()
    assert "did you mean 'heavy'?" in told.err and told.err.count("haevy") == 1
    assert main(["run", "every", "--executor", "haevy"]) == 2
    assert "did you mean 'heavy'?" in capsys.readouterr().err


SPREAD = """
import time
from partita import flow, task

@task(executor="any")
def work(x: int, seconds: float) -> int:
    time.sleep(seconds)
    return x

@task(executor=["heavy", "other"])
def either(x: int) -> int:
    return x

@task
def total(xs: list[int]) -> int:
    return sum(xs)

@flow
def spread(count: int = 12, seconds: float = 0.2) -> int:
    return total([work(x, seconds) for x in range(count)])

@flow
def brief(count: int = 400) -> int:
    return total([either(x) for x in range(count)])
"""


def test_steps_that_may_run_anywhere_fill_all_executors(here: Project) -> None:
    here.write(SPREAD)
    run = here.workspace.launch("flows.py:spread")
    found = places(here, run)
    assert {found[path] for path in found if path.startswith("work")} == {"process", "heavy", "other"}
    run = here.workspace.launch("flows.py:brief")
    found = places(here, run)
    assert {found[path] for path in found if path.startswith("either")} == {"heavy", "other"}


def test_a_run_may_choose_and_explains_its_choice(here: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "later", "--x", "1", "--executor", "heavy, other", "--json"]) == 0
    run = json.loads(capsys.readouterr().out)["id"]
    assert set(places(here, run).values()) <= {"heavy", "other"}
    assert main(["runs", "explain", run, "later_free", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert any("chosen from heavy, other" in fact["text"] for fact in told["facts"]), told
    assert main(["check", "later", "--x", "1", "--executor", "heavy,haevy"]) == 2
    assert "did you mean 'heavy'?" in capsys.readouterr().err


def test_a_plan_places_steps_where_they_may_run(here: Project, capsys: pytest.CaptureFixture[str]) -> None:
    here.write(SPREAD)
    assert main(["plan", "brief", "--count", "6", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    nodes = {step["node"] for step in told["steps"] if step["path"].startswith("either")}
    assert nodes == {"heavy", "other"}
