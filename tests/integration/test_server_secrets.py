"""Secrets over HTTP: a step gets the value, and nothing else ever does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.client import Client, RemoteWorkspace
from partita.errors import ForbiddenError, SecretError
from tests.serving import Served, serving

SOURCE = """
import hashlib
import os
from partita import flow, task

@task(secrets=["API_TOKEN"])
def use() -> str:
    print("the token is", os.environ["API_TOKEN"])
    return hashlib.sha256(os.environ["API_TOKEN"].encode()).hexdigest()

@flow
def calls() -> str:
    return use()
"""
VALUE, OTHER = "very-secret-value-1", "another-value-of-it-2"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("secrets") / "shop"
    folder.mkdir()
    (folder / "partita.toml").write_text("")
    (folder / "flows.py").write_text(SOURCE)
    made = serving(folder)
    yield made
    made.stop()


def test_a_value_is_given_to_steps_and_to_nobody_else(served: Served) -> None:
    import hashlib

    answers: list[bytes] = []

    def ask(method: str, path: str, body: object = None) -> int:
        answer = served.ask(method, f"/api/v1{path}", body)
        answers.append(answer.data)
        return answer.status

    assert ask("PUT", "/secrets/API_TOKEN", {"value": OTHER}) == 200
    assert ask("PUT", "/secrets/API_TOKEN", {"value": VALUE}) == 200
    assert json.loads(answers[-1])["secret"]["version"] == 2
    assert [item["name"] for item in served.get("/api/v1/secrets")] == ["API_TOKEN"]
    run = served.launch("flows.py:calls")
    assert served.wait(run)["state"] == "succeeded"
    assert served.get(f"/api/v1/runs/{run}/result")["value"] == hashlib.sha256(VALUE.encode()).hexdigest()
    assert ask("GET", f"/runs/{run}/steps/1/attempts/1/log") == 200 and b"the token is ***" in answers[-1]
    assert ask("POST", "/secret-keys", {}) == 200 and json.loads(answers[-1]) == {"count": 1}
    for path in (
        "/secrets",
        "/settings",
        f"/runs/{run}",
        f"/runs/{run}/steps",
        "/artifacts",
        "/audit?limit=500",
        "/engine",
    ):
        assert ask("GET", path) == 200, path
    for page in ("/secrets", "/audit", f"/runs/{run}", "/settings"):
        answers.append(served.ask("GET", page, headers={"accept": "text/html"}).data)
    # What is refused says nothing of the value either.
    assert ask("PUT", "/secrets/1BAD", {"value": VALUE}) == 422
    assert ask("PUT", "/secrets/PARTITA_X", {"value": VALUE}) == 422
    assert ask("PUT", "/secrets/GOOD", {"value": VALUE + "\0"}) == 422
    assert ask("PUT", "/secrets/GOOD", {"value": [VALUE]}) == 422
    assert ask("PUT", "/secrets/GOOD", {"value": VALUE * 1000}) == 422
    assert ask("PUT", "/secrets/GOOD", {"value": VALUE, "more": VALUE}) == 422
    answer = served.ask("PUT", "/api/v1/secrets/GOOD", data=f'{{"value": "{VALUE}'.encode())
    assert answer.status == 422
    answers.append(answer.data)
    assert ask("DELETE", "/secrets/API_TOKEN") == 204 and ask("DELETE", "/secrets/API_TOKEN") == 404
    told = b"\n".join(answers)
    assert b"API_TOKEN" in told
    for text in (VALUE, OTHER):
        assert text.encode() not in told
        assert text not in "\n".join(served.lines)
    for file in (served.folder / ".partita").rglob("*"):
        if file.is_file():
            assert VALUE.encode() not in file.read_bytes(), f"{file} holds the value"


def test_changes_are_in_the_audit_in_the_name_of_who_made_them(served: Served) -> None:
    made = served.post("/api/v1/tokens", {"name": "deploy", "role": "admin", "scopes": ["secrets:*"]})
    with Client(served.url, made["secret"]) as client:
        workspace = RemoteWorkspace(client)
        assert workspace.set_secret("DEPLOY_KEY", VALUE)["is_new"]
        assert [view["rotated_by"] for view in workspace.secrets()] == ["token:deploy"]
        assert workspace.rekey_secrets() == 1
        workspace.remove_secret("DEPLOY_KEY")
        with pytest.raises(SecretError):
            workspace.set_secret("PARTITA_X", "value")
        with pytest.raises(ForbiddenError):
            client.run("latest")
    found = served.get("/api/v1/audit?action=secret&who=token:deploy")["items"]
    assert [entry["action"] for entry in found] == ["secret.remove", "secret.rekey", "secret.set"]
    assert all(entry["credential"] == made["token"]["id"] and entry["address"] == "127.0.0.1" for entry in found)


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_administrators_see_even_the_names(role: str, served: Served) -> None:
    secret = served.post("/api/v1/tokens", {"name": role, "role": role})["secret"]
    for method, path, body in (
        ("GET", "/secrets", None), ("PUT", "/secrets/X", {"value": "1234567"}), ("DELETE", "/secrets/X", None),
        ("POST", "/secret-keys", {}),
    ):  # fmt: skip
        assert served.ask(method, f"/api/v1{path}", body, token=secret).status == 403


def test_the_command_line_sets_secrets_on_a_server(served: Served, tmp_path: Path) -> None:
    def partita(*words: str, told: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "partita.cli", "--server", served.url, *words],
            cwd=tmp_path, input=told, capture_output=True, text=True, timeout=60,
            env={**os.environ, "PARTITA_TOKEN": served.token}, check=False,
        )  # fmt: skip

    done = partita("secrets", "set", "FROM_HERE", told=VALUE + "\n")
    assert done.returncode == 0 and VALUE not in done.stdout + done.stderr
    assert "FROM_HERE" in partita("secrets", "list").stdout
    assert partita("secrets", "remove", "FROM_HERE").returncode == 0
    assert not list(tmp_path.iterdir()), "nothing is made here"
