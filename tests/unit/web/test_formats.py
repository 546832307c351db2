"""Numbers as pages show them."""

from __future__ import annotations

from typing import Any

import pytest

from partita.web.formats import Formats
from partita.web.texts import Texts


@pytest.mark.parametrize(
    "value, told",
    [
        (12345, "12,345"), (-3, "-3"), (0, "0"), (10**20, "100,000,000,000,000,000,000"), (10**400, "1e+400"),
        (1234567.0, "1,234,567"), (0.12345, "0.1235"), (float("inf"), "inf"),
        (float("nan"), "nan"), (True, "True"), (None, "None"), ([1], "[1]"),
    ],
)  # fmt: skip
def test_any_number_is_told(value: Any, told: str) -> None:
    assert Formats(Texts("en"), 0.0).number(value) == told


def test_a_number_of_more_digits_than_python_writes_is_told() -> None:
    assert Formats(Texts("en"), 0.0).number(-123456 * 10**5000) == "-1.235e+5005"
