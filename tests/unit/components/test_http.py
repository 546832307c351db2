"""Requests and downloads, against a real server on this machine."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from partita.components import HttpError, HttpResponse, http_download, http_request
from partita.components.http import is_passing
from partita.errors import DefinitionError


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock jumps where the task would wait."""
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        now[0] += seconds
        slept.append(seconds)

    monkeypatch.setattr("partita.components.http.time.sleep", sleep)
    monkeypatch.setattr("partita.components.http.time.monotonic", lambda: now[0])
    return slept


def test_a_get_gives_status_headers_and_body(server: Any) -> None:
    url = server.say("/a", headers={"Content-Type": "application/json; charset=utf-8"}, body=b'{"n": 1}')
    response = http_request(url, parameters={"q": "a b", "all": True, "id": ["1", "2"]})
    assert (response.status, response.json(), response.text) == (200, {"n": 1}, '{"n": 1}')
    assert response.headers["content-type"].startswith("application/json")
    assert server.asked[0][:2] == ("GET", "/a?q=a+b&all=true&id=1&id=2")


def test_the_text_is_in_the_encoding_that_the_server_names(server: Any) -> None:
    url = server.say("/a", headers={"Content-Type": "text/plain; charset=latin-1"}, body="é".encode("latin-1"))
    assert http_request(url).text == "é"


def test_a_compressed_body_is_unpacked(server: Any) -> None:
    url = server.say("/a", headers={"Content-Encoding": "gzip"}, body=gzip.compress(b"hello" * 100))
    assert http_request(url).body == b"hello" * 100


@pytest.mark.parametrize(
    ("given", "body", "kind"),
    [
        ({"json": {"a": [1]}}, b'{"a": [1]}', "application/json"),
        ({"form": {"a": "b c"}}, b"a=b+c", "application/x-www-form-urlencoded"),
        ({"data": "text"}, b"text", None),
    ],
)
def test_bodies(server: Any, given: dict[str, Any], body: bytes, kind: str | None) -> None:
    http_request(server.say("/a"), "POST", **given)
    assert server.asked[0][3] == body
    assert server.asked[0][2].get("content-type") == kind
    assert server.asked[0][2]["idempotency-key"]


def test_two_bodies_are_refused(server: Any) -> None:
    with pytest.raises(ValueError, match="only one of json="):
        http_request(server.say("/a"), "POST", json=1, data="x")


def test_a_status_that_is_not_allowed_is_an_error_with_the_answer(server: Any) -> None:
    url = server.say("/gone", 404, body=b"no such thing")
    with pytest.raises(HttpError, match=r"GET .*/gone was answered with 404 Not Found:\nno such thing") as caught:
        http_request(url)
    assert caught.value.response is not None and caught.value.response.status == 404
    assert len(server.asked) == 1
    assert not is_passing(caught.value)
    copied = pickle.loads(pickle.dumps(caught.value))
    assert copied.response == caught.value.response
    assert http_request(url, allowed_statuses=[404]).text == "no such thing"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_failing_server_is_asked_again(server: Any, no_pauses: list[float], status: int) -> None:
    url = server.say_in_turn("/a", (status, {}, b"later"), (status, {}, b"later"), (200, {}, b"now"))
    assert http_request(url).body == b"now"
    assert sum(no_pauses) == pytest.approx(1 + 2)


def test_it_waits_as_long_as_the_server_says(server: Any, no_pauses: list[float]) -> None:
    url = server.say_in_turn("/a", (429, {"Retry-After": "7"}, b""), (200, {}, b"now"))
    http_request(url)
    assert sum(no_pauses) == pytest.approx(7)


def test_a_long_wait_is_left_to_the_engine(server: Any, no_pauses: list[float]) -> None:
    url = server.say("/a", 503, {"Retry-After": "3600"})
    with pytest.raises(HttpError, match="asks to wait for 3600 s") as caught:
        http_request(url)
    assert not no_pauses and len(server.asked) == 1
    assert is_passing(caught.value)


def test_it_gives_up_after_its_tries(server: Any, no_pauses: list[float]) -> None:
    with pytest.raises(HttpError, match="500"):
        http_request(server.say("/a", 500), tries=3)
    assert len(server.asked) == 3


@pytest.mark.parametrize(("status", "count"), [(500, 1), (503, 2), (429, 2)])
def test_a_post_is_repeated_only_where_nothing_was_done(
    server: Any, no_pauses: list[float], status: int, count: int
) -> None:
    with pytest.raises(HttpError):
        http_request(server.say("/a", status), "POST", tries=2)
    assert len(server.asked) == count
    assert len({asked[2]["idempotency-key"] for asked in server.asked}) == 1


def test_nobody_listens(no_pauses: list[float]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(ConnectionError, match=f"GET {url} was not answered") as caught:
        http_request(url, tries=2)
    assert is_passing(caught.value) and sum(no_pauses) == pytest.approx(1)


def test_a_server_that_says_nothing_is_given_up(server: Any) -> None:
    def late(number: int) -> tuple[int, dict[str, str], bytes]:
        time.sleep(0.5)
        return 200, {}, b""

    server.answers["/a"] = late
    with pytest.raises(ConnectionError, match="timed out"):
        http_request(server.url + "/a", tries=1, timeout_s=0.1)


def test_an_address_that_is_none_is_not_tried_again(no_pauses: list[float]) -> None:
    with pytest.raises(ConnectionError):
        http_request("ftp://example.org/")
    assert not no_pauses


def test_secrets_are_filled_in_and_follow_no_redirect(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "s3cret")
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    server.say("/end", body=b"here")
    url = server.say("/begin", 302, {"Location": f"{elsewhere}/end"})
    response = http_request(url, headers={"X-Key": "key ${API_TOKEN}", "X-Open": "yes"})
    assert response.body == b"here"
    first, second = server.asked
    assert first[2]["x-key"] == "key s3cret" and "x-key" not in second[2]
    assert second[2]["x-open"] == "yes"
    assert response.url == f"{elsewhere}/end"


def test_a_secret_in_the_address_is_not_kept(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "s3cret")
    server.say("/a")
    assert http_request(server.url + "/a?key=${API_TOKEN}").url == server.url + "/a?key=${API_TOKEN}"
    assert server.asked[0][1] == "/a?key=s3cret"
    monkeypatch.setenv("API_TOKEN", "a b&c=d/é")
    http_request(server.url + "/a?key=${API_TOKEN}&n=1")
    assert server.asked[1][1] == "/a?key=a%20b%26c%3Dd%2F%C3%A9&n=1"
    monkeypatch.setenv("WHOLE", server.url + "/a?whole")
    http_request("${WHOLE}")
    assert server.asked[2][1] == "/a?whole"


def test_a_secret_that_is_not_there_is_named(server: Any) -> None:
    with pytest.raises(DefinitionError, match=r'header \'Authorization\' names \$\{NO_SUCH\}.*secrets=\["NO_SUCH"\]'):
        http_request(server.say("/a"), headers={"Authorization": "${NO_SUCH}"})
    assert not server.asked


def test_a_download_is_whole_or_not_there(server: Any, tmp_path: Path) -> None:
    data = bytes(range(256)) * 4000
    digest = hashlib.sha256(data).hexdigest()
    url = server.say("/file", body=data)
    path = tmp_path / "deep" / "file.bin"
    found = http_download(url, path, sha256=digest.upper())
    assert (found.path, found.size_bytes, found.sha256, found.url) == (path, len(data), digest, url)
    assert path.read_bytes() == data
    http_download(url, path, sha256=digest)
    assert len(server.asked) == 1  # it is there already

    with pytest.raises(ValueError, match="has the SHA-256 " + digest):
        http_download(url, path.with_name("other"), sha256="0" * 64)
    assert [file.name for file in path.parent.iterdir()] == ["file.bin"]


def test_a_download_that_breaks_off_leaves_nothing(server: Any, tmp_path: Path) -> None:
    url = server.say("/file", headers={"Content-Length": "1000"}, body=b"x" * 10)
    with pytest.raises(ConnectionError, match="broke off"):
        http_download(url, tmp_path / "file")
    assert not list(tmp_path.iterdir())


def test_an_answer_can_be_kept_as_a_value() -> None:
    response = HttpResponse(200, {}, b"\xff", "http://a/")
    assert pickle.loads(pickle.dumps(response)) == response
