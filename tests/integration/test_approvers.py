"""Who may approve: not whoever launched the run, however it is said whose it is."""

from __future__ import annotations

import time

import pytest

from partita.cli import main
from partita.errors import AnswerError
from partita.protocol.studies import StudyView, TuneRequest
from partita.protocol.waits import WaitView
from partita.views.home import home_of
from tests.integration.conftest import Project
from tests.waiting import wait_until

_FLOWS = """
from partita import approval, flow

@flow
def careful(version: str) -> bool:
    return approval(f"Deploy {version}?", not_by="launcher").approved
""".replace(".approved", "")


def _asked(project: Project, run: str) -> WaitView:
    until = time.monotonic() + 60
    while not (found := project.workspace.waits(run)):
        assert time.monotonic() < until, "nobody is asked"
        time.sleep(0.05)
    return found[0]


def test_whoever_launched_a_run_may_reject_but_not_approve_it(project: Project) -> None:
    project.write(_FLOWS.replace("-> bool", "-> object"))
    workspace = project.workspace
    run = workspace.launch("flows.py:careful", texts={"version": "1"}, by="ann", owner="team")
    assert _asked(project, run)["not_by"] == ["ann", "team"]
    for name in ("ann", "team"):
        with pytest.raises(AnswerError, match="somebody else has to"):
            workspace.approve(run, by=name)
    workspace.approve(run, by="ben", comment="fine")
    assert workspace.wait(run, 60)["run"]["state"] == "succeeded"
    over = workspace.closed_waits()
    assert [(wait["name"], wait["outcome"], wait["not_by"]) for wait in over] == [
        ("Deploy 1?", "approved", ["ann", "team"])
    ]
    assert workspace.closed_waits(before=(over[0]["number"], over[0]["step"])) == []


def test_whoever_runs_it_again_is_its_launcher(project: Project) -> None:
    project.write(_FLOWS.replace("-> bool", "-> object"))
    workspace = project.workspace
    first = workspace.launch("flows.py:careful", texts={"version": "1"}, by="ann")
    _asked(project, first)
    workspace.reject(first, by="ann")
    workspace.wait(first, 60)
    again = workspace.rerun(first, by="ben")
    assert _asked(project, again)["not_by"] == ["ben"]
    workspace.approve(again, by="ann")
    assert workspace.wait(again, 60)["run"]["state"] == "succeeded"


_TUNED = """
from partita import approval, flow, task

@task
def value(x: float, said: object) -> float:
    return x

@flow
def tuned(x: float) -> float:
    return value(x, approval("Go on?", not_by="launcher"))
"""


def test_whoever_asks_for_a_study_launches_its_runs(project: Project) -> None:
    pytest.importorskip("optuna")
    project.write(_TUNED)
    workspace = project.workspace
    excluded: dict[str, list[str]] = {}

    def show(view: StudyView) -> None:
        for wait in workspace.waits():
            excluded[wait["run"]] = list(wait["not_by"])
            workspace.approve(wait["run"], by="eve")

    asked = TuneRequest(flow="flows.py:tuned", study="one", space={"x": "0.0..1.0"}, trials=1, parallel=1, user="ann")
    assert workspace.tune(asked, show)["state"] == "ended"
    workspace.tune(TuneRequest(study="one", trials=2, parallel=1, user="ben"), show)
    assert list(excluded.values()) == [["ann"], ["ben"]]


def test_an_approval_is_found_behind_any_number_of_other_waits(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write("""
from partita import approval, flow, task, wait_for
@flow
def one(n: int) -> None:
    wait_for("never", key=n)
@flow
def hold(n: int) -> None:
    one.map(list(range(n)))
@flow
def ask() -> None:
    approval("Deploy?")
""")
    held = project.start("hold", n=1050)
    workspace = project.workspace
    wait_until(lambda: len(workspace.waits()) == 1050)
    asking = project.start("ask")
    wait_until(lambda: len(workspace.waits()) == 1051)
    assert [wait["name"] for wait in workspace.waits(kinds=("approval", "answer"))] == ["Deploy?"]
    assert len(workspace.waits(kinds=("event",))) == 1050 and len(workspace.waits(limit=1010)) == 1010
    assert [wait["name"] for wait in home_of(workspace, 0.0)["waits"]] == ["Deploy?"]
    monkeypatch.chdir(project.folder)
    assert main(["approve"]) == 0
    assert "Deploy?" in capsys.readouterr().out
    asking.wait(30)
    workspace.cancel(held.id)
