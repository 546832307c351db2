"""An OpenID provider as it is asked over HTTP: what it says of itself, its keys, and its answers."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from partita.errors import SignInError

__all__ = ["Provider"]

#: What a provider says of itself and its keys is asked for again after so long.
KEPT_S = 3600.0
#: Keys that are not known are looked for at most so often: a token with an invented key must not make us ask each time.
LOOK_AGAIN_S = 15.0
_LARGEST_BYTES = 1 << 20
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class Provider:
    """One provider. What it says is kept for an hour; of keys that nobody knows it is asked earlier."""

    def __init__(self, issuer: str, clock: Callable[[], float] = time.time) -> None:
        """
        Args:
            issuer: its address, exactly as it calls itself.
            clock: seconds since the epoch.
        """
        self.issuer = issuer
        self._clock = clock
        self._http = _pool(issuer)
        self._described: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, dict[str, Any]] | None = None

    def describe(self) -> dict[str, Any]:
        """What it says of itself (OpenID Connect Discovery 1.0).

        Raises:
            SignInError: it cannot be reached, or is another one.
        """
        now = self._clock()
        if self._described is None or now - self._described[0] >= KEPT_S:
            address = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
            found = self.ask("GET", address)
            if found.get("issuer") != self.issuer:
                raise SignInError(
                    f"the provider at {address} calls itself {found.get('issuer')!r}, and not {self.issuer!r}; set issuer in "
                    "[sign_in] to exactly what it calls itself, if that is the right one"
                )
            for name in _ENDPOINTS:
                if not _is_safe(found.get(name)):
                    raise SignInError(f"the provider {self.issuer} says no {name} with https: {found.get(name)!r}")
            self._described = (now, found)
        return self._described[1]

    def keys(self, *, anew: bool = False) -> dict[str, Any]:
        """The keys with which it signs (RFC 7517).

        Args:
            anew: those that are kept do not fit; they are asked for again unless that was done just now.

        Raises:
            SignInError: it cannot be reached.
        """
        now = self._clock()
        if self._keys is None or now - self._keys[0] >= (LOOK_AGAIN_S if anew else KEPT_S):
            found = self.ask("GET", self.describe()["jwks_uri"])
            if not isinstance(found.get("keys"), list):
                raise SignInError(f"the provider {self.issuer} answers no keys where its keys should be")
            self._keys = (now, found)
        return self._keys[1]

    def ask(
        self, method: str, address: str, *, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> dict[str, Any]:  # fmt: skip
        """What it answers, a map in JSON; redirects are not followed.

        Raises:
            SignInError: it cannot be reached, refuses, or answers something else.
        """
        sent = {"Accept": "application/json", **(headers or {})}
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            answer = self._http.request(
                method, address, headers=sent, body=urlencode(form) if form is not None else None, redirect=False,
                retries=False, preload_content=False,
            )  # fmt: skip
            try:
                body, status = answer.read(_LARGEST_BYTES + 1, decode_content=True), answer.status
            finally:
                answer.close()
                answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise SignInError(
                f"the provider {self.issuer} cannot be reached ({error}); try again later, or sign in with a token. If it stays "
                "so, an administrator can look whether issuer in [sign_in] is right, and reachable from the server"
            ) from None
        told = _json(body) if len(body) <= _LARGEST_BYTES else None
        if status == 200 and told is not None:
            return told
        raise SignInError(f"the provider {self.issuer} answers {status} to {method} {address}{_reason(told)}")


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _reason(told: dict[str, Any] | None) -> str:
    """What an error of OAuth 2.0 says (RFC 6749, 5.2), and what it mostly means."""
    if not told or not told.get("error"):
        return ", which is nothing that a provider would answer; is issuer in [sign_in] right?"
    text = " ".join(str(told.get(name, "")) for name in ("error", "error_description")).strip()[:300]
    remedy = {
        "invalid_client": "; see that client_id and client_secret in [sign_in] are those that the provider gave",
        "invalid_grant": "; the sign-in took too long, or was done before: begin again",
    }.get(str(told["error"]), "")
    return f": {text if text.isprintable() else ascii(text)}{remedy}"


def _is_safe(address: object) -> bool:
    """Whether nobody between can read what is sent there."""
    if not isinstance(address, str):
        return False
    try:
        parts = urlsplit(address)
        return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    except ValueError:
        return False


def _pool(issuer: str) -> urllib3.PoolManager:
    timeout = urllib3.Timeout(connect=5.0, read=10.0)
    parts = urlsplit(issuer)
    proxy = getproxies().get(parts.scheme, "")
    if proxy and not (parts.hostname in _LOOPBACK or proxy_bypass(parts.hostname or "")):
        return urllib3.ProxyManager(proxy, timeout=timeout)
    return urllib3.PoolManager(timeout=timeout, ca_certs=os.environ.get("SSL_CERT_FILE"))
