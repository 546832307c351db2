"""Each request is counted and noted once, without what may be secret."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse, StreamingResponse

from partita.api.accounting import Accounting
from partita.protocol.access import Identity, Role


class Counting:
    def __init__(self) -> None:
        self.seen: list[tuple[str, str, int]] = []

    def count(self, route: str, method: str, status: int, took_s: float) -> None:
        assert took_s >= 0
        self.seen.append((route, method, status))


def app() -> FastAPI:
    made = FastAPI()

    @made.get("/runs/{run}/steps/{step}")
    async def step(run: str, step: int) -> PlainTextResponse:
        return PlainTextResponse(run)

    @made.get("/stream")
    async def stream() -> StreamingResponse:
        async def lines() -> Any:
            yield b"data: 1\n\n"
            yield b"data: 2\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")

    @made.get("/broken")
    async def broken() -> None:
        raise RuntimeError("of the inside")

    return made


def ask(path: str, query: str = "", **headers: str) -> tuple[Counting, list[Any]]:
    counting, sent = Counting(), []
    identity = Identity("ann\nforged", Role.VIEWER, "token", "abc")
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": path, "raw_path": path.encode(), "root_path": "",
        "query_string": query.encode(), "scheme": "http", "server": ("t", 80), "client": ("10.1.2.3", 5),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "partita.identity": identity,
    }  # fmt: skip

    asked = 0

    async def receive() -> Any:
        nonlocal asked
        asked += 1
        if asked > 1:  # a browser that stays
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Accounting(app(), counting)(scope, receive, send))  # type: ignore[arg-type]
    return counting, sent


def test_a_request_is_a_line_with_its_pattern_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "partita.server.requests")
    counting, sent = ask("/runs/abc123/steps/7", "token=partita_very_secret", authorization="Bearer partita_secret")
    assert counting.seen == [("/runs/{run}/steps/{step}", "GET", 200)]
    (record,) = caplog.records
    told = vars(record)
    assert told["route"] == "/runs/{run}/steps/{step}" and told["status"] == 200 and told["run"] == "abc123"
    assert told["who"] == "ann\nforged" and told["address"] == "10.1.2.3" and told["ms"] >= 0
    assert "\n" not in record.getMessage() and "secret" not in str(told)
    assert dict(sent[0]["headers"])[b"x-request-id"].decode() == told["request"]


@pytest.mark.parametrize("given, is_kept", [("a-b.C_9", True), ("x" * 65, False), ("a b", False), ("", False)])
def test_an_id_that_came_along_is_kept_where_it_is_one(given: str, is_kept: bool) -> None:
    _, sent = ask("/runs/abc/steps/7", x_request_id=given)
    assert (dict(sent[0]["headers"])[b"x-request-id"].decode() == given) is is_kept


def test_a_stream_is_counted_when_it_begins_and_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "partita.server.requests")
    counting, _ = ask("/stream")
    assert counting.seen == [("/stream", "GET", 200)] and len(caplog.records) == 1


def test_what_breaks_is_counted_as_such(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "partita.server.requests")
    with pytest.raises(RuntimeError):
        ask("/broken")
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_what_is_nowhere_has_no_pattern() -> None:
    assert ask("/partita_secret")[0].seen == [("", "GET", 404)]
