"""The client, and the command line on a server: the same words, over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita import errors
from partita.client import Client, RemoteWorkspace
from tests.serving import Served, serving

PROJECT = Path(__file__).parents[1] / "browser" / "project"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("remote") / "shop"
    shutil.copytree(PROJECT, folder)
    made = serving(folder)
    yield made
    made.stop()


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(served.url, served.token) as made:
        yield made


@pytest.fixture
def partita(served: Served, tmp_path: Path):  # type: ignore[no-untyped-def]
    """The command line, in a folder that has no project."""

    def run(*words: str, stdin: str = "", status: int = 0, **variables: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "partita.cli", *words], cwd=tmp_path, input=stdin, text=True, capture_output=True, timeout=120,
            env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), **variables},
        )  # fmt: skip
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_a_run_from_its_launch_to_its_value(client: Client) -> None:
    run = client.launch("flows.py:squares", {"n": 4}, tags=["mine"])
    assert client.wait(run["id"])["state"] == "succeeded"
    assert client.result(run["id"]) == 14
    assert {step["path"] for step in client.steps(run["id"])} >= {"load", "total", "work[]/work[3]"}
    assert client.step(run["id"], "total")["preview"] == "14"
    assert "loading 4" in client.log(run["id"], client.step(run["id"], "load")["id"])
    assert run["id"] in {each["id"] for each in client.runs(text="squares")}
    assert [artifact["path"] for artifact in client.artifacts(run=run["id"], limit=2)]


def test_a_value_that_only_workers_open_is_described(partita, served: Served) -> None:  # type: ignore[no-untyped-def]
    on = {"PARTITA_TOKEN": served.token, "PARTITA_SERVER": served.url}
    assert partita("run", "blends.py:blended", **on).startswith("Model Blend of line, forest, inner")
    told = json.loads(partita("run", "blends.py:blended", "--json", "--quiet", **on))
    assert told["state"] == "succeeded" and told["result"]
    with Client(served.url, served.token) as client:
        assert "Blend" in json.dumps(client.result(told["id"]))


def test_lists_go_on_over_pages(client: Client) -> None:
    for n in range(3):
        client.wait(client.launch("flows.py:squares", {"n": n})["id"])
    numbers = [run["number"] for run in client.runs()]
    assert numbers == sorted(numbers, reverse=True)
    one_by_one = []
    before = 0
    while found := list(client.runs(limit=1, before=before)):
        one_by_one.append(found[0]["number"])
        before = found[0]["number"]
    assert one_by_one == numbers


def test_what_is_refused_is_the_error_that_it_was(client: Client, served: Served) -> None:
    with pytest.raises(errors.NotFoundError, match="there is no run 'zzz'"):
        client.run("zzz")
    with pytest.raises(errors.SignInError, match="not known"):
        Client(served.url, "partita_000000000000_" + "x" * 43).me()
    with pytest.raises(errors.SignInError, match="partita login"):
        Client(served.url).me()
    viewer = Client(served.url, client.create_token("v", "viewer")["secret"])
    with pytest.raises(errors.ForbiddenError, match="needs an editor"):
        viewer.launch("flows.py:squares")
    client.launch("flows.py:squares", {"n": 1}, key="one")
    with pytest.raises(errors.ConflictError, match="another key"):
        client.launch("flows.py:squares", {"n": 2}, key="one")
    with pytest.raises(errors.EngineError, match="cannot be reached"):
        Client("http://127.0.0.1:9", patience_s=0.1).me()


def test_events_come_as_they_happen(client: Client) -> None:
    heard = threading.Event()

    def listen() -> None:
        for changes in client.events():
            if any(topic == "run" for topic, _ in changes):
                heard.set()
                return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not heard.is_set() and time.monotonic() < until:
        client.launch("flows.py:squares", {"n": 1})
        heard.wait(0.5)
    assert heard.is_set()


def test_a_run_is_followed_over_the_servers_restart(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(PROJECT, folder)
    (folder / "slow.py").write_text(
        "import time\nfrom partita import flow, task\n\n@task\ndef long(s: float) -> int:\n    time.sleep(s)\n    return 7\n\n"
        "@flow\ndef slow(s: float) -> int:\n    return long(s)\n"
    )
    first = serving(folder)
    port = first.url.rpartition(":")[2]
    client = Client(first.url, first.token, patience_s=60)
    run = client.launch("slow.py:slow", {"s": 8.0})["id"]
    states: list[str] = []
    thread = threading.Thread(target=lambda: states.append(client.wait(run)["state"]), daemon=True)
    thread.start()
    time.sleep(1)
    first.process.kill()
    first.process.wait(20)
    assert first.process.stdout is not None
    first.process.stdout.close()
    second = serving(folder, "--port", port)
    try:
        thread.join(60)
        assert states == ["succeeded"]
        assert client.result(run) == 7
    finally:
        second.stop()


def test_the_workspace_of_a_server_is_a_workspace(served: Served, tmp_path: Path) -> None:
    workspace = RemoteWorkspace(Client(served.url, served.token))
    run = workspace.launch("flows.py:squares", texts={"n": "3"})
    version, is_final = 0, False
    while not is_final:
        news = workspace.watch(run, version, 10.0)
        version, is_final = news["version"], news["is_final"]
    assert workspace.run(run, with_result=True)["result"]
    assert len(workspace.steps(run, limit=1000)) == 7
    assert len(workspace.steps(run, after=2, limit=2)) == 2
    assert "".join(chunk["text"] for chunk in workspace.follow_logs(run)).count("working on") == 3
    (file,) = workspace.get_artifact(f"{run}:total", tmp_path / "total.json")
    assert json.loads(file.read_text()) == 5
    with pytest.raises(errors.RequestError, match="without --server"):
        _ = workspace.folder
    workspace.close()


def test_the_command_line_works_there(partita, served: Served, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    partita("login", served.url, stdin="nonsense\n", status=2)
    assert not (tmp_path / "config" / "partita" / "servers.json").exists()
    told = partita("login", served.url, stdin=served.token + "\n")
    assert "admin of shop" in told
    assert served.token not in told
    kept = tmp_path / "config" / "partita" / "servers.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    there = ("--server", served.url)
    assert "token:first admin" in partita(*there, "whoami")
    assert partita(*there, "run", "squares", "--n", "4", "--quiet") == "14\n"
    assert "squares" in partita("runs", "list", PARTITA_SERVER=served.url)
    assert "no errors" in partita(*there, "check", "squares")
    assert "total" in partita(*there, "artifacts", "list")
    assert "you are token:first admin" in partita(*there, "doctor")
    assert "trial" in partita(*there, "tune", "squares", "--space", "n=1..3", "--trials", "2", "--quiet")
    assert "cannot be done on a server" in partita(*there, "build", status=2)
    assert "cannot be done on a server" in partita(*there, "store", "migrate", status=2)
    assert "has no flow 'nope'" in partita(*there, "run", "nope", status=2)
    assert not (tmp_path / ".partita").exists(), "nothing is made of the folder in which one happens to be"
    partita("logout", served.url)
    assert "partita login" in partita(*there, "runs", "list", status=2)
    assert "squares" in partita(*there, "runs", "list", PARTITA_TOKEN=served.token)


def test_what_is_published_is_the_code_that_lies_here(partita, served: Served, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "partita.toml").write_text("")
    (tmp_path / "here.py").write_text("from partita import flow\n\n@flow\ndef only_here() -> int:\n    return 41 + 1\n")
    there = {"PARTITA_SERVER": served.url, "PARTITA_TOKEN": served.token}
    assert "only_here@1 is published" in partita("publish", "only_here", **there)
    assert partita("run", "only_here@1", "--quiet", **there) == "42\n"
    assert "only_here" in partita("flows", "list", **there)
