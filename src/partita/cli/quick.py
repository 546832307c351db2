"""Typer without what it needs a data validation library for: passing a text on as a text.

From 0.29 on, Typer converts every option with pydantic, whose import costs more time than all the rest of a command.
What needs no conversion is passed on here; all else still goes to Typer.
"""

from __future__ import annotations

from typing import Any

__all__ = ["quicken"]

_ATTRIBUTE = "_runtime_param"  # where a parameter keeps its converter once it has made it


class _Direct:
    """A converter that asks Typer's own only where there is something to convert."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        if value is None or isinstance(value, (bool, int)) or _is_text(value, param):
            return value
        setattr(param, _ATTRIBUTE, None)
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


def _is_text(value: Any, param: Any) -> bool:
    annotation = param.type_descriptor.annotation
    if isinstance(value, str):
        return annotation is str
    return isinstance(value, (list, tuple)) and annotation == list[str] and all(isinstance(item, str) for item in value)


def quicken(command: Any) -> Any:
    """The command, with all below it. Another version of Typer is left as it is."""
    get_params = command.get_params

    def quick_params(context: Any) -> list[Any]:
        parameters: list[Any] = get_params(context)
        for parameter in parameters:
            if getattr(parameter, _ATTRIBUTE, False) is None and hasattr(parameter, "type_descriptor"):
                setattr(parameter, _ATTRIBUTE, _Direct())
        return parameters

    command.get_params = quick_params
    for below in getattr(command, "commands", {}).values():
        quicken(below)
    return command
