"""What stands before every route, by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from starlette.types import Scope

from partita.api import guard
from partita.api.guard import Guard
from partita.api.identifying import Identifying
from partita.api.pool import Pool
from partita.api.state import ServerSettings
from partita.workspace import open_workspace


def ask(tmp_path: Path, *messages: dict[str, Any], headers: list[tuple[bytes, bytes]] = ()) -> list[Any]:  # type: ignore[assignment]
    """What a route receives that listens for its client after a long time."""
    received: list[Any] = []
    left = list(messages)

    async def receive() -> Any:
        await asyncio.sleep(0)
        return left.pop(0)

    async def send(message: Any) -> None:
        received.append(message)

    async def route(scope: Any, receiving: Any, sending: Any) -> None:
        received.extend([await receiving() for _ in messages])

    def tell_stale(scope: Scope, detail: str) -> Response:
        raise AssertionError(detail)

    async def asking() -> None:
        identifying = Identifying(Pool(lambda: open_workspace(tmp_path)))
        made = Guard(route, ServerSettings(), identifying, frozenset(), tell_stale)
        scope = {"type": "http", "method": "GET", "path": "/x", "headers": [(b"host", b"localhost"), *headers]}
        await made(scope, receive, send)

    asyncio.run(asking())
    return received


def test_what_has_no_body_is_not_late_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download that took long to be made listens for the end of its client."""
    monkeypatch.setattr(guard, "_BODY_S", 0.0)
    empty, gone = {"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}
    assert ask(tmp_path, empty, gone) == [empty, gone]
    with pytest.raises(Exception, match="body did not come"):
        ask(tmp_path, empty, headers=[(b"content-length", b"5")])
