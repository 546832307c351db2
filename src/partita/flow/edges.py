"""Checking the arguments of one call, while it is laid out: refs by their declared types, constants by their value."""

from __future__ import annotations

import difflib
import typing
from dataclasses import is_dataclass
from typing import Any, Protocol, get_args, get_origin

from partita.flow.arguments import element_types, holds_refs
from partita.flow.definition import Definition
from partita.flow.mapped import Mapped
from partita.flow.ref import StepRef
from partita.flow.signature import MISSING, Parameter
from partita.flow.types import (
    Bindings,
    Verdict,
    fields_of,
    is_union,
    list_of,
    plain_form,
    relate,
    substitute,
    type_name,
)  # fmt: skip
from partita.flow.values import check_value

__all__ = ["EdgeCheck", "Noting", "check_edge", "item_type"]


class Noting(Protocol):
    """The layout, as far as checks need it."""

    def problem(self, message: str, place: str, remedy: str = "", is_warning: bool = False) -> None:
        """Note what was found."""
        ...

    def describe(self, step: int) -> tuple[str, str]:
        """A step's path and place."""
        ...


def check_edge(layout: Noting, source: Any, target: Any, message: str, place: str) -> None:
    """Note a problem where `source` cannot be passed as `target`; the message's fields are {source} and {target}."""
    verdict = relate(source, target)
    if verdict is not Verdict.OK:
        text = message.format(source=type_name(source), target=type_name(target))
        layout.problem(text, place, is_warning=verdict is Verdict.UNDECIDED)


class EdgeCheck:
    """The checks of one call."""

    __slots__ = ("_bindings", "_layout", "_place", "_seen", "_target", "undecided")

    def __init__(self, layout: Noting, target: Definition[..., Any], place: str) -> None:
        self._layout = layout
        self._target = target
        self._place = place
        self._bindings: Bindings = {}
        self._seen: dict[tuple[int, int], Any] = {}  # edges already judged: a fan-in has thousands of one kind
        self.undecided: list[str] = []  # names of parameters whose values are to be checked when they arrive

    def argument(self, parameter: Parameter, label: str, value: Any) -> None:
        """Check one argument against its parameter."""
        if parameter.annotation is MISSING:
            return
        self._check(value, parameter.annotation, label, label)

    def elements(self, parameter: Parameter, label: str, value: Any) -> None:
        """Check what a map goes through against the parameter that takes one element."""
        if parameter.annotation is MISSING:
            return
        if type(value) is Mapped:
            self._edge(value._parts.kind, parameter.annotation, value._parts.step, "", label)
        elif type(value) is StepRef:
            given = get_args(plain_form(value._parts.kind))
            if given and get_origin(plain_form(value._parts.kind)) in (list, tuple, set, frozenset):
                for kind in given:
                    if kind is not Ellipsis:
                        self._edge(kind, parameter.annotation, value._parts.step, "", label)
        else:
            for item in value:
                self._check(item, parameter.annotation, "", label)

    def result(self, value: Any) -> None:
        """Check what a flow's body returned against its annotation."""
        annotation = self._target.signature.returns
        if annotation is not MISSING:
            self._check(value, annotation, "", "")

    def result_type(self) -> Any:
        """The declared type of this call's result, with its TypeVars bound."""
        return (
            substitute(self._target.signature.returns, self._bindings)
            if self._bindings
            else (self._target.signature.returns)
        )

    def _check(self, value: Any, annotation: Any, label: str, where: str) -> None:
        kind = type(value)
        if kind is StepRef:
            self._edge(value._parts.kind, annotation, value._parts.step, label, where)
        elif kind is Mapped:
            parts = value._parts
            self._edge(list_of(parts.kind), annotation, parts.step, label, where)
        elif not holds_refs(value):
            self._constant(value, annotation, where)
        else:
            self._structure(value, annotation, label, where)

    def _structure(self, value: Any, annotation: Any, label: str, where: str) -> None:
        plain = plain_form(annotation)
        if is_union(plain):
            kinds = [item for item in get_args(plain) if relate(type(value), get_origin(item) or item) is Verdict.OK]
            plain = plain_form(kinds[0]) if len(kinds) == 1 else Any
        origin = get_origin(plain) or plain
        if origin in (Any, MISSING, object):
            return
        if relate(type(value), origin) is Verdict.WRONG:
            self._constant(value, annotation, where)
            return
        if isinstance(value, (list, tuple)):
            types = element_types(plain, len(value))
            if origin is tuple and get_args(plain) and None in types:
                self._refused(f"{self._taken(where)} takes {type_name(plain)}, and got {len(value)} elements")
            for index, (item, kind) in enumerate(zip(value, types, strict=True)):
                if kind is not None:
                    self._check(item, kind, label, f"{where}[{index}]")
        elif isinstance(value, dict):
            given = get_args(plain)
            named = fields_of(origin) if typing.is_typeddict(origin) else {}
            for key, item in value.items():
                kind = given[1] if len(given) == 2 else named.get(key, Any)
                self._check(item, kind, label, f"{where}[{key!r}]")
        elif is_dataclass(value):
            for name, kind in fields_of(type(value)).items():
                self._check(getattr(value, name, None), kind, label, f"{where}.{name}")

    def _constant(self, value: Any, annotation: Any, where: str) -> None:
        problem = check_value(value, substitute(annotation, self._bindings) if self._bindings else annotation)
        if problem is None:
            if getattr(annotation, "__parameters__", None) or isinstance(annotation, typing.TypeVar):
                relate(type(value), annotation, self._bindings)
            return
        self._refused(f"{self._taken(where)} takes {type_name(annotation)}, and got {problem}")

    def _edge(self, source: Any, annotation: Any, step: int, label: str, where: str) -> None:
        key = (id(source), id(annotation))
        if key in self._seen:
            return
        self._seen[key] = (source, annotation)  # kept, so that the ids are not given to others
        verdict = relate(source, annotation, self._bindings)
        if verdict is Verdict.OK:
            return
        name, place = self._layout.describe(step)
        giver = f"step {name}" + (f" (called at {place})" if place and place != self._place else "")
        shown = type_name(substitute(annotation, self._bindings))
        text = f"{self._taken(where)} takes {shown}, and {giver} gives {type_name(source)}"
        if verdict is Verdict.WRONG:
            self._refused(text, _remedy(source, annotation))
            return
        if label and label not in self.undecided:
            self.undecided.append(label)
        remedy = f"declare what {name} returns" if source is MISSING else ""
        self._layout.problem(text, self._place, remedy or "the value will be checked when it arrives", is_warning=True)

    def _taken(self, where: str) -> str:
        return f"{self._target.name}'s {where}" if where else f"the result of {self._target.name}"

    def _refused(self, message: str, remedy: str = "") -> None:
        message = message.replace("the result of " + self._target.name + " takes", f"{self._target.name} returns")
        self._layout.problem(message, self._place, remedy)


def _remedy(source: Any, target: Any) -> str:
    plain = plain_form(source)
    if is_union(plain) and type(None) in get_args(plain):
        rest = [item for item in get_args(plain) if item is not type(None)]
        if rest and all(relate(item, target) is Verdict.OK for item in rest):
            return "it may be None: decide in a flow that takes the value (`if value is None: ...`), or accept None"
    inner = get_args(plain)
    if inner and isinstance(get_origin(plain), type) and len(inner) == 1 and relate(inner[0], target) is Verdict.OK:
        return "it is a list of them: use .map(...) for each element"
    return "change the one declaration or the other, or put a task between that converts"


def item_type(layout: Noting, kind: Any, key: str | int, step: int) -> Any:
    """The declared type of `value[key]` for a value declared as `kind`; notes a problem where there is no such item."""
    plain = plain_form(kind)
    origin, given = get_origin(plain) or plain, get_args(plain)
    if origin is tuple and isinstance(key, int) and given:
        if Ellipsis in given:
            return given[0]
        if -len(given) <= key < len(given):
            return given[key]
        return _no_item(layout, plain, key, step, f"it has {len(given)} elements")
    if isinstance(origin, type) and (typing.is_typeddict(origin) or is_dataclass(origin)) and isinstance(key, str):
        named = fields_of(origin)
        if key in named:
            return named[key]
        near = difflib.get_close_matches(key, named, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(named)}"
        return _no_item(layout, plain, key, step, hint)
    if origin is dict and len(given) == 2:
        return given[1]
    if origin is list and isinstance(key, int):
        return given[0] if given else MISSING
    if origin in (int, float, bool, type(None)) or (origin in (list, tuple) and isinstance(key, str)):
        return _no_item(layout, plain, key, step, "")
    return MISSING if plain is not Any else Any


def _no_item(layout: Noting, kind: Any, key: str | int, step: int, hint: str) -> Any:
    name, place = layout.describe(step)
    layout.problem(f"the result of step {name} is {type_name(kind)}, which has no [{key!r}]", place, hint)
    return Any
