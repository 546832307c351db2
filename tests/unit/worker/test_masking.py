"""Secrets do not reach the disk, however they are written."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
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


LONG = "tok_" + "Zq7Lr5Xw2Mn8Bv4Ks1Hd9Fg6Tj3Py0Ua" * 3


def _in_lines(data: bytes, width: int, end: str) -> str:
    text = base64.b64encode(data).decode()
    return "".join(text[at : at + width] + end for at in range(0, len(text), width))


@pytest.mark.parametrize(
    "secret", [LONG, "hunter2-hunter2", "ключ-ключ-ключ", "-----BEGIN KEY-----\n" + LONG + "\n-----END KEY-----\n"]
)
@pytest.mark.parametrize("width, end", [(76, "\n"), (76, "\r\n"), (64, "\n"), (20, "\n"), (7, "\n")])
def test_a_secret_in_base64_that_is_broken_into_lines_is_masked(secret: str, width: int, end: str) -> None:
    data = secret.encode()
    for before in range(80):
        text = "said:\n" + _in_lines(b"x" * before + data + b"y" * (before % 5), width, end) + "and on\n"
        hidden = base64.b64encode(data[3:-3]).decode()[4:-4]
        masked = Masker([secret])(text)
        assert hidden not in masked.replace("\r", "").replace("\n", "")
        rests = [base64.b64encode(data[begin:]).decode()[8:-8] for begin in range(3)]
        joined = masked.replace("\r", "").replace("\n", "")
        assert "***" in masked and not any(rest in joined for rest in rests)
        assert masked.startswith("said:\n") and masked.endswith("and on\n")
        lines = [line.encode() for line in text.splitlines(keepends=True)]
        assert _scrubbed([secret], [text.encode()]) == masked.encode()
        if width > 7:
            joined = _scrubbed([secret], lines).decode().replace("\r", "").replace("\n", "")
            assert not any(rest in joined for rest in rests)


def test_lines_are_shown_at_once_where_they_do_not_begin_like_a_secret() -> None:
    scrubber = Scrubber(Masker([LONG]))
    assert [scrubber.feed(line) for line in (b"one\n", b"progress: 5 %", b"\ntwo\n")] == [
        b"one\n",
        b"progress: 5 %",
        b"\ntwo\n",
    ]


def test_lines_that_only_begin_like_a_secret_are_shown_at_the_end() -> None:
    begun = base64.b64encode(LONG.encode())[:40] + b"\n"
    scrubber = Scrubber(Masker([LONG]))
    assert scrubber.feed(b"a\n" + begun) + scrubber.feed(b"other\n") + scrubber.finish() == b"a\n" + begun + b"other\n"


def test_a_line_of_a_secret_is_masked_in_base64() -> None:
    secret = "first line of the key\nsecond line of the key\n"
    for line in secret.splitlines():
        masked = Masker([secret])("x " + base64.b64encode(line.encode()).decode())
        assert masked.startswith("x ***") and len(masked) < 9
