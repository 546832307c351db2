"""Who may what: every action by every role, narrowed by scopes, and attempts."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.auth.policy import allows, refusal, refusal_to_grant, require
from partita.errors import ForbiddenError, OptionError
from partita.protocol.access import Identity, Role
from partita.protocol.actions import ACTIONS, ATTEMPT_ACTIONS, checked_scopes, is_within

RUN = "0abc"
ATTEMPT = Identity("attempt", Role.VIEWER, "attempt", "x", run=RUN, step=3, attempt=2)

#: What each role may beyond the one before it, written out: a change of the table has to be meant.
VIEWER = {
    "runs:read", "flows:read", "artifacts:read", "models:read", "studies:read", "cache:read", "history:read",
    "environments:read", "components:read", "executors:read", "engine:read", "settings:read", "metrics:read", "tokens:own",
    "sessions:own",
}  # fmt: skip
EDITOR = {
    "runs:launch", "runs:cancel", "runs:resume", "runs:rerun", "events:send", "waits:decide", "flows:publish",
    "flows:promote", "models:write", "studies:write", "cache:clear", "history:forget", "executors:probe",
}  # fmt: skip
ADMIN = {
    "runs:delete", "artifacts:delete", "models:delete", "models:gates", "environments:prune", "engine:stop", "settings:write", "secrets:read",
    "secrets:write", "tokens:read", "tokens:write", "sessions:read", "sessions:write", "users:read", "users:write",
    "audit:read", "store:prune", "store:backup",
}  # fmt: skip
MAY = {Role.VIEWER: VIEWER, Role.EDITOR: VIEWER | EDITOR, Role.ADMIN: VIEWER | EDITOR | ADMIN}


def of(role: Role, *scopes: str, kind: str = "token", name: str = "ann") -> Identity:
    return Identity(name, role, kind, "t1", frozenset(scopes))


def test_every_action_is_meant_for_somebody() -> None:
    assert ACTIONS.keys() == MAY[Role.ADMIN] | {"attempts:report"} and ACTIONS.keys() >= ATTEMPT_ACTIONS


@pytest.mark.parametrize("role, kind", list(product(Role, ("token", "session"))))
def test_each_role_may_just_what_is_written_here(role: Role, kind: str) -> None:
    assert {action for action in ACTIONS if allows(of(role, kind=kind), action)} == MAY[role]


@pytest.mark.parametrize(
    "action", ["", "runs", "runs:", "runs:*", "*", "runs:READ", "runs:read ", "runs:fly", "attempts:report"]
)
def test_what_is_not_in_the_table_nobody_may(action: str) -> None:
    assert not allows(of(Role.ADMIN), action) and not allows(of(Role.ADMIN, "*"), action)


@pytest.mark.parametrize(
    "scopes, action, is_allowed",
    [
        (("runs:read",), "runs:read", True), (("runs:read",), "runs:launch", False), (("runs:*",), "runs:launch", True),
        (("runs:*",), "models:read", False), (("runs:*", "models:read"), "models:read", True),
        (("run:*",), "runs:read", False), (("runs",), "runs:read", False), (("",), "runs:read", False),
        (("*",), "runs:launch", True), (("tokens:*",), "tokens:write", False), (("secrets:write",), "secrets:write", False),
        ((":*",), "runs:read", False), (("r*",), "runs:read", False),
    ],
)  # fmt: skip
def test_scopes_narrow_what_the_role_may(scopes: tuple[str, ...], action: str, is_allowed: bool) -> None:
    assert allows(of(Role.EDITOR, *scopes), action) == is_allowed


@given(st.sampled_from(list(Role)), st.sets(st.sampled_from([*ACTIONS, "*", "runs:*", "tokens:*"]), min_size=1))
def test_no_scope_ever_widens_a_role(role: Role, scopes: set[str]) -> None:
    for action in ACTIONS:
        assert not allows(of(role, *scopes), action) or allows(of(role), action)


def test_a_refusal_says_who_could() -> None:
    assert (
        refusal(of(Role.VIEWER), "runs:launch")
        == "ann is a viewer, and runs:launch needs an editor; ask an administrator"
    )
    assert "only for runs:read" in refusal(of(Role.EDITOR, "runs:read"), "runs:launch")
    with pytest.raises(ForbiddenError, match="is an editor"):
        require(of(Role.EDITOR), "users:write")
    require(of(Role.ADMIN), "users:write")


@pytest.mark.parametrize(
    "action, place, is_allowed",
    [
        ("runs:read", {"run": RUN}, True), ("runs:read", {"run": RUN, "step": 1}, True), ("runs:read", {"run": "0abd"}, False),
        ("runs:read", {"run": RUN[:-1]}, False), ("runs:read", {"run": "latest"}, False), ("runs:read", {}, False),
        ("artifacts:read", {"run": RUN}, True), ("artifacts:read", {}, False),
        ("attempts:report", {"run": RUN, "step": 3, "attempt": 2}, True),
        ("attempts:report", {"run": RUN, "step": 3, "attempt": 1}, False),
        ("attempts:report", {"run": RUN, "step": 4, "attempt": 2}, False),
        ("attempts:report", {"run": "0abd", "step": 3, "attempt": 2}, False), ("attempts:report", {"run": RUN}, False),
    ],
)  # fmt: skip
def test_an_attempt_says_something_only_of_itself_and_reads_only_its_run(
    action: str, place: dict[str, object], is_allowed: bool
) -> None:
    assert allows(ATTEMPT, action, **place) == is_allowed  # type: ignore[arg-type]


@pytest.mark.parametrize("action", sorted(ACTIONS.keys() - ATTEMPT_ACTIONS))
def test_an_attempt_may_nothing_else_whatever_its_role(action: str) -> None:
    mighty = Identity("attempt", Role.ADMIN, "attempt", "x", frozenset({"*"}), RUN, 3, 2)
    assert not allows(mighty, action, run=RUN, step=3, attempt=2)


@pytest.mark.parametrize(
    "identity, role, scopes, user, is_allowed",
    [
        (of(Role.ADMIN), "admin", (), "", True), (of(Role.ADMIN), "viewer", (), "bob", True),
        (of(Role.EDITOR), "viewer", (), "", False), (of(Role.EDITOR), "viewer", (), "bob", False),
        (of(Role.EDITOR), "editor", (), "ann", True), (of(Role.EDITOR), "admin", (), "ann", False),
        (of(Role.ADMIN, "tokens:write"), "admin", (), "", False),
        (of(Role.ADMIN, "tokens:write"), "admin", ("runs:read",), "", False),
        (of(Role.ADMIN, "tokens:*", "runs:*"), "viewer", ("runs:read", "runs:*"), "", True),
        (of(Role.ADMIN, "tokens:*", "runs:read"), "viewer", ("runs:*",), "", False),
        (of(Role.ADMIN, "tokens:*"), "viewer", ("*",), "", False), (of(Role.ADMIN, "*"), "admin", ("*",), "", True),
        (of(Role.VIEWER, "runs:read"), "viewer", ("runs:read",), "ann", False),
        (of(Role.VIEWER, name=""), "viewer", (), "", False), (ATTEMPT, "viewer", ("runs:read",), "", False),
    ],
)  # fmt: skip
def test_nobody_makes_a_token_that_may_more_than_they(
    identity: Identity, role: str, scopes: tuple[str, ...], user: str, is_allowed: bool
) -> None:
    assert (refusal_to_grant(identity, role, scopes, user) == "") == is_allowed


def test_scopes_that_reach_nothing_are_refused() -> None:
    assert checked_scopes(["runs:read", "runs:*", "runs:read"]) == ("runs:*", "runs:read") and checked_scopes([]) == ()
    for wrong in ([""], ["runs"], ["run:*"], ["runs:fly"], [3], "runs:read", None, ["*:read"]):
        with pytest.raises(OptionError):
            checked_scopes(wrong)
    assert is_within("runs:*", "runs:*") and not is_within("*", "runs:*") and not is_within("runs:*", "runs:read")


def test_roles_are_in_their_order() -> None:
    assert Role.VIEWER.at_most(Role.ADMIN) == Role.VIEWER == Role.ADMIN.at_most(Role.VIEWER)
    assert Role.EDITOR.includes(Role.EDITOR) and not Role.EDITOR.includes(Role.ADMIN)
