"""Expressions that compute with what steps give: each becomes a small step of its own."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from partita.flow.yaml.expressions import Expression, Template
from partita.flow.yaml.functions import shown_text
from partita.flow.yaml.records import expressions_in
from partita.flow.yaml.references import Reference

__all__ = ["Computation", "compute", "identity", "variables_of"]

#: A computation may take so long; what takes longer is work for a task.
TIMEOUT_S = 10.0


def identity(reference: Reference) -> tuple[Any, ...]:
    """What is equal for references to the same thing."""
    return (reference.root, reference.name, reference.part, reference.path)


def variables_of(tree: Any) -> dict[str, Reference]:
    """Parameter -> the reference that it stands for, of an expression or template."""
    found: dict[tuple[Any, ...], Reference] = {}
    for expression in expressions_in(tree):
        for reference in expression.references:
            found.setdefault(identity(reference), reference)
    return {f"v{number}": reference for number, reference in enumerate(found.values(), 1)}


def compute(tree: Expression | Template, values: Mapping[tuple[Any, ...], Any]) -> Any:
    """The value of an expression or template.

    Args:
        values: by the `identity` of each reference in it.

    Raises:
        ExpressionError: it has none.
    """
    if isinstance(tree, Template):
        return "".join(part if isinstance(part, str) else shown_text(compute(part, values)) for part in tree.parts)
    alone = tree.alone
    if alone is not None:
        return values[identity(alone)]
    return tree.value({name: values[identity(reference)] for name, reference in tree.variables.items()})


class Computation:
    """The function of such a step."""

    def __init__(self, tree: Expression | Template, name: str, file: Path) -> None:
        self.tree = tree
        self.source_file = file
        self.__name__ = name
        self.__qualname__ = name
        self.__module__ = __name__
        self.__doc__ = f"Compute {tree!r}."
        self._variables = variables_of(tree)
        returns: Any = str if isinstance(tree, Template) else Any
        self.__annotations__ = {**dict.fromkeys(self._variables, Any), "return": returns}
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, annotation=Any) for n in self._variables],
            return_annotation=returns,
        )

    def __call__(self, **values: Any) -> Any:
        return compute(self.tree, {identity(self._variables[name]): value for name, value in values.items()})

    def fingerprint(self) -> str:
        """Hash of what is computed."""
        return blake2b(repr(self.tree).encode(), digest_size=32).hexdigest()

    def __reduce__(self) -> tuple[Any, ...]:
        from partita.flow.yaml.loading import load_function

        return (load_function, (str(self.source_file), self.__qualname__))
