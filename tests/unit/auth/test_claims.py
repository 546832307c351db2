"""What a provider says of a person -> name and role."""

from __future__ import annotations

from typing import Any

import pytest

from partita.auth.claims import person_of
from partita.auth.oidc import local_path
from partita.errors import SignInError
from partita.protocol.access import Role
from partita.settings_sign_in import as_sign_in

ANN = {
    "sub": "1",
    "email": "Ann@Example.org",
    "email_verified": True,
    "groups": ["science"],
    "preferred_username": "ann",
}


def person(claims: dict[str, Any], **settings: Any) -> Any:
    given = as_sign_in({"issuer": "https://id.example.org", "client_id": "partita", **settings})
    return person_of({**ANN, **claims}, given)


@pytest.mark.parametrize(
    "rules, role",
    [
        ({}, None), ({"editor": ["group:science"]}, Role.EDITOR), ({"editor": ["group:sci"]}, None),
        ({"editor": ["group:Science"]}, None), ({"viewer": ["@example.org"]}, Role.VIEWER), ({"viewer": ["@ample.org"]}, None),
        ({"viewer": ["@example.org.evil.net"]}, None), ({"admin": ["ann@example.org"]}, Role.ADMIN),
        ({"admin": ["ANN@EXAMPLE.ORG"]}, Role.ADMIN), ({"admin": ["nn@example.org"]}, None), ({"viewer": ["*"]}, Role.VIEWER),
        ({"viewer": ["*"], "admin": ["group:science"], "editor": ["@example.org"]}, Role.ADMIN),
    ],
)  # fmt: skip
def test_the_highest_role_that_a_rule_gives_counts(rules: dict[str, list[str]], role: Role | None) -> None:
    assert person({}, roles=rules) == ("ann@example.org", role, "1")


def test_the_default_role_is_of_whom_no_rule_names() -> None:
    assert person({}, default_role="viewer").role == Role.VIEWER
    assert person({}, default_role="viewer", roles={"admin": ["group:science"]}).role == Role.ADMIN


@pytest.mark.parametrize(
    "claims",
    [{"email_verified": False}, {"email_verified": None}, {"email_verified": "false"}, {"email_verified": 1.5},
     {"email": "ann@example.org@evil.net"}, {"email": None}, {"email": ["ann@example.org"]}, {"email": "ann"},
     {"email": "ann@example.org\n"}],
)  # fmt: skip
def test_an_address_that_does_not_count_gives_neither_name_nor_role(claims: dict[str, Any]) -> None:
    with pytest.raises(SignInError):
        person(claims, roles={"admin": ["*"]})
    rules = {"admin": ["@example.org", "ann@example.org"]}
    assert person(claims, roles=rules, name_claim="preferred_username").role is None
    with pytest.raises(SignInError, match="may not sign in here"):
        person(claims, allowed_domains=["example.org"], name_claim="preferred_username")


def test_where_providers_never_verify_that_can_be_said() -> None:
    assert person({"email_verified": None}, verified_email=False).name == "ann@example.org"
    assert person({"email_verified": "true"}).name == "ann@example.org"


@pytest.mark.parametrize("groups", ["science", ["a", "science"], ["science", 3, None]])
def test_groups_are_found_wherever_they_are(groups: Any) -> None:
    rules = {"editor": ["group:science"]}
    assert person({"groups": groups}, roles=rules).role == Role.EDITOR
    assert person({"groups": None, "x": {"y": groups}}, roles=rules, groups_claim="x.y").role == Role.EDITOR
    assert person({"groups": None, "x.y": groups}, roles=rules, groups_claim="x.y").role == Role.EDITOR
    assert person({"groups": {"science": True}}, roles=rules).role is None


@pytest.mark.parametrize(
    "path, kept",
    [("/runs?a=1#b", "/runs?a=1#b"), ("//evil.net", "/"), ("/\\evil.net", "/"), ("https://evil.net", "/"), ("", "/"), ("runs", "/"),
     ("/\t/evil.net", "/"), ("/\n", "/"), ("javascript:alert(1)", "/"), ("/" + "x" * 3000, "/")],
)  # fmt: skip
def test_after_signing_in_nobody_is_sent_to_another_server(path: str, kept: str) -> None:
    assert local_path(path) == kept


@pytest.mark.parametrize(
    "table, told",
    [
        ({"issuer": "http://id.example.org"}, "with https"), ({"issuer": "id.example.org"}, "address of a provider"),
        ({"issuer": "https://id.example.org/?x=1"}, "address"), ({"issuer": "https://[::"}, "address"),
        ({"client_secret": "s3cr3t / of the client"}, "not the secret itself"), ({"roles": {"root": ["*"]}}, "one of viewer"),
        ({"roles": {"admin": ["ann"]}}, "is nobody"), ({"roles": {"admin": ["group:"]}}, "is nobody"),
        ({"roles": {"admin": "*"}}, "list of texts"), ({"default_role": ""}, "one of viewer"), ({"isuer": "x"}, "did you mean issuer"),
        ({"verified_email": "no"}, "true or false"), ({"client_id": None}, "a text"),
    ],
)  # fmt: skip
def test_what_cannot_be_set_is_told(table: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        as_sign_in({"issuer": "https://id.example.org", "client_id": "partita", **table})


def test_what_is_missing_is_told_and_the_environment_has_json() -> None:
    with pytest.raises(ValueError, match="client_id to sign_in"):
        as_sign_in({"issuer": "https://id.example.org"})
    for wrong in ("x", "[]", 3):
        with pytest.raises(ValueError, match=r"a table \[sign_in\]"):
            as_sign_in(wrong)
    found = as_sign_in('{"issuer": "http://localhost:8080", "client_id": "p", "scopes": ["email"]}')
    assert found.issuer == "http://localhost:8080" and found.scopes == ("openid", "email")
