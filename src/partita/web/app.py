"""The whole server as one application: API and pages over one workspace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from partita.api.accounting import Accounting
from partita.api.answers import problem, problem_of
from partita.api.app import UPLOADS, api_routes
from partita.api.entrance import Entrance
from partita.api.guard import Guard
from partita.api.identifying import Identifying
from partita.api.metering import Meter
from partita.api.pool import Pool
from partita.api.routes import undeclared
from partita.api.state import Server, ServerSettings
from partita.api.tuning import Tuning
from partita.errors import DefinitionError, PartitaError, SignInError
from partita.version import VERSION
from partita.views.code_watch import CodeWatch
from partita.views.following import Following
from partita.views.line import Line
from partita.views.use_watch import UseWatch
from partita.web.pages import STATIC, Pages, moved
from partita.web.refusals import HEADS, refusal
from partita.web.routes import page_routes
from partita.workspace.local import LocalWorkspace

__all__ = ["build_app"]

_log = logging.getLogger("partita.server")


def build_app(open_workspace: Callable[[], LocalWorkspace], settings: ServerSettings) -> ASGIApp:
    """The application.

    Args:
        open_workspace: opens the workspace, once for each thread.
    """
    first = open_workspace()
    settings = replace(settings, has_open_metrics=first.settings.metrics == "loopback")
    pool = Pool(open_workspace)

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        line = Line(first.state, lambda: first.ask("engine"))
        entrance = Entrance(first.settings.sign_in, settings.url, first.access_key)
        following = Following(line)
        tuning = Tuning(open_workspace, lambda name: following.announce("studies", name))
        use = UseWatch(line, lambda: following.announce("machine"))
        app.state.server = Server(pool, following, use, settings, identifying, tuning, entrance=entrance, meter=meter)
        following.start()
        code = CodeWatch(first.folder, lambda: following.announce("flows"))
        if settings.is_developing:
            code.start()
        try:
            yield
        finally:
            await code.close()
            await asyncio.to_thread(tuning.close)
            app.state.server.close()
            await following.close()
            await line.close()
            pool.close()
            first.close()

    def tell_stale(scope: Scope, detail: str) -> Response:
        request = Request({**scope, "app": app})
        return _error_page(request, 403, detail) if _is_page(request) else problem(403, "ForbiddenError", detail)

    identifying, meter = Identifying(pool), Meter()
    app = FastAPI(
        title="Partita", version=VERSION, lifespan=living, docs_url=None, redoc_url=None, openapi_url=None,
        summary="Flows, runs, models and whatever else a workspace has.",
    )  # fmt: skip
    app.state.pages = Pages()
    app.state.project_name = first.folder.name
    for routes in (*api_routes(), *page_routes()):
        app.router.routes.extend(routes.routes)
    app.mount("/static", _Kept(directory=STATIC), name="static")
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(PartitaError, _refused)
    app.add_exception_handler(Exception, _failed)
    if wrong := undeclared(app.routes, ["/static"]):
        raise DefinitionError(f"routes that do not say what they need: {', '.join(wrong)}")
    return Accounting(Guard(app, settings, identifying, UPLOADS, tell_stale), meter)


class _Kept(StaticFiles):
    """Files whose address changes with them."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        answer = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        answer.headers["cache-control"] = "public, max-age=31536000, immutable"
        return answer


def _is_page(request: Request) -> bool:
    path = request.url.path
    is_for_machines = path.startswith(("/api/", "/static/", "/webhooks/")) or path in (
        "/healthz",
        "/readyz",
        "/metrics",
    )
    return not is_for_machines and "text/html" in request.headers.get("accept", "text/html")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    titles = {404: "NotFoundError", 405: "MethodNotAllowed", 413: "ContentTooLarge"}
    detail = "there is nothing at this address" if error.status_code == 404 else str(error.detail)
    if _is_page(request):
        return _error_page(request, error.status_code, detail)
    title = titles.get(error.status_code, "RequestError")
    headers = {**(error.headers or {})}
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request))
    return problem(error.status_code, title, detail, headers=headers)


def _methods(request: Request) -> list[str]:
    """What can be done at an address, by all of its routes: the router tells it of the first one only."""
    fitting = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    # An address that is written out is meant before one in which a name stands for anything.
    exact = [route for route in fitting if getattr(route, "path", "") == request.url.path]
    found: set[str] = set()
    for route in exact or fitting:
        found |= getattr(route, "methods", None) or set()
    return sorted(found)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        {"place": ".".join(str(part) for part in item["loc"]), "message": str(item["msg"])[:500]}
        for item in error.errors()
    ]
    detail = "; ".join(f"{item['place']}: {item['message']}" for item in found[:5])
    if _is_page(request):
        return _error_page(request, 422, detail)
    if found[0]["place"] == "body" and "json" not in request.headers.get("content-type", ""):
        detail += "; send JSON with the header `Content-Type: application/json`"
    return problem(422, "RequestError", detail, problems=found)


async def _refused(request: Request, error: Exception) -> Response:
    if not _is_page(request):
        return problem_of(error)
    if isinstance(error, SignInError) and request.method == "GET":
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return moved(f"/sign-in?next={quote(here, safe='')}" if here != "/" else "/sign-in")
    return _error_page(request, problem_of(error).status_code, error)


async def _failed(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    if _is_page(request):
        return _error_page(request, 500, "the server made a mistake, and has noted it in its log")
    return problem_of(error)


def _error_page(request: Request, status: int, detail: str | Exception) -> Response:
    pages: Pages = request.app.state.pages
    said = refusal(detail, pages.texts(request))
    return pages.show(
        request,
        "error.html",
        status=status,
        status_code=status,
        head=HEADS.get(status, "That did not work"),
        detail=said,
    )
