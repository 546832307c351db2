"""CI and pushes with real repositories and a real engine."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from partita.cli.app import main
from partita.errors import NotFoundError, PublishError
from partita.publishing.pushes import Push, verify_push
from partita.settings import load_settings
from partita.workspace.ci import run_ci
from partita.workspace.local import LocalWorkspace
from partita.workspace.runs import Run
from tests.integration.conftest import Project
from tests.integration.test_publishing import SOURCE, TESTS
from tests.unit.publishing.test_repository import git

RULES = """
[ci]
rules = ["branch main -> dev", "tag v* -> staging", "branch next -> publish"]
flows = ["flows.py:train"]
[gates.train.staging]
tests = ["test_flows.py"]
"""
SECRET = "a long secret"


def commit(folder: Path, message: str) -> str:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def repository(folder: Path, source: str = SOURCE, tests: str = TESTS) -> Path:
    folder.mkdir(exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / ".gitignore").write_text(".partita/\n")
    (folder / "flows.py").write_text(source)
    (folder / "test_flows.py").write_text(tests)
    commit(folder, "one")
    return folder


def test_a_branch_is_published_and_promoted_and_a_tag_passes_gates(make_project: Callable[[str], Project]) -> None:
    project = make_project(RULES)
    repository(project.folder)
    workspace = project.workspace
    report = run_ci(workspace, {})
    assert report["is_good"] and report["rule"] == "branch main -> dev" and report["system"] == "git"
    told = report["flows"][0]
    assert (told["version"], told["is_new"], told["stage"], told["is_moved"]) == ("train@1", True, "dev", True)
    view = workspace.publication("train@dev")
    assert (
        view["source"]["commit"] == report["commit"]
        and view["source"]["branch"] == "main"
        and view["source"]["is_clean"]
    )
    again = run_ci(workspace, {})
    assert not again["flows"][0]["is_new"] and again["flows"][0]["is_moved"]
    git(project.folder, "tag", "v1")
    tagged = run_ci(workspace, {})
    assert tagged["is_good"] and tagged["flows"][0]["stage"] == "staging" and tagged["flows"][0]["is_moved"]
    assert [gate["is_met"] for gate in tagged["flows"][0]["gates"]] == [True]
    (project.folder / "test_flows.py").write_text(TESTS.replace("== 4", "== 5"))
    commit(project.folder, "two")
    git(project.folder, "tag", "v2")
    failed = run_ci(workspace, {})
    assert not failed["is_good"] and "tests" in failed["flows"][0]["error"]
    assert workspace.publication("train@staging")["version"] == "train@1"


def test_a_proposal_and_a_branch_without_a_rule_are_only_checked(make_project: Callable[[str], Project]) -> None:
    project = make_project(RULES)
    repository(project.folder)
    variables = {
        "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_REF": "refs/pull/1/merge", "GITHUB_HEAD_REF": "main",
    }  # fmt: skip
    report = run_ci(project.workspace, variables)
    assert report["is_good"] and report["is_proposal"] and not report["rule"]
    assert run_ci(project.workspace, {}, branch="topic")["rule"] == ""
    assert project.workspace.publications() == []
    project.write(SOURCE.replace("return fit(x)", "return fit(fit(str(x), 3))", 1))
    report = run_ci(project.workspace, variables)
    assert not report["is_good"] and "flows.py" in report["flows"][0]["error"]


def test_the_command_tells_a_summary_and_its_status(
    make_project: Callable[[str], Project], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project(RULES)
    repository(project.folder)
    monkeypatch.chdir(project.folder)
    summary = project.folder.parent / "summary.md"
    for name, text in {
        "GITHUB_ACTIONS": "true", "GITHUB_REF_NAME": "main", "GITHUB_REF": "refs/heads/main", "GITHUB_ACTOR": "ann",
        "GITHUB_SHA": "c" * 40, "GITHUB_STEP_SUMMARY": str(summary),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, text)
    for name in ("GITHUB_EVENT_NAME", "GITHUB_REF_TYPE", "GITHUB_HEAD_REF"):
        monkeypatch.delenv(name, raising=False)
    assert main(["ci"]) == 0
    told = capsys.readouterr().out
    assert "branch main at cccccccccc" in told and "in dev" in told and "train@1" in told
    assert "| in dev | `flows.py:train` | train@1 |" in summary.read_text()
    assert main(["ci", "--check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rule"] == ""
    project.write("def broken(:\n")
    assert main(["ci"]) == 1
    assert "failed" in capsys.readouterr().out and "failed" in summary.read_text()
    project.workspace.stop_engine()


def push_of(repository: Path, ref: str = "refs/heads/main", name: str = "acme/news") -> Push:
    head = git(repository, "rev-parse", "HEAD")
    document = {
        "ref": ref, "after": head, "head_commit": {"id": head, "message": "better"}, "pusher": {"name": "ann"},
        "repository": {"full_name": name, "clone_url": "https://elsewhere.example/x.git"},
    }  # fmt: skip
    body = json.dumps(document).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": signature, "X-GitHub-Event": "push", "X-GitHub-Delivery": "d1"}
    return verify_push(headers, body, SECRET)


def test_a_push_is_fetched_from_the_named_repository_and_published_by_its_rules(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    (origin / "sub").mkdir()
    (origin / "sub" / "flows.py").write_text(SOURCE.replace("def train", "def sub_train"))
    head = commit(origin, "sub")
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "partita.toml").write_text(
        '[ci]\nrules = ["branch main -> dev", "tag v* -> publish"]\n'
        f'[repositories."acme/news"]\nurl = "file://{origin}"\nflows = ["flows.py:train"]\n'
        f'[repositories."acme/sub"]\nurl = "file://{origin}"\nfolder = "sub"\nrules = ["branch * -> prod"]\n'
        f'flows = ["flows.py:sub_train"]\n[repositories."acme/gone"]\nurl = "file://{tmp_path}/gone"\n'
    )
    workspace = LocalWorkspace(folder, load_settings(folder))
    try:
        report = workspace.publish_push(push_of(origin))
        assert report["is_good"] and report["flows"][0]["version"] == "train@1" and report["flows"][0]["is_moved"]
        view = workspace.publication("train@dev")
        assert (view["source"]["commit"], view["source"]["branch"], view["by"], view["note"]) == (
            head,
            "main",
            "push:ann",
            "better",
        )
        assert view["source"]["repository"] == f"file://{origin}"
        run = Run(workspace, workspace.launch_published("train@dev", {"x": "4"}))
        assert run.result(120) == 8
        assert workspace.publish_push(push_of(origin, name="ACME/sub"))["is_good"]
        assert workspace.publication("sub_train")["stages"] == ["prod"]
        assert workspace.publish_push(push_of(origin, "refs/tags/v1"))["flows"][0]["stage"] == ""
        assert workspace.publish_push(push_of(origin, "refs/heads/topic"))["flows"] == []
        with pytest.raises(NotFoundError, match="names no 'acme/other'"):
            workspace.publish_push(push_of(origin, name="acme/other"))
        with pytest.raises((PublishError, NotFoundError)):
            workspace.publish_push(push_of(origin, name="acme/gone"))
        assert not list(workspace.state.glob(".push-*"))
    finally:
        workspace.stop_engine()


def test_a_push_of_what_is_broken_publishes_nothing(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", "def broken(:\n")
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "partita.toml").write_text(
        f'[repositories."acme/news"]\nurl = "file://{origin}"\nflows = ["flows.py:train"]\nrules = ["branch main -> dev"]\n'
    )
    workspace = LocalWorkspace(folder, load_settings(folder))
    try:
        report = workspace.publish_push(push_of(origin))
        assert not report["is_good"] and "flows.py" in report["flows"][0]["error"]
        assert workspace.publications() == []
    finally:
        workspace.stop_engine()
