"""Tokens of attempts: what they name, and that nothing else is one."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.auth.attempts import attempt_token, verify_attempt_token
from partita.protocol.access import credential_id

KEY = b"k" * 32
NOW = 1_700_000_000.0
TOKEN = attempt_token(KEY, "0abc", 3, 2, NOW + 60)


def test_a_token_names_its_attempt_until_it_expires() -> None:
    found = verify_attempt_token(KEY, TOKEN, NOW)
    assert found is not None and (found.kind, found.run, found.step, found.attempt) == ("attempt", "0abc", 3, 2)
    assert (
        verify_attempt_token(KEY, TOKEN, NOW + 59.9) is not None and verify_attempt_token(KEY, TOKEN, NOW + 60) is None
    )


def test_another_workspace_signs_otherwise() -> None:
    assert verify_attempt_token(b"K" * 32, TOKEN, NOW) is None


def test_a_token_of_a_program_is_none_of_an_attempt() -> None:
    assert (
        credential_id("token", TOKEN) == ""
        and verify_attempt_token(KEY, "partita_" + "0" * 12 + "_" + "x" * 43, NOW) is None
    )


@pytest.mark.parametrize(
    "wrong",
    ["", "partita_attempt.", "partita_attempt..", TOKEN + "=", TOKEN[:-1], TOKEN + "A", " " + TOKEN, TOKEN.upper(),
     TOKEN.replace(".", "..", 1), TOKEN + "é", TOKEN + "\n", "partita_attempt." + "x" * 5000],
)  # fmt: skip
def test_what_is_not_quite_one_is_none(wrong: str) -> None:
    assert verify_attempt_token(KEY, wrong, NOW) is None


def test_the_body_cannot_be_changed() -> None:
    head, body, signature = TOKEN.split(".")
    other = base64.urlsafe_b64encode(json.dumps(["0abd", 3, 2, int(NOW + 60)]).encode()).decode().rstrip("=")
    assert verify_attempt_token(KEY, f"{head}.{other}.{signature}", NOW) is None
    assert verify_attempt_token(KEY, f"{head}.{body}={'.'}{signature}", NOW) is None


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="ascii"))
def test_no_character_can_be_changed(place: int, character: str) -> None:
    changed = TOKEN[:place] + character + TOKEN[place + 1 :]
    assert changed == TOKEN or verify_attempt_token(KEY, changed, NOW) is None
