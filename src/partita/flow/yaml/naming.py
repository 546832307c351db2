"""Names of the elements of a foreach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partita.flow.yaml.computation import compute, identity, variables_of
from partita.flow.yaml.expressions import Expression, Template
from partita.flow.yaml.scope import Scope

__all__ = ["ElementKey"]


class ElementKey:
    """The function that gives an element its name. It travels with a map whose list is not known yet."""

    def __init__(self, file: str, tree: Expression | Template, values: Mapping[tuple[Any, ...], Any]) -> None:
        self._file = file
        self._tree = tree
        self._values = dict(values)

    def __call__(self, item: Any, *others: Any) -> Any:
        scope = Scope(self._file, {}, {}, _nothing, _nothing, self._values, item)
        found = {}
        for reference in variables_of(self._tree).values():
            found[identity(reference)] = scope.reference(reference, Expression(str(self._tree), 1, 1))
        return compute(self._tree, found)


def _nothing(*_: Any) -> Any:
    raise AssertionError("a key makes no steps")
