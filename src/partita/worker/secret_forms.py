"""The forms in which a secret may stand in a text: as it is, escaped, and encoded."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

__all__ = ["WELL_MASKED_LENGTH", "base64_forms_of", "forms_of"]

#: A shorter secret is masked only as it is: what it is encoded to stands in many a text by chance.
WELL_MASKED_LENGTH = 4

#: A line of a secret of several lines is masked by itself when it is at least this long.
_LINE_LENGTH = 8
#: In Base64 it is looked for from this length on.
_ENCODED_LINE_LENGTH = 16

#: How many characters of base64 hold something of the one or two bytes that stand before a secret in its group of three.
_SHARED_BEFORE = (0, 2, 3)


def forms_of(secret: str) -> set[str]:
    """Every form that is looked for. Lines of a secret of several are looked for as they are, escaped and in Base64."""
    whole = _whole(secret)
    lines = [line for line in secret.splitlines() if len(line) >= _LINE_LENGTH]
    found = {form for text in {*whole, *lines} for form in _escaped(text)}
    found.update(form for text in whole if len(text) >= WELL_MASKED_LENGTH for form in _encoded(text))
    return (found | base64_forms_of(secret)) - {""}


def base64_forms_of(secret: str) -> set[str]:
    """What it is in Base64, which programs break into lines."""
    texts = {text for text in _whole(secret) if len(text) >= WELL_MASKED_LENGTH}
    texts.update(line for line in secret.splitlines() if len(line) >= _ENCODED_LINE_LENGTH)
    return {form for text in texts for form in _base64(_bytes_of(text))} - {""}


def _whole(secret: str) -> set[str]:
    """The secret, and what a program that cuts off blanks makes of it."""
    return {secret, secret.strip()} if len(secret.strip()) >= WELL_MASKED_LENGTH else {secret}


def _escaped(text: str) -> Iterator[str]:
    yield text
    yield repr(text)[1:-1]
    if len(text) >= WELL_MASKED_LENGTH:
        yield repr(_bytes_of(text))[2:-1]
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        yield html.escape(text)
        yield html.escape(text, quote=False)


def _encoded(text: str) -> Iterator[str]:
    data = _bytes_of(text)
    yield data.hex()
    yield data.hex().upper()
    for form in (quote(data), quote(data, safe=""), quote_plus(data)):
        yield form
        yield _with_small_digits(form)


def _base64(data: bytes) -> Iterator[str]:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            yield from _in_base64(encode(bytes(before) + data).decode(), before, len(data))


def _in_base64(encoded: str, before: int, length: int) -> Iterator[str]:
    """What of it holds the secret alone; and where the text ends with the secret, its last character with and without padding."""
    start, whole = _SHARED_BEFORE[before], 8 * (before + length) // 6
    yield encoded[start:whole]
    yield encoded[start:]
    yield encoded[start:].rstrip("=")


def _with_small_digits(quoted: str) -> str:
    """The same with %2f for %2F."""
    head, *rest = quoted.split("%")
    return head + "".join("%" + part[:2].lower() + part[2:] for part in rest)


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
