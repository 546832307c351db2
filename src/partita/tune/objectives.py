"""What a trial is judged by: numbers in what its run gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from partita.errors import DefinitionError
from partita.values import DICT, LIST, OBJECT, OUTCOME, PLAIN, SELECT, TUPLE, Node, navigate

__all__ = ["DIRECTIONS", "WHOLE", "Objectives", "objectives_of"]

DIRECTIONS = ("maximize", "minimize")
#: Name of the objective where none is named: the result is the number.
WHOLE = "result"
_TOLD = 6

#: The value that a leaf stands for, opened by whoever may; raises ValueError where it may not be.
Open = Callable[[Node], Any]


class Objectives(NamedTuple):
    """One or several of them."""

    directions: dict[str, str]  # "maximize" or "minimize", by the place in the result: "score", "metrics.accuracy", "0"
    function: Callable[[Any], Any] | None = None  # what makes numbers of the whole value, instead

    def read(self, node: Node, open_leaf: Open) -> list[float]:
        """The numbers of a run's value.

        Raises:
            ValueError: they are not there.
        """
        if self.function is not None:
            return self._numbers(self.function(open_leaf(node)))
        if list(self.directions) == [WHOLE] and WHOLE not in _numbers_in(node):
            return [_only_number(node, open_leaf)]
        return [_number_at(node, name, open_leaf) for name in self.directions]

    def _numbers(self, given: Any) -> list[float]:
        if isinstance(given, Mapping):
            given = [given.get(name) for name in self.directions]
        values = list(given) if isinstance(given, (tuple, list)) else [given]
        if len(values) != len(self.directions):
            raise ValueError(
                f"the objective gave {len(values)} numbers, and {len(self.directions)} are to be looked at"
            )
        return [_finite(value, name) for name, value in zip(self.directions, values, strict=True)]


def objectives_of(objective: Any = None, direction: Any = "maximize") -> Objectives:
    """What was asked for.

    Args:
        objective: the place of a number in the result; a mapping from places to directions; a function of the result; None: the
            result is a number, or has a single one.
        direction: "maximize" or "minimize"; a list of them for a function that gives several numbers.

    Raises:
        DefinitionError: it is none of these.
    """
    if isinstance(objective, Mapping):
        made = Objectives({str(name): str(way) for name, way in objective.items()})
    elif callable(objective):
        name = getattr(objective, "__name__", "objective")
        name = "objective" if name == "<lambda>" else name
        ways = [direction] if isinstance(direction, str) else list(direction)
        names = [name] if len(ways) == 1 else [f"{name}[{number}]" for number in range(len(ways))]
        made = Objectives(dict(zip(names, ways, strict=True)), objective)
    elif objective is None or isinstance(objective, str):
        if not isinstance(direction, str):
            raise DefinitionError(
                'several objectives are named: objective={"accuracy": "maximize", "seconds": "minimize"}'
            )
        made = Objectives({objective or WHOLE: direction})
    else:
        raise DefinitionError(
            f"objective={objective!r} is neither a name, a mapping from names to directions, nor a function"
        )
    wrong = [way for way in made.directions.values() if way not in DIRECTIONS]
    if wrong or not made.directions:
        raise DefinitionError(f"{wrong[0] if wrong else None!r} is no direction; write 'maximize' or 'minimize'")
    return made


def _number_at(node: Node, name: str, open_leaf: Open) -> float:
    path = tuple(int(part) if part.isdecimal() else part for part in name.split("."))
    try:
        found = _at(node, path, open_leaf)
    except (LookupError, TypeError):
        raise ValueError(f"the result has no {name!r}{_hint(node)}") from None
    return _finite(found, name)


def _at(node: Node, path: Sequence[str | int], open_leaf: Open) -> Any:
    inner, rest = navigate(_selected(node), tuple(path))
    inner = _selected(inner)
    if rest and inner[0] != PLAIN:
        if inner[0] in (LIST, TUPLE, DICT, OBJECT):
            return _at(inner, rest, open_leaf)
        value = open_leaf(inner)
        for key in rest:
            value = value[key] if hasattr(value, "__getitem__") else getattr(value, str(key))
        return value
    return inner[1] if inner[0] == PLAIN else open_leaf(inner)


def _selected(node: Node) -> Node:
    if node[0] != SELECT:
        return node
    found, rest = navigate(node[1], tuple(node[2]))
    return node if rest else found


def _only_number(node: Node, open_leaf: Open) -> float:
    """The result itself, or the single number in it."""
    node = _selected(node)
    numbers = _numbers_in(node)
    if len(numbers) == 1 and node[0] in (DICT, OBJECT, PLAIN) and "" not in numbers:
        return _finite(next(iter(numbers.values())), next(iter(numbers)))
    if node[0] in (DICT, OBJECT, LIST, TUPLE) or (node[0] == PLAIN and "" not in numbers):
        raise ValueError(f"the result is no single number{_hint(node)}")
    return _finite(node[1] if node[0] == PLAIN else open_leaf(node), "the result")


def _numbers_in(node: Node, name: str = "") -> dict[str, float]:
    """The plain numbers in a value by their place."""
    node = _selected(node)
    tag = node[0]
    found: dict[str, float] = {}
    if tag == PLAIN:
        value = node[1]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found[name] = value
        elif isinstance(value, dict):
            for key, item in value.items():
                found |= _numbers_in([PLAIN, item], f"{name}.{key}".lstrip("."))
    elif tag in (DICT, OBJECT):
        names, nodes = (node[1], node[2]) if tag == DICT else (node[2], node[3])
        for key, item in zip(names, nodes, strict=True):
            found |= _numbers_in(item, f"{name}.{key}".lstrip("."))
    elif tag == TUPLE:
        for number, item in enumerate(node[1]):
            found |= _numbers_in(item, f"{name}.{number}".lstrip("."))
    elif tag == OUTCOME and node[2] is not None:
        found |= _numbers_in(node[2], name)
    return found


def _hint(node: Node) -> str:
    known = list(_numbers_in(node))
    if not known:
        return "; a flow that is tuned returns a number, or numbers with names"
    if known == [""]:
        return "; it is a number itself: name no objective"
    return f"; its numbers are {', '.join(known[:_TOLD])}{', ...' * (len(known) > _TOLD)}: name one as the objective"


def _finite(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {value!r}, which is no number") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} is {number}, which says nothing of how good it is")
    return number
