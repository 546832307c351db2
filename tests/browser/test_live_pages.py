"""Pages that stay open: servers and engines go and come back, others decide, steps are tried again, people go back and forth."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import PROJECT
from tests.browser.polling import until
from tests.serving import Served, serving
from tests.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that tests may kill; it comes back at the same address."""
    folder = tmp_path_factory.mktemp("fragile") / "shop"
    shutil.copytree(PROJECT, folder)
    made = serving(folder)
    yield made
    made.stop()


@pytest.fixture
def look(browser: Browser, fragile: Served) -> Iterator[Callable[[str], Page]]:
    """Opens a page as somebody else each time, who is signed in; it notes whether it is loaded anew."""
    contexts = []

    def open_page(path: str) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
        contexts.append(context)
        context.add_cookies([{"name": "partita-session", "value": fragile.session(), "url": fragile.url}])
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.goto(fragile.url + path)
        page.evaluate("window.isTheSame = true")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(autouse=True)
def rest(fragile: Served) -> Iterator[None]:
    """What a test that failed leaves going must not stand in the next one's way."""
    yield
    for run in fragile.get("/api/v1/runs?state=running")["items"]:
        fragile.post(f"/api/v1/runs/{run['id']}/cancel", {"force": True})


def is_the_same(page: Page) -> bool:
    """Whether the page was kept up to date by its script alone."""
    return bool(page.evaluate("window.isTheSame === true"))


@contextlib.contextmanager
def away(server: Served, how: signal.Signals) -> Iterator[None]:
    """While the server is not there."""
    os.kill(server.process.pid, how)
    server.process.wait(30)
    if server.process.stdout is not None:
        server.process.stdout.close()
    yield
    again = serving(server.folder, "--port", str(urlsplit(server.url).port))
    server.process, server.lines = again.process, again.lines
    assert again.url == server.url


def kill_engine(server: Served) -> int:
    """End the engine as a crash would; gives its process's number."""
    pid: int = server.get("/api/v1/engine")["pid"]
    os.kill(pid, signal.SIGKILL)
    return pid


def state_of(server: Served, run: str, name: str) -> str:
    return next(
        (str(step["state"]) for step in server.get(f"/api/v1/runs/{run}/steps")["items"] if step["name"] == name), ""
    )


def shows(page: Page, *words: str) -> None:
    """Wait until a part of the page that names a step says so."""
    line = page.locator(f"[aria-label^='{words[0]}, {words[1]}']").or_(
        page.get_by_role("row").filter(has_text=words[0]).filter(has_text=words[1])
    )
    line.first.wait_for()


@pytest.mark.parametrize("view", ["graph", "steps"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_a_run_is_right_again_when_the_server_comes_back(
    fragile: Served, look: Callable[[str], Page], tmp_path: Path, view: str, how: signal.Signals
) -> None:
    """What happened while it was away is shown, though nothing happens after it."""
    run = fragile.launch("paces.py:paced", folder=str(tmp_path))
    page = look(f"/runs/{run}?view={view}")
    shows(page, "held", "running")
    with away(fragile, how):
        (tmp_path / "one").touch()
    shows(page, "held", "succeeded")
    shows(page, "after", "running")
    (tmp_path / "two").touch()
    page.locator("#run-state").get_by_text("succeeded").wait_for()
    shows(page, "after", "succeeded")
    assert is_the_same(page)


def test_lists_are_right_again_when_the_server_comes_back(
    fragile: Served, look: Callable[[str], Page], tmp_path: Path
) -> None:
    run = fragile.launch("paces.py:paced", folder=str(tmp_path))
    pages = [look(path) for path in ("/", "/runs", "/runs?state=running")]
    for page in pages:
        page.locator(f"#run-{run}").get_by_text("running").wait_for()
    with away(fragile, signal.SIGKILL):
        for name in ("one", "two"):
            (tmp_path / name).touch()
        wait_for_end(fragile, run)
    for page in pages[:2]:
        page.locator(f"#run-{run}").get_by_text("succeeded").wait_for()
    until(pages[2], f"!document.getElementById('run-{run}')")
    assert all(map(is_the_same, pages))


def wait_for_end(server: Served, run: str) -> None:
    """By the workspace: its server is away."""
    from partita.workspace import open_workspace

    workspace = open_workspace(server.folder)
    assert workspace.wait(run, 60)["is_final"]
    workspace.close()


@pytest.mark.parametrize("view", ["graph", "steps"])
def test_a_run_is_right_again_when_the_engine_comes_back(
    fragile: Served, look: Callable[[str], Page], tmp_path: Path, view: str
) -> None:
    """Its step was lost with the engine, and is tried again."""
    run = fragile.launch("paces.py:paced", folder=str(tmp_path))
    pages = [look(f"/runs/{run}?view={view}"), look(f"/runs/{run}?view={view}&step=1")]
    for page in pages:
        shows(page, "held", "running")
    pages[1].locator("#log").get_by_text("one has begun").wait_for()
    kill_engine(fragile)
    pages[1].locator("#step").get_by_role("row").nth(2).wait_for()  # below the head and the first attempt
    pages[1].locator("#log").get_by_text("one has begun").wait_for()
    (tmp_path / "one").touch()
    for page in pages:
        shows(page, "held", "succeeded")
        shows(page, "after", "running")
    (tmp_path / "two").touch()
    for page in pages:
        page.locator("#run-state").get_by_text("succeeded").wait_for()
    assert all(map(is_the_same, pages))


def test_the_machine_is_right_again_when_the_engine_comes_back(fragile: Served, look: Callable[[str], Page]) -> None:
    page = look("/executors")
    page.get_by_role("definition").filter(has_text=str(fragile.get("/api/v1/engine")["pid"])).wait_for()
    gone = kill_engine(fragile)
    wait_until(lambda: (fragile.get("/api/v1/engine") or {"pid": gone})["pid"] != gone)
    page.get_by_role("definition").filter(has_text=str(fragile.get("/api/v1/engine")["pid"])).wait_for()
    assert is_the_same(page)


def test_back_and_forth_keeps_filters_and_shows_what_is_so_now(
    fragile: Served, look: Callable[[str], Page], tmp_path: Path
) -> None:
    run = fragile.launch("paces.py:paced", folder=str(tmp_path))
    page = look("/runs?text=paced&state=running")
    page.get_by_role("link", name=run).click()
    tabs = page.get_by_role("navigation", name="Parts of the run")
    tabs.get_by_role("link", name="Steps").click()
    filters = page.get_by_role("search")
    filters.get_by_label("State").select_option("running")
    page.wait_for_url("**state=running**")
    shows(page, "held", "running")
    tabs.get_by_role("link", name="Timeline").click()
    page.locator("#timeline").wait_for()
    (tmp_path / "one").touch()
    wait_until(lambda: state_of(fragile, run, "after") == "running")
    page.go_back()
    shows(page, "after", "running")
    assert filters.get_by_label("State").input_value() == "running"
    assert page.locator("#main").get_by_role("row").filter(has_text="held").count() == 0
    page.go_back()  # the steps without a filter
    shows(page, "held", "succeeded")
    assert filters.get_by_label("State").input_value() == ""
    page.go_back()  # the graph
    shows(page, "held", "succeeded")
    page.go_forward()
    page.go_forward()
    assert filters.get_by_label("State").input_value() == "running"
    (tmp_path / "two").touch()
    page.get_by_text("There are no such steps.").wait_for()
    for _ in range(3):
        page.go_back()
    page.get_by_text("There are no such runs.").wait_for()
    assert page.get_by_label("Name or id").input_value() == "paced"
    assert page.get_by_label("State").input_value() == "running"
    page.go_forward()
    page.locator("#run-state").get_by_text("succeeded").wait_for()


def test_two_people_see_what_one_of_them_decides(fragile: Served, look: Callable[[str], Page], tmp_path: Path) -> None:
    run = fragile.launch("paces.py:decided", folder=str(tmp_path))
    wait_until(lambda: state_of(fragile, run, "approval") == "waiting")
    step = next(wait["step"] for wait in fragile.get(f"/api/v1/runs/{run}/waits"))
    one, other, graph, inbox = (
        look(path) for path in (f"/runs/{run}?step={step}", f"/runs/{run}?step={step}", f"/runs/{run}", "/approvals")
    )
    other.get_by_label("Comment").fill("I am not sure")
    inbox.get_by_text("Go on with it?").first.wait_for()
    one.get_by_label("Comment").fill("It is fine")
    one.get_by_role("button", name="Approve").click()
    for page in (one, other):
        page.get_by_text("It is decided: approved").wait_for()
        page.get_by_text("It is fine").first.wait_for()
        assert page.get_by_role("button", name="Approve").count() == 0
    for page in (other, graph):
        shows(page, "approval", "succeeded")
        shows(page, "following", "running")
    until(inbox, "!document.getElementById('main').innerText.includes('Go on with it?')")
    assert all(map(is_the_same, (other, graph, inbox)))
    (tmp_path / "end").touch()
    other.locator("#run-state").get_by_text("succeeded").wait_for()


def test_the_head_of_a_page_is_that_of_the_last_change(
    fragile: Served, look: Callable[[str], Page], tmp_path: Path
) -> None:
    """Changes that come one soon after the other are shown in the graph alone at first; the rest follows by itself."""
    run = fragile.launch("paces.py:queued", folder=str(tmp_path), n=3)
    page = look("/")
    page.route("**/api/v1/events*", lambda route: route.abort())  # the run's own stream is what is tested
    page.goto(f"{fragile.url}/runs/{run}")
    for number in range(2):
        (tmp_path / f"step{number}").touch()
    shows(page, "held#3", "running")
    shows(page, "held#2", "succeeded")
    fresh = look(f"/runs/{run}")
    counts = "document.querySelector('.frame .facts').innerText.replace(/\\s+/g, ' ').match(/Steps (.*?) Code/)[1]"
    now = fresh.evaluate(counts)
    assert "2 succeeded" in now
    until(page, f"{counts} === {now!r}")


@pytest.mark.parametrize("view", ["graph", "steps"])
def test_a_log_that_is_open_is_that_of_the_attempt_of_now(
    fragile: Served, look: Callable[[str], Page], tmp_path: Path, view: str
) -> None:
    """A step that is tried again begins a log of its own; the earlier one stays where all of the run's are."""
    run = fragile.launch("paces.py:retried", folder=str(tmp_path))
    page = look(f"/runs/{run}?view={view}&step=1")
    log = page.locator("#log")
    log.get_by_text("the first attempt has begun").wait_for()
    (tmp_path / "first").touch()
    log.get_by_text("the second attempt has begun").wait_for()
    assert "first" not in log.inner_text()
    page.get_by_role("row").filter(has_text="at first it fails").wait_for()
    assert is_the_same(page)
    (tmp_path / "second").touch()
    page.locator("#run-state").get_by_text("succeeded").wait_for()
    page.get_by_role("link", name="Log", exact=True).click()
    for attempt in ("first", "second"):
        page.get_by_text(f"the {attempt} attempt has begun").wait_for()
