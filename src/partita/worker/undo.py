"""Calling what undoes a finished step: its result first, then those of the step's arguments that it has a name for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from partita.flow.signature import Signature

__all__ = ["undo_arguments"]


def undo_arguments(
    undo: Callable[..., Any],
    undone: Callable[..., Any],
    result: Any,
    values: Sequence[Any],
    keywords: Mapping[str, Any],
) -> tuple[list[Any], dict[str, Any]]:
    """The positional and named arguments for `undo`, given those that the step was called with."""
    signature = Signature(undo)
    if not signature.positional and signature.extra_positional is None:
        return [], _accepted(signature, _named(undone, values, keywords), None)
    first = signature.positional[0].name if signature.positional else None
    return [result], _accepted(signature, _named(undone, values, keywords), first)


def _named(undone: Callable[..., Any], values: Sequence[Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    bound = inspect.signature(undone).bind(*values, **keywords)
    bound.apply_defaults()
    return dict(bound.arguments)


def _accepted(signature: Signature, given: dict[str, Any], first: str | None) -> dict[str, Any]:
    by_name = {p.name for p in signature.parameters if p.is_keyword and p.name != first}
    return {name: value for name, value in given.items() if name in by_name}
