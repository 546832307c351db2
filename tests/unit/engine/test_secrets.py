"""Secrets as the engine keeps them: who is given which, what is refused, and what a new key changes."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from partita import context, flow, task
from partita.engine.secrets import Secrets
from partita.errors import NotFoundError, SecretError, StepError
from partita.store.access import AuditFilter
from partita.testing import MemoryWorkspace
from partita.values import unpack
from tests.unit.engine.test_registry import version

KEYS = [base64.b64encode(bytes([number]) * 32).decode() for number in range(3)]


@task(secrets=["TOKEN"])
def length() -> int:
    print("with", os.environ["TOKEN"])
    return len(os.environ["TOKEN"])


@task
def curious(name: str) -> str:
    return str(context().ask("secret", {"name": name, "key": bytes(32)}))  # type: ignore[attr-defined]


@task(secrets=["TOKEN"])
def keyless() -> str:
    return str(context().ask("secret", {"name": "TOKEN", "key": b""}))  # type: ignore[attr-defined]


@flow
def measured() -> int:
    return length()


@task(secrets=["TOKEN"])
def described() -> str:
    token = os.environ["TOKEN"]
    said = {"description": f"with {token}", "tags": {"by": token.encode().hex()}, "record": {"deep": [{"a": token}]}}
    what, fields = version(**said)
    context().keep([what, fields])  # type: ignore[attr-defined]
    return "done"


@flow
def describing() -> str:
    return described()


@flow
def asking(name: str) -> str:
    return curious(name)


@flow
def asking_in_the_clear() -> str:
    return keyless()


class Desk:
    """Asks the engine as clients do."""

    def __init__(self, workspace: MemoryWorkspace) -> None:
        self.workspace = workspace

    def __call__(self, verb: str, **fields: Any) -> Any:
        with self.workspace._engine_at_rest():
            answer = self.workspace.engine.secrets.verbs[verb](fields)
        return answer() if callable(answer) else answer

    def rows(self) -> list[Any]:
        return self.workspace.engine.book.store.secrets()

    def take_keys(self, variable: str) -> None:
        """Go on as an engine that was started with other keys."""
        engine = self.workspace.engine
        engine.book.secrets_key = variable
        engine.secrets = engine.launch._secrets = Secrets(engine.book)


@pytest.fixture
def ask(workspace: MemoryWorkspace) -> Desk:
    return Desk(workspace)


def test_a_rotated_value_is_given_to_the_next_attempt(workspace: MemoryWorkspace, ask: Desk) -> None:
    first = ask("secret_set", name="TOKEN", value="hunter2", by="ann")
    assert (first["is_new"], first["secret"]["version"], first["warning"]) == (True, 1, "")
    assert measured.run().result() == 7
    second = ask("secret_set", name="TOKEN", value="another one", by="bo")
    assert (second["is_new"], second["secret"]["version"]) == (False, 2)
    assert measured.run().result() == 11
    (view,) = ask("secrets")
    assert (view["created_by"], view["rotated_by"], view["version"]) == ("ann", "bo", 2)
    assert "".join(chunk["text"] for chunk in workspace.logs()) == "with ***\n"
    assert b"another one" not in repr((ask.rows(), view, second)).encode()


def test_what_is_stored_is_stored_after_a_restart(workspace: MemoryWorkspace, ask: Desk) -> None:
    ask("secret_set", name="TOKEN", value="hunter2")
    workspace.restart()
    assert measured.run().result() == 7


def test_a_task_gets_no_secret_that_it_does_not_name(workspace: MemoryWorkspace, ask: Desk) -> None:
    ask("secret_set", name="TOKEN", value="hunter2")
    for name in ("TOKEN", "OTHER"):
        with pytest.raises(StepError, match="does not name"):
            asking.run(name).result()


def test_nothing_is_answered_in_the_clear_where_it_might_lie_about(workspace: MemoryWorkspace, ask: Desk) -> None:
    ask("secret_set", name="TOKEN", value="hunter2")
    with pytest.raises(StepError, match="without a key") as told:
        asking_in_the_clear.run().result()
    assert "hunter2" not in str(told.value) + told.value.report


def test_what_is_said_of_a_model_is_masked(workspace: MemoryWorkspace, ask: Desk) -> None:
    ask("secret_set", name="TOKEN", value="hunter2")
    assert describing.run().result() == "done"
    (found,) = workspace.ask_registry("model_versions", {"name": "a"})
    assert (found["description"], found["tags"]) == ("with ***", {"by": "***"})
    (row,) = workspace.engine.book.store.versions("a")
    assert "hunter2" not in repr(row) and unpack(row.record)["deep"] == [{"a": "***"}]


def test_a_removed_secret_is_looked_for_in_the_environment(
    workspace: MemoryWorkspace, ask: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("secret_set", name="TOKEN", value="hunter2")
    monkeypatch.setenv("TOKEN", "of the environment")
    assert measured.run().result() == len("hunter2")
    ask("secret_remove", name="TOKEN")
    assert measured.run().result() == len("of the environment")
    with pytest.raises(NotFoundError, match="no secret TOKEN"):
        ask("secret_remove", name="TOKEN")
    assert ask("secret_set", name="TOKEN", value="hunter2")["secret"]["version"] == 2


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("", "v", "cannot be the name"), ("1A", "v", "cannot be the name"), ("A B", "v", "cannot be the name"),
        ("A=B", "v", "cannot be the name"), (None, "v", "cannot be the name"), ("PARTITA_SECRETS_KEY", "v", "Partita's own"),
        ("A", "", "is empty"), ("A", None, "is empty"), ("A", "hunter2\0", "zero byte"), ("A", "hunter2" * 3000, "21,000 bytes"),
        ("A", "hunter2\udcff", "no text"), ("A", ["hunter2"], "is empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_secret_is_refused_and_not_told(ask: Desk, name: Any, value: Any, reason: str) -> None:
    with pytest.raises(SecretError, match=reason) as told:
        ask("secret_set", name=name, value=value)
    assert "hunter2" not in str(told.value) and not ask.rows()


def test_a_short_secret_is_stored_with_a_warning(ask: Desk) -> None:
    assert "3 characters" in ask("secret_set", name="PIN", value="123")["warning"]


def test_every_change_is_in_the_audit_without_a_value(workspace: MemoryWorkspace, ask: Desk) -> None:
    ask("secret_set", name="TOKEN", value="hunter2", by=["ann", "t1", "10.0.0.1"])
    ask("secrets_rekey", by=["bo", "", ""])
    ask("secret_remove", name="TOKEN", by=["bo", "", ""])
    rows = workspace.engine.book.store.audit(AuditFilter(), limit=10)
    assert [(row.who, row.action, row.target, row.data) for row in rows] == [
        ("bo", "secret.remove", "TOKEN", "{}"),
        ("bo", "secret.rekey", "", '{"secrets": 1}'),
        ("ann", "secret.set", "TOKEN", '{"version": 1}'),
    ]
    assert (rows[-1].credential, rows[-1].address) == ("t1", "10.0.0.1") and "hunter2" not in repr(rows)


def test_several_changes_in_one_turn_count_in_their_order(workspace: MemoryWorkspace, ask: Desk) -> None:
    verbs = workspace.engine.secrets.verbs
    with workspace._engine_at_rest():
        verbs["secret_set"]({"name": "A", "value": "first"})
        verbs["secret_set"]({"name": "A", "value": "second"})
        verbs["secret_set"]({"name": "B", "value": "value"})
        verbs["secret_remove"]({"name": "B"})
        verbs["secret_set"]({"name": "TOKEN", "value": "hunter2"})
        verbs["secrets_rekey"]({})
        assert [view["name"] for view in verbs["secrets"]({})] == ["A", "TOKEN"]
    assert [(row.name, row.version) for row in ask.rows()] == [("A", 2), ("TOKEN", 1)]
    assert measured.run().result() == 7


def test_a_new_key_encrypts_all_anew_and_the_old_one_is_forgotten(workspace: MemoryWorkspace, ask: Desk) -> None:
    ask("secret_set", name="TOKEN", value="hunter2")
    ask("secret_set", name="OTHER", value="value")
    file = workspace.folder / "secrets.key"
    before, key = ask.rows(), file.read_text()
    assert ask("secrets_rekey") == 2
    after = ask.rows()
    assert {row.version for row in after} == {1}
    assert not {row.key for row in after} & {row.key for row in before}
    assert not {row.ciphertext for row in after} & {row.ciphertext for row in before}
    assert key not in file.read_text() and len(file.read_text().split()) == 1
    assert measured.run().result() == 7


def test_a_commit_that_has_to_be_tried_again_loses_no_key(workspace: MemoryWorkspace, ask: Desk) -> None:
    ask("secret_set", name="TOKEN", value="hunter2")
    workspace.fail_commits(2)
    assert ask("secrets_rekey") == 1
    assert measured.run().result() == 7


def test_keys_of_the_variable_take_over_from_those_of_the_file(workspace: MemoryWorkspace, ask: Desk) -> None:
    ask("secret_set", name="TOKEN", value="hunter2")
    ask.take_keys(KEYS[0])
    assert measured.run().result() == 7 and ask("secrets_rekey") == 1
    assert not (workspace.folder / "secrets.key").exists()
    ask.take_keys(f"{KEYS[1]},{KEYS[0]}")
    assert ask("secrets_rekey") == 1
    ask.take_keys(KEYS[1])
    assert measured.run().result() == 7


def test_without_the_right_key_nothing_is_given_and_nothing_stored(workspace: MemoryWorkspace, ask: Desk) -> None:
    ask.take_keys(KEYS[0])
    ask("secret_set", name="TOKEN", value="hunter2")
    before = ask.rows()
    for wrong in (KEYS[1], ""):
        ask.take_keys(wrong)
        with pytest.raises(StepError, match=r"was encrypted with the key .* PARTITA_SECRETS_KEY"):
            measured.run().result()
        with pytest.raises(SecretError, match="PARTITA_SECRETS_KEY"):
            ask("secret_set", name="OTHER", value="value")
        with pytest.raises(SecretError, match="PARTITA_SECRETS_KEY"):
            ask("secrets_rekey")
    assert ask.rows() == before and not Path(workspace.folder, "secrets.key").exists()
    assert [view["name"] for view in ask("secrets")] == ["TOKEN"]


def test_a_value_that_was_moved_to_another_name_does_not_open(workspace: MemoryWorkspace, ask: Desk) -> None:
    ask("secret_set", name="TOKEN", value="hunter2")
    ask("secret_set", name="OTHER", value="another")
    shelf = workspace._store._secrets.rows
    shelf["TOKEN"] = shelf["TOKEN"]._replace(ciphertext=shelf["OTHER"].ciphertext)
    with pytest.raises(StepError, match="not what was written for that name"):
        measured.run().result()
