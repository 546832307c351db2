from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.cli.output import json_text
from partita.drawing.cells import clean, clean_log, fit, pad, width
from partita.drawing.results import result_json, result_text
from partita.values import BLOB, DICT, INLINE, LIST, OBJECT, OUTCOME, PLAIN, TUPLE, pack


@pytest.mark.parametrize(
    ("text", "cells"), [("abc", 3), ("模型", 4), ("e\u0301", 1), ("a\u200db", 2), ("✓", 1), ("ｱ", 1)]
)
def test_width(text: str, cells: int) -> None:
    assert width(text) == cells


@given(st.text(), st.integers(0, 30))
def test_what_is_cut_fits(text: str, cells: int) -> None:
    assert width(fit(text, cells)) <= cells
    assert width(pad(fit(text, cells), cells)) == cells


def test_numbers_are_padded_on_the_left() -> None:
    assert pad("7", 3, is_right=True) == "  7"


@given(st.text())
def test_clean_text_steers_nothing(text: str) -> None:
    cleaned = clean("\x1b[2J" + text + "\x1b]0;title\x07\n\r\x9b31m")
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in cleaned)


def test_logs_keep_lines_and_colours_only() -> None:
    raw = "a\tb\n\x1b[31mred\x1b[0m\x1b[2J\x1b]0;t\x07\x07\x1b[?25l 50%\r 51%"
    assert clean_log(raw, keeps_colors=True) == "a\tb\n\x1b[31mred\x1b[0m 50%\r 51%"
    assert clean_log(raw, keeps_colors=False) == "a\tb\nred 50%\r 51%"


def test_json_is_strict() -> None:
    assert json_text({"a": [float("nan"), float("-inf"), b"\xff", "\ud800", (1,)]}) == (
        '{"a": ["NaN", "-Infinity", "ff", "?", [1]]}'
    )


NODE = [
    DICT, ["a", "b", "c", "d"],
    [
        [PLAIN, 1], [TUPLE, [[INLINE, "npy", b"..", "array of 3"], [LIST, [[PLAIN, "x"]]]]],
        [OBJECT, "m:Point", ["x"], [[BLOB, "npy", "ab" * 32, 9000, "array of 900"]]],
        [LIST, [[OUTCOME, True, [PLAIN, 1], None], [OUTCOME, False, None, {"message": "no"}]]],
    ],
]  # fmt: skip


def test_results_as_text_show_previews() -> None:
    assert result_text(pack(NODE), 200) == (
        "{'a': 1, 'b': (array of 3, ['x']), 'c': Point(x=array of 900), 'd': [Outcome(1), Outcome(error='no')]}"
    )
    assert result_text(pack([PLAIN, "two\nlines"])) == "two\nlines"
    assert result_text(pack([PLAIN, None])) == result_text(None) == ""


def test_results_as_json_are_plain() -> None:
    assert result_json(pack(NODE)) == {
        "a": 1,
        "b": [{"codec": "npy", "preview": "array of 3"}, ["x"]],
        "c": {"x": {"codec": "npy", "preview": "array of 900", "hash": "ab" * 32, "size_bytes": 9000}},
        "d": [{"ok": True, "value": 1, "error": None}, {"ok": False, "value": None, "error": {"message": "no"}}],
    }
