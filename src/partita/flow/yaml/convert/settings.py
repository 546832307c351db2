"""Options and commands as a step of a file has them."""

from __future__ import annotations

import builtins
import math
import re
import shlex
from dataclasses import fields, is_dataclass
from typing import Any

from partita.errors import PartitaError
from partita.flow.loading import locate
from partita.flow.options import Options
from partita.flow.yaml.convert.draft import Expr, literal

__all__ = ["command_entry", "option_entries"]

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


def option_entries(options: Options, origin: Options | None) -> tuple[dict[str, Any], list[str]]:
    """The options that differ from those that the task has anyway, and notes on those that a file cannot say."""
    origin = origin if origin is not None else Options()
    found: dict[str, Any] = {}
    notes: list[str] = []
    for field in fields(Options):
        value = getattr(options, field.name)
        if field.name in ("name", "description") or value == getattr(origin, field.name):
            continue
        try:
            found[field.name] = _option(field.name, value)
        except (PartitaError, ValueError):
            notes.append(f"its option {field.name} is a function that no file can name, and is left out")
    return found, notes


def _option(name: str, value: Any) -> Any:
    if name == "cache" and value == math.inf:
        return True
    if name == "retry_on" and isinstance(value, tuple):
        return [_reference(kind) for kind in value]
    if callable(value):
        if name in ("retry_on", "retry_delay"):
            raise ValueError(name)
        return _reference(value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: getattr(value, field.name) for field in fields(value)}
        return {key: list(part) if isinstance(part, tuple) else part for key, part in parts.items() if part}
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def _reference(value: Any) -> str:
    name = str(getattr(value, "__name__", ""))
    if getattr(builtins, name, None) is value:
        return name
    return str(value.reference) if hasattr(value, "reference") else locate(value)


def command_entry(program: Any, arguments: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The entries of a step that runs a program, with its arguments in place."""
    is_text = isinstance(program.parts, str)

    def filled(part: str) -> str:
        def replacement(found: re.Match[str]) -> str:
            if found[1] is None:
                return found[0][0]
            value = arguments.get(found[1])
            if isinstance(value, Expr):
                return str(value)
            return shlex.quote(str(value)) if is_text else literal(str(value))

        return _PLACEHOLDER.sub(replacement, literal(part))

    entries: dict[str, Any] = {"run": filled(program.parts) if is_text else [filled(part) for part in program.parts]}
    if program.allowed_statuses != frozenset({0}):
        entries["allowed_statuses"] = sorted(program.allowed_statuses)
    if program.folder is not None:
        entries["folder"] = program.folder
    nested = [name for name, value in arguments.items() if isinstance(value, (list, dict))]
    return entries, [f"the value of {name} in the command is a list; see that it stands there well" for name in nested]
