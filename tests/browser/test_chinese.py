"""What the engine, workers and errors say is there in Chinese, too; names and texts of users stay as they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


@pytest.fixture(autouse=True)
def chinese(context: BrowserContext, served: Served) -> None:
    context.add_cookies([{"name": "partita-language", "value": "zh-CN", "url": served.url}])


def step_of(served: Served, run: str, name: str) -> int:
    return next(int(step["id"]) for step in served.get(f"/api/v1/runs/{run}/steps")["items"] if step["path"] == name)


def test_a_step_says_why_it_went_as_it_went(page: Page, served: Served) -> None:
    run = served.launch("grows.py:hostile")
    assert served.wait(run)["state"] == "failed"
    page.goto(f"{served.url}/runs/{run}?step={step_of(served, run, 'breaks')}")
    text = page.locator("#step").inner_text()
    assert "由 hostile 在 grows.py:" in text and "第 1 次尝试失败（ValueError: " in text
    assert "没有再次尝试：此任务没有设置重试。" in text
    facts = page.locator("#step > ul > li").all_inner_texts()
    assert facts and all(re.search("[\u4e00-\u9fff]", fact) for fact in facts)


def test_what_is_asked_holds_up_the_finish(page: Page, served: Served) -> None:
    run = served.launch("flows.py:asks")
    page.goto(f"{served.url}/runs/{run}")
    page.get_by_text("正在等待有人答复：").wait_for()
    page.goto(f"{served.url}/runs/{run}?step={step_of(served, run, 'approval')}")
    assert "它在等待：审批 'Is it good?'。" in page.locator("#step").inner_text()


@pytest.mark.refuses
def test_what_is_refused_says_so(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/artifacts?size=big")
    assert "不是大小" in page.get_by_role("alert").inner_text()
    page.goto(f"{served.url}/settings/tokens")
    page.locator("form input[name=name]").first.fill("x")
    page.locator("form input[name=scopes]").fill("fly:high")
    page.get_by_role("button", name="创建令牌").click()
    assert "没有权限范围 'fly:high'" in page.get_by_role("alert").inner_text()
    page.goto(f"{served.url}/compare")
    page.get_by_role("heading", name="比较两个运行").wait_for()


def test_what_is_not_there_says_so(served: Served) -> None:
    told = {"accept": "text/html", "cookie": "partita-language=zh-CN"}
    for path, text in (
        ("/runs/nothing", "没有运行 &#39;nothing&#39;"),
        ("/models/nothing", "没有模型 &#39;nothing&#39;"),
        ("/nowhere", "此地址没有内容"),
    ):
        answer = served.ask("GET", path, headers=told)
        assert answer.status == 404
        page = answer.data.decode()
        assert "找不到此内容" in page and text in page


def test_a_form_of_another_session_is_answered_with_a_page(served: Served) -> None:
    headers = {
        "accept": "text/html", "content-type": "application/x-www-form-urlencoded",
        "cookie": f"partita-session={served.session()}; partita-language=zh-CN",
    }  # fmt: skip
    answer = served.ask("POST", "/settings/secrets", headers=headers, data=b"csrf=old&name=A&value=b", token="")
    assert answer.status == 403 and answer.headers["content-type"].startswith("text/html")
    assert "您无权执行此操作" in answer.data.decode() and "不属于当前会话" in answer.data.decode()


def test_an_executor_that_works_says_so(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/executors")
    page.get_by_role("button", name="通过 process 发送测试步骤").click()
    page.locator("#probe").get_by_text("正常").wait_for(timeout=60_000)
