"""What a version changes."""

from __future__ import annotations

from typing import Any, cast

from partita.protocol.publications import FlowDiffView, ParameterView, PublicationView, PublishedGraph, TypeView
from partita.protocol.requests import StepView
from partita.publishing.diff import compared

INT, TEXT = TypeView(type="int", kind="integer"), TypeView(type="str", kind="text")
FLOAT, ANY = TypeView(type="float", kind="number"), TypeView(type="Any", kind="any")


def parameter(name: str, type: TypeView = INT, default: Any = None, **changes: Any) -> ParameterView:
    told = ParameterView(
        name=name, type=type, is_required=default is None, has_default=default is not None, default=default,
        default_text=str(default),
    )  # fmt: skip
    return cast("ParameterView", {**told, **changes})


def graph(*steps: tuple[str, str, list[int], dict[str, Any]]) -> PublishedGraph:
    """Of (path, function, inputs, options)."""
    views = [
        cast("StepView", {"id": n, "path": path, "inputs": inputs}) for n, (path, _, inputs, _) in enumerate(steps)
    ]
    profiles = [{"function": function, **options} for _, function, _, options in steps]
    return PublishedGraph(steps=views, profiles=profiles, profile_of=list(range(len(steps))), total=len(steps))


def version(
    number: int, parameters: list[ParameterView], steps: PublishedGraph | None, **changes: Any
) -> PublicationView:
    view = {
        "name": "train", "version": f"train@{number}", "flow": "flows.py:train", "parameters": parameters, "returns": INT,
        "graph": steps, **changes,
    }  # fmt: skip
    return cast("PublicationView", view)


def test_steps_edges_and_options() -> None:
    one = graph(("load", "f:load", [], {}), ("fit", "f:fit", [0], {"retries": 1}), ("old", "f:old", [1], {}))
    other = graph(
        ("load", "f:load", [], {"cpu": 2.0}), ("fit2", "f:fit", [0], {}), ("new", "f:new", [0, 1], {}),
    )  # fmt: skip
    found = compared(version(1, [], one), version(2, [], other))
    told = {step["path"]: (step["change"], step["was"], step["options"]) for step in found["steps"]}
    assert told == {
        "load": ("changed", "", {"cpu": [None, 2.0]}), "fit2": ("renamed", "fit", {"retries": [1, None]}),
        "new": ("added", "", {}), "old": ("removed", "", {}),
    }  # fmt: skip
    assert found["edges_added"] == [["fit2", "new"], ["load", "new"]] and found["edges_removed"] == [["fit2", "old"]]
    assert not found["is_same"] and not found["is_breaking"] and found["has_graphs"]


def test_what_only_moves_in_the_list_is_the_same() -> None:
    one = graph(("a", "f:a", [], {}), ("b", "f:b", [], {}), ("c", "f:c", [0, 1], {}))
    other = graph(("b", "f:b", [], {}), ("a", "f:a", [], {}), ("c", "f:c", [1, 0], {}))
    found = compared(version(1, [], one), version(2, [], other))
    assert found["is_same"] and found["steps"] == [] == found["edges_added"]


def differ(before: ParameterView | None, after: ParameterView | None) -> FlowDiffView:
    return compared(version(1, [before] if before else [], None), version(2, [after] if after else [], None))


def test_parameters_that_break_calls() -> None:
    optional = TypeView(type="int | None", kind="integer", is_optional=True)
    few, many = (TypeView(type="L", kind="choice", choices=given) for given in (["a"], ["a", "b"]))
    for before, after, is_breaking in (
        (parameter("x"), None, True), (None, parameter("x"), True), (None, parameter("x", default=1), False),
        (parameter("x", default=1), parameter("x"), True), (parameter("x"), parameter("x", default=1), False),
        (parameter("x"), parameter("x", TEXT), True), (parameter("x"), parameter("x", FLOAT), False),
        (parameter("x"), parameter("x", ANY), False), (parameter("x"), parameter("x", optional), False),
        (parameter("x", optional), parameter("x"), True), (parameter("x", many), parameter("x", few), True),
        (parameter("x", few), parameter("x", many), False), (parameter("x", default=1), parameter("x", default=2), False),
    ):  # fmt: skip
        found = differ(before, after)
        assert found["is_breaking"] == is_breaking, (before, after)
        assert len(found["parameters"]) == 1 and found["parameters"][0]["told"] and not found["has_graphs"]
    assert differ(parameter("x"), parameter("x"))["is_same"]


def test_functions_that_steps_run_are_marked() -> None:
    one = version(1, [], graph(("fit", "pkg.flows:fit", [], {})))
    found = compared(one, {**one, "version": "train@2"}, [("src/pkg/flows.py:fit", "changed"), ("a.py:x", "added")])
    assert [(item["name"], item["is_used"]) for item in found["functions"]] == [
        ("src/pkg/flows.py:fit", True),
        ("a.py:x", False),
    ]
    assert not found["is_same"]
