"""What a run gave, for people and programs."""

from __future__ import annotations

from typing import Any

import pytest

from partita.drawing.results import result_json, result_text
from partita.protocol.stored_files import FILE, FOLDER
from partita.values import BLOB, DICT, INLINE, LIST, OBJECT, OUTCOME, PLAIN, SELECT, pack

FINE = [OUTCOME, True, [PLAIN, {"a": 3}], None]
BAD = [OUTCOME, False, None, {"type": "ValueError", "message": "no"}]


@pytest.mark.parametrize(
    ("node", "path", "value"),
    [
        (FINE, ["ok"], True),
        (FINE, ["value"], {"a": 3}),
        (FINE, ["value", "a"], 3),
        (FINE, ["error"], None),
        (BAD, ["ok"], False),
        (BAD, ["value"], None),
        (BAD, ["error", "message"], "no"),
        ([PLAIN, [1, [2]]], [1, 0], 2),
    ],
)
def test_a_part_of_an_outcome_is_shown_as_what_it_is(node: Any, path: list[Any], value: Any) -> None:
    packed = pack([DICT, ["x"], [[SELECT, node, path]]])
    assert result_json(packed) == {"x": value}
    assert result_text(packed) == str({"x": value})


@pytest.mark.parametrize(
    ("node", "path", "text"),
    [
        ([INLINE, "numpy", b"", "int64[3]"], [2], "[2] of int64[3]"),
        (FINE, ["nothing"], "['nothing'] of Outcome({'a': 3})"),
    ],
)
def test_a_part_that_only_workers_can_open_says_of_what_it_is(node: Any, path: list[Any], text: str) -> None:
    packed = pack([SELECT, node, path])
    assert result_text(packed) == text
    assert result_json(packed) == {"preview": text}


def test_files_and_folders_are_told_in_a_few_words() -> None:
    content = [BLOB, "file", "0" * 64, 12, "a.csv, 12 bytes"]
    file = [OBJECT, FILE, ["name", "content"], [[PLAIN, "a.csv"], content]]
    folder = [OBJECT, FOLDER, ["name", "contents"], [[PLAIN, "out"], [DICT, ["a.csv", "b/c.csv"], [content, content]]]]
    assert result_text(pack([LIST, [file, folder]])) == "[File a.csv, 12 bytes, Folder out, 2 files]"


def test_a_long_record_has_a_line_for_each_field() -> None:
    node = [OBJECT, "m:Found", ["kind", "numbers"], [[PLAIN, "x"], [PLAIN, {f"metric{n}": n / 7 for n in range(6)}]]]
    lines = result_text(pack(node), 60).splitlines()
    assert lines[0] == "Found(" and lines[1] == "  kind='x'," and lines[-1] == ")"
    assert lines[2].startswith("  numbers={'metric0': 0.0,") and max(map(len, lines)) <= 62
    assert result_text(pack(node), 500).startswith("Found(kind='x', numbers={")
