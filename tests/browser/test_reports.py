"""What a step reported, on its page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.accessible import complaints
from tests.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_numbers_are_told_and_drawn(
    page: Page, context: BrowserContext, served: Served, shoot: Callable[..., None], theme: str
) -> None:
    context.add_cookies([{"name": "partita-theme", "value": theme, "url": served.url}])
    run = served.launch("grows.py:learns", rounds=20)
    served.wait(run)
    page.goto(f"{served.url}/runs/{run}?view=steps")
    page.get_by_role("link", name="learn", exact=True).click()
    row = page.get_by_role("row").filter(has_text="accuracy")
    row.wait_for()
    assert "0.9" in row.inner_text()
    assert "0.05" in page.get_by_role("row").filter(has_text="loss").inner_text()
    assert page.get_by_role("img", name="loss").count() == 1
    shoot(page, f"step-reports-{theme}", full_page=True)
    assert complaints(page) == []
