"""The page of a run: it unfolds, its log grows, it is compared and done again, and 10,000 steps stay usable."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.accessible import complaints
from tests.browser.polling import until
from tests.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_a_deferred_flow_unfolds_while_one_looks(page: Page, served: Served, shoot: Callable[..., None]) -> None:
    run = served.launch("grows.py:grows", n=6)
    page.goto(f"{served.url}/runs/{run}")
    page.get_by_role("link", name="joined, succeeded").wait_for()
    page.locator("#run-state").get_by_text("succeeded").wait_for()
    assert page.get_by_role("link", name="part#6, succeeded").count() == 1
    shoot(page, "run-unfolded")
    assert complaints(page) == []


def test_a_log_is_read_while_it_grows_and_looked_through(page: Page, served: Served) -> None:
    run = served.launch("grows.py:talks", lines=60, pause=0.1)
    page.goto(f"{served.url}/runs/{run}?view=steps&step=1")
    log = page.locator("#log")
    log.get_by_text("line 3 of the talk").wait_for()
    assert served.get(f"/api/v1/runs/{run}")["state"] == "running"
    page.get_by_label("Find in the log").fill("line 5")
    log.locator("mark").first.wait_for()
    until(page, "!document.getElementById('log').textContent.includes('line 3 of')")
    log.get_by_text("line 55 of the talk").wait_for()
    page.goto(f"{served.url}/runs/{run}?view=log&find=line+12")
    assert page.locator("pre.log").inner_text().strip() == "line 12 of the talk"


def test_two_runs_are_compared_and_one_is_done_again_from_a_step(page: Page, served: Served) -> None:
    first, second = (served.launch("flows.py:squares", n=n) for n in (3, 4))
    served.wait(first)
    served.wait(second)
    page.goto(f"{served.url}/runs/{second}")
    page.get_by_role("link", name="Compare", exact=True).click()
    page.get_by_label("Second run").select_option(first)
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("heading", name="Inputs").wait_for()
    assert complaints(page) == []
    page.goto(f"{served.url}/runs/{second}")
    page.get_by_role("link", name="total, succeeded").click()
    page.get_by_role("button", name="Run again from here").click()
    page.get_by_role("link", name="a rerun").wait_for()
    page.locator("#run-state").get_by_text("succeeded").wait_for()
    again = page.url.partition("/runs/")[2].partition("?")[0]
    assert again != second and served.get(f"/api/v1/runs/{again}")["notes"]["adopted"] == 5


def test_a_run_is_cancelled_by_a_button(page: Page, served: Served) -> None:
    run = served.launch("grows.py:talks", lines=3000, pause=0.1)
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{served.url}/runs/{run}")
    page.get_by_role("button", name="Cancel").click()
    page.locator("#run-state").get_by_text("cancelled").wait_for()


@pytest.mark.parametrize("view", ["graph", "gantt", "steps", "log", "values"])
def test_what_users_wrote_runs_nowhere(page: Page, served: Served, view: str) -> None:
    """Names, keys, values, logs, errors and tags with scripts in them, on every part of the page and in lists."""
    text = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
    body = {"flow": "grows.py:hostile", "inputs": {"text": text}, "tags": [text]}
    run = served.post("/api/v1/runs", body)["id"]
    served.wait(run)
    steps = served.get(f"/api/v1/runs/{run}/steps")["items"]
    for path in (
        f"/runs/{run}?view={view}",
        f"/runs/{run}?view={view}&step={steps[-1]['id']}",
        "/runs",
        "/",
        f"/runs/{run}?view=log&find={text}",
    ):
        page.goto(served.url + path)
        page.wait_for_timeout(100)
        assert page.evaluate("window.hacked") is None
        assert page.locator("img[src=x]").count() == 0 and "47569433" not in page.content()


def test_ten_thousand_steps_stay_usable(page: Page, served: Served, shoot: Callable[..., None]) -> None:
    run = served.launch("grows.py:very_many", n=10_000)
    page.goto(f"{served.url}/runs/{run}")
    page.locator("#graph svg.picture").wait_for()
    served.wait(run, 120)
    page.locator("#run-state").get_by_text("succeeded").wait_for()
    group = page.locator("[data-group='one[]']")
    assert "10,000 of 10,000" in (group.text_content() or "")
    page.get_by_role("button", name="open one[]").or_(page.get_by_role("button", name="open one")).first.click()
    page.get_by_role("link", name="next").or_(page.get_by_text("next", exact=True)).first.wait_for()
    assert page.locator("#graph [data-step]").count() < 300
    shoot(page, "run-ten-thousand")
    began = time.monotonic()
    page.goto(f"{served.url}/runs/{run}?view=steps&path=one[77]")
    page.get_by_role("link", name="one[77]", exact=True).wait_for()
    assert time.monotonic() - began < 20


@pytest.mark.context(java_script_enabled=False)
@pytest.mark.parametrize(
    "address, texts",
    [
        ("view=graph", ["part#6", "joined"]), ("view=gantt", ["part#6", "joined"]),
        ("view=steps", ["part#6", "joined", "succeeded"]), ("view=steps&step=1", ["count", "succeeded"]),
        ("view=log", ["line 12 of the talk"]), ("view=log&find=line+7", ["line 7 of the talk"]),
        ("view=values", ["joined", "int"]),
    ],
)  # fmt: skip
def test_each_view_says_its_data_without_scripts(page: Page, served: Served, address: str, texts: list[str]) -> None:
    is_log = address.startswith("view=log")
    run = served.launch("grows.py:talks", lines=20, pause=0) if is_log else served.launch("grows.py:grows", n=6)
    served.wait(run)
    page.goto(f"{served.url}/runs/{run}?{address}")
    told = page.locator("main").text_content() or ""
    assert [text for text in texts if text not in told] == []


@pytest.mark.parametrize("address", ["view=steps", "view=log", "view=log&find=line+7", "view=values"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_view_can_be_used_without_seeing_it(page: Page, served: Served, address: str, theme: str) -> None:
    run = served.launch("grows.py:talks", lines=20, pause=0)
    served.wait(run)
    page.context.add_cookies([{"name": "partita-theme", "value": theme, "url": served.url}])
    page.goto(f"{served.url}/runs/{run}?{address}")
    assert complaints(page) == []
