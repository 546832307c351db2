"""Pictures of lineage."""

from __future__ import annotations

from xml.etree import ElementTree

from partita.drawing.lineage_picture import lineage_picture
from partita.protocol.artifacts import LineageNode, LineageView

NAMESPACE = "{http://www.w3.org/2000/svg}"


def node(number: int, path: str, **more: object) -> LineageNode:
    made = LineageNode(
        number=number, run="r1", flow="<flow>", step=number, path=path, state="succeeded", marks=[], is_start=False
    )
    made.update(more)  # type: ignore[typeddict-item]
    return made


def test_every_step_is_a_link_and_every_edge_is_drawn() -> None:
    nodes = [node(0, "fit", is_start=True), node(1, 'load["&"]', marks=["cached"]), node(2, "score", run="r2")]
    lineage = LineageView(name="r1:fit", nodes=nodes, edges=[[1, 0, "value"], [0, 2, "same blob"]], is_cut=False)
    root = ElementTree.fromstring(lineage_picture(lineage, lambda node: f"/x?name={node['run']}&step={node['step']}"))
    links = root.findall(f".//{NAMESPACE}a")
    assert [link.get("href") for link in links] == ["/x?name=r1&step=0", "/x?name=r1&step=1", "/x?name=r2&step=2"]
    assert links[1].get("aria-label") == 'load["&"], <flow> r1, succeeded, cached'
    assert links[0].get("aria-current") == "true" and links[1].get("aria-current") is None
    edges = [path for path in root.iter(f"{NAMESPACE}path") if path.get("marker-end")]
    assert len(edges) == 2
    assert "same blob" in "".join(root.itertext())


def test_a_step_without_an_address_is_no_link() -> None:
    lineage = LineageView(name="r1:fit", nodes=[node(0, "fit", is_start=True)], edges=[], is_cut=False)
    assert "<a " not in lineage_picture(lineage, lambda node: "")
