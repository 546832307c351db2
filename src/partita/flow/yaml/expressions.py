"""`${{ ... }}` in the texts of a file: one expression that keeps its type, or a text with expressions in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from partita.errors import ExpressionError
from partita.flow.yaml.cel import LONGEST, compile_expression, evaluate
from partita.flow.yaml.problems import Problems
from partita.flow.yaml.references import ROOTS, Reference, ends_at, references_of
from partita.flow.yaml.source import Node

__all__ = ["Expression", "Template", "read_tree"]

_OPENING = "${{"
_NAMES = frozenset(ROOTS)


class Expression:
    """One expression. Its references become variables, so that each can be an edge."""

    def __init__(self, text: str, line: int, column: int) -> None:
        self.text = text
        self.line = line  # where it stands in the file
        self.column = column

    @cached_property
    def references(self) -> list[Reference]:
        """What it refers to."""
        return references_of(self.text)

    @property
    def alone(self) -> Reference | None:
        """The reference that it is and nothing else."""
        found = self.references
        return found[0] if len(found) == 1 and found[0].start == 0 and found[0].end == len(self.text) else None

    @cached_property
    def variables(self) -> dict[str, Reference]:
        """Variable -> the reference that it stands for; equal references share one."""
        found: dict[tuple[Any, ...], str] = {}
        for reference in self.references:
            found.setdefault(_identity(reference), f"ref{len(found) + 1}_")
        by_name = {found[_identity(reference)]: reference for reference in reversed(self.references)}
        return dict(sorted(by_name.items()))

    @cached_property
    def rewritten(self) -> str:
        """The expression with variables in place of its references."""
        names = {_identity(reference): name for name, reference in self.variables.items()}
        text, end = [], 0
        for reference in self.references:
            text += [self.text[end : reference.start], names[_identity(reference)]]
            end = reference.end
        return "".join([*text, self.text[end:]])

    @property
    def uses_item(self) -> bool:
        """Whether it is different for each element."""
        return any(reference.root == "item" for reference in self.references)

    @property
    def uses_steps(self) -> bool:
        """Whether it needs what a step gives."""
        return any(reference.root == "steps" for reference in self.references)

    def value(self, values: Mapping[str, Any]) -> Any:
        """Its value.

        Args:
            values: what its variables stand for.

        Raises:
            ExpressionError: it has none.
        """
        try:
            return evaluate(self.rewritten, values)
        except ExpressionError as error:
            told = str(error)
            for name, reference in self.variables.items():
                told = told.replace(name, self.text[reference.start : reference.end])
            raise ExpressionError(told) from None

    def __repr__(self) -> str:
        return f"${{{{ {self.text} }}}}"


def _identity(reference: Reference) -> tuple[Any, ...]:
    return (reference.root, reference.name, reference.part, reference.path)


class Template:
    """A text with expressions in it."""

    def __init__(self, parts: list[str | Expression]) -> None:
        self.parts = parts

    def __repr__(self) -> str:
        return "".join(map(str, self.parts))


def read_tree(node: Node, problems: Problems) -> Any:
    """The node's value with expressions in it."""
    if isinstance(node.value, str):
        return _read_text(node, problems) if _OPENING in node.value else node.value
    if isinstance(node.value, list):
        return [read_tree(item, problems) for item in node.value]
    if isinstance(node.value, dict):
        return {key: read_tree(item, problems) for key, item in node.value.items()}
    return node.value


def _read_text(node: Node, problems: Problems) -> Any:
    text: str = node.value
    parts: list[str | Expression] = []
    position = 0
    while True:
        start = text.find(_OPENING, position)
        if start < 0:
            parts.append(text[position:])
            break
        if start > 0 and text[start - 1] == "$":  # $${{ is ${{ for a shell or another language
            parts += [text[position : start - 1], _OPENING]
            position = start + len(_OPENING)
            continue
        end = ends_at(text[: start + LONGEST + 10], start + len(_OPENING))
        if end < 0 and len(text) - start > LONGEST:
            message = f"the expression has more than {LONGEST:,} characters, or is not closed"
            problems.add(node, message, "let a task do the work, or close it with `}}`")
            return text
        if end < 0:
            problems.add(
                node,
                f"`${{{{` in {_short(text[start:])!r} is not closed",
                "close it with `}}`; a literal one is `$${{`",
            )
            return text
        parts += [text[position:start], _expression(node, text, start + len(_OPENING), end, problems)]
        position = end + 2
    told = [part for part in parts if part != ""]
    if len(told) == 1 and isinstance(told[0], Expression) and text.strip().startswith(_OPENING):
        return told[0]
    if len(told) == 3 and isinstance(told[1], Expression) and not f"{told[0]}{told[2]}".strip():
        return told[1]
    if any(isinstance(part, Expression) for part in told):
        blanks = [part for part in told if isinstance(part, Expression) or part.strip()]
        return blanks[0] if len(blanks) == 1 and isinstance(blanks[0], Expression) else Template(told)
    return "".join(map(str, told))


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _expression(node: Node, text: str, start: int, end: int, problems: Problems) -> Expression:
    inner = text[start:end]
    line, column = node.line, node.column
    if "\n" not in text:
        column += node.quotes + start + len(inner) - len(inner.lstrip())
    expression = Expression(inner.strip(), line, column)
    _check(expression, problems)
    return expression


def _check(expression: Expression, problems: Problems) -> None:
    if not expression.text:
        problems.add(expression, "the expression is empty", "write what it stands for, such as ${{ inputs.rate }}")
        return
    wrong = [reference for reference in expression.references if not reference.is_whole]
    for reference in wrong:
        problems.at(expression.line, expression.column + reference.start, reference.told, reference.remedy)
    if wrong or expression.alone is not None:
        return
    try:
        compile_expression(_with_plain_names(expression), _NAMES)
    except ExpressionError as error:
        problems.at(expression.line, expression.column + max(error.column - 1, 0), str(error), _remedy(str(error)))


def _with_plain_names(expression: Expression) -> str:
    """The text as CEL reads it, with every word where it was: a step's name may have `-` in it."""
    text = expression.text
    for reference in expression.references:
        whole = text[reference.start : reference.end].replace(reference.name, reference.name.replace("-", "_"), 1)
        text = text[: reference.start] + whole + text[reference.end :]
    return text


def _remedy(told: str) -> str:
    if "undeclared reference" in told:
        return "an expression can name inputs.NAME, steps.NAME.output and, in a step with foreach, item"
    return ""
