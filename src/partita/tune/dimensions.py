"""One parameter that is searched: a range or a choice, said in Python, or as text and plain data."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from partita.errors import DefinitionError
from partita.flow.signature import MISSING
from partita.flow.types import plain_form, type_name

__all__ = ["Choice", "Dimension", "Label", "Range", "dimension_of", "plain_when"]

#: What a record, and Optuna, can keep of a value.
Label = None | bool | int | float | str

_PLAIN = (bool, int, float, str, type(None))
_LARGEST_INTEGER = 2**53


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included: whole ones where both are, or where the parameter is an `int`.

    Args:
        step: only every so many of them.
        log: small ones are searched as finely as large ones.
        when: the parameter counts only where others have these values: `when={"model": "forest"}`, or one of a list.

    Raises:
        DefinitionError: there are no such numbers.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False
    when: Mapping[str, Any] | None = field(default=None, kw_only=True)
    is_whole: bool = field(default=False, kw_only=True)  # known by the bounds, or by the parameter's type

    def __post_init__(self) -> None:
        for name in ("low", "high", "step"):
            number = getattr(self, name)
            if number is None and name == "step":
                continue
            if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
                raise DefinitionError(
                    f"{name}={number!r} of a Range is not a number; give the bounds as in Range(0.1, 10)"
                )
        if self.low > self.high:
            raise DefinitionError(f"{self!r} has no numbers; its low end comes first")
        if self.step is not None and self.step <= 0:
            raise DefinitionError(f"step={self.step!r} of a Range is not above 0")
        if self.log and self.low <= 0:
            raise DefinitionError(f"{self!r} has no logarithms; with log=True its low end is above 0")
        if self.log and self.step is not None:
            raise DefinitionError(f"{self!r} has both log and step; give one of them")
        if all(isinstance(number, int) for number in (self.low, self.high, self.step or 0)):
            object.__setattr__(self, "is_whole", True)
        if self.is_whole and max(abs(self.low), abs(self.high)) > _LARGEST_INTEGER:
            raise DefinitionError(f"{self!r} has whole numbers past 2**53, which are not told apart")

    def __repr__(self) -> str:
        more = [f"step={self.step!r}"] * (self.step is not None) + ["log=True"] * self.log
        more += [f"when={dict(self.when)!r}"] if self.when else []
        return f"Range({', '.join([repr(self.low), repr(self.high), *more])})"

    def of_type(self, annotation: Any) -> Range:
        """The range as a parameter of this type takes it.

        Raises:
            ValueError: it takes no numbers, or only whole ones, and these are not.
        """
        kinds = _kinds(annotation)
        if not kinds or float in kinds or Any in kinds:
            # 1 to 9 for a float are all numbers between, unless they are counted out by a step.
            is_whole = self.is_whole and float not in kinds
            return (
                self
                if is_whole == self.is_whole
                else Range(float(self.low), float(self.high), self.step and float(self.step), self.log, when=self.when)
            )
        if int not in kinds:
            raise ValueError(f"{self!r} gives numbers, and the parameter is a {type_name(plain_form(annotation))}")
        if self.is_whole:
            return self
        whole = [int(number) for number in (self.low, self.high, self.step or 0)]
        if whole != [self.low, self.high, self.step or 0]:
            raise ValueError(f"{self!r} has bounds that are not whole, and the parameter is an int")
        return Range(whole[0], whole[1], whole[2] or None, self.log, when=self.when)

    def with_condition(self, when: Mapping[str, Any] | None) -> Range:
        """The same under another condition."""
        return replace(self, when=when)

    @property
    def count(self) -> int | None:
        """How many numbers it has; None: more than one could count out."""
        if self.low == self.high:
            return 1
        step = self.step if self.step is not None else 1 if self.is_whole else None
        return None if step is None else math.floor((self.high - self.low) / step + 1e-9) + 1

    @property
    def labels(self) -> Sequence[Label]:
        """All its numbers, where they can be counted."""
        step = self.step if self.step is not None else 1
        return [self._number(self.low + number * step) for number in range(self.count or 0)]

    def _number(self, number: float) -> Label:
        return int(number) if self.is_whole else round(float(number), 12)

    def value(self, label: Label) -> Any:
        """The argument that a recorded value stands for."""
        return label

    def plain(self) -> dict[str, Any]:
        """As plain data; `dimension_of` reads them."""
        made: dict[str, Any] = {"low": self.low, "high": self.high}
        if self.step is not None:
            made["step"] = self.step
        if self.log:
            made["log"] = True
        if self.when:
            made["when"] = plain_when(self.when)
        return made


class Choice:
    """One of some values, which have no order.

    Args:
        values: numbers, texts, truths, None, or members of an enum; or one mapping from names to values of any kind.
        when: as for `Range`.

    Raises:
        DefinitionError: there are none, two are the same, or one has no name.
    """

    is_whole = False

    def __init__(self, *values: Any, when: Mapping[str, Any] | None = None) -> None:
        self.when = when
        if len(values) == 1 and isinstance(values[0], Mapping):
            pairs: list[tuple[Label, Any]] = [(str(name), value) for name, value in values[0].items()]
        else:
            pairs = [(_label(value), value) for value in values]
        if not pairs:
            raise DefinitionError('a Choice has no values; give them, as in Choice("line", "forest")')
        labels = [label for label, _ in pairs]
        if len({(type(label), label) for label in labels}) < len(labels):
            raise DefinitionError(f"a Choice has a value twice: {labels!r}")
        self.labels: Sequence[Label] = labels
        self._values = [value for _, value in pairs]

    def with_condition(self, when: Mapping[str, Any] | None) -> Choice:
        """The same under another condition."""
        made = copy.copy(self)
        made.when = when
        return made

    @property
    def count(self) -> int | None:
        """How many values it has."""
        return len(self.labels)

    def value(self, label: Label) -> Any:
        """The argument that a recorded value stands for."""
        for known, value in zip(self.labels, self._values, strict=True):
            if known == label and type(known) is type(label):
                return value
        raise ValueError(f"{label!r} is none of {', '.join(map(str, self.labels))}")

    def of_type(self, annotation: Any) -> Choice:
        """The choice as a parameter of this type takes it: names become members of its enum.

        Raises:
            ValueError: it takes another kind of value.
        """
        from partita.flow.values import check_value

        form = plain_form(annotation)
        if isinstance(form, type) and issubclass(form, Enum):
            known: dict[Any, Any] = {member.value: member for member in form} | {member.name: member for member in form}
            values = [value if isinstance(value, form) else known.get(value, value) for value in self._values]
        else:
            values = self._values
        if annotation is not MISSING:
            for value in values:
                problem = check_value(value, annotation)
                if problem:
                    raise ValueError(f"{value!r} is no value of the parameter, which is a {type_name(form)}")
        made = Choice.__new__(Choice)
        made.labels, made._values, made.when = self.labels, values, self.when
        return made

    def plain(self) -> dict[str, Any]:
        """As plain data; values that are none go by their names."""
        made: dict[str, Any] = {"choices": list(self.labels)}
        if self.when:
            made["when"] = plain_when(self.when)
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and self.plain() == other.plain()

    def __hash__(self) -> int:
        return hash(tuple(map(repr, self.labels)))

    def __repr__(self) -> str:
        more = [f"when={dict(self.when)!r}"] if self.when else []
        return f"Choice({', '.join([*map(repr, self.labels), *more])})"


Dimension = Range | Choice


def _label(value: Any) -> Label:
    if isinstance(value, Enum):
        return value.name
    if type(value) in _PLAIN and value == value:
        return value  # type: ignore[no-any-return]
    raise DefinitionError(
        f"{value!r} has no name in a record; give a Choice such values with names: Choice({{'small': ..., 'large': ...}})"
    )


def plain_when(when: Mapping[str, Any]) -> dict[str, list[Label]]:
    """On which values of others a parameter depends, as a record has them."""
    return {name: [_label(value) for value in _several(values)] for name, values in when.items()}


def _several(values: Any) -> list[Any]:
    return list(values) if isinstance(values, (list, tuple, set, frozenset)) else [values]


def _kinds(annotation: Any) -> set[Any]:
    """The types that an annotation is made of; empty where nothing is said."""
    if annotation is MISSING:
        return set()
    form = plain_form(annotation)
    if get_origin(form) in (Literal,):
        return {type(item) for item in get_args(form)}
    inner = [item for item in get_args(form) if item is not type(None)] if not isinstance(form, type) else []
    return set().union(*(_kinds(item) for item in inner)) if inner else {form}


_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\s*\.\.\s*({_NUMBER})(?::(log|{_NUMBER}))?")
_WHEN = re.compile(r"(.*?)\s+when\s+(\w+)\s*=\s*(\S.*)", re.DOTALL)


def dimension_of(given: Any) -> Dimension:
    """A range or choice of a text or of plain data.

    Texts: "0.0001..1:log", "1..9:2" (every second), "line|forest", "1..9 when model=forest". Plain data: what `plain` gives, or a
    list of choices.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(given, (Range, Choice)):
        return given
    try:
        if isinstance(given, str):
            return _of_text(given)
        if isinstance(given, (list, tuple)):
            return Choice(*given)
        if isinstance(given, Mapping):
            return _of_mapping(given)
    except DefinitionError as error:
        raise ValueError(str(error)) from error
    raise ValueError(f'{given!r} is no range and no choice; write "0.1..10", "0.001..1:log", "1..9:2" or "line|forest"')


def _of_text(text: str) -> Dimension:
    conditional = _WHEN.fullmatch(text.strip())
    when = None
    if conditional:
        text = conditional[1]
        when = {conditional[2]: [_atom(part) for part in conditional[3].split("|")]}
    found = _RANGE.fullmatch(text.strip())
    if found:
        low, high = _figure(found[1]), _figure(found[2])
        if found[3] == "log":
            return Range(low, high, log=True, when=when)
        return Range(low, high, _figure(found[3]) if found[3] else None, when=when)
    if ".." in text or not text.strip():
        raise DefinitionError(
            f'{text!r} is no range and no choice; write "0.1..10", "0.001..1:log", "1..9:2" or "line|forest"'
        )
    return Choice(*(_atom(part.strip()) for part in text.split("|")), when=when)


def _figure(text: str) -> int | float:
    return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)


def _atom(text: str) -> Label:
    if text in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[text]
    return _figure(text) if re.fullmatch(_NUMBER, text) else text


def _of_mapping(given: Mapping[str, Any]) -> Dimension:
    known = {"choices", "when"} if "choices" in given else {"low", "high", "step", "log", "when"}
    wrong = [name for name in given if name not in known]
    if wrong or not ("choices" in given or {"low", "high"} <= given.keys()):
        raise DefinitionError(
            f"{dict(given)!r} is no range and no choice; a range has low and high, and may have step, log and when; "
            "a choice has choices"
        )
    when = given.get("when")
    if when is not None and not isinstance(when, Mapping):
        raise DefinitionError(f"when={when!r} is no mapping; write {{model: forest}}")
    if "choices" in given:
        if not isinstance(given["choices"], (list, tuple)):
            raise DefinitionError(f"choices={given['choices']!r} is no list; write [line, forest]")
        return Choice(*given["choices"], when=when)
    return Range(given["low"], given["high"], given.get("step"), bool(given.get("log", False)), when=when)
