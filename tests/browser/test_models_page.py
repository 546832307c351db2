"""Models: the list, versions side by side, aliases moved with reasons and gates, and where a version came from."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.accessible import complaints
from tests.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


@pytest.fixture(scope="module", autouse=True)
def registered(served: Served) -> None:
    """Three versions of a model: a line, a forest, and both as one."""
    for kind in ("line", "forest", "blend"):
        assert served.wait(served.launch("prices.py:train", kind=kind))["state"] == "succeeded"


def test_versions_are_told_and_compared(page: Page, served: Served, shoot: Callable[..., None]) -> None:
    page.goto(f"{served.url}/models")
    page.get_by_role("link", name="prices", exact=True).click()
    page.get_by_role("img", name=re.compile("mae over versions: 1: ")).wait_for()
    assert page.evaluate("[...document.querySelectorAll('.charts img')].every((one) => one.naturalWidth !== undefined)")
    shoot(page, "model", full_page=True)
    page.get_by_role("checkbox", name="compare version 1").check()
    page.get_by_role("button", name="Compare the chosen ones").click()
    page.get_by_role("heading", name="prices: versions side by side").wait_for()
    assert page.get_by_role("row", name=re.compile("^mae")).get_by_role("cell").count() == 3
    assert "RandomForestRegressor, 3" in page.locator("main").inner_text()
    assert "max_depth" in page.locator("main").inner_text()
    shoot(page, "models-compared", full_page=True)


def test_a_version_says_where_it_came_from_and_what_it_is(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/models/prices/3")
    text = page.locator("main").inner_text()
    assert "VotingRegressor" in text and "forest" in text and "load_flats" in text
    card = page.frame_locator("iframe.model-card")
    card.get_by_role("heading", name="prices:3").wait_for()
    page.get_by_role("link", name="fit", exact=True).first.click()
    page.wait_for_url(re.compile(r"/runs/\w+\?step=\d+"))


@pytest.mark.parametrize("width", [390, 1920])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_composition_is_drawn_with_its_members_as_links(
    page: Page, context: BrowserContext, served: Served, shoot: Callable[..., None], width: int, theme: str
) -> None:
    if not served.get("/api/v1/models?text=flats"):
        assert served.wait(served.launch("blends.py:blended"))["state"] == "succeeded"
    context.add_cookies([{"name": "partita-theme", "value": theme, "url": served.url}])
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{served.url}/models/flats/1")
    picture = page.get_by_role("group", name="Graph of Blend of line, forest, inner")
    for name in ("inner", "scaled", "ridge", "Blend", "3 members", "output"):
        assert picture.get_by_text(name, exact=True).count() >= 1
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert complaints(page) == []
    shoot(page, f"composition-{width}-{theme}", full_page=True)
    picture.get_by_role("link", name=re.compile("^forest, flats-forest:1, RandomForestRegressor, weight ")).click()
    page.get_by_role("heading", name="flats-forest:1").first.wait_for()


def test_the_card_runs_nothing(served: Served) -> None:
    answer = served.ask("GET", "/models/prices/3/-/card", headers={"accept": "text/html"})
    policy = answer.headers["content-security-policy"]
    assert "sandbox" in policy and "default-src 'none'" in policy and "script" not in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.refuses
def test_an_alias_is_moved_if_its_gates_are_met_and_goes_back(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/models/prices")
    for version, why in (("1", "the first"), ("2", "trees")):
        page.locator("#m-version").select_option(version)
        page.locator("#m-why").fill(why)
        page.get_by_role("button", name="Move the alias").click()
        page.wait_for_url(re.compile("#aliases"))
        page.get_by_role("cell", name=why).wait_for()
    page.get_by_role("button", name="Roll back").click(no_wait_after=True)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Roll back").click()
    page.get_by_text("rolled back").wait_for()
    assert served.get("/api/v1/models/prices")["model"]["aliases"] == {"champion": 1}
    page.get_by_text("Say what has to hold").click()
    page.get_by_label("Gates, one a line").fill("mae <= 1")
    page.get_by_role("button", name="Set gates").click()
    page.get_by_text("mae <= 1").first.wait_for()
    page.locator("#m-version").select_option("3")
    page.locator("#m-why").fill("it is better")
    with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        page.get_by_role("button", name="Move the alias").click()
    assert answered.value.status == 409
    assert "NOT MET" in page.get_by_role("alert").inner_text()
    assert page.locator("#m-why").input_value() == "it is better"
    page.get_by_label("Though a gate is not met").check()
    page.get_by_role("button", name="Move the alias").click()
    page.get_by_text("forced").wait_for()
    assert served.get("/api/v1/models/prices")["model"]["aliases"] == {"champion": 3}


def test_a_model_is_described(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/models/prices")
    page.get_by_text("Describe it").click()
    page.get_by_label("Description").fill("What flats cost.")
    page.get_by_label("Tag", exact=True).fill("team")
    page.get_by_label("Its text").fill("<i>homes</i>")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("What flats cost.").first.wait_for()
    page.get_by_text("team: <i>homes</i>").wait_for()


@pytest.mark.parametrize("path", ["/models", "/models/prices", "/models/prices/3", "/models/prices/-/compare?v=1&v=3"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_models_can_be_used_without_seeing_them(
    page: Page, context: BrowserContext, served: Served, path: str, theme: str
) -> None:
    context.add_cookies([{"name": "partita-theme", "value": theme, "url": served.url}])
    page.goto(served.url + path)
    assert complaints(page) == []


@pytest.mark.context(viewport={"width": 360, "height": 700}, java_script_enabled=False)
@pytest.mark.parametrize(
    "path, text",
    [
        ("/models", "最新版本"),
        ("/models/prices", "移动别名"),
        ("/models/prices/3", "来历"),
        ("/models/prices/3", "组合结构"),
    ],
)
def test_models_fit_on_a_phone_and_speak_chinese_without_scripts(
    page: Page, context: BrowserContext, served: Served, path: str, text: str
) -> None:
    context.add_cookies([{"name": "partita-language", "value": "zh-CN", "url": served.url}])
    page.goto(served.url + path)
    assert text in page.locator("main").inner_text()
