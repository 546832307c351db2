"""Studies: a study while it goes on, its trials sorted, its pictures, and its trials as a file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.accessible import complaints
from tests.browser.polling import until
from tests.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

_TUNE = ["-m", "partita.cli", "tune", "prices.py:tuned", "--direction", "minimize", "--parallel", "2"]


def _tune(served: Served, name: str, trials: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *_TUNE, "--trials", str(trials), "--study", name], cwd=served.folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ),
    )  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def ended(served: Served) -> None:
    """A study that has ended."""
    assert _tune(served, "done", 5).wait(120) == 0


def test_a_study_is_followed_while_it_goes_on(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/studies")
    tuning = _tune(served, "live", 6)
    try:
        page.get_by_role("link", name="live", exact=True).click(timeout=60_000)
        page.locator("#study-state").get_by_text("ended").wait_for(timeout=120_000)
        assert page.locator("[id^=trial-]").count() == 6
    finally:
        tuning.wait(120)


def test_trials_are_sorted_and_lead_to_their_runs(page: Page, served: Served, shoot: Callable[..., None]) -> None:
    page.goto(f"{served.url}/studies/done")
    page.get_by_role("columnheader", name="result").get_by_role("link").last.click()
    page.wait_for_url(re.compile("sort=value"))
    column = page.locator(".trials tbody tr td:nth-child(3)").all_inner_texts()
    values = [float(text.replace(",", "")) for text in column]
    assert values == sorted(values) and len(values) == 5
    best = page.locator(".trials tbody tr").first
    assert "best" in (best.locator(".hidden").first.text_content() or "")
    for name in ("What each trial came to", "How much each parameter matters", "Parameters of each trial beside"):
        page.get_by_role("img", name=re.compile(name)).wait_for()
    until(page, "[...document.querySelectorAll('.charts img')].filter((one) => one.complete).length >= 2")
    shoot(page, "study", full_page=True)
    best.get_by_role("link").last.click()
    page.wait_for_url(re.compile(r"/runs/\w+"))


def test_pictures_and_trials_are_files(served: Served) -> None:
    for kind in ("history", "importance", "parallel", "slices"):
        answer = served.ask("GET", f"/studies/done/-/picture.svg?kind={kind}")
        assert answer.status == 200 and answer.data.startswith(b"<svg") and b"<script" not in answer.data
    answer = served.ask("GET", "/studies/done/-/trials.csv")
    lines = answer.data.decode().splitlines()
    assert len(lines) == 6 and lines[0].startswith("number,state,depth,rows,result")
    assert served.ask("GET", "/studies/none").status == 404
    assert served.ask("GET", "/studies/..%2F..%2Fx").status == 404


@pytest.mark.parametrize("path", ["/studies", "/studies/done"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_studies_can_be_used_without_seeing_them(
    page: Page, context: BrowserContext, served: Served, path: str, theme: str
) -> None:
    context.add_cookies([{"name": "partita-theme", "value": theme, "url": served.url}])
    page.goto(served.url + path)
    assert complaints(page) == []


@pytest.mark.context(viewport={"width": 360, "height": 700}, java_script_enabled=False)
def test_a_study_fits_on_a_phone_and_speaks_chinese_without_scripts(
    page: Page, context: BrowserContext, served: Served
) -> None:
    context.add_cookies([{"name": "partita-language", "value": "zh-CN", "url": served.url}])
    page.goto(f"{served.url}/studies/done")
    text = page.locator("main").inner_text()
    assert "目前最佳" in text and "越小越好" in text and "Best so far" not in text
