"""What a notebook shows of runs, from real kernels."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import Project

pytest.importorskip("nbclient", reason="needs the extra 'test'")
from tests.integration.kernels import Kernel, kernel_in

pytestmark = pytest.mark.integration

CELLS = """\
import time
import partita
from partita import context, flow, task

@task
def load(name: str) -> list[int]:
    print("loading", name)
    return list(range(len(name)))

@task
def score(row: int) -> float:
    print("scoring", row)
    return 1 / row

@task
def slow(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"

@flow
def study(name: str) -> list[float]:
    return score.map(load(name))

@flow
def loaded(name: str) -> list[int]:
    return load(name)

@flow
def slowly(seconds: float) -> str:
    return slow(seconds)
"""


@pytest.fixture
def kernel(project: Project) -> Iterator[Kernel]:
    with kernel_in(project.folder) as made:
        made(CELLS)
        yield made


def pages(cell: Any) -> list[str]:
    return [output.data["text/html"] for output in cell.outputs if "text/html" in output.get("data", {})]


def test_a_run_is_shown_once_and_stays_as_it_ended(kernel: Kernel) -> None:
    cell = kernel.show("loaded.run('oak')")
    (page,) = pages(cell)
    assert "<b>loaded</b>" in page and "succeeded" in page and "[0, 1, 2]" in page
    plain = [output.data["text/plain"] for output in cell.outputs if "data" in output]
    assert plain[0].startswith("loaded succeeded in ") and plain[1].startswith("<Run ")
    assert len(plain) == 2


def test_a_failed_run_shows_the_users_traceback_and_its_log(kernel: Kernel) -> None:
    cell = kernel.show("run = study.run('oak')\nrun.result()")
    (page,) = pages(cell)
    assert "score[]/score[0]" in page and "ZeroDivisionError: division by zero" in page
    assert "File &quot;In[1]&quot;, line 13, in score" in page and "return 1 / row" in page
    assert "the end of its log" in page and "scoring 0" in page
    (error,) = [output for output in cell.outputs if output.output_type == "error"]
    assert error.ename == "StepError" and "partita/workspace" not in "\n".join(error.traceback)
    assert "return 1 / row" in "\n".join(error.traceback)


def test_a_run_that_nobody_waits_for_is_drawn_on_until_it_has_ended(kernel: Kernel) -> None:
    cell = kernel.show("run = slowly.submit(0.6)")
    kernel("run.wait()")
    assert "succeeded" in pages(cell)[0] and "slept" in pages(cell)[0]
    other = kernel.show("slowly.submit(0.3)")
    kernel(
        "import threading\nwhile any(t.name.startswith('partita run') for t in threading.enumerate()): time.sleep(0.05)"
    )
    assert "succeeded" in pages(other)[0]


def test_a_run_from_another_cell_is_drawn_where_it_is_asked_for(kernel: Kernel) -> None:
    kernel("run = loaded.run('oak')")
    assert "<b>loaded</b>" in pages(kernel.show("run"))[0]
    assert "load" in pages(kernel.show("run.steps"))[0]
    assert "<svg" in pages(kernel.show("run.graph"))[0]
    assert "<b>flow</b>" in pages(kernel.show("partita.open_workspace().runs()"))[0]


def test_a_graph_is_drawn_before_anything_runs(kernel: Kernel, project: Project) -> None:
    (page,) = pages(kernel.show("study.graph('oak')"))
    assert "score ×n" in page and "load" in page
    assert kernel("print(study.graph('oak'))").splitlines()[1].startswith("├─ load")
    assert project.workspace.runs() == []
    told = kernel("study.graph(5)", may_fail=True)
    assert "study's input name: 5 (int), not str" in told and "In[1]:" in told


def test_nothing_is_shown_where_the_settings_say_so(project: Project) -> None:
    (project.folder / "partita.toml").write_text('notebook_display = "off"\n')
    with kernel_in(project.folder) as made:
        made(CELLS)
        assert made.show("run = loaded.run('oak')").outputs == []
        assert "succeeded" in pages(made.show("run"))[0]
        assert "succeeded" in pages(made.show("run.show()"))[0], "it was asked for"


def test_a_run_that_has_ended_is_shown_as_it_ended_at_once(kernel: Kernel) -> None:
    kernel("run = loaded.run('oak')")
    assert "succeeded" in pages(kernel.show("run.show()"))[0]


def test_an_interrupted_cell_leaves_the_run_and_says_how_to_come_back(kernel: Kernel, project: Project) -> None:
    import threading

    def interrupt() -> None:
        while not any(run["state"] == "running" for run in project.workspace.runs()):
            time.sleep(0.05)
        time.sleep(1.0)  # into the wait
        assert kernel.client.km is not None
        interrupted = kernel.client.km.interrupt_kernel()
        if hasattr(interrupted, "__await__"):
            import asyncio

            asyncio.run(interrupted)  # type: ignore[arg-type]

    thread = threading.Thread(target=interrupt)
    thread.start()
    kernel(
        "import pathlib\n@task\ndef wait_for_go() -> str:\n    import time\n"
        "    while not pathlib.Path('go').exists():\n        time.sleep(0.02)\n    return 'slept'\n"
        "@flow\ndef patiently() -> str:\n    return wait_for_go()\n"
    )
    cell = kernel.show("patiently.run()")
    thread.join()
    (error,) = [output for output in cell.outputs if output.output_type == "error"]
    assert error.ename == "KeyboardInterrupt"
    (page,) = pages(cell)
    assert "the run goes on" in page
    run = project.workspace.runs()[0]["id"]
    (project.folder / "go").touch()
    assert f"run = partita.Run(partita.open_workspace(), &quot;{run}&quot;)" in page or f'"{run}")' in page
    assert kernel(f'run = partita.Run(partita.open_workspace(), "{run}"); print(run.wait().result())') == "slept"


def test_a_kernel_that_ends_harms_no_run(project: Project) -> None:
    with kernel_in(project.folder) as made:
        made(CELLS)
        made("run = slowly.submit(1.0)")
    run = project.workspace.runs()[0]["id"]
    with kernel_in(project.folder) as other:
        told = other(f'import partita; print(partita.Run(partita.open_workspace(), "{run}").result())')
    assert told == "slept"


def test_many_brief_steps_do_not_flood_the_notebook(kernel: Kernel) -> None:
    kernel(
        "from partita.workspace import display\ncalls = []\nbefore = display.RunDisplay._update\n"
        "display.RunDisplay._update = lambda self, drawn: (calls.append(len(drawn)), before(self, drawn))\n"
        "@flow\ndef many(n: int) -> list[float]:\n    return score.map(range(1, n))\n"
    )
    assert kernel("run = many.run(1500); print(run.state)") == "succeeded"
    assert (
        kernel(
            "took = run.view['ended_at'] - run.view['created_at']; print(len(calls) <= 3 + 4 * took, max(calls) < 12000)"
        )
        == "True True"
    )


def test_a_study_is_drawn_while_it_goes_on_and_when_it_is_looked_at(kernel: Kernel) -> None:
    pytest.importorskip("optuna")
    kernel(
        "from typing import Annotated\n"
        "from partita.tune import Range, tune\n"
        "@flow\n"
        "def searched(row: Annotated[int, Range(1, 9)]) -> float:\n"
        "    return score(row)"
    )
    cell = kernel.show("tuned = tune(searched, trials=3, seed=0)\ntuned")
    drawn, looked_at = pages(cell)
    assert "3 succeeded" in drawn and "all 3 trials were made" in drawn
    assert "<svg" in looked_at and "row = " in looked_at
