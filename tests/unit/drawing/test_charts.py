"""Charts of numbers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from math import inf, nan

from hypothesis import given
from hypothesis import strategies as st

from partita.drawing.charts import Bar, Line, bar_chart, dot_chart, interval_chart, line_chart, matrix_chart

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=30))
def test_any_points_make_a_picture_that_can_be_read(points: list[tuple[float, float]]) -> None:
    for svg in (
        line_chart("a & b", [Line("x < y", points)], x_label="x", y_label="y"),
        dot_chart("dots", points, x_label="x", y_label="y"),
        interval_chart("rows", [Bar("a", x, min(x, y), max(x, y)) for x, y in points], x_label="x", guide=0.0),
    ):
        ElementTree.fromstring(svg)
        assert "nan" not in svg and "inf" not in svg.replace("info", "")


def test_lines_begin_and_end_where_they_are_said_to() -> None:
    svg = line_chart("t", [Line("", [(0, 0), (1, 1)])], x_label="", y_label="", x=(0, 1), y=(0, 1))
    assert 'd="M70.0 368.0 620.0 48.0"' in svg


def test_numbers_that_cannot_be_drawn_are_left_out() -> None:
    svg = line_chart("t", [Line("", [(0, nan), (1, 1), (2, inf), (3, 2)])], x_label="", y_label="")
    assert re.findall(r'class="line" stroke="#4a86d8" d="M([^"]*)"', svg) == ["70.0 368.0 620.0 48.0"]


def test_many_points_are_thinned_and_keep_their_ends() -> None:
    points = [(float(n), float(n)) for n in range(100_000)]
    svg = line_chart("t", [Line("a", points)], x_label="", y_label="")
    assert len(svg) < 8000 and "70.0 368.0" in svg and "620.0 48.0" in svg
    assert dot_chart("t", points, x_label="", y_label="").count("h0") == 600


def test_a_matrix_has_a_cell_for_each_count() -> None:
    svg = matrix_chart("t", ["a", "b"], [[3, 0], [1, 4]], row_label="truth", column_label="said")
    ElementTree.fromstring(svg)
    assert re.findall(r">(\d+)</text>", svg) == ["3", "1", "4"]


def test_bars_stand_on_the_axis() -> None:
    root = ElementTree.fromstring(bar_chart("t", [(0, 1, 2), (1, 2, 4)], x_label="x", y_label="n"))
    bars = [element for element in root if element.tag.endswith("rect")]
    assert [float(bar.attrib["y"]) + float(bar.attrib["height"]) for bar in bars] == [368.0, 368.0]
    assert float(bars[1].attrib["height"]) == 2 * float(bars[0].attrib["height"])
