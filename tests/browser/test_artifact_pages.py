"""Artifacts: the list, and one with its preview, parts, lineage and file."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.accessible import complaints
from tests.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Request


@pytest.fixture(scope="module")
def run(served: Served) -> str:
    """A run that has made a value of each kind."""
    run = served.launch("shelf.py:shelf")
    assert served.wait(run)["state"] == "succeeded"
    return run


def test_an_artifact_is_found_and_looked_at(page: Page, served: Served, run: str, shoot: Callable[..., None]) -> None:
    page.goto(f"{served.url}/artifacts")
    page.get_by_label("Run", exact=True).fill(run)
    page.get_by_label("Type").fill("pandas")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("table").get_by_role("link", name="sales").click()
    page.get_by_role("heading", name="sales").wait_for()
    assert page.get_by_role("columnheader", name="city").count() == 1
    assert "100 rows, 3 columns" in page.locator("main").inner_text()
    shoot(page, "artifact-table", full_page=True)
    page.get_by_role("link", name="matrix").click()
    assert "float64" in page.locator("main").inner_text()
    page.get_by_role("link", name="picture").click()
    image = page.get_by_role("img", name="A small picture of picture")
    assert image.evaluate("image => image.naturalWidth") == 100
    shoot(page, "artifact-picture", full_page=True)


def test_lineage_is_followed(page: Page, served: Served, run: str, shoot: Callable[..., None]) -> None:
    page.goto(f"{served.url}/artifacts/item?name={run}:picture")
    page.get_by_role("link", name="Lineage", exact=True).click()
    page.get_by_role("group", name="Lineage").get_by_role("link", name="matrix").wait_for()
    assert page.get_by_role("list").get_by_role("link", name="sales").count() == 1
    shoot(page, "artifact-lineage", full_page=True)
    page.get_by_label("Steps in each direction").select_option("1")
    page.wait_for_url("**depth=1*")
    assert page.get_by_role("group", name="Lineage").get_by_role("link").count() == 2
    page.get_by_role("group", name="Lineage").get_by_role("link", name="matrix").click()
    page.get_by_role("heading", name="matrix").wait_for()


def test_files_are_downloaded_as_they_are_stored(page: Page, served: Served, run: str, tmp_path: Path) -> None:
    def get(name: str, link: str = "Download") -> Path:
        page.goto(f"{served.url}/artifacts/item?name={run}:{name}")
        with page.expect_download() as waiting:
            page.get_by_role("link", name=link).click()
        file = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(file)
        return file

    import numpy as np

    assert np.load(get("matrix")).shape == (100, 100)
    assert get("report.file").read_text() == "sold: much\n" * 3
    pickled = get("report.odd")
    assert pickled.name == "report.odd.pickle" and b"Odd" in pickled.read_bytes()
    assert "pickled Python object" in page.locator("main").inner_text()
    with zipfile.ZipFile(io.BytesIO(get("report", "Download as an archive").read_bytes())) as archive:
        assert {"summary.txt", "folder/deep/two.txt", "odd.pickle", "count.json"} <= set(archive.namelist())


def test_html_of_users_runs_nothing(browser: Browser, served: Served, run: str) -> None:
    context = browser.new_context()
    context.add_cookies([{"name": "partita-session", "value": served.session(), "url": served.url}])
    page = context.new_page()
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    page.goto(f"{served.url}/artifacts/item?name={run}:page")
    frame = page.frame_locator("iframe")
    frame.get_by_role("heading", name="Sold in 100 days").wait_for()
    assert "taken" not in page.title()
    with context.expect_page() as opened:
        page.get_by_role("link", name="Open by itself").click()
    alone = opened.value
    alone.on("request", lambda request: asked.append(request))
    alone.get_by_role("heading", name="Sold in 100 days").wait_for()
    assert "ran" not in alone.content().replace("'ran'", "")
    alone.wait_for_load_state("networkidle")
    # A browser may tell of a request that its policy then keeps it from sending, which it tells a moment later.
    sent = [request for request in asked if ":9/" in request.url]
    until = time.monotonic() + 10
    while any(request.failure is None for request in sent) and time.monotonic() < until:
        alone.wait_for_timeout(50)
    assert all(request.failure == "csp" for request in sent), [(request.url, request.failure) for request in sent]
    answer = served.ask("GET", f"/artifacts/item/page?name={run}:page", headers={"accept": "text/html"})
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert "allow-" not in policy and "script-src" not in policy
    context.close()


@pytest.mark.parametrize("name", ["nothing", "../../etc/passwd", "RUN:report.odd.n", "%00", "<script>", "0" * 64])
def test_what_is_not_there_is_told(served: Served, run: str, name: str) -> None:
    for path in ("", "/file", "/page"):
        address = f"/artifacts/item{path}?name={name.replace('RUN', run)}"
        answer = served.ask("GET", address, headers={"accept": "text/html"})
        assert answer.status == 404, (address, answer.status)
        assert b"<script>" not in answer.data


def test_nobody_sees_artifacts_without_a_token(served: Served, run: str) -> None:
    for path in ("/artifacts", f"/artifacts/item?name={run}:sales", f"/artifacts/item/file?name={run}:sales",
                 f"/artifacts/item/page?name={run}:page"):  # fmt: skip
        assert served.ask("GET", path, token="").status == 401, path


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "part", ["", "sales", "matrix", "picture", "page", "report", "report.odd", "report.note", "sales&view=lineage"]
)
def test_pages_of_artifacts_can_be_used_without_seeing_them(
    page: Page, context: BrowserContext, served: Served, run: str, part: str, theme: str
) -> None:
    if part == "page":
        pytest.skip("its script is refused, which the browser notes")
    context.add_cookies([{"name": "partita-theme", "value": theme, "url": served.url}])
    page.goto(f"{served.url}/artifacts/item?name={run}:{part}" if part else f"{served.url}/artifacts")
    assert complaints(page) == []


@pytest.mark.context(java_script_enabled=False)
def test_artifacts_say_all_without_scripts(page: Page, served: Served, run: str) -> None:
    page.goto(f"{served.url}/artifacts?run={run}")
    assert "report.odd" in page.locator("main").inner_text()
    page.get_by_role("link", name="matrix").click()
    page.get_by_role("link", name="Lineage", exact=True).click()
    links = page.get_by_role("group", name="Lineage").get_by_role("link")
    links.first.wait_for()
    assert links.count() == 3


@pytest.mark.context(locale="zh-CN")
def test_artifacts_are_told_in_chinese(page: Page, served: Served, run: str) -> None:
    page.goto(f"{served.url}/artifacts/item?name={run}:sales")
    assert "100 行，3 列" in page.locator("main").inner_text()
