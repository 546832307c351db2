"""Signing in with a token or by a provider, and out."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Query, Request
from starlette.responses import Response

from partita.api.asking import Asked
from partita.api.entrance import BACK
from partita.api.guard import session_cookie
from partita.api.routes import OPEN, Routes
from partita.auth.oidc import PATIENCE_S
from partita.errors import AccessError, OptionError, SignInError, TooOftenError
from partita.web.pages import back_to, moved, pages_of, refused

__all__ = ["enter", "routes"]

routes = Routes()

#: Seconds that a browser stays signed in, whatever it does.
SESSION_S = 7 * 86400.0


@routes.reads("/sign-in", needs=OPEN)
async def show(asked: Asked, next: Annotated[str, Query(max_length=2000)] = "/") -> Response:
    """The page to sign in."""
    return _page(asked, back_to(next))


def _page(asked: Asked, next: str, problem: str = "", status: int = 200) -> Response:
    return pages_of(asked).show(
        asked.request, "sign_in.html", status=status, next=next, problem=problem, provider=asked.server.entrance.label
    )


@routes.changes("/sign-in", needs=OPEN)
async def sign_in(request: Request, asked: Asked) -> Response:
    """Sign in with a token."""
    form = await request.form()
    secret, next = str(form.get("token", "")).strip(), back_to(str(form.get("next", "/")))
    try:
        answer = await asked.in_thread(lambda workspace: enter(asked, secret, next))
    except SignInError as error:
        return _page(asked, next, refused(asked, error), 401)
    return answer  # type: ignore[no-any-return]


def enter(asked: Asked, secret: str, next: str) -> Response:
    """Know the browser of whoever has this token from now on.

    Raises:
        SignInError: nobody knows it.
    """
    agent = asked.request.headers.get("user-agent", "")
    entered = asked.server.entrance.by_token(asked.workspace, secret, asked.address, agent)
    return _let_in(asked, entered.secret, next)


def _let_in(asked: Asked, secret: str, next: str) -> Response:
    settings = asked.server.settings
    answer = moved(next)
    answer.set_cookie(
        session_cookie(settings),
        secret,
        round(SESSION_S),
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings.is_secure,
    )
    return answer


def _way_cookie(asked: Asked) -> str:
    """The cookie of those who are on their way to the provider and back."""
    return "__Host-partita-sign-in" if asked.server.settings.is_secure else "partita-sign-in"


@routes.reads("/sign-in/oidc", needs=OPEN)
def to_provider(asked: Asked, next: Annotated[str, Query(max_length=2000)] = "/") -> Response:
    """Go to the provider."""
    settings, entrance = asked.server.settings, asked.server.entrance
    if asked.request.url.netloc != urlsplit(entrance.url).netloc and entrance.label:
        # The provider sends back to the server's own address, where a cookie of another name of it is not sent.
        return moved(f"{entrance.url}/sign-in/oidc?next={quote(back_to(next), safe='')}")
    try:
        start = entrance.to_provider(next)
    except SignInError as error:
        return _page(asked, back_to(next), refused(asked, error), 502)
    answer = moved(start.url)
    answer.set_cookie(
        _way_cookie(asked), start.cookie, PATIENCE_S, path="/", httponly=True, samesite="lax", secure=settings.is_secure
    )
    return answer


@routes.reads(BACK, needs=OPEN)
def from_provider(asked: Asked) -> Response:
    """Come back from the provider."""
    request, settings = asked.request, asked.server.settings
    cookie = request.cookies.get(_way_cookie(asked), "")
    try:
        entered = asked.server.entrance.from_provider(
            asked.workspace, cookie, dict(request.query_params), asked.address, request.headers.get("user-agent", "")
        )
        answer = _let_in(asked, entered.secret, back_to(entered.next))
    except (AccessError, OptionError) as error:
        status = 401 if isinstance(error, SignInError) else 429 if isinstance(error, TooOftenError) else 403
        answer = _page(asked, "/", refused(asked, error), status)
    # What it says is worth nothing any more, whatever came of it.
    answer.delete_cookie(_way_cookie(asked), path="/", secure=settings.is_secure, httponly=True, samesite="lax")
    return answer


@routes.changes("/sign-out", needs=OPEN)
def sign_out(asked: Asked) -> Response:
    """End this browser's session."""
    identity = asked.request.scope.get("partita.identity")
    if identity is not None and identity.kind == "session":
        asked.workspace.end_session(identity.credential, by=asked.actor)
        asked.server.identifying.forget()
    answer = moved("/sign-in")
    answer.delete_cookie(session_cookie(asked.server.settings), path="/", secure=asked.server.settings.is_secure)
    return answer
