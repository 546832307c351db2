"""Approvals: the inbox with evidence, approving, rejecting, answering, and who may."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.accessible import complaints
from tests.browser.polling import until
from tests.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


def _question(page: Page, name: str) -> Any:
    found = page.get_by_role("article", name=name)
    found.wait_for(timeout=60_000)
    return found


def test_evidence_is_shown_and_an_approval_lets_the_run_go_on(
    page: Page, served: Served, shoot: Callable[..., None]
) -> None:
    run = served.launch("prices.py:release", version="1.0", rows=200)
    page.goto(f"{served.url}/approvals")
    question = _question(page, "Publish 1.0?")
    text = question.inner_text()
    assert "table of 200 rows and 4 columns" in text and "worst" in text and "Anybody may decide" in text
    shoot(page, "approvals", full_page=True)
    question.get_by_label("Comment").fill("good enough")
    question.get_by_role("button", name="Approve").click()
    until(page, "!document.querySelector('main').innerText.includes('Publish 1.0?')")
    assert served.wait(run)["state"] == "succeeded"
    page.goto(f"{served.url}/approvals?show=decided")
    row = page.get_by_role("row", name=re.compile("Publish 1.0"))
    assert "approved" in row.inner_text() and "good enough" in row.inner_text()


def test_a_rejection_is_kept_with_its_reason(page: Page, served: Served) -> None:
    run = served.launch("prices.py:release", version="2.0", rows=40)
    page.goto(f"{served.url}/approvals?show=all")
    question = _question(page, "Publish 2.0?")
    question.get_by_label("Comment").fill("the worst is too bad")
    question.get_by_role("button", name="Reject").click()
    served.wait(run)
    waits = served.get(f"/api/v1/runs/{run}/waits")
    assert [wait["outcome"] for wait in waits] == ["rejected"]
    assert waits[0]["votes"][0]["comment"] == "the worst is too bad"


def test_others_are_named_and_may_not_be_taken_for(page: Page, served: Served) -> None:
    run = served.launch("prices.py:release", version="3.0", rows=40, voters=["ann", "ben", "cem"], required=2)
    page.goto(f"{served.url}/approvals?show=all")
    question = _question(page, "Publish 3.0?")
    assert "2 of these have to approve: ann, ben, cem" in question.inner_text()
    assert question.get_by_role("button").count() == 0 and "Others are asked" in question.inner_text()
    page.goto(f"{served.url}/approvals")
    assert page.get_by_role("article", name="Publish 3.0?").count() == 0
    served.post(f"/api/v1/runs/{run}/cancel")


def test_nothing_waits_for_those_whose_role_may_not_decide(page: Page, served: Served) -> None:
    run = served.launch("prices.py:release", version="3.1", rows=40)
    page.goto(f"{served.url}/approvals")
    _question(page, "Publish 3.1?")
    made = served.form("/settings/tokens", name="of a viewer", role="viewer", user="", expires="1h").data.decode()
    viewer = made.split('<code id="made" class="breaks">')[1].split("<")[0]
    for path, is_shown in (("/approvals", False), ("/", False), ("/approvals?show=all", True)):
        assert (b"Publish 3.1?" in served.ask("GET", path, token=viewer).data) is is_shown, path
    served.post(f"/api/v1/runs/{run}/cancel")


def test_whoever_launched_may_not_approve_it(page: Page, served: Served) -> None:
    run = served.launch("prices.py:careful", version="4.0")
    page.goto(f"{served.url}/approvals?show=all")
    question = _question(page, "Really 4.0?")
    assert question.get_by_role("button", name="Approve").count() == 0
    answer = served.ask("POST", f"/api/v1/runs/{run}/steps/1/approve", {})
    assert answer.status == 409 and b"somebody else has to" in answer.data
    question.get_by_role("button", name="Reject").click()
    served.wait(run)


@pytest.mark.refuses
@pytest.mark.context(java_script_enabled=False)
def test_questions_are_answered_by_forms_without_scripts(page: Page, served: Served) -> None:
    run = served.launch("prices.py:survey", city="Bern")
    _until_asked(served, run, 2)
    page.goto(f"{served.url}/approvals")
    price = page.get_by_role("article", name="What does a flat in Bern cost?")
    price.get_by_label("Answer").fill("much")
    price.get_by_role("button", name="Answer").click()
    assert "Give a number" in page.locator(".wrong").inner_text()
    assert page.get_by_label("Answer").input_value() == "much"
    page.get_by_label("Answer").fill("350000")
    page.get_by_role("button", name="Answer").click()
    page.goto(f"{served.url}/approvals")
    sure = page.get_by_role("article", name="How sure are you?")
    sure.get_by_label("Answer").select_option("a guess")
    sure.get_by_role("button", name="Answer").click()
    served.wait(run)
    assert served.get(f"/api/v1/runs/{run}/result")["value"] == "Bern: 350000 (a guess)"


def _until_asked(served: Served, run: str, count: int) -> None:
    import time

    until = time.monotonic() + 60
    while sum(not wait["outcome"] for wait in served.get(f"/api/v1/runs/{run}/waits")) < count:
        assert time.monotonic() < until, f"run {run} asks nobody"
        time.sleep(0.1)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("show", ["mine", "all", "decided"])
def test_the_inbox_can_be_used_without_seeing_it(
    page: Page, context: BrowserContext, served: Served, show: str, theme: str
) -> None:
    context.add_cookies([{"name": "partita-theme", "value": theme, "url": served.url}])
    run = served.launch("prices.py:release", version="5.0", rows=200)
    _until_asked(served, run, 1)
    page.goto(f"{served.url}/approvals?show={show}")
    assert complaints(page) == []
    served.post(f"/api/v1/runs/{run}/cancel")


@pytest.mark.context(viewport={"width": 360, "height": 700})
def test_the_inbox_fits_on_a_phone_and_speaks_chinese(page: Page, context: BrowserContext, served: Served) -> None:
    context.add_cookies([{"name": "partita-language", "value": "zh-CN", "url": served.url}])
    run = served.launch("prices.py:release", version="6.0", rows=200)
    _until_asked(served, run, 1)
    page.goto(f"{served.url}/approvals")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="批准").first.wait_for()
    assert "任何人都可以决定" in page.locator("main").inner_text()
    served.post(f"/api/v1/runs/{run}/cancel")
