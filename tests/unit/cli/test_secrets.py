from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Partita
from tests.unit.cli.fake import FakeWorkspace, make_secret


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    """What the standard input holds, which is no terminal."""
    given = io.BytesIO()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(given))
    return given


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b" two\nlines\n\n", " two\nlines\n"),
        ("é".encode(), "é"),
    ],
)
def test_set_reads_the_value_from_a_pipe(
    partita: Partita, workspace: FakeWorkspace, typed: io.BytesIO, given: bytes, value: str
) -> None:
    typed.write(given)
    typed.seek(0)
    told = partita("secrets", "set", "API_TOKEN", "--by", "ann")
    assert told.status == 0 and workspace.asked == [("set_secret", "API_TOKEN", value, "ann")]
    assert "API_TOKEN is stored (version 1)" in told.out and "hunter2" not in told.out + told.err


def test_set_tells_of_a_rotation_and_warns(partita: Partita, workspace: FakeWorkspace, typed: io.BytesIO) -> None:
    workspace.asked.append(("something",))
    typed.write(b"12")
    typed.seek(0)
    told = partita("secrets", "set", "PIN")
    assert "PIN has another value (version 2)" in told.out and "it has 2 characters" in told.err
    typed.seek(0)
    assert json.loads(partita("secrets", "set", "PIN", "--json").out)["secret"]["name"] == "PIN"


def test_set_takes_no_value_as_an_argument_and_no_wrong_name(
    partita: Partita, workspace: FakeWorkspace, typed: io.BytesIO
) -> None:
    assert partita("secrets", "set", "API_TOKEN", "hunter2").status == 2
    told = partita("secrets", "set", "API_TOKEN=hunter2")
    assert told.status != 0 and "API_TOKEN" in told.err and "hunter2" not in told.err
    assert partita("secrets", "set", "PARTITA_SECRETS_KEY").status != 0
    typed.write(b"\xff\xfe")
    typed.seek(0)
    told = partita("secrets", "set", "API_TOKEN")
    assert told.status != 0 and "UTF-8" in told.err
    assert not workspace.asked


def test_list_shows_names_and_versions(partita: Partita, workspace: FakeWorkspace) -> None:
    assert "partita secrets set" in partita("secrets", "list").err
    workspace.known_secrets = [make_secret("API_TOKEN", 3), make_secret("OTHER")]
    head, first, second = partita("secrets", "list").out.splitlines()
    assert head.split() == ["SECRET", "VERSION", "CREATED", "BY", "SET", "BY"]
    assert first.split()[:2] == ["API_TOKEN", "3"] and "ann" in first and "bo" in first and second.startswith("OTHER")
    assert json.loads(partita("secrets", "list", "--json").out) == workspace.known_secrets


def test_remove_and_rekey(partita: Partita, workspace: FakeWorkspace) -> None:
    workspace.known_secrets = [make_secret("API_TOKEN")]
    assert "API_TOKEN is removed." in partita("secrets", "remove", "API_TOKEN").out
    assert "1 secret encrypted anew." in partita("secrets", "rekey").out
    assert json.loads(partita("secrets", "rekey", "--json").out) == {"secrets": 1}
    assert workspace.asked == [("remove_secret", "API_TOKEN"), ("rekey_secrets",), ("rekey_secrets",)]


@pytest.mark.parametrize("again", ["hunter2", "hunter3"])
def test_in_a_terminal_the_value_is_asked_for_twice_and_not_shown(tmp_path: Path, again: str) -> None:
    program = (
        "import sys\n"
        "from partita.cli.secrets import _value\n"
        "from partita.errors import SecretError\n"
        "try:\n    print('it has', len(_value('TOKEN')))\n"
        "except SecretError as error:\n    print(error)\n"
    )
    ours, theirs = pty.openpty()
    asked = subprocess.Popen(
        [sys.executable, "-c", program], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(theirs), os.O_RDWR)),
    )  # fmt: skip
    os.close(theirs)
    shown = _read_until(ours, b"Value of TOKEN: ")
    os.write(ours, b"hunter2\n")
    shown += _read_until(ours, b"Once more: ")
    os.write(ours, again.encode() + b"\n")
    shown += _read_until(ours, b"it has 7" if again == "hunter2" else b"nothing was stored")
    assert asked.wait(30) == 0
    os.close(ours)
    assert b"hunter" not in shown


def _read_until(terminal: int, mark: bytes) -> bytes:
    shown = b""
    while mark not in shown:
        shown += os.read(terminal, 1000)
    return shown
