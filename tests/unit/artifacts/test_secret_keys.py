"""Keys of secrets: what they open, where they come from, and what errors say without holding them."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from partita.artifacts.secret_keys import SecretKeys
from partita.errors import SecretError

KEYS = [base64.b64encode(bytes([number]) * 32).decode() for number in range(4)]


def test_a_value_opens_as_what_it_was_stored(tmp_path: Path) -> None:
    keys = SecretKeys(tmp_path)
    name, sealed = keys.seal("TOKEN", 3, "hunter2 é")
    assert b"hunter2" not in sealed and keys.names == [name]
    assert SecretKeys(tmp_path).open("TOKEN", 3, name, sealed) == "hunter2 é"
    assert keys.seal("TOKEN", 3, "hunter2 é")[1] != sealed


@pytest.mark.parametrize(("name", "version"), [("OTHER", 3), ("TOKEN", 4), ("TOKEN", 2)])
def test_a_ciphertext_that_was_moved_does_not_open(tmp_path: Path, name: str, version: int) -> None:
    keys = SecretKeys(tmp_path)
    key, sealed = keys.seal("TOKEN", 3, "hunter2")
    with pytest.raises(SecretError, match=f"the secret {name} .version {version}. is not what was written"):
        keys.open(name, version, key, sealed)


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:5], lambda data: b"\0" * len(data)])
def test_a_damaged_ciphertext_does_not_open(tmp_path: Path, damage: object) -> None:
    keys = SecretKeys(tmp_path)
    key, sealed = keys.seal("TOKEN", 3, "hunter2")
    with pytest.raises(SecretError):
        keys.open("TOKEN", 3, key, damage(sealed))  # type: ignore[operator]


def test_the_file_is_the_owners_and_is_made_once(tmp_path: Path) -> None:
    first, second = SecretKeys(tmp_path), SecretKeys(tmp_path)
    assert first.names == []
    assert first.seal("A", 1, "a")[0] == second.seal("A", 1, "a")[0]
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_of_several_keys_the_first_encrypts_and_all_open(tmp_path: Path) -> None:
    old = SecretKeys(tmp_path, KEYS[0])
    name, sealed = old.seal("A", 1, "value")
    both = SecretKeys(tmp_path, f"{KEYS[1]},{KEYS[0]}")
    assert both.open("A", 1, name, sealed) == "value"
    assert both.seal("A", 1, "value")[0] == SecretKeys(tmp_path, KEYS[1]).names[0] != name
    assert not list(tmp_path.iterdir())


def test_the_variable_goes_before_the_file_whose_key_still_opens(tmp_path: Path) -> None:
    name, sealed = SecretKeys(tmp_path).seal("A", 1, "value")
    keys = SecretKeys(tmp_path, KEYS[0])
    assert keys.open("A", 1, name, sealed) == "value"
    assert keys.seal("A", 1, "value")[0] != name
    keys.forget(set())
    assert not list(tmp_path.iterdir())


def test_a_key_that_is_not_here_is_told_with_what_to_do(tmp_path: Path) -> None:
    name, sealed = SecretKeys(tmp_path / "a", KEYS[0]).seal("A", 1, "value")
    with pytest.raises(SecretError, match=f"the key {name}, and this engine has none.*PARTITA_SECRETS_KEY"):
        SecretKeys(tmp_path / "b").open("A", 1, name, sealed)
    other = SecretKeys(tmp_path / "b", KEYS[1])
    with pytest.raises(SecretError, match=f"the key {name}, and this engine has {other.names[0]}"):
        other.open("A", 1, name, sealed)


@pytest.mark.parametrize("wrong", ["hunter2", KEYS[0][:-4], KEYS[0] + "AAAA", f"{KEYS[0]},x"])
def test_what_is_no_key_is_refused_and_not_told(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(SecretError, match="openssl rand") as told:
        SecretKeys(tmp_path, wrong)
    assert "hunter2" not in str(told.value) and KEYS[0][:8] not in str(told.value)


def test_a_key_for_addresses_is_one_too(tmp_path: Path) -> None:
    key = bytes(range(224, 256))
    spellings = base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode()
    assert SecretKeys(tmp_path, spellings[0]).names == SecretKeys(tmp_path, spellings[1]).names


def test_an_empty_file_is_no_reason_for_a_new_key(tmp_path: Path) -> None:
    (tmp_path / "secrets.key").touch()
    with pytest.raises(SecretError, match="holds no key"):
        SecretKeys(tmp_path).seal("A", 1, "a")


def test_a_new_key_opens_what_is_old_until_nothing_is(tmp_path: Path) -> None:
    keys = SecretKeys(tmp_path)
    old, sealed = keys.seal("A", 1, "value")
    keys.renew()
    new, again = keys.seal("A", 1, "value")
    assert new != old and keys.names == [new, old]
    keys.forget({old, new})
    assert keys.open("A", 1, old, sealed) == "value"
    keys.forget({new})
    assert keys.names == [new] and keys.open("A", 1, new, again) == "value"
    with pytest.raises(SecretError):
        keys.open("A", 1, old, sealed)
    assert stat.S_IMODE((tmp_path / "secrets.key").stat().st_mode) == 0o600
    assert len(list(tmp_path.iterdir())) == 1


def test_the_variable_is_gone_from_the_process_and_what_it_starts() -> None:
    program = (
        "import os, subprocess\n"
        "from partita.artifacts.secret_keys import take_variable\n"
        "taken = take_variable()\n"
        "below = subprocess.run(['env'], capture_output=True, text=True).stdout\n"
        "kept = open('/proc/self/environ').read()\n"
        "print(taken == 'key-0123456789', 'key-0123' in below, 'key-0123' in kept, 'OTHER=here' in kept, take_variable() == '')\n"
    )
    variables = {**os.environ, "PARTITA_SECRETS_KEY": "key-0123456789", "OTHER": "here"}
    ended = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["True", "False", "False", "True", "True"]
