"""Tasks with environments of their own, on a real engine, with packages from the index that uv is set to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partita.errors import CheckError, StepError
from partita.executors.environments.shelf import Shelf
from partita.executors.environments.uv import find_uv

from .conftest import Project

pytestmark = pytest.mark.integration

#: Nothing listens there.
UNREACHABLE = {"UV_INDEX_URL": "http://127.0.0.1:9/simple", "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"}

SIX = """
from pathlib import Path

from partita import Environment, flow, task


def version() -> str:
    import six

    return six.__version__


@task(environment=["six==1.16.0"])
def old() -> str:
    print("this is old")
    return version()


@task(environment=["six==1.17.0"])
def new(before: str) -> list[str]:
    return [before, version()]


@flow
def both() -> list[str]:
    return new(old())
"""


def shelf_of(project: Project) -> Shelf:
    return Shelf(project.folder / ".partita" / "environments")


def log_of(project: Project, run: Any, step: str) -> str:
    return "".join(chunk["text"] for chunk in project.workspace.logs(run.id) if chunk["path"] == step)


def test_two_tasks_with_conflicting_libraries_work_in_one_flow(project: Project) -> None:
    project.write(SIX)
    run = project.start("both")
    assert project.result(run) == ["1.16.0", "1.17.0"]
    assert sorted(kept.title for kept in shelf_of(project).kept()) == ["six==1.16.0", "six==1.17.0"]
    log = log_of(project, run, "old")
    assert log.index("+ six==1.16.0") < log.index("this is old"), "what uv said comes before what the task printed"


def test_what_is_made_once_is_used_without_the_network(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write(SIX)
    assert project("both") == ["1.16.0", "1.17.0"]
    project.workspace.stop_engine()
    for name, value in UNREACHABLE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("UV_CACHE_DIR", str(project.folder / "empty cache"))
    run = project.start("both")
    assert project.result(run) == ["1.16.0", "1.17.0"]
    assert "+ six" not in log_of(project, run, "old")


def test_a_map_of_many_makes_its_environment_once(project: Project) -> None:
    project.write("""
from partita import flow, task


@task(environment=["six==1.16.0"])
def double(number: int) -> int:
    import six

    return 2 * number


@flow
def doubles() -> list[int]:
    return double.map(list(range(30)))
""")
    run = project.start("doubles")
    assert project.result(run) == list(range(0, 60, 2))
    log = (shelf_of(project).folder / shelf_of(project).kept()[0].key / "build.log").read_text()
    assert log.count("making the environment") == 1


def test_an_index_that_is_down_fails_the_step_in_words_while_others_go_on(
    make_project: Callable[[str], Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as down:
        for name, value in UNREACHABLE.items():
            down.setenv(name, value)
        down.setenv("UV_HTTP_RETRIES", "0")
        down.setenv("UV_CACHE_DIR", "empty-cache")
        project = make_project("crash_retries = 0")
        project.write("""
from partita import flow, task


@task(environment=["six==1.16.0"])
def far() -> str:
    import six

    return six.__version__


@task
def near(number: int) -> int:
    return number + 1


@flow
def mixed() -> list:
    return [far(), near(near(near(1)))]
""")
        run = project.start("mixed")
        with pytest.raises(StepError, match="index could not be reached") as failure:
            project.result(run)
        assert failure.value.kind == "EnvironmentNotMade"
        states = {step["path"]: step["state"] for step in project.workspace.steps(run.id)}
        assert states["near#3"] == "succeeded", "the step that needs no environment did not wait for the other one"
        assert "uv pip install" in log_of(project, run, "far")
        project.workspace.stop_engine()
    again = project.start("mixed")
    assert project.result(again) == ["1.16.0", 4]


def test_requirements_that_cannot_be_met_fail_at_once(project: Project) -> None:
    project.write(SIX.replace("six==1.16.0", "six==99"))
    run = project.start("both")
    with pytest.raises(StepError, match=r"(?s)six==99.*Change the requirements"):
        project.result(run)
    assert [step["attempts"] for step in project.workspace.steps(run.id) if step["path"] == "old"] == [1]


def test_a_malformed_requirement_is_told_before_anything_runs(project: Project) -> None:
    project.write(SIX.replace('["six==1.16.0"]', '"needs.txt"'))
    (project.folder / "needs.txt").write_text("# what old needs\nsix=1.16.0\n")
    with pytest.raises(CheckError, match=r"needs\.txt:2") as refused:
        project("both")
    assert "'six=1.16.0' is not a requirement" in str(refused.value)


def test_a_file_that_changes_makes_another_environment(project: Project) -> None:
    project.write(SIX.replace('["six==1.16.0"]', '"needs.txt"'))
    (project.folder / "needs.txt").write_text("-c limits.txt\nsix\n")
    (project.folder / "limits.txt").write_text("six<1.17\n")
    assert project("both")[0] == "1.16.0"
    (project.folder / "limits.txt").write_text("six==1.15.0\n")
    assert project("both")[0] == "1.15.0"


def test_a_lock_is_kept_to(project: Project) -> None:
    needs = '[project]\nname = "needs"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["six<1.17"]\n'
    needs += '[dependency-groups]\nextra = ["iniconfig"]\n'
    (project.folder / "needs").mkdir()
    (project.folder / "needs" / "pyproject.toml").write_text(needs)
    subprocess.run([find_uv(), "lock", "-q", "--project", str(project.folder / "needs")], check=True)
    project.write("""
from importlib.metadata import version

from partita import Environment, flow, task


@task(environment="needs/uv.lock")
def locked() -> str:
    return version("six")


@task(environment=Environment(lock="needs", groups=["extra"]))
def grouped() -> int:
    import iniconfig

    return len(version("iniconfig"))


@flow
def both() -> list:
    return [locked(), grouped()]
""")
    assert project("both")[0] == "1.16.0"


def test_the_flow_or_the_settings_give_what_tasks_do_not_say(make_project: Callable[[str], Project]) -> None:
    project = make_project('environment = ["six==1.15.0"]')
    project.write("""
from importlib.metadata import version

from partita import flow, task


@task
def seen() -> str:
    return version("six")


@task(environment=["six==1.17.0"])
def own() -> str:
    return version("six")


@task(environment=False)
def bare() -> bool:
    import partita.cli.app  # what workers of the project itself have, and environments have not
    import typer

    return True


@task
def count(names: list[str]) -> int:
    return len(names)


@flow
def inner(known: int) -> str:
    return seen()


@flow(environment=["six==1.16.0"])
def outer() -> list:
    return [seen(), inner(count(["a"])), own(), bare()]


@flow
def outer_too() -> list:
    return [seen()]


@flow(environment=["six==1.16.0"])
def said_later(known: int) -> str:
    return seen()


@flow
def calls() -> str:
    return said_later.with_options(environment=["six==1.17.0"])(count(["a"]))
""")
    assert project("outer") == ["1.16.0", "1.16.0", "1.17.0", True]
    assert project("outer_too") == ["1.15.0"]
    assert project("calls") == "1.17.0"


def test_a_value_that_the_environment_cannot_open_is_explained(project: Project) -> None:
    project.write("""
from partita import flow, task


@task
def made() -> object:
    import pytest

    return pytest.approx(1.0)


@task(environment=["six==1.16.0"])
def opened(value: object) -> str:
    return str(value)


@flow
def crossing() -> str:
    return opened(made())
""")
    with pytest.raises(StepError, match=r"(?s)pytest.*environment of opened.*six==1\.16\.0"):
        project("crossing")


def other_python() -> str | None:
    """Another Python than ours that is new enough."""
    roots = [Path(path) for path in os.environ.get("PATH", "").split(os.pathsep)]
    roots += sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob("3.*/bin"))
    for minor in (14, 13, 12, 11):
        if minor == sys.version_info.minor:
            continue
        for root in roots:
            path = root / f"python3.{minor}"
            if path.is_file() and subprocess.run([path, "-c", "import ssl"], capture_output=True).returncode == 0:
                return str(path)
    return None


def test_another_version_of_python_works(project: Project) -> None:
    python = other_python()
    if python is None:
        pytest.skip("there is no other Python of 3.11 or newer on this machine")
    project.write(f"""
import sys

from partita import Environment, flow, task


@task
def here() -> list[int]:
    return list(sys.version_info[:2])


@task(environment=Environment(["six==1.16.0"], python={python!r}))
def there(before: list[int]) -> list[list[int]]:
    import six

    return [before, list(sys.version_info[:2])]


@flow
def both() -> list[list[int]]:
    return there(here())
""")
    ours, theirs = project("both")
    assert ours == list(sys.version_info[:2])
    assert f"python{theirs[0]}.{theirs[1]}" == Path(python).name


def test_uv_that_is_missing_is_told_in_one_sentence(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "executable", str(project.folder / "python"))
    monkeypatch.setattr("partita.executors.environments.uv.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'partita\[environments\]'"):
        find_uv()


def test_a_module_that_needs_more_than_the_environment_has_is_explained(project: Project) -> None:
    project.write("import pytest\n" + SIX)
    with pytest.raises(StepError, match=r"(?s)pytest.*environment of old.*import what single tasks need inside"):
        project("both")
