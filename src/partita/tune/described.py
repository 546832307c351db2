"""What a worker says of a flow that is to be tuned: user code is loaded there, and not where somebody asks."""

from __future__ import annotations

from enum import Enum
from typing import Any

from partita.errors import CheckError, Problem
from partita.flow.flow import Flow
from partita.flow.loading import load
from partita.tune.dimensions import Choice, dimension_of
from partita.tune.spaces import space_of

__all__ = ["described"]

_PLAIN = (bool, int, float, str, type(None), Enum)


def described(flow: str, given: dict[str, Any], constants: dict[str, str]) -> dict[str, Any]:
    """The space of a flow as plain data.

    Args:
        flow: its reference.
        given: what is said of the space, by name: text, plain data or True.
        constants: inputs that are given, as texts.

    Raises:
        CheckError: with everything that is wrong.
    """
    found = load(flow)
    if not isinstance(found, Flow):
        raise CheckError([Problem(f"{flow} is no flow", "", "name a function under @flow")])
    problems, dimensions = [], {}
    for name, told in given.items():
        try:
            dimensions[name] = told if told is True else dimension_of(told)
        except ValueError as error:
            problems.append(Problem(f"the space of {name}: {error}"))
    if problems:
        raise CheckError(problems)
    space = space_of(found.signature, dimensions, {**found.bound, **constants}, found.place)
    for name, dimension in space.dimensions.items():
        if isinstance(dimension, Choice) and not all(
            isinstance(dimension.value(label), _PLAIN) for label in dimension.labels
        ):
            problems.append(
                Problem(f"the values of {name} cannot be given as texts", found.place, "tune the flow in Python")
            )
    if problems:
        raise CheckError(problems)
    return space.plain()
