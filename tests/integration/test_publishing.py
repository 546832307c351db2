"""Published flows on a real engine: versions side by side, stages, gates, and code that came from elsewhere."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partita.errors import AnswerError, CheckError, GateError, NotFoundError, PublishError
from partita.settings import read_gates
from partita.values import unpack
from partita.views.inbox import evidence_of
from partita.workspace.local import open_workspace
from partita.workspace.runs import Run, encoder_of
from partita.workspace.sweeping import Sweep
from tests.integration.conftest import Project
from tests.waiting import wait_until

SOURCE = '''
from partita import context, flow, task

FACTOR = 2

@task
def fit(x: int) -> int:
    context().report("accuracy", 0.5)
    return x * FACTOR

@flow
def train(x: int = 3) -> int:
    """Train it.

    Args:
        x: how much.
    """
    return fit(x)

@flow
def needs(x: int) -> int:
    return fit(x)

@flow
def slow(x: float = 30.0) -> int:
    return wait(x)

@task
def wait(x: float) -> int:
    import time
    time.sleep(x)
    return 1
'''


def value_of(project: Project, run: str) -> Any:
    """The result of a run, waited for."""
    return project.result(Run(project.workspace, run))


def ended(project: Project, run: str) -> str:
    return str(Run(project.workspace, run).wait(120).state)


def test_versions_live_side_by_side_and_runs_keep_theirs(project: Project) -> None:
    project.write(SOURCE)
    workspace = project.workspace
    one = workspace.publish("flows.py:train", note="first", by="ann")
    assert (one["version"], one["is_new"], one["note"], one["by"]) == ("train@1", True, "first", "ann")
    assert workspace.publish("flows.py:train")["version"] == "train@1"
    assert not workspace.publish("flows.py:train")["is_new"]
    project.write(SOURCE.replace("FACTOR = 2", "FACTOR = 10"))
    two = workspace.publish("flows.py:train")
    assert two["version"] == "train@2" and two["bundle"] != one["bundle"] and two["code"] != one["code"]
    project.write("raise SystemError('what lies here now is no part of it')")
    first, second, newest = (workspace.launch_published(name, {"x": "4"}) for name in ("train@1", "train@2", "train"))
    assert [value_of(project, run) for run in (first, second, newest)] == [8, 40, 40]
    views = [workspace.run(run) for run in (first, second, newest)]
    assert [view["publication"] for view in views] == ["train@1", "train@2", "train@2"]
    assert [view["bundle"] for view in views] == [one["bundle"], two["bundle"], two["bundle"]]
    assert {view["id"] for view in workspace.runs(publication="train@2")} == {second, newest}
    assert (
        len(workspace.runs(publication="train")) == 3 and workspace.runs(publication="train@2", states=["failed"]) == []
    )
    again = workspace.rerun(first)
    assert value_of(project, again) == 8 and workspace.run(again)["publication"] == "train@1"
    assert [view["number"] for view in workspace.publications("train")] == [2, 1]
    assert [view["version"] for view in workspace.publications()] == ["train@2"]


def test_what_a_version_takes_and_its_graph_are_kept(project: Project) -> None:
    project.write(SOURCE)
    view = project.workspace.publish("flows.py:train", name="my-flow")
    shown = project.workspace.publication("my-flow")
    assert shown == {**view, "is_new": False}
    assert shown["summary"] == "Train it." and shown["returns"] == {"type": "int", "kind": "integer"}
    assert shown["parameters"] == [
        {
            "name": "x", "type": {"type": "int", "kind": "integer"}, "is_required": False, "has_default": True, "default": 3,
            "default_text": "3", "description": "how much.",
        }
    ]  # fmt: skip
    graph = shown["graph"]
    assert graph is not None and [step["path"] for step in graph["steps"]] == ["fit"]
    assert graph["profiles"][graph["profile_of"][0]]["function"] == "flows.py:fit"
    assert project.workspace.publish("flows.py:needs")["graph"] is None


def test_what_cannot_be_laid_out_or_is_no_flow_is_not_published(project: Project) -> None:
    project.write(SOURCE + "\n@flow\ndef bad(x: str = 'a') -> int:\n    return fit(fit(x))\n")
    with pytest.raises(CheckError, match="fit"):
        project.workspace.publish("flows.py:bad")
    with pytest.raises(CheckError, match="no flow"):
        project.workspace.publish("flows.py:fit")
    with pytest.raises(CheckError, match="absent"):
        project.workspace.publish("flows.py:absent")
    with pytest.raises(NotFoundError, match="cannot be the name"):
        project.workspace.publish("flows.py:train", name="a b/c")
    project.write("from math import nonesuch\n")
    with pytest.raises(CheckError, match="nonesuch") as caught:
        project.workspace.publish("flows.py:train")
    assert "from math" in str(caught.value) and "describing" not in str(caught.value)
    assert project.workspace.publications() == []


def test_inputs_of_a_version_are_checked_as_those_of_any_flow(project: Project) -> None:
    project.write(SOURCE)
    project.workspace.publish("flows.py:train")
    with pytest.raises(CheckError, match="x"):
        value_of(project, project.workspace.launch_published("train", {"x": "many"}))
    with pytest.raises(NotFoundError, match="no version 4"):
        project.workspace.launch_published("train@4")
    with pytest.raises(NotFoundError, match="no flow was published as 'other'"):
        project.workspace.launch_published("other")
    key = [project.workspace.launch_published("train", {"x": str(x)}, key="once") for x in (1, 2)]
    assert key[0] == key[1] and value_of(project, key[0]) == 2


def test_a_retired_version_starts_no_runs_and_the_newest_is_another(project: Project) -> None:
    project.write(SOURCE)
    workspace = project.workspace
    workspace.publish("flows.py:train")
    project.write(SOURCE.replace("= 2", "= 5"))
    workspace.publish("flows.py:train")
    workspace.promote("train", 2, "dev")
    with pytest.raises(GateError, match="dev"):
        workspace.retire_publication("train@2")
    workspace.promote("train", 1, "dev")
    workspace.retire_publication("train@2")
    assert workspace.publication("train")["version"] == "train@1"
    with pytest.raises(NotFoundError, match="retired"):
        workspace.launch_published("train@2")
    with pytest.raises(NotFoundError, match="retired"):
        workspace.promote("train", 2, "prod")
    assert workspace.publish("flows.py:train")["version"] == "train@3"


def test_the_code_of_publications_is_never_swept(project: Project) -> None:
    project.write(SOURCE)
    workspace = project.workspace
    kept = workspace.publish("flows.py:train")["bundle"]
    project.write(SOURCE + "# more\n")
    loose = workspace.bundle()
    for hash in (kept, loose):
        os.utime(workspace.state / "bundles" / hash, (1, 1))
    told = Sweep(workspace.state, grace_s=60.0).collect()
    assert told["bundles"] >= 1
    assert (workspace.state / "bundles" / kept).is_dir() and not (workspace.state / "bundles" / loose).exists()
    assert value_of(project, workspace.launch_published("train", {"x": "2"})) == 4


def test_what_a_version_changes_is_told_before_it_takes_over(project: Project) -> None:
    project.write(SOURCE)
    (project.folder / "notes.txt").write_text("one")
    workspace = project.workspace
    workspace.publish("flows.py:train")
    changed = SOURCE.replace("@task\ndef fit", "@task(retries=3)\ndef fit").replace("x * FACTOR", "x * FACTOR + 0")
    project.write(changed.replace("def train(x: int = 3)", "def train(y: int, x: int = 4)"))
    (project.folder / "notes.txt").write_text("two")
    workspace.publish("flows.py:train")
    found = workspace.publication_diff("train", 1, 2)
    assert found["is_breaking"] and not found["is_same"] and not found["has_graphs"]
    assert [(item["name"], item["change"]) for item in found["parameters"]] == [("x", "changed"), ("y", "added")]
    assert {"name": "flows.py:fit", "change": "changed", "is_used": True} in found["functions"]
    assert found["files"] == [["notes.txt", "changed"]]
    assert workspace.publication_diff("train", 1, 1)["is_same"]
    project.write(changed)
    workspace.publish("flows.py:train")
    found = workspace.publication_diff("train", 1, "latest")
    assert found["has_graphs"] and found["steps"][0]["options"] == {"retries": [None, 3]} and not found["is_breaking"]


def test_stages_are_moved_with_a_reason_and_back(project: Project) -> None:
    project.write(SOURCE)
    workspace = project.workspace
    for factor in (2, 3, 4):
        project.write(SOURCE.replace("= 2", f"= {factor}"))
        workspace.publish("flows.py:train")
    assert workspace.promote("train", 1, "prod", why="start", by="ann")["is_moved"]
    assert workspace.publication("train")["version"] == "train@1"  # what its last stage has
    assert value_of(project, workspace.launch_published("train", {"x": "1"})) == 2
    assert workspace.publication("train@latest")["version"] == "train@3"
    workspace.promote("train", 2, "prod", by="bo")
    workspace.promote("train", "latest", "dev")
    assert workspace.publication("train@prod")["version"] == "train@2"
    assert [(item["stage"], item["number"], item["by"]) for item in workspace.stages("train")][1:] == [
        ("staging", 0, ""), ("prod", 2, "bo"),
    ]  # fmt: skip
    back = workspace.roll_back("train", "prod", why="it broke", by="cy")
    assert (back["before"], back["after"], back["why"]) == (2, 1, "it broke")
    with pytest.raises(NotFoundError, match="no other version before"):
        workspace.roll_back("train", "prod")
    moves = workspace.stage_moves("train", stage="prod")
    assert [(move["before"], move["after"], move["by"]) for move in moves] == [
        (2, 1, "cy"),
        (1, 2, "bo"),
        (0, 1, "ann"),
    ]
    assert moves[0]["record"] == {"rollback": True} and workspace.stage_moves("train", before=moves[0]["id"], limit=1)
    with pytest.raises(GateError, match="since"):
        workspace.ask("stage_move", name="train", stage="prod", before=2, after=3)
    with pytest.raises(NotFoundError, match="no stage 'live'"):
        workspace.promote("train", 1, "live")


GATED = """
[gates.train.prod]
tests = ["test_flows.py"]
sample = { x = 5 }
within = "60s"
floors = ["accuracy >= 0.4"]
"""
TESTS = "from flows import fit\n\n\ndef test_fit():\n    assert fit(2) == 4\n"


def test_a_stage_moves_when_its_gates_are_met(make_project: Callable[[str], Project]) -> None:
    project = make_project(GATED)
    project.write(SOURCE)
    project.write(TESTS, "test_flows.py")
    workspace = project.workspace
    workspace.publish("flows.py:train")
    before = workspace.gates("train@1", "prod")
    assert [gate["gate"] for gate in before["gates"]] == ["tests", "sample", "floor accuracy >= 0.4"]
    assert all(gate["is_met"] is None for gate in before["gates"]) and not before["run"]
    found = workspace.promote("train", 1, "prod", why="tested", by="ann")
    assert not found["is_moved"] and found["run"]
    assert ended(project, found["run"]) == "succeeded"
    state = workspace.gates("train@1", "prod")
    assert all(gate["is_met"] for gate in state["gates"]) and state["has_stage"]
    assert (state["run"], state["state"], state["by"], state["why"]) == (found["run"], "succeeded", "ann", "tested")
    assert "1 passed" in state["gates"][0]["told"]
    assert "1 passed" in Run(workspace, found["run"]).logs()
    move = workspace.stage_moves("train")[0]
    assert move["by"] == "ann" and move["record"]["run"] == found["run"] and len(move["record"]["gates"]) == 3
    sample = workspace.runs(publication="train@1")[0]
    assert sample["parent"] == found["run"] and sample["state"] == "succeeded"


def test_a_gate_that_is_not_met_moves_nothing_and_the_others_are_told(make_project: Callable[[str], Project]) -> None:
    project = make_project(GATED.replace("0.4", "0.9"))
    project.write(SOURCE)
    project.write(TESTS.replace("== 4", "== 5"), "test_flows.py")
    workspace = project.workspace
    workspace.publish("flows.py:train")
    found = workspace.promote("train", 1, "prod")
    assert ended(project, found["run"]) == "failed"
    state = workspace.gates("train@1", "prod")
    assert [gate["is_met"] for gate in state["gates"]] == [False, True, False] and not state["has_stage"]
    assert "1 failed" in state["gates"][0]["told"] and "0.5" in state["gates"][2]["told"]
    with pytest.raises(GateError, match="reason"):
        workspace.promote("train", 1, "prod", force=True)
    forced = workspace.promote("train", 1, "prod", force=True, why="now")
    assert forced["is_moved"] and forced["move"] is not None and forced["move"]["record"] == {"forced": True}
    rerun = workspace.rerun(found["run"], same_code=True)  # what it checked is not checked by a copy of it
    assert ended(project, rerun) == "failed" and workspace.gates("train@1", "prod")["run"] == found["run"]


def test_a_sample_that_takes_too_long_is_stopped(make_project: Callable[[str], Project]) -> None:
    project = make_project("cancel_grace = 1\n")
    project.write(SOURCE)
    workspace = project.workspace
    workspace.publish("flows.py:slow")
    gates = read_gates({"sample": {"x": 120}, "within": "2s"})
    found = workspace.promote("slow", 1, "prod", gates=gates)
    begun = time.monotonic()
    assert ended(project, found["run"]) == "failed" and time.monotonic() - begun < 60
    assert "more than 2 s" in workspace.gates("slow@1", "prod")["gates"][0]["told"]


def test_promotion_waits_for_persons_other_than_who_asks(make_project: Callable[[str], Project]) -> None:
    project = make_project("[gates.'*'.prod]\napprovals = 2\n")
    project.write(SOURCE)
    workspace = project.workspace
    workspace.publish("flows.py:train")
    run = workspace.promote("train", 1, "prod", by="ann", why="please")["run"]
    wait_until(lambda: bool(workspace.waits(run)), 60)
    wait = workspace.waits(run)[0]
    assert (wait["name"], wait["required"], wait["not_by"]) == ("Give prod train@1?", 2, ["ann"])
    assert [item["name"] for item in evidence_of(workspace, wait)] == ["why"]
    with pytest.raises(AnswerError, match="ann may not approve"):
        workspace.approve(run, by="ann")
    workspace.approve(run, by="bo", comment="fine")
    assert not workspace.gates("train@1", "prod")["has_stage"]
    workspace.approve(run, by="bo")
    assert not workspace.gates("train@1", "prod")["has_stage"]  # one person counts once
    workspace.approve(run, by="cy")
    assert ended(project, run) == "succeeded" and workspace.gates("train@1", "prod")["has_stage"]
    project.write(SOURCE + "# more\n")
    workspace.publish("flows.py:train")
    run = workspace.promote("train", 2, "prod", by="ann")["run"]
    wait_until(lambda: bool(workspace.waits(run)), 60)
    workspace.reject(run, by="bo", comment="not today")
    assert ended(project, run) == "failed"
    gate = workspace.gates("train@2", "prod")["gates"][0]
    assert gate["is_met"] is False and gate["told"] == "rejected by bo: not today"
    assert workspace.publication("train@prod")["version"] == "train@1"


def test_who_approves_reads_what_the_gates_have_found(make_project: Callable[[str], Project]) -> None:
    project = make_project("")
    project.write(SOURCE)
    workspace = project.workspace
    workspace.publish("flows.py:train")
    run = workspace.promote("train", 1, "prod", by="ann", gates=read_gates({"sample": {}, "approvals": 1}))["run"]
    wait_until(lambda: bool(workspace.waits(run)), 60)
    (told,) = evidence_of(workspace, workspace.waits(run)[0])
    assert told["name"] == "gates" and [name for name, _ in told["pairs"]] == ["sample"]
    assert "succeeded" in told["pairs"][0][1] and "'" not in told["pairs"][0][1]
    workspace.approve(run, by="bo")
    assert ended(project, run) == "succeeded"


def test_gates_do_not_move_a_stage_that_somebody_moved_meanwhile(make_project: Callable[[str], Project]) -> None:
    project = make_project("[gates.train.prod]\napprovals = 1\n")
    project.write(SOURCE)
    workspace = project.workspace
    workspace.publish("flows.py:train")
    project.write(SOURCE + "# more\n")
    workspace.publish("flows.py:train")
    run = workspace.promote("train", 2, "prod", by="ann")["run"]
    wait_until(lambda: bool(workspace.waits(run)), 60)
    workspace.promote("train", 1, "prod", force=True, why="first")
    workspace.approve(run, by="bo")
    assert ended(project, run) == "failed"
    assert workspace.publication("train@prod")["version"] == "train@1"


def test_what_is_asked_on_publishing_has_to_be_met_before_runs_start(make_project: Callable[[str], Project]) -> None:
    project = make_project('[gates.train.publish]\ntests = ["test_flows.py", "-k fit"]\n')
    project.write(SOURCE)
    project.write(TESTS, "test_flows.py")
    workspace = project.workspace
    one = workspace.publish("flows.py:train")
    assert one["lacks"] == ["tests"]
    state = workspace.gates("train@1")
    assert ended(project, state["run"]) == "succeeded"
    assert workspace.publication("train@1")["lacks"] == []
    project.write(TESTS.replace("== 4", "== 5"), "test_flows.py")
    workspace.publish("flows.py:train")
    run = workspace.gates("train@2")["run"]
    assert run != state["run"] and ended(project, run) == "failed"
    with pytest.raises(GateError, match="has not passed what is asked on publishing: tests"):
        workspace.launch_published("train@2")
    with pytest.raises(GateError, match="has not passed"):
        workspace.promote("train", 2, "dev")
    assert workspace.publication("train")["version"] == "train@1"
    assert value_of(project, workspace.launch_published("train", {"x": "1"})) == 2
    again = workspace.publish("flows.py:train")
    assert again["version"] == "train@2" and not again["is_new"] and workspace.gates("train@2")["run"] != run


def test_code_that_was_packed_elsewhere_is_published(tmp_path: Path) -> None:
    there, here = Project(_made(tmp_path / "there")), Project(_made(tmp_path / "here"))
    there.write(SOURCE)
    try:
        hash = there.workspace.bundle()
        archive = there.workspace.bundle_archive(hash)
        (tmp_path / "code.tar").write_bytes(archive)
        assert here.workspace.receive_bundle(tmp_path / "code.tar") == hash == here.workspace.receive_bundle(archive)
        view = here.workspace.publish("flows.py:train", bundle=hash, by="far")
        assert view["bundle"] == hash and view["source"]["commit"] == ""
        assert value_of(here, here.workspace.launch_published("train", {"x": "6"})) == 12
        with pytest.raises(NotFoundError, match="no code"):
            here.workspace.publish("flows.py:train", bundle="0" * 64)
        with pytest.raises(PublishError):
            here.workspace.receive_bundle(b"nothing of the kind")
    finally:
        here.workspace.stop_engine()
        there.workspace.stop_engine()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_many_that_publish_and_promote_at_once_leave_one_order(project: Project) -> None:
    project.write(SOURCE)
    workspace = project.workspace
    workspace.publish("flows.py:train")
    record = {"title": "train", "parameters": []}
    bundle = workspace.publication("train")["bundle"]

    def publish(number: int) -> None:
        other = open_workspace(project.folder)
        try:
            fields = {"name": "train", "flow": f"flows.py:f{number}", "bundle": bundle, "record": record}
            view = other.ask("publish", **fields)
            for _ in range(50):
                try:
                    other.promote("train", view["number"], "dev", by=str(number))
                    return
                except GateError:  # somebody was quicker
                    continue
        finally:
            other.close()

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [view["number"] for view in workspace.publications("train")] == list(range(7, 0, -1))
    moves = workspace.stage_moves("train")[::-1]
    assert len(moves) == 6 and all(a["after"] == b["before"] for a, b in itertools.pairwise(moves))
    assert moves[-1]["after"] == workspace.stages("train")[0]["number"]


def test_the_result_of_a_check_tells_what_was_found(make_project: Callable[[str], Project]) -> None:
    project = make_project("")
    project.write(SOURCE)
    workspace = project.workspace
    workspace.publish("flows.py:train")
    run = workspace.promote("train", 1, "dev", gates=read_gates({"sample": {}}))["run"]
    assert ended(project, run) == "succeeded"
    packed = workspace.run(run, with_result=True)["result"]
    assert packed is not None
    told = encoder_of(workspace).decode(unpack(packed))
    assert told["version"] == "train@1" and "succeeded" in told["found"][0]
