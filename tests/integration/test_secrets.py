"""Secrets on a real engine: set, used and rotated, with nothing left of them anywhere."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from partita.clock import SystemClock
from partita.core.resources import Pool
from partita.engine.book import Book
from partita.engine.lanes import Lanes
from partita.engine.loop import Engine
from partita.engine.values import ValueCache
from partita.errors import EngineError, SecretError, StepError
from partita.store.sqlite import SqliteStore
from partita.workspace.naming import new_run_id
from tests.contract.postgres_server import new_schema
from tests.contract.remote_executors import remote_executor
from tests.integration.conftest import Project
from tests.integration.engines import engine_pid, stop_engine
from tests.integration.test_several_engines import make_machines

pytestmark = pytest.mark.integration

FIRST, SECOND = 'fir5t/v@lue+"1"-Zq', "s3cond value & more"
KEY = base64.b64encode(bytes(range(32))).decode()

FLOWS = """
import base64, html, json, os, subprocess, urllib.parse
from pathlib import Path
from partita import File, Html, command, context, flow, task

def encoded(value):
    data = value.encode()
    return {
        "plain": value, "base64": [base64.b64encode(b"x" * n + data + b"yz").decode() for n in range(3)],
        "urlsafe": [base64.urlsafe_b64encode(b"x" * n + data + b"yz").decode() for n in range(3)],
        "percent": [urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value)], "hex": data.hex(),
        "json": json.dumps(value), "html": html.escape(value),
    }

@task(secrets=["TOKEN"])
def length() -> int:
    print("using", os.environ["TOKEN"])
    return len(os.environ["TOKEN"])

@task(secrets=["TOKEN"])
def leaks(how: str) -> int:
    value = os.environ["TOKEN"]
    told = encoded(value)
    print(json.dumps(told))
    for name, form in told.items():
        print(name, form)
    subprocess.run(["sh", "-c", 'printf %s "$TOKEN" | base64; echo "from below $TOKEN"'], check=True)
    context().progress(1, 2, f"with {told}")
    context().report(f"loss {value}", 1.0)
    if how == "raise":
        error = ValueError(f"bad token {value} {told}")
        error.add_note(f"note {told['base64']}")
        raise error
    return 1

@task(secrets=["TOKEN"])
def page() -> Html:
    return Html(f"<p>{html.escape(os.environ['TOKEN'])}</p>")

@task(secrets=["TOKEN"])
def table() -> File:
    Path("told.csv").write_text("name,value\\n" + f'token,{base64.b64encode(os.environ["TOKEN"].encode()).decode()}\\n')
    return File("told.csv")

@task(secrets=["TOKEN"])
def text() -> bytes:
    return ("x" * 5000 + os.environ["TOKEN"]).encode()

printed = command('printf "%s" "$TOKEN" | base64', secrets=["TOKEN"])

@task
def curious() -> list:
    found = [dict(os.environ)]
    pid = os.getpid()
    while pid > 1:
        for name in ("environ", "cmdline"):
            try:
                found.append(Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace"))
            except OSError:
                pass
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    wanted = [base64.b64decode(part).decode() for part in Path("wanted").read_text().split()]
    return [sum(text in str(found) for text in wanted), len(found), "HOME" in str(found)]

@flow
def measured() -> int:
    return length()

@flow
def leaking(how: str = "raise") -> int:
    return leaks(how)

@flow
def shown() -> list:
    return [page(), table(), printed()]

@flow
def looking() -> list:
    return curious()
"""


def forms(value: str) -> list[bytes]:
    """Parts of what the value is encoded to, that stand in nothing else."""
    data = value.encode()
    cores = [base64.b64encode(b"x" * before + data)[4:-4] for before in range(3)]
    return [data, *cores, *(core.translate(bytes.maketrans(b"+/", b"-_")) for core in cores), data.hex().encode(),
            quote(value, safe="").encode()]  # fmt: skip


def leaks_in(folder: Path, *values: str, but: tuple[str, ...] = ()) -> list[tuple[str, bytes]]:
    """Files that hold a value, or what it is encoded to, except in these folders."""
    found = []
    for file in folder.rglob("*"):
        if file.is_file() and file.relative_to(folder).parts[0] not in but:
            data = file.read_bytes()
            found += [(str(file), form) for value in values for form in forms(value) if form in data]
    return found


@pytest.fixture
def secret_project(project: Project) -> Project:
    project.write(FLOWS)
    return project


def test_set_run_rotate_run(secret_project: Project) -> None:
    project, workspace = secret_project, secret_project.workspace
    assert workspace.secrets() == []
    workspace.set_secret("TOKEN", FIRST, "ann")
    pid = engine_pid(project)
    first = project.start("measured")
    assert project.result(first) == len(FIRST)
    workspace.set_secret("TOKEN", SECOND, "bo")
    assert project("measured") == len(SECOND)
    assert engine_pid(project) == pid
    (view,) = workspace.secrets()
    assert (view["name"], view["version"], view["created_by"], view["rotated_by"]) == ("TOKEN", 2, "ann", "bo")
    assert view["rotated_at"] > view["created_at"]
    assert "".join(chunk["text"] for chunk in workspace.logs(first.id)) == "using ***\n"
    assert (workspace.state / "store.db-wal").stat().st_size and leaks_in(workspace.state, FIRST, SECOND) == []
    assert workspace.rekey_secrets() == 1
    assert project("measured") == len(SECOND)
    stop_engine(project)
    assert leaks_in(workspace.state, FIRST, SECOND) == []
    assert project("measured") == len(SECOND)
    workspace.remove_secret("TOKEN")
    with pytest.raises(StepError, match="partita secrets set TOKEN"):
        project("measured")


def test_what_is_stored_wins_over_the_environment_and_the_file(
    secret_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "of the environment")
    (secret_project.folder / ".env").write_text("TOKEN=of the file\n")
    assert secret_project("measured") == len("of the environment")
    secret_project.workspace.set_secret("TOKEN", FIRST)
    assert secret_project("measured") == len(FIRST)


@pytest.mark.parametrize("how", ["raise", "return"])
def test_nothing_of_a_secret_is_left_however_it_is_written(secret_project: Project, how: str) -> None:
    project, workspace = secret_project, secret_project.workspace
    workspace.set_secret("TOKEN", FIRST)
    run = project.start("leaking", how=how)
    if how == "raise":
        with pytest.raises(StepError) as told:
            project.result(run)
        said = str(told.value) + told.value.report
        assert "***" in said and not [form for form in forms(FIRST) if form.decode() in said]
    else:
        assert project.result(run) == 1
    seen = repr((workspace.run(run.id), workspace.steps(run.id), workspace.attempts(run.id), workspace.reports(run.id)))
    seen += repr(list(workspace.logs(run.id))) + repr(workspace.explain(run.id)) + repr(workspace.explain(run.id, 1))
    assert "from below ***" in seen and "loss ***" in seen
    assert not [form for form in forms(FIRST) if form.decode() in seen]
    assert leaks_in(workspace.state, FIRST) == []
    stop_engine(project)
    assert leaks_in(workspace.state, FIRST) == []
    (workspace.state / "told").write_bytes(base64.b64encode(b"user:" + FIRST.encode()))  # it would have been found
    assert leaks_in(workspace.state, FIRST)


def test_previews_of_what_a_step_returns_are_masked(secret_project: Project) -> None:
    project, workspace = secret_project, secret_project.workspace
    workspace.set_secret("TOKEN", FIRST)
    run = project.start("shown")
    run.wait(60)
    assert run.state == "succeeded"
    seen = repr(workspace.steps(run.id)) + repr(workspace.artifacts(run=run.id))
    assert not [form for form in forms(FIRST) if form.decode() in seen]
    # What a step returns is stored as it is, in `blobs`; what people see of it is not.
    previews = [
        file for file in (workspace.state / "blobs").rglob("*") if file.is_file() and b"\xa4kind" in file.read_bytes()
    ]
    assert len(previews) >= 2
    assert not [file for file in previews for form in forms(FIRST) if form in file.read_bytes()]


def test_a_task_that_names_none_finds_none(secret_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in its environment, nor in those of the processes above it, nor on their command lines."""
    project, workspace = secret_project, secret_project.workspace
    wanted = [FIRST, KEY]
    (project.folder / "wanted").write_text("\n".join(base64.b64encode(text.encode()).decode() for text in wanted))
    monkeypatch.setenv("PARTITA_SECRETS_KEY", KEY)
    workspace.set_secret("TOKEN", FIRST)
    monkeypatch.delenv("PARTITA_SECRETS_KEY")
    assert not (workspace.state / "secrets.key").exists()
    assert project("measured") == len(FIRST)  # so that a worker that goes on had it
    found, places, has_home = project("looking")
    assert found == 0 and places >= 5 and has_home


def test_nothing_stands_on_a_command_line(secret_project: Project) -> None:
    """`partita secrets set` reads what it stores."""
    asked = subprocess.Popen(
        [sys.executable, "-c", "from partita.cli import main; raise SystemExit(main())", "secrets", "set", "TOKEN"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=secret_project.folder,
    )  # fmt: skip
    said, _ = asked.communicate(FIRST.encode() + b"\n", timeout=60)
    assert asked.returncode == 0 and FIRST.encode() not in said
    assert secret_project("measured") == len(FIRST)
    lines = [_command_line(entry) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    assert not [line for line in lines if FIRST.encode() in line]


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_wrong_key_is_told_at_once(secret_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTITA_SECRETS_KEY", "my very own key")
    with pytest.raises(EngineError, match="openssl rand -base64 32") as told:
        secret_project.workspace.set_secret("TOKEN", FIRST)
    assert "very own" not in str(told.value)


def test_engines_of_one_database_share_secrets_by_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machines = make_machines(tmp_path, new_schema())
    try:
        for project in machines:
            project.write(FLOWS)
        monkeypatch.setenv("PARTITA_SECRETS_KEY", KEY)
        machines.one.workspace.set_secret("TOKEN", FIRST)
        assert machines.two("measured") == len(FIRST)
        machines.two.workspace.set_secret("TOKEN", SECOND)
        assert machines.one("measured") == len(SECOND)
        stop_engine(machines.two)
        monkeypatch.delenv("PARTITA_SECRETS_KEY")
        with pytest.raises(StepError, match=r"this engine has none.*PARTITA_SECRETS_KEY"):
            machines.two("measured")
        with pytest.raises(SecretError, match="PARTITA_SECRETS_KEY"):
            machines.two.workspace.set_secret("OTHER", "value")
        assert [view["name"] for view in machines.two.workspace.secrets()] == ["TOKEN"]
    finally:
        for project in machines:
            project.workspace.stop_engine()


def test_in_an_environment_of_a_task_a_secret_is_given_by_a_socket(project: Project) -> None:
    """There is no library there that could open what is sealed."""
    project.write("""
import importlib.util, os
from partita import flow, task
@task(environment=["six==1.17.0"], secrets=["TOKEN"])
def apart() -> list:
    print("using", os.environ["TOKEN"])
    return [len(os.environ["TOKEN"]), importlib.util.find_spec("cryptography") is None]
@flow
def main() -> list:
    return apart()
""")
    project.workspace.set_secret("TOKEN", FIRST)
    run = project.start("main")
    assert project.result(run) == [len(FIRST), True]
    assert "using ***" in "".join(chunk["text"] for chunk in project.workspace.logs(run.id))
    assert leaks_in(project.workspace.state, FIRST) == []


@pytest.fixture
def far_engine(project: Project) -> Iterator[Callable[[str], Any]]:
    """An engine whose workers are heard of through a mailbox; runs a flow, and looks into every message on its way."""
    workspace = project.workspace
    state = workspace.state
    (state / "logs").mkdir(parents=True)
    store = SqliteStore(state / "store.db")
    store.acquire("test")
    executor = remote_executor(state)
    capacity = executor.capacity
    lanes = Lanes("process", executor, Pool(capacity.cpu, capacity.memory_bytes, capacity.gpu, {}))
    book = Book(
        store, SystemClock(), {"process": lanes}, "process", lambda bundle: str(state / "bundles" / bundle),
        str(project.folder), str(state), ValueCache(store), artifacts=str(state / "artifacts"),
    )  # fmt: skip
    engine = Engine(book, time.sleep, new_run_id)
    engine.start()

    def run(flow: str) -> Any:
        engine.secrets.verbs["secret_set"]({"name": "TOKEN", "value": FIRST})
        engine.launch.launch({"flow": flow, "bundle": workspace.bundle()})
        letters, until = set(), time.monotonic() + 90
        while book.lives:
            assert time.monotonic() < until
            engine.turn(0.02)
            for file in (state / "artifacts" / "executors").rglob("*"):
                try:
                    data = file.read_bytes()
                except OSError:
                    continue
                letters.add(file.name)
                assert not [form for form in forms(FIRST) if form in data], file
        assert len(letters) > 5
        return store.runs()[0]

    try:
        yield run
    finally:
        executor.close()
        store.close()


def test_no_message_to_a_worker_elsewhere_holds_a_secret(project: Project, far_engine: Any) -> None:
    project.write(FLOWS)
    row = far_engine("flows.py:measured")
    assert row.error is None and row.ended_at
    assert leaks_in(project.workspace.state, FIRST) == []
    logs = b"".join(file.read_bytes() for file in (project.workspace.state / "logs").rglob("*") if file.is_file())
    assert logs == b"using ***\n"
