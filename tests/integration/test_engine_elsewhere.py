"""An engine that works on no runs: what is launched at it is carried out on another machine, and shown here as it happens."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.errors import EngineError
from partita.workspace.runs import Run
from tests.contract.postgres_server import new_schema
from tests.integration.conftest import Project
from tests.integration.engines import engine_pid
from tests.integration.test_several_engines import LEASE_S, Machines, expected, make_machines, start_many
from tests.serving import Served, serving
from tests.waiting import wait_until

pytestmark = pytest.mark.integration


def hand_on(project: Project) -> None:
    """Let the project's engine work on nothing itself."""
    file = project.folder / "partita.toml"
    file.write_text(f"works = false\n{file.read_text()}")


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Machines]:
    """`one` hands on, `two` works."""
    made = make_machines(tmp_path, new_schema())
    hand_on(made.one)
    made.two.workspace.runs()
    yield made
    for project in made:
        project.workspace.stop_engine()


def test_what_is_launched_is_carried_out_at_the_engine_that_works(apart: Machines) -> None:
    run = start_many(apart.one, apart, count=10)
    assert apart.one.result(run) == expected(10)
    assert apart.workers_of(apart.two) == 10 and apart.workers_of(apart.one) == 0
    assert apart.one.result(apart.one.start("noted", text="b")) == {"b"}
    again = apart.one.workspace.rerun(run.id)
    assert apart.one.workspace.wait(again, 60)["is_final"]
    assert apart.workers_of(apart.two) == 10, "what was adopted ran again"


def test_what_waits_is_answered_and_logs_are_read_from_here(apart: Machines) -> None:
    there = apart.one.workspace
    asked, approved = apart.one.start("asked"), apart.one.start("approved")
    wait_until(lambda: len(there.waits()) == 2)
    assert there.send(asked.id, "paid", {"sum": 3}, key="7")
    assert there.approve(approved.id)["outcome"] == "approved"
    assert (apart.one.result(asked), apart.one.result(approved)) == ({"sum": 3}, "yes")
    noted = apart.one.start("noted")
    apart.one.result(noted)
    assert "noted a" in "".join(chunk["text"] for chunk in there.logs(noted.id))


def test_a_key_gives_one_run_however_it_is_handed_on(apart: Machines) -> None:
    def launch(project: Project) -> str:
        given: dict[str, Any] = {"texts": {"text": "k"}, "key": "same"}
        return str(project.workspace.launch("flows.py:noted", **given))

    assert len({launch(project) for project in (*apart, *apart, apart.one)}) == 1
    assert len(apart.two.workspace.runs()) == 1


def test_without_an_engine_that_works_launches_are_refused_and_runs_wait(apart: Machines) -> None:
    run = start_many(apart.one, apart, count=10, pause=0.1)
    wait_until(lambda: len(apart.done()) >= 2)
    os.kill(engine_pid(apart.two), signal.SIGKILL)
    time.sleep(LEASE_S + 1)  # one that works would have taken it by now
    with pytest.raises(EngineError, match="none that does is up: start one on another machine"):
        start_many(apart.one, apart, count=1)
    assert apart.one.workspace.run(run.id)["state"] == "running"
    assert not apart.one.workspace.watch(run.id, 0, 0.1)["is_final"]
    apart.two.workspace.runs()  # its engine starts again
    assert apart.one.result(run) == expected(10)
    assert apart.workers_of(apart.one) == 0


def test_what_others_do_is_told_here_at_once_and_does_not_go_round(apart: Machines) -> None:
    def news(project: Project, version: int, timeout_s: float) -> Any:
        return project.workspace.ask("news", version=version, timeout_s=timeout_s)

    for project in apart:
        news(project, -1, 1.0)
        news(project, news(project, -1, 1.0)["version"], 2.0)  # it has heard of the other by now
    versions = [news(project, -1, 0.0)["version"] for project in apart]
    run = apart.two.start("noted")
    heard: list[list[str]] = []
    began = time.monotonic()
    while ["run", run.id] not in heard:
        told = news(apart.one, versions[0], 5.0)
        versions[0], heard = told["version"], told["changes"]
        assert told["is_whole"] and time.monotonic() - began < 10, heard
    apart.two.result(run)
    changes = 0
    quiet_at = time.monotonic() + 3
    while time.monotonic() < quiet_at:
        for number, project in enumerate(apart):
            told = news(project, versions[number], 0.3)
            changes, versions[number] = changes + len(told["changes"]), told["version"]
    assert changes < 50, "news go round"
    for number, project in enumerate(apart):
        assert not news(project, versions[number], 1.0)["changes"]


def test_a_store_in_a_file_has_no_other_engine(tmp_path: Path) -> None:
    project = Project(tmp_path, "works = false\n")
    project.write("from partita import flow\n\n@flow\ndef one() -> int:\n    return 1\n")
    with pytest.raises(EngineError, match=r"works = false"):
        project.start("one")


@pytest.fixture
def served(apart: Machines) -> Iterator[Served]:
    made = serving(apart.one.folder)
    yield made
    made.stop()


def test_a_server_on_one_machine_shows_what_the_engine_of_another_does(apart: Machines, served: Served) -> None:
    run = served.launch("flows.py:many", place=str(apart.place), count=20, pause=0.1)
    seen: list[int] = []
    version, is_final = 0, False
    while not is_final:
        news = served.get(f"/api/v1/runs/{run}/watch?version={version}&timeout_s=5")
        version, is_final = news["version"], news["is_final"]
        seen.append(news["run"]["counts"].get("succeeded", 0))
    assert len(set(seen)) > 3 and seen == sorted(seen), seen
    assert news["run"]["state"] == "succeeded"
    assert apart.workers_of(apart.two) == 20
    machine = served.get("/api/v1/engine")
    assert machine["pid"] == engine_pid(apart.two)
    page = served.ask("GET", f"/runs/{run}", headers={"accept": "text/html"})
    assert page.status == 200 and "slow" in page.data.decode()


def test_an_engine_that_takes_the_place_of_another_goes_on_with_its_runs(apart: Machines, tmp_path: Path) -> None:
    run = start_many(apart.one, apart, count=100, pause=0.2)
    wait_until(lambda: len(apart.done()) >= 3)
    (tmp_path / "three").mkdir()
    third = Project(tmp_path / "three", (apart.two.folder / "partita.toml").read_text())
    third.write((apart.two.folder / "flows.py").read_text())
    third.workspace.state.mkdir()
    shutil.copy(apart.two.workspace.state / "key", third.workspace.state / "key")
    try:
        third.workspace.runs()
        apart.two.workspace.stop_engine()
        assert apart.one.result(Run(apart.one.workspace, run.id)) == expected(100)
        assert apart.workers_of(third) > 0
    finally:
        third.workspace.stop_engine()
