"""One request to a server: again where that is safe, never without an end, and what is refused as an error of Partita."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, SSLError

from partita import errors
from partita.client.addresses import checked_url, is_private
from partita.errors import EngineError, PartitaError, RequestError, SettingsError, SignInError
from partita.version import VERSION

__all__ = ["API", "Transport", "quoted"]

API = "/api/v1"
#: Asking again changes nothing more, where a route does not say otherwise.
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
#: Seconds between two tries: the first, and the longest.
_FIRST_S, _LONGEST_S = 0.2, 10.0


def quoted(part: str) -> str:
    """A part of a path."""
    return quote(part, safe=":@")


class Transport:
    """A connection to one server. May be used from several threads."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout_s: float = 60.0,
        patience_s: float = 30.0,
        certificates: str | None = None,
        allows_plain: bool = False,
    ) -> None:
        """
        Args:
            timeout_s: seconds without a sign of an answer after which a request has failed.
            patience_s: seconds for which a request is tried again that the server had no room for, or that did not reach it.
            certificates: file of the authorities that vouch for the server; default: the system's.
            allows_plain: send the token to another machine without encryption.
        """
        self.url = checked_url(url)
        if token and not allows_plain and not is_private(self.url):
            raise SettingsError(
                f"{self.url} is reached without encryption, and the token would be seen on the way; use https://"
            )
        if not token.isascii() or any(sign <= " " or sign == "\x7f" for sign in token):
            raise SettingsError("the token holds signs that no token has; copy it once more")
        self._token = token
        self.timeout_s = timeout_s
        self.patience_s = patience_s
        self._pool = self._make_pool(certificates)

    def _make_pool(self, certificates: str | None) -> urllib3.PoolManager:
        options: dict[str, Any] = {"maxsize": 8, "cert_reqs": "CERT_REQUIRED", "ca_certs": certificates}
        scheme, _, rest = self.url.partition("://")
        host = rest.partition("/")[0].rpartition("@")[2]
        proxy = getproxies().get(scheme, "") if is_private(self.url) and scheme == "https" else ""
        if proxy and not proxy_bypass(host):
            return urllib3.ProxyManager(proxy, **options)
        return urllib3.PoolManager(**options)

    def close(self) -> None:
        self._pool.clear()

    def json(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None, **options: Any
    ) -> Any:
        """What a route gives.

        Args:
            path: below `/api/v1`.
            query: parameters; None is left out, a list is given several times.
            options: as `send` takes them.
        """
        answer = self.send(method, path, query, body, **options)
        try:
            data = answer.read()
        except HTTPError as error:
            raise EngineError(f"{self.url} broke off while it answered: {error}") from None
        finally:
            answer.release_conn()
        if not data:
            return None
        try:
            return json.loads(data)
        except ValueError:
            raise EngineError(f"{self.url} is no server of Partita, or something before it answers instead") from None

    def _asked(
        self, method: str, address: str, *, body: bytes | Path | None, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        if not isinstance(body, Path):
            return self._pool.request(method, address, body=body, **options)
        options["headers"]["content-length"] = str(body.stat().st_size)
        with body.open("rb") as file:
            return self._pool.request(method, address, body=file, **options)

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool | None = None,
        timeout_s: float | None = None,
        data: bytes | Path | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """The answer, its body unread; whoever takes it reads and releases it.

        Args:
            data: a body that is no JSON, or the file that holds it.
            is_repeatable: asking again does no more than asking once, as with an idempotency key; None: as the method says.

        Raises:
            PartitaError: what the server refused with; EngineError where it cannot be reached.
        """
        address = self.url + API + path + _query(query)
        sent = {"accept": "application/json", "user-agent": f"partita/{VERSION}", **(headers or {})}
        if self._token:
            sent["authorization"] = f"Bearer {self._token}"
        if body is not None:
            sent["content-type"] = "application/json"
            data = json.dumps(body, allow_nan=False).encode()
        elif data is not None:
            sent["content-type"] = "application/octet-stream"
        can_repeat = method in _REPEATABLE if is_repeatable is None else is_repeatable
        until, pause_s = time.monotonic() + self.patience_s, _FIRST_S
        timeout = urllib3.Timeout(connect=min(10.0, self.timeout_s), read=timeout_s or self.timeout_s)
        while True:
            try:
                answer = self._asked(
                    method, address, headers=sent, body=data, timeout=timeout, retries=False, redirect=False,
                    preload_content=False,
                )  # fmt: skip
            except SSLError as error:
                if "WRONG_VERSION_NUMBER" in str(error):
                    raise EngineError(
                        f"{self.url} does not speak HTTPS; name it with http:// where it is so meant"
                    ) from None
                raise EngineError(f"{self.url} does not prove who it is: {error}") from None
            except HTTPError as error:
                was_sent = not isinstance(error, NewConnectionError)
                if (was_sent and not can_repeat) or time.monotonic() + pause_s > until:
                    raise EngineError(f"{self.url} cannot be reached: {_cause(error)}") from None
                wait_s = pause_s
            else:
                if answer.status < 300 or answer.status == 304:
                    return answer
                refusal = _refusal(self.url, answer)
                if answer.status == 401 and not self._token:
                    refusal = SignInError(f"there is no token for {self.url}; `partita login {self.url}` keeps one")
                wait_s = _wait_s(answer, pause_s)
                # One that there was no room for did nothing; of the others it is not known.
                is_worth_it = answer.status == 429 or (answer.status in (502, 503, 504) and can_repeat)
                if not is_worth_it or time.monotonic() + wait_s > until:
                    raise refusal
            time.sleep(wait_s * random.uniform(1.0, 1.25))
            pause_s = min(pause_s * 2, _LONGEST_S)


def _query(query: Mapping[str, Any] | None) -> str:
    pairs: list[tuple[str, str]] = []
    for name, value in (query or {}).items():
        for item in value if isinstance(value, list | tuple) else [value]:
            if item is not None:
                pairs.append((name, str(item).lower() if isinstance(item, bool) else str(item)))
    return f"?{urlencode(pairs)}" if pairs else ""


def _cause(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason or error).rpartition(": ")[2] or type(error).__name__


def _wait_s(answer: urllib3.BaseHTTPResponse, otherwise_s: float) -> float:
    told = answer.headers.get("retry-after", "")
    return float(told) if told.isdigit() else otherwise_s


def _refusal(url: str, answer: urllib3.BaseHTTPResponse) -> PartitaError:
    """The error of an answer that refuses, with the server's words."""
    try:
        told = json.loads(answer.read(1 << 20))
    except (ValueError, HTTPError):
        told = None
    finally:
        answer.release_conn()
    if not isinstance(told, dict) or "detail" not in told:
        if 300 <= answer.status < 400:
            return RequestError(f"{url} sends elsewhere, to {answer.headers.get('location', '')[:200]!r}; ask there")
        return EngineError(
            f"{url} answered with {answer.status} {answer.reason or ''}, which no server of Partita does"
        )
    detail = str(told["detail"])
    kind = getattr(errors, str(told.get("title")), None)
    if kind in (errors.CheckError, errors.DataError):
        problems = [_problem(item) for item in told.get("problems") or () if isinstance(item, dict)]
        return kind(problems or [errors.Problem(detail)])  # type: ignore[no-any-return]
    if kind is errors.BusyError:
        return errors.BusyError(detail, _wait_s(answer, 1.0))
    if kind is errors.TooOftenError:
        return errors.TooOftenError(detail, _wait_s(answer, 1.0))
    if isinstance(kind, type) and issubclass(kind, PartitaError):
        return kind(detail)
    return EngineError(f"{url}: {detail}") if answer.status >= 500 else RequestError(detail)


def _problem(told: dict[str, Any]) -> errors.Problem:
    texts = {name: str(told.get(name, "")) for name in ("message", "place", "remedy")}
    return errors.Problem(**texts, is_warning=bool(told.get("is_warning")))
