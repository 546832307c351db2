"""References of functions, and functions of references."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.errors import DefinitionError, LoadError
from partita.flow import loading
from partita.flow.loading import load, locate, set_project
from partita.flow.task import Task

FLOWS = """
from partita.flow.task import task
from partita.flow.command import command
import neighbour

@task
def add(number: int) -> int:
    return number + 1

def plain() -> int:
    return 3

renamed = task(plain)
say = command("echo {text}")

def outer():
    @task
    def inner() -> None: ...
    return inner

if __name__ == "__main__":
    raise AssertionError("the script must not run")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "src" / "shop").mkdir(parents=True)
    (tmp_path / "src" / "shop" / "__init__.py").write_text("")
    (tmp_path / "src" / "shop" / "flows.py").write_text(FLOWS.replace("import neighbour\n", ""))
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "train.py").write_text(FLOWS)
    (tmp_path / "scripts" / "neighbour.py").write_text("")
    (tmp_path / "broken.py").write_text("import not_installed_at_all\n")
    (tmp_path / "failing.py").write_text("1 / 0\n")
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    set_project(tmp_path)
    yield tmp_path
    set_project(None)
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_module_below_src_is_found_by_name(project: Path):
    add = load("shop.flows:add", project)
    assert isinstance(add, Task) and add(1) == 2
    assert add.reference == "shop.flows:add"


def test_a_script_is_found_by_its_file_and_does_not_run(project: Path):
    add = load("scripts/train.py:add")
    assert add(1) == 2
    assert add.reference == "scripts/train.py:add"
    assert add.__module__ == "partita_script_scripts_train"
    assert load("scripts/train.py:add") is add


def test_a_task_under_another_name_than_its_function(project: Path):
    renamed = load("shop.flows:renamed")
    assert renamed.with_options(retries=1).reference in ("shop.flows:plain", "shop.flows:renamed")
    assert load("shop.flows:say").reference == "shop.flows:say"
    assert load("scripts/train.py:say").with_options(retries=1).reference == "scripts/train.py:say"


def test_a_module_outside_the_roots_is_found_by_its_file(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(project / "scripts")
    import train  # type: ignore[import-not-found]

    assert train.add.reference == "scripts/train.py:add"


def test_a_main_script_is_found_by_its_file(project: Path):
    script = project / "scripts" / "main.py"
    script.write_text(FLOWS.split("if __name__")[0] + "print(add.reference, say.reference)\n")
    done = subprocess.run(
        [sys.executable, "scripts/main.py"], cwd=project, capture_output=True, text=True, check=True, env=_environment()
    )
    assert done.stdout.split() == ["scripts/main.py:add", "scripts/main.py:say"]


def _environment() -> dict[str, str]:
    import partita

    folder = partita.__path__[0] if hasattr(partita, "__path__") else ""
    return {"PYTHONPATH": str(Path(folder).parent)}


def test_a_function_in_a_function_is_refused_with_a_remedy(project: Path, monkeypatch: pytest.MonkeyPatch):
    inner = load("shop.flows:outer")()
    assert load(inner.reference) is inner  # in memory
    monkeypatch.setattr(loading, "_local", None)
    with pytest.raises(DefinitionError, match=r"inner is defined inside outer\(\).*move it to the top of a module"):
        _ = inner.reference
    with pytest.raises(DefinitionError, match="move it to the top"):
        locate(lambda: None)
    with pytest.raises(LoadError, match="defined inside a function of another process"):
        load("local:1:inner")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("shop.flows:ad", "shop.flows has no 'ad'; did you mean 'add'?"),
        ("shop.flows:zzz", "was it renamed or removed"),
        ("shop.nothing:add", "there is no module 'shop.nothing'"),
        ("nothing:add", "must lie in the project's folder or its src/"),
        ("scripts/nothing.py:add", "there is no file scripts/nothing.py in the project's folder"),
        ("broken:add", "broken imports 'not_installed_at_all', which is not installed"),
        ("broken.py:add", "broken.py imports 'not_installed_at_all', which is not installed"),
        ("failing:add", "importing failing failed: ZeroDivisionError: division by zero"),
        ("failing.py:add", "importing failing.py failed: ZeroDivisionError"),
        ("add", "is not a reference; write"),
    ],
)
def test_what_cannot_be_loaded_says_what_to_do(project: Path, reference: str, message: str):
    with pytest.raises(LoadError) as caught:
        load(reference, project)
    assert message in str(caught.value)
