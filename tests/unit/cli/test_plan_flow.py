"""`partita plan FLOW`: what of it runs when and where, for people."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.unit.cli.conftest import Partita
from tests.unit.cli.fake import FakeWorkspace

INSTANCE = {
    "format": "partita.sched.instance/1", "name": "demo", "nodes": [{"id": "n", "capacity": {"cpu": 1}}],
    "tasks": [{"id": "a", "duration": 2.0, "demand": {"cpu": 1}}, {"id": "b", "duration": 1.0, "demand": {"cpu": 1}}],
    "edges": [["a", "b", 0]],
}  # fmt: skip


def test_the_plan_shows_steps_edges_chart_and_what_it_comes_to(partita: Partita, workspace: FakeWorkspace) -> None:
    told = partita("plan", "news", "n=1")
    assert told.status == 0
    assert "├─ report<&>  ← train/fit, load" in told.out
    lines = told.out.splitlines()
    assert any(line.startswith("fit[0]") and "█" in line for line in lines)
    heads = ["plan", "finish", "cost", "critical path", "bottleneck", "one more", "guessed"]
    assert [line.split("  ")[0] for line in lines if line.split("  ")[0] in heads] == heads
    asked = dict(workspace.asked[0][3])
    assert workspace.asked[0][:3] == ("plan", "flows.py:news", {"n": "1"})
    assert not any(value for value in asked.values())


def test_lines_are_as_long_as_a_page_is_wide(partita: Partita) -> None:
    told = partita("plan", "news", "--pareto")
    assert max(map(len, told.out.splitlines())) <= 100


def test_what_a_plan_is_to_be_like_is_passed_on(partita: Partita, workspace: FakeWorkspace) -> None:
    partita(
        "plan", "news", "--nodes", "n.yaml", "--alpha", "0.2", "--beta", ".3", "--deadline", "1h30m", "--budget", "7",
        "--pareto", "--time-limit", "2", "--executor", "big",
    )  # fmt: skip
    assert workspace.asked[0][3] == {
        "executor": "big", "nodes": "n.yaml", "alpha": 0.2, "beta": 0.3, "deadline_s": 5400.0, "budget": 7.0,
        "with_frontier": True, "must_prove": False, "time_limit_s": 2.0,
    }  # fmt: skip
    partita("plan", "news", "--optimal")
    assert workspace.asked[-2][3]["must_prove"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--alpha", "much"], "--alpha is 'much'; give a number"), (["--beta", "-1"], "--beta"),
        (["--budget", "inf"], "--budget is 'inf'"), (["--deadline", "soon"], "--deadline='soon' is not a duration"),
        (["--optimal", "--deadline", "3s"], "leave out --optimal, or --deadline and --budget"),
        (["-o", "plan.json"], "-o is for the plan of an instance's file"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(partita: Partita, words: list[str], told: str) -> None:
    found = partita("plan", "news", *words)
    assert found.status == 2
    assert told in found.err.replace("\n  ", " ")


def test_json_is_the_whole_plan(partita: Partita) -> None:
    document = json.loads(partita("plan", "news", "--json", "--pareto").out)
    assert document["flow"] == "flows.py:news"
    assert [step["path"] for step in document["steps"]] == ["load", "fit[0]", "fit[1]", "report"]
    assert document["finish"]["p10"] <= document["finish"]["p50"] <= document["finish"]["p90"]
    assert document["frontier"] and document["exit_status"] == 0


def test_a_picture_and_a_page_are_written(partita: Partita, project: Path) -> None:
    told = partita("plan", "news", "--svg", "p.svg", "--html", "p.html")
    assert (told.status, told.out) == (0, "")
    assert "Wrote p.svg." in told.err and "Wrote p.html." in told.err
    ElementTree.fromstring((project / "p.svg").read_text("utf-8"))
    assert (project / "p.html").read_text("utf-8").startswith("<!doctype html>")
    (project / "p.svg").unlink()
    both = partita("plan", "news", "--svg", "p.svg", "--json")
    assert json.loads(both.out)["flow"] and (project / "p.svg").exists() and "Wrote p.svg." in both.err
    refused = partita("plan", "news", "--svg", "-", "--json")
    assert refused.status == 2 and "would print both" in refused.err + refused.out
    assert ElementTree.fromstring(partita("plan", "news", "--svg", "-").out).get("aria-label") == "Plan of news"
    front = ElementTree.fromstring(partita("plan", "news", "--svg", "-", "--pareto").out)
    assert front.get("aria-label") == "Time against cost"


def test_a_deadline_that_no_plan_keeps_is_told_with_the_reason(partita: Partita) -> None:
    told = partita("plan", "news", "--deadline", "2s")
    assert told.status == 1
    assert "error: no plan is done in 2.0 s: what the steps need of each other" in told.err
    assert "fit[0]" in told.out  # the nearest plan is shown
    assert json.loads(partita("plan", "news", "--deadline", "2s", "--json").out)["exit_status"] == 1
    assert partita("plan", "news", "--budget", "1").status == 1


def test_a_file_in_place_of_a_flow_is_an_instance(partita: Partita, project: Path) -> None:
    (project / "demo.json").write_text(json.dumps(INSTANCE))
    told = partita("plan", "--json", "demo.json", "-o", "plan.json")
    assert (told.status, told.out) == (0, "")
    plan = json.loads((project / "plan.json").read_text())
    assert plan["format"] == "partita.sched.plan/1"
    assert {own: row["start"] for own, row in plan["tasks"].items()} == {"a": 0.0, "b": 2.0}
    assert json.loads(partita("plan", "demo.json", "--json").out)["tasks"] == plan["tasks"]
    assert partita("plan", "--json", "no.json").status == 2
    assert "demo.json is no flow; of an instance's file, --json prints the plan" in partita("plan", "demo.json").err
