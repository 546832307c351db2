"""Which steps need which, and whether everything that is named is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from partita.flow.yaml.expressions import Expression
from partita.flow.yaml.problems import Placed, Problems, near
from partita.flow.yaml.records import Document, Step, expressions_in
from partita.flow.yaml.references import Reference

__all__ = ["ordered"]

_PARTS = ("output", "outcome")


def ordered(document: Document, names: Sequence[str], problems: Problems) -> Document:
    """The document with each step behind what it needs; what is named and is not there is noted.

    Args:
        names: of all steps in the file, those that could not be read included.
    """
    needed: dict[str, list[str]] = {}
    for step in document.steps.values():
        for name, node in step.needs:
            if name not in names:
                problems.add(node, f"there is no step {name!r}", near(name, names, "its steps"))
        found = [name for name, _ in step.needs]
        for expression, part in step.expressions():
            found += _checked(expression, part, document, step, names, problems)
        needed[step.name] = [name for name in dict.fromkeys(found) if name in document.steps]
    if document.outputs is not None:
        for expression in expressions_in(document.outputs.tree):
            _checked(expression, "", document, None, names, problems)
    return replace(document, steps={name: document.steps[name] for name in _sorted(document, needed, problems)})


def _checked(
    expression: Expression, part: str, document: Document, step: Step | None, names: Sequence[str], problems: Problems
) -> list[str]:
    """The steps that the expression needs."""
    found = []
    for reference in expression.references:
        if not reference.is_whole:
            continue
        where = _At(expression.line, expression.column + reference.start)
        if reference.root == "inputs" and reference.name not in document.inputs:
            problems.add(
                where, f"the flow has no input {reference.name!r}", near(reference.name, document.inputs, "its inputs")
            )
        elif reference.root == "item":
            _check_item(where, part, step, problems)
        elif reference.root == "steps":
            if reference.name not in names:
                problems.add(where, f"there is no step {reference.name!r}", near(reference.name, names, "its steps"))
            elif reference.part not in _PARTS:
                _refuse_part(where, reference, problems)
            found.append(reference.name)
    return found


def _refuse_part(where: Placed, reference: Reference, problems: Problems) -> None:
    written = f"steps.{reference.name}.{reference.part}"
    problems.add(where, f"a step has no {reference.part!r}: `{written}`", near(reference.part, _PARTS, "it has"))


def _check_item(where: Placed, part: str, step: Step | None, problems: Problems) -> None:
    if step is None or step.each is None:
        problems.add(
            where, "`item` stands for an element of `foreach`, and there is none here", "give the step `foreach:`"
        )
    elif part == "foreach":
        problems.add(where, "`foreach` names the list of items, and cannot use `item` itself")


class _At:
    def __init__(self, line: int, column: int) -> None:
        self.line, self.column = line, column


def _sorted(document: Document, needed: dict[str, list[str]], problems: Problems) -> list[str]:
    """The steps' names, each behind those that it needs; a circle is noted and then left as it stands."""
    found: dict[str, None] = {}
    for first in document.steps:
        path: list[tuple[str, Iterator[str]]] = [(first, iter(needed[first]))] if first not in found else []
        open_names = {first}
        while path:
            name, rest = path[-1]
            other = next(rest, None)
            if other is None:
                path.pop()
                open_names.discard(name)
                found.setdefault(name)
            elif other in open_names:
                circle = [step for step, _ in path]
                circle = [*circle[circle.index(other) :], other]
                told = " needs ".join(circle)
                problems.add(
                    document.steps[other].node, f"steps wait for each other: {told}", "take one of these edges away"
                )
            elif other not in found:
                open_names.add(other)
                path.append((other, iter(needed[other])))
    return list(found)
