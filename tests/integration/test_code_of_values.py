"""A cached step is computed again where the code of an object that it is given has changed, whichever way it is given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

THINGS = """
from dataclasses import dataclass
from enum import Enum

from sklearn.base import BaseEstimator, RegressorMixin

from partita import task

FACTOR = 2

def doubled(number):
    return number * 2

class Plain:
    def of(self, number):
        return number * 2

class Child(Plain):
    pass

@dataclass
class Record:
    name: str

    def of(self, number):
        return number * 2

class Way(Enum):
    UP = "up"

    def of(self, number):
        return number * 2

class Far(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.mean_ = 0.0
        return self

    def predict(self, X):
        return [number * 2 for number in X]
"""

FLOWS = """
from dataclasses import dataclass
from functools import partial
from typing import Any

from partita import flow, task
from partita.models import model_of
from things import Child, Far, Plain, Record, Way, doubled

class Here:
    def of(self, number):
        return number * 2

@dataclass
class Kept:
    number: Any

    def of(self, number):
        return self.number * 2

def make(kind: str) -> Any:
    if kind == "model":
        return model_of(Far(), example=[[1.0]])
    made = {"plain": Plain, "child": Child, "record": lambda: Record("a"), "here": Here, "kept": lambda: Kept(21)}
    if kind in made:
        return made[kind]()
    given = {"class": Plain, "enum": Way.UP, "function": doubled, "partial": partial(doubled), "task": twice}
    return given.get(kind, [[Plain()], {"a": (Plain(), 1)}])

def used(thing: Any, number: int) -> int:
    while isinstance(thing, list):
        thing = thing[0]
    if hasattr(thing, "predict"):
        return int(thing.predict([number], check=False)[0])
    if isinstance(thing, type):
        thing = thing()
    return thing.of(number) if hasattr(thing, "of") else getattr(thing, "__wrapped__", thing)(number)

@task
def twice(number: int) -> int:
    return number * 2

@task
def made(kind: str) -> Any:
    return make(kind)

@task
def number() -> int:
    return 21

@task(cache=True)
def use(thing: Any) -> int:
    with open("notes", "a") as file:
        file.write("used\\n")
    return used(thing, 21)

KINDS = ("plain", "child", "record", "enum", "class", "function", "partial", "task", "here", "kept", "nested", "model")
# `use` may be given anything: none of these ways shows in its own code.

@flow
def by_step() -> list[int]:
    return [use(made(kind)) for kind in KINDS]

@flow
def by_constant() -> list[int]:
    return [use(make(kind)) for kind in KINDS]

@flow
def by_input(things: list[Any]) -> list[int]:
    return [use(things[at]) for at in range(len(KINDS))]

@flow
def with_a_promise() -> list[int]:
    return [use(Kept(number()))]
"""


@pytest.fixture(autouse=True)
def _flows(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.folder / "things.py").write_text(THINGS)
    project.write(FLOWS)
    monkeypatch.chdir(project.folder)


def computed(project: Project) -> int:
    """How often the cached task has computed."""
    return len((project.folder / "notes").read_text().splitlines())


def change(project: Project) -> None:
    for name in ("things.py", "flows.py"):
        path = Path(project.folder / name)
        path.write_text(path.read_text().replace(" * 2", " * 3"))


@pytest.mark.parametrize("flow", ["by_step", "by_constant", "with_a_promise"])
def test_an_object_whose_code_has_changed_is_another_one(project: Project, flow: str) -> None:
    first = project(flow)
    assert set(first) == {42} and computed(project) == len(first)
    assert project(flow) == first and computed(project) == len(first)
    change(project)
    assert set(project(flow)) == {63} and computed(project) == 2 * len(first)


def test_what_a_program_gives_to_a_flow_counts_with_its_code(project: Project) -> None:
    program = "import flows; print(*flows.by_input.run([flows.make(kind) for kind in flows.KINDS]).result())"

    def given() -> list[str]:
        done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True, check=True)
        return done.stdout.split()

    first = given()
    assert set(first) == {"42"} and computed(project) == len(first)
    assert given() == first and computed(project) == len(first)
    change(project)
    assert set(given()) == {"63"} and computed(project) == 2 * len(first)
