"""The times of a run: planned and actual bars, the critical path, and when it will be done."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.browser.accessible import complaints
from tests.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


@pytest.fixture(scope="module")
def taught(served: Served) -> Served:
    """What the flow takes is known."""
    for _ in range(2):
        served.wait(served.launch("planned.py:season"))
    return served


def bars(page: Page, kind: str) -> dict[str, tuple[float, float]]:
    """Left and right end of the bar of each step, in parts of a thousand."""
    found = {}
    for row in page.locator("#timeline a.node").all():
        bar = row.locator(f"rect.{kind}").first
        if bar.count():
            x, width = float(bar.get_attribute("x") or 0), float(bar.get_attribute("width") or 0)
            found[(row.get_attribute("aria-label") or "").partition(",")[0]] = (x, x + width)
    return found


def test_planned_bars_stand_behind_the_actual_ones(page: Page, taught: Served, shoot: Callable[..., None]) -> None:
    run = taught.launch("planned.py:season")
    taught.wait(run)
    page.goto(f"{taught.url}/runs/{run}?view=gantt")
    planned, actual = bars(page, "plan"), bars(page, "bar")
    assert {"fit", "fit#2", "fit#3", "report", "report#2"} <= set(planned) & set(actual)
    for name, (_, end) in planned.items():
        assert end == pytest.approx(actual[name][1], abs=110), name
    label = page.get_by_role("link", name="on the critical path")
    assert label.count() >= 4 and "planned" in (label.last.get_attribute("aria-label") or "")
    assert page.locator("#timeline rect.is-critical").count() >= 4
    assert page.get_by_text("Dashed: when each step was first planned to run").count() == 1
    assert page.locator("#finish").count() == 0
    shoot(page, "timeline", full_page=True)


@pytest.mark.context(timezone_id="Asia/Shanghai", viewport={"width": 1280, "height": 900})
def test_a_run_that_goes_on_tells_when_it_will_be_done(
    page: Page, context: BrowserContext, taught: Served, shoot: Callable[..., None]
) -> None:
    run = taught.launch("planned.py:season", pace=3)
    page.goto(f"{taught.url}/runs/{run}?view=gantt")
    finish = page.locator("#finish")
    finish.get_by_text("in eight of ten cases").wait_for()
    assert re.search(r"about .+ left", finish.inner_text())
    early, late = (finish.locator("time").nth(number) for number in (0, 1))
    moment = datetime.fromisoformat(early.get_attribute("datetime") or "")
    assert (moment.hour + 8) % 12 == int(early.inner_text().partition(":")[0]) % 12  # clocks of English have two halves
    assert "UTC" not in early.inner_text()
    assert (late.get_attribute("datetime") or "") >= (early.get_attribute("datetime") or "")
    page.locator("#finish svg").wait_for()
    assert "was thought to take" in (page.locator("#finish svg").get_attribute("aria-label") or "")
    assert complaints(page) == []
    shoot(page, "timeline-running", full_page=True)
    page.locator("#run-state").get_by_text("succeeded").wait_for()
    page.locator("#finish").wait_for(state="detached")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1920])
def test_the_timeline_can_be_used_without_seeing_it(
    page: Page, context: BrowserContext, taught: Served, theme: str, width: int, shoot: Callable[..., None]
) -> None:
    context.add_cookies([{"name": "partita-theme", "value": theme, "url": taught.url}])
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{taught.url}/runs/latest?view=gantt")
    page.locator("#timeline rect.plan").first.wait_for()
    assert complaints(page) == []
    shoot(page, f"timeline-{theme}-{width}")


def test_the_timeline_speaks_chinese(
    page: Page, context: BrowserContext, taught: Served, shoot: Callable[..., None]
) -> None:
    context.add_cookies([{"name": "partita-language", "value": "zh-CN", "url": taught.url}])
    page.goto(f"{taught.url}/runs/latest?view=gantt")
    page.get_by_text("虚线框：最初计划的运行时间").wait_for()
    assert page.get_by_role("link", name="位于关键路径").count() >= 4
    shoot(page, "timeline-chinese", full_page=True)
