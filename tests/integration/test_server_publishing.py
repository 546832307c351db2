"""Published flows over HTTP, code that is uploaded, and pushes of a real repository, on a real server."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import io
import json
import re
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.cli.app import main
from partita.client import Client, RemoteWorkspace
from partita.errors import ConflictError, ForbiddenError, NotFoundError, RequestError
from partita.settings import GateSettings
from tests.integration.test_ci import commit, repository
from tests.serving import Served, serving
from tests.unit.publishing.test_repository import git

SECRET = "a long secret of pushes"
SOURCE = """
import time
from partita import flow, task

@task
def fit(x: int, pause: float) -> int:
    time.sleep(pause)
    return x * 2

@flow
def train(x: int = 3, pause: float = 0.0) -> int:
    return fit(x, pause)
"""
SETTINGS = """
stages = ["dev", "prod"]
retention = {{ runs = "90d" }}
[ci]
rules = ["branch main -> dev"]
flows = ["flows.py:pushed"]
[gates.train.prod]
approvals = 1
[repositories."acme/news"]
url = "file://{origin}"
secret = "NEWS_SECRET"
[gates.pushed.prod]
approvals = 1
[repositories."acme/gated"]
url = "file://{origin}"
secret = "NEWS_SECRET"
rules = ["branch main -> prod"]
users = {{ "Ann-GH" = "ann@example.org", "ghost" = "nobody@example.org" }}
[repositories."acme/gone"]
url = "file://{origin}-gone"
secret = "NEWS_SECRET"
[repositories."acme/unset"]
url = "file://{origin}"
secret = "NOBODY_SET_THIS"
"""


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository(tmp_path_factory.mktemp("origin") / "news", SOURCE.replace("def train", "def pushed"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, origin: Path) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("publishing") / "shop"
    folder.mkdir()
    (folder / "partita.toml").write_text(SETTINGS.format(origin=origin))
    (folder / "flows.py").write_text(SOURCE)
    made = serving(folder, environment={"NEWS_SECRET": SECRET})
    yield made
    made.stop()


def token(served: Served, name: str, role: str) -> str:
    secret: str = served.post("/api/v1/tokens", {"name": name, "role": role})["secret"]
    return secret


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[Client]:
    with Client(served.url, token(served, "ann", "editor")) as made:
        yield made


def audit(served: Served, action: str, least: int = 1, **fields: Any) -> list[dict[str, Any]]:
    """Entries of an action, once there are so many."""
    until = time.monotonic() + 60
    while True:
        found = served.get(f"/api/v1/audit?action={action}&limit=200")["items"]
        found = [entry for entry in found if all(entry[name] == value for name, value in fields.items())]
        if len(found) >= least:
            return list(found)
        assert time.monotonic() < until, f"there are only {found}"
        time.sleep(0.1)


def test_versions_run_side_by_side_and_are_compared(served: Served, client: Client) -> None:
    one = client.publish("flows.py:train", note="first")
    assert (one["version"], one["is_new"], one["by"], one["note"]) == ("train@1", True, "token:ann", "first")
    assert client.publish("flows.py:train")["is_new"] is False
    long = client.launch("train@1", {"x": 5, "pause": 20})
    assert long["publication"] == "train@1" and long["owner"] == "token:ann"
    (served.folder / "flows.py").write_text(SOURCE.replace("x * 2", "x * 3"))
    assert client.publish("flows.py:train")["version"] == "train@2"
    quick = client.launch("train@2", {"x": 5})
    assert client.wait(quick["id"])["state"] == "succeeded" and client.result(quick["id"]) == 15
    assert client.run(long["id"])["state"] == "running"
    client.cancel(long["id"], force=True)
    old = client.launch("train@1", {"x": 5})
    client.wait(old["id"])
    assert client.result(old["id"]) == 10
    found = client.publication_diff("train", 1, 2)
    assert [item["name"] for item in found["functions"]] == ["flows.py:fit"] and not found["is_breaking"]
    assert [run["id"] for run in client.runs(publication="train@1")] == [old["id"], long["id"]]
    assert [view["version"] for view in client.publications("train")] == ["train@2", "train@1"]
    page = served.get("/api/v1/publications/train/versions?limit=1")
    assert page["next"] and served.get(f"/api/v1/publications/train/versions?limit=1&cursor={page['next']}")["items"]
    assert client.publication("train@latest")["graph"]
    assert [run["id"] for run in client.runs(publication="train@1", order="oldest")] == [long["id"], old["id"]]
    assert [run["id"] for run in client.runs(publication="train", text=old["id"], since=1.0)] == [old["id"]]
    assert list(client.runs(publication="train", text="nothing is called so")) == []
    assert audit(served, "flow.publish", who="token:ann", target="train@2")[0]["data"]["is_new"] is True
    with pytest.raises(NotFoundError):
        client.launch("train@99")


def test_nobody_says_by_a_launch_what_only_the_server_may(served: Served) -> None:
    for field in ("checks", "publication", "bundle", "user", "stage"):
        body = {"flow": "flows.py:train", field: {"name": "train", "number": 1, "stage": "prod", "gates": []}}
        assert served.ask("POST", "/api/v1/runs", body).status == 422, field


def test_a_stage_gets_a_version_when_another_person_approves(served: Served, client: Client) -> None:
    assert client.promote("train", 1, "dev")["is_moved"]
    asked, again = (client.promote("train", 2, "prod", why="better", key="p1") for _ in range(2))
    assert not asked["is_moved"] and asked["run"]
    assert again["run"] == asked["run"]
    with pytest.raises(ConflictError):
        client.promote("train", 2, "prod", why="much better", key="p1")
    until = time.monotonic() + 60
    while not (waits := client.waits(asked["run"])):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert client.gates("train@2", "prod")["by"] == "token:ann"
    with Client(served.url, token(served, "bob", "editor")) as bob:
        bob.approve(asked["run"], waits[0]["step"])
        assert bob.wait(asked["run"])["state"] == "succeeded"
        assert {item["stage"]: item["number"] for item in bob.stages("train")} == {"dev": 1, "prod": 2}
        assert bob.run(bob.launch("train@prod", {"x": 1})["id"])["publication"] == "train@2"
    audit(served, "flow.promote", who="token:ann", target="train@2")


def test_a_promotion_without_gates_is_one_move_by_its_key(served: Served, client: Client) -> None:
    def put(key: str, version: int | str, **more: Any) -> Any:
        path = "/api/v1/publications/train/stages/dev"
        return served.ask("PUT", path, {"version": version, **more}, headers={"idempotency-key": key})

    client.promote("train", 2, "dev")
    first = put("m1", 1)
    assert first.status == 200 and put("m2", 2).status == 200
    assert put("m1", 1).json() == first.json() and first.json()["move"]["after"] == 1
    for refused in (put("m1", 2), put("m1", 1, why="else"), put("m1", 1, why="else", force=True)):
        assert refused.status == 409 and refused.json()["title"] == "ConflictError", refused.data
    assert served.get("/api/v1/publications/train/stages")[0]["number"] == 2, "nothing was undone"
    newest = put("m3", "latest")
    (served.folder / "flows.py").write_text(SOURCE.replace("x * 2", "x * 9"))
    assert client.publish("flows.py:train")["number"] > 2
    assert put("m3", "latest").json() == newest.json(), "by the word that was given"
    forced, again = (put("m4", 1, why="now", force=True).json() for _ in range(2))
    assert forced == again
    back = client.roll_back("train", "dev", key="m5")
    assert back["after"] == 2 and client.roll_back("train", "dev", key="m5") == back
    client.promote("train", 1, "dev", key="m4")  # another person's key
    page = served.ask("GET", "/flows/train?version=1", headers={"accept": "text/html"}).data.decode()
    fields = {
        "act": "rollback",
        "stage": "dev",
        "version": "1",
        "key": re.findall(r'name="key" value="(\w+)"', page)[0],
    }
    assert [served.form("/published/train/stages", **fields).status for _ in range(2)] == [303, 303]
    assert [move["after"] for move in client.stage_moves("train", stage="dev", limit=2)] == [2, 1]


def test_a_check_of_gates_is_one_run_by_its_key(served: Served, client: Client) -> None:
    one, two = (client.check_gates("train@1", "prod", key="c1") for _ in range(2))
    assert one and one == two != client.check_gates("train@1", "prod")
    page = served.ask("GET", "/flows/train?version=1", headers={"accept": "text/html"}).data.decode()
    fields = {"act": "check", "stage": "prod", "version": "1", "key": re.findall(r'name="key" value="(\w+)"', page)[0]}
    clicks = [served.form("/published/train/stages", **fields).headers["location"] for _ in range(2)]
    assert clicks[0] == clicks[1] and clicks[0].startswith("/runs/")


def test_an_editor_asks_the_gates_of_the_settings_and_an_administrator_may_ask_none(
    served: Served, client: Client
) -> None:
    with pytest.raises(ForbiddenError):
        client.promote("train", 1, "prod", why="now", force=True)
    with Client(served.url, served.token) as admin:
        assert admin.promote("train", 1, "prod", why="now", force=True)["is_moved"]
        back = RemoteWorkspace(admin).roll_back("train", "prod", why="oh")
        assert (back["before"], back["after"]) == (1, 2)
        assert [move["after"] for move in admin.stage_moves("train", stage="prod")][:2] == [2, 1]
        with pytest.raises(RequestError, match="those of its settings"):
            RemoteWorkspace(admin).promote("train", 1, "prod", gates=GateSettings(approvals=1))


def test_who_reads_does_not_publish(served: Served) -> None:
    with Client(served.url, token(served, "vic", "viewer")) as viewer:
        assert viewer.publication("train@1")["version"] == "train@1"
        for call in (
            lambda: viewer.publish("flows.py:train"),
            lambda: viewer.upload_bundle(b"x"),
            lambda: viewer.promote("train", 1, "dev"),
            lambda: viewer.roll_back("train", "dev"),
            lambda: viewer.retire_publication("train@1"),
            lambda: viewer.check_gates("train@1", "prod"),
        ):
            with pytest.raises(ForbiddenError):
                call()


def test_who_may_only_promote_retires_nothing_by_a_page_either(served: Served, client: Client) -> None:
    def scoped(*scopes: str) -> str:
        body = {"name": "narrow", "role": "editor", "scopes": [*scopes, "flows:read"]}
        secret: str = served.post("/api/v1/tokens", body)["secret"]
        return secret

    (served.folder / "kept.py").write_text(SOURCE.replace("def train", "def kept"))
    client.publish("kept.py:kept")
    promoting, publishing = scoped("flows:promote"), scoped("flows:publish")
    assert served.form("/published/kept/retire", promoting, version="1").status == 403
    by_another_way = served.form("/published/kept/stages", promoting, act="retire", version="1", stage="dev")
    assert by_another_way.status == 400 and "promote, check, rollback" in by_another_way.data.decode()
    assert client.publication("kept@1")["retired_at"] is None and not client.stages("kept")[0]["number"]
    forced = {"act": "promote", "version": "1", "stage": "dev", "force": "true", "why": "now"}
    assert served.form("/published/kept/stages", promoting, **forced).status == 403
    client.promote("kept", 1, "dev")
    assert served.form("/published/kept/retire", publishing, version="1").status == 409, "dev has it"
    (served.folder / "kept.py").write_text(SOURCE.replace("def train", "def kept").replace("x * 2", "x * 4"))
    client.publish("kept.py:kept")
    assert served.form("/published/kept/retire", publishing, version="2").status == 303
    assert client.publication("kept@2")["retired_at"] is not None
    assert audit(served, "flow.retire", target="kept@2")


def archive(*members: tuple[str, bytes], add: Callable[[tarfile.TarFile], None] = lambda made: None) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as made:
        for name, data in members:
            told = tarfile.TarInfo(name)
            told.size = len(data)
            made.addfile(told, io.BytesIO(data))
        add(made)
    return held.getvalue()


def link(made: tarfile.TarFile) -> None:
    told = tarfile.TarInfo("passwd")
    told.type, told.linkname = tarfile.SYMTYPE, "/etc/passwd"
    made.addfile(told)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"no archive", archive(("../out.py", b"x")), archive(("/tmp/out.py", b"x")), archive(("a.py", b"x"), add=link),
        archive(("a", b"x"), ("a/b", b"x")), archive(("a.py", b"x" * 70_000_000)),
    ],
    ids=["nothing", "text", "upwards", "absolute", "link", "file and folder", "large"],
)  # fmt: skip
def test_a_hostile_bundle_is_refused_whole(data: bytes, served: Served) -> None:
    before = sorted(path.name for path in (served.folder / ".partita" / "bundles").iterdir())
    answer = served.ask("POST", "/api/v1/bundles", data=data)
    assert answer.status == 422 and answer.json()["title"] == "PublishError", answer.data
    assert sorted(path.name for path in (served.folder / ".partita" / "bundles").iterdir()) == before
    assert not list((served.folder / ".partita").glob(".upload-*"))


def test_more_than_is_taken_is_refused_before_it_is_read(served: Served) -> None:
    headers = {"content-length": str(1 << 40), "connection": "close"}
    assert served.ask("POST", "/api/v1/bundles", data=b"", headers=headers).status == 413
    assert served.ask("POST", "/api/v1/publications", data=b" " * (2 << 20)).status == 413


def test_uploaded_code_is_published_and_given_back(served: Served, client: Client) -> None:
    data = archive(("mine.py", SOURCE.replace("def train", "def mine").encode()))
    hash = client.upload_bundle(data)
    assert client.upload_bundle(data) == hash, "by what it holds"
    source = {"commit": "c" * 40, "branch": "main", "tag": "", "repository": "https://git.example/x", "is_clean": True}
    view = client.publish("mine.py:mine", bundle=hash, source=source)  # type: ignore[arg-type]
    assert view["version"] == "mine@1" and view["source"]["commit"] == "c" * 40
    run = client.launch("mine@1", {"x": 4})
    client.wait(run["id"])
    assert client.result(run["id"]) == 8
    with tarfile.open(fileobj=io.BytesIO(client.bundle_archive(hash))) as held:
        assert held.getnames() == ["mine.py"]
    with pytest.raises(NotFoundError):
        client.publish("mine.py:mine", bundle="0" * 64)
    assert audit(served, "bundle.receive", target=hash)[0]["who"] == "token:ann"
    client.retire_publication("mine@1")
    with pytest.raises((NotFoundError, RequestError)):
        client.launch("mine@1")


def test_the_command_line_publishes_the_local_project_on_the_server(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "own"
    repository(project, SOURCE.replace("def train", "def own"))
    (project / "partita.toml").write_text('[ci]\nrules = ["branch main -> dev"]\nflows = ["flows.py:own"]\n')
    head = commit(project, "settings")
    monkeypatch.chdir(project)
    monkeypatch.setenv("PARTITA_TOKEN", token(served, "ci", "editor"))
    assert main(["--server", served.url, "publish", "own", "--json"]) == 0
    view = json.loads(capsys.readouterr().out)
    assert view["version"] == "own@1" and view["by"] == "token:ci" and view["source"]["commit"] == head
    monkeypatch.setenv("PARTITA_SERVER", served.url)
    assert main(["ci", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)["flows"][0]
    assert (report["version"], report["stage"], report["is_moved"]) == ("own@1", "dev", True)
    assert served.get("/api/v1/publications/own/stages")[0]["number"] == 1
    for words in (
        ["flows", "list"],
        ["flows", "show", "own@dev"],
        ["flows", "stages", "own"],
        ["flows", "gates", "own"],
    ):
        assert main(words) == 0, words
    assert "own@1" in capsys.readouterr().out
    assert main(["run", "own@1", "--x", "4", "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == "8"
    for words in (["backup", "x.tar"], ["restore", "x.tar"]):  # nobody is asked for a passphrase first
        assert main(words) != 0
        assert "cannot be done on a server" in capsys.readouterr().err
    assert main(["prune", "--history"]) == 0
    assert main(["prune", "--dry-run"]) != 0, "an editor may not"
    capsys.readouterr()
    with contextlib.closing(RemoteWorkspace(Client(served.url, served.token))) as workspace:
        assert workspace.retain(dry_run=True)["is_dry"]
        assert all(record["is_automatic"] for record in workspace.retained()), "looking is not kept"
        assert workspace.run_estimates("latest") is not None


def push(
    served: Served, origin: Path, *, name: str = "acme/news", to: str = "", secret: str = SECRET, delivery: str = "",
    signed: bool = True, event: str = "push", body: bytes = b"", branch: str = "main", by: str = "eve\n\x1b[31m", email: str = "",
) -> Any:  # fmt: skip
    """What the server answers to a push of what the repository has, as GitHub would tell it."""
    head = git(origin, "rev-parse", "HEAD")
    document = {
        "ref": f"refs/heads/{branch}", "after": head, "head_commit": {"id": head, "message": "better"},
        "pusher": {"name": by, "email": email}, "repository": {"full_name": name}, "n": delivery,
    }  # fmt: skip
    body = body or json.dumps(document).encode()
    headers = {"x-github-event": event, "x-github-delivery": delivery or head, "content-type": "application/json"}
    if signed:
        headers["x-hub-signature-256"] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return served.ask("POST", f"/webhooks/git/{to or name}", token="", headers=headers, data=body)


def test_a_signed_push_is_published_behind_the_answer_and_once(served: Served, origin: Path) -> None:
    first = push(served, origin)
    assert first.status == 202, first.data
    (entry,) = audit(served, "push.publish", who="push:eve??[31m", target="acme/news")
    assert entry["outcome"] == "done" and entry["data"]["flows"][0]["version"] == "pushed@1", entry
    assert served.get("/api/v1/publications/pushed/stages")[0]["number"] == 1
    assert push(served, origin).status == 409, "it was taken before"
    assert push(served, origin, delivery="another").status == 202, "another push of the same commit"
    entries = audit(served, "push.publish", 2, target="acme/news")
    assert entries[0]["data"]["flows"][0]["is_new"] is False
    (origin / "flows.py").write_text(SOURCE.replace("def train", "def pushed").replace("x * 2", "x * 7"))
    commit(origin, "better")
    assert push(served, origin).status == 202
    audit(served, "push.publish", 3, target="acme/news")
    assert served.get("/api/v1/publications/pushed@dev")["number"] == 2
    assert push(served, origin, event="ping", delivery="p").json()["taken"] is False
    assert push(served, origin, branch="topic", delivery="t").status == 202, "no rule fits: nothing is published"


def approval_of(served: Served, origin: Path, by: str, email: str = "") -> Any:
    """The wait for persons that the push of something new by a login leads to, and the version."""
    text = SOURCE.replace("def train", "def pushed").replace("x * 2", f"x * {time.time_ns()}")
    (origin / "flows.py").write_text(text)
    commit(origin, "better")
    count = len(served.get("/api/v1/audit?action=push.publish&target=acme/gated")["items"])
    assert push(served, origin, name="acme/gated", by=by, email=email).status == 202
    found = audit(served, "push.publish", count + 1, target="acme/gated")[0]["data"]["flows"][0]
    assert not found["error"] and not found["is_moved"], found
    until = time.monotonic() + 60
    while not (waits := served.get(f"/api/v1/runs/{found['run']}/waits")):
        assert time.monotonic() < until
        time.sleep(0.1)
    return waits[0], found["version"]


def test_who_pushes_does_not_approve_what_they_ask_for(served: Served, origin: Path) -> None:
    assert served.ask("PUT", "/api/v1/users/ann@example.org", {"role": "editor"}).status == 200
    body = {"name": "of ann", "role": "editor", "user": "ann@example.org"}
    ann, ben = served.post("/api/v1/tokens", body)["secret"], token(served, "ben", "editor")
    named_so = served.post("/api/v1/tokens", {**body, "name": "administrator", "user": ""})["secret"]

    def approve(wait: Any, secret: str) -> Any:
        return served.ask("POST", f"/api/v1/runs/{wait['run']}/steps/{wait['step']}/approve", {}, token=secret)

    def page(wait: Any, secret: str) -> str:
        path = f"/runs/{wait['run']}?step={wait['step']}"
        return served.ask("GET", path, token=secret, headers={"accept": "text/html"}).data.decode()

    wait, version = approval_of(served, origin, "ann-gh")
    assert wait["not_by"] == ["push:ann-gh", "ann@example.org"] and wait["by"] == []
    refused = approve(wait, ann)
    assert refused.status == 409 and "it was asked for by them" in refused.json()["detail"]
    assert approve(wait, ben).status == 200
    served.wait(wait["run"])
    move = served.get("/api/v1/publications/pushed/moves?stage=prod")["items"][0]
    assert (f"pushed@{move['after']}", move["by"]) == (version, "push:ann-gh")
    assert served.get(f"/api/v1/publications/{version}")["by"] == "push:ann-gh"
    for login in ("ben", "token:ben", "ghost"):
        wait, version = approval_of(served, origin, login)
        assert wait["by"] == ["administrator"]
        assert f"It is not known which user push:{login} is" in wait["name"]
        for secret in (ann, ben, named_so):
            refused = approve(wait, secret)
            assert refused.status == 409 and "those who may are administrators" in refused.json()["detail"]
            assert "Others are asked" in page(wait, secret)
        assert 'value="approve"' in page(wait, served.token)
        assert approve(wait, served.token).status == 200
        served.wait(wait["run"])
        assert served.get(f"/api/v1/publications/{version}")["stages"] == ["prod"]
    assert served.ask("PUT", "/api/v1/users/root@example.org", {"role": "admin"}).status == 200
    root = served.post("/api/v1/tokens", {"name": "r", "role": "admin", "user": "root@example.org"})["secret"]
    wait, version = approval_of(served, origin, "root-gh", "Root@example.org")
    assert wait["by"] == ["administrator"], "an address makes nobody known"
    assert "it was asked for by them" in approve(wait, root).json()["detail"]
    assert approve(wait, served.token).status == 200


def test_pushes_that_are_not_signed_are_refused_alike(served: Served, origin: Path) -> None:
    refused = [
        push(served, origin, signed=False), push(served, origin, secret="another secret"),
        push(served, origin, to="acme/unknown"), push(served, origin, name="acme/unset", secret=""),
        push(served, origin, name="acme/other", to="acme/news"), push(served, origin, to="../../etc"),
    ]  # fmt: skip
    assert {answer.status for answer in refused[:5]} == {403}, [answer.status for answer in refused]
    assert len({answer.data for answer in refused[:5]}) == 1, "nobody learns why"
    assert refused[5].status in (403, 404)
    assert push(served, origin, body=b"[1]").status == 422, "it is signed, so who sends it may know"
    assert served.ask("POST", "/webhooks/git/acme/news", token="", data=b"x" * (26 << 20)).status == 413
    told = "\n".join(served.lines)
    assert SECRET not in told and "Traceback" not in told


def test_a_push_that_failed_may_be_sent_again(served: Served, origin: Path) -> None:
    for count in (1, 2):
        assert push(served, origin, name="acme/gone", delivery="g").status == 202
        entries = audit(served, "push.publish", count, target="acme/gone")
        assert entries[0]["outcome"] == "failed" and "gone" in entries[0]["data"]["error"]
        until = time.monotonic() + 20
        while list((served.folder / ".partita" / "pushes").glob("*.json")) and time.monotonic() < until:
            time.sleep(0.05)


def test_a_push_that_waited_when_the_server_ended_is_published_by_the_next(tmp_path: Path, origin: Path) -> None:
    folder = tmp_path / "shop"
    (folder / ".partita" / "pushes").mkdir(parents=True)
    (folder / "partita.toml").write_text(SETTINGS.format(origin=origin))
    head = git(origin, "rev-parse", "HEAD")
    told = {
        "service": "github", "event": "push", "delivery": "d", "digest": "a" * 64, "repository": "acme/news", "kind": "branch",
        "name": "main", "commit": head, "by": "ann", "message": "better",
    }  # fmt: skip
    (folder / ".partita" / "pushes" / f"{'a' * 64}.json").write_text(json.dumps({"push": told, "address": "10.0.0.1"}))
    (folder / ".partita" / "pushes" / "broken.json").write_text("{")
    served = serving(folder)
    try:
        assert audit(served, "push.publish", who="push:ann")[0]["outcome"] == "done"
        assert served.get("/api/v1/publications/pushed@1")["source"]["commit"] == head
        assert not list((folder / ".partita" / "pushes").iterdir())
    finally:
        served.stop()


def test_the_same_key_is_the_same_run_and_another_version_with_it_is_refused(client: Client) -> None:
    one = client.launch("train@1", {"x": 1}, key="k1")
    assert client.launch("train@1", {"x": 1}, key="k1")["id"] == one["id"]
    with pytest.raises(ConflictError):
        client.launch("train@2", {"x": 1}, key="k1")
