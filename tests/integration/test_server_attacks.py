"""What has been tried against other servers, tried against this one."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3

from partita.auth.attempts import attempt_token
from partita.values import pack
from partita.workspace import open_workspace
from tests.serving import Served, serving

PROJECT = Path(__file__).parents[1] / "browser" / "project"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("attacks") / "shop"
    shutil.copytree(PROJECT, folder)
    (folder / "secret.txt").write_text("the server's own file")
    made = serving(folder)
    made.wait(made.launch("flows.py:squares", n=2))
    yield made
    made.stop()


def raw(served: Served, request: bytes, timeout_s: float = 10.0) -> bytes:
    """What the server answers to these very bytes, until it closes or is silent."""
    place = urlsplit(served.url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=timeout_s) as link:
        link.sendall(request)
        answer = b""
        try:
            while part := link.recv(65536):
                answer += part
        except TimeoutError:
            pass
        return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def post(served: Served, path: str, body: bytes, kind: str, secret: str = "") -> urllib3.BaseHTTPResponse:
    headers = {"content-type": kind, "accept": "text/html" if not secret else "application/json"}
    if secret:
        headers["authorization"] = f"Bearer {secret}"
    return urllib3.request(
        "POST", served.url + path, body=body, headers=headers, redirect=False, retries=False, timeout=60.0
    )


def request(path: str, *headers: str, method: str = "GET", host: str = "localhost", body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *([f"Host: {host}"] if host else []), "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


#: Ways of writing a path that other servers matched with a rule that let them in, and then with a route behind it.
PATHS = [
    "/api/v1/runs/..;/", "/api/v1/runs;.css", "/api/v1/runs/.css", "/api/v1/runs.json", "//api/v1/runs", "/api//v1/runs",
    "/api/v1//runs", "/api/v1/runs//", "/api/v1/runs/", "/API/v1/runs", "/api/V1/Runs", "/api/v1/runs%2f", "/api/v1%2fruns",
    "/api%2fv1%2fruns", "/static/../api/v1/runs", "/static/%2e%2e/api/v1/runs", "/static/..%2fapi/v1/runs", "/./api/v1/runs",
    "/sign-in/../api/v1/runs", "/sign-in/..;/api/v1/runs", "/sign-in%2f..%2fapi%2fv1%2fruns", "/sign-in;/api/v1/runs",
    "/api/v1/runs%00", "/api/v1/runs%00.css", "/api/v1/runs?x=/static/page.css", "/api/v1/runs%3f", "/api/v1/runs%23",
    "/api/v1/%72uns", "/api/v1/runs%20", "/api/v1/runs%09", "/api/v1/runs\\", "/api/v1/runs%5c", "/api/v1/./runs",
    "/api/v1/x/../runs", "/api/v1/runs/latest/result/", "/runs/", "/runs/%2e%2e/settings", "http://localhost/api/v1/runs",
    "/api/v1/runs/%2e%2e/tokens", "/static/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc/passwd", "/static/....//....//etc/passwd",
    "/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static/..%5c..%5cpages.py", "/" + "a" * 20_000,
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:60])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "HEAD", "OPTIONS", "TRACE"])
def test_no_way_of_writing_a_path_gets_around_the_token(path: str, method: str, served: Served) -> None:
    answer = raw(served, request(path, "Accept: application/json", "Content-Length: 0", method=method))
    assert status(answer) in (301, 303, 307, 400, 401, 403, 404, 405, 414, 421, 431), answer[:300]
    assert b"squares" not in answer
    assert b"root:" not in answer
    if status(answer) in (301, 303, 307):  # to the same server only, and there it is asked who comes
        (location,) = [line for line in answer.split(b"\r\n") if line.lower().startswith(b"location:")]
        assert location.split(b": ", 1)[1].startswith((b"/sign-in", b"http://localhost/"))


@pytest.mark.parametrize("host", [
    "", "evil.example", "evil.example:7878", "127.0.0.1.evil.example", "localhost.evil.example", "localhost@evil.example",
    "evil.example/localhost", "192.168.1.7", "0.0.0.0", "[fe80::1]", "localhost evil", "169.254.169.254", "localhost:80:80",
])  # fmt: skip
def test_another_name_of_the_server_is_refused(host: str, served: Served) -> None:
    answer = raw(served, request("/api/v1/runs", f"Authorization: Bearer {served.token}", host=host))
    assert status(answer) in (400, 421), answer[:300]


def test_two_names_are_refused(served: Served) -> None:
    answer = raw(served, request("/api/v1/runs", "Host: evil.example", f"Authorization: Bearer {served.token}"))
    assert status(answer) in (400, 421), answer[:300]


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "127.0.0.1", "127.0.0.1:7878", "[::1]:7878", "localhost:1"])
def test_names_of_this_machine_are_known(name: str, served: Served) -> None:
    answer = raw(served, request("/api/v1/runs", f"Authorization: Bearer {served.token}", host=name))
    assert status(answer) == 200, answer[:300]


@pytest.mark.parametrize("path", ["/", "/api/v1/events", "/api/v1/runs/latest/events"])
def test_there_are_no_websockets(path: str, served: Served) -> None:
    answer = raw(
        served,
        request(
            path, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13", "Accept: application/json",
        ),
        3.0,
    )  # fmt: skip
    assert status(answer) in (400, 401, 403, 426), answer[:200]


@pytest.mark.parametrize(
    "path", ["/api/v1/events", "/api/v1/runs/latest/events", "/api/v1/runs/latest/steps/1/log/events"]
)
def test_streams_need_a_token_like_everything(path: str, served: Served) -> None:
    assert served.ask("GET", path, token="").status == 401
    assert served.ask("GET", f"{path}?token={served.token}&access_token={served.token}", token="").status == 401


def test_the_token_of_an_attempt_is_for_its_own_run(served: Served) -> None:
    mine, other = (served.launch("flows.py:squares", n=n) for n in (1, 2))
    for run in (mine, other):
        served.wait(run)
    workspace = open_workspace(served.folder)
    token = attempt_token(workspace.access_key(), mine, 1, 1, time.time() + 600)
    workspace.close()
    assert served.ask("GET", f"/api/v1/runs/{mine}", token=token).status == 200
    for path in (
        f"/runs/{other}",
        f"/runs/{other}/steps",
        "/runs",
        "/runs/latest",
        f"/runs/{mine[:6]}",
        f"/runs/{mine}/../{other}",
    ):
        assert served.ask("GET", f"/api/v1{path}", token=token).status in (403, 404), path
    assert served.ask("GET", f"/api/v1/runs/{mine}/compare/{other}", token=token).status == 403
    assert served.ask("POST", f"/api/v1/runs/{mine}/cancel", {}, token=token).status == 403
    assert served.ask("GET", f"/api/v1/runs/{other}", token=token[:-4] + "AAAA").status == 401


WILD = [
    "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "/etc/passwd", "%2fetc%2fpasswd", "....//....//secret.txt",
    "..\\..\\secret.txt", "latest/../../secret.txt", "latest:../../secret.txt", "file:///etc/passwd", "secret.txt",
    ".partita/key", "' OR '1'='1", "1; DROP TABLE run; --", "\" UNION SELECT 1,2,3 --", "%' AND 1=1 --", "*", "%", "_" * 40,
    "\u202e", "é" * 100, "a" * 5000, "-1", "0x10", "1e999", "null", "${jndi:ldap://x}", "{{7*7}}", "%00", "%0d%0aSet-Cookie:x=y",
]  # fmt: skip


@pytest.mark.parametrize("wild", WILD, ids=lambda wild: wild[:30])
def test_names_and_filters_are_texts_and_nothing_else(wild: str, served: Served) -> None:
    from urllib.parse import quote

    part = wild if "%" in wild else quote(wild, safe="")
    addresses = [
        f"/api/v1/runs/{part}", f"/api/v1/runs/{part}/steps", f"/api/v1/runs/latest/steps/{part}/log",
        f"/api/v1/artifacts/one?name={part}", f"/api/v1/artifacts/files?name={part}&raw=true",
        f"/api/v1/artifacts/blobs/{part}", f"/api/v1/artifacts/lineage?name={part}", f"/api/v1/models/{part}", f"/api/v1/models/{part}/files", f"/api/v1/studies/{part}", f"/runs/{part}",
        f"/api/v1/runs/latest/step?path={part}",
    ]  # fmt: skip
    for address in addresses:
        answer = served.ask("GET", address)
        assert answer.status in (303, 400, 404, 422), (address, answer.status, answer.data[:300])
        assert b"root:" not in answer.data
        assert b"the server's own file" not in answer.data
        assert "set-cookie" not in answer.headers or "x=y" not in answer.headers["set-cookie"]
    filters = ["runs?text=", "runs?flow=", "runs?cursor=", "audit?who=", "audit?target=", "artifacts?flow=", "artifacts?kind=",
               "artifacts?cursor=", "cache?task=", "history?task=", "components?words=", "models?text=", "flows?text="]  # fmt: skip
    for name in filters:
        answer = served.ask("GET", f"/api/v1/{name}{part}")
        assert answer.status in (200, 400, 404, 422), (name, answer.status, answer.data[:300])
    assert served.get("/api/v1/runs")["items"], "the runs are still there"


def test_a_filter_finds_texts_with_signs_of_the_database(served: Served) -> None:
    assert served.get("/api/v1/runs?text=squares")["items"]
    for text in ("%25", "_", "squares'", "sq%25s", "s_uares"):
        assert not served.get(f"/api/v1/runs?text={text}")["items"], text


def test_a_machines_file_is_a_text_and_no_path(served: Served) -> None:
    body = {"flow": "flows.py:squares", "inputs": {"n": 2}, "machines": str(served.folder / "secret.txt")}
    answer = served.ask("POST", "/api/v1/flows/plan", body)
    assert answer.status == 422
    assert b"own file" not in answer.data
    assert served.ask("POST", "/api/v1/flows/plan", {**body, "machines": "", "nodes": "/etc/passwd"}).status == 422


def test_machines_on_which_no_time_is_a_number_are_refused(served: Served) -> None:
    machines = "nodes: [{id: n, capacity: {cpu: 1}, speed: 1.0e-320}]"
    answer = served.ask(
        "POST", "/api/v1/flows/plan", {"flow": "flows.py:squares", "inputs": {"n": 2}, "machines": machines}
    )
    assert answer.status == 422 and b"the speed of node n is" in answer.data, answer.data


# Forged requests


@pytest.fixture(scope="module")
def session(served: Served) -> str:
    """What the cookie of a browser holds that is signed in."""
    return served.session()


def forged(served: Served, session: str, *headers: str, body: bytes = b"{}", kind: str = "application/json") -> int:
    """Launching, as a browser does it that is signed in."""
    place = urlsplit(served.url)
    return status(raw(served, request(
        "/api/v1/runs/zzzz/cancel", f"Cookie: partita-session={session}", f"Content-Type: {kind}",
        f"Content-Length: {len(body)}", *headers, method="POST", host=place.netloc, body=body,
    )))  # fmt: skip


def test_what_another_site_makes_a_browser_send_is_refused(served: Served, session: str) -> None:
    from partita.api.guard import csrf_of

    own, word = f"Origin: {served.url}", f"X-Partita-CSRF: {csrf_of(session)}"
    assert forged(served, session, own, word) == 404  # let in: there is no such run
    assert forged(served, session, own) == 403
    assert forged(served, session, own, "X-Partita-CSRF: " + "0" * 32) == 403
    assert forged(served, session, own, "X-Partita-CSRF: é") == 403
    for origin in (
        "https://evil.example",
        "null",
        served.url.replace("http:", "https:") + "0",
        "http://localhost.evil.example",
    ):
        assert forged(served, session, f"Origin: {origin}", word) == 403, origin
    for site in ("cross-site", "same-site"):
        assert forged(served, session, own, word, f"Sec-Fetch-Site: {site}") == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        assert forged(served, session, own, kind=kind) == 403, kind
    form = f"csrf={csrf_of(session)}".encode()
    assert forged(served, session, own, body=form, kind="application/x-www-form-urlencoded") in (404, 422)
    assert (
        forged(served, session, "Origin: https://evil.example", body=form, kind="application/x-www-form-urlencoded")
        == 403
    )


def test_a_browser_keeps_no_token(served: Served) -> None:
    """What lies in it is worth nothing elsewhere, and ends with the token that it was signed in with."""
    made = served.post("/api/v1/tokens", {"name": "of a browser", "role": "editor", "scopes": ["runs:*", "tokens:own"]})
    secret, id = made["secret"], made["token"]["id"]
    first, second = served.session(secret), served.session(secret)
    assert first != second and made["secret"] not in (first, second)

    def me(session: str) -> urllib3.BaseHTTPResponse:
        return served.ask("GET", "/api/v1/me", token="", headers={"cookie": f"partita-session={session}"})

    told = me(first).json()
    assert (told["name"], told["role"], told["kind"]) == ("token:of a browser", "editor", "session")
    assert told["scopes"] == ["runs:*", "tokens:own"]
    assert me(secret).status == 401, "a token is no session"
    assert served.ask("GET", "/api/v1/me", token=first).status == 401, "a session is no token"
    listed = [each for each in served.get("/api/v1/sessions") if each["token"] == id]
    assert len(listed) == 2 and not {first, second} & set(str(listed).split("'"))
    assert served.ask("DELETE", f"/api/v1/sessions/{listed[0]['id']}").status == 204
    assert [me(session).status for session in (first, second)] == [200, 401], "the newer one comes first in the list"
    assert served.ask("DELETE", f"/api/v1/tokens/{id}").status == 200
    assert me(first).status == 401 and not [it for it in served.get("/api/v1/sessions") if it["token"] == id]


def test_a_session_makes_no_token_that_outlives_its_own(served: Served) -> None:
    from partita.api.guard import csrf_of

    made = served.post("/api/v1/tokens", {"name": "short", "role": "admin", "expires_in_s": 600})
    session = served.session(made["secret"])
    headers = {"cookie": f"partita-session={session}", "x-partita-csrf": csrf_of(session), "origin": served.url}
    body = {"name": "long", "role": "admin", "expires_in_s": 7200}
    refused = served.ask("POST", "/api/v1/tokens", body, token="", headers=headers)
    assert refused.status == 403 and b"ends no later" in refused.data
    assert served.ask("POST", "/api/v1/tokens", {**body, "expires_in_s": 60}, token="", headers=headers).status == 201


def test_nobody_is_signed_in_by_another_site(served: Served) -> None:
    body = f"token={served.token}".encode()
    for header in ("Origin: https://evil.example", "Sec-Fetch-Site: cross-site"):
        answer = raw(served, request(
            "/sign-in", "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}", header,
            method="POST", body=body,
        ))  # fmt: skip
        assert status(answer) == 403
        assert b"set-cookie" not in answer.lower()


@pytest.mark.parametrize("next", [
    "//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "/%0d%0aSet-Cookie:x=y",
    "/\r\nSet-Cookie: x=y", "/\t/evil.example", " //evil.example", "/a\nb", "///evil.example", "/..//evil.example", "evil.example",
])  # fmt: skip
def test_signing_in_leads_to_this_server_only(next: str, served: Served) -> None:
    from urllib.parse import urlencode, urljoin

    form = urlencode({"token": served.token, "next": next}).encode()
    answer = post(served, "/sign-in", form, "application/x-www-form-urlencoded")
    assert answer.status == 303
    location = answer.headers["location"]
    assert urlsplit(urljoin(served.url, location)).netloc == urlsplit(served.url).netloc, location
    assert not location.startswith(("//", "/\\"))
    assert "\n" not in location
    assert "x=y" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize("cookie", [
    "partita-session=", "partita-session", "=;=;=", "partita-session=\xff\xfe", "partita-session=a b c", "a=b; " * 2000,
    'partita-session="unclosed', "partita-session=x; partita-session=y", "$Version=1; partita-session=z", "partita-session=%00",
    "partita-session=" + "x" * 8000, "__Host-partita-session=x", "partita-session={};Path=/", "\x7f=\x7f",
])  # fmt: skip
def test_odd_cookies_are_nobodys(cookie: str, served: Served) -> None:
    answer = raw(served, request("/api/v1/me", f"Cookie: {cookie}"))
    assert status(answer) in (400, 401, 431), answer[:300]


@pytest.mark.parametrize("value", [
    "Bearer", "Bearer ", "bearer\t", "Basic x", "Bearer é", "Bearer " + "x" * 9000, "Bearer partita_" + "\x00", "", "Bearer a b",
])  # fmt: skip
def test_odd_tokens_are_nobodys(value: str, served: Served) -> None:
    answer = raw(served, request("/api/v1/me", f"Authorization: {value}"))
    assert status(answer) in (400, 401, 431), answer[:300]


# Bodies


def test_a_body_that_is_too_large_is_refused(served: Served) -> None:
    bearer = f"Authorization: Bearer {served.token}"
    told = request(
        "/api/v1/runs", bearer, "Content-Type: application/json", "Content-Length: 99999999999", method="POST"
    )
    assert status(raw(served, told)) == 413
    for length in ("-1", "+1", "1e3", "0x10", "1, 2", "²"):
        answer = raw(served, request("/api/v1/runs", bearer, f"Content-Length: {length}", method="POST", body=b"{}"))
        assert status(answer) in (0, 400, 413), (length, answer[:200])
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    untold = request(
        "/api/v1/runs", bearer, "Content-Type: application/json", "Transfer-Encoding: chunked", method="POST"
    )
    assert status(send_slowly(served, untold, [chunk] * 40)) == 413


def test_a_body_of_who_may_not_is_not_even_read(served: Served) -> None:
    viewer = served.post("/api/v1/tokens", {"name": "looks", "role": "viewer"})["secret"]
    for secret, expected in (("", 401), (viewer, 403)):
        answer = post(served, "/api/v1/runs", b"{ this is no JSON", "application/json", secret)
        assert answer.status == expected, answer.data[:300]


def test_a_body_that_is_told_twice_is_refused(served: Served) -> None:
    smuggled = request(
        "/api/v1/runs", f"Authorization: Bearer {served.token}", "Content-Length: 4", "Transfer-Encoding: chunked", method="POST",
        body=b"0\r\n\r\nGET /api/v1/tokens HTTP/1.1\r\nHost: localhost\r\n\r\n",
    )  # fmt: skip
    answer = raw(served, smuggled, 3.0)
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert b'"role"' not in answer


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"flow": "\\ud800"}', b'{"flow": 1e999}', b"[" * 100_000, b'{"a":' * 5000,
    b'{"flow": "flows.py:squares", "inputs": {"n": NaN}}', b'{"flow": "flows.py:squares", "inputs": {"n": 1e400}}',
    b'{"flow": "flows.py:squares", "inputs": {"n": "\\ud800"}}', b'{"flow": "flows.py:squares\\u0000"}',
    b'{"flow": "flows.py:squares", "inputs": {"n": ' + b"9" * 400 + b"}}", b'{"flow": "flows.py:squares", "nonsense": 1}',
    b'{"flow": "flows.py:squares", "priority": 99999999999999999999}', b'{"flow": "flows.py:squares", "weight": -1}',
    b'{"flow": "flows.py:squares", "inputs": {"n": ' + b"[" * 500 + b"]" * 500 + b"}}", b'{"flow": "' + b"x" * 600 + b'"}',
])  # fmt: skip
def test_odd_bodies_are_refused_in_words(body: bytes, served: Served) -> None:
    answer = post(served, "/api/v1/runs", body, "application/json", served.token)
    assert answer.status in (400, 422), (answer.status, answer.data[:300])
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.data)["detail"]


# Slow clients


def send_slowly(served: Served, head: bytes, parts: list[bytes], pause_s: float = 0.0) -> bytes:
    place = urlsplit(served.url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=60) as link:
        link.sendall(head)
        answer = b""
        try:
            for part in parts:
                time.sleep(pause_s)
                link.sendall(part)
            while piece := link.recv(65536):
                answer += piece
        except (ConnectionError, BrokenPipeError):
            link.settimeout(1.0)
            try:
                while piece := link.recv(65536):
                    answer += piece
            except OSError:
                pass
        return answer


def test_a_client_that_never_finishes_its_head_is_dropped(served: Served) -> None:
    """A drop now and then keeps no connection open."""
    place = urlsplit(served.url)
    began = time.monotonic()
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=60) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        link.settimeout(0.5)
        is_open = True
        while is_open and time.monotonic() - began < 40:
            try:
                link.sendall(b"X-Drop: 1\r\n")
                is_open = link.recv(65536) not in (b"",) and False
            except TimeoutError:
                continue
            except OSError:
                is_open = False
    assert not is_open, "the connection was still open after 40 s"
    assert time.monotonic() - began > 2


def test_a_client_that_says_nothing_is_dropped(served: Served) -> None:
    place = urlsplit(served.url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=40) as link:
        assert link.recv(1000).startswith(b"HTTP/1.1 408 ")
        assert link.recv(10) == b""


def test_slow_clients_take_no_room_from_others(served: Served) -> None:
    place = urlsplit(served.url)
    links = [socket.create_connection((place.hostname or "", place.port or 0), timeout=10) for _ in range(300)]
    try:
        for link in links:
            link.sendall(b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n")
        began = time.monotonic()
        assert served.ask("GET", "/api/v1/runs").status == 200
        assert time.monotonic() - began < 5
    finally:
        for link in links:
            link.close()


def test_downloads_are_never_shown_by_a_browser(served: Served) -> None:
    answer = served.ask("GET", "/api/v1/artifacts/files?name=total")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("priority", ["+-5", "²", "9" * 5000, "1000001"])
def test_a_priority_that_is_none_is_refused_in_the_form(served: Served, priority: str) -> None:
    answer = served.form("/flows/flows.py:squares", **{"in.n": "2", "priority": priority})
    assert answer.status == 422 and b"whole number" in answer.data


@pytest.mark.parametrize(
    "method, path, fields",
    [
        ("POST", "/runs/latest/steps/99999999999999999999/decide", {"verdict": "approve"}),
        ("POST", "/runs/latest/steps/99999999999999999999/answer", {"value": "1"}),
        ("POST", "/runs/latest/steps/-1/answer", {"value": "1"}),
        ("GET", "/studies/a%00b", {}), ("GET", "/studies/a%00b/-/picture.svg?kind=history", {}),
        ("GET", "/studies/a%00b/-/trials.csv", {}),
        ("GET", "/models/m/" + "9" * 5000, {}), ("GET", "/models/m/" + "9" * 5000 + "/-/card", {}),
        ("POST", "/models/m/-/describe", {"version": "9" * 5000}), ("POST", "/models/m/-/describe", {"version": "²"}),
        ("GET", "/flows/m?version=" + "9" * 5000, {}),
        ("POST", "/published/m/stages", {"stage": "prod", "version": "9" * 5000}),
    ],
    ids=lambda part: part[:40] if isinstance(part, str) else "",
)  # fmt: skip
def test_numbers_and_names_that_there_cannot_be_are_refused(
    served: Served, method: str, path: str, fields: dict[str, str]
) -> None:
    if method == "GET":
        answer = served.ask("GET", path, headers={"accept": "text/html"})
    else:
        answer = served.form(path, **fields)
    assert answer.status in (404, 422), answer.data[:500]


def test_a_malformed_record_takes_no_page_down(served: Served) -> None:
    run = served.launch("shelf.py:shelf", rows=20)
    assert served.wait(run)["state"] == "succeeded"
    kept = list((served.folder / ".partita").rglob("*.preview"))
    assert kept
    table = {"kind": "table", "rows": 1, "columns": [["a", "int"]], "head": [["1"]], "numbers": [1]}
    for record in (table, {**table, "columns": 3}, {"kind": ["table"]}, {"kind": "image", "png": "text"}):
        for file in kept:
            file.chmod(0o644)
            file.write_bytes(pack(record))
        for name in ("sales", "matrix", "picture"):
            page = served.ask("GET", f"/artifacts/item?name={run}:{name}", headers={"accept": "text/html"})
            assert page.status == 200 and b"What it shows" in page.data, (record, name, page.status)


def test_tokens_that_nobody_knows_are_refused_with_a_time_and_others_are_not(served: Served) -> None:
    """The last test of the module: it leaves the address without tries."""
    from partita.protocol.access import new_secret

    answers = [served.ask("GET", "/api/v1/me", token=new_secret("token")[1]) for _ in range(80)]
    assert answers[0].status == 401 and answers[-1].status == 429
    assert int(answers[-1].headers["retry-after"]) >= 1 and answers[-1].json()["title"] == "TooOftenError"
    assert served.ask("GET", "/api/v1/me").status == 200
    made = served.post("/api/v1/tokens", {"name": "new", "role": "viewer"})["secret"]
    assert served.ask("GET", "/api/v1/me", token=made).status == 200
