"""Flows that are typed into a notebook or a console, on a real engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from partita.errors import ValueStoreError
from partita.workspace.runs import Run
from tests.integration.conftest import Project

pytest.importorskip("nbclient", reason="needs the extra 'test'")
from tests.integration.kernels import Kernel, kernel_in

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:jupyter_client"),
]

IMPORTS = """
from __future__ import annotations
import math
from dataclasses import dataclass
from partita import context, flow, settle, task
"""

POINTS = """
@dataclass
class Point:
    x: int
    y: int = 0

    def norm(self) -> float:
        return math.hypot(self.x, self.y)

FACTOR = 2

@task
def grow(point: Point) -> Point:
    return Point(point.x * FACTOR, point.y * FACTOR)

@flow
def grown(point: Point) -> Point:
    return grow(point)
"""


@pytest.fixture
def kernel(project: Project) -> Iterator[Kernel]:
    with kernel_in(project.folder) as made:
        made(IMPORTS)
        yield made


def test_a_flow_of_cells_runs_in_workers_and_its_classes_come_back_as_they_are(kernel: Kernel) -> None:
    kernel(POINTS)
    told = kernel("found = grown.run(Point(3, 4)).result(); print(found, type(found) is Point, found.norm())")
    assert told == "Point(x=6, y=8) True 10.0"
    kernel(
        "import os\n@task\ndef process() -> int:\n    return os.getpid()\n@flow\ndef where() -> int:\n    return process()"
    )
    assert kernel("print(where.run().result() == os.getpid())") == "False"


def test_a_cell_that_is_run_again_changes_only_what_it_changed(kernel: Kernel) -> None:
    kernel(POINTS)
    kernel(
        """
@task(cache=True)
def doubled(x: int) -> int:
    return FACTOR * x

@task(cache=True)
def tripled(x: int) -> int:
    return 3 * x

@flow
def both(x: int) -> list[int]:
    return [doubled(x), tripled(x)]

def cached(run):
    return [step["path"] for step in run.steps if "cached" in step["marks"]]
"""
    )
    kernel("both.run(5).result()")
    assert kernel("run = both.run(5); print(run.result(), cached(run))") == "[10, 15] ['doubled', 'tripled']"
    kernel("FACTOR = 4")
    assert kernel("run = both.run(5); print(run.result(), cached(run))") == "[20, 15] ['tripled']"
    kernel("@task(cache=True)\ndef tripled(x: int) -> int:\n    # in words\n    return 3 * x\n")
    assert kernel("run = both.run(5); print(run.result(), cached(run))") == "[20, 15] ['doubled', 'tripled']"
    kernel("@task(cache=True)\ndef tripled(x: int) -> int:\n    return 3 * x + 1\n")
    assert kernel("run = both.run(5); print(run.result(), cached(run))") == "[20, 16] ['doubled']"


def test_an_object_counts_as_another_one_when_the_cell_of_its_class_changes(kernel: Kernel, project: Project) -> None:
    things = """
class Thing:
    def of(self, number):
        return number * 2

class Kind(BaseEstimator):
    def of(self, number):
        return number * 2
"""
    kernel("from sklearn.base import BaseEstimator\nfrom typing import Any\n" + things)
    kernel(
        """
@task(cache=True)
def use(thing: Any) -> int:
    return thing.of(21)

@task
def made() -> Any:
    return Kind()

@flow
def both(thing: Any) -> list[int]:
    return [use(thing), use(made())]

def cached(run):
    return sum("cached" in step["marks"] for step in run.steps)
"""
    )
    assert kernel("run = both.run(Thing()); print(run.result(), cached(run))") == "[42, 42] 0"
    assert kernel("run = both.run(Thing()); print(run.result(), cached(run))") == "[42, 42] 2"
    kernel(things.replace("* 2", "* 3"))
    assert kernel("run = both.run(Thing()); print(run.result(), cached(run))") == "[63, 63] 0"
    kernel("# another cell of no matter")
    assert kernel("run = both.run(Thing()); print(run.result(), cached(run))") == "[63, 63] 2"


def test_everything_a_task_can_do_works_in_cells(kernel: Kernel, project: Project) -> None:
    kernel(POINTS)
    kernel(
        """
import asyncio
from enum import Enum
from typing import NamedTuple

class Color(Enum):
    RED = "red"

class Pair(NamedTuple):
    left: int
    color: Color

@task
async def later(x: int) -> int:
    await asyncio.sleep(0)
    return x + 1

def is_mild(error: BaseException) -> bool:
    return "mild" in str(error)

class Sharp(Exception):
    pass

@task(retries=3, retry_on=is_mild, retry_delay=0.01)
def shaky(x: int) -> int:
    if context().attempt < 3:
        raise ValueError("mild")
    return x

@task
def spare(x: int) -> int:
    return -x

@task(fallback=spare)
def broken(x: int) -> int:
    raise Sharp(x)

@task
def pair(x: int) -> Pair:
    return Pair(x, Color.RED)

def removed(result: str) -> None:
    with open("undone.txt", "a") as file:
        file.write(result)

@task(compensate=removed)
def placed() -> str:
    return "it"

@task
def fails_after(it: str) -> None:
    raise Sharp("late")

@flow
def undone() -> None:
    fails_after(placed())

@flow
def until(x: int, limit: int) -> int:
    return x if x >= limit else until(later(x), limit)

@flow
def everything(n: int) -> dict:
    return {
        "until": until(0, 4), "shaky": shaky(7), "broken": broken(5), "pair": pair(1),
        "mapped": grow.map([Point(i) for i in range(n)]), "settled": settle(pair.with_options(name="again")(2)),
        "over": later.map(later.map(range(3))),
    }
"""
    )
    kernel("r = everything.run(2).result()")
    told = kernel("print(r['until'], r['shaky'], r['broken'], r['mapped'], r['over'])")
    assert told == "4 7 -5 [Point(x=0, y=0), Point(x=2, y=0)] [2, 3, 4]"
    assert kernel(
        "print(type(r['pair']) is Pair, r['pair'].color is Color.RED, r['settled'].value == (2, Color.RED))"
    ) == ("True True True")
    assert "Sharp: late" in kernel("undone.run().result()", may_fail=True)
    assert (project.folder / "undone.txt").read_text() == "it"


def test_modules_beside_the_notebook_travel_as_ordinary_code(kernel: Kernel, project: Project) -> None:
    folder = project.folder / "notebooks"
    folder.mkdir()
    (folder / "beside.py").write_text("from partita import task\n@task\ndef near(x: int) -> int:\n    return x + 1\n")
    project.write("def far(x):\n    return 10 * x\n", "above.py")
    (project.folder / "src").mkdir()
    with kernel_in(folder) as made:
        made(IMPORTS)
        made("import sys; sys.path.append('..'); import above; from beside import near")
        made(
            "@task\ndef far(x: int) -> int:\n    return above.far(x)\n@flow\ndef both(x: int) -> int:\n    return far(near(x))"
        )
        assert made("print(both.run(3).result())") == "40"


def test_a_failure_shows_the_cells_lines(kernel: Kernel) -> None:
    kernel("@task\ndef divide(x: int) -> float:\n    half = 1 / x  # here\n    return half\n")
    kernel("@flow\ndef divided(x: int) -> float:\n    return divide(x)\n")
    assert (
        kernel("run = divided.run(0); run.result()", may_fail=True)
        == "StepError: divide failed: ZeroDivisionError: division by zero"
    )
    told = kernel("print(run.view['error']['traceback'])")
    assert 'File "In[2]", line 3, in divide' in told
    assert "half = 1 / x  # here" in told
    assert kernel("print(run.steps[-1]['place'])") == "In[3]:3"


def test_what_cannot_travel_is_named_with_what_uses_it(kernel: Kernel) -> None:
    kernel(
        "import threading\nguard = {'inner': [threading.Lock()]}\n@task\ndef careful(x: int) -> int:\n    return len(guard) + x\n"
    )
    kernel("@flow\ndef guarded(x: int) -> int:\n    return careful(x)\n")
    told = kernel("guarded.run(1)", may_fail=True)
    assert told.startswith("DefinitionError: the notebook's guard, which careful uses, cannot travel to a worker")
    assert "['inner'][0] is of type _thread.lock" in told
    assert "in the task" in told


def test_a_large_variable_is_refused_with_its_size_and_what_to_do(kernel: Kernel) -> None:
    kernel(
        "import numpy\ntable = numpy.zeros((1000, 1000, 40))\n@task\ndef total(x: int) -> float:\n    return table.sum() + x\n"
    )
    kernel("@flow\ndef totals(x: int) -> float:\n    return total(x)\n")
    told = kernel("totals.run(1)", may_fail=True)
    assert "total uses the variable table of the notebook (ndarray, 305.2 MiB)" in told
    assert "pass table to the flow as an argument" in told
    kernel("table = table[:60]")
    cell = kernel.show("print(totals.run(1).result())")
    streams = {output.name: output.text for output in cell.outputs if output.output_type == "stream"}
    assert streams["stdout"].strip() == "1.0"
    assert "UserWarning" in streams["stderr"] and "18.3 MiB" in streams["stderr"]


def test_flows_of_an_imported_module_take_values_and_functions_of_cells(kernel: Kernel, project: Project) -> None:
    project.write(
        "from typing import Any\nfrom partita import flow, task\n"
        "@task\ndef apply(function: Any, x: Any) -> Any:\n    return function(x)\n"
        "@flow\ndef applied(function: Any, x: Any) -> Any:\n    return apply(function, x)\n",
        "tools.py",
    )
    kernel(POINTS + "\ndef turned(point):\n    return Point(point.y, point.x * FACTOR)\n")
    told = kernel(
        "from tools import applied; found = applied.run(turned, Point(1, 2)).result(); print(found, type(found) is Point)"
    )
    assert told == "Point(x=2, y=2) True"
    assert kernel("print(applied.run(lambda point: point.norm(), Point(3, 4)).result())") == "5.0"


SCRIPT = IMPORTS + POINTS + "\nfound = grown.run(Point(3, 4)).result()\nprint(found, type(found) is Point)\n"


@pytest.mark.parametrize("way", ["command", "standard input", "console"])
def test_a_flow_typed_elsewhere_runs_too(way: str, project: Project) -> None:
    arguments = {"command": ["-c", SCRIPT], "standard input": ["-"], "console": ["-i", "-q"]}[way]
    text = SCRIPT if way != "console" else _typed_in(SCRIPT)
    told = subprocess.run(
        [sys.executable, *arguments],
        input=text,
        cwd=project.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Point(x=6, y=8) True" in told.stdout, told.stderr


def _typed_in(source: str) -> str:
    """As one types it: an empty line ends a block, and none stands in it."""
    lines = [line for line in source.split("\n") if line.strip()]
    typed = []
    for number, line in enumerate(lines):
        if number and lines[number - 1].startswith(" ") and not line.startswith(" "):
            typed.append("")
        typed.append(line)
    return "\n".join(typed) + "\n"


def test_a_rerun_from_the_command_line_keeps_the_cells_that_the_run_had(kernel: Kernel, project: Project) -> None:
    kernel(POINTS)
    kernel("run = grown.run(Point(1, 2))")
    again = Run(project.workspace, project.workspace.rerun(kernel("print(run.id)")))
    assert again.wait(60).state == "succeeded"
    with pytest.raises(ValueStoreError, match="run the cell that defines Point first"):
        again.result()
    assert (
        kernel(f'import partita; print(partita.Run(partita.open_workspace(), "{again.id}").result())')
        == "Point(x=2, y=4)"
    )
