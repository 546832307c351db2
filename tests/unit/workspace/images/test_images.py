"""What an image of a project is made of: known without Docker."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from partita.cli import main
from partita.errors import CheckError, ContainerError, MissingExtraError, SettingsError
from partita.settings import load_settings
from partita.version import VERSION
from partita.workspace.images import own_wheel
from partita.workspace.images.building import build_image
from partita.workspace.images.context import write_context
from partita.workspace.images.dependencies import find_dependencies
from partita.workspace.images.request import ImageRequest, ImageView
from partita.workspace.local import LocalWorkspace


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "My Project"
    folder.mkdir()
    (folder / "partita.toml").write_text("")
    (folder / "flows.py").write_text("from partita import flow\n@flow\ndef go() -> int:\n    return 1\n")
    (folder / ".env").write_text("TOKEN=hush")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("hush")
    return folder


@pytest.fixture
def shown(project: Path) -> Callable[..., ImageView]:
    def show(**request: object) -> ImageView:
        workspace = LocalWorkspace(project, load_settings(project))
        return build_image(workspace, ImageRequest(is_only_shown=True, **request), lambda line: None)  # type: ignore[arg-type]

    return show


def test_the_image_is_named_by_project_and_code(project: Path, shown: Callable[..., ImageView]) -> None:
    view = shown()
    assert view["image"] == f"my-project:{view['bundle'][:12]}" and view["id"] == ""
    assert view["base"] == f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"
    assert shown() == view
    (project / "flows.py").write_text("x = 1")
    assert shown()["image"] != view["image"]
    assert shown(tag="team/x:3")["image"] == "team/x:3"
    assert shown(tag="localhost:5000/team/x")["image"].startswith("localhost:5000/team/x:")


def test_the_settings_say_base_and_name(project: Path, shown: Callable[..., ImageView]) -> None:
    (project / "partita.toml").write_text('build_base = "mine:1"\nbuild_image = "team/mine:2"\n')
    assert (shown()["base"], shown()["image"]) == ("mine:1", "team/mine:2")
    assert shown(base="other:1")["base"] == "other:1"


@pytest.mark.parametrize("request_", [{"tag": "Bad Name"}, {"base": "x\nRUN rm"}, {"base": "--x"}])
def test_names_that_are_none_are_refused(shown: Callable[..., ImageView], request_: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="give one such as"):
        shown(**request_)


def test_packages_come_before_partita_and_that_before_the_code(shown: Callable[..., ImageView]) -> None:
    text = shown()["dockerfile"]
    steps = [
        "FROM python",
        "COPY packages/",
        "COPY partita/",
        "USER 10001:10001",
        "COPY --chown=10001:10001 project/",
        "LABEL",
    ]
    assert sorted(steps, key=text.index) == steps
    assert f'partita.bundle="{shown()["bundle"]}"' in text and 'image.title="My Project"' in text


def test_what_the_settings_need_is_installed_with_partita(project: Path, shown: Callable[..., ImageView]) -> None:
    (project / "partita.toml").write_text('store = "postgresql://x@y/z"')
    (project / "flow.yaml").write_text("steps:\n  a: {run: ls}\n")
    assert shown()["partita"].endswith("[postgres,yaml]")


def test_packages_are_those_that_are_declared(project: Path) -> None:
    def found(requirements: str = "", setting: object = None) -> tuple[tuple[str, ...], str]:
        needs = find_dependencies(project, project, requirements, setting)
        return needs.requirements, needs.origin

    assert found() == ((), "")
    (project / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["a>=1", "partita", "partita-more"]')
    assert found() == (("a>=1", "partita-more"), "pyproject.toml")
    (project / "requirements.txt").write_text("b==2  # why\n-r more.txt\n")
    (project / "more.txt").write_text("c\n--index-url https://index.example.com\n")
    assert found() == (("b==2", "c", "--index-url https://index.example.com"), "requirements.txt")
    assert found(setting=["d"]) == (("d",), "the setting environment")
    assert found("more.txt", ["d"])[1] == "more.txt"
    (project / "requirements.txt").write_text("-e .\n")
    with pytest.raises(CheckError, match="publish it"):
        found()
    with pytest.raises(CheckError, match="is not there"):
        found("nothing.txt")


def test_a_lock_is_taken_with_its_hashes(project: Path) -> None:
    (project / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\n')
    (project / "uv.lock").write_text(
        'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n\n[[package]]\nname = "x"\nversion = "1"\nsource = { virtual = "." }\n'
    )
    needs = find_dependencies(project, project, "", "uv.lock")
    assert (needs.requirements, needs.origin) == ((), "uv.lock")
    (project / "uv.lock").write_text("nonsense")
    with pytest.raises(SettingsError, match="uv says"):
        find_dependencies(project, project, "", "uv.lock")


def test_docker_is_given_the_code_and_nothing_secret(project: Path) -> None:
    workspace = LocalWorkspace(project, load_settings(project))
    view = build_image(workspace, ImageRequest(is_only_shown=True), lambda line: None)
    code = workspace.state / "bundles" / view["bundle"]
    archives = [io.BytesIO(), io.BytesIO()]
    for archive in archives:
        os.utime(code / "flows.py", (1e9 + len(archives[0].getvalue()), 1e9))
        write_context(archive, {"Dockerfile": b"FROM x\n", "packages/requirements.txt": b"a\n"}, code, "project")
    assert archives[0].getvalue() == archives[1].getvalue()
    with tarfile.open(fileobj=io.BytesIO(archives[0].getvalue())) as archive:
        names = [member.name for member in archive.getmembers() if member.isfile()]
        assert names == ["Dockerfile", "packages/requirements.txt", "project/flows.py", "project/partita.toml"]
        assert {(member.uid, member.mtime) for member in archive.getmembers()} == {(0, 0)}
    assert b"hush" not in archives[0].getvalue()


def test_the_wheel_is_the_package_as_it_is_here() -> None:
    name, data = own_wheel.make_wheel()
    assert name == f"partita-{VERSION}-py3-none-any.whl" and own_wheel.make_wheel() == (name, data)
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        assert wheel.testzip() is None
        names = set(wheel.namelist())
        assert {"partita/__init__.py", "partita/py.typed"} & names and not [n for n in names if "__pycache__" in n]
        assert b"Requires-Dist: msgpack" in wheel.read(f"partita-{VERSION}.dist-info/METADATA")
        recorded = wheel.read(f"partita-{VERSION}.dist-info/RECORD").decode().splitlines()
        assert {line.partition(",")[0] for line in recorded} == names


def test_the_command_line_prints_the_dockerfile(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("PATH", "")
    assert main(["build", "--dry-run", "--base", "mine:1"]) == 0
    assert capsys.readouterr().out.startswith("FROM mine:1\n")
    assert main(["build", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == 2
    assert main(["build"]) == 4
    assert "needs the program docker" in capsys.readouterr().err


@pytest.mark.parametrize(
    "said, told",
    [
        ("Cannot connect to the Docker daemon at unix:///x", "Docker does not answer"),
        ("pull access denied for nothing, repository does not exist", "no such base image"),
        (
            "NewConnectionError(... [Errno 101] Network is unreachable')\nERROR: No matching distribution found",
            "network=host",
        ),
        ("ERROR: Could not find a version that satisfies nothing", "correct what the project declares"),
        ("/bin/sh: 1: python: not found", "no Python with pip"),
        ("something new", "was not built. Docker says:\nsomething new"),
    ],
)
def test_what_docker_says_is_told_with_what_to_do(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, told: str
) -> None:
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat <<'E'\n{said}\nE\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    lines: list[str] = []
    with pytest.raises(ContainerError) as caught:
        build_image(LocalWorkspace(project, load_settings(project)), ImageRequest(), lines.append)
    assert told in str(caught.value) and lines == said.splitlines()


def test_an_image_that_cannot_be_pushed_is_told(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\ncase $1 in push) echo "denied: requested access"; exit 1;; image) echo \'"sha256:1"\';; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    workspace = LocalWorkspace(project, load_settings(project))
    assert build_image(workspace, ImageRequest(), lambda line: None)["id"] == "sha256:1"
    with pytest.raises(ContainerError, match="was built, but not pushed: the registry does not let you"):
        build_image(workspace, ImageRequest(is_pushed=True), lambda line: None)


def test_without_docker_it_says_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingExtraError, match="--dry-run needs none"):
        build_image(LocalWorkspace(project, load_settings(project)), ImageRequest(), lambda line: None)
