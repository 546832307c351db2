"""Ready tasks in workers of a real engine."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

FLOWS = """
from pathlib import Path
from typing import Any
from partita import flow
from partita.components import http_request, read_parquet, shell, sql_execute, sql_query, write_parquet

fetch = http_request.with_options(secrets=["API_TOKEN"])

@flow
def asked(url: str) -> Any:
    return fetch(url, headers={"Authorization": "Bearer ${API_TOKEN}"})

@flow
def stored(url: str) -> Any:
    made = sql_execute(["create table a (n integer)", "insert into a values (1), (2)"], url)
    return write_parquet(sql_query.after(made)("select n from a order by n", url), Path("out/a.parquet"))

@flow
def told(text: str) -> Any:
    return shell("echo {text}", {"text": text})
"""


@pytest.fixture(autouse=True)
def _flows(project: Project) -> None:
    project.write(FLOWS)


def test_a_secret_reaches_the_server_and_no_record(project: Project, tmp_path: Path) -> None:
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: Any) -> None:
            return None

    (project.folder / ".env").write_text("API_TOKEN=s3cret-token\n")
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        response = project("asked", url=f"http://127.0.0.1:{server.server_port}/")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert response.body == b"ok" and seen == ["Bearer s3cret-token"]
    project.workspace.stop_engine()
    kept = [file for file in (project.folder / ".partita").rglob("*") if file.is_file()]
    assert kept and not [file for file in kept if b"s3cret-token" in file.read_bytes()]


def test_from_a_database_into_a_file(project: Project) -> None:
    path = project("stored", url=f"sqlite:///{project.folder}/a.db")
    from partita.components import read_parquet

    assert read_parquet(str(project.folder / path))["n"].tolist() == [1, 2]


def test_a_line_for_the_shell(project: Project) -> None:
    assert project("told", text="a $HOME b").stdout == "a $HOME b\n"
