"""Ready tasks in workers of a real engine."""

from __future__ import annotations

import contextlib
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
from partita import TaskClass, flow, task
from partita.components import http_request, read_parquet, shell, sql_execute, sql_query, write_parquet

fetch = http_request.with_options(secrets=["API_TOKEN"])

@flow
def asked(url: str) -> Any:
    return fetch(url, headers={"Authorization": "Bearer ${API_TOKEN}"})

@flow
def stored(url: str) -> Any:
    made = sql_execute(["create table a (n integer)", "insert into a values (1), (2)"], url)
    return write_parquet(sql_query.after(made)("select n from a order by n", url), Path("out/a.parquet"))

@task
def joined(left: str, right: str, *, sign: str = "-") -> str:
    return left + sign + right

joined_a = joined.partial(left="a").with_options(cache=True)

class Repeat(TaskClass, retries=1):
    times: int
    def run(self, text: str) -> str:
        return self.one(text) * self.times
    def one(self, text: str) -> str:
        return text

class Loud(Repeat):
    def one(self, text: str) -> str:
        return text.upper()

loud = Loud(times=2).task()

@flow
def inner(text: str, more: str) -> Any:
    return joined.partial(right=more).map([text, "q"])

always = inner.partial(more="z")

@flow
def special(text: str) -> Any:
    first = joined_a(text)
    return first, loud(first), always(first), joined_a.map([text, "y"])

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
    kept = []
    for file in (project.folder / ".partita").rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # an engine that ends removes what was its own, such as its socket
            if file.is_file():
                kept.append(file.read_bytes())
    assert kept and not any(b"s3cret-token" in content for content in kept)


def test_from_a_database_into_a_file(project: Project) -> None:
    path = project("stored", url=f"sqlite:///{project.folder}/a.db")
    from partita.components import read_parquet

    assert read_parquet(str(project.folder / path))["n"].tolist() == [1, 2]


def test_a_line_for_the_shell(project: Project) -> None:
    assert project("told", text="a $HOME b").stdout == "a $HOME b\n"


def test_specialised_tasks_run_on_workers(project: Project) -> None:
    assert project("special", text="b") == ("a-b", "A-BA-B", ["a-b-z", "q-z"], ["a-b", "a-y"])
    assert project("always", text="b") == ["b-z", "q-z"]
    assert project("always", text="b", more="c") == ["b-c", "q-c"]


YAML = """
inputs:
  text: str
steps:
  first:
    task: flows:joined_a
    with:
      right: ${{ inputs.text }}
  second:
    task: flows:joined_a
    with:
      left: c
      right: ${{ steps.first.output }}
  third:
    task: flows:loud
    with:
      text: ${{ steps.second.output }}
  fourth:
    task: flows:Loud.definition
    with:
      text: x
      times: 3
  fifth:
    task: flows:joined_a
    foreach: [r, s]
    with:
      right: ${{ item }}
outputs:
  third: ${{ steps.third.output }}
  fourth: ${{ steps.fourth.output }}
  fifth: ${{ steps.fifth.output }}
"""


def test_specialised_tasks_in_yaml(project: Project) -> None:
    (project.folder / "made.yaml").write_text(YAML)
    found = project("made.yaml:made", text="b")
    assert found == {"third": "C-A-BC-A-B", "fourth": "XXX", "fifth": ["a-r", "a-s"]}


FILES = """
from partita import File, flow
from partita.components import git_folder, http_file, json_file, read_csv, read_json, table_file

@flow
def passed(url: str) -> list:
    fetched = http_file.with_options(secrets=["API_TOKEN"])(url, "t.csv", headers={"X-Key": "${API_TOKEN}"})
    return [read_csv(fetched), read_json(json_file({"a": 1})), table_file([{"n": 1}], "t.parquet")]
"""


def test_files_pass_between_ready_tasks(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "s3cret")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"n\n1\n" if self.headers["X-Key"] == "s3cret" else b"wrong"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            return None

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        project.write(FILES)
        table, plain, file = project("passed", url=f"http://127.0.0.1:{server.server_port}/x")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert table["n"].tolist() == [1] and plain == {"a": 1} and file.name == "t.parquet" and file.size_bytes > 100
