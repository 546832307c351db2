"""Pages in real headless Chromium, over a real server. Screenshots are kept below `build/screenshots`."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.serving import Served, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PROJECT = Path(__file__).with_name("project")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="there is no Chromium; install Debian's `chromium`"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server over a copy of the project `tests/browser/project`; tests add to it and take nothing away."""
    folder = tmp_path_factory.mktemp("served") / "shop"
    shutil.copytree(PROJECT, folder)
    made = serving(folder)
    yield made
    made.stop()


@pytest.fixture
def context(browser: Browser, served: Served, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser that is signed in as the administrator; marker `context(...)` gives other options."""
    marker = request.node.get_closest_marker("context")
    options = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **(marker.kwargs if marker else {})}
    made = browser.new_context(**options)
    made.add_cookies(
        [{"name": "partita-session", "value": served.session(), "url": served.url, "httpOnly": True, "sameSite": "Lax"}]
    )
    made.set_default_timeout(20_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page; what its scripts complain of fails the test. With the marker `refuses` the server may refuse a form."""
    made = context.new_page()
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    yield made
    if request.node.get_closest_marker("refuses"):
        wrong = [text for text in wrong if not re.search(r"status of 4(09|22)", text)]
    assert not wrong, wrong


@pytest.fixture
def shoot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Keeps a picture of a page, by a name."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def keep(page: Page, name: str, **options: object) -> None:
        file = SCREENSHOTS / f"{re.sub('[^a-z0-9-]', '-', name.lower())}.png"
        page.screenshot(path=os.fspath(file), **options)  # type: ignore[arg-type]

    return keep
