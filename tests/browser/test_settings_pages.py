"""Settings, tokens, people, secrets by name, and the audit of it all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.browser.accessible import complaints
from tests.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

PATHS = ["/settings", "/settings/tokens", "/settings/sessions", "/settings/users", "/settings/secrets", "/audit"]


def accept(page: Page) -> None:
    """Say yes to the next question."""
    page.once("dialog", lambda dialog: dialog.accept())


def test_settings_say_where_they_were_set(page: Page, served: Served, shoot: Callable[..., None]) -> None:
    page.goto(f"{served.url}/settings")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="crash_retries"))
    assert "3" in row.inner_text() and "default" in row.inner_text()
    shoot(page, "settings", full_page=True)


def test_a_token_is_made_shown_once_used_and_revoked(
    page: Page, context: BrowserContext, served: Served, shoot: Callable[..., None]
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=served.url)
    page.goto(f"{served.url}/settings/tokens")
    page.get_by_label("What it is for").fill("of <b>nights</b>")
    page.get_by_role("region", name="Make a token").get_by_label("Role").select_option("editor")
    page.get_by_label("Only for (scopes)").fill("runs:read, runs:launch")
    page.get_by_role("button", name="Make a token").click()
    secret = page.locator("#made").inner_text()
    shoot(page, "token-made", full_page=True)
    page.get_by_role("button", name="Copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    assert served.ask("GET", "/api/v1/runs", token=secret).status == 200
    assert served.ask("GET", "/artifacts", token=secret).status == 403
    page.goto(f"{served.url}/settings/tokens")
    assert secret not in page.content()
    accept(page)
    page.get_by_role("button", name="Revoke of <b>nights</b>").first.click()
    page.get_by_text("revoked").first.wait_for()
    assert served.ask("GET", "/api/v1/runs", token=secret).status == 401


def test_what_cannot_be_is_told_beside_what_was_typed(context: BrowserContext, served: Served) -> None:
    page = context.new_page()
    page.goto(f"{served.url}/settings/tokens")
    page.get_by_label("What it is for").fill("typed with care")
    page.get_by_label("Only for (scopes)").fill("nothing:ever")
    with page.expect_response("**/settings/tokens") as answered:
        page.get_by_role("button", name="Make a token").click()
    assert answered.value.status == 422
    assert "no scope 'nothing:ever'" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("What it is for").input_value() == "typed with care"


def test_somebody_is_let_in_changed_and_disabled(page: Page, served: Served, shoot: Callable[..., None]) -> None:
    page.goto(f"{served.url}/settings/users")
    page.get_by_label("Name, as the provider calls them").fill("ann@example.org")
    page.get_by_role("button", name="Let them in").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="ann@example.org"))
    row.get_by_role("combobox").select_option("editor")
    row.get_by_role("button", name="Set: ann@example.org").click()
    page.wait_for_load_state()
    assert row.get_by_role("combobox").input_value() == "editor"
    shoot(page, "users", full_page=True)
    accept(page)
    row.get_by_role("button", name="Disable: ann@example.org").click()
    row.get_by_text("disabled", exact=True).wait_for()
    row.get_by_role("button", name="Enable: ann@example.org").click()
    row.get_by_role("button", name="Disable: ann@example.org").wait_for()


def test_secrets_come_in_and_never_go_out(page: Page, served: Served, shoot: Callable[..., None]) -> None:
    page.goto(f"{served.url}/settings/secrets")
    page.get_by_label("Name", exact=True).fill("BROWSER_TOKEN")
    page.get_by_label("Value", exact=True).fill("first-value-1234")
    page.get_by_role("button", name="Set the secret").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="BROWSER_TOKEN"))
    row.get_by_role("cell", name="1", exact=True).wait_for()
    row.get_by_label("New value of BROWSER_TOKEN").fill("second-value-1234")
    row.get_by_role("button", name="Rotate").click()
    row.get_by_role("cell", name="2", exact=True).wait_for()
    shoot(page, "secrets", full_page=True)
    page.goto(f"{served.url}/audit?action=secret")
    text = page.content()
    assert "secret.set" in text and "first-value" not in text and "second-value" not in text
    page.goto(f"{served.url}/settings/secrets")
    accept(page)
    row.get_by_role("button", name="Remove BROWSER_TOKEN").click()
    row.wait_for(state="detached")


def test_a_refused_secret_is_not_shown_again(served: Served) -> None:
    answer = served.form("/settings/secrets", name="1 no name", value="typed-in-vain")
    assert answer.status == 422 and b"typed-in-vain" not in answer.data and b"1 no name" in answer.data


def test_what_a_browser_calls_itself_is_one_line_of_the_audit(page: Page, served: Served) -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64) " + "Gecko/20100101 " * 8
    headers = {"content-type": "application/x-www-form-urlencoded", "user-agent": agent}
    served.ask("POST", "/sign-in", token="", headers=headers, data=urlencode({"token": served.token}).encode())
    page.goto(f"{served.url}/audit?action=sign-in")
    row = page.get_by_role("row").filter(has_text="Gecko").first
    summary = row.locator("summary")
    assert summary.bounding_box()["height"] < 40 and row.bounding_box()["height"] < 70  # type: ignore[index]
    assert summary.get_attribute("title") == agent
    summary.click()
    assert "Gecko/20100101 Gecko" in row.locator("details").inner_text()


def test_the_audit_is_searched_and_taken_away(page: Page, served: Served, shoot: Callable[..., None]) -> None:
    for role in ("viewer", "editor"):
        fields = {"name": "=cmd@example.org", "role": role, "what": "set"}
        assert served.form("/settings/users", **fields).status == 303
    page.goto(f"{served.url}/audit")
    page.get_by_label("Action").fill("user.set")
    page.get_by_label("Target").fill("=cmd@example.org")
    page.get_by_label("From (UTC)").fill("1h")
    page.get_by_role("button", name="Show").click()
    assert page.get_by_role("table").get_by_role("row").count() == 3
    assert "before: viewer, role: editor" in page.get_by_role("table").inner_text()
    shoot(page, "audit", full_page=True)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(waiting.value.path().read_bytes().decode(), newline="")))
    assert [row["target"] for row in rows] == ["'=cmd@example.org"] * 2
    with page.expect_download() as waiting:
        page.get_by_role("link", name="JSON lines").click()
    entries = [json.loads(line) for line in waiting.value.path().read_bytes().splitlines()]
    assert [entry["target"] for entry in entries] == ["=cmd@example.org"] * 2
    page.goto(f"{served.url}/audit?since=whenever&outcome=refused")
    assert "no moment" in page.get_by_role("alert").inner_text()


def test_who_may_not_is_refused_and_offered_nothing(served: Served) -> None:
    made = _token(served, "viewer")
    for path in ("/settings/users", "/settings/secrets", "/audit", "/audit/export"):
        assert served.ask("GET", path, token=made).status == 403, path
    for path, fields in (
        ("/settings/users", {"name": "x", "role": "admin", "what": "set"}),
        ("/settings/secrets", {"name": "X", "value": "y"}), ("/settings/secrets/remove", {"name": "X"}),
    ):  # fmt: skip
        assert served.form(path, made, **fields).status == 403, path
    page = served.ask("GET", "/settings/tokens", token=made, headers={"accept": "text/html"}).data
    assert b"Secrets" not in page and b"Make a token</button>" not in page
    fields = {"name": "more", "role": "admin", "user": "", "expires": "never"}
    answer = served.form("/settings/tokens", made, **fields)
    assert answer.status == 422 and b'id="made"' not in answer.data


def _token(served: Served, role: str) -> str:
    answer = served.form("/settings/tokens", name="of a test", role=role, user="", expires="1h")
    return answer.data.decode().split('<code id="made" class="breaks">')[1].split("<")[0]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_settings_can_be_used_without_seeing_them(
    page: Page, context: BrowserContext, served: Served, path: str, theme: str
) -> None:
    context.add_cookies([{"name": "partita-theme", "value": theme, "url": served.url}])
    page.goto(served.url + path)
    assert complaints(page) == []


@pytest.mark.context(viewport={"width": 360, "height": 700})
@pytest.mark.parametrize("path", [*PATHS, "/artifacts"])
def test_pages_fit_a_phone(page: Page, served: Served, path: str) -> None:
    _token(served, "viewer")
    page.goto(served.url + path)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.context(java_script_enabled=False)
def test_settings_work_without_scripts(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/settings/tokens")
    page.get_by_label("What it is for").fill("without scripts")
    page.get_by_role("button", name="Make a token").click()
    assert page.locator("#made").inner_text().startswith("partita_")
    page.get_by_role("button", name="Revoke without scripts").first.click()
    assert "revoked" in page.locator("main").inner_text()


@pytest.mark.context(locale="zh-CN")
def test_settings_are_told_in_chinese(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/settings")
    assert "所有尝试合计可占用的核数" in page.locator("main").inner_text()
