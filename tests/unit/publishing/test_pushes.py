"""Pushes of Git services: believed only where they are signed, and taken once."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from partita.errors import PublishError, PushError
from partita.publishing.pushes import Deliveries, verify_push

SECRET = "a long secret"
COMMIT = "a" * 40


def github(**changes: Any) -> tuple[dict[str, str], bytes]:
    document = {
        "ref": "refs/heads/main", "after": COMMIT, "deleted": False, "repository": {"full_name": "acme/news"},
        "head_commit": {"id": COMMIT, "message": "Better\n\nmuch"}, "pusher": {"name": "ann"}, **changes,
    }  # fmt: skip
    body = json.dumps(document).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": signature, "X-GitHub-Event": "push", "X-GitHub-Delivery": "d1"}, body


def test_a_push_of_github_is_understood() -> None:
    push = verify_push(*github(), SECRET)
    assert (push.service, push.repository, push.kind, push.name, push.commit) == (
        "github",
        "acme/news",
        "branch",
        "main",
        COMMIT,
    )
    assert (push.by, push.message, push.delivery) == ("ann", "Better", "d1") and push.is_to_publish


def test_who_pushed_stands_under_a_name_that_no_user_has() -> None:
    pusher = {"login": "ann\n\x1b[31m", "email": "ann@example.org"}
    push = verify_push(*github(pusher=pusher), SECRET)
    assert (push.author, push.email) == ("push:ann??[31m", "ann@example.org")
    nobody = verify_push(*github(pusher=None), SECRET)
    assert (nobody.author, nobody.email) == ("push:unknown", "")


def test_an_annotated_tag_is_at_its_commit() -> None:
    push = verify_push(*github(ref="refs/tags/v1/x", after="b" * 40), SECRET)
    assert (push.kind, push.name, push.commit) == ("tag", "v1/x", COMMIT)


def test_gitea_is_believed_by_its_own_signature_though_it_sends_the_headers_of_github() -> None:
    headers, body = github()
    own = {
        "X-Gitea-Signature": headers["X-Hub-Signature-256"].removeprefix("sha256="), "X-Gitea-Event": "push",
        "X-Gitea-Delivery": "g1",
    }  # fmt: skip
    push = verify_push(headers | own, body, SECRET)
    assert (push.service, push.delivery) == ("gitea", "g1")
    with pytest.raises(PushError):
        verify_push(headers | own | {"X-Gitea-Signature": "0" * 64}, body, SECRET)


def test_a_push_of_gitlab_is_understood() -> None:
    body = json.dumps(
        {
            "object_kind": "push", "ref": "refs/heads/main", "after": COMMIT, "checkout_sha": COMMIT, "user_username": "bo", "user_email": "bo@example.org",
            "project": {"path_with_namespace": "acme/news"}, "commits": [{"id": COMMIT, "message": "x"}],
        }
    ).encode()  # fmt: skip
    headers = {"x-gitlab-token": SECRET, "X-Gitlab-Event": "Push Hook", "X-Gitlab-Event-UUID": "u1"}
    push = verify_push(headers, body, SECRET)
    assert (push.service, push.repository, push.by, push.commit, push.message) == (
        "gitlab",
        "acme/news",
        "bo",
        COMMIT,
        "x",
    )
    assert push.email == "bo@example.org"
    with pytest.raises(PushError, match="another secret"):
        verify_push(headers | {"x-gitlab-token": SECRET + "x"}, body, SECRET)


def test_what_is_not_signed_with_the_secret_is_refused() -> None:
    headers, body = github()
    for given, data, secret in (
        (headers, body + b" ", SECRET), (headers, body, SECRET + "x"), ({}, body, SECRET), (headers, body, ""),
        (headers, body, "short"), (headers | {"X-Hub-Signature-256": "é"}, body, SECRET),
        ({"X-Hub-Signature": "sha1=" + "0" * 40, "X-GitHub-Event": "push"}, body, SECRET),
    ):  # fmt: skip
        with pytest.raises(PushError):
            verify_push(given, data, secret)


def test_other_events_and_deletions_publish_nothing() -> None:
    headers, body = github()
    assert not verify_push(headers | {"X-GitHub-Event": "ping"}, body, SECRET).is_to_publish
    assert not verify_push(*github(after="0" * 40, deleted=True, head_commit=None), SECRET).is_to_publish
    assert not verify_push(*github(ref="refs/notes/x"), SECRET).is_to_publish


@pytest.mark.parametrize(
    "changes",
    [
        {"head_commit": {"id": "--upload-pack=x"}},
        {"head_commit": None, "after": "x"},
        {"head_commit": {}},
        {"repository": ["x"]},
    ],
)
def test_what_is_signed_and_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(PublishError, match="cannot be understood"):
        verify_push(*github(**changes), SECRET)


def test_a_push_without_a_number_is_refused() -> None:
    headers, body = github()
    del headers["X-GitHub-Delivery"]
    with pytest.raises(PublishError, match="number"):
        verify_push(headers, body, SECRET)


def test_bodies_that_are_no_objects_are_refused() -> None:
    for body in (b"", b"[]", b"\xff", b"[" * 100_000, b"null"):
        signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": signature, "X-GitHub-Event": "push", "X-GitHub-Delivery": "d"}
        with pytest.raises(PublishError):
            verify_push(headers, body, SECRET)


def test_a_delivery_is_taken_once_by_its_number_and_by_its_body(tmp_path: Path) -> None:
    deliveries = Deliveries(tmp_path / "pushes")
    headers, body = github()
    push = verify_push(headers, body, SECRET)
    deliveries.claim(push)
    other_number = verify_push(headers | {"X-GitHub-Delivery": "d2"}, body, SECRET)
    for again in (push, other_number):
        with pytest.raises(PushError, match="taken before"):
            Deliveries(tmp_path / "pushes").claim(again)
    other = verify_push(*github(before="b" * 40), SECRET)
    with pytest.raises(PushError):
        deliveries.claim(other)  # another body under a number that was taken
    deliveries.give_back(push)
    deliveries.claim(push)
