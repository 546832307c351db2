"""The graph of a run as a picture: what is drawn, what leads where, what is said of it."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.drawing.outline import PAGE, Box, Outline, outline_of
from partita.drawing.run_graph import GraphLinks, GraphNode, group_states, run_graph
from partita.drawing.run_layout import Item, arranged, seen
from partita.protocol.requests import StepView
from tests.unit.drawing.steps import Run, runs

LINKS = GraphLinks(
    step=lambda node: f"steps/{node.step}" if node.step is not None else "",
    toggle=lambda key: f"?toggle={key}",
    turn=lambda key, page: f"?page={key}:{page}",
)
SVG = "{http://www.w3.org/2000/svg}"


def picture(steps: list[StepView], **options: object) -> ElementTree.Element:
    return ElementTree.fromstring(run_graph(steps, LINKS, **options))  # type: ignore[arg-type]


def labels(drawn: ElementTree.Element) -> list[str]:
    return [
        element.get("aria-label", "")
        for element in drawn.iter()
        if element.get("data-step") or element.get("data-group")
    ]


def links(drawn: ElementTree.Element) -> list[str]:
    return [element.get("href", "") for element in drawn.iter(f"{SVG}a")]


def all_keys(outline: Outline) -> list[str]:
    found, ahead = [], [outline.root]
    while ahead:
        inner = [child for child in ahead.pop().children if isinstance(child, Box)]
        found += [box.key for box in inner]
        ahead += inner
    return found


def test_every_step_is_a_link_with_its_state_in_words() -> None:
    run = Run()
    split = run.add("split", state="succeeded", marks=["cached"])
    run.map("fit", ["running", "failed"], inputs=[split])
    drawn = picture(run.steps, title="main")
    assert drawn.get("aria-label") == "Graph of main"
    assert labels(drawn) == [
        "split, succeeded, cached",
        "fit ×2, map, running, 1 of 2 · 1 failed",
        "fit[0], running, after split",
        "fit[1], failed, after split",
    ]
    assert [each for each in links(drawn) if each.startswith("steps/")] == ["steps/1", "steps/2", "steps/3"]
    assert "?toggle=fit[]" in links(drawn)


def test_a_closed_box_shows_its_counts() -> None:
    run = Run()
    run.map("fit", ["succeeded"] * 812 + ["running"] * 10 + ["pending"] * 178)
    drawn = picture(run.steps, opened=())
    assert labels(drawn) == ["fit ×1,000, map, running, 812 of 1,000"]
    parts = {
        part.get("class"): (part.get("x"), part.get("width"))
        for part in drawn.iter(f"{SVG}rect")
        if "part" in (part.get("class") or "")
    }
    assert parts["part is-succeeded"] == ("0%", "81.2%") and parts["part is-running"] == ("81.2%", "1%")
    told = group_states(run.steps, opened=())["groups"]["fit[]"]
    assert told["counts"] == {"pending": 178, "running": 10, "succeeded": 812}
    assert told["bar"]["succeeded"] == [0.0, 81.2] and told["label"] == labels(drawn)[0]


def test_what_is_laid_out_later_is_told_from_what_is() -> None:
    run = Run()
    run.add("inner", "flow", "pending")
    run.add("fit[]", "flow", "pending")
    drawn = picture(run.steps)
    assert labels(drawn) == ["inner, pending, laid out later", "fit[], pending, laid out later"]
    assert sum("is-later" in (element.get("class") or "") for element in drawn.iter()) == 2
    run.steps[1]["state"] = "running"
    run.add("best", parent=1)
    assert labels(picture(run.steps))[:2] == ["inner, flow, running, 1 of 1", "inner/best, succeeded"]


def test_marks_waits_fallbacks_and_progress_are_seen() -> None:
    run = Run()
    train = run.add(
        "train", state="failed", attempts=3, marks=["handled"], error={"type": "ValueError", "message": "no <rows>"}
    )
    run.add("train_small", fallback_of=train)
    run.add("approve", "wait", "waiting")
    run.add("deploy", state="running", progress=[37, 100, "half"])
    run.add("prepare", marks=["compensated", "expanded"])
    drawn = picture(run.steps)
    assert [label.partition(", ")[2] for label in labels(drawn)] == [
        "failed, handled, attempt 3".replace("handled, ", "handled · "),
        "succeeded, fallback, after train", "waiting, wait", "running, 37%", "succeeded, compensated",
    ]  # fmt: skip
    assert any(path.get("class") == "edge is-fallback" for path in drawn.iter(f"{SVG}path"))
    assert "ValueError: no <rows>" in "".join(title.text or "" for title in drawn.iter(f"{SVG}title"))


def test_pages_of_a_large_map_and_those_that_failed() -> None:
    run = Run()
    run.map("fit", ["succeeded"] * 10_000)
    drawn = picture(run.steps, opened={"fit[]"})
    assert len([label for label in labels(drawn) if label.startswith("fit[")]) == PAGE
    assert [each for each in links(drawn) if each.startswith("?page")] == ["?page=fit[]:2"]
    run.steps[7777]["state"] = "failed"
    drawn = picture(run.steps)
    assert [label for label in labels(drawn) if label.startswith("fit[")] == ["fit[7776], failed"]
    assert [each for each in links(drawn) if each.startswith("?page")] == ["?page=fit[]:1"]
    drawn = picture(run.steps, pages={"fit[]": "2"})
    assert [each for each in links(drawn) if each.startswith("?page")] == [
        "?page=fit[]:1", "?page=fit[]:3", "?page=fit[]:failed-1",
    ]  # fmt: skip


def test_edges_between_groups_are_summed() -> None:
    run = Run()
    fit = run.map("fit", ["succeeded"] * 50, gathers=False)
    for key, source in enumerate(fit):
        run.add(f"score[{key}]", inputs=[source])
    shown = arranged(outline_of(run.steps), (), {})
    assert [(line.count, line.is_back) for line in shown.top.lines] == [(50, False)]
    assert "50 edges" in run_graph(run.steps, LINKS, opened=())


def test_what_a_map_gives_comes_from_its_box() -> None:
    run = Run()
    *_, gather = run.map("fit", ["succeeded"] * 20)
    run.add("best", inputs=[gather])
    shown = arranged(outline_of(run.steps), {"fit[]"}, {})
    (line,) = shown.top.lines
    assert isinstance(shown.items[line.source].child, Box)
    assert labels(picture(run.steps))[-1] == "best, succeeded, after fit ×20"


def test_boxes_whose_steps_take_turns_have_an_edge_back() -> None:
    run = Run()
    before: list[int] = []
    for _ in range(20):
        before = [run.add("a", inputs=before)]
        before = [run.add("b", inputs=before)]
    assert sorted(line.is_back for line in arranged(outline_of(run.steps), (), {}).top.lines) == [False, True]


def test_words_are_told_in_another_language() -> None:
    run = Run()
    run.add("fit", state="running", inputs=[run.add("split")])
    words = {"running": "运行中", "after {names}": "在{names}之后"}
    assert labels(picture(run.steps, tell=lambda text: words.get(text, text)))[1] == "fit, 运行中, 在split之后"


def test_nothing_to_draw_is_said() -> None:
    assert "no steps yet" in run_graph([], LINKS)


def test_too_many_edges_are_counted_instead_of_drawn() -> None:
    run = Run()
    sources = [run.add(f"a{number}") for number in range(40)]
    for number in range(40):
        run.add(f"b{number}", inputs=sources)
    told = run_graph(run.steps, LINKS)
    assert "1,200 edges are not drawn" in told and told.count('class="edge"') == 400
    ends = arranged(outline_of(run.steps), (), {}).top.lines
    assert {line.source for line in ends} | {line.target for line in ends} == set(range(1, 81))


@pytest.mark.parametrize("shape", ["map", "flows", "flat"])
def test_ten_thousand_steps_are_drawn_in_little_time_and_space(shape: str) -> None:
    run = Run()
    if shape == "map":
        run.map("fit", ["succeeded"] * 8000 + ["failed"] * 200 + ["running"] * 1800)
    for number in range(1000 if shape == "flows" else 0):
        around = run.add(f"train[{number}]", "flow", "failed" if number % 100 == 0 else "succeeded")
        for name in "abcdefghi":
            run.add(
                name, state="failed" if number % 100 == 0 else "succeeded", parent=around, inputs=[len(run.steps) - 1]
            )
    for number in range(10_000 if shape == "flat" else 0):
        run.add(f"t{number}", inputs=[number])
    best = {"json": 9.0, "graph": 9.0}
    for _ in range(5):
        for name, work in (("json", lambda: json.dumps(run.steps)), ("graph", lambda: run_graph(run.steps, LINKS))):
            begun = time.process_time()
            told = work()
            best[name] = min(best[name], time.process_time() - begun)
    assert len(told) < 200_000
    assert best["graph"] < 3 * best["json"]
    shown = seen(outline_of(run.steps), outline_of(run.steps).opened_at_first(), {})
    assert len(shown) <= 151


def opened_of(steps: list[StepView], draw: st.DataObject) -> Collection[str]:
    keys = all_keys(outline_of(steps))
    return draw.draw(st.sets(st.sampled_from(keys))) if keys else ()


@settings(max_examples=60)
@given(runs(), st.data())
def test_every_visible_node_is_drawn_once(steps: list[StepView], data: st.DataObject) -> None:
    opened = opened_of(steps, data)
    told = run_graph(steps, LINKS, opened=opened)
    drawn = ElementTree.fromstring(told)
    outline, expected = outline_of(steps), []
    ahead = [outline.root]
    while ahead:
        for child in ahead.pop().children:
            expected.append(child.key if isinstance(child, Box) else str(child["id"]))
            if isinstance(child, Box) and child.key in opened:
                ahead.append(child)
    found = [element.get("data-group") or element.get("data-step") for element in drawn.iter()]
    assert sorted(filter(None, found)) == sorted(expected)
    assert run_graph(steps, LINKS, opened=opened) == told
    ids = [element.get("id") for element in drawn.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    states = group_states(steps, opened=opened)
    assert sorted([*states["steps"], *states["groups"]]) == sorted(expected)
    json.dumps(states)


def ancestors(item: Item) -> list[int]:
    return [item.number, *(ancestors(item.parent) if item.parent is not None else [])]


@settings(max_examples=60)
@given(runs(), st.data())
def test_edges_run_between_what_is_seen_and_boxes_hold_what_is_in_them(
    steps: list[StepView], data: st.DataObject
) -> None:
    shown = arranged(outline_of(steps), opened_of(steps, data), {})
    of_step = {item.child["id"]: item for item in shown.items if not isinstance(item.child, Box)}
    lines = {(line.source, line.target) for item in shown.items for line in item.lines}
    for item in shown.items:
        for line in item.lines:
            ends = {line.source, line.target}
            assert ends <= {item.number, *(inner.number for inner in item.shown)} and len(ends) == 2
        for place, inner in enumerate(item.shown):
            assert item.x <= inner.x and inner.x + inner.width <= item.x + item.width + 0.01
            assert item.y <= inner.y and inner.y + inner.height <= item.y + item.height + 0.01
            for other in item.shown[:place]:
                is_beside = inner.x + inner.width <= other.x + 0.01 or other.x + other.width <= inner.x + 0.01
                assert is_beside or inner.y + inner.height <= other.y + 0.01 or other.y + other.height <= inner.y + 0.01
    for view in steps:
        for needed in view["inputs"]:
            source, target = of_step.get(needed), of_step.get(view["id"])
            if source is not None and target is not None and source is not target:
                assert any((above, other) in lines for above in ancestors(source) for other in ancestors(target))


def test_a_link_is_told_what_it_leads_to() -> None:
    run = Run()
    inner = run.add("inner", "flow", "running")
    run.map("fit", ["running"], inner)
    nodes: list[GraphNode] = []
    run_graph(run.steps, GraphLinks(step=lambda node: nodes.append(node) or ""))  # type: ignore[func-returns-value]
    assert nodes == [(1, "inner", "flow"), (None, "inner/fit[]", "map"), (2, "inner/fit[0]", "task")]
