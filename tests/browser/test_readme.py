"""The pictures that the README shows: a run that waits for somebody, its times, and a form that starts one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.mark.context(viewport={"width": 1360, "height": 860})
def test_a_run_from_the_form_to_a_decision(page: Page, served: Served, shoot: Callable[..., None]) -> None:
    page.goto(f"{served.url}/flows/churn.py:churn?rows=5000&folds=2")
    assert page.get_by_label("rows").input_value() == "5000"
    shoot(page, "readme-flow")
    page.get_by_role("button", name="Start a run").click()
    page.get_by_role("link", name="approval, waiting").wait_for()
    run = page.url.partition("/runs/")[2].partition("?")[0]
    page.evaluate("window.scrollTo(0, 0)")
    shoot(page, "readme-run")
    page.goto(f"{served.url}/runs/{run}?view=gantt")
    page.locator("#timeline svg").wait_for()
    shoot(page, "readme-timeline")
    page.goto(f"{served.url}/approvals")
    page.get_by_role("button", name="Approve").first.wait_for()
    card = page.locator(".card", has_text="Use this model?").first
    card.get_by_label("Comment").fill("Better on every fold")
    card.get_by_role("button", name="Approve").click()
    page.goto(f"{served.url}/runs/{run}")
    page.locator("#run-state").get_by_text("succeeded").wait_for()
