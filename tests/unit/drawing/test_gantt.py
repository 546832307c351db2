"""A plan as a Gantt chart: as text, as a picture, as a page."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from partita.drawing.cells import width
from partita.drawing.frontier import frontier_svg, frontier_text
from partita.drawing.gantt import chart_rows, fit_name, gantt_text, step_title, tick_seconds
from partita.drawing.gantt_svg import gantt_svg
from partita.drawing.plan_facts import plan_facts
from partita.drawing.plan_page import plan_page
from partita.protocol.plans import PlanView
from tests.unit.drawing.plans import CHEAP, FAST, made, step
from tests.unit.drawing.test_pages import HOSTILE, Page

SVG = "{http://www.w3.org/2000/svg}"

CHAIN = [step("load"), step("fit", [0]), step("report", [1])]


def text_of(plan: PlanView, columns: int = 80, *, is_unicode: bool = True) -> list[str]:
    return ["".join(piece.text for piece in line) for line in gantt_text(plan, columns, is_unicode=is_unicode)]


def test_bars_begin_and_end_where_their_steps_do() -> None:
    plan = made(CHAIN, {"load": 20.0, "fit": 40.0, "report": 20.0})  # twice as fast there: 10, 20, 10 s
    _, load, fit, report = text_of(plan)
    at = [line.index("█") for line in (load, fit, report)]
    size = [line.count("█") for line in (load, fit, report)]
    assert at[1] == at[0] + size[0] and at[2] == at[1] + size[1]
    assert abs(size[1] - 2 * size[0]) <= 1 and abs(size[2] - size[0]) <= 1
    assert fit.split()[:5] == ["fit", "10.0", "s", "20.0", "s"]


def test_what_is_not_on_the_critical_path_looks_otherwise() -> None:
    plan = made([*CHAIN, step("aside")], {"load": 9.0, "fit": 9.0, "report": 9.0, "aside": 3.0})
    told = {line.split()[0]: line for line in text_of(plan)}
    assert "█" in told["fit"] and "▒" not in told["fit"]
    assert "▒" in told["aside"] and "█" not in told["aside"]


def test_the_node_is_told_where_there_are_several() -> None:
    assert "node" not in text_of(made(CHAIN))[0]
    told = text_of(made(CHAIN, nodes=(FAST, CHEAP)))
    assert "node" in told[0] and "fast" in told[1]


def test_plain_text_for_terminals_without_unicode() -> None:
    plan = made([step(f"a[{number}]") for number in range(100)], nodes=(FAST, CHEAP))
    assert "".join(text_of(plan, is_unicode=False)).isascii()


@settings(deadline=None)
@example(80, [1e-320], "a")
@given(
    st.integers(20, 200),
    st.lists(st.floats(0, 1e5), min_size=1, max_size=8),
    st.text("aä数/[]", min_size=1, max_size=60),
)
def test_lines_fit_the_terminal_and_axes_are_in_order(columns: int, durations: list[float], name: str) -> None:
    names = [f"{name}{number}" for number in range(len(durations))]
    plan = made([step(path) for path in names], dict(zip(names, durations, strict=True)))
    for line in text_of(plan, columns):
        assert width(line) <= columns
    ticks = tick_seconds(plan["makespan_s"], 6)
    assert ticks[0] == 0.0 and all(a < b for a, b in pairwise(ticks)) and len(ticks) <= 7


def test_a_name_is_cut_in_its_middle() -> None:
    assert fit_name("a_rather_long_name[12]", 14) == "a_rather_…[12]"
    assert fit_name("short", 14) == "short"
    assert width(fit_name("数" * 30, 11)) <= 11


def test_steps_of_a_map_share_a_row_where_there_are_many() -> None:
    few = [step(f"fit[{number}]") for number in range(3)]
    many = [step(f"fit[{number}]") for number in range(500)] + [step("last", range(500))]
    assert [row.title for row in chart_rows(made(few))[0]] == ["fit[0]", "fit[1]", "fit[2]"]
    rows, hidden = chart_rows(made(many))
    assert ([row.title for row in rows], hidden) == (["fit ×500", "last"], 0)


def test_bars_that_touch_are_one_where_a_row_has_very_many() -> None:
    steps = [step(f"fit[{number}]") for number in range(3000)]
    plan = made([*steps, step("last", [2999])], {"fit": 2.0, "last": 500.0}, nodes=(FAST, CHEAP))
    (fit, last), _ = chart_rows(plan)
    assert fit.title == "fit ×3,000"
    assert len(fit.bars) <= 4  # one for each node, and what is on the critical path
    assert (fit.start_s, fit.end_s) == (0.0, plan["makespan_s"])
    assert sum(bar.size for bar in fit.bars) == 3000 and sum(bar.size for bar in last.bars) == 1
    page = plan_page(plan)
    assert len(page) < 300_000
    assert "steps on fast" in page and "steps on cheap" in page


def test_rows_that_are_too_many_are_counted() -> None:
    rows, hidden = chart_rows(made([step(f"s{number}") for number in range(70)]))
    assert (len(rows), hidden) == (60, 10)
    assert text_of(made([step(f"s{number}") for number in range(70)]))[-1] == "and 10 more rows"


def test_a_step_that_takes_no_time_can_be_seen() -> None:
    plan = made([step("a"), step("wait", [0], kind="wait"), step("b", [1])])
    assert any("▏" in line for line in text_of(plan) if line.startswith("wait"))
    nothing = made([step("a")], {"a": 0.0})
    assert "▏" in text_of(nothing)[1]
    for drawn in (gantt_svg(nothing), plan_page(nothing)):
        assert "nan" not in drawn and "inf" not in drawn.replace("information", "")


def test_the_picture_has_a_bar_with_a_tooltip_for_every_step() -> None:
    plan = made([*CHAIN, step("aside")], nodes=(FAST, CHEAP), beta=0.1)
    picture = ElementTree.fromstring(gantt_svg(plan))
    bars = [bar for bar in picture.iter(f"{SVG}rect") if bar.find(f"{SVG}title") is not None]
    assert sorted((bar.findtext(f"{SVG}title") or "").split("\n")[0] for bar in bars) == [
        "aside",
        "fit",
        "load",
        "report",
    ]
    right = float(picture.get("width", 0))
    for bar in bars:
        assert float(bar.get("x", 0)) + float(bar.get("width", 0)) <= right
    assert "on the critical path" in "".join(picture.itertext())


def test_a_tooltip_tells_what_is_known() -> None:
    plan = made(CHAIN, {"fit": 40.0})
    told = step_title(plan, 1).split("\n")
    assert told[0] == "fit"
    assert told[2].startswith("takes 20.0 s (") and told[2].endswith("as was said")
    assert "on the critical path" in told and "flows.py:7" in told


def test_the_page_is_whole_and_stands_alone() -> None:
    plan = made([*CHAIN, step("aside")], nodes=(FAST, CHEAP), request={"with_frontier": True, "deadline_s": 99.0})
    page = Page(plan_page(plan).replace("<!doctype html>", ""), void=("meta",))
    for told in ("survey", "critical path", "P50", "Time against cost", "cheap", "needs"):
        assert told in page.text
    assert page.tags.count("button") == 4
    assert not {"script", "link", "iframe", "img"} & set(page.tags)
    assert not [value for name, value in page.attributes if name in ("src", "href") or name.startswith("on")]
    assert ("name", "viewport") in page.attributes
    assert "prefers-color-scheme:dark" in plan_page(plan)


def test_names_of_users_stay_text() -> None:
    plan = made([step(HOSTILE, place=HOSTILE)], title=HOSTILE, request={"with_frontier": True})
    page = plan_page(plan)
    assert "script" not in Page(page.replace("<!doctype html>", ""), void=("meta",)).tags
    assert "\x1b" not in page + gantt_svg(plan) and "\u202e" not in page + gantt_svg(plan)
    ElementTree.fromstring(gantt_svg(plan))
    assert not [line for line in text_of(plan) if "\x1b" in line]


def facts_of(plan: PlanView) -> dict[str, str]:
    return dict(plan_facts(plan))


def test_what_is_guessed_and_what_is_unknown_is_told() -> None:
    steps = [step("load"), step("grow", [0], kind="flow"), step("approval", [1], kind="wait")]
    told = facts_of(made(steps, {"load": 3.0}))
    assert told["guessed"] == "the durations of 1 of 3 steps, of which nothing is known yet"
    assert told["unknown"] == "what comes of grow, approval: the run takes longer by that"
    assert "guessed" not in facts_of(made(CHAIN, {"load": 1.0, "fit": 1.0, "report": 1.0}))


def test_the_numbers_that_are_told_are_those_of_the_plan() -> None:
    steps = [step(f"fit[{number}]") for number in range(4)]
    told = facts_of(made(steps, {"fit": 20.0}, nodes=(FAST,)))
    assert told["plan"] == "4 steps on 1 node, 20.0 s if each takes its usual time, which no plan can beat"
    assert told["cost"] == "160: fast 160"
    assert told["critical path"] == "10.0 s: fit[0]"
    assert told["bottleneck"] == "cpu of fast, held 100% of the time"
    assert told["one more"] == "node like fast: 10.0 s (10.0 s less)"


def test_the_front_is_drawn_with_the_plan_that_was_chosen() -> None:
    steps = [step(f"fit[{number}]") for number in range(4)]
    points = made(steps, {"fit": 20.0}, nodes=(FAST, CHEAP), request={"with_frontier": True})["frontier"]
    lines = frontier_text(points)
    assert len(points) > 1
    assert sum("(this plan)" in line for line in lines) == 1
    assert sum(line.count("●") for line in lines) == 2  # on the chart, and in the list
    assert "".join(frontier_text(points, is_unicode=False)).isascii()
    picture = ElementTree.fromstring(frontier_svg(points))
    assert len(list(picture.iter(f"{SVG}circle"))) == len(points)


def test_a_front_of_one_plan_is_drawn() -> None:
    points = made(CHAIN, request={"with_frontier": True})["frontier"]
    assert len(points) == 1
    ElementTree.fromstring(frontier_svg(points))
    assert any("(this plan)" in line for line in frontier_text(points))


@pytest.mark.parametrize("makespan", [0.0, 0.004, 1.0, 59.0, 61.0, 7200.0, 1e6, 1e9])
def test_ticks_are_few_and_reach_far(makespan: float) -> None:
    ticks = tick_seconds(makespan, 8)
    assert 1 <= len(ticks) <= 9
    assert makespan < 1e-3 or ticks[-1] >= makespan / 4
