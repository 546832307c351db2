"""Versions of a model side by side."""

from __future__ import annotations

from typing import Any

import pytest

from partita.web.model_versions import _best


@pytest.mark.parametrize(
    ("name", "values", "place"),
    [
        ("accuracy", [0.8, 0.9], 1), ("mase", [0.8, 1.2], 0), ("bias", [-3.0, 0.5, 1.0], 1), ("coverage_0.9", [0.99, 0.91], 1),
        ("rmse", [float("nan"), 2.0, 1.0], 2), ("rmse", [None, 2.0], -1),
    ],
)  # fmt: skip
def test_the_best_of_a_row_is_marked(name: str, values: list[Any], place: int) -> None:
    assert _best(name, values) == place
