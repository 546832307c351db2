from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Partita

FLOWS = '''
from partita import task
raise SystemExit("not imported")

@task(tags=["demo"], retries=2)
def clean(rows: list[str], *, upper: bool = False) -> list[str]:
    """Clean rows.

    Args:
        rows: what to clean.
    """
'''


@pytest.fixture(autouse=True)
def _components(project: Path) -> None:
    (project / "own.py").write_text(FLOWS)


def test_list_shows_packages_and_the_project(partita: Partita) -> None:
    told = partita("components", "list")
    assert told.status == 0
    assert "partita/sql_query" in told.out and "project/clean" in told.out
    told = partita("components", "list", "--package", "project")
    assert told.out.splitlines()[1:] == ["project/clean           task  Clean rows."]


def test_what_cannot_be_read_is_said_and_hides_nothing(partita: Partita, project: Path) -> None:
    (project / "broken.py").write_text("from partita import task\ndef (")
    told = partita("components", "list")
    assert told.status == 0 and "project/clean" in told.out
    assert "warning: project: `broken.py` is left out: broken.py, line 2" in told.err
    assert json.loads(partita("components", "list", "--json").out)["broken"][0]["entry"] == "broken.py"


def test_search(partita: Partita) -> None:
    assert partita("components", "search", "clean", "demo").out.splitlines()[1].startswith("project/clean")
    told = partita("components", "search", "sqlquery")
    assert (told.status, told.out) == (0, "")
    assert "No component is described by 'sqlquery'; near are partita/sql_query" in told.err
    found = json.loads(partita("components", "search", "clean", "demo", "--json").out)["components"]
    assert [item["name"] for item in found] == ["project/clean"]


def test_show_tells_everything(partita: Partita) -> None:
    told = partita("components", "show", "clean")
    assert told.status == 0
    assert "from own import clean\nclean(rows=...)\n" in told.out
    assert "what to clean." in told.out and "required" in told.out
    assert "Options  retries=2" in told.out and "In YAML  task: own.py:clean" in told.out
    document = json.loads(partita("components", "show", "own.py:clean", "--json").out)
    assert document["parameters"][1] == {
        "name": "upper", "type": "bool", "default": "False", "description": "", "is_keyword_only": True, "is_bound": False,
    }  # fmt: skip


def test_show_of_what_is_not_there_or_not_clear(partita: Partita, project: Path) -> None:
    told = partita("components", "show", "partita/sql_qury")
    assert told.status == 2 and "there is no component 'partita/sql_qury'; did you mean partita/sql_query?" in told.err
    (project / "more.py").write_text(FLOWS)
    told = partita("components", "show", "clean")
    assert "there are 2 components 'clean'; name one of them: more.py:clean, own.py:clean" in told.err


def test_new_makes_a_package(partita: Partita, project: Path) -> None:
    told = partita("components", "new", "text-tasks")
    assert told.status == 0 and "pip install -e text-tasks" in told.out
    assert (project / "text-tasks" / "src" / "text_tasks" / "__init__.py").is_file()
    again = partita("components", "new", "text-tasks")
    assert again.status == 2 and "is in use, and nothing is overwritten" in again.err
    assert (
        json.loads(partita("components", "new", "text-tasks", "--folder", "b", "--json").out)["files"][0]
        == "pyproject.toml"
    )


@pytest.mark.parametrize("name", ["Text", "a b", "../x", "-x", "a_b", "1a", ""])
def test_new_refuses_names_that_a_package_cannot_have(partita: Partita, project: Path, name: str) -> None:
    told = partita("components", "new", "--", name)
    assert told.status == 2 and "is not a package's name" in told.err
    assert sorted(path.name for path in project.iterdir()) == ["flows.py", "own.py"]


YAML = """
description: |
  Train a model.
  It takes long.
tags: [training]
retries: 2
inputs:
  data: {type: path, description: what to learn from}
  rate: 0.1
  how:
    default: fast
    choices: [fast, good]
steps:
  one: {task: "no_such_module:task"}
"""


def test_flows_in_yaml_are_components(partita: Partita, project: Path) -> None:
    (project / "train.yaml").write_text(YAML)
    (project / "wrong.yaml").write_text("steps:\n  a: {tusk: b:c}\n")
    told = partita("components", "show", "train", "--json")
    found = json.loads(told.out)
    assert (found["name"], found["kind"], found["summary"], found["description"]) == (
        "project/train", "flow", "Train a model.", "It takes long.",
    )  # fmt: skip
    assert [(item["name"], item["type"], item["default"], item["description"]) for item in found["parameters"]] == [
        ("data", "path", None, "what to learn from"), ("rate", "", "0.1", ""), ("how", "'fast' | 'good'", "'fast'", ""),
    ]  # fmt: skip
    assert (found["tags"], found["options"], found["example"]) == (["training"], {"retries": "2"}, "train(data=...)")
    assert 'train = load_flow("train.yaml")' in found["import_line"]
    assert "flow: train.yaml" in partita("components", "show", "train").out
    assert "warning: project: `wrong.yaml` is left out: wrong.yaml:2" in partita("components", "list").err
