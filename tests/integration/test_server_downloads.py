"""Downloads whose client breaks off, or takes them slowly."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.serving import Served, serving
from tests.waiting import wait_until

SOURCE = """
import tempfile
from pathlib import Path
from partita import File, flow, task

@task
def parts(megabytes: int) -> dict[str, bytes]:
    return {name: bytes([number]) * (megabytes << 20) for number, name in enumerate("abc")}

@task
def one(megabytes: int) -> File:
    file = Path(tempfile.mkdtemp()) / "one file.bin"
    file.write_bytes(b"x" * (megabytes << 20))
    return File(file)

@flow
def values(megabytes: int = 8) -> dict[str, bytes]:
    one(megabytes)
    return parts(megabytes)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("downloads")
    (folder / "flows.py").write_text(SOURCE)
    copies = tmp_path_factory.mktemp("copies")
    made = serving(folder, environment={"TMPDIR": str(copies)})
    yield made
    made.stop()


@pytest.fixture(scope="module")
def run(served: Served) -> str:
    id = served.launch("flows.py:values")
    assert served.wait(id)["state"] == "succeeded"
    return id


@pytest.fixture(scope="module")
def copies(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return next(tmp_path_factory.getbasetemp().glob("copies*"))


def begun(served: Served, path: str, token: str = "") -> socket.socket:
    """A connection over which a download has begun, of which little is taken."""
    place = urlsplit(served.url)
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.settimeout(60)
    link.connect((place.hostname, place.port))
    secret = token or served.token
    link.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {secret}\r\n\r\n".encode())
    return link


def status(link: socket.socket) -> int:
    return int(link.recv(100).split(b" ", 2)[1])


def test_a_file_that_lies_there_already_is_not_copied(served: Served, run: str, copies: Path) -> None:
    answer = served.ask("GET", f"/api/v1/artifacts/files?name={run}:one")
    assert answer.data == b"x" * (8 << 20)
    assert "one%20file.bin" in answer.headers["content-disposition"]
    part = served.ask("GET", f"/api/v1/artifacts/files?name={run}:one", headers={"range": "bytes=5-9"})
    assert (part.status, part.data) == (206, b"xxxxx")


def test_nothing_is_left_of_a_download_that_breaks_off(served: Served, run: str, copies: Path) -> None:
    path = f"/api/v1/artifacts/files?name={run}:parts"
    for _ in range(12):  # more than one client may have at once
        with begun(served, path) as link:
            assert status(link) == 200
            assert not list(copies.glob("partita-download-*")), "what is sent has no name any more"
    wait_until(lambda: served.ask("GET", path).status == 200, 20.0)
    assert len(served.ask("GET", path).data) > 3 * (8 << 20)


def test_who_takes_downloads_slowly_leaves_some_to_others(served: Served, run: str) -> None:
    path = f"/api/v1/artifacts/files?name={run}:parts"
    slow = served.post("/api/v1/tokens", {"name": "slow", "role": "viewer"})["secret"]
    links = []
    try:
        for _ in range(8):
            links.append(begun(served, path, slow))
            assert status(links[-1]) == 200
        refused = served.ask("GET", path, token=slow)
        assert refused.status == 429 and refused.headers["retry-after"]
        assert served.ask("GET", path).status == 200
    finally:
        for link in links:
            link.close()
    wait_until(lambda: served.ask("GET", path, token=slow).status == 200, 20.0)
