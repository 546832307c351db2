"""How routes are declared: each with what it needs, and there is no other way to declare one."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Coroutine, Iterable
from hashlib import blake2b
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from partita.api.answers import told
from partita.api.asking import Asking
from partita.api.records import schema_of
from partita.auth.policy import require
from partita.errors import DefinitionError
from partita.protocol.actions import ACTIONS

__all__ = ["API", "OPEN", "PROBLEM", "REFUSALS", "SIGNED_IN", "Routes", "needs_of", "undeclared"]

#: What a route needs that anybody may ask: signing in, health, and what is signed in another way.
OPEN = "open"
#: What a route needs that anybody may ask who is known, whatever they may else.
SIGNED_IN = "signed in"
#: What the paths of the API begin with.
API = "/api/v1"

#: Problem details, and what answers they come with.
PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"},
    },
    "required": ["title", "status", "detail"],
}  # fmt: skip
_TEXT, _SECONDS = {"type": "string"}, {"type": "integer", "minimum": 1}
#: What answers say in their heads, by status, or by the sort of answer.
_HEADERS: dict[int | str, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"required": True, "schema": _TEXT}},
    429: {"Retry-After": {"required": True, "schema": _SECONDS, "description": "Seconds."}},
    503: {"Retry-After": {"required": True, "schema": _SECONDS, "description": "Seconds."}},
    "made": {"Location": {"required": True, "schema": _TEXT, "description": "Where what was made is."}},
    "read": {"ETag": {"required": True, "schema": _TEXT, "description": "To be sent as If-None-Match."}},
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": text, "headers": _HEADERS.get(status, {}),
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, text in (
        (400, "The request cannot be understood."), (401, "Nobody said who they are."), (403, "That may not be done."),
        (404, "There is no such thing."), (408, "The request did not come."),
        (409, "It does not go together with how things stand."),
        (413, "It is larger than the server takes."), (421, "The server does not go by that name."),
        (431, "Its head is larger than the server takes."),
        (422, "What was given was refused."), (429, "There is too much to do, or it was asked too often."),
        (501, "A part of Partita is not installed."), (503, "The engine cannot be reached."),
    )
}  # fmt: skip


#: Parameters of paths that name a run: who may see one run only has to be meant by each.
_RUNS = ("run", "other")


class _Needs:
    """Lets those in who may do an action."""

    def __init__(self, action: str) -> None:
        self.action = action

    async def __call__(self, request: Request) -> None:
        server = getattr(request.app.state, "server", None)
        # As of before anything is read: what changes meanwhile is seen by it.
        request.scope["partita.version"] = server.following.version if server is not None else 0
        if self.action == SIGNED_IN:
            _ = Asking(request).identity
        elif self.action != OPEN:
            identity = Asking(request).identity
            for run in [request.path_params[name] for name in _RUNS if name in request.path_params] or [""]:
                require(identity, self.action, run=run)


class _Route(APIRoute):
    """A route whose JSON need not be sent again to whoever has it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        needs = next((each.dependency for each in self.dependencies if isinstance(each.dependency, _Needs)), None)

        async def handling(request: Request) -> Response:
            if needs is not None:  # before a body is read: FastAPI parses it first, whoever sent it
                await needs(request)
            answer = await handle(request)
            if request.method != "GET" or answer.status_code != 200 or answer.media_type != "application/json":
                return answer
            tag = f'"{blake2b(answer.body, digest_size=16).hexdigest()}"'
            headers = {"etag": tag, "cache-control": "private, no-cache", "vary": "authorization, cookie"}
            if _is_known(request.headers.get("if-none-match", ""), tag):
                return Response(status_code=304, headers=headers)
            answer.headers.update(headers)
            return answer

        return handling


def _is_known(header: str, tag: str) -> bool:
    return header == "*" or any(item.strip().removeprefix("W/") == tag for item in header.split(","))


class Routes(APIRouter):
    """Routes of one subject."""

    def __init__(self, prefix: str = "", tags: list[str] | None = None) -> None:
        super().__init__(prefix=prefix, tags=list(tags or ()), route_class=_Route)

    def _name_of(self, path: str) -> str:
        """What the document calls a route: by its address, so that no two have one name."""
        return re.sub(r"\W+", "_", f"{self.prefix}{path}".removeprefix(API)).strip("_") or "home"

    def declare(
        self,
        method: str,
        path: str,
        *,
        needs: str,
        gives: Any = None,
        status: int = 200,
        kind: str = "",
        takes: str = "",
        is_placed: bool = False,
        **more: Any,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a route.

        Args:
            needs: an action of `partita.protocol.actions`, `OPEN` or `SIGNED_IN`.
            gives: type of what the function gives, which is sent as JSON; None: what it is is not said.
            kind: content type of what it gives where that is a response of its own.
            takes: content type of a body that the function reads itself.
            is_placed: the answer says where what was made is.
        """
        if needs not in (OPEN, SIGNED_IN) and needs not in ACTIONS:
            raise DefinitionError(f"{method} {path} needs {needs!r}, which is no action")

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            content: dict[str, Any] = {}
            if gives is not None:
                content = {"application/json": {"schema": schema_of(gives)}}
            elif kind:
                content = {kind: {"schema": {"type": "string"}}}
            body = {"required": True, "content": {takes: {"schema": {"type": "string", "format": "binary"}}}}
            taken = {"requestBody": body} if takes else {}
            answer: dict[str, Any] = {"description": "As asked."} | ({"content": content} if content else {})
            answers: dict[int | str, Any] = {status: answer, **REFUSALS}
            if is_placed:
                answer["headers"] = _HEADERS["made"]
            elif method == "GET" and gives is not None:
                answer["headers"] = _HEADERS["read"]
                answers[304] = {"description": "It is what If-None-Match says.", "headers": _HEADERS["read"]}
            self.add_api_route(
                path, _answering(function, status), methods=[method], status_code=status, response_model=None,
                dependencies=[Depends(_Needs(needs))], responses=answers,
                openapi_extra={"x-needs": needs, **taken}, response_class=Response,
                operation_id=f"{method.lower()}_{self._name_of(path)}", **more,
            )  # fmt: skip
            return function

        return decorate

    def reads(self, path: str, *, needs: str, gives: Any = None, **more: Any) -> Callable[..., Any]:
        """A route that changes nothing."""
        return self.declare("GET", path, needs=needs, gives=gives, **more)

    def changes(self, path: str, *, needs: str, gives: Any = None, **more: Any) -> Callable[..., Any]:
        """A route that does something."""
        return self.declare("POST", path, needs=needs, gives=gives, **more)

    def removes(self, path: str, *, needs: str, gives: Any = None, **more: Any) -> Callable[..., Any]:
        return self.declare("DELETE", path, needs=needs, gives=gives, **more)

    def replaces(self, path: str, *, needs: str, gives: Any = None, **more: Any) -> Callable[..., Any]:
        return self.declare("PUT", path, needs=needs, gives=gives, **more)


def _answering(function: Callable[..., Any], status: int) -> Callable[..., Any]:
    """The function with what it gives made a response here: FastAPI's own way copies large answers piece by piece."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def answering(*args: Any, **kwargs: Any) -> Response:
            given = await function(*args, **kwargs)
            return given if isinstance(given, Response) else told(given, status)
    else:

        @functools.wraps(function)
        def answering(*args: Any, **kwargs: Any) -> Response:
            given = function(*args, **kwargs)
            return given if isinstance(given, Response) else told(given, status)

    return answering


def needs_of(route: BaseRoute) -> str:
    """The action that a route needs; empty: it says nothing."""
    for dependency in route.dependencies if isinstance(route, APIRoute) else ():
        if isinstance(dependency.dependency, _Needs):
            return dependency.dependency.action
    return ""


def undeclared(routes: Iterable[BaseRoute], mounts: Iterable[str]) -> list[str]:
    """Paths of routes that do not say what they need, other than these mounts."""
    allowed = set(mounts)
    return [
        str(getattr(route, "path", route))
        for route in routes
        if not needs_of(route) and not (isinstance(route, Mount) and route.path in allowed)
    ]
