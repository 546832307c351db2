from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.drawing import build_graph, mermaid_text, svg_text, tree_text
from partita.drawing.layers import draw
from tests.unit.cli.conftest import Partita
from tests.unit.cli.fake import FakeWorkspace, graph_steps, make_step

SVG = "{http://www.w3.org/2000/svg}"


def test_the_tree_shows_maps_as_one_and_what_each_step_needs(partita: Partita, workspace: FakeWorkspace) -> None:
    told = partita("graph", "news", "n=1")
    assert told.status == 0
    assert told.out.splitlines() == [
        "news",
        "├─ load",
        "├─ train/",
        "│  └─ fit ×30  ← load",
        "├─ report<&>  ← train/fit, load",
        "└─ improve  (a flow, laid out when its inputs are known)  ← report<&>",
    ]
    assert workspace.asked == [("check", "flows.py:news", {"n": "1"}, "")]


def test_mermaid_keeps_flows_together_and_quotes_names(partita: Partita) -> None:
    lines = partita("graph", "news", "--mermaid").out.splitlines()
    assert 'n2["report&lt;&amp;&gt;"]' in "\n".join(lines)
    at = lines.index('    subgraph s1["train"]')
    assert lines[at + 1 : at + 3] == ['        n1["fit ×30"]', "    end"]
    assert "    n0 --> n1" in lines
    assert "    class n3 later" in lines


def test_svg_is_well_formed_and_complete(partita: Partita, project: Path) -> None:
    told = partita("graph", "news", "--svg", "g.svg")
    assert (told.status, told.out) == (0, "")
    picture = ElementTree.fromstring((project / "g.svg").read_text())
    boxes = [group for group in picture.iter(f"{SVG}g") if group.find(f"{SVG}title") is not None]
    assert [box.findtext(f"{SVG}title") for box in boxes] == [
        "load (flows.py:7)", "train/fit ×30 (flows.py:7)", "report<&> (flows.py:7)", "improve (flows.py:7)",
    ]  # fmt: skip
    assert len([path for path in picture.iter(f"{SVG}path") if path.get("class") == "edge"]) == 4
    assert ElementTree.fromstring(partita("graph", "news", "--svg", "-").out).tag == f"{SVG}svg"


def test_graph_as_json_has_the_steps(partita: Partita) -> None:
    document = json.loads(partita("graph", "news", "--json").out)
    assert len(document["graph"]["steps"]) == 36


def test_a_refused_flow_has_no_graph(partita: Partita) -> None:
    told = partita("graph", "news", "bad=1")
    assert (told.status, told.out) == (2, "")
    assert "fit takes int" in told.err


def test_only_one_form_at_once(partita: Partita) -> None:
    told = partita("graph", "news", "--mermaid", "--json")
    assert told.status == 2
    assert "give one of them" in told.out + told.err


def test_an_unwritable_picture_is_told(partita: Partita) -> None:
    told = partita("graph", "news", "--svg", "no/such/folder/g.svg")
    assert told.status == 4
    assert told.err == "error: no/such/folder/g.svg: No such file or directory\n"


def test_plain_text_for_terminals_without_unicode() -> None:
    assert tree_text(build_graph("news", graph_steps()), is_unicode=False).isascii()


def test_without_a_step_of_its_own_the_flow_is_drawn_alike() -> None:
    """What a check lays out lacks the root step."""
    rows = [make_step(0, "load", parent=-1), make_step(1, "fit[0]", parent=-1, inputs=[0])]
    graph = build_graph("news", rows)
    assert [node.label for node in graph.nodes] == ["load", "fit ×1"]
    assert graph.edges == [(0, 1)]


def test_a_flow_that_is_needed_stands_for_its_last_steps() -> None:
    rows = [
        make_step(0, "inner", parent=-1, kind="flow"), make_step(1, "a", parent=0), make_step(2, "b", parent=0, inputs=[1]),
        make_step(3, "use", parent=-1, inputs=[0]),
    ]  # fmt: skip
    assert tree_text(build_graph("f", rows)).splitlines()[-1] == "└─ use  ← inner/b"


def test_rounds_that_share_a_box_do_not_hang_the_drawing() -> None:
    rows = [make_step(0, "a[0]", parent=-1), make_step(1, "b[0]", parent=-1, inputs=[0]),
            make_step(2, "a[1]", parent=-1, inputs=[1])]  # fmt: skip
    graph = build_graph("f", rows)
    assert graph.edges == [(0, 1), (1, 0)]
    ElementTree.fromstring(svg_text(graph))
    assert "n1 --> n0" in mermaid_text(graph)


def test_an_empty_flow_is_drawn() -> None:
    graph = build_graph("empty", [])
    assert tree_text(graph) == "empty"
    ElementTree.fromstring(svg_text(graph))


@given(
    st.integers(1, 14).flatmap(
        lambda n: st.tuples(st.just(n), st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))
    )
)
def test_boxes_never_overlap_and_edges_lead_downwards(drawn: tuple[int, set[tuple[int, int]]]) -> None:
    count, pairs = drawn
    edges = sorted((min(pair), max(pair)) for pair in pairs if pair[0] != pair[1])
    widths = [40.0 + 17 * (number % 4) for number in range(count)]
    drawing = draw(widths, 30, edges)
    for i, (x, y) in enumerate(drawing.centers):
        assert widths[i] / 2 <= x <= drawing.width - widths[i] / 2
        assert 15 <= y <= drawing.height - 15
        for j, (other_x, other_y) in enumerate(drawing.centers[:i]):
            if y == other_y:
                assert abs(x - other_x) >= (widths[i] + widths[j]) / 2
    for line in drawing.lines:
        assert all(below[1] > above[1] for above, below in pairwise(line))


@pytest.mark.parametrize("size", [1, 50])
def test_a_wide_flow_stays_within_its_picture(size: int) -> None:
    rows = [make_step(i, f"step{i}", parent=-1) for i in range(size)]
    picture = ElementTree.fromstring(svg_text(build_graph("wide " * 9, rows)))
    right = max(float(box.get("x", 0)) + float(box.get("width", 0)) for box in picture.iter(f"{SVG}rect"))
    assert right <= float(picture.get("width", 0))
