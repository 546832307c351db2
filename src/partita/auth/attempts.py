"""Tokens of attempts: signed, narrow, short-lived, and kept nowhere.

Each attempt gets one that names its run, its step, its number and when it ends. Nothing is looked up for it: thousands of
attempts start in a second, and none of them is to cost a row. It cannot be revoked therefore, and is made for the time that the
attempt may take; an attempt that is over is refused by whoever takes its reports, which knows the last number of the step.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from hashlib import sha256

from partita.protocol.access import Identity, Role

__all__ = ["attempt_token", "is_attempt_token", "verify_attempt_token"]

_HEAD = "partita_attempt."
#: What is signed begins so: a signature of this key for something else is none of a token.
_PURPOSE = b"partita attempt token 1\0"
_LONGEST = 1024


def attempt_token(key: bytes, run: str, step: int, attempt: int, expires_at: float) -> str:
    """The token of one attempt.

    Args:
        key: of the workspace.
        expires_at: seconds since the epoch.
    """
    body = _written(json.dumps([run, step, attempt, round(expires_at)], separators=(",", ":")).encode())
    return f"{_HEAD}{body}.{_written(_signature(key, body))}"


def is_attempt_token(token: str) -> bool:
    """Whether it may be one, by how it looks."""
    return token.startswith(_HEAD) and len(token) <= _LONGEST and token.isascii()


def verify_attempt_token(key: bytes, token: str, now: float) -> Identity | None:
    """Which attempt a token is of; None: it is none, or it has expired."""
    if not is_attempt_token(token):
        return None
    body, _, signature = token.removeprefix(_HEAD).partition(".")
    # The texts are compared, not what they mean: of several writings of the same bytes one counts.
    if not hmac.compare_digest(signature, _written(_signature(key, body))):
        return None
    try:
        run, step, attempt, expires_at = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, TypeError, binascii.Error):
        return None
    if now >= expires_at:
        return None
    name = f"attempt:{run}/{step}/{attempt}"
    return Identity(name, Role.VIEWER, "attempt", name, run=run, step=step, attempt=attempt)


def _signature(key: bytes, body: str) -> bytes:
    return hmac.new(key, _PURPOSE + body.encode(), sha256).digest()


def _written(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
