"""A Python flow's graph, as far as it is known when it is laid out, as a YAML flow. Runs where the flow's code is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from partita.core.states import Kind
from partita.errors import PartitaError
from partita.flow.definition import Definition
from partita.flow.entry import lay_out
from partita.flow.layout import Layout
from partita.flow.loading import load, project_folder
from partita.flow.yaml.convert.constants import CannotWrite, written_constant
from partita.flow.yaml.convert.draft import Draft, DraftStep, Expr, literal, unique_name
from partita.flow.yaml.convert.settings import command_entry, option_entries
from partita.flow.yaml.convert.waits import (
    DEFERRED,
    RECEIVED,
    deferred_entries,
    form_entries,
    kind_entries,
    wait_entries,
)
from partita.values import DICT, INLINE, INPUT, LIST, OBJECT, OUTCOME, PLAIN, REF, TUPLE, Node, navigate, unpack

__all__ = ["flow_as_yaml", "graph_as_yaml"]

_ELEMENT = re.compile(r"(.+)\[([^\[\]]*)\]\Z", re.DOTALL)


def flow_as_yaml(reference: str, texts: Mapping[str, str]) -> tuple[str, list[str]]:
    """The flow's graph as YAML, and notes on what it does not say.

    Args:
        texts: the flow's inputs, as on the command line.

    Raises:
        CheckError: the flow or its inputs were refused.
    """
    return graph_as_yaml(load(reference, project_folder()), texts)


def graph_as_yaml(flow: Definition[..., Any], texts: Mapping[str, str]) -> tuple[str, list[str]]:
    """The same for a flow that is loaded."""
    held: list[Any] = []

    def encode(value: Any, declared: Any = None) -> Node:
        held.append(value)
        return [INLINE, "held", len(held) - 1, ""]

    layout = lay_out(flow, encode=encode, texts=texts, project=project_folder())
    return _Graph(flow, layout, held).draft(texts)


class _Group(NamedTuple):
    """The elements of a map whose steps are known."""

    name: str
    rows: list[int]
    keys: list[str]


class _Graph:
    def __init__(self, flow: Definition[..., Any], layout: Layout, held: list[Any]) -> None:
        self._flow = flow
        self._layout = layout
        self._rows = layout.rows
        self._held = held
        self._targets = layout.targets()
        self._notes: list[str] = []  # of the step that is being written
        self._used: set[int] = set()  # inputs of the step that is being written that its arguments hold
        self._taken: set[str] = set()
        self._element: dict[int, tuple[_Group, int]] = {}
        self._groups: dict[int, _Group] = {}
        self._parents = {row[3] for row in self._rows}
        self._find_groups()
        self._names = self._named()
        self._policies = self._found_policies()
        self._received = self._found_received()

    def draft(self, texts: Mapping[str, str]) -> tuple[str, list[str]]:
        given = ", ".join(f"{name}={text}" for name, text in texts.items())
        draft = Draft(
            header=[f"The graph of {self._flow.name}({given}), written by `partita convert`. Values that were"]
        )
        draft.header.append(
            "known when it was laid out stand as constants; what is decided later stays a call of its flow."
        )
        draft.entries["name"] = re.sub(r"[^\w-]", "_", self._flow.name)
        told = (self._flow.options.description or self._flow.__doc__ or "").strip().partition("\n")[0]
        if told:
            draft.entries["description"] = told
        options, notes = option_entries(self._flow.options, None)
        draft.entries |= options
        draft.notes += notes
        for number in range(len(self._rows)):
            step = self._step(number)
            if step is not None:
                draft.steps.append(step)
        self._notes = []
        draft.outputs = self._tree(self._layout.value, [])
        draft.notes += self._notes
        return draft.text(), draft.all_notes()

    # What stands for what

    def _find_groups(self) -> None:
        number = 0
        while number < len(self._rows):
            rows = self._elements_from(number)
            if len(rows) > 1:
                names = [_ELEMENT.match(self._rows[row][0]) for row in rows]
                group = _Group("", rows, [match[2] for match in names if match])
                self._groups[number] = group
            number += max(len(rows), 1)

    def _elements_from(self, first: int) -> list[int]:
        found: list[int] = []
        for number in range(first, len(self._rows)):
            row, begin = self._rows[number], self._rows[first]
            match, same = _ELEMENT.match(row[0]), _ELEMENT.match(begin[0])
            is_call = row[1] == Kind.TASK or (row[1] == Kind.FLOW and not self._is_open_flow(number))
            if not match or not same or match[1] != same[1] or row[2:4] != begin[2:4] or not is_call:
                break
            if row[8] != begin[8] or row[6] is not None:
                break
            found.append(number)
        return found

    def _is_open_flow(self, number: int) -> bool:
        """Whether the flow was laid out in place, so that its steps stand for it."""
        return self._rows[number][1] == Kind.FLOW and self._rows[number][7] is not None

    def _named(self) -> dict[int, str]:
        names: dict[int, str] = {}
        for number in range(len(self._rows)):
            if number in self._groups:
                group = self._groups[number]
                match = _ELEMENT.match(self._path(number))
                assert match is not None
                group = group._replace(name=unique_name(match[1], self._taken))
                self._element |= {row: (group, index) for index, row in enumerate(group.rows)}
                self._groups[number] = group
            elif number not in self._element and not self._is_open_flow(number):
                names[number] = unique_name(self._path(number).replace("[]", ""), self._taken)
        return names

    def _path(self, number: int) -> str:
        parts = []
        while number >= 0:
            parts.append(self._rows[number][0])
            number = self._rows[number][3]
        return "/".join(reversed(parts))

    def _found_policies(self) -> dict[str, list[Any]]:
        found = {}
        for row in self._rows:
            if row[1] == Kind.GATHER:
                group = self._whole_group(row)
                policy = unpack(row[4])
                if group is not None and policy[0] != "all":
                    found[group.name] = policy
        return found

    def _found_received(self) -> dict[int, int]:
        """Step that makes the value of a wait one of its type -> the wait, with which a file says the type."""
        return {
            number: row[5][0] if isinstance(row[5][0], int) else row[5][0][0]
            for number, row in enumerate(self._rows)
            if row[1] == Kind.TASK and row[5] and self._targets[row[2]].reference == RECEIVED
        }

    def _whole_group(self, row: list[Any]) -> _Group | None:
        """The group whose elements, all of them and in their order, the step gathers."""
        sources = [source if isinstance(source, int) else source[0] for source in row[5]]
        known = self._element.get(sources[0]) if sources else None
        return known[0] if known is not None and known[0].rows == sources else None

    # Steps

    def _step(self, number: int) -> DraftStep | None:
        row = self._rows[number]
        self._notes = []
        if number in self._groups:
            return self._group_step(self._groups[number])
        if number in self._element or self._is_open_flow(number) or row[6] is not None or number in self._received:
            return None
        if row[1] == Kind.WAIT:
            return self._wait_step(number)
        if row[1] not in (Kind.TASK, Kind.FLOW):
            return None
        target = self._targets[row[2]]
        if target.reference in DEFERRED:
            return self._deferred_wait(number, target)
        arguments = self._arguments(row, target)
        mapping = arguments.pop("__mapping__", None)
        entries = self._call(target, arguments)
        if mapping is not None:
            self._map_later(entries, mapping, arguments)
        self._order(entries, row)
        return DraftStep(self._names[number], entries, self._notes)

    def _wait_step(self, number: int) -> DraftStep:
        row, spec = self._rows[number], unpack(self._rows[number][4])
        self._used = set()
        show = None if spec.get("show") is None else self._tree(spec["show"], row[5])
        entries = wait_entries(spec, self._kind_of(number, spec), show, lambda node: self._tree(node, row[5]))
        self._order(entries, row)
        return DraftStep(self._names[number], entries, self._notes)

    def _deferred_wait(self, number: int, target: Definition[..., Any]) -> DraftStep:
        row = self._rows[number]
        self._used = set()
        arguments: dict[str, Any] = {}
        kind: dict[str, Any] = {}
        for name, node in self._argument_nodes(row, target):
            if name == "type":
                kind = self._written_kind(self._value(node))
            else:
                arguments[name] = self._tree(node, row[5])
        entries = deferred_entries(target.reference, kind, arguments)
        self._order(entries, row)
        return DraftStep(self._names[number], entries, self._notes)

    def _kind_of(self, number: int, spec: Mapping[str, Any]) -> dict[str, Any]:
        """The entries that say the type of a wait's value."""
        received = next((step for step, wait in self._received.items() if wait == number), None)
        if received is None:
            return form_entries(spec["form"]) if "form" in spec else {}
        nodes, _, _ = unpack(self._rows[received][4])
        return self._written_kind(self._value(nodes[1]))

    def _written_kind(self, kind: Any) -> dict[str, Any]:
        try:
            return kind_entries(kind)
        except CannotWrite as error:
            self._notes.append(f"its type {error} is left out, which a file cannot name: name a class of it")
            return {}

    def _call(self, target: Definition[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
        own = getattr(target.function, "parts", None)
        entries: dict[str, Any]
        if own is not None:
            entries, notes = command_entry(target.function, arguments)
            options, more = option_entries(target.options, None)
            self._notes += [*notes, *more]
            return entries | options
        reference = target.reference
        if reference.endswith((".yaml", ".yml")) or getattr(target.function, "source_file", None):
            reference = reference.partition(":")[0]
        entries = {"flow" if target.body == "flow" else "task": reference}
        if arguments:
            entries["with"] = arguments
        try:
            origin = load(target.reference, project_folder()).options
        except PartitaError:
            origin = None
        options, notes = option_entries(target.options, origin)
        self._notes += notes
        return entries | options

    def _arguments(self, row: list[Any], target: Definition[..., Any]) -> dict[str, Any]:
        self._used = set()
        found: dict[str, Any] = {}
        for name, node in self._argument_nodes(row, target):
            if name == "__mapping__":
                found[name] = self._value(node)
            elif name != "__check__":
                found[name] = self._tree(node, row[5])
        return found

    def _argument_nodes(self, row: list[Any], target: Definition[..., Any]) -> Iterator[tuple[str, Node]]:
        """(parameter, what it is given), as far as they have names."""
        nodes, names, named = unpack(row[4]) if row[4] is not None else ([], [], [])
        positional = [parameter.name for parameter in target.signature.positional]
        yield from zip(positional, nodes, strict=False)
        for node in nodes[len(positional) :]:
            tree = self._tree(node, row[5])
            self._notes.append(f"{target.name} got more positional arguments than have names: {tree!r} is left out")
        yield from zip(names, named, strict=True)

    def _value(self, node: Node) -> Any:
        """The value of a constant."""
        return self._held[node[2]] if node[0] == INLINE else node[1]

    def _order(self, entries: dict[str, Any], row: list[Any]) -> None:
        """`needs` for what the step comes after without using it."""
        before = []
        for index, source in enumerate(row[5]):
            number = source if isinstance(source, int) else source[0]
            name = self._name_of(number)
            if index not in self._used and name:
                before.append(name)
            elif index not in self._used:
                self._notes.append("it comes after a step's end, however that is, which YAML does not say")
        if before:
            entries["needs"] = list(dict.fromkeys(before))

    def _name_of(self, number: int) -> str:
        """The step of the file that stands for one of the graph; empty: none does."""
        row, number = self._rows[number], self._received.get(number, number)
        if row[1] == Kind.GATHER:
            group = self._whole_group(row)
            return group.name if group is not None else ""
        if number in self._element:
            return self._element[number][0].name
        return self._names.get(number, "") if row[1] in (Kind.TASK, Kind.FLOW, Kind.WAIT) else ""

    def _map_later(self, entries: dict[str, Any], mapping: Mapping[str, Any], arguments: dict[str, Any]) -> None:
        labels = list(mapping["mapped"]) + list(mapping["undecided"])
        foreach: dict[str, Any] = {"items": arguments[labels[0]]}
        if len(labels) > 1:
            told = ", ".join(labels)
            self._notes.append(f"{told} are gone through side by side, which foreach does not: make one list of pairs")
        for label in labels[:1]:
            arguments[label] = Expr("item")
        if callable(mapping.get("key")):
            self._notes.append("its elements are named by a function; write an expression of `item` as key")
        elif mapping.get("key"):
            foreach["key"] = list(mapping["key"])
        entries["foreach"] = foreach if len(foreach) > 1 or mapping.get("policy") else foreach["items"]
        _add_policy(entries, mapping.get("policy"))

    def _group_step(self, group: _Group) -> DraftStep:
        rows = [self._rows[number] for number in group.rows]
        target = self._targets[rows[0][2]]
        every = [self._arguments(row, target) for row in rows]
        labels = list(every[0])
        varying = [label for label in labels if any(one.get(label) != every[0][label] for one in every)]
        arguments = dict(every[0])
        items: Any
        if len(varying) == 1:
            arguments[varying[0]] = Expr("item")
            items = self._as_one([one[varying[0]] for one in every])
        else:
            arguments |= {label: Expr(f"item.{label}") for label in varying}
            items = [{label: one[label] for label in varying} for one in every]
            if not varying:
                items = list(range(len(rows)))
        entries = self._call(target, arguments)
        if group.keys == [str(index) for index in range(len(rows))]:
            entries["foreach"] = items
        else:
            entries["foreach"] = {"items": items, "key": group.keys}
        _add_policy(entries, self._policies.get(group.name))
        self._order(entries, rows[0])
        return DraftStep(group.name, entries, list(dict.fromkeys(self._notes)))

    def _as_one(self, items: list[Any]) -> Any:
        """The elements of another map, in their order, as that map."""
        first = re.fullmatch(r"(steps\.[\w-]+\.output)\[0\]", items[0].text) if isinstance(items[0], Expr) else None
        if first is not None and items == [Expr(f"{first[1]}[{index}]") for index in range(len(items))]:
            name = first[1].split(".")[1]
            sizes = {len(group.rows) for group in self._groups.values() if group.name == name}
            if sizes == {len(items)}:
                return Expr(first[1])
        return items

    # Values

    def _tree(self, node: Node, inputs: list[Any]) -> Any:
        tag = node[0]
        if tag == INPUT:
            self._used.add(node[1])
            source = inputs[node[1]]
            number, path = (source, []) if isinstance(source, int) else (source[0], source[1])
            return self._reference(number, path)
        if tag == REF:
            return self._reference(node[1], node[2])
        if tag in (LIST, TUPLE):
            items = [self._tree(item, inputs) for item in node[1]]
            return self._as_one(items) if len(items) > 1 else items
        if tag == DICT:
            return {str(key): self._tree(item, inputs) for key, item in zip(node[1], node[2], strict=True)}
        if tag == OBJECT:
            return {name: self._tree(item, inputs) for name, item in zip(node[2], node[3], strict=True)}
        return self._constant(node)

    def _constant(self, node: Node) -> Any:
        value = self._value(node)
        if node[0] not in (PLAIN, INLINE, OUTCOME):
            value = None
        try:
            return written_constant(value)
        except CannotWrite as error:
            self._notes.append(f"{error} is left out: make it in a task, or give it as an input")
            return None

    def _reference(self, number: int, path: list[str | int]) -> Any:
        number = self._received.get(number, number)
        row = self._rows[number]
        if number in self._element:
            group, index = self._element[number]
            return Expr(f"steps.{group.name}.output[{index}]{_keys(path)}")
        if self._is_open_flow(number):
            node, rest = navigate(unpack(row[7]), tuple(path))
            return self._followed(node, list(rest))
        if row[1] == Kind.SETTLE:
            return self._outcome(row, path)
        if row[1] == Kind.GATHER:
            return self._gathered(row, path)
        return Expr(f"steps.{self._names[number]}.output{_keys(path)}")

    def _followed(self, node: Node, rest: list[str | int]) -> Any:
        if node[0] == REF:
            return self._reference(node[1], [*node[2], *rest])
        return self._tree(node, [])

    def _outcome(self, row: list[Any], path: list[str | int]) -> Any:
        source = row[5][0]
        number, inner = (source, []) if isinstance(source, int) else (source[0], source[1])
        number = self._received.get(number, number)
        if inner or number not in self._names:
            self._notes.append("it looks at the outcome of a part or an element: use `foreach: {settle: true}` there")
            return None
        return Expr(f"steps.{self._names[number]}.outcome{_keys(path)}")

    def _gathered(self, row: list[Any], path: list[str | int]) -> Any:
        group = self._whole_group(row)
        if group is not None:
            return Expr(f"steps.{group.name}.output{_keys(path)}")
        items = [self._reference(*((s, []) if isinstance(s, int) else (s[0], s[1]))) for s in row[5]]
        if path and isinstance(path[0], int) and path[0] < len(items):
            return items[path[0]]
        return items


def _add_policy(entries: dict[str, Any], policy: Any) -> None:
    if not policy or policy[0] == "all":
        return
    if not isinstance(entries["foreach"], dict):
        entries["foreach"] = {"items": entries["foreach"]}
    entries["foreach"] |= {"settle": True} if policy[0] == "settle" else {"at_least": policy[1]}


def _keys(path: list[str | int]) -> str:
    return "".join(_key(key) for key in path)


def _key(key: str | int) -> str:
    if isinstance(key, str) and re.fullmatch(r"[A-Za-z_]\w*", key):
        return f".{key}"
    return f"[{key}]" if isinstance(key, int) else f"['{literal(key)}']"
