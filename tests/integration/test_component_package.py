"""A package of components, from the template to a run in another environment."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest

import partita
from partita.cli import main

pytestmark = pytest.mark.integration
pytest.importorskip("hatchling", reason="needs hatchling")
uv = pytest.importorskip("uv", reason="needs uv")

FLOWS = """
from partita import flow
from text_tasks import common_words, count_words

count_long = count_words.partial(shortest=5)

@flow
def both(text: str) -> dict[str, object]:
    return {"words": common_words([text, text], top=1), "long": count_long(text)}
"""


def call(*words: Any, folder: Path) -> str:
    done = subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An environment of its own, which takes Partita and its libraries from this one."""
    venv.create(tmp_path / "environment", with_pip=False, symlinks=True)
    [packages] = (tmp_path / "environment" / "lib").glob("python*/site-packages")
    here = [str(Path(partita.__file__).parents[1]), sysconfig.get_path("purelib")]
    (packages / "here.pth").write_text("\n".join(here) + "\n")
    return tmp_path / "environment" / "bin" / "python"


def install(package: Path, python: Path, version: str) -> None:
    call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", folder=package)
    wheel = package / "dist" / f"text_tasks-{version}-py3-none-any.whl"
    call(uv.find_uv_bin(), "pip", "install", "--offline", "--no-deps", "-p", python, wheel, folder=package)


def listed(python: Path, project: Path) -> dict[str, tuple[str, str]]:
    words = ["components", "list", "--package", "text-tasks", "--json"]
    told = json.loads(call(python, "-m", "partita.cli", *words, folder=project))
    assert not told["broken"]
    return {item["name"]: (item["version"], item["kind"]) for item in told["components"]}


def test_a_new_package_is_built_installed_listed_and_run(
    tmp_path: Path, python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["components", "new", "text-tasks"]) == 0
    package, project = tmp_path / "text-tasks", tmp_path / "project"
    project.mkdir()
    (project / "partita.toml").write_text('idle_timeout = "1s"\n')
    (project / "flows.py").write_text(FLOWS)
    assert listed(python, project) == {}

    install(package, python, "0.1.0")
    assert listed(python, project) == {
        "text-tasks/common_words": ("0.1.0", "flow"), "text-tasks/count_words": ("0.1.0", "task"),
    }  # fmt: skip
    shown = json.loads(call(python, "-m", "partita.cli", "components", "show", "count_words", "--json", folder=project))
    assert shown["import_line"] == "from text_tasks import count_words"
    assert [(item["name"], item["type"], item["description"]) for item in shown["parameters"]] == [
        ("text", "str", "any text."), ("shortest", "int", "characters that a word must have to count."),
    ]  # fmt: skip
    call(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder=package)
    ran = call(python, "-m", "partita.cli", "run", "both", "--text", "words words long", "--json", folder=project)
    assert json.loads(ran)["result"] == {"words": ["words"], "long": {"words": 2}}

    about = package / "pyproject.toml"
    about.write_text(about.read_text().replace('version = "0.1.0"', 'version = "0.2.0"'))
    install(package, python, "0.2.0")
    assert {version for version, _ in listed(python, project).values()} == {"0.2.0"}
