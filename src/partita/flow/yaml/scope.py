"""What expressions stand for at one point of a layout: inputs, what earlier steps give, and the element of a foreach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from partita.errors import CheckError, ExpressionError, Problem
from partita.flow.arguments import holds_refs
from partita.flow.eager import Absent
from partita.flow.mapped import Mapped
from partita.flow.ref import StepRef
from partita.flow.yaml.computation import compute, identity, variables_of
from partita.flow.yaml.expressions import Expression, Template
from partita.flow.yaml.records import expressions_in
from partita.flow.yaml.references import Reference

__all__ = ["NOTHING", "Scope", "is_promise", "refuse"]

NOTHING: Any = object()

#: Adds the step that computes: (path of the tree in the file, its arguments) -> its promise.
Compute = Callable[[str, dict[str, Any]], Any]


@dataclass(frozen=True)
class Scope:
    """Gives values to expressions."""

    file: str  # as messages name it
    inputs: Mapping[str, Any]
    results: Mapping[str, Any]  # of steps, by name: promises, or values where nothing is laid out
    settle: Callable[[Any], Any]
    compute: Compute
    bound: Mapping[tuple[Any, ...], Any] = field(default_factory=dict)  # what came in as an argument, by identity
    item: Any = NOTHING

    def with_item(self, item: Any) -> Scope:
        """The scope of one element."""
        return replace(self, item=item)

    def binding(self, bound: Mapping[tuple[Any, ...], Any]) -> Scope:
        """The scope in which these references stand for what came in as arguments."""
        return replace(self, bound=bound)

    def value(self, tree: Any, path: str) -> Any:
        """What a tree stands for, with promises in it.

        Args:
            path: where the tree stands, such as "train.with.rate": names the step that computes it.
        """
        if isinstance(tree, Expression) and tree.alone is not None:
            return self.reference(tree.alone, tree)
        if isinstance(tree, (Expression, Template)):
            return self._computed(tree, path)
        if isinstance(tree, list):
            return [self.value(item, f"{path}.{index}") for index, item in enumerate(tree)]
        if isinstance(tree, dict):
            return {key: self.value(item, f"{path}.{key}") for key, item in tree.items()}
        return tree

    def _computed(self, tree: Expression | Template, path: str) -> Any:
        where = next(expressions_in(tree))
        variables = variables_of(tree)
        values = {name: self.reference(reference, where) for name, reference in variables.items()}
        if any(is_promise(value) for value in values.values()):
            return self.compute(path, values)
        return self.known(tree, {identity(variables[name]): value for name, value in values.items()})

    def known(self, tree: Expression | Template, values: Mapping[tuple[Any, ...], Any]) -> Any:
        """The value of what needs no promise.

        Raises:
            CheckError: it has none.
        """
        try:
            return compute(tree, values)
        except ExpressionError as error:
            raise refuse(self.file, next(expressions_in(tree)), str(error)) from None

    def is_known(self, tree: Any) -> bool:
        """Whether nothing in the tree is a promise."""
        found = [(e, reference) for e in expressions_in(tree) for reference in e.references]
        return not any(is_promise(self.reference(reference, e)) for e, reference in found if reference.root != "item")

    def reference(self, reference: Reference, where: Expression) -> Any:
        """What a reference stands for."""
        known = self.bound.get(identity(reference), NOTHING)
        if known is not NOTHING:
            return known
        if reference.root == "inputs":
            value = self.inputs[reference.name]
        elif reference.root == "item":
            value = self.item
        else:
            value = self.results[reference.name]
            if reference.part == "outcome":
                value = self.settle(value)
        for key in reference.path:
            value = self._part(value, key, where)
        return value

    def _part(self, value: Any, key: str | int, where: Expression) -> Any:
        if type(value) is Absent:
            return value
        try:
            return value[key]
        except (TypeError, KeyError, IndexError):
            if isinstance(key, str) and not isinstance(value, (dict, list, str)) and hasattr(value, key):
                return getattr(value, key)
        told = f"`{where.text}`: a {type(value).__name__} has no part {key!r}"
        raise refuse(self.file, where, told)


def is_promise(value: Any) -> bool:
    """Whether the value is not known yet, or a part of it."""
    if isinstance(value, dict):
        return any(map(is_promise, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(is_promise, value))
    return type(value) in (StepRef, Mapped, Absent) or holds_refs(value)


def refuse(file: str, where: Any, message: str, remedy: str = "") -> CheckError:
    """The error of one problem at a place of the file."""
    return CheckError([Problem(message, f"{file}:{where.line}:{where.column}", remedy)])
