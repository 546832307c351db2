"""`partita history`: what was learned, for people and programs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from partita.protocol.requests import HistoryView, SpreadView
from tests.unit.cli.fake import NOW, FakeWorkspace


@pytest.fixture
def known(workspace: FakeWorkspace) -> list[HistoryView]:
    spread = SpreadView(p10=61.0, p50=125.0, p90=7300.0)
    fit = HistoryView(
        task="fit", function="flows.py:fit", version="2", node="process/epyc-x2", seen=1234, updated_at=NOW,
        input_bytes=5 << 20, duration_s=spread, memory_bytes=SpreadView(p10=1.0, p50=3 << 30, p90=4.0 * 2**30),
        output_bytes=SpreadView(p10=1.0, p50=2048.0, p90=4096.0), most_memory_bytes=5.0 * 2**30, cores=1.75,
    )  # fmt: skip
    workspace.known_history = [fit, HistoryView(**{**fit, "task": "load", "version": ""})]  # type: ignore[typeddict-item]
    return workspace.known_history


def test_what_was_learned_is_shown(partita: Any, known: list[HistoryView]) -> None:
    told = partita("history")
    assert told.status == 0
    lines = told.out.splitlines()
    assert lines[0].split() == [
        "TASK",
        "VERSION",
        "ON",
        "SEEN",
        "INPUT",
        "P10",
        "P50",
        "P90",
        "CORES",
        "MEMORY",
        "HIGHEST",
        "VALUE",
    ]
    for text in (
        "fit",
        "2",
        "process/epyc-x2",
        "1,234",
        "5.0 MiB",
        "1m 01s",
        "2m 05s",
        "2h 01m",
        "1.8",
        "3.0 GiB",
        "5.0 GiB",
        "2.0 KiB",
    ):
        assert text in lines[1]
    assert len(lines) == 3


def test_one_task_is_shown_as_json(partita: Any, known: list[HistoryView]) -> None:
    assert json.loads(partita("history", "fit", "--json").out) == known[:1]


def test_where_nothing_was_learned_that_is_said(partita: Any, workspace: FakeWorkspace) -> None:
    told = partita("history")
    assert told.status == 0 and told.out == "" and "Nothing has been learned yet" in told.err
    assert json.loads(partita("history", "--json").out) == []


def test_what_was_learned_of_a_task_is_forgotten(partita: Any, workspace: FakeWorkspace) -> None:
    assert "What was learned of fit is forgotten" in partita("history", "fit", "--forget").out
    assert workspace.asked == [("forget_history", "fit")]
    told = partita("history", "--forget")
    assert told.status == 2 and "partita history TASK --forget" in told.err
