"""What is kept of values as HTML: whatever it holds, it stays what it is, a text."""

from __future__ import annotations

import time
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
    assert frame["sandbox"] == "" and (frame["srcdoc"] or "").endswith(EVIL)
    assert (frame["srcdoc"] or "").startswith('<meta http-equiv="Content-Security-Policy" content="default-src')


def test_a_page_keeps_its_doctype_before_what_forbids_it_to_load_anything() -> None:
    tags = read(
        {"kind": "html", "html": "\n<!DOCTYPE html><img src='https://elsewhere.example/seen.gif'>", "is_cut": False}
    )
    (frame,) = [given for tag, given in tags.found if tag == "iframe"]
    head, _, rest = (frame["srcdoc"] or "").partition("<meta ")
    assert head == "\n<!DOCTYPE html>" and "default-src 'none'" in rest and "elsewhere" in rest


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


NUMBERS = {"count": 1, "missing": 0, "min": 0, "max": 1, "mean": 0.5, "bins": [1], "is_sample": False}
HOSTILE = [
    EVIL,
    "<svg/onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "]]><!--<script>",
    "</pre></code></style></iframe><script>alert(1)</script>",
    "&lt;script&gt;&#x3c;script&#x3e;",
    b"\xff\xfe<script>".decode("utf-8", "surrogateescape"),
    "\ud800\ufffe\x00\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07",
    "\u202egnp.exe\x08\x7f\x9b31m",
    "\x1b[" + "1" * 1_000_000,
    "\x1bP" * 500_000,
    "<script>" * 125_000,
]


def records(evil: str) -> list[dict[str, Any]]:
    """Every kind of record with the text wherever one can stand."""
    return [
        {
            "kind": "table",
            "rows": 1,
            "columns": [[evil, evil], ["x", "int"]],
            "head": [[evil, evil]] * 3,
            "numbers": {evil: NUMBERS},
        },
        {"kind": "table", "rows": evil, "columns": [[evil, evil]], "head": evil, "numbers": {}},
        {"kind": "array", "type": evil, "shape": [1], "numbers": NUMBERS},
        {"kind": "image", "width": 1, "height": 1, "mode": evil, "png": evil.encode("utf-8", "surrogatepass")},
        {"kind": "image", "width": evil, "height": 1, "mode": evil, "png": evil},
        {
            "kind": "audio",
            "rate_hz": 8,
            "channels": 1,
            "duration_s": 1.0,
            "envelope": [[0, 1], [float("nan"), float("inf")]],
        },
        {"kind": "audio", "rate_hz": evil, "channels": evil, "duration_s": evil, "envelope": [[evil, evil]]},
        {"kind": "html", "html": evil, "is_cut": False},
        {"kind": "text", "text": evil, "length": len(evil)},
        {"kind": evil},
    ]


@pytest.mark.parametrize("evil", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_content_of_every_kind_is_a_text_or_in_the_frame(evil: str) -> None:
    for record in records(evil):
        told = record_html(record, preview=evil, title=evil)
        told.encode("utf-8")  # or the page around it could not be sent
        assert len(told) < 6 * len(evil) + 400_000
        tags = Tags()
        tags.feed(told)
        tags.close()
        allowed = {"div", "style", "span", "b", "br", "pre", "code", "img", "svg", "path", "iframe"}
        assert {tag for tag, _ in tags.found} <= allowed
        for tag, attributes in tags.found:
            assert not any(name.startswith("on") or name in ("href", "xlink:href") for name in attributes)
            assert tag != "iframe" or attributes["sandbox"] == ""
            assert tag != "img" or (attributes["src"] or "").startswith("data:image/png;base64,")
        assert told.count("<style>") == 1 and "\x00" not in told


@pytest.mark.parametrize("evil", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_costs_little_time(evil: str) -> None:
    begun = time.process_time()
    for record in records(evil):
        record_html(record, preview=evil, title=evil)
    assert time.process_time() - begun < 10.0


@pytest.mark.parametrize(
    "record",
    [
        {"kind": "table", "rows": 1, "columns": [["a", "int"]], "head": [["1"]], "numbers": [1]},
        {"kind": "table", "rows": 1, "columns": [["a", "int"]], "head": [["1"]], "numbers": {"a": [1]}},
        {"kind": "array", "type": "int", "shape": [1], "numbers": [1]},
        {"kind": "array", "type": "int", "shape": 3, "numbers": {"min": 10**400, "max": None, "bins": [1], "mean": "x"}},
        {"kind": "image", "png": None}, {"kind": "audio", "envelope": [[10**400, 1]]}, {"kind": "audio", "envelope": 3},
        {"kind": "text", "text": None, "length": "x"}, {"kind": []}, [1], 7,
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_read_leaves_the_short_text(record: Any) -> None:
    assert "its short text" in read(record, "its short text").told
