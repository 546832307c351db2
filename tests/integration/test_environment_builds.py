"""Environments whose making is slow, fails, is killed or is done by two at once."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from partita.errors import StepError
from partita.executors.environments.shelf import Shelf
from partita.executors.machine import marked_processes

from .conftest import Project
from .package_index import PackageIndex

pytestmark = pytest.mark.integration

FLOWS = """
from pathlib import Path

from partita import flow, task


@task(environment=["partita-test-package"])
def special() -> int:
    import partita_test_package

    return partita_test_package.ANSWER


@task
def plain(number: int) -> int:
    Path(f"plain{number}").touch()
    return number


@task
def total(special: int, plain: list[int]) -> int:
    return special + sum(plain)


@flow
def mixed() -> int:
    return total(special(), plain.map([1, 2, 3]))
"""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    with PackageIndex() as made:
        for name, value in made.variables.items():
            monkeypatch.setenv(name, value)
        yield made


def wait_for(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited in vain until {what}"
        time.sleep(0.02)


def processes(project: Project, name: str) -> list[int]:
    """The processes that the project's engine has started whose command line holds the name."""
    found = []
    for pid in marked_processes("PARTITA_WORKER="):
        try:
            told = Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            continue
        if name in told and str(project.folder) in told:
            found.append(pid)
    return found


def state_of(project: Project, run: str, path: str) -> tuple[str, str]:
    for step in project.workspace.steps(run):
        if step["path"] == path:
            return step["state"], (step["progress"] or ["", "", ""])[2]
    return "", ""


def test_other_steps_go_on_while_an_environment_is_made(
    make_project: Callable[[str], Project], index: PackageIndex
) -> None:
    """With one core: who waits for an environment holds none."""
    project = make_project("cpu = 1")
    project.write(FLOWS)
    index.may_answer.clear()
    run = project.start("mixed")
    wait_for(index.asked.is_set, "uv asks for the package")
    wait_for(lambda: all((project.folder / f"plain{n}").exists() for n in (1, 2, 3)), "the other steps have run")
    wait_for(lambda: "uv pip install" in state_of(project, run.id, "special")[1], "it is told what goes on")
    assert state_of(project, run.id, "special")[0] == "ready"
    assert run.state == "running"
    index.may_answer.set()
    assert project.result(run) == 48
    assert state_of(project, run.id, "special") == ("succeeded", "")


def test_an_index_that_comes_back_needs_nobody(project: Project, index: PackageIndex) -> None:
    project.write(FLOWS)
    index.refusals = 5  # more than one try at making the environment puts up with
    run = project.start("mixed")
    wait_for(lambda: "tried again in 2 s" in state_of(project, run.id, "special")[1], "it is told that it failed")
    assert project.result(run) == 48
    [special] = [step for step in project.workspace.steps(run.id) if step["path"] == "special"]
    assert special["attempts"] == 1, "it had not begun when its environment could not be made"


def test_making_takes_no_longer_than_the_settings_say(
    make_project: Callable[[str], Project], index: PackageIndex
) -> None:
    project = make_project('environment_timeout = "2s"\ncrash_retries = 0')
    project.write(FLOWS)
    index.may_answer.clear()
    run = project.start("mixed")
    with pytest.raises(StepError, match=r"(?s)longer than 2 s; raise environment_timeout"):
        project.result(run)


@pytest.mark.parametrize("victim", ["build.py", "pip"])
def test_a_build_that_is_killed_is_begun_anew(project: Project, index: PackageIndex, victim: str) -> None:
    project.write(FLOWS)
    index.may_answer.clear()
    run = project.start("mixed")
    wait_for(index.asked.is_set, "uv asks for the package")
    [pid] = [pid for pid in processes(project, victim) if (victim == "pip") == ("build.py" not in _told(pid))]
    os.kill(pid, signal.SIGKILL)
    index.may_answer.set()
    assert project.result(run) == 48
    [kept] = Shelf(project.folder / ".partita" / "environments").kept()
    assert kept.is_complete


def _told(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def test_an_engine_that_is_killed_in_the_midst_leaves_nothing_half_made(project: Project, index: PackageIndex) -> None:
    project.write(FLOWS)
    index.may_answer.clear()
    run = project.start("mixed")
    wait_for(index.asked.is_set, "uv asks for the package")
    engine = project.workspace.engine()
    assert engine is not None
    makers = processes(project, "environments")
    assert makers
    os.kill(engine["pid"], signal.SIGKILL)
    wait_for(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in makers), "uv has died with its engine")
    [kept] = Shelf(project.folder / ".partita" / "environments").kept()
    assert not kept.is_complete
    index.may_answer.set()
    project.workspace.resume(run.id)
    assert project.result(run) == 48


def test_two_engines_that_share_a_folder_make_an_environment_once(
    tmp_path: Path, index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_NO_CACHE", "1")
    projects = []
    for name, folder in (("alone", "own"), ("one", "shared"), ("two", "shared")):
        (tmp_path / name).mkdir()
        projects.append(Project(tmp_path / name, f'environments = "{tmp_path / folder}"'))
        projects[-1].write(FLOWS)
    alone = projects.pop(0)
    assert alone("mixed") == 48
    alone.workspace.stop_engine()
    for_one, index.downloads = index.downloads, 0
    index.asked.clear()
    index.may_answer.clear()
    try:
        runs = [project.start("mixed") for project in projects]
        wait_for(index.asked.is_set, "uv asks for the package")
        wait_for(lambda: all(state_of(p, r.id, "special")[1] for p, r in zip(projects, runs, strict=True)), "both wait")
        index.may_answer.set()
        assert [project.result(run) for project, run in zip(projects, runs, strict=True)] == [48, 48]
        assert index.downloads == for_one
        [kept] = Shelf(tmp_path / "shared").kept()
        assert kept.is_in_use, "as long as an engine lives that used it"
        assert projects[0].workspace.prune_environments(0.0) == []
    finally:
        for project in projects:
            project.workspace.stop_engine()
    wait_for(lambda: projects[0].workspace.prune_environments(0.0), "it is removed when nobody uses it")


def test_an_environment_that_was_deleted_is_made_again(project: Project, index: PackageIndex) -> None:
    project.write(FLOWS)
    assert project("mixed") == 48
    shelf = Shelf(project.folder / ".partita" / "environments")
    [kept] = shelf.kept()
    before = shelf.place(kept.key).stat().st_ino
    os.rename(shelf.place(kept.key), project.folder / "away")
    project.write(FLOWS.replace("ANSWER", "ANSWER + 1"))
    assert project("mixed") == 49
    assert shelf.place(kept.key).stat().st_ino != before


def test_a_run_that_is_cancelled_does_not_wait_for_its_environment(project: Project, index: PackageIndex) -> None:
    project.write(FLOWS)
    index.may_answer.clear()
    run = project.start("mixed")
    wait_for(index.asked.is_set, "uv asks for the package")
    run.cancel()
    run.wait(30)
    assert run.state == "cancelled"
    release = threading.Timer(0.0, index.may_answer.set)
    release.start()
    assert project("mixed") == 48


def test_runs_in_different_environments_take_turns_on_one_core(
    make_project: Callable[[str], Project], index: PackageIndex
) -> None:
    project = make_project("cpu = 1")
    project.write("""
import time

from partita import flow, task


def note(name: str) -> str:
    with open("order", "a") as file:
        file.write(name)
    time.sleep(0.03)  # longer than what may wait in line behind its like
    return name


@task(environment=["partita-test-package"])
def one(number: int) -> str:
    return note("1")


@task(environment=["partita-test-package", "packaging"])
def two(number: int) -> str:
    return note("2")


@task
def three(number: int) -> str:
    return note("3")


@flow
def ones(count: int) -> list[str]:
    return one.map(list(range(count)))


@flow
def twos(count: int) -> list[str]:
    return two.map(list(range(count)))


@flow
def threes(count: int) -> list[str]:
    return three.map(list(range(count)))
""")
    for flow in ("ones", "twos", "threes"):
        project(flow, count=1)  # makes the environments: how long each takes says nothing of turns
    (project.folder / "order").unlink()
    for run in [project.start(flow, count=10) for flow in ("ones", "twos", "threes")]:
        project.result(run)
    order = (project.folder / "order").read_text()
    assert len(order) == 30
    ends = {name: (order.index(name), order.rindex(name)) for name in "123"}
    for name, other in itertools.permutations("123", 2):
        assert ends[name][0] < ends[other][1], f"{name} waited for the whole of {other}: {order}"
