"""Who asks, from the headers of a request. What was found is believed for a moment, so that not every request asks the store."""

from __future__ import annotations

import time
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie
from typing import Any

import anyio.to_thread
from starlette.datastructures import Headers

from partita.api.pool import Pool
from partita.auth.attempts import is_attempt_token, verify_attempt_token
from partita.auth.limits import FailureLimits
from partita.errors import SignInError, TooOftenError
from partita.protocol.access import Identity, credential_id, secret_hash

__all__ = ["Identifying"]

#: Seconds for which a token that was looked up is believed: so long after it was revoked by another program it may still do.
_BELIEVED_S = 1.0
#: Seconds for which one that nobody knew is not looked up again: what was made a moment ago is looked up for the first time.
_DOUBTED_S = 10.0
_AT_MOST = 4096
#: Look-ups at once of what comes from addresses that have been wrong too often.
_DOUBTFUL = 2


class Identifying:
    """Looks tokens and sessions up.

    Whatever is unknown costs a thread and a question to the engine, and so an address may be wrong only so often. What it sends
    then is looked up still, in so little room that a flood of it slows nobody, since a token that counts may come from the same
    address; and what counted lately is looked up like any other.
    """

    def __init__(self, pool: Pool, failures: FailureLimits | None = None) -> None:
        """
        Args:
            failures: how often an address may send what nobody knows.
        """
        self._pool = pool
        self._failures = failures if failures is not None else FailureLimits()
        self._known: OrderedDict[bytes, tuple[float, Identity | None]] = OrderedDict()
        self._good: OrderedDict[bytes, None] = OrderedDict()  # what counted lately, the last one at the end
        self._doubtful = 0  # look-ups that go on
        self._changes = 0  # that were made here: what was looked up before one is not remembered after it

    def __len__(self) -> int:
        """How much is remembered."""
        return max(len(self._known), len(self._good))

    def forget(self) -> None:
        """Something about tokens, users or sessions was changed here."""
        self._known.clear()
        self._changes += 1

    async def of(self, headers: Headers, cookie: str, address: str) -> tuple[Identity | None, str]:
        """Who asks, and the secret of their session; None: nobody said.

        Args:
            cookie: its name.
            address: from which they ask.

        Raises:
            SignInError: they said something that is not or no longer true.
            TooOftenError: so did others of this address, too often.
        """
        authorization = headers.get("authorization", "")
        if authorization:
            kind, _, secret = authorization.partition(" ")
            found = await self._find("token", secret.strip(), address) if kind.lower() == "bearer" else None
            if found is None:
                raise SignInError("this token is not known, was revoked or is over; ask for another one")
            return found, ""
        secret = _cookie_of(headers.get("cookie", ""), cookie)
        if not secret:
            return None, ""
        identity = await self._find("session", secret, address)
        return identity, secret if identity is not None else ""

    async def _find(self, kind: str, secret: str, address: str) -> Identity | None:
        if not (credential_id(kind, secret) or (kind == "token" and is_attempt_token(secret))):
            return None
        key, now = secret_hash(f"{kind} {secret}"), time.monotonic()
        known = self._known.get(key)
        if known is not None and now - known[0] < (_DOUBTED_S if known[1] is None else _BELIEVED_S):
            return known[1]
        changes = self._changes
        wait_s = 0.0 if key in self._good else self._failures.wait_s(address, now)
        identity = await (self._doubt(kind, secret, wait_s) if wait_s else self._ask(kind, secret))
        if changes == self._changes:
            _keep(self._known, key, (now, identity))
        if identity is not None:
            _keep(self._good, key, None)
            return identity
        self._good.pop(key, None)
        if wait_s and kind == "token":  # a browser whose session is over is to be led to where one signs in
            raise _too_often(wait_s)
        self._failures.failed(address, now)
        return None

    async def _ask(self, kind: str, secret: str) -> Identity | None:
        return await anyio.to_thread.run_sync(self._look_up, kind, secret)

    async def _doubt(self, kind: str, secret: str, wait_s: float) -> Identity | None:
        if self._doubtful >= _DOUBTFUL:
            raise _too_often(wait_s)
        self._doubtful += 1
        try:
            return await self._ask(kind, secret)
        finally:
            self._doubtful -= 1

    def _look_up(self, kind: str, secret: str) -> Identity | None:
        workspace = self._pool.workspace
        if kind == "token":
            found = verify_attempt_token(workspace.access_key(), secret, time.time())
            return found or workspace.identify(secret)
        session = workspace.session(secret)
        return session[1] if session is not None else None


def _keep(kept: OrderedDict[bytes, Any], key: bytes, value: Any) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > _AT_MOST:
        kept.popitem(last=False)


def _too_often(wait_s: float) -> TooOftenError:
    return TooOftenError(
        "tokens that nobody knows came from this address too often; wait before you send another", wait_s
    )


def _cookie_of(header: str, name: str) -> str:
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""
