"""The news example, unchanged, on each kind of executor: chosen by the run, and with the same result to the last digit."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.contract.docker_image import packaged_image
from tests.examples.conftest import EXAMPLES
from tests.integration.conftest import Project
from tests.integration.kubernetes_cluster import TestNamespace, admin_config
from tests.integration.s3_server import running_bucket

pytestmark = [
    pytest.mark.integration, pytest.mark.service,
    pytest.mark.filterwarnings("ignore:Unverified HTTPS request"),  # as the certificate of a cluster for tests may be
]  # fmt: skip

pytest.importorskip("sklearn", reason="needs the extra 'examples'")

EXAMPLE = EXAMPLES / "news_sentiment"
#: Of the same versions everywhere: others may compute the last digits otherwise.
_PACKAGES = ("scikit-learn", "scipy", "numpy", "matplotlib")
#: Under which pods reach this machine.
_HOST = os.environ.get("TEST_HOST_ADDRESS", "172.17.0.1")
_AWS = ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"]


class Found(NamedTuple):
    """What a run of the example has given."""

    chosen: str
    accuracy: float
    macro_f1: float
    report: str  # the whole of report.md
    metrics: list[tuple[str, str, float | None]]  # (path of the step, name, value)


class Ground:
    """What the executors of one test need, until it has ended."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.patch = stack.enter_context(pytest.MonkeyPatch.context())

    def docker(self) -> dict[str, Any]:
        return {"kind": "docker", "image": _image(), "pull": "never"}

    def kubernetes(self) -> dict[str, Any]:
        admin_config()
        image = _image()
        bucket = self.stack.enter_context(running_bucket(self.patch, _HOST))
        self.patch.setenv("PARTITA_ARTIFACTS", f"{bucket}/news")
        space = TestNamespace(self.folder.parent)
        self.stack.callback(space.close)
        pods = {
            "namespace": space.name, "working_directory": str(self.folder), "volumes": [f"host:{self.folder}:{self.folder}"],
        }  # fmt: skip
        self.folder.chmod(0o777)  # pods are not who we are, and write the report there
        return {"kind": "kubernetes", "image": image, "pull": "never", "variables": _AWS, "kubernetes": pods}

    def ray(self) -> dict[str, Any]:
        pytest.importorskip("ray", reason="Ray is not installed: pip install 'partita[ray]'")
        return {"kind": "ray"}  # one of its own, started when the first step needs it


def _image() -> str:
    return packaged_image(*(f"{name}=={importlib.metadata.version(name)}" for name in _PACKAGES))


@pytest.fixture(scope="module")
def run_example(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Found]:
    """Runs a copy of the example on an executor of this kind, as a user does: from a shell, in its folder."""

    def run(kind: str) -> Found:
        folder = tmp_path_factory.mktemp(f"on-{kind}") / "news"
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".partita", "report", "__pycache__"))
        with ExitStack() as stack:
            ground = Ground(folder, stack)
            name = "process"
            if kind != "process":
                name = "chosen"
                # The machine's settings; the example's own file says nothing of where it runs.
                table = {**getattr(ground, kind)(), "cpu": 2, "memory": "4GiB"}
                ground.patch.setenv("PARTITA_EXECUTORS", json.dumps({name: table}))
            project = Project(folder, (folder / "partita.toml").read_text())
            stack.callback(project.workspace.stop_engine)
            words = ["run", "flow.py", "--executor", name, "--folds", "2", "--json"]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            told = subprocess.run(
                [sys.executable, "-m", "partita.cli", *words],
                cwd=folder, env=environment, capture_output=True, text=True, timeout=540,
            )  # fmt: skip
            assert told.returncode == 0, told.stdout + told.stderr
            return _found(project, json.loads(told.stdout), name)

    return run


def _found(project: Project, run: dict[str, Any], executor: str) -> Found:
    workspace, result = project.workspace, run["result"]
    # Its body, each task and each element of a map.
    assert {attempt["executor"] for attempt in workspace.attempts(run["id"])} == {executor}
    paths = {step["id"]: step["path"] for step in workspace.all_steps(run["id"])}
    reports = workspace.reports(run["id"])
    metrics = sorted((paths[report["step"]], report["name"], report["value"]) for report in reports)
    report = (project.folder / "report" / "report.md").read_text(encoding="utf-8")
    return Found(result["chosen"], result["accuracy"], result["macro_f1"], report, metrics)


@pytest.fixture(scope="module")
def here(run_example: Callable[[str], Found]) -> Found:
    """What it gives on processes of this machine."""
    return run_example("process")


def test_on_processes_it_gives_what_plain_calls_give(
    here: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(EXAMPLE)
    example = importlib.import_module("flow")
    summary = example.news_sentiment(EXAMPLE / "data" / "sent_train.csv.gz", tmp_path / "report", folds=2)
    assert here[:3] == (summary.chosen, summary.accuracy, summary.macro_f1)
    assert here.report == (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert len(here.metrics) == 3 * 2  # candidates by folds


@pytest.mark.parametrize("kind", ["docker", "kubernetes", "ray"])
def test_elsewhere_it_gives_the_same(here: Found, run_example: Callable[[str], Found], kind: str) -> None:
    assert run_example(kind) == here
