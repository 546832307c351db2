"""Checking values as they arrive at a task, where the declared types could not decide before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from partita.flow.signature import Signature
from partita.flow.values import check_value

__all__ = ["CHECKED", "MAPPING", "check_arrivals", "without_reserved"]

#: Reserved named arguments: the parameters to check, and how a map goes through its arguments.
CHECKED, MAPPING = "__check__", "__mapping__"


def without_reserved(keywords: dict[str, Any]) -> dict[str, Any]:
    """The named arguments that the function itself takes."""
    if CHECKED not in keywords and MAPPING not in keywords:
        return keywords
    return {name: value for name, value in keywords.items() if name not in (CHECKED, MAPPING)}


def check_arrivals(target: Any, args: Sequence[Any], keywords: dict[str, Any]) -> dict[str, Any]:
    """The named arguments without the reserved ones, after the values that had to be awaited were checked.

    Args:
        target: the task, or its function.

    Raises:
        TypeError: naming each parameter whose value is not what it declares.
    """
    names = keywords.get(CHECKED)
    rest = without_reserved(keywords)
    if not names:
        return rest
    signature = target.signature if hasattr(target, "signature") else Signature(target)
    problems = []
    for parameter, label, value in signature.pairs(tuple(args), rest):
        problem = check_value(value, parameter.annotation) if label in names else None
        if problem:
            problems.append(f"{signature.name}'s {label} got {problem}")
    if problems:
        raise TypeError("; ".join(problems))
    return rest
