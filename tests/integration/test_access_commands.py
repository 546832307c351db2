"""`partita tokens`, `users` and `audit` on a real workspace, and what the command line notes of itself."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from partita.cli.app import main
from partita.workspace import open_workspace

pytestmark = pytest.mark.integration


class Told(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def partita(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Told]]:
    (tmp_path / "partita.toml").write_text("")
    (tmp_path / "flows.py").write_text("from partita import flow\n\n@flow\ndef one() -> int:\n    return 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*words: str) -> Told:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        try:
            return Told(main(list(words)), out.getvalue(), err.getvalue())
        finally:
            monkeypatch.undo()
            monkeypatch.chdir(tmp_path)

    yield run
    workspace = open_workspace(tmp_path)
    workspace.stop_engine()
    workspace.close()


def test_a_token_is_made_listed_and_revoked(partita: Callable[..., Told]) -> None:
    assert "no tokens yet" in partita("tokens", "list").err
    made = partita("tokens", "create", "nightly", "--expires", "30d", "--scope", "runs:read", "--scope", "runs:launch")
    secret = made.out.strip()
    assert made.status == 0 and secret.startswith("partita_") and "not shown again" in made.err
    listed = partita("tokens", "list")
    assert (secret[-43:] not in listed.out and "29d 23h left" in listed.out) or "30d" in listed.out
    for text in ("nightly", "viewer", "runs:launch runs:read", "never"):
        assert text in listed.out.splitlines()[1]
    assert partita("tokens", "revoke", secret).out.startswith("The token ")
    assert "revoked" in partita("tokens", "list").out
    (token,) = json.loads(partita("tokens", "list", "--json").out)
    assert token["revoked_at"] is not None and token["expires_at"] - token["created_at"] == 30 * 86400
    made = json.loads(partita("tokens", "create", "b", "--role", "admin", "--expires", "never", "--json").out)
    assert made["token"]["expires_at"] is None and made["secret"].startswith(f"partita_{made['token']['id']}_")
    assert "never ends" in partita("tokens", "list").out


@pytest.mark.parametrize(
    "words, told",
    [
        (("tokens", "create", "a", "--role", "root"), "no role 'root'; give viewer, editor, admin"),
        (("tokens", "create", "a", "--scope", "runs:fly"), "no scope 'runs:fly'"),
        (("tokens", "create", "a", "--expires", "soon"), "not a duration"),
        (("tokens", "create", "a", "--expires", "0"), "cannot expire in 0"),
        (("tokens", "create", "a", "--user", "eve"), "no user 'eve'"),
        (("tokens", "revoke", "none"), "no token 'none'"),
        (("users", "disable", "eve"), "no user 'eve'"),
        (("users", "set", "ann"), "--role viewer"),
        (("users", "set", "a b", "--role", "viewer"), "cannot be named 'a b'"),
        (("users", "set", "token:x", "--role", "viewer"), "without colons"),
        (("users", "set", "eve", "--untie"), "has no role here"),
        (("audit", "--since", "soon"), "is no time"),
    ],
)
def test_what_cannot_be_is_told(partita: Callable[..., Told], words: tuple[str, ...], told: str) -> None:
    found = partita(*words)
    assert (found.status, found.out) == (2, "") and told in found.err


def test_people_are_named_disabled_and_signed_out(partita: Callable[..., Told], tmp_path: Path) -> None:
    assert partita("users", "set", "ann@x.org", "--role", "editor").out == "ann@x.org is editor now.\n"
    with_session = open_workspace(tmp_path)
    secret = with_session.start_session("ann@x.org", "10.0.0.1", "B")[1]
    assert partita("users", "sign-out", "ann@x.org").out == "ann@x.org is signed out of 1 browser.\n"
    assert with_session.session(secret) is None
    with_session.close()
    assert partita("users", "disable", "ann@x.org").out == "ann@x.org is disabled now.\n"
    listed = partita("users", "list").out
    assert "disabled" in listed and "set by hand" in listed
    assert json.loads(partita("users", "enable", "ann@x.org", "--json").out)["is_disabled"] is False


def test_what_the_command_line_changes_is_noted(partita: Callable[..., Told]) -> None:
    assert "Nothing of that kind" in partita("audit").err
    run = json.loads(partita("run", "flows.py:one", "--tag", "x", "--json").out)["id"]
    partita("tokens", "create", "a")
    partita("cache", "clear", "--all")
    told = json.loads(partita("audit", "--json").out)
    assert [entry["action"] for entry in told][-2:] == ["token.create", "run.launch"]
    launched = told[-1]
    assert launched["target"] == run and launched["data"] == {"flow": "flows.py:one", "tags": ["x"]}
    assert launched["who"] and launched["address"] == "this machine" and launched["outcome"] == "done"
    shown = partita("audit", "--action", "run", "--since", "1h", "--limit", "1").out.splitlines()
    assert len(shown) == 2 and run in shown[1]
    assert json.loads(partita("audit", "--before", "2", "--json").out) == [launched]
    assert json.loads(partita("audit", "--until", "1h", "--json").out) == []
    today = time.strftime("%Y-%m-%d", time.localtime(launched["at"]))
    assert json.loads(partita("audit", "--since", today, "--json").out) == told


def test_publishing_and_promoting_here_are_noted_as_on_a_server(partita: Callable[..., Told]) -> None:
    partita("publish", "flows.py:one", "--note", "the first")
    for words in (
        ("promote", "one@1", "--to", "dev"),
        ("promote", "one@1", "--to", "prod", "--why", "it works"),
        ("retire", "one@1"),
    ):
        partita("flows", *words)
    told = json.loads(partita("audit", "--action", "flow", "--json").out)[::-1]
    assert [(entry["action"], entry["target"]) for entry in told][:3] == [
        ("flow.publish", "one@1"), ("flow.promote", "one@1"), ("flow.promote", "one@1"),
    ]  # fmt: skip
    assert told[0]["data"] == {"flow": "flows.py:one", "note": "the first"}
    assert told[2]["data"] == {"stage": "prod", "why": "it works"}
    assert {(entry["who"], entry["address"]) for entry in told} == {(told[0]["who"], "this machine")} and told[0]["who"]


def test_looking_is_not_noted(partita: Callable[..., Told], tmp_path: Path) -> None:
    for words in (
        ("runs", "list"),
        ("tokens", "list"),
        ("users", "list"),
        ("audit",),
        ("models", "list"),
        ("cache", "clear", "--all"),
    ):
        partita(*words)
    assert not (tmp_path / ".partita").exists()


def test_a_long_audit_is_read_page_by_page(partita: Callable[..., Told], tmp_path: Path) -> None:
    workspace: Any = open_workspace(tmp_path)
    for number in range(1100):
        workspace.note_audit("x", str(number))
    workspace.close()
    told = json.loads(partita("audit", "--limit", "1050", "--json").out)
    assert [entry["number"] for entry in told] == list(range(1100, 50, -1))
