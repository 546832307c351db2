from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from partita import Environment, flow, task
from partita.core.environment import Declaration
from partita.errors import CheckError, OptionError
from partita.flow.entry import lay_out
from partita.flow.environments import EnvironmentReader, environment_option
from partita.flow.layout import Layout
from partita.values import PLAIN


def reader(folder: Path) -> tuple[EnvironmentReader, list[tuple[str, str, str]]]:
    problems: list[tuple[str, str, str]] = []
    return EnvironmentReader([folder], lambda *problem: problems.append(problem)), problems


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["six==1.16"], Environment(["six==1.16"])),
        (("six",), Environment(["six"])),
        ([], Environment([])),
        ("needs.txt", Environment("needs.txt")),
        ("uv.lock", Environment(lock="uv.lock")),
        ("sub/uv.lock", Environment(lock="sub/uv.lock")),
        ("sub", Environment(lock="sub")),
        ({"requirements": ["six"], "python": "3.12"}, Environment(["six"], python="3.12")),
        (Environment(["six"]), Environment(["six"])),
        (False, False),
        (None, None),
    ],
)
def test_what_may_be_written(written: Any, meant: Any) -> None:
    assert environment_option("environment", written) == meant


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("six==1.16", r'give a list: environment=\["six==1.16"\]'),
        (["six=1.16"], "'six=1.16' is not a requirement"),
        ({"packages": ["six"]}, "there is no packages"),
        (["partita"], "in every environment already"),
        (True, "is not an environment"),
    ],
)
def test_what_may_not_is_told(written: Any, told: str) -> None:
    with pytest.raises(OptionError, match=told):
        environment_option("environment", written)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"python": "3.10"}, "too old"),
        ({"python": "newest"}, "not a version"),
        ({"requirements": ["six"], "lock": "uv.lock"}, "give one of them"),
        ({"groups": ["dev"]}, "give lock="),
        ({"lock": "uv.lock", "groups": ["no name!"]}, "not a list of names"),
    ],
)
def test_an_environment_that_cannot_be_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionError, match=told):
        Environment(**given)


def test_a_requirements_file_is_read_into_the_declaration(tmp_path: Path) -> None:
    (tmp_path / "needs.txt").write_text("six\n")
    reading, problems = reader(tmp_path)
    text = reading.text(Environment("needs.txt", python="3.12"), "", "fit", "flows.py:3")
    assert Declaration.from_text(text) == Declaration(("six",), python="3.12", origin="needs.txt")
    assert not problems


def test_a_lock_is_told_by_its_hash(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "uv.lock").write_text("one")
    first = reader(tmp_path)[0].text(Environment(lock="uv.lock"), "", "fit", "")
    (tmp_path / "uv.lock").write_text("two")
    second = reader(tmp_path)[0].text(Environment(lock="."), "", "fit", "")
    assert Declaration.from_text(first).lock == Declaration.from_text(second).lock == "."
    assert Declaration.from_text(first).lock_digest != Declaration.from_text(second).lock_digest


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        (Environment("needs.txt"), "needs.txt, which is not there"),
        (Environment(lock="uv.lock"), "needs uv.lock and pyproject.toml"),
        (Environment(lock="../else"), "outside of the project"),
    ],
)
def test_files_that_are_missing_are_told(tmp_path: Path, environment: Environment, told: str) -> None:
    reading, problems = reader(tmp_path)
    assert reading.text(environment, "", "fit", "flows.py:3") == ""
    [(message, place, remedy)] = problems
    assert told in message and place == "flows.py:3" and remedy


def encode(value: Any, declared: Any = None) -> list[Any]:
    return [PLAIN, value]


@task
def plain() -> int:
    return 1


@task(environment=["six==1.16.0"])
def special() -> int:
    return 1


@task(environment=False)
def bare() -> int:
    return 1


@flow
def inside() -> list[int]:
    return [plain(), special(), bare()]


@flow(environment=["toml"])
def around() -> list[Any]:
    return [plain(), inside(), bare()]


def environments(layout: Layout) -> dict[str, str]:
    return {
        profile.title: ", ".join(Declaration.from_text(profile.environment).requirements) if profile.environment else ""
        for profile in layout.profiles
    }


def test_tasks_take_the_environment_of_the_flow_around_them() -> None:
    assert environments(lay_out(inside, encode=encode)) == {"plain": "", "special": "six==1.16.0", "bare": ""}
    assert environments(lay_out(around, encode=encode)) == {
        "plain": "toml", "inside": "toml", "special": "six==1.16.0", "bare": "",
    }  # fmt: skip


def test_the_call_of_a_flow_that_is_laid_out_later_says_its_environment() -> None:
    """More than its definition does: what the call said comes with the step."""

    @flow
    def outer() -> list[Any]:
        return around.with_options(environment=["six==1.17.0"])()

    (called,) = [profile for profile in lay_out(outer, encode=encode).profiles if profile.title == "around"]
    later = Layout(encode, environment=called.environment)
    assert environments(lay_out(around, layout=later, is_root=False)) == {
        "plain": "six==1.17.0", "inside": "six==1.17.0", "special": "six==1.16.0", "bare": "",
    }  # fmt: skip


def test_the_environment_is_part_of_the_fingerprint() -> None:
    def fingerprints(target: Any) -> dict[str, str]:
        layout = lay_out(target, encode=encode, fingerprint=lambda function: "same")
        return {profile.title: profile.fingerprint for profile in layout.profiles}

    found = fingerprints(inside)
    assert found["plain"] == found["bare"] == "same" != found["special"]
    assert fingerprints(around)["plain"] not in ("same", found["special"])


@task(environment="nowhere.txt")
def lost() -> int:
    return 1


@flow
def losing() -> list[int]:
    return [lost(), lost()]


def test_a_missing_file_refuses_the_flow() -> None:
    with pytest.raises(CheckError, match=r"nowhere\.txt, which is not there") as refused:
        lay_out(losing, encode=encode)
    assert len(refused.value.problems) == 1


def test_an_environment_travels_with_a_task_that_is_pickled() -> None:
    environment = Environment(["six"], python="3.12")
    assert pickle.loads(pickle.dumps(environment)) == environment
    assert hash(pickle.loads(cloudpickle.dumps(environment))) == hash(environment)
