"""What a version of a flow changes against another one: parameters, steps, edges, options and code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from partita.protocol.publications import (
    FlowDiffView,
    FunctionDiff,
    ParameterDiff,
    ParameterView,
    PublicationView,
    PublishedGraph,
    StepDiff,
    TypeView,
)

__all__ = ["compared"]

#: What of a profile is no option, or is told elsewhere.
_NO_OPTIONS = ("function", "title", "fingerprint", "body", "description", "parameters")


def compared(
    before: PublicationView,
    after: PublicationView,
    functions: Sequence[tuple[str, str]] = (),
    files: Sequence[tuple[str, str]] = (),
) -> FlowDiffView:
    """What differs.

    Args:
        before, after: with their graphs.
        functions: what became of the code of functions: (name, change).
        files: what became of other files: (path, change).
    """
    parameters = _parameters(before["parameters"], after["parameters"])
    returns = [before["returns"]["type"], after["returns"]["type"]]
    one, other = before["graph"], after["graph"]
    steps: list[StepDiff] = []
    added: list[list[str]] = []
    removed: list[list[str]] = []
    if one is not None and other is not None:
        steps, added, removed = _graphs(one, other)
    used = {*_functions_of(before), *_functions_of(after)}
    told = [FunctionDiff(name=name, change=change, is_used=_plain(name) in used) for name, change in functions]
    flow = [before["flow"], after["flow"]]
    has_parts = bool(parameters or steps or added or removed or told or files)
    return FlowDiffView(
        name=after["name"], before=before["version"], after=after["version"],
        is_same=not has_parts and flow[0] == flow[1] and returns[0] == returns[1],
        flow=flow if flow[0] != flow[1] else [], parameters=parameters, returns=returns if returns[0] != returns[1] else [],
        has_graphs=one is not None and other is not None, steps=steps, edges_added=added, edges_removed=removed,
        functions=told, files=[list(item) for item in files], is_breaking=any(item["is_breaking"] for item in parameters),
    )  # fmt: skip


def _functions_of(view: PublicationView) -> set[str]:
    graph = view["graph"]
    profiles = graph["profiles"] if graph is not None else []
    return {_plain(view["flow"]), *(_plain(str(profile.get("function", ""))) for profile in profiles)}


def _plain(reference: str) -> str:
    """A reference, by whichever of its forms, as "path/file.py:name"."""
    place, _, name = reference.rpartition(":")
    if not place.endswith((".py", ".yaml", ".yml")):
        place = place.replace(".", "/") + ".py"
    return f"{place.removeprefix('src/')}:{name}"


def _parameters(before: Sequence[ParameterView], after: Sequence[ParameterView]) -> list[ParameterDiff]:
    one, other = {item["name"]: item for item in before}, {item["name"]: item for item in after}
    found: list[ParameterDiff] = []
    for name in [*one, *(name for name in other if name not in one)]:
        if name not in other:
            found.append(
                ParameterDiff(name=name, change="removed", is_breaking=True, told=["it is not taken any more"])
            )
        elif name not in one:
            is_required = other[name]["is_required"]
            told = [
                f"{other[name]['type']['type']}, {'required' if is_required else 'default ' + _default(other[name])}"
            ]
            found.append(ParameterDiff(name=name, change="added", is_breaking=is_required, told=told))
        else:
            told, is_breaking = _parameter(one[name], other[name])
            if told:
                found.append(ParameterDiff(name=name, change="changed", is_breaking=is_breaking, told=told))
    return found


def _parameter(one: ParameterView, other: ParameterView) -> tuple[list[str], bool]:
    told: list[str] = []
    is_breaking = False
    if one["type"]["type"] != other["type"]["type"]:
        told.append(f"type {one['type']['type']} is {other['type']['type']} now")
        is_breaking = not _admits(other["type"], one["type"])
    elif one["type"].get("choices") != other["type"].get("choices"):
        gone = [item for item in one["type"].get("choices") or () if item not in (other["type"].get("choices") or ())]
        told.append(f"choices are {', '.join(map(str, other['type'].get('choices') or ()))} now")
        is_breaking = bool(gone)
    elif one["type"] != other["type"]:
        told.append(f"what {other['type']['type']} consists of differs")
    if one["is_required"] != other["is_required"]:
        told.append("it is required now" if other["is_required"] else f"default {_default(other)} now")
        is_breaking = is_breaking or other["is_required"]
    elif one.get("default_text") != other.get("default_text"):
        told.append(f"default {_default(one)} is {_default(other)} now")
    return told, is_breaking


def _admits(wider: TypeView, narrower: TypeView) -> bool:
    """Whether every value of a type is one of the other, as far as that is easily seen."""
    if wider["kind"] == "any" or (wider["kind"] == "number" and narrower["kind"] == "integer"):
        return bool(wider["kind"] == "any" or wider.get("is_optional") or not narrower.get("is_optional"))
    same_kind = {**narrower, "type": "", "is_optional": False} == {**wider, "type": "", "is_optional": False}
    if same_kind:
        return bool(wider.get("is_optional") or not narrower.get("is_optional"))
    return any({**option, "type": ""} == {**narrower, "type": ""} for option in wider.get("options") or ())


def _default(item: ParameterView) -> str:
    return item.get("default_text", "") if item["has_default"] else "none"


class _Graph:
    """A graph by the paths of its steps."""

    def __init__(self, graph: PublishedGraph) -> None:
        self.profiles: dict[str, Mapping[str, Any]] = {}
        self.inputs: dict[str, list[str]] = {}
        paths = [step["path"] for step in graph["steps"]]
        for step, profile in zip(graph["steps"], graph["profile_of"], strict=True):
            self.profiles[step["path"]] = graph["profiles"][profile] if profile >= 0 else {}
            self.inputs[step["path"]] = sorted({paths[number] for number in step["inputs"] if 0 <= number < len(paths)})

    def function(self, path: str) -> str:
        return str(self.profiles[path].get("function", ""))

    def options(self, path: str) -> dict[str, Any]:
        return {name: value for name, value in self.profiles[path].items() if name not in _NO_OPTIONS}

    def edges(self, names: Mapping[str, str]) -> Counter[tuple[str, str]]:
        return Counter(
            (names.get(source, source), names.get(path, path))
            for path, sources in self.inputs.items() for source in sources
        )  # fmt: skip


def _graphs(before: PublishedGraph, after: PublishedGraph) -> tuple[list[StepDiff], list[list[str]], list[list[str]]]:
    one, other = _Graph(before), _Graph(after)
    gone = [path for path in one.profiles if path not in other.profiles]
    fresh = [path for path in other.profiles if path not in one.profiles]
    renamed = _renamed(one, other, gone, fresh)
    steps: list[StepDiff] = []
    for path in other.profiles:
        was = renamed.get(path, "")
        if path in fresh and not was:
            steps.append(_step(path, "added", other.function(path)))
            continue
        options, inputs = _differences(one, other, was or path, path, renamed)
        if was or options or inputs:
            told = _step(path, "renamed" if was else "changed", other.function(path))
            told["was"], told["options"], told["inputs"] = was, options, inputs
            steps.append(told)
    taken = set(renamed.values())
    steps += [_step(path, "removed", one.function(path)) for path in gone if path not in taken]
    names = {was: path for path, was in renamed.items()}
    former, later = one.edges(names), other.edges({})
    return steps, sorted(map(list, later - former)), sorted(map(list, former - later))


def _renamed(one: _Graph, other: _Graph, gone: list[str], fresh: list[str]) -> dict[str, str]:
    """Paths before by paths after: of steps of the same function, or what it was called before, in their order."""
    found: dict[str, str] = {}
    for path in fresh:
        fits = [
            was for was in gone
            if was not in found.values() and one.function(was) == other.function(path) != ""
        ]  # fmt: skip
        near = [was for was in fits if one.inputs[was] == other.inputs[path]]
        if near or fits:
            found[path] = (near or fits)[0]
    return found


def _differences(
    one: _Graph, other: _Graph, was: str, path: str, renamed: Mapping[str, str]
) -> tuple[dict[str, list[Any]], list[list[str]]]:
    before, after = one.options(was), other.options(path)
    options = {
        name: [before.get(name), after.get(name)] for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }  # fmt: skip
    if one.function(was) != other.function(path):
        options["function"] = [one.function(was), other.function(path)]
    names = {former: later for later, former in renamed.items()}
    sources = sorted(names.get(source, source) for source in one.inputs[was])
    return options, [one.inputs[was], other.inputs[path]] if sources != other.inputs[path] else []


def _step(path: str, change: str, function: str) -> StepDiff:
    return StepDiff(path=path, change=change, was="", function=function, options={}, inputs=[])
