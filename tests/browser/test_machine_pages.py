"""Executors, the engine, environments of tasks, the cache, and what was learned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.accessible import complaints
from tests.browser.polling import until
from tests.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

PATHS = ["/executors", "/executors/environments", "/executors/cache", "/executors/history"]

#: Notes in the page of what it is told that something has changed.
HEARS = """
window.heard = [];
window.EventSource = class extends EventSource {
    constructor(address) {
        super(address);
        this.addEventListener("news", (event) => heard.push(...JSON.parse(event.data).map(([topic]) => topic)));
    }
};
"""


@pytest.fixture(scope="module")
def used(served: Served) -> Served:
    """Of which something is cached, and learned."""
    for n in range(4):
        served.wait(served.launch("machine.py:caches", n=n))
    return served


def test_the_machine_is_watched(page: Page, served: Served, shoot: Callable[..., None]) -> None:
    page.goto(f"{served.url}/executors")
    card = page.get_by_role("region", name="process")
    assert "memory" in card.inner_text() and "cores" in card.inner_text()
    run = served.launch("flows.py:squares", n=40)
    busy = """(() => {
        const card = document.querySelector(".executors .card");
        return [...card.querySelectorAll("dt")].some((dt) => dt.textContent === "Running" && +dt.nextElementSibling.textContent > 0);
    })()"""
    until(page, busy)
    shoot(page, "executors", full_page=True)
    served.wait(run)


@pytest.mark.parametrize("path", ["/executors", "/"])
def test_use_is_followed_while_no_run_begins_or_ends(page: Page, served: Served, tmp_path: Path, path: str) -> None:
    """The queue grows shorter step by step, and at the end less is in use."""
    page.add_init_script(HEARS)
    run = served.launch("paces.py:queued", folder=str(tmp_path), n=30)
    page.goto(served.url + path)

    def fewer(count: int) -> str:
        """Of the engine's own account: so many steps wait for room."""
        return f"""[...document.querySelectorAll("dt")].some(
            (dt) => dt.textContent === "Steps that wait for room" && +dt.nextElementSibling.textContent <= {count})"""

    full = served.get("/api/v1/engine")
    cores = int(full["capacity"]["cpu"])
    until(page, f"document.getElementById('main').innerText.includes('{cores} / {cores}')")
    if path == "/executors":
        until(page, fewer(30 - cores))
        for number in range(10):
            (tmp_path / f"step{number}").touch()
        until(page, fewer(30 - cores - 10))
    for number in range(30 - cores + 1):
        (tmp_path / f"step{number}").touch()
    until(page, f"document.getElementById('main').innerText.includes('{cores - 1} / {cores}')")
    assert served.get(f"/api/v1/runs/{run}")["state"] == "running"
    until(page, "heard.includes('machine')")
    page.goto(f"{served.url}/runs")
    for number in range(30):
        (tmp_path / f"step{number}").touch()
    served.wait(run)
    until(page, "heard.includes('run')")
    assert not page.evaluate("heard.includes('machine')"), "it is told to who looks at the machine alone"


def test_a_step_is_sent_through_an_executor(page: Page, served: Served, shoot: Callable[..., None]) -> None:
    page.goto(f"{served.url}/executors")
    page.get_by_role("button", name="Send a step through process").click()
    told = page.get_by_role("status").filter(has_text="A step through process")
    told.wait_for(timeout=60_000)
    assert ("it works" in told.inner_text() and "Python" in told.inner_text()) or "python" in told.inner_text()
    assert complaints(page) == []
    shoot(page, "executor-probed", full_page=True)
    served.wait(served.launch("flows.py:squares", n=2))
    page.wait_for_timeout(600)  # the page has followed the run, and what was found is still there
    assert told.is_visible()
    assert '"executor.probe"' in served.ask("GET", "/audit/export?form=jsonl&action=executor").data.decode()


def test_cached_values_are_listed_and_forgotten(page: Page, used: Served, shoot: Callable[..., None]) -> None:
    page.goto(f"{used.url}/executors/cache")
    page.get_by_label("Task").fill("kept")
    page.get_by_role("button", name="Show").click()
    assert page.get_by_role("table").get_by_role("link", name="kept").count() == 4
    shoot(page, "cache", full_page=True)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Forget those of kept").click()
    assert "4 values were forgotten." in page.get_by_role("status").first.inner_text()
    used.wait(used.launch("machine.py:caches", n=1))


def test_what_was_learned_is_shown_and_forgotten(page: Page, used: Served, shoot: Callable[..., None]) -> None:
    page.goto(f"{used.url}/executors/history?task=kept")
    row = page.get_by_role("row").filter(has_text="kept").last
    assert "machine.py:kept" in row.inner_text() and "–" in row.inner_text()
    shoot(page, "history", full_page=True)
    page.once("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button", name="Forget what was learned of kept").click()
    page.get_by_role("status").filter(has_text="records were forgotten").wait_for()
    used.wait(used.launch("machine.py:caches", n=77))


def test_environments_are_shown_with_what_was_said(page: Page, served: Served) -> None:
    run = served.wait(served.launch("machine.py:isolates"), timeout_s=200.0)
    if run["state"] != "succeeded":
        pytest.skip(f"the environment cannot be made here: {run['error']}")
    page.goto(f"{served.url}/executors/environments")
    page.get_by_role("table").get_by_role("link").first.click()
    assert "iniconfig==2.0.0" in page.locator("main").inner_text()
    assert served.ask("GET", "/executors/environments/..%2f..%2fetc").status == 404
    page.goto(f"{served.url}/executors/environments")
    page.get_by_label("Not used for").fill("100d")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove").click()
    assert "0 were removed." in page.get_by_role("status").first.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_the_machine_can_be_used_without_seeing_it(
    page: Page, context: BrowserContext, used: Served, path: str, theme: str
) -> None:
    context.add_cookies([{"name": "partita-theme", "value": theme, "url": used.url}])
    page.goto(used.url + path)
    assert complaints(page) == []


@pytest.mark.context(viewport={"width": 360, "height": 700}, java_script_enabled=False)
@pytest.mark.parametrize(
    "path, text", list(zip(PATHS, ["Sort of machine", "Environments", "kept", "kept"], strict=True))
)
def test_the_machine_is_told_without_scripts_on_a_phone(page: Page, used: Served, path: str, text: str) -> None:
    page.goto(used.url + path)
    assert text in page.locator("main").inner_text()


def test_who_may_not_is_offered_nothing(served: Served) -> None:
    token = served.form("/settings/tokens", name="of a viewer", role="viewer", user="", expires="1h").data.decode()
    token = token.split('<code id="made" class="breaks">')[1].split("<")[0]
    page = served.ask("GET", "/executors", token=token, headers={"accept": "text/html"}).data
    assert b"Send a step" not in page
    for path, fields in (
        ("/executors", {"name": "process"}), ("/executors/cache", {}), ("/executors/history", {"task": "kept"}),
        ("/executors/environments", {"unused": "0s"}),
    ):  # fmt: skip
        assert served.form(path, token, **fields).status == 403, path
