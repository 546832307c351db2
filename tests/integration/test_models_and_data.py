"""Evaluations and labels on a real engine, and both among the components."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partita.cli import main
from partita.errors import CheckError
from partita.flow.catalogue.modules import Library
from partita.flow.catalogue.reading import components_of
from partita.models.evaluation import Evaluation
from partita.workspace.runs import Run
from tests.integration.conftest import Project
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

FLOWS = """
from typing import Any
from partita import flow, task
from partita.data import label_rows, split_rows
from partita.models.evaluation import compare_classifiers, evaluate_classification

@task
def predictions() -> tuple[list[int], list[float]]:
    truth = [n % 2 for n in range(80)]
    return truth, [0.2 + 0.6 * label if n % 7 else 0.5 for n, label in enumerate(truth)]

@flow
def judged() -> Any:
    truth, chances = predictions()
    return evaluate_classification(truth, probabilities=chances)

@task
def mails() -> list[dict[str, Any]]:
    return [{"id": f"m{n}", "text": f"text {n}"} for n in range(4)]

@flow
def labelled() -> Any:
    rows = label_rows(mails(), ["spam", "ham"], key="id", batch=3)
    return split_rows(rows, {"train": 3, "test": 1})
"""


@pytest.fixture
def call(project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    project.write(FLOWS)
    monkeypatch.chdir(project.folder)

    def called(*words: str) -> str:
        capsys.readouterr()
        status = main(words)
        told = capsys.readouterr()
        assert status == 0, told.err
        return told.out

    return called


def test_an_evaluation_is_an_artifact_that_shows_well(project: Project, call: Callable[..., str]) -> None:
    found = project("judged")
    assert isinstance(found, Evaluation) and found.metrics["auc"] > 0.9
    shown = call("artifacts", "show", "evaluate_classification")
    assert "  kind='classification'," in shown and "'accuracy': " in shown and "weighted avg" in shown
    call("artifacts", "show", "evaluate_classification.pictures.roc", "--picture", "roc.svg")
    assert (project.folder / "roc.svg").read_text() == found.pictures["roc"].text
    assert "HTML of" in call("artifacts", "show", "evaluate_classification.pictures.confusion")
    assert "accuracy" in call("artifacts", "show", "evaluate_classification.report")


def test_labels_come_by_form_and_by_file(project: Project, call: Callable[..., str]) -> None:
    call("run", "flows.py:labelled", "--detach")
    run = project.workspace.runs()[0]["id"]

    def asked() -> list[str]:
        waits = [wait for wait in project.workspace.waits(run) if wait["kind"] == "answer" and not wait["outcome"]]
        return [name for name, _ in waits[0]["previews"]] if waits else []

    wait_until(lambda: asked() == ["m0", "m1", "m2"])
    with pytest.raises(CheckError, match="m1: 'spaam' is none of spam, ham"):
        project.workspace.answer({"m0": "ham", "m1": "spaam"}, run)
    call("answer", run, "m1=spam")
    wait_until(lambda: asked() == ["m0", "m2", "m3"])
    steps = Run(project.workspace, run)
    wait_until(lambda: any(s["name"] == "label_sheet" and s["state"] == "succeeded" for s in steps.steps))
    sheet = Path(call("artifacts", "get", f"{run}:label_rows/label_sheet", "labels.csv").strip())
    lines = sheet.read_text().splitlines()
    assert lines == ["row,shown,label", "m0,text 0,", "m1,text 1,", "m2,text 2,", "m3,text 3,"]
    sheet.write_text("\n".join([lines[0], *(f"{lines[n]}ham" for n in (1, 3, 4))]))
    call("answer", run, "--inputs", "labels.csv")
    parts = project.result(steps)
    assert {row["id"]: row["label"] for part in parts.values() for row in part} == {
        "m0": "ham", "m1": "spam", "m2": "ham", "m3": "ham",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (
            "partita.models.evaluation",
            {"evaluate_classification", "evaluate_forecast", "compare_regressors", "learning_curve"},
        ),
        ("partita.data", {"validate_table", "split_rows", "vary_pictures", "label_rows", "check_drift"}),
    ],
)
def test_they_are_components_with_a_summary(module: str, names: set[str]) -> None:
    library = Library()
    found = {item.local_name: item for item in components_of(library.module(module), library)}
    assert names <= found.keys()
    assert all((item.summary and item.tags) or item.kind == "flow" for item in found.values())
