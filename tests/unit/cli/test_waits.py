"""Approving, rejecting and answering: which wait is meant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.cli.conftest import Partita
from tests.unit.cli.fake import FakeWorkspace, make_step


def wait(step: int, path: str, kind: str = "approval", outcome: str = "") -> Any:
    return {
        "run": "r1", "flow": "gates", "step": step, "path": path, "kind": kind, "name": "Go?", "key": None, "by": [],
        "required": 1, "form": None, "opened_at": 0.0, "due_at": None, "on_timeout": "fail", "votes": [],
        "outcome": outcome, "closed_at": None, "previews": [], "show": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "step"),
    [
        ((), 2),
        (("r1",), 2),
        (("r1", "7"), 7),
        (("r1", "gate[0]"), 2),
        (("r1", "gate[0]/approval"), 2),
    ],
)
def test_the_only_wait_that_is_meant_is_found(
    partita: Partita, workspace: FakeWorkspace, words: tuple[str, ...], step: int
) -> None:
    workspace.add("r1", "running", [make_step(1, "gate[0]"), make_step(2, "gate[0]/approval")])
    workspace.open_waits = [wait(2, "gate[0]/approval")]
    if words:
        workspace.open_waits.append(wait(3, "gate[1]/approval", outcome="approved"))
    assert partita("approve", *words, "--by", "ann").status == 0
    assert workspace.asked[-1] == ("approve", "r1", step, "", "ann")


@pytest.mark.parametrize("named", [(), ("2",), ("gate[0]",), ("gate[0]/ask",)])
def test_what_is_answered_may_be_named_before_the_answer(
    partita: Partita, workspace: FakeWorkspace, named: tuple[str, ...]
) -> None:
    workspace.add("r1", "running", [make_step(1, "gate[0]"), make_step(2, "gate[0]/ask")])
    workspace.open_waits = [wait(2, "gate[0]/ask", "answer")]
    assert partita("answer", "r1", *named, "yes", "--by", "ann").status == 0
    assert workspace.asked[-1] == ("answer", "yes", "r1", 2, "ann")


FORM = {
    "type": "object",
    "fields": [
        {"name": "row_0", "form": {"type": "choice", "choices": ["spam", "ham"]}, "is_required": False},
        {"name": "note", "form": {"type": "text"}, "is_required": True, "description": "why"},
    ],
}


def asking(workspace: FakeWorkspace) -> None:
    workspace.add("r1", "running", [make_step(2, "ask")])
    workspace.open_waits = [
        wait(2, "ask", "answer") | {"form": FORM, "previews": [["row_0", "'buy now'"], ["of", "5"]]}
    ]


def test_a_terminal_asks_for_the_fields_of_a_form_one_by_one(
    partita: Partita, workspace: FakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(workspace)
    typed = iter(["spaam", "spam", "", "clear"])
    prompts: list[str] = []

    def prompt(text: str, **options: Any) -> str:
        prompts.append(text)
        return next(typed)

    monkeypatch.setattr("typer.prompt", prompt)
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    told = partita("answer", "r1", "--by", "ann")
    assert told.status == 0, told
    assert workspace.asked[-1] == ("answer", {"row_0": "spam", "note": "clear"}, "r1", 2, "ann")
    assert "row_0  'buy now'" in told.out and "'spaam' is none of spam, ham" in told.out
    assert prompts[0] == "row_0 (spam|ham; Enter: leave it out)" and prompts[2:] == ["note (why, text)"] * 2
    assert "note is needed" in told.out


def test_fields_come_from_a_csv_file(partita: Partita, workspace: FakeWorkspace, project: Any) -> None:
    asking(workspace)
    (project / "labels.csv").write_text("row,shown,label\nrow_0,buy now,spam\nrow_1,later,\n")
    assert partita("answer", "r1", "--inputs", "labels.csv", "note=x", "--by", "ann").status == 0
    assert workspace.asked[-1] == ("answer", {"row_0": "spam", "note": "x"}, "r1", 2, "ann")
    (project / "labels.csv").write_text("row_0\n")
    told = partita("answer", "r1", "--inputs", "labels.csv")
    assert told.status == 2 and "has not two columns in each line" in told.err
    assert "cannot be read: No such file" in partita("answer", "r1", "--inputs", "none.csv").err
