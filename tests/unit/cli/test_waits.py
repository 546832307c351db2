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
