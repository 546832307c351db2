"""Waits of Python flows as YAML: the file asks, and waits for, the same as the flow."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest

from partita import Decision, approval, ask, flow, load_flow, settle, sleep, task, until, wait_for
from partita.flow.yaml.convert.graph import graph_as_yaml
from partita.testing import memory_workspace


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@dataclass
class Order:
    name: str
    size: Size = Size.SMALL


@task
def train(rate: float) -> dict[str, float]:
    return {"accuracy": rate}


@task
def told(what: Any) -> str:
    return repr(what)


@task
def deploy(decision: Decision) -> str:
    return f"{decision.by}: {decision.comment}"


@flow
def waiting() -> dict[str, Any]:
    until("2020-01-01T00:00:00+00:00")
    scores = train.after(sleep("10m"))(0.5)
    paid = wait_for("paid", key="A17", timeout="7d", default={"amount": 0}, after=scores)
    decision = approval("Deploy ${{ it }}?", show={"scores": scores}, approvers=["ann", "bob"], timeout="2d")
    late = approval("Late?", timeout="1s", on_timeout="reject", on_reject="continue")
    lost = settle(wait_for("never", timeout="1m", on_timeout="skip"))
    return {
        "paid": paid,
        "deployed": deploy(decision),
        "late": late,
        "lost": told(lost),
        "order": ask("What?", Order, by="ann"),
        "sizes": ask("Which sizes?", list[str], timeout=5, default=["s"]),
        "tone": ask("Which tone?", Literal["loud", "quiet"]),
        "size": ask("Which size?", Size),
        "number": ask("How many?", int | None, timeout=5, default=None),
        "later": told(wait_for("more", key=paid["amount"], timeout=5, default=1)),
    }


def test_waits_give_the_same_result(tmp_path: Path) -> None:
    text, notes = graph_as_yaml(waiting, {})
    assert notes == []
    (tmp_path / "flow.yaml").write_text(text, encoding="utf-8")
    with memory_workspace() as workspace:
        results = []
        for each in (waiting, load_flow(tmp_path / "flow.yaml")):
            begun = workspace.clock.now()
            run = each.submit()
            workspace.advance(1000)
            waits = {wait["name"]: wait for wait in workspace.waits(run.id)}
            assert waits["Deploy ${{ it }}?"]["by"] == ["ann", "bob"]
            assert waits["Deploy ${{ it }}?"]["previews"] == [["scores", "{'accuracy': 0.5}"]]
            workspace.send(run.id, "paid", {"amount": 3}, key="A17")
            workspace.approve(run.id, waits["Deploy ${{ it }}?"]["step"], comment="good", by="bob")
            workspace.answer({"name": "web", "size": "large"}, run.id, waits["What?"]["step"], by="ann")
            workspace.answer("loud", run.id, waits["Which tone?"]["step"])
            workspace.answer("small", run.id, waits["Which size?"]["step"])
            results.append(run.result())
            assert workspace.clock.now() - begun >= 600
    assert results[0] == results[1]
    assert results[0]["order"] == Order("web", Size.LARGE) and results[0]["deployed"] == "bob: good"


@flow
def several() -> list[Order]:
    return ask("What?", list[Order])


def test_a_type_that_no_file_names_is_noted(tmp_path: Path) -> None:
    text, notes = graph_as_yaml(several, {})
    assert notes == ["ask: its type list[Order] is left out, which a file cannot name: name a class of it"]
    (tmp_path / "flow.yaml").write_text(text, encoding="utf-8")
    load_flow(tmp_path / "flow.yaml")


@flow
def counting() -> int:
    return wait_for("count", type=int)


def test_the_type_of_an_event_is_in_the_file() -> None:
    text, notes = graph_as_yaml(counting, {})
    assert notes == [] and "wait: {event: count, type: int}" in text


@flow
def after_a_map() -> str:
    return told.after(train.map([0.1, 0.2]))("x")


def test_what_comes_after_a_map_needs_it() -> None:
    text, notes = graph_as_yaml(after_a_map, {})
    assert notes == [] and "needs: [train]" in text


@pytest.mark.parametrize("wait", [sleep, until])
def test_a_time_that_a_step_gives(wait: Any) -> None:
    @flow
    def timed() -> str:
        return told.after(wait(told("1s")))("done")

    text, notes = graph_as_yaml(timed, {})
    assert notes == []
    assert f"wait: {{{wait.__name__}: '${{{{ steps.told.output }}}}'}}" in text
