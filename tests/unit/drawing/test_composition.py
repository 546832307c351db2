"""Pictures of composed models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from partita.drawing.composition import composition_picture

NAMESPACE = "{http://www.w3.org/2000/svg}"


def member(name: str, title: str = "Ridge", **more: Any) -> dict[str, Any]:
    return {"name": name, "title": title, **more}


def drawn(title: str, members: list[dict[str, Any]], version_of: Any = lambda member: None) -> ElementTree.Element:
    return ElementTree.fromstring(composition_picture(title, members, "price", version_of))


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{NAMESPACE}text")]


def places(root: ElementTree.Element) -> dict[str, tuple[float, float, float]]:
    """Left, right and top of each box, by its name."""
    found = {}
    for box in root:
        label, shape = box.find(f"{NAMESPACE}text"), box.find(f"{NAMESPACE}rect")
        if label is not None and shape is not None:
            left, top = map(float, box.get("transform", "")[len("translate(") : -1].split())
            found[str(label.text)] = (left, left + float(shape.get("width", "0")), top)
    return found


def ends(root: ElementTree.Element) -> int:
    return sum(path.get("marker-end") is not None for path in root.iter(f"{NAMESPACE}path"))


def test_members_lead_to_what_combines_them_and_that_to_the_output() -> None:
    root = drawn("Blend of a, b", [member("a", weight=0.75), member("b", "Forest", weight=0.25)])
    assert {"a", "Ridge", "b", "Forest", "0.75", "0.25", "Blend", "2 members", "price", "output"} <= set(texts(root))
    at = places(root)
    assert at["a"][1] < at["Blend"][0] and at["b"][1] < at["Blend"][0] < at["Blend"][1] < at["price"][0]
    assert ends(root) == 3
    widths = [path.get("style") for path in root.iter(f"{NAMESPACE}path") if path.get("marker-end")]
    assert widths[0] != widths[1], "the heavier one has the wider line"


def test_a_member_that_is_registered_is_a_link_and_says_what_it_is() -> None:
    def version_of(one: Mapping[str, Any]) -> tuple[str, str] | None:
        return ("flats:3", "/models/flats/3") if one["name"] == "a" else None

    root = drawn("Vote of a, <b>", [member("a", weight=2, parameters={"x": 1}), member("<b>")], version_of)
    (link,) = root.findall(f"{NAMESPACE}a")
    assert link.get("href") == "/models/flats/3"
    assert link.get("aria-label") == "a, flats:3, Ridge, weight 2, 1 parameters"
    told = [title.text for title in root.iter(f"{NAMESPACE}title")]
    assert told == [link.get("aria-label"), "<b>, Ridge", "Vote, 2 members", "price, output"], "in the order of reading"


def test_a_composition_in_a_composition_has_its_members_before_it() -> None:
    inner = member("inner", "Stack", weight=0.4, members=[member("c", weight=1.0), member("d")])
    at = places(drawn("Blend of a, inner", [member("a", weight=0.6), inner]))
    assert at["c"][1] < at["inner"][0] and at["inner"][1] < at["Blend"][0]


def test_steps_that_hand_on_what_they_made_are_a_chain() -> None:
    root = drawn("Scaler > Ridge", [member("scaler", "Scaler"), member("ridge")])
    at = places(root)
    assert at["scaler"][1] < at["ridge"][0] < at["ridge"][1] < at["price"][0] and ends(root) == 2


def test_of_very_many_members_the_heaviest_are_drawn_and_the_rest_is_counted() -> None:
    members = [member(f"m{number}", weight=number / 1000) for number in range(40)]
    told = texts(drawn("Bag of 40", members))
    assert "m39" in told and "m0" not in told and "and 29 more" in told


def test_what_has_no_room_says_how_many_members_it_has() -> None:
    large = [
        member(f"n{number}", "Bag", members=[member(f"n{number}m{one}") for one in range(9)]) for number in range(8)
    ]
    told = texts(drawn("Vote of 8", large))
    assert "n0m0" in told and "Bag, 9 members" in told and len(told) < 120


def test_boxes_do_not_overlap() -> None:
    inner = member("inner", "Stack", members=[member(f"c{number}") for number in range(4)])
    boxes = list(places(drawn("Blend", [inner, *[member(f"a long name {number}") for number in range(5)]])).values())
    for one, (left, right, top) in enumerate(boxes):
        for other_left, other_right, other_top in boxes[one + 1 :]:
            assert right < other_left or other_right < left or abs(top - other_top) >= 46
