"""What stands before every route: the name that the server is asked by, sizes, who asks, forged requests, headers.

Whether somebody may do what a route does is decided by the route itself (`partita.api.routes`), once it is known which one it is:
so no way of writing a path gets around it.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import re
import time
from collections.abc import Callable
from hashlib import blake2b
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from partita.api.answers import problem, problem_of
from partita.api.identifying import Identifying
from partita.api.state import ServerSettings
from partita.errors import PartitaError

__all__ = ["CSRF_FIELD", "CSRF_HEADER", "WEBHOOKS", "Guard", "csrf_of", "session_cookie"]

CSRF_HEADER = "x-partita-csrf"
CSRF_FIELD = "csrf"
#: What the paths begin with by which Git services tell of pushes; what they send is larger than most.
WEBHOOKS = "/webhooks/git/"
#: What is answered whatever name the server is asked by: it tells nothing.
_HEALTH = frozenset({"/healthz", "/readyz"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: Forms are read here, to see what a page put into them, and are small.
_FORM_BYTES = 1 << 20
#: Seconds within which the next piece of a body has to come.
_BODY_PAUSE_S = 30.0
#: Seconds within which a whole body has to come, longer as it is larger: at so many bytes a second.
_BODY_S = 60.0
_BODY_BYTES_S = 16 << 10

#: An address of IPv6, or a name or another address; and a port.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::[0-9]{1,5})?")

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; media-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def session_cookie(settings: ServerSettings) -> str:
    """The cookie's name. The prefix keeps other hosts of the domain from setting it."""
    return "__Host-partita-session" if settings.is_secure else "partita-session"


def csrf_of(secret: str) -> str:
    """What pages of a session put into their forms: it says nothing of the session's secret."""
    return blake2b(secret.encode(), digest_size=16, person=b"partita-csrf").hexdigest()


class Guard:
    """The outermost part of the server."""

    def __init__(
        self,
        app: ASGIApp,
        settings: ServerSettings,
        identifying: Identifying,
        uploads: frozenset[str],
        tell_stale: Callable[[Scope, str], Response],
    ) -> None:
        """
        Args:
            uploads: paths that take large bodies.
            tell_stale: answers a form of another session, which a person sent from a page that stayed open.
        """
        self._tell_stale = tell_stale
        self._app = app
        self._settings = settings
        self._identifying = identifying
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no websockets here
            await send({"type": "websocket.close", "code": 1008, "reason": "the server has no websockets"})
            return
        answering = _with_headers(send, self._settings.is_secure)
        try:
            refusal, receive = await self._examine(scope, receive)
        except (PartitaError, HTTPException) as error:
            refusal = problem_of(error) if isinstance(error, PartitaError) else _problem_of_http(error)
        if refusal is not None:
            await refusal(scope, receive, answering)
            return
        await self._app(scope, receive, answering)
        if scope["method"] not in _SAFE and "app" in scope:
            # Whoever did something sees it on the next page, before the engine has told of it.
            scope["app"].state.server.following.version += 1

    async def _examine(self, scope: Scope, receive: Receive) -> tuple[Response | None, Receive]:
        headers = Headers(scope=scope)
        named = headers.getlist("host")
        host = _host_of(named[0]) if len(named) == 1 else ""  # of two, somebody before us may have looked at the other
        # A page of another name that a browser was led to has no token to send with what it asks.
        is_by_machine = scope["path"] in _HEALTH or (scope["path"] == "/metrics" and "authorization" in headers)
        if not is_by_machine and not self._is_ours(host):
            detail = f"this server does not go by the name {host[:100]!r}; name it in the setting server_hosts"
            return problem(421, "MisdirectedRequest", detail), receive
        limit = self._limit_of(scope["path"])
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > limit:
            return problem(413, "ContentTooLarge", f"a request may have {limit:,} bytes here"), receive
        has_body = length.strip("0") != "" or "transfer-encoding" in headers
        receive = _limited(receive, limit, has_body)
        if scope["path"] in _HEALTH:  # they say the same to all, also while nobody can be asked who somebody is
            return None, receive
        address = scope["client"][0] if scope.get("client") else ""
        identity, secret = await self._identifying.of(headers, session_cookie(self._settings), address)
        scope["partita.identity"] = identity
        scope["partita.csrf"] = csrf_of(secret) if secret else ""
        scope["partita.session"] = secret
        if scope["method"] in _SAFE or (identity is not None and identity.kind != "session"):
            return None, receive
        return await self._forgery(scope, headers, receive)

    def _limit_of(self, path: str) -> int:
        if path in self._uploads:
            return self._settings.upload_limit_bytes
        return self._settings.push_limit_bytes if path.startswith(WEBHOOKS) else self._settings.body_limit_bytes

    def _is_ours(self, host: str) -> bool:
        if host in ("localhost", *self._settings.hosts):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback

    async def _forgery(self, scope: Scope, headers: Headers, receive: Receive) -> tuple[Response | None, Receive]:
        """Refuses what another site made a browser send. What needs nobody to be signed in is refused, too, where a browser says
        that it comes from elsewhere: nobody shall be signed in as somebody else without noticing."""
        origin = headers.get("origin")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") or (
            origin is not None and urlsplit(origin).netloc != headers.get("host")
        ):
            return problem(403, "ForbiddenError", "another site asked your browser to send this"), receive
        wanted: str = scope["partita.csrf"]
        if not wanted:
            return None, receive
        given = headers.get(CSRF_HEADER, "")
        if (
            not given
            and headers.get("content-type", "").partition(";")[0].strip() == "application/x-www-form-urlencoded"
        ):
            body, receive = await _buffered(receive)
            given = (parse_qs(body.decode("utf-8", "replace")).get(CSRF_FIELD) or [""])[0]
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            detail = f"the page that sent this is not of this session; load it again, or send {CSRF_HEADER}"
            return self._tell_stale(scope, detail), receive
        return None, receive


def _host_of(header: str) -> str:
    """The name in a Host header, without its port; empty: it is none."""
    found = _HOST.fullmatch(header)
    return (found[1] or found[2]).lower() if found is not None else ""


def _problem_of_http(error: HTTPException) -> Response:
    return problem(error.status_code, "RequestError", str(error.detail))


def _limited(receive: Receive, limit: int, has_body: bool) -> Receive:
    """No more than so many bytes of a body, and none that comes drop by drop."""
    taken = 0
    is_whole = not has_body  # what takes long to be answered is listened to for its end only then
    began_at = time.monotonic()

    async def receiving() -> Message:
        nonlocal taken, is_whole
        if is_whole:  # whoever waits now waits for the end of the connection
            return await receive()
        left_s = began_at + _BODY_S + taken / _BODY_BYTES_S - time.monotonic()
        try:
            message = await asyncio.wait_for(receive(), min(_BODY_PAUSE_S, max(left_s, 0.0)))
        except TimeoutError:
            raise HTTPException(408, "the body did not come") from None
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if taken > limit:
                raise HTTPException(413, f"a request may have {limit:,} bytes here")
        return message

    return receiving


async def _buffered(receive: Receive) -> tuple[bytes, Receive]:
    """A body, and it once more for the route."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        if len(body) > _FORM_BYTES:
            raise HTTPException(413, f"a form may have {_FORM_BYTES:,} bytes")
        if not message.get("more_body", False):
            break
    whole = bytes(body)
    is_given = False

    async def again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": whole, "more_body": False}

    return whole, again


def _with_headers(send: Send, is_secure: bool) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
            if is_secure:
                headers.setdefault("strict-transport-security", "max-age=31536000")
        await send(message)

    return sending
