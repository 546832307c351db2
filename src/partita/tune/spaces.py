"""What a study searches: parameters by name, said in a flow's signature or beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from partita.errors import CheckError, Problem
from partita.flow.inputs import convert_text
from partita.flow.signature import MISSING, Parameter, Signature
from partita.flow.types import plain_form, type_name
from partita.tune.dimensions import Choice, Dimension, Label, Range, dimension_of, plain_when

__all__ = ["Space", "space_of"]


class Space:
    """Parameters by name, in an order in which each comes after those that it depends on.

    Raises:
        CheckError: one depends on what is not there, or on itself.
    """

    def __init__(self, dimensions: Mapping[str, Dimension]) -> None:
        self.dimensions: dict[str, Dimension] = {}
        problems = [
            Problem(
                f"{name} depends on {other!r}, which is neither given nor searched",
                "",
                f"search {other}, too, or give it; {_known(dimensions)}",
            )
            for name, dimension in dimensions.items()
            for other in dimension.when or {}
            if other not in dimensions
        ]
        problems += [
            Problem(
                f"{name} is searched when {other} is {label!r}, which it cannot be", "",
                f"it is one of {list(dimensions[other].labels)!r}",
            )
            for name, dimension in dimensions.items()
            for other, labels in plain_when(dimension.when or {}).items()
            if other in dimensions and isinstance(dimensions[other], Choice)
            for label in labels
            if label not in dimensions[other].labels
        ]  # fmt: skip
        left = dict(dimensions)
        while left and not problems:
            free = [
                name for name, dimension in left.items() if not any(other in left for other in dimension.when or {})
            ]
            if not free:
                problems.append(Problem(f"{', '.join(left)} depend on each other", "", "leave out a `when`"))
            for name in free:
                self.dimensions[name] = left.pop(name)
        if problems:
            raise CheckError(problems)

    def counts(self, name: str, drawn: Mapping[str, Label]) -> bool:
        """Whether a parameter is searched beside what was drawn of those before it."""
        when = self.dimensions[name].when
        return not when or all(other in drawn and drawn[other] in labels for other, labels in plain_when(when).items())

    def values(self, drawn: Mapping[str, Label]) -> dict[str, Any]:
        """The arguments that recorded values stand for."""
        return {
            name: self.dimensions[name].value(label) if name in self.dimensions else label
            for name, label in drawn.items()
        }

    @property
    def size(self) -> int | None:
        """How many combinations there are; None: more than one could count out."""
        counts = [dimension.count for dimension in self.dimensions.values()]
        if not counts or None in counts:
            return None
        if any(dimension.when for dimension in self.dimensions.values()):
            return sum(1 for _ in self.combinations()) if math.prod(counts) <= 10_000 else None  # type: ignore[arg-type]
        return math.prod(counts)  # type: ignore[arg-type]

    def combinations(self) -> Iterable[dict[str, Label]]:
        """All of them, the last parameter changing first."""
        return self._combinations(list(self.dimensions), {})

    def _combinations(self, names: list[str], drawn: dict[str, Label]) -> Iterable[dict[str, Label]]:
        if not names:
            yield drawn
        elif not self.counts(names[0], drawn):
            yield from self._combinations(names[1:], drawn)
        else:
            for label in self.dimensions[names[0]].labels:
                yield from self._combinations(names[1:], {**drawn, names[0]: label})

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return {name: dimension.plain() for name, dimension in self.dimensions.items()}


def _own_dimension(parameter: Parameter) -> Dimension | None:
    """What the annotation says: `Annotated[float, Range(...)]`."""
    for item in getattr(parameter.annotation, "__metadata__", ()):
        if isinstance(item, (Range, Choice)):
            return item
    return None


def _by_type(parameter: Parameter) -> Dimension | None:
    """What a type is a space of by itself."""
    form = plain_form(parameter.annotation)
    if form is bool:
        return Choice(False, True)
    if get_origin(form) is Literal:
        return Choice(*get_args(form))
    if isinstance(form, type) and issubclass(form, Enum):
        return Choice(*form)
    return None


def space_of(
    signature: Signature,
    given: Mapping[str, Any] | Iterable[str] | None = None,
    constants: Mapping[str, Any] | Iterable[str] = (),
    place: str = "",
) -> Space:
    """What is searched of a flow's parameters: those whose annotation says so and that are not given, and those of `given`.

    What depends on a parameter that is not searched is searched always or never, by the value or default of that one.

    Args:
        given: by name what is searched, or True for what the annotation or the type says; or names alone.
        constants: parameters that have a value, with it or its text; or their names alone.

    Raises:
        CheckError: with everything that is wrong.
    """
    asked: dict[str, Any] = dict(given) if isinstance(given, Mapping) else dict.fromkeys(given or (), True)
    fixed, problems, found = set(constants), [], {}
    for name, parameter in signature.by_name.items():
        own = _own_dimension(parameter)
        if name in asked or (own is not None and name not in fixed):
            try:
                found[name] = _asked(parameter, own, asked.get(name, True)).of_type(parameter.annotation)
            except ValueError as error:
                problems.append(Problem(f"the space of {signature.name}'s {name}: {error}", place))
    for name in asked:
        if name in fixed:
            problems.append(Problem(f"{signature.name}'s {name} is given and searched", place, "leave out one of them"))
        elif name not in signature.by_name:
            told = signature.unknown(name)
            if told:
                problems += [Problem(message, place) for message in told]
            else:
                try:
                    found[name] = dimension_of(asked[name])
                except ValueError as error:
                    problems.append(Problem(f"the space of {signature.name}'s {name}: {error}", place))
    values = {name: parameter.default for name, parameter in signature.by_name.items()}
    values |= dict(constants) if isinstance(constants, Mapping) else dict.fromkeys(constants, MISSING)
    for name in fixed & set(signature.by_name):
        if isinstance(values[name], str):
            with suppress(ValueError):  # what it cannot stand for is refused where the flow is started
                values[name] = convert_text(values[name], signature.by_name[name].annotation)
    found = _settled(found, values, set(asked), problems)
    problems += [
        Problem(f"{signature.name}'s {name} is not always searched, and has no default", place, "give it a default")
        for name, dimension in found.items()
        if dimension.when and name in signature.by_name and signature.by_name[name].default is MISSING
    ]
    if not found and not problems:
        remedy = "annotate a parameter, as in rate: Annotated[float, Range(0.001, 1, log=True)], or give a space"
        problems.append(Problem(f"nothing of {signature.name} is searched", place, remedy))
    if problems:
        raise CheckError(problems)
    return Space(found)


def _settled(
    found: Mapping[str, Dimension], values: Mapping[str, Any], asked: set[str], problems: list[Problem]
) -> dict[str, Dimension]:
    """The dimensions without conditions on what has a value; those whose condition does not hold are left out."""
    kept = {}
    for name, dimension in found.items():
        when = dict(plain_when(dimension.when or {}))
        known = [other for other in when if other not in found and values.get(other, MISSING) is not MISSING]
        failing = [other for other in known if not any(_is_labelled(values[other], label) for label in when[other])]
        if failing and name in asked:
            told = " or ".join(map(repr, when[failing[0]]))
            problems.append(
                Problem(f"{name} is searched when {failing[0]} is {told}, and it is {_shown(values[failing[0]])!r}")
            )
        if not failing:
            left = {other: labels for other, labels in when.items() if other not in known}
            kept[name] = dimension.with_condition(left or None) if known else dimension
    while hanging := [
        name for name, dimension in kept.items() if any(o in found and o not in kept for o in dimension.when or {})
    ]:
        for name in hanging:  # on what is never searched
            del kept[name]
    return kept


def _is_labelled(value: Any, label: Label) -> bool:
    """Whether a value, or its text, is what a label stands for."""
    shown = _shown(value)
    if isinstance(shown, str) and not isinstance(label, str):
        return shown == json.dumps(label)
    return bool(shown == label and isinstance(shown, bool) == isinstance(label, bool))


def _shown(value: Any) -> Any:
    return value.name if isinstance(value, Enum) else value


def _asked(parameter: Parameter, own: Dimension | None, given: Any) -> Dimension:
    if given is not True:
        return dimension_of(given)
    found = own or _by_type(parameter)
    if found is None:
        raise ValueError(
            f"a {type_name(plain_form(parameter.annotation))} is no space by itself; say which: Range(low, high) or Choice(...)"
        )
    return found


def _known(names: Iterable[str]) -> str:
    return f"searched are {', '.join(names)}"
