"""Signing in by a real OpenID provider, in a browser."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser.accessible import complaints
from tests.browser.conftest import PROJECT
from tests.integration.oidc_provider import SECRET, OidcProvider
from tests.serving import Served, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.service


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server by whose provider Ann is an administrator, and Bob of no rule."""
    port = free_port()
    provider = OidcProvider(back=f"http://127.0.0.1:{port}/sign-in/callback").start()
    folder = tmp_path_factory.mktemp("signing") / "shop"
    shutil.copytree(PROJECT, folder)
    (folder / "partita.toml").write_text(
        f'[sign_in]\nissuer = "{provider.issuer}"\nclient_id = "partita"\nclient_secret = "OIDC_CLIENT_SECRET"\n'
        'label = "Sign in with the institute"\nroles = { admin = ["group:ops"] }\n'
    )
    made = serving(folder, "--port", str(port), environment={"OIDC_CLIENT_SECRET": SECRET})
    yield made
    made.stop()
    provider.stop()


@pytest.fixture
def visitor(browser: Browser, signing: Served) -> Iterator[BrowserContext]:
    """A browser that is not signed in."""
    made = browser.new_context(locale="en-GB")
    made.set_default_timeout(20_000)
    yield made
    made.close()


def at_provider(page: Page, person: str) -> None:
    """Fill in the provider's forms, until it sends the browser back."""
    page.locator("input[name=login]").fill(person)
    page.locator("input[name=password]").fill("x")
    page.get_by_role("button", name="Sign-in").click()
    consent = page.get_by_role("button", name="Continue")
    consent.or_(page.get_by_role("heading", level=1)).first.wait_for()
    if consent.count():
        consent.click()


def sign_in(page: Page, signing: Served, person: str, path: str = "/runs?state=failed") -> None:
    page.goto(signing.url + path)
    page.get_by_role("link", name="Sign in with the institute").click()
    at_provider(page, person)


def cookies(context: BrowserContext) -> dict[str, dict[str, object]]:
    return {str(cookie["name"]): dict(cookie) for cookie in context.cookies()}


def test_somebody_signs_in_and_out(visitor: BrowserContext, signing: Served, shoot: Callable[..., None]) -> None:
    page = visitor.new_page()
    page.goto(f"{signing.url}/sign-in")
    assert complaints(page) == []
    shoot(page, "sign-in-by-provider")
    sign_in(page, signing, "1")
    page.get_by_role("heading", name="Runs").wait_for()
    assert page.url == f"{signing.url}/runs?state=failed"
    assert "ann@example.org" in page.locator(".who").inner_text() and "admin" in page.locator(".who").inner_text()
    kept = cookies(visitor)["partita-session"]
    assert kept["httpOnly"] and kept["sameSite"] == "Lax" and str(kept["value"]).startswith("session_")
    assert "partita-sign-in" not in cookies(visitor)
    page.goto(f"{signing.url}/settings/sessions")
    row = page.get_by_role("row").filter(has_text="this browser")
    assert "ann@example.org" in row.inner_text() and "127.0.0.1" in row.inner_text()
    assert complaints(page) == []
    row.get_by_role("button", name="Sign out: ann@example.org").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    noted = signing.ask("GET", "/audit/export?form=jsonl&action=sign-in&outcome=done&who=ann@example.org").data.decode()
    assert '"source":"http://127.0.0.1' in noted


def test_what_the_browser_keeps_on_its_way_is_hidden_and_short_lived(visitor: BrowserContext, signing: Served) -> None:
    page = visitor.new_page()
    page.goto(f"{signing.url}/sign-in?next=/runs")
    page.get_by_role("link", name="Sign in with the institute").click()
    page.locator("input[name=login]").wait_for()
    kept = cookies(visitor)["partita-sign-in"]
    assert kept["httpOnly"] and kept["sameSite"] == "Lax"
    assert 0 < float(str(kept["expires"])) - page.evaluate("Date.now() / 1000") <= 601
    # It goes to the provider by the name that the server has, whatever it was asked by.
    answer = signing.ask("GET", "/sign-in/oidc?next=//evil.example", token="", headers={"host": "localhost:1"})
    assert answer.status == 303 and answer.headers["location"] == f"{signing.url}/sign-in/oidc?next=%2F"


def test_another_browsers_answer_signs_nobody_in(browser: Browser, visitor: BrowserContext, signing: Served) -> None:
    attacker = browser.new_context()
    caught: list[str] = []
    page = attacker.new_page()
    page.on("request", lambda request: caught.append(request.url) if "/sign-in/callback" in request.url else None)
    page.goto(f"{signing.url}/sign-in/oidc")
    page.locator("input[name=login]").fill("1")
    page.locator("input[name=password]").fill("x")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Home").wait_for()
    assert parse_qs(urlsplit(caught[0]).query)["code"]

    victim = visitor.new_page()
    victim.goto(caught[0])  # with no sign-in of its own
    assert "has begun no sign-in" in victim.get_by_role("alert").inner_text()
    assert "partita-session" not in cookies(visitor)
    victim.goto(f"{signing.url}/sign-in/oidc")  # with one that it began itself
    victim.locator("input[name=login]").wait_for()
    victim.goto(caught[0])
    assert "another sign-in" in victim.get_by_role("alert").inner_text()
    assert "partita-session" not in cookies(visitor) and "partita-sign-in" not in cookies(visitor)
    refused = signing.ask("GET", "/audit/export?form=jsonl&action=sign-in&outcome=refused").data.decode()
    assert "another sign-in" in refused and "has begun no sign-in" in refused
    assert '"who":"nobody"' in refused
    attacker.close()


def test_who_is_disabled_does_not_come_in(visitor: BrowserContext, signing: Served) -> None:
    page = visitor.new_page()
    sign_in(page, signing, "1")
    page.get_by_role("heading", name="Runs").wait_for()
    try:
        assert signing.form("/settings/users", name="ann@example.org", what="disable").status == 303
        page.goto(f"{signing.url}/runs")
        page.get_by_role("heading", name="Sign in").wait_for()  # at once, in the browser that was signed in
        page.get_by_role("link", name="Sign in with the institute").click()  # the provider still knows who it is
        page.get_by_role("alert").wait_for()
        assert "an administrator has disabled them" in page.get_by_role("alert").inner_text()
    finally:
        signing.form("/settings/users", name="ann@example.org", what="enable")


def test_whom_no_rule_names_is_told_so(visitor: BrowserContext, signing: Served) -> None:
    page = visitor.new_page()
    sign_in(page, signing, "2")
    page.get_by_role("alert").wait_for()
    assert "bob@example.org has no role here" in page.get_by_role("alert").inner_text()
    assert "partita-session" not in cookies(visitor)
    assert signing.form("/settings/users", name="bob@example.org", role="viewer", what="set").status == 303
    page.get_by_role("link", name="Sign in with the institute").click()
    page.get_by_role("heading", name="Home").wait_for()
    assert "viewer" in page.locator(".who").inner_text()


def test_trying_too_often_is_refused(signing: Served) -> None:
    statuses = [
        signing.ask("GET", "/sign-in/callback?code=x&state=y", token="", headers={"accept": "text/html"}).status
        for _ in range(14)
    ]
    assert statuses[0] == 401 and statuses[-1] == 429
