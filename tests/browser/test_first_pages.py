"""Signing in, the first page, a run that goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.accessible import complaints
from tests.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


def test_the_printed_address_signs_in(browser: Browser, served: Served) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{served.url}/sign-in#token={served.token}")
    page.get_by_role("heading", name="Home").wait_for()
    assert page.url == f"{served.url}/"
    assert "token" not in page.evaluate("location.href")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Token").wait_for()
    page.goto(f"{served.url}/runs")
    assert page.url == f"{served.url}/sign-in?next=%2Fruns"
    context.close()


def test_a_wrong_token_is_told(browser: Browser, served: Served) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{served.url}/sign-in")
    page.get_by_label("Token").fill("partita_000000000000_" + "x" * 43)
    page.get_by_role("button", name="Sign in").click()
    assert "not known" in page.get_by_role("alert").inner_text()
    context.close()


def test_a_run_is_watched_until_it_ends(page: Page, served: Served, shoot: Callable[..., None]) -> None:
    run = served.launch("flows.py:squares", n=30)
    page.goto(f"{served.url}/runs/{run}")
    state = page.locator("#run-state")
    state.get_by_text("succeeded").wait_for()
    assert page.get_by_role("link", name="total, succeeded").count() == 1
    shoot(page, "run", full_page=True)


def test_language_and_colours_are_kept(page: Page, served: Served, shoot: Callable[..., None]) -> None:
    page.goto(f"{served.url}/runs")
    page.get_by_label("Language").select_option("zh-CN")
    page.get_by_role("heading", name="运行", exact=True).wait_for()
    assert page.url == f"{served.url}/runs"
    page.get_by_label("配色").select_option("dark")
    page.wait_for_selector("html[data-theme=dark]")
    shoot(page, "runs-chinese-dark")


@pytest.mark.parametrize(
    "path", ["/", "/runs", "/runs/latest", "/runs/latest?view=steps&step=1", "/runs/latest?view=log"]
)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_can_be_used_without_seeing_them(
    page: Page, context: BrowserContext, served: Served, path: str, theme: str
) -> None:
    served.wait(served.launch("flows.py:squares", n=3))
    context.add_cookies([{"name": "partita-theme", "value": theme, "url": served.url}])
    page.goto(served.url + path)
    assert complaints(page) == []


@pytest.mark.context(java_script_enabled=False)
@pytest.mark.parametrize(
    "path, text",
    [("/", "Done lately"), ("/runs", "squares"), ("/runs/latest", "total"), ("/runs/latest?view=steps", "work[2]")],
)
def test_pages_say_all_without_scripts(page: Page, served: Served, path: str, text: str) -> None:
    served.wait(served.launch("flows.py:squares", n=3))
    page.goto(served.url + path)
    assert text in page.locator("main").inner_text()
