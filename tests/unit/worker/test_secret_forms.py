"""Whatever a secret is encoded to, and whatever stands around it, no part of a text shows it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.worker.masking import MASK, Masker, Scrubber
from partita.worker.secret_forms import forms_of

ENCODERS: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "large hexadecimal": lambda text: text.encode().hex().upper(),
    "percent": quote,
    "percent, all": lambda text: quote(text, safe=""),
    "percent, small": lambda text: "".join(part.lower() if part[0] == "%" else part for part in map(quote, text)),
    "of a form": quote_plus,
    "of a query": lambda text: urlencode({"a b": text}),
    "JSON": json.dumps,
    "JSON as it is": lambda text: json.dumps(text, ensure_ascii=False),
    "Python": repr,
    "Python's bytes": lambda text: repr(text.encode()),
    "HTML": html.escape,
}

#: As secrets are: of at least eight characters, so that what is left of one is not there by chance.
SECRETS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=8, max_size=40).filter(
    lambda text: text == text.strip() and len(set(text)) > 4
)
AROUND = st.text("abcXYZ019 :/=&", max_size=7)


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS.keys())
@given(secret=SECRETS, before=AROUND, after=AROUND)
def test_an_encoded_secret_inside_of_a_text_is_masked(
    encode: Callable[[str], str], secret: str, before: str, after: str
) -> None:
    told = encode(before + secret + after)
    masked = Masker([secret])(told)
    assert MASK in masked
    # What is left of base64 is what holds bits of the neighbours, too: a character on each side.
    assert len(masked) <= len(encode(before + after)) + len(MASK) + 8


@given(SECRETS, AROUND, AROUND)
def test_of_base64_no_more_is_left_than_what_holds_bits_of_the_neighbours(secret: str, before: str, after: str) -> None:
    told = base64.b64encode((before + secret + after).encode()).decode()
    first = -(-8 * len(before.encode()) // 6)  # the first character without a bit of what stands before
    last = 8 * len((before + secret).encode()) // 6  # the first with a bit of what stands after
    assert Masker([secret])(told).replace(MASK, "", 1).startswith(told[:first])
    assert told[first:last] not in Masker([secret])(told)


@given(SECRETS, st.sampled_from(list(ENCODERS.values())), st.integers(1, 9))
def test_an_encoded_secret_split_between_writes_is_masked(secret: str, encode: Callable[[str], str], size: int) -> None:
    masker = Masker([secret, "another secret"])
    data = f"first {encode(secret)} last\n".encode()
    scrubber = Scrubber(masker)
    shown = b"".join(scrubber.feed(data[i : i + size]) for i in range(0, len(data), size)) + scrubber.finish()
    assert shown == masker(data.decode()).encode()


def test_the_end_of_what_was_encoded_alone_is_masked_with_its_padding() -> None:
    for length in range(8, 12):
        secret = "Zy8s3cr3t!xQ"[:length]
        told = base64.b64encode(secret.encode()).decode()
        assert Masker([secret])(f"Basic {told} ok") == "Basic *** ok"
        assert Masker([secret])(f"Basic {told.rstrip('=')} ok") == "Basic *** ok"


def test_a_secret_that_was_stripped_before_it_was_encoded_is_masked() -> None:
    told = base64.b64encode(b"hunter2secret").decode()
    assert Masker(["hunter2secret\n"])(f"key {told}") == "key ***"


def test_a_short_secret_is_masked_only_as_it_is() -> None:
    assert forms_of("abc") == {"abc"}
    assert Masker(["abc"])("abc 616263 YWJj") == "*** 616263 YWJj"


def test_a_key_of_many_lines_is_masked_line_by_line_and_encoded_as_a_whole() -> None:
    lines = [base64.b64encode(bytes([number]) * 48).decode() for number in range(20)]
    secret = "\n".join(["-----BEGIN KEY-----", *lines, "-----END KEY-----\n"])
    masker = Masker([secret])
    assert not any(line in masker(f"{line} {json.dumps(secret)}") for line in lines)
    assert masker(base64.b64encode(secret.encode()).decode()) == MASK
    scrubber = Scrubber(masker)
    printed = b"".join(scrubber.feed(f"> {line}\n".encode()) for line in lines) + scrubber.finish()
    assert printed == b"> ***\n" * 20
