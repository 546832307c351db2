"""`partita build` on a real Docker: the image that it makes, and steps that run in it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from partita.cli import main
from tests.contract.docker_image import base_image
from tests.integration.conftest import Project

pytestmark = [pytest.mark.integration, pytest.mark.service, pytest.mark.timeout(1200)]

FLOWS = """
import os
from partita import flow, task

@task(executor="boxes")
def inside() -> list:
    import tomli_w
    return [os.path.exists("/app/flows.py"), tomli_w.dumps({"a": 1})]

@flow
def go() -> list:
    return inside()
"""
LOOK = """
import json, os, sys, partita.worker.loop
print(json.dumps([os.getuid(), os.getcwd(), sorted(os.listdir(".")), os.path.expanduser("~"), os.access(".", os.W_OK)]))
"""
NETWORK = "--docker-arg=--network=host"


@pytest.fixture
def built(make_project: Any, monkeypatch: pytest.MonkeyPatch) -> Project:
    base = base_image()
    monkeypatch.setenv("DOCKER_BUILDKIT", os.environ.get("DOCKER_BUILDKIT", "0"))
    project: Project = make_project(f'build_base = "{base}"\nbuild_image = "partita-test-project"\n')
    project.write(FLOWS)
    project.write("tomli-w>=1.0\n", "requirements.txt")
    project.write("TOKEN=hush\n", ".env")
    monkeypatch.chdir(project.folder)
    return project


def run_in(image: str, *words: str) -> Any:
    line = ["docker", "run", "--rm", "--network", "none", image, *words]
    return json.loads(subprocess.run(line, capture_output=True, text=True, check=True, timeout=300).stdout)


def test_an_image_is_built_and_steps_run_in_it(built: Project, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["build", NETWORK, "--json"])
    told = capsys.readouterr()
    if "the package index cannot be reached" in told.err:
        pytest.skip("the package index cannot be reached from builds")
    assert status == 0, told.err
    first = json.loads(told.out)
    image = first["image"]
    config = json.loads(subprocess.check_output(["docker", "image", "inspect", "--format", "{{json .Config}}", image]))
    assert config["User"] == "10001:10001" and config["Labels"]["partita.bundle"] == first["bundle"]
    files = ["flows.py", "partita.toml", "requirements.txt"]
    assert run_in(image, "python", "-c", LOOK) == [10001, "/app", files, "/home/partita", True]

    built.write(FLOWS + "\n# changed\n")
    assert main(["build", NETWORK]) == 0
    told = capsys.readouterr()
    assert "partita-test-project:" in told.out and image not in told.out
    before_code = told.err.partition("COPY --chown")[0]
    assert before_code.count("Using cache") + before_code.count("CACHED") >= 4
    assert "Successfully installed" not in told.err

    settings = f'[executors.boxes]\nkind = "docker"\nimage = "{image}"\npython = "python"\npull = "never"\ncpu = 1\nmemory = "1GiB"\n'
    (built.folder / "partita.toml").write_text(settings)
    again = Project(built.folder, settings)
    try:
        assert again("go") == [True, "a = 1\n"]
    finally:
        again.workspace.stop_engine()


def test_what_is_wrong_is_told_in_words(
    built: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["build", "--base", "no-such-image-here:1"]) == 4
    assert "base image" in capsys.readouterr().err
    Path("requirements.txt").write_text("packaging==0.0.1.dev1\n")
    assert main(["build", NETWORK]) == 4
    told = capsys.readouterr().err.partition("was not built")[2]
    assert "correct what the project declares" in told and "packaging==0.0.1.dev1" in told
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert main(["build"]) == 4
    assert "Docker does not answer" in capsys.readouterr().err
