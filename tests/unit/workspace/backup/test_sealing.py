"""Keys that are sealed with a passphrase."""

from __future__ import annotations

import json

import pytest

from partita.errors import BackupError
from partita.workspace.backup.sealing import seal, unseal

FILES = {"key": bytes(range(32)), "secrets.key": b"\0" * 40}


def test_who_has_the_passphrase_gets_them_back() -> None:
    sealed, again = seal(FILES, "gück"), seal(FILES, "gück")
    assert unseal(sealed, "gück") == FILES and sealed != again
    assert FILES["key"] not in sealed


def test_nobody_else_does() -> None:
    sealed = seal(FILES, "one")
    with pytest.raises(BackupError, match="passphrase is not the one"):
        unseal(sealed, "another")
    with pytest.raises(BackupError, match="keys were changed"):
        unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), "one")
    head, _, rest = sealed.partition(b"\n")
    weaker = json.dumps(json.loads(head) | {"salt": "00" * 16}, sort_keys=True).encode()
    with pytest.raises(BackupError):
        unseal(weaker + b"\n" + rest, "one")


@pytest.mark.parametrize(
    "text", [b"", b"nothing", b'{"n": 1}\nx', b'{"n": 1099511627776, "r": 8, "p": 1, "salt": ""}\nx']
)
def test_what_is_none_of_ours_is_refused(text: bytes) -> None:
    with pytest.raises(BackupError, match="cannot be read"):
        unseal(text, "one")
