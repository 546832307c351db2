"""Flows: the list, what one takes as a form, its graph before any run, starting a run, and published versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from partita.workspace import open_workspace
from tests.browser.accessible import complaints
from tests.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


def test_a_run_is_started_from_the_form_and_watched(page: Page, served: Served, shoot: Callable[..., None]) -> None:
    page.goto(f"{served.url}/flows")
    page.get_by_role("link", name="squares").click()
    page.get_by_role("heading", name="squares", level=1).wait_for()
    page.locator("#f-in-n").fill("5")
    page.get_by_role("button", name="Start a run").click()
    page.wait_for_url(re.compile(r"/runs/\w+$"))
    page.locator("#run-state").get_by_text("succeeded").wait_for()
    page.goto(f"{served.url}/flows/flows.py:squares")
    page.get_by_role("link", name=re.compile("succeeded, ")).first.wait_for()
    shoot(page, "flow", full_page=True)


def test_the_graph_is_laid_out_behind_the_page(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/flows/flows.py:squares?n=4")
    graph = page.locator("#graph")
    graph.locator("svg.picture").wait_for(timeout=60_000)
    assert "n=4" in graph.inner_text()
    assert page.locator("#f-in-n").input_value() == "4"


def test_each_type_has_a_field_of_its_own(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/flows/prices.py:everything")
    form = page.locator("#launch")
    assert form.get_by_label("is_fast").get_attribute("type") == "checkbox"
    assert form.get_by_label("kind").locator("option").all_inner_texts() == ["line", "forest"]
    assert form.get_by_label("area").input_value() == "OUTSKIRTS"
    assert form.get_by_label("since").get_attribute("type") == "date"
    assert form.get_by_label("names").input_value() == '["a", "b"]'
    assert form.get_by_label("limit").get_attribute("placeholder") == "nothing"
    assert "a number between nothing and all" in form.inner_text()


@pytest.mark.refuses
def test_what_does_not_fit_is_said_at_its_field_and_what_was_typed_stays(
    page: Page, served: Served, shoot: Callable[..., None]
) -> None:
    page.goto(f"{served.url}/flows/prices.py:everything")
    form = page.locator("#launch")
    form.get_by_label("title").fill("a <b>bold</b> title")
    form.get_by_label("count").fill("many")
    form.get_by_label("weights").fill('{"a": ')
    form.get_by_label("is_fast").check()
    with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        form.get_by_role("button", name="Start a run").click()
    assert answered.value.status == 422
    page.get_by_role("alert").wait_for()
    count = form.get_by_label("count")
    assert count.get_attribute("aria-invalid") == "true" and count.input_value() == "many"
    assert "whole number" in page.locator("#f-in-count-wrong").inner_text()
    assert "JSON" in page.locator("#f-in-weights-wrong").inner_text()
    assert form.get_by_label("title").input_value() == "a <b>bold</b> title"
    assert form.get_by_label("is_fast").is_checked()
    assert complaints(page) == []
    shoot(page, "flow-form-wrong", full_page=True)


@pytest.mark.context(java_script_enabled=False)
def test_a_run_is_started_without_scripts(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/flows/prices.py:everything?count=3&in.title=x&is_fast=true&limit=7")
    page.get_by_label("since").fill("2026-01-31")
    page.get_by_text("Options").click()
    page.get_by_label("Tags").fill("first, second")
    page.get_by_role("button", name="Start a run").click()
    run = page.url.rpartition("/")[2]
    view = served.wait(run)
    assert view["tags"] == ["first", "second"] and view["state"] == "succeeded"
    told = served.get(f"/api/v1/runs/{run}/result")["value"]
    assert told["count"] == "3" and told["is_fast"] == "True" and told["limit"] == "7"
    assert told["since"] == "2026-01-31" and told["weights"] == "None" and told["names"] == "['a', 'b']"


@pytest.fixture(scope="module")
def published(served: Served) -> str:
    """A flow that was published twice, the second time with another default."""
    workspace = open_workspace(served.folder)
    try:
        workspace.publish("flows.py:squares", name="squares", note="first")
        file = served.folder / "flows.py"
        before = file.read_text()
        file.write_text(before.replace("def squares(n: int = 20)", "def squares(n: int = 6)"))
        workspace.publish("flows.py:squares", name="squares", note="smaller")
        file.write_text(before)
    finally:
        workspace.close()
    return "squares"


def test_a_version_is_compared_promoted_rolled_back_and_run(
    page: Page, served: Served, published: str, shoot: Callable[..., None]
) -> None:
    page.goto(f"{served.url}/flows/{published}")
    page.get_by_role("link", name="against 1").click()
    changes = page.locator("#changes")
    assert "default 20 is 6 now" in changes.inner_text()
    shoot(page, "flow-versions", full_page=True)
    for version in (1, 2):
        page.goto(f"{served.url}/flows/{published}?version={version}")
        page.get_by_label("Stage", exact=True).select_option("dev")
        page.locator("#p-why").fill(f"try {version}")
        page.get_by_role("button", name="Promote").click()
        page.wait_for_url(re.compile("#stages"))
    stages = page.locator("#stages")
    assert "version 2" in stages.inner_text() and "try 2" in stages.inner_text()
    stages.get_by_role("button", name="Roll back").click()
    page.locator("#stages").get_by_role("link", name="version 1").wait_for()
    page.goto(f"{served.url}/flows/{published}?version=2")
    assert page.locator("#f-in-n").input_value() == "6"
    page.get_by_role("button", name="Start a run").click()
    page.wait_for_url(re.compile(r"/runs/\w+$"))
    view = served.wait(page.url.rpartition("/")[2])
    assert view["publication"] == "squares@2" and view["state"] == "succeeded"


@pytest.mark.parametrize("path", ["/flows", "/flows/prices.py:everything", "/flows/squares?against=1"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_flows_can_be_used_without_seeing_them(
    page: Page, context: BrowserContext, served: Served, published: str, path: str, theme: str
) -> None:
    context.add_cookies([{"name": "partita-theme", "value": theme, "url": served.url}])
    page.goto(served.url + path)
    assert complaints(page) == []


@pytest.mark.context(viewport={"width": 360, "height": 700})
@pytest.mark.parametrize("path", ["/flows", "/flows/prices.py:everything", "/flows/squares"])
def test_flows_fit_on_a_phone_and_speak_chinese(
    page: Page, context: BrowserContext, served: Served, published: str, path: str
) -> None:
    context.add_cookies([{"name": "partita-language", "value": "zh-CN", "url": served.url}])
    page.goto(served.url + path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    text = page.locator("main").inner_text()
    assert "Last runs" not in text and "Start a run" not in text and "最近运行" in text


def test_a_flow_that_there_is_not_is_told(page: Page, served: Served) -> None:
    answer = served.ask("GET", "/flows/nothing.py:here", headers={"accept": "text/html"})
    assert answer.status == 404 and b"no flow" in answer.data
    assert served.ask("GET", "/flows/..%2F..%2Fetc%2Fpasswd:x", headers={"accept": "text/html"}).status == 404
