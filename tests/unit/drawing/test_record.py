from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.drawing.cells import width
from partita.drawing.record import histogram_text, record_lines

NUMBERS = {
    "count": 900,
    "missing": 3,
    "min": -1.5,
    "max": 20.0,
    "mean": 4.25,
    "bins": [1, 0, 50, 100],
    "is_sample": True,
}
TABLE = {
    "kind": "table", "rows": 900, "columns": [["city", "str"], ["price\x1b[31m", "float64"]],
    "head": [["Lisbon", "1.5"], ["Oslo", "20.0"]], "numbers": {"price\x1b[31m": NUMBERS},
}  # fmt: skip


def test_a_table_is_shown_with_its_head_types_and_histograms() -> None:
    lines = record_lines(TABLE)
    assert lines[0] == "table of 900 rows and 2 columns"
    assert lines[1].split() == ["city", "price"] and lines[2].split() == ["str", "float64"]
    assert lines[3] == "Lisbon  1.5" and lines[5] == "..."
    assert lines[-1] == "price  -1.5 ▁ ▄█ 20  mean 4.25  3 missing  of a sample"
    assert not any("\x1b" in line for line in lines)
    assert all(width(line) <= 20 for line in record_lines(TABLE, 20))


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"kind": "array", "type": "float32", "shape": [3, 2000], "numbers": None}, "float32 array of 3 x 2,000"),
        ({"kind": "array", "type": "int8", "shape": [], "numbers": None}, "int8 array of one number"),
        (
            {"kind": "image", "width": 640, "height": 480, "mode": "RGB", "png": b""},
            "picture of 640 x 480 pixels (RGB)",
        ),
        ({"kind": "html", "html": "<b>x</b>" * 200, "is_cut": False}, "HTML of 1.6 KiB"),
        ({"kind": "text", "text": "a\nb", "length": 3}, "a|b"),
        ({"kind": "text", "text": "ab", "length": 5000}, "ab|... (5,000 characters)"),
        ({"kind": "what is to come", "rows": 1}, ""),
        ({"kind": "table", "rows": 1}, ""),
    ],
)
def test_other_kinds_are_told_in_words(record: dict[str, Any], told: str) -> None:
    assert "|".join(record_lines(record)) == told


def test_a_sound_is_drawn_by_its_envelope() -> None:
    record = {
        "kind": "audio",
        "rate_hz": 44100,
        "channels": 2,
        "duration_s": 2.5,
        "envelope": [[0, 0], [-1, 1], [-0.5, 0.5]],
    }
    assert record_lines(record, is_unicode=False) == ["sound of 2.5 s, 2 channels at 44,100 Hz", " @="]


@given(st.lists(st.integers(0, 10**9), max_size=40))
def test_a_histogram_has_a_cell_a_bin_and_shows_what_is_not_empty(bins: list[int]) -> None:
    text = histogram_text(bins)
    assert text == "" if not any(bins) else len(text) == len(bins)
    assert all((sign == " ") == (not count) for sign, count in zip(text, bins, strict=False))
