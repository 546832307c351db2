"""Evaluating expressions by the rules of the Common Expression Language (CEL), within limits.

The work is done by Google's own library, which bounds the depth of an expression and the number of iterations. What it
leaves open is bounded here: the size of values and how far an expression can make them grow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from typing import Any

from partita.errors import ExpressionError, MissingExtraError
from partita.flow.yaml.functions import declared_functions
from partita.flow.yaml.references import tokens_of

__all__ = ["LONGEST", "compile_expression", "evaluate"]

LONGEST = 4_000  # characters of one expression
_MOST_SIZE = 1_000_000  # elements and characters of the values that go into one
_MOST_GROWN = 50_000_000  # what they could grow to
_DEEPEST = 30  # levels of a value
_MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
_MOST_MACROS = 3  # inside each other

_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")


def compile_expression(text: str, names: frozenset[str]) -> Any:
    """The expression, ready to be evaluated.

    Args:
        names: the variables that it may use.

    Raises:
        ExpressionError: it cannot be read, uses another name, or goes beyond a limit; `column` says where.
        MissingExtraError: the library is not installed.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"the expression has {len(text):,} characters; at most {LONGEST:,} are read")
    _growth(text)
    return _compiled(text, names)


@lru_cache(4096)
def _compiled(text: str, names: frozenset[str]) -> Any:
    try:
        return _environment(names).compile(text)
    except RuntimeError as error:
        raise _unreadable(str(error)) from None


@lru_cache(256)
def _environment(names: frozenset[str]) -> Any:
    try:
        from cel_expr_python import cel
    except ImportError:
        raise MissingExtraError("expressions that compute need the extra 'yaml': pip install 'partita[yaml]'") from None
    return cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN), functions=declared_functions())


def _unreadable(told: str) -> ExpressionError:
    if "recursion" in told:
        return ExpressionError("the expression is nested too deeply, or joins too many parts; split it into steps")
    found = _ERROR.search(told)
    message = found[3] if found else told
    message = message.replace(" (in container '')", "").removesuffix(" [INVALID_ARGUMENT]")
    column = int(found[2]) if found and found[1] == "1" else 0
    return ExpressionError(f"the expression cannot be read: {message}", column=column)


@lru_cache(4096)
def _growth(text: str) -> int:
    """By how much an expression can make its values grow at most."""
    tokens = tokens_of(text)
    depth = deepest = sums = 0
    opened: list[bool] = []
    for position, token in enumerate(tokens):
        if token.text == "(":
            before = tokens[position - 1].text if position else ""
            opened.append(before in _MACROS and position > 1 and tokens[position - 2].text == ".")
            depth += opened[-1]
            deepest = max(deepest, depth)
        elif token.text == ")" and opened:
            depth -= opened.pop()
        elif token.text == "+":
            sums += 1
    if deepest > _MOST_MACROS:
        raise ExpressionError(
            f"the expression goes through lists inside each other {deepest} deep; at most {_MOST_MACROS}"
        )
    return int((sums + 1) ** (deepest + 1))


def evaluate(text: str, values: Mapping[str, Any]) -> Any:
    """The expression's value.

    Args:
        values: what its variables stand for.

    Raises:
        ExpressionError: it has no value for these, or goes beyond a limit.
    """
    program = compile_expression(text, frozenset(values))
    budget = _Budget(text)
    data = {name: budget.plain(value, 0) for name, value in values.items()}
    if (budget.size + len(text)) * _growth(text) > _MOST_GROWN:
        raise ExpressionError("the expression could make a value that is too large; let a task do the work")
    try:
        result = program.eval(data=data)
    except RuntimeError as error:
        if "Iteration budget" in str(error):
            raise ExpressionError(
                "the expression goes through more than 10,000 elements; let a task do the work"
            ) from None
        raise ExpressionError(f"`{text}` cannot be evaluated: {error}") from None
    if result.type().name() == "*error*" or repr(result.type()) == "ERROR":
        raise ExpressionError(f"`{text}` has no value: {_told(str(result.value()))}")
    return _python(result.plain_value(), text)


def _told(message: str) -> str:
    message = message.partition(": ")[2] or message
    if "No matching overloads" in message:
        operation = message.partition(" : ")[2]
        return f"{operation} is not defined for these types; convert with double(...), int(...) or string(...)"
    return message


class _Budget:
    """Turns values into what the library reads, and counts their size."""

    def __init__(self, text: str) -> None:
        self.size = 0
        self._text = text

    def plain(self, value: Any, depth: int) -> Any:
        self.size += 1
        if depth > _DEEPEST:
            raise ExpressionError(f"a value in `{self._text}` is nested more than {_DEEPEST} levels deep")
        if value is None or isinstance(value, (bool, int, float, datetime, timedelta)):
            return value.value if isinstance(value, Enum) else value
        if isinstance(value, Enum):
            return self.plain(value.value, depth + 1)
        if isinstance(value, (str, bytes)):
            self._count(len(value))
            return value
        if isinstance(value, PurePath):
            return str(value)
        return self._structure(value, depth)

    def _count(self, size: int) -> None:
        self.size += size
        if self.size > _MOST_SIZE:
            raise ExpressionError(f"a value in `{self._text}` is too large for an expression; let a task do the work")

    def _structure(self, value: Any, depth: int) -> Any:
        if isinstance(value, Mapping):
            self._count(len(value))
            return {key: self.plain(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            self._count(len(value))
            return [self.plain(item, depth + 1) for item in value]
        if is_dataclass(value) and not isinstance(value, type):
            return {field.name: self.plain(getattr(value, field.name), depth + 1) for field in fields(value)}
        item = getattr(value, "item", None)  # a number of NumPy
        if callable(item) and getattr(value, "ndim", None) == 0:
            return item()
        raise ExpressionError(
            f"a {type(value).__name__} in `{self._text}` cannot be computed with in an expression; "
            f"take the part that is needed, or let a task do the work"
        )


def _python(value: Any, text: str) -> Any:
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, list):
        return [_python(item, text) for item in value]
    if isinstance(value, dict):
        return {key: _python(item, text) for key, item in value.items()}
    if value is None or isinstance(value, (bool, int, float, str, bytes, datetime, timedelta)):
        return value
    raise ExpressionError(f"`{text}` gives a {type(value).__name__}, which is no value for a step")
