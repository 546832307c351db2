"""One request: tried again where that is safe, against a server that answers what it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from partita import errors
from partita.client import Client

Answer = tuple[int, dict[str, str], bytes]


class Scripted:
    """A server on this machine that gives its answers one after the other, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                scripted.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                answers = scripted.answers
                status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response(status)
                for name, value in {"content-length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

            def log_message(self, *told: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    made = Scripted()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_an_address_that_speaks_no_https_is_said_to(scripted: Scripted) -> None:
    """Nobody has to look for a certificate where there is none."""
    scripted.answers = [(200, {}, b"{}")]
    with (
        pytest.raises(errors.EngineError, match="does not speak HTTPS"),
        Client(scripted.url.replace("http://", "https://"), token="x", patience_s=0) as client,
    ):
        client.run("r1")


def refused(status: int, title: str, detail: str = "so it is", **headers: str) -> Answer:
    body = json.dumps({"title": title, "status": status, "detail": detail}).encode()
    return status, {"content-type": "application/problem+json", **headers}, body


OK: Answer = (200, {"content-type": "application/json"}, b'{"id": "r1"}')


def test_what_there_is_no_room_for_is_tried_again_when_it_is_told(scripted: Scripted) -> None:
    scripted.answers = [refused(429, "BusyError", **{"retry-after": "0"}), refused(503, "EngineError"), OK]
    assert Client(scripted.url).run("r1")["id"] == "r1"
    assert len(scripted.asked) == 3


RUN: Answer = (200, {"content-type": "application/json"}, b'{"id": "r1", "run": "r1"}')


def test_what_starts_a_run_is_tried_again_by_its_key(scripted: Scripted) -> None:
    asked = Client(scripted.url)
    for start in (
        lambda: asked.launch("flows.py:x"),
        lambda: asked.rerun("r1"),
        lambda: asked.promote("train", 3, "prod"),
        lambda: asked.roll_back("train", "prod"),
        lambda: asked.check_gates("train@3", "prod"),
    ):
        scripted.asked.clear()
        scripted.answers = [refused(503, "EngineError", **{"retry-after": "0"}), RUN]
        start()
        keys = [headers["idempotency-key"] for _, _, headers in scripted.asked]
        assert len(keys) == 2
        assert len(set(keys)) == 1


def test_what_may_have_been_done_is_not_done_twice(scripted: Scripted) -> None:
    asked = Client(scripted.url)
    for act in (
        lambda: asked.resume("r1"),
        lambda: asked.promote_model("churn:3", "champion"),
        lambda: asked.remove_alias("churn", "champion"),
    ):
        scripted.asked.clear()
        scripted.answers = [refused(503, "EngineError", "it went away"), OK]
        with pytest.raises(errors.EngineError, match="it went away"):
            act()
        assert len(scripted.asked) == 1


def test_it_does_not_try_for_ever(scripted: Scripted) -> None:
    scripted.answers = [refused(429, "BusyError", **{"retry-after": "60"})]
    with pytest.raises(errors.BusyError) as caught:
        Client(scripted.url, patience_s=1.0).run("r1")
    assert caught.value.retry_after_s == 60
    assert len(scripted.asked) == 1


@pytest.mark.parametrize(("title", "kind"), [
    ("NotFoundError", errors.NotFoundError), ("StudyError", errors.StudyError), ("Problem", errors.RequestError),
    ("__doc__", errors.RequestError), ("nonsense", errors.RequestError), ("Any", errors.RequestError),
])  # fmt: skip
def test_errors_are_those_of_partita(title: str, kind: type[Exception], scripted: Scripted) -> None:
    scripted.answers = [refused(404, title)]
    with pytest.raises(kind, match="so it is"):
        Client(scripted.url).run("r1")


def test_a_token_follows_nobody_elsewhere(scripted: Scripted) -> None:
    scripted.answers = [(302, {"location": "http://evil.example/"}, b"")]
    with pytest.raises(errors.RequestError, match=r"evil\.example"):
        Client(scripted.url, "secret").run("r1")
    assert len(scripted.asked) == 1


def test_what_is_no_server_of_partita_is_told(scripted: Scripted) -> None:
    scripted.answers = [(200, {"content-type": "text/html"}, b"<html>")]
    with pytest.raises(errors.EngineError, match="no server of Partita"):
        Client(scripted.url).run("r1")
    scripted.answers = [(404, {"content-type": "text/html"}, b"<html>")]
    with pytest.raises(errors.EngineError, match="no server of Partita"):
        Client(scripted.url).run("r1")


def test_a_stream_goes_on_after_a_break(scripted: Scripted) -> None:
    def event(kind: str, data: Any) -> bytes:
        return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()

    chunk = {"step": 1, "attempt": 1, "path": "x", "text": "é", "next_offset": 2, "is_complete": False}
    stream = {"content-type": "text/event-stream"}
    scripted.answers = [
        (200, stream, b"retry: 1000\n\n: alive\n\n" + event("log", chunk)),
        (200, stream, event("log", {**chunk, "text": "b", "next_offset": 3}) + event("end", {})),
    ]
    assert [piece["text"] for piece in Client(scripted.url).follow_log("r1", 1)] == ["é", "b"]
    assert [path.rpartition("?")[2] for _, path, _ in scripted.asked] == ["offset=0", "attempt=1&offset=2"], (
        "the offset is one in the log of the first attempt, though there may be another one by now"
    )


def test_a_file_is_named_by_nobody_but_us(scripted: Scripted, tmp_path: Any) -> None:
    for told, name in (
        ('attachment; filename="../../evil"', "evil"), ('attachment; filename=".bashrc"', "bashrc"),
        ("attachment; filename*=utf-8''%C3%A9%2F..%2Fx.txt", "x.txt"), ("", "file"),
    ):  # fmt: skip
        scripted.answers = [(200, {"content-disposition": told}, b"data")]
        assert Client(scripted.url).download("x", tmp_path) == tmp_path / name
        assert (tmp_path / name).read_bytes() == b"data"
