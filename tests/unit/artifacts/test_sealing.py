"""What is sealed for an attempt opens there, as what it is, and nowhere else."""

from __future__ import annotations

import pytest

from partita.artifacts.sealing import Recipient, seal_for
from partita.errors import SecretError


def test_only_who_asked_opens_it() -> None:
    one, other = Recipient(), Recipient()
    sealed = seal_for(one.public_key, "hunter2 é", "TOKEN")
    assert b"hunter2" not in sealed
    assert one.open(sealed, "TOKEN") == "hunter2 é"
    with pytest.raises(SecretError, match="TOKEN"):
        other.open(sealed, "TOKEN")


def test_it_opens_as_nothing_else() -> None:
    one = Recipient()
    sealed = seal_for(one.public_key, "hunter2", "TOKEN")
    for wrong in (sealed[:-1], sealed[:20], b"", bytes(32) + sealed[32:]):
        with pytest.raises(SecretError):
            one.open(wrong, "TOKEN")
    with pytest.raises(SecretError):
        one.open(sealed, "OTHER")


def test_two_answers_differ() -> None:
    one = Recipient()
    assert seal_for(one.public_key, "hunter2", "TOKEN") != seal_for(one.public_key, "hunter2", "TOKEN")


@pytest.mark.parametrize("key", [b"", b"short", bytes(32)])
def test_what_is_no_key_is_refused(key: bytes) -> None:
    with pytest.raises(SecretError, match="TOKEN"):
        seal_for(key, "hunter2", "TOKEN")
