"""Pushes that a Git service tells of, believed only where they are signed.

    GitHub          X-Hub-Signature-256: sha256=HMAC of the body
    Gitea, Forgejo  X-Gitea-Signature: HMAC-SHA256 of the body
    GitLab          X-Gitlab-Token: the secret itself

What is compared is compared in constant time. The number of a delivery is in no signature, so that who has heard one could send
it again under another number: `Deliveries` knows a push by its number and by the hash of its body.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partita.errors import PublishError, PushError

__all__ = ["Deliveries", "Push", "verify_push"]

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MOST_BYTES = 25 << 20
_LEAST_SECRET = 8
#: So long a delivery is remembered.
_KEPT_S = 90 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Push:
    """What a Git service told: a branch or tag is at a commit."""

    service: str  # "github", "gitea" or "gitlab"
    event: str  # "push"; other events ("ping") say nothing of commits
    delivery: str  # its number
    digest: str  # hash of the body
    repository: str  # "acme/news"
    kind: str  # "branch" or "tag"; empty: neither
    name: str  # of the branch or tag
    commit: str  # that it is at; empty: it was deleted
    by: str  # who pushed: a login at the service
    message: str  # first line of the commit's message
    email: str = ""  # of who pushed, as the service tells it; empty: it tells none

    @property
    def author(self) -> str:
        """Who pushed, as it stands beside what was done: no user of Partita is called so."""
        login = "".join(sign if sign.isprintable() else "?" for sign in self.by)[:200]
        return f"push:{login or 'unknown'}"

    @property
    def is_to_publish(self) -> bool:
        """Whether there is a commit to be published."""
        return self.event == "push" and bool(self.kind and self.commit)


def verify_push(headers: Mapping[str, str], body: bytes, secret: str) -> Push:
    """What a Git service tells, if it is signed with the secret.

    Args:
        headers: of the request, in whatever case.
        body: as it came.
        secret: that the service was given for this repository.

    Raises:
        PushError: it is not signed so.
        PublishError: it is signed, and cannot be understood.
    """
    given = {name.lower(): text for name, text in headers.items()}
    if len(secret) < _LEAST_SECRET:
        raise PushError(
            f"the secret of pushes is empty or shorter than {_LEAST_SECRET} characters; nothing can be believed"
        )
    if len(body) > _MOST_BYTES:
        raise PublishError(f"a push of {len(body):,} bytes is larger than any service sends")
    service, event, delivery = _verified(given, body, secret)
    try:
        document = json.loads(body)
        if not isinstance(document, dict):
            raise ValueError("it is no JSON object")
        return _push(service, event, delivery, hashlib.sha256(body).hexdigest(), document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PublishError(f"a push from {service} cannot be understood: {type(error).__name__}: {error}") from error


def _verified(given: Mapping[str, str], body: bytes, secret: str) -> tuple[str, str, str]:
    """(service, event, number of the delivery) of what is signed."""
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    # Gitea sends the headers of GitHub, too.
    for prefix in ("x-gitea", "x-forgejo", "x-gogs"):
        if f"{prefix}-signature" in given:
            _need(given[f"{prefix}-signature"], expected)
            return "gitea", given.get(f"{prefix}-event", ""), given.get(f"{prefix}-delivery", "")
    if "x-hub-signature-256" in given:
        _need(given["x-hub-signature-256"], f"sha256={expected}")
        return "github", given.get("x-github-event", ""), given.get("x-github-delivery", "")
    if "x-gitlab-token" in given:
        _need(given["x-gitlab-token"], secret)
        event = {"Push Hook": "push", "Tag Push Hook": "push"}.get(given.get("x-gitlab-event", ""), "other")
        return "gitlab", event, given.get("idempotency-key") or given.get("x-gitlab-event-uuid", "")
    raise PushError(
        "the push is not signed: it has neither X-Hub-Signature-256 nor X-Gitea-Signature nor X-Gitlab-Token"
    )


def _need(told: str, expected: str) -> None:
    if not hmac.compare_digest(told.encode("utf-8", "replace"), expected.encode()):
        raise PushError("the push is signed with another secret; give the service and Partita the same one")


def _push(service: str, event: str, delivery: str, digest: str, document: dict[str, Any]) -> Push:
    project = document.get("project" if service == "gitlab" else "repository") or {}
    repository = str(project.get("path_with_namespace" if service == "gitlab" else "full_name") or "")
    if event != "push":
        return Push(service, event, delivery, digest, repository, "", "", "", "", "")
    if not delivery:
        raise ValueError("it has no number of a delivery")
    ref, commit = str(document["ref"]), str(document.get("checkout_sha") or document.get("after") or "")
    if service == "github" and isinstance(document.get("head_commit"), dict):
        commit = str(document["head_commit"]["id"])  # of an annotated tag, "after" names the tag and not its commit
    if str(document.get("after", "")).strip("0") == "" or document.get("deleted"):
        commit = ""
    if commit and not _COMMIT.fullmatch(commit):
        raise ValueError(f"{commit[:80]!r} is no hash of a commit")
    kind, name = "", ""
    for prefix, found in (("refs/heads/", "branch"), ("refs/tags/", "tag")):
        if ref.startswith(prefix) and len(ref) > len(prefix):
            kind, name = found, ref.removeprefix(prefix)
    pusher = document.get("pusher") or {}
    by = str(document.get("user_username") or pusher.get("login") or pusher.get("name") or pusher.get("username") or "")
    email, message = str(document.get("user_email") or pusher.get("email") or ""), _message(document, commit)
    return Push(service, event, delivery, digest, repository, kind, name, commit, by, message, email)


def _message(document: dict[str, Any], commit: str) -> str:
    commits = [document.get("head_commit"), *(document.get("commits") or ())]
    for item in commits:
        if isinstance(item, dict) and item.get("id") == commit:
            return str(item.get("message") or "").partition("\n")[0][:200]
    return ""


class Deliveries:
    """The pushes that were taken, as files of a folder: each is taken once, by whichever process comes first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def claim(self, push: Push) -> None:
        """Take a push.

        Raises:
            PushError: it was taken before.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._forget_old()
        taken: list[Path] = []
        for path in self._paths(push):
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                for other in taken:
                    other.unlink(missing_ok=True)
                raise PushError(f"the push {push.delivery} of {push.repository} was taken before") from None
            taken.append(path)

    def give_back(self, push: Push) -> None:
        """Let a push that could not be carried out be sent again."""
        for path in self._paths(push):
            path.unlink(missing_ok=True)

    def _paths(self, push: Push) -> list[Path]:
        number = hashlib.sha256(f"{push.service} {push.delivery}".encode()).hexdigest()
        return [self._folder / f"d-{number}", self._folder / f"b-{push.digest}"]

    def _forget_old(self) -> None:
        oldest = time.time() - _KEPT_S
        for path in self._folder.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
