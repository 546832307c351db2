"""Signing in, with a token or by an OpenID provider: how often it may be tried, and by what the browser is known afterwards.

Each sign-in makes a session with a secret of its own, so that what lies in a browser is worth nothing elsewhere. One that was
made with a token is the token's: the engine asks at each request what the token may at that moment, and whether it counts still.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from partita.auth.limits import SignInLimits
from partita.auth.oidc import OidcClient, SignInStart
from partita.errors import AccessError, NotFoundError, OptionError, SignInError, TooOftenError
from partita.protocol.access import Actor, credential_id
from partita.settings_sign_in import SignInSettings
from partita.workspace.local import LocalWorkspace

__all__ = ["BACK", "Entered", "Entrance"]

#: Where the provider sends browsers back to; behind the server's own address.
BACK = "/sign-in/callback"


class Entered(NamedTuple):
    """Who has come in."""

    name: str
    secret: str  # of their session
    next: str  # the path that they wanted to go to


class Entrance:
    """Lets browsers in."""

    def __init__(self, provider: SignInSettings | None = None, url: str = "", key: Callable[[], bytes] = bytes) -> None:
        """
        Args:
            provider: by whom people may sign in; None: with tokens only.
            url: this server's own address, as browsers reach it.
            key: gives the key with which is sealed what browsers keep between the way to the provider and back.
        """
        self.limits = SignInLimits()
        self.label = provider.label if provider is not None else ""  # on the button; empty: there is none
        self.url = url
        #: ("token" or "provider", "done" or "refused") -> how often.
        self.counts: Counter[tuple[str, str]] = Counter()
        self._provider = provider
        self._key = key
        self._client: OidcClient | None = None
        self._lock = threading.Lock()

    def by_token(self, workspace: LocalWorkspace, secret: str, address: str, agent: str, next: str = "/") -> Entered:
        """Who has this token.

        Raises:
            SignInError: nobody knows it.
            TooOftenError: it was tried too often.
        """
        id = credential_id("token", secret)
        self._take(address, id, "token")
        started = workspace.start_token_session(secret, address, agent)
        if started is None:
            self._refused(workspace, "token", id, "the token is not known, or counts no more", Actor("", id, address))
            raise SignInError("this token is not known, was revoked or is over; ask for another one")
        self.limits.succeeded(address, id)
        self.counts["token", "done"] += 1
        return Entered(started[0]["user"], started[1], next)

    def to_provider(self, next: str) -> SignInStart:
        """The way to the provider.

        Raises:
            NotFoundError: none is set.
            SignInError: it cannot be reached.
        """
        return self._oidc().begin(self.url + BACK, next)

    def from_provider(
        self, workspace: LocalWorkspace, cookie: str, query: Mapping[str, str], address: str, agent: str
    ) -> Entered:
        """Who came back from the provider.

        Args:
            cookie: what `to_provider` gave this browser to keep.
            query: what the address has behind its "?".

        Raises:
            NotFoundError: no provider is set.
            AccessError: it vouches for nobody who may sign in.
            OptionError: what it calls them is no name here.
            TooOftenError: it was tried too often.
        """
        client = self._oidc()
        self._take(address, "", "provider")
        name = ""
        try:
            person = client.finish(cookie, query)
            name = person.name
            role = person.role.value if person.role is not None else ""
            user = workspace.set_user(name, role, person.source, person.subject, by=Actor(name, "", address))
            name = user["name"]
            _, secret = workspace.start_session(name, address, agent)
        except (AccessError, OptionError) as error:
            self._refused(workspace, "provider", name, str(error), Actor(name, "", address))
            raise
        self.limits.succeeded(address, "")
        self.counts["provider", "done"] += 1
        return Entered(name, secret, person.next)

    def _oidc(self) -> OidcClient:
        if self._provider is None:
            raise NotFoundError("no provider is set by which one could sign in; use a token, or set [sign_in]")
        with self._lock:
            if self._client is None:
                self._client = OidcClient(self._provider, self._key())
            return self._client

    def _take(self, address: str, account: str, how: str) -> None:
        try:
            self.limits.take(address, account, time.monotonic())
        except TooOftenError:
            self.counts[how, "refused"] += 1
            raise

    def _refused(self, workspace: LocalWorkspace, how: str, target: str, why: str, by: Actor) -> None:
        self.counts[how, "refused"] += 1
        # Without a name it would be this machine's user who has tried.
        workspace.note_audit("sign-in", target, outcome=why, by=by if by.name else by._replace(name="nobody"))
