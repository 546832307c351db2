"""What is kept of values as HTML: whatever it holds, it stays what it is, a text."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.drawing.record_html import record_html

EVIL = "</span><script>alert(1)</script>\"'><img src=x onerror=y>"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.told = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.told += data


def read(record: dict[str, Any] | None, preview: str = "") -> Tags:
    tags = Tags()
    tags.feed(record_html(record, preview))
    assert "script" not in {tag for tag, _ in tags.found}
    assert all(not name.startswith("on") for _, given in tags.found for name in given)
    return tags


def test_a_sound_is_a_waveform() -> None:
    record = {"kind": "audio", "rate_hz": 8000, "channels": 1, "duration_s": 2.0, "envelope": [[-1, 1], [0.0, 0.0]]}
    tags = read(record)
    (path,) = [given for tag, given in tags.found if tag == "path"]
    assert (path["d"] or "").count("M") == 2 and "1 channel at 8,000 Hz" in tags.told
    assert "<svg" not in record_html(record | {"envelope": []})
    assert "<svg" not in record_html(record | {"envelope": [["x", EVIL]]})


def test_html_stands_in_a_frame_without_rights() -> None:
    tags = read({"kind": "html", "html": EVIL, "is_cut": True})
    (frame,) = [given for tag, given in tags.found if tag == "iframe"]
    assert frame["sandbox"] == "" and frame["srcdoc"] == EVIL


@pytest.mark.parametrize(
    "record",
    [
        {"kind": "table", "rows": 9, "columns": [[EVIL, EVIL]], "head": [[EVIL]], "numbers": {}},
        {"kind": "text", "text": EVIL, "length": 10**6},
        {"kind": "image", "width": 1, "height": 1, "mode": EVIL, "png": EVIL.encode()},
        {"kind": "array", "type": EVIL, "shape": [3], "numbers": None},
        {"kind": EVIL}, {"kind": "table"}, None,
    ],
)  # fmt: skip
def test_texts_are_escaped(record: dict[str, Any] | None) -> None:
    tags = read(record, preview=EVIL)
    assert {tag for tag, _ in tags.found} <= {"div", "style", "span", "b", "br", "pre", "code", "img"}
    assert all((given["src"] or "").startswith("data:image/png;base64,") for tag, given in tags.found if tag == "img")


def test_a_table_shows_head_types_and_histograms() -> None:
    numbers = {"count": 2, "missing": 0, "min": 0, "max": 1, "mean": 0.5, "bins": [1, 0, 1], "is_sample": False}
    tags = read(
        {
            "kind": "table",
            "rows": 2,
            "columns": [["x", "int64"], ["s", "str"]],
            "head": [["1", "a"]],
            "numbers": {"x": numbers},
        }
    )
    assert all(told in tags.told for told in ("x", "int64", "█ █", "table of 2 rows"))


@given(st.dictionaries(st.sampled_from(["kind", "envelope", "rows", "head", "columns", "png", "html", "text", "length"]),
                       st.one_of(st.sampled_from(["audio", "table", "image", "html", "text", "array"]), st.integers(), st.none(),
                                 st.lists(st.lists(st.floats(), max_size=3), max_size=3))))  # fmt: skip
def test_any_record_gives_a_piece_of_html(record: dict[str, Any]) -> None:
    assert record_html(record, "x").startswith('<div class="partita">')
