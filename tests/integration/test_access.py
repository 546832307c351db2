"""Tokens, users, sessions and the audit of a real engine."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from partita.errors import AccessError, NotFoundError, OptionError
from partita.protocol.access import Actor, Role, credential_id
from partita.workspace.local import LocalWorkspace
from tests.integration.conftest import Project
from tests.integration.engines import kill_engine
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

ADMIN = Actor("root", "t0", "10.0.0.9")


@pytest.fixture
def workspace(project: Project) -> LocalWorkspace:
    return project.workspace


def actions(workspace: LocalWorkspace) -> list[str]:
    return [entry["action"] for entry in workspace.audit(after=0)]


def test_a_token_says_who_asks_until_it_is_revoked(workspace: LocalWorkspace) -> None:
    made = workspace.create_token("deploy", "editor", scopes=["runs:*", "flows:read"], by=ADMIN)
    secret, view = made["secret"], made["token"]
    assert secret.startswith(f"partita_{view['id']}_") and len(secret.removeprefix(f"partita_{view['id']}_")) == 43
    found = workspace.identify(secret, "10.0.0.1")
    assert found is not None and (found.name, found.role, found.kind) == ("token:deploy", Role.EDITOR, "token")
    assert found.credential == view["id"] and found.scopes == {"runs:*", "flows:read"}
    listed = workspace.tokens()
    assert [token["used_from"] for token in listed] == ["10.0.0.1"] and secret not in str(listed)
    workspace.revoke_token(view["id"], by=ADMIN)
    workspace.revoke_token(view["id"], by=ADMIN)
    assert workspace.identify(secret) is None and workspace.tokens()[0]["revoked_at"] is not None
    told = workspace.audit()
    assert [(entry["number"], entry["action"], entry["who"], entry["address"]) for entry in told] == [
        (2, "token.revoke", "root", "10.0.0.9"), (1, "token.create", "root", "10.0.0.9"),
    ]  # fmt: skip
    assert told[1]["target"] == view["id"] and told[1]["data"]["scopes"] == ["flows:read", "runs:*"]


@pytest.mark.parametrize("wrong", ["", "partita_", "x", "session_{id}_{rest}", "partita_{other}_{rest}", "partita_{id}_{wrong}",
                                   "partita_{id}_{rest}x", " partita_{id}_{rest}", "partita_{id}_{rest}\n", "\0"])  # fmt: skip
def test_what_is_not_quite_a_token_is_none(workspace: LocalWorkspace, wrong: str) -> None:
    secret = workspace.create_token("a", "admin")["secret"]
    id, rest = credential_id("token", secret), secret[21:]
    told = wrong.format(id=id, rest=rest, other="0" * 12, wrong=rest[:-1] + ("A" if rest[-1] != "A" else "B"))
    assert workspace.identify(secret) is not None
    assert workspace.identify(told) is None and workspace.session(told) is None


def test_secrets_are_nowhere_in_what_is_kept(workspace: LocalWorkspace) -> None:
    secret = workspace.create_token("a", "admin")["secret"]
    workspace.set_user("ann", "viewer")
    session = workspace.start_session("ann", "10.0.0.1", "Browser")[1]
    workspace.stop_engine()
    kept = b"".join(file.read_bytes() for file in workspace.state.rglob("*") if file.is_file())
    assert b"Browser" in kept, "this does not look where sessions are kept"
    for text in (secret, session):
        assert text.encode() not in kept and text[-43:].encode() not in kept


def test_a_token_never_may_more_than_its_user_who_can_change_at_any_time(workspace: LocalWorkspace) -> None:
    workspace.set_user("ann", "editor", by=ADMIN)
    secret = workspace.create_token("mine", "admin", user="ann")["secret"]
    roles = []
    for role in ("editor", "admin", "viewer"):
        workspace.set_user("ann", role)
        found = workspace.identify(secret)
        assert found is not None and found.name == "ann"
        roles.append(found.role)
    assert roles == [Role.EDITOR, Role.ADMIN, Role.VIEWER]
    workspace.disable_user("ann")
    assert workspace.identify(secret) is None
    workspace.enable_user("ann")
    assert workspace.identify(secret) is not None
    with pytest.raises(NotFoundError, match="no user 'eve'"):
        workspace.create_token("hers", "viewer", user="eve")


def test_a_token_expires(workspace: LocalWorkspace) -> None:
    short = workspace.create_token("a", "viewer", expires_in_s=0.2)["secret"]
    wait_until(lambda: workspace.identify(short) is None)
    for wrong in (0, -1, 1e12):
        with pytest.raises(OptionError, match="cannot expire"):
            workspace.create_token("a", "viewer", expires_in_s=wrong)
    assert len(workspace.tokens()) == 1


@pytest.mark.parametrize("changes", [{"name": ""}, {"name": "a\nb"}, {"role": "root"}, {"scopes": ["runs:fly"]},
                                     {"scopes": ["run*"]}, {"name": "a\0"}, {"name": "x" * 101}])  # fmt: skip
def test_a_token_that_cannot_be_is_refused(workspace: LocalWorkspace, changes: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        workspace.create_token(**{"name": "a", "role": "viewer", **changes})
    assert workspace.tokens() == [] and workspace.audit() == []


def test_the_first_token_is_made_once_however_many_ask(workspace: LocalWorkspace) -> None:
    others = [LocalWorkspace(workspace.folder, workspace.settings) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda other: other.ensure_admin_token(), others))
    for other in others:
        other.close()
    secrets = [one["secret"] for one in made if one is not None]
    assert len(secrets) == 1 and len(workspace.tokens()) == 1
    found = workspace.identify(secrets[0])
    assert found is not None and found.role == Role.ADMIN
    workspace.revoke_token(found.credential)
    assert workspace.ensure_admin_token() is None


def test_a_session_follows_its_user(workspace: LocalWorkspace) -> None:
    workspace.set_user("ann", "viewer")
    view, secret = workspace.start_session("ann", "10.0.0.1", "Browser\r\nX: 1")
    assert "\n" not in view["agent"]
    found = workspace.session(secret)
    assert found is not None and (found[1].name, found[1].role, found[1].kind) == ("ann", Role.VIEWER, "session")
    workspace.set_user("ann", "admin")
    assert workspace.session(secret)[1].role == Role.ADMIN  # type: ignore[index]
    other, second = workspace.start_session("ann", "10.0.0.2", "Other")
    assert second != secret and {session["id"] for session in workspace.sessions("ann")} == {view["id"], other["id"]}
    assert workspace.end_session(view["id"]) and not workspace.end_session(view["id"])
    assert workspace.session(secret) is None and workspace.session(second) is not None
    workspace.disable_user("ann")
    assert workspace.session(second) is None and workspace.sessions() == []
    with pytest.raises(AccessError, match="disabled"):
        workspace.start_session("ann", "", "")
    workspace.enable_user("ann")
    assert workspace.session(second) is None, "enabling somebody brings back no session"
    third = workspace.start_session("ann", "", "")[1]
    assert workspace.end_sessions("ann") == 1 and workspace.session(third) is None


def test_a_session_ends_by_idling_and_whatever_it_does(workspace: LocalWorkspace) -> None:
    workspace.set_user("ann", "viewer")
    idle = workspace.start_session("ann", "", "", lifetime_s=100.0, idle_s=0.5)[1]
    busy = workspace.start_session("ann", "", "", lifetime_s=1.0, idle_s=100.0)[1]
    wait_until(lambda: not any(session["idle_s"] == 0.5 for session in workspace.sessions()))
    assert workspace.session(idle) is None
    wait_until(lambda: workspace.session(busy) is None)


def test_signing_in_by_a_provider_does_not_take_over_who_has_the_name(workspace: LocalWorkspace) -> None:
    first = workspace.set_user("ann@x.org", "viewer", "https://id", "1")
    with pytest.raises(AccessError, match="another account"):
        workspace.set_user("ann@x.org", "admin", "https://id", "2")
    assert workspace.users() == [first]
    renamed = workspace.set_user("anna@x.org", "editor", "https://id", "1")
    assert (renamed["name"], renamed["role"]) == ("ann@x.org", "editor") and len(workspace.users()) == 1
    workspace.set_user("ann@x.org", "admin")
    assert workspace.set_user("ann@x.org", "viewer", "https://id", "1")["role"] == "admin", "set by hand, it stays"
    workspace.disable_user("ann@x.org")
    assert workspace.set_user("ann@x.org", "viewer", "https://id", "1")["is_disabled"]
    workspace.set_user("ann@x.org", "viewer", untie=True)
    assert workspace.set_user("ann@x.org", "admin", "https://id", "2")["subject"] == "2"


def test_the_audit_takes_texts_for_what_they_are(workspace: LocalWorkspace) -> None:
    forged = "ann\n2026-01-01 root  user.set  \x1b[2K\u202eeve\0"
    workspace.note_audit(
        "sign-in", forged, outcome="refused\r\n", data={forged: [forged, {"n": 1.5}, float("nan")]}, by=forged
    )
    entry = workspace.audit()[0]
    for text in (entry["who"], entry["target"], entry["outcome"], *entry["data"]):
        assert text.isprintable()
    assert entry["data"][entry["who"]][1:] == [{"n": 1.5}, "nan"]
    assert [found["number"] for found in workspace.audit(who=forged)] == [1]
    workspace.note_audit("x", "y" * 10_000, data={str(n): "z" * 400 for n in range(100)})
    newest = workspace.audit(action="x")[0]
    assert len(newest["target"]) == 500 and "left_out_characters" in newest["data"]
    assert newest["who"] and newest["address"] == "this machine"


def test_the_audit_is_read_by_pages(workspace: LocalWorkspace) -> None:
    for number in range(7):
        workspace.note_audit("run.launch" if number % 2 else "run.cancel", f"r{number}", by="ann")
    first = workspace.audit(limit=3)
    assert [entry["number"] for entry in first] == [7, 6, 5]
    assert [entry["number"] for entry in workspace.audit(before=5, limit=3)] == [4, 3, 2]
    assert [entry["number"] for entry in workspace.audit(after=5)] == [6, 7]
    assert [entry["target"] for entry in workspace.audit(action="run.launch", after=0)] == ["r1", "r3", "r5"]
    assert workspace.audit(since=first[0]["at"] + 60) == [] and workspace.audit(who="bob") == []


def test_what_was_answered_survives_the_engine(project: Project) -> None:
    secret = project.workspace.create_token("a", "viewer")["secret"]
    kill_engine(project)
    assert project.workspace.identify(secret) is not None and actions(project.workspace) == ["token.create"]


def test_looking_makes_no_workspace(project: Project) -> None:
    workspace = project.workspace
    assert (workspace.tokens(), workspace.users(), workspace.sessions(), workspace.audit()) == ([], [], [], [])
    assert workspace.identify("partita_" + "0" * 12 + "_" + "x" * 43) is None and not workspace.state.exists()


def test_a_token_that_is_used_all_the_time_is_written_once_a_minute(workspace: LocalWorkspace) -> None:
    secret = workspace.create_token("a", "viewer")["secret"]
    workspace.identify(secret, "10.0.0.1")
    for _ in range(20):
        workspace.identify(secret, "10.0.0.2")
    workspace.stop_engine()
    database = next(Path(workspace.state).glob("*.db"))
    with sqlite3.connect(database) as rows:
        assert rows.execute("select used_from from access_token").fetchall() == [("10.0.0.1",)]
    rows.close()
