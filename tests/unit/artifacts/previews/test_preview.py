from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from partita.artifacts.previews.preview import PREVIEW_LIMIT, preview


class DataFrame:
    """As pandas and polars show theirs."""

    columns = ("text", "label")

    @property
    def shape(self) -> tuple[int, int]:
        return (7634, 2)


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no")


class HostileShape:
    @property
    def shape(self) -> Any:
        raise RuntimeError("no")


class NotText:
    def __repr__(self) -> Any:
        return 5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros((3, 4)), "ndarray float64 (3, 4)"), (np.array(1), "ndarray int64 ()"), (np.float64(1.5), "np.float64(1.5)"),
        (DataFrame(), "DataFrame 7,634 x 2: text, label"), (b"x" * 5000, "bytes 5,000"), (Hostile(), "<Hostile"),
        (HostileShape(), "<HostileShape"), (NotText(), "<NotText"), ({"a": [1, 2]}, "{'a': [1, 2]}"), ("a\nb", "'a\\nb'"),
        (np.ndarray, "<class 'numpy.ndarray'>"),
    ],
    ids=lambda item: item if type(item) is str else "",
)  # fmt: skip
def test_a_preview_tells_what_it_is(value: Any, text: str) -> None:
    assert preview(value).startswith(text)


def test_a_preview_is_short_one_line_of_text_that_can_be_sent() -> None:
    for value in (
        list(range(10**6)),
        "x\n" * 10**6,
        "\ud800" * 500,
        dict.fromkeys(range(1000), "y" * 99),
        [[[[[[[1]]]]]]],
    ):
        text = preview(value)
        assert len(text) <= PREVIEW_LIMIT and "\n" not in text
        text.encode()


@pytest.mark.parametrize("length", [30, 93, 150, 5000])
@pytest.mark.parametrize("make", [
    lambda text: text, lambda text: text * 3, lambda text: "-" * 100 + text + "-" * 100_000, lambda text: "-" * 100_000 + text,
    lambda text: [text + "-" * 100], lambda text: {"k": "-" * 50 + text}, lambda text: ("-" * 100 + text).encode(),
    lambda text: Shown("-" * 50 + text), lambda text: [Shown("-" * 50 + text + "-" * 50)],
], ids=range(9))  # fmt: skip
def test_no_part_of_a_secret_is_shown_where_a_text_is_cut(make: Callable[[str], Any], length: int) -> None:
    secret = "".join(chr(ord("A") + number % 26) for number in range(length))
    told = preview(make(secret), lambda text: text.replace(secret, "***"))
    assert not any(secret[place : place + 8] in told for place in range(26)), told


class Shown:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def test_a_picture_is_told_by_its_size_and_not_by_its_address() -> None:
    pillow = pytest.importorskip("PIL.Image")
    assert preview(pillow.new("RGBA", (600, 400))) == "Image RGBA 600 x 400"
