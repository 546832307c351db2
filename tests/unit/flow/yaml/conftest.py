"""A folder with tasks, and flows written beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from partita import Flow, load_flow
from partita.errors import CheckError
from partita.testing import MemoryRun, memory_workspace

TASKS = """
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from partita import Outcome, flow, task


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Model:
    score: float
    name: str


@dataclass
class Trial:
    name: str
    scores: list[int]


@task
def numbers(count: int) -> list[int]:
    return list(range(count))


@task
def rows(count: int) -> list[dict[str, int]]:
    return [{"id": index, "size": index * 10} for index in range(count)]


@task
def square(number: int) -> int:
    return number * number


@task
def add(left: int, right: int = 1) -> int:
    return left + right


@task
def total(values: list[int]) -> int:
    return sum(values)


@task
def train(rate: float) -> Model:
    return Model(rate * 10, "small")


@task
def say(text: str) -> str:
    return text


@task
def perhaps(number: int | None = None) -> str:
    return f"got {number}"


@task
def best(trials: list[Trial]) -> str:
    return max(trials, key=lambda trial: sum(trial.scores)).name


@task
def paint(color: Color, file: Path) -> str:
    return f"{type(color).__name__}.{color.name} {type(file).__name__} {file}"


@task
def risky(number: int) -> int:
    if number > 2:
        raise ValueError(f"{number} is too much")
    return number


@task
def look(outcome: Outcome[int]) -> str:
    return "fine" if outcome.ok else outcome.error.message


@task
def instead(number: int) -> int:
    return -number


def plain(number: int) -> int:
    return number


@flow
def twice(number: int) -> int:
    return square(square(number))
"""


class Folder:
    """Where flows are written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("toolbox.py", TASKS)

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.write_text(dedent(text), encoding="utf-8")
        return file

    def flow(self, text: str, name: str = "flow.yaml") -> Flow[..., Any]:
        return load_flow(self.write(name, text))

    def result(self, text: str, **inputs: Any) -> Any:
        """The result of a run, which is that of a plain call."""
        flow = self.flow(text)
        with memory_workspace():
            ran = flow.run(**inputs).result()
        assert flow(**inputs) == ran
        return ran

    def run(self, text: str, **inputs: Any) -> MemoryRun:
        with memory_workspace():
            run = self.flow(text).run(**inputs)
            run.wait()
            self.steps = {step["path"]: step["state"] for step in run.steps}
            return run

    def problems(self, text: str) -> list[str]:
        """Each problem as "line:column message | remedy"."""
        with pytest.raises(CheckError) as caught:
            self.flow(text)
        return [f"{p.place.partition(':')[2]} {p.message} | {p.remedy}" for p in caught.value.problems]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def problems(folder: Folder) -> Callable[[str], list[str]]:
    return folder.problems
