"""Steps as boxes: what lies in what, what is counted, and what is open at first."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from partita.drawing.outline import PAGE, Box, Page, outline_of
from partita.protocol.requests import StepView
from tests.unit.drawing.steps import Run, runs


def leaves(box: Box) -> Iterator[int]:
    for child in box.children:
        if isinstance(child, Box):
            yield from leaves(child)
        else:
            yield child["id"]


def boxes(box: Box) -> Iterator[Box]:
    for child in box.children:
        if isinstance(child, Box):
            yield child
            yield from boxes(child)


def test_elements_of_a_map_lie_in_its_box_whether_its_input_was_known_or_not() -> None:
    run = Run()
    run.map("fit", ["succeeded", "failed", "running"])
    late = run.add("fit[]#2", "flow", "running")
    run.add("fit[0]", parent=late)
    known, unknown = outline_of(run.steps).root.children
    assert isinstance(known, Box) and isinstance(unknown, Box)
    assert (known.key, known.label, known.counts) == ("fit[]", "fit ×3", {"running": 1, "succeeded": 1, "failed": 1})
    assert (unknown.key, unknown.label, unknown.step) == ("fit[]#2", "fit#2 ×1", run.steps[late])
    assert (known.state, known.done, known.failed, known.kind) == ("running", 2, 1, "map")


def test_a_second_map_of_one_task_has_a_box_of_its_own() -> None:
    run = Run()
    for name in ("fit[0]", "fit[1]", "fit[0]#2", "fit[a[1]]#2"):
        run.add(name)
    assert [(box.key, len(box.children)) for box in boxes(outline_of(run.steps).root)] == [("fit[]", 2), ("fit[]#2", 2)]


def test_rounds_of_a_flow_that_calls_itself_lie_side_by_side() -> None:
    run = Run()
    around = run.add("improve", "flow", "running")
    first, before = around, run.add("refine", parent=around)
    for _ in range(1000):
        around = run.add("improve", "flow", "running", [before], around)
        before = run.add("refine", parent=around)
    outline = outline_of(run.steps)
    box = outline.boxes[first]
    assert [child.key for child in box.children if isinstance(child, Box)] == ["improve/improve#"]
    assert outline.boxes[around].label == "improve ↻1,001"
    assert len({each.key for each in boxes(outline.root)}) == 1002


def test_many_calls_of_one_task_have_a_box_and_few_have_none() -> None:
    run = Run()
    for number in range(40):
        run.add(f"fit#{number + 2}" if number else "fit")
    run.add("report")
    found = outline_of(run.steps).root.children
    assert [child.label if isinstance(child, Box) else child["name"] for child in found] == ["fit ×40", "report"]
    assert not list(boxes(outline_of(run.steps[:12]).root))


def test_a_small_run_is_open_and_a_large_one_closed() -> None:
    small = Run()
    train = small.add("train", "flow", "running")
    small.map("fit", ["running"] * 5, train)
    assert outline_of(small.steps).opened_at_first() == {"train", "train/fit[]"}
    large = Run()
    large.map("fit", ["running"] * 5000)
    assert outline_of(large.steps).opened_at_first() == frozenset()


def test_the_way_to_what_failed_is_open() -> None:
    run = Run()
    for key in range(1000):
        train = run.add(f"train[{key}]", "flow", "failed" if key == 700 else "succeeded")
        for name in ("a", "b", "c"):
            run.add(name, state="failed" if key == 700 and name == "c" else "succeeded", parent=train)
    outline = outline_of(run.steps)
    assert outline.opened_at_first() == {"train[]", "train[]/train[700]"}
    (elements,) = outline.root.children
    assert isinstance(elements, Box) and outline.page(elements, {}) == Page(1, True)
    assert [child.name for child in outline.shown(elements, {}) if isinstance(child, Box)] == ["train[700]"]


def test_pages_of_very_many() -> None:
    run = Run()
    run.map("fit", ["succeeded"] * 250)
    outline = outline_of(run.steps)
    (box,) = outline.root.children
    assert isinstance(box, Box)

    def first(page: str) -> tuple[str, int]:
        shown = outline.shown(box, {"fit[]": page})
        return (shown[0]["name"], len(shown)) if shown and not isinstance(shown[0], Box) else ("", 0)

    assert first("1") == ("fit[0]", PAGE) and first("3") == ("fit[200]", 50)
    assert first("99") == ("fit[200]", 50) and first("-1") == first("x") == ("fit[0]", PAGE)
    assert first("failed") == first("failed-7") == ("", 0)


@given(runs())
def test_every_step_lies_in_one_place(steps: list[StepView]) -> None:
    outline = outline_of(steps)
    shown = [*leaves(outline.root), *(box.step["id"] for box in boxes(outline.root) if box.step is not None)]
    expected = [view["id"] for view in steps if view["kind"] != "gather" and view is not outline.root.step]
    assert sorted(shown) == expected
    for box in boxes(outline.root):
        assert box.parent is not None and box in box.parent.children
        assert box.done <= box.total
    assert outline.root.failed == sum(
        view["state"] == "failed" for view in steps if view["id"] in set(leaves(outline.root))
    )


@given(runs(), st.randoms())
def test_the_order_in_which_steps_come_does_not_matter(steps: list[StepView], random: object) -> None:
    mixed = list(steps)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert [box.key for box in boxes(outline_of(mixed).root)] == [box.key for box in boxes(outline_of(steps).root)]


@given(runs(), st.integers(0, 30))
def test_no_more_is_open_at_first_than_there_is_room_for(steps: list[StepView], at_most: int) -> None:
    outline = outline_of(steps)
    opened = outline.opened_at_first(at_most)
    shown = len(outline.root.children) + sum(len(box.children) for box in boxes(outline.root) if box.key in opened)
    assert not opened or shown <= at_most
