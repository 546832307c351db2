"""Artifacts of real runs: listed, shown, written to files, followed through runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from partita.cli import main
from partita.errors import NotFoundError, ValueStoreError
from partita.flow.loading import set_project
from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

FLOWS = """
from pathlib import Path
import numpy as np
from partita import Html, flow, task

@task
def load(n: int) -> np.ndarray:
    return np.arange(n, dtype=float)

@task
def fit(data: np.ndarray, k: int) -> dict:
    return {"model": data * k, "score": 0.5 * k, "odd key": [1, 2]}

@task
def best(models: list) -> dict:
    return max(models, key=lambda model: model["score"])

class Odd:
    def __init__(self, size):
        self.items = list(range(size))

@task
def strange(best: dict) -> Odd:
    return Odd(5000)

@task
def words(n: int) -> str:
    return "word " * n

@flow
def inner(model: dict) -> Odd:
    return strange(model)

@flow
def train(n: int, ks: list[int]) -> Odd:
    data = load(n)
    return inner(best(fit.map([data] * len(ks), ks)))

@task
def draw(name: str) -> dict:
    return {"name": name, "pictures": {"roc": Html(f"<svg>{name}</svg>"), "odd one": Html("<p>more</p>")}, "data": np.arange(3000)}

@task
def named() -> list[str]:
    return ["line", "blend"]

@task
def one_picture() -> dict:
    return {"only": Html("<svg>one</svg>"), "data": np.arange(3000)}

@flow
def drawn() -> list:
    one_picture()
    return draw.map(named())

@flow
def text(n: int) -> str:
    return words(n)

@flow
def many(n: int) -> list[str]:
    return words.map(list(range(n)))
"""


@pytest.fixture
def call(project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs the command line; gives what it printed, or its status where it failed."""
    project.write(FLOWS)
    monkeypatch.chdir(project.folder)

    def run(*words: str, status: int = 0) -> Any:
        capsys.readouterr()
        assert main(words) == status
        told = capsys.readouterr()
        return json.loads(told.out) if "--json" in words else told.out if status == 0 else told.err

    return run


def test_artifacts_are_listed_with_what_they_were_made_from(project: Project, call: Callable[..., Any]) -> None:
    run = project.start("train", n=2000, ks=[1, 2]).wait(60).id
    project.start("text", n=3).wait(60)
    listed = call("artifacts", "list", "--run", run, "--json")
    by_name = {view["name"]: view for view in listed}
    assert next(iter(by_name)) == f"{run}:load"
    model = by_name[f"{run}:fit[1].model"]
    assert (model["type"], model["kind"], model["made_from"]) == ("npy", "blob", ["load"])
    assert model["size_bytes"] > 16_000 and model["hash"] and model["made_at"] >= by_name[f"{run}:load"]["made_at"]
    assert by_name[f"{run}:fit[1].score"]["preview"] == "1.0"
    assert {view["flow"] for view in call("artifacts", "list", "--json")} == {"train", "text"}
    assert {view["flow"] for view in call("artifacts", "list", "--flow", "text", "--json")} == {"text"}
    assert {view["type"] for view in call("artifacts", "list", "--type", "npy", "--json")} == {"npy"}
    large = call("artifacts", "list", "--larger-than", "1KiB", "--json")
    assert large and all(view["size_bytes"] >= 1024 for view in large)
    assert call("artifacts", "list", "--older-than", "1h", "--json") == []
    assert len(call("artifacts", "list", "--newer-than", "1h", "--limit", "3", "--json")) == 3
    assert "15.8 KiB" in call("artifacts", "list")


def test_more_than_a_page_of_artifacts_is_listed_whole(project: Project) -> None:
    project.write(FLOWS)
    run = project.start("many", n=2500).wait(90)
    found = project.workspace.artifacts(run=run.id)
    assert [view["path"] for view in found] == [f"words[{i}]" for i in range(2500)]
    assert len(project.workspace.artifacts(limit=7)) == 7


def test_an_artifact_is_shown_by_name_and_by_hash(project: Project, call: Callable[..., Any]) -> None:
    project.write(FLOWS)
    run = project.start("train", n=2000, ks=[1, 2]).wait(60).id
    told = call("artifacts", "show", f"{run}:fit[1]")
    assert "made from  load" in told and "used by    best" in told and "fit[1].model" in told
    model = call("artifacts", "show", "fit[1].model", "--json")
    assert model["name"] == f"{run}:fit[1].model"
    assert call("artifacts", "show", model["hash"][:12], "--json")["hash"] == model["hash"]
    assert call("artifacts", "show", 'fit[1]["odd key"]', "--json")["value"] == [1, 2]
    assert f"did you mean {run}:fit[1]?" in call("artifacts", "show", "fit[7]", status=2)
    assert "did you mean fit[1].model?" in call("artifacts", "show", "fit[1].modle", status=2)
    assert "its steps made its value" in call("artifacts", "show", "inner", status=2)
    with pytest.raises(NotFoundError):
        project.workspace.artifact("f" * 20)


def test_of_a_value_with_several_pictures_the_parts_are_named(project: Project, call: Callable[..., Any]) -> None:
    run = project.start("drawn").wait(60).id
    told = call("artifacts", "show", "draw[1]", "--picture", "x.html", status=2)
    name = f"{run}:draw[]/draw[1]"
    assert f"{name}.pictures.roc" in told and f'{name}.pictures["odd one"]' in told and f"{name}.data" not in told
    assert not (project.folder / "x.html").exists()
    call("artifacts", "show", "draw[1].pictures.roc", "--picture", "roc.svg")
    assert (project.folder / "roc.svg").read_text() == "<svg>1</svg>".replace("1", "blend")
    assert f"{name}.pictures.roc" in call("artifacts", "show", "draw[1].pictures", "--picture", "x.html", status=2)
    # Of one alone there is no question which.
    call("artifacts", "show", "one_picture", "--picture", "one.svg")
    assert (project.folder / "one.svg").read_text() == "<svg>one</svg>"
    told = call("artifacts", "show", "named", "--picture", "x.html", status=2)
    assert "no picture is kept of" in told and f"artifacts get {run}:named" in told
    assert "draw[]/draw[0]" in call("artifacts", "lineage", "draw[0]") and call(
        "artifacts", "get", "draw[0].data", "x.npy"
    )


def test_values_are_written_in_the_form_of_other_programs(project: Project, call: Callable[..., Any]) -> None:
    project.start("train", n=2000, ks=[1, 2]).wait(60)
    out = project.folder / "out"
    call("artifacts", "get", "load", str(project.folder / "data.npy"))
    assert numpy.array_equal(numpy.load(project.folder / "data.npy"), numpy.arange(2000.0))
    files = call("artifacts", "get", "fit[1]", str(out), "--json")["files"]
    assert sorted(file.rpartition("/")[2] for file in files) == ["model.npy", "odd_key.json", "score.json"]
    assert json.loads((out / "odd_key.json").read_text()) == [1, 2]
    assert numpy.load(out / "model.npy")[3] == 6.0
    assert "value(NAME)" in call("artifacts", "get", "inner/strange", status=4)
    assert not (project.folder / "strange.pickle").exists()
    set_project(Path("/"))  # this process has looked into another project since
    try:
        assert project.workspace.value("inner/strange").items[4999] == 4999
    finally:
        set_project(project.folder)
    call("artifacts", "get", "inner/strange", "--raw")
    assert (project.folder / "strange.pickle").stat().st_size > 5000
    project.start("text", n=3000).wait(60)
    assert call("artifacts", "get", "words").strip() == "words.txt"
    assert (project.folder / "words.txt").read_text() == "word " * 3000


def test_a_value_whose_blob_is_damaged_is_not_written(project: Project, call: Callable[..., Any]) -> None:
    project.start("text", n=3000).wait(60)
    digest = project.workspace.artifact("words")["view"]["hash"]
    blob = project.workspace.state / "blobs" / digest[:2] / digest[2:]
    blob.chmod(0o600)
    blob.write_bytes(b"x" * blob.stat().st_size)
    with pytest.raises(ValueStoreError, match="not what was written"):
        project.workspace.get_artifact("words")
    assert not (project.folder / "words.txt").exists()


def edges(lineage: Any) -> set[tuple[str, str, str]]:
    names = {node["number"]: (node["run"], node["path"]) for node in lineage["nodes"]}
    return {(names[one][1], names[other][1], how) for one, other, how in lineage["edges"]}


def test_lineage_goes_both_ways_through_flows_and_maps(project: Project, call: Callable[..., Any]) -> None:
    project.start("train", n=2000, ks=[1, 2]).wait(60)
    whole = edges(call("artifacts", "lineage", "best", "--json"))
    assert whole == {
        ("fit[0]", "best", "value"), ("fit[1]", "best", "value"), ("load", "fit[0]", "value"), ("load", "fit[1]", "value"),
        ("best", "inner/strange", "layout"),
    }  # fmt: skip
    assert edges(call("artifacts", "lineage", "best", "--up", "--depth", "1", "--json")) == {
        ("fit[0]", "best", "value"), ("fit[1]", "best", "value"),
    }  # fmt: skip
    assert edges(call("artifacts", "lineage", "best", "--down", "--json")) == {("best", "inner/strange", "layout")}
    assert call("artifacts", "lineage", "best", "--limit", "2", "--json")["is_cut"]
    told = call("artifacts", "lineage", "best")
    assert told.index("came from") < told.index("fit[1]") < told.index("went into") < told.index("inner/strange")
    assert "flowchart TD" in call("artifacts", "lineage", "best", "--mermaid")
    assert call("artifacts", "lineage", "best", "--svg", "-").startswith("<svg")


def test_lineage_goes_on_in_the_run_that_a_value_was_taken_over_from(
    project: Project, call: Callable[..., Any]
) -> None:
    first = project.start("train", n=2000, ks=[1, 2]).wait(60).id
    second = project.workspace.rerun(first)
    project.workspace.wait(second, 60)
    up = call("artifacts", "lineage", f"{second}:best", "--up", "--json")
    assert ("best", "best", "adopted") in edges(up) and ("load", "fit[1]", "value") in edges(up)
    down = call("artifacts", "lineage", f"{first}:load", "--down", "--json")
    assert ("load", "load", "adopted") in edges(down)
    assert {node["run"] for node in down["nodes"]} == {first, second}
