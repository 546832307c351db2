"""What a step reports is told by the command line, the API, a workspace of either kind, and the step's page."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from partita.client import Client, RemoteWorkspace
from partita.workspace import open_workspace
from tests.serving import Served, serving

FLOW = """
from partita import context, flow, task

@task
def fit() -> int:
    for epoch in range(3):
        context().report("loss", 1 / (epoch + 1), step=epoch)
    context().report("accuracy", 0.8123456789, step=2)
    context().report("gap", float("nan"))
    return 1

@flow
def training() -> int:
    return fit()
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("reports")
    (folder / "partita.toml").write_text("")
    (folder / "training.py").write_text(FLOW)
    made = serving(folder)
    made.wait(made.launch("training.py:training"))
    yield made
    made.stop()


def _run(served: Served) -> str:
    run: str = served.get("/api/v1/runs")["items"][0]["id"]
    return run


def test_both_workspaces_tell_the_same(served: Served) -> None:
    run, there = _run(served), RemoteWorkspace(Client(served.url, served.token))
    here = open_workspace(served.folder)
    told = here.reports(run, 1)
    here.close()
    assert [(view["name"], view["at_step"]) for view in told] == [
        ("loss", 0), ("loss", 1), ("loss", 2), ("accuracy", 2), ("gap", 0)
    ]  # fmt: skip
    assert there.reports(run, 1)[:4] == there.reports(run)[:4] == told[:4]
    assert there.reports(run, 1)[4]["value"] is None
    there.close()


def test_the_command_line_shows_the_last_of_each(served: Served) -> None:
    words = (sys.executable, "-m", "partita.cli", "runs", "show", "latest", "fit")
    told = subprocess.run(
        words, cwd=served.folder, text=True, capture_output=True, check=True, env=dict(os.environ)
    ).stdout
    rows = [line.split() for line in told.splitlines()]
    assert ["loss", "0.333333", "2", "3"] in rows and ["gap", "nan", "0", "1"] in rows


def test_the_page_has_a_table_and_a_chart_of_what_has_several_steps(served: Served) -> None:
    run = _run(served)
    page = served.ask("GET", f"/runs/{run}?step=1", headers={"accept": "text/html"}).data.decode()
    assert "What it reported" in page and "0.812346" in page
    assert page.count("reported.svg") == 1
    drawn = served.ask("GET", f"/runs/{run}/steps/1/reported.svg?name=loss")
    assert drawn.status == 200 and b"loss" in drawn.data and drawn.headers["content-type"].startswith("image/svg+xml")
    assert served.ask("GET", f"/runs/{run}/steps/1/reported.svg?name=none").status == 404
    other = served.ask("GET", f"/runs/{run}?step=0", headers={"accept": "text/html"}).data.decode()
    assert "What it reported" not in other
