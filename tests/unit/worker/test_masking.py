"""Secrets do not reach the disk, however they are written."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from partita.worker.masking import Masker, MaskingPipe, Scrubber


def _scrubbed(secrets: list[str], pieces: list[bytes]) -> bytes:
    scrubber = Scrubber(Masker(secrets))
    return b"".join(map(scrubber.feed, pieces)) + scrubber.finish()


def test_a_secret_in_a_text_is_masked() -> None:
    assert Masker(["hunter2"])("password=hunter2!") == "password=***!"


def test_the_longer_of_two_secrets_that_begin_alike_wins() -> None:
    assert Masker(["abc", "abcdef"])("abcdef abc") == "*** ***"


def test_lines_of_a_secret_of_several_lines_are_masked() -> None:
    masker = Masker(["-----BEGIN KEY-----\nMIIEvQIBADANBg\n"])
    assert masker("first MIIEvQIBADANBg last") == "first *** last"


def test_the_escaped_form_is_masked_in_a_repr() -> None:
    secret = 'pass\\word\n"quoted"'
    assert "word" not in Masker([secret])(f"ValueError({secret!r})")


def test_a_secret_split_between_writes_is_masked() -> None:
    assert _scrubbed(["hunter2"], [b"a hun", b"te", b"r2 b"]) == b"a *** b"


def test_what_only_begins_like_a_secret_is_shown() -> None:
    assert _scrubbed(["hunter2"], [b"hunt", b"ing hunter"]) == b"hunting hunter"


def test_a_secret_that_could_go_on_is_not_shown_early() -> None:
    assert _scrubbed(["abc", "abcdef"], [b"abc", b"def"]) == b"***"


@given(st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=3), st.text("abcx"), st.integers(1, 5))
def test_any_split_gives_what_the_whole_gives(secrets: list[str], text: str, size: int) -> None:
    data = text.encode()
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    assert _scrubbed(secrets, pieces) == _scrubbed(secrets, [data]) == Masker(secrets)(text).encode()


def test_the_pipe_writes_all_that_was_put_in(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    pipe = MaskingPipe(Masker(["secret"]), file)
    for _ in range(20_000):
        os.write(pipe.entrance, b"a secret line\n")
    pipe.close()
    os.close(file)
    assert path.read_bytes() == b"a *** line\n" * 20_000


def test_a_full_disk_does_not_stop_the_pipe() -> None:
    file = os.open("/dev/full", os.O_WRONLY)
    pipe = MaskingPipe(Masker(["secret"]), file)
    for _ in range(2_000):
        os.write(pipe.entrance, b"x" * 100)
    pipe.close()
    os.close(file)
