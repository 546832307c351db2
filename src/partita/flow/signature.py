"""The signature of a task or flow, prepared once so that calls are bound fast."""

from __future__ import annotations

import difflib
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin

from partita.flow.mapped import Mapped
from partita.flow.ref import StepRef

__all__ = ["MISSING", "Holding", "Parameter", "Signature"]

MISSING: Any = inspect.Parameter.empty

#: How the refs in an argument are held: False: by value; True: every ref in it stays a ref; otherwise a tuple
#: ("each", holding of every element) or ("items", holdings of the elements, in order).
Holding = Any

_EXACT: dict[Any, frozenset[type]] = {
    int: frozenset({int}),
    float: frozenset({float, int}),
    str: frozenset({str}),
    bool: frozenset({bool}),
    bytes: frozenset({bytes}),
    type(None): frozenset({type(None)}),
    Any: frozenset({int, float, str, bool, bytes, type(None)}),
    MISSING: frozenset({int, float, str, bool, bytes, type(None)}),
    object: frozenset({int, float, str, bool, bytes, type(None)}),
}
_NOTHING: frozenset[type] = frozenset()


class Parameter:
    """One parameter of a task or flow."""

    __slots__ = (
        "accepts", "annotation", "default", "holding", "is_keyword", "is_optional", "is_positional", "kind", "name",
    )  # fmt: skip

    def __init__(self, name: str, annotation: Any, default: Any, kind: inspect._ParameterKind) -> None:
        self.name = name
        self.annotation = annotation  # resolved; MISSING where there is none
        self.default = default  # MISSING where it is required
        self.kind = kind
        self.is_positional = kind in (kind.POSITIONAL_ONLY, kind.POSITIONAL_OR_KEYWORD)
        self.is_keyword = kind in (kind.KEYWORD_ONLY, kind.POSITIONAL_OR_KEYWORD)
        self.holding: Holding = _holding(annotation)
        self.is_optional = _is_optional(annotation, default)  # None says that there is no value
        self.accepts = _accepts(annotation)  # exact types of plain values that need no further check


class Signature:
    """The parameters and result of a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = getattr(function, "__name__", repr(function))
        declared = inspect.signature(function)
        hints = _hints(function)
        self.returns = hints.get("return", declared.return_annotation)
        self._arrange(
            [
                Parameter(p.name, hints.get(p.name, p.annotation), p.default, p.kind)
                for p in declared.parameters.values()
            ]
        )

    def with_bound(self, values: Mapping[str, Any]) -> Signature:
        """The signature with these arguments given: they are defaults now, and can only be given by name."""
        keyword = inspect.Parameter.KEYWORD_ONLY
        free = [p for p in self.parameters if p.name not in values]
        bound = [Parameter(p.name, p.annotation, values[p.name], keyword) for p in self.parameters if p.name in values]
        last = [p for p in free if p.kind is p.kind.VAR_KEYWORD]
        made = object.__new__(Signature)
        made.name, made.returns = self.name, self.returns
        made._arrange([*(p for p in free if p.kind is not p.kind.VAR_KEYWORD), *bound, *last])
        return made

    def _arrange(self, parameters: list[Parameter]) -> None:
        self.parameters = parameters
        self.by_name = {p.name: p for p in self.parameters}
        self.positional = [p for p in self.parameters if p.is_positional]
        self.required = sum(p.default is MISSING for p in self.positional)
        self.extra_positional = next((p for p in self.parameters if p.kind is p.kind.VAR_POSITIONAL), None)
        self.extra_keyword = next((p for p in self.parameters if p.kind is p.kind.VAR_KEYWORD), None)
        self.keyword_only = [p for p in self.parameters if p.kind is p.kind.KEYWORD_ONLY]
        # A call with plain positional arguments in this range needs no binding at all.
        self.is_simple = not any(p.default is MISSING for p in self.keyword_only)

    def misfits(self, count: int, keywords: Mapping[str, Any]) -> list[str]:
        """What is wrong with a call of `count` positional arguments and these named ones; empty: it fits."""
        found: list[str] = []
        if count > len(self.positional) and self.extra_positional is None:
            most = len(self.positional)
            found.append(f"{self.name} takes at most {most} positional argument{'s' * (most != 1)}, {count} were given")
        taken = {p.name for p in self.positional[:count]}
        for name in keywords:
            parameter = self.by_name.get(name)
            if parameter is not None and name in taken and parameter.is_keyword:
                found.append(f"{self.name} got two values for its parameter {name!r}")
            else:
                found += self.unknown(name)
        for parameter in (*self.positional[count:], *self.keyword_only):
            given = parameter.name in keywords and parameter.is_keyword
            if parameter.default is MISSING and not given:
                found.append(f"{self.name} is missing its argument {parameter.name!r}{_shown(parameter)}")
        return found

    def unknown(self, name: str) -> list[str]:
        """What is wrong with passing something by this name."""
        parameter = self.by_name.get(name)
        if (parameter is not None and parameter.is_keyword) or self.extra_keyword is not None:
            return []
        known = [p.name for p in self.parameters if p.is_keyword]
        near = difflib.get_close_matches(name, known, 1)
        if near:
            hint = f"did you mean {near[0]!r}?"
        else:
            hint = f"it has {', '.join(known)}" if known else "it has no named parameters"
        return [f"{self.name} has no parameter {name!r}; {hint}"]

    def pairs(self, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> list[tuple[Parameter, str, Any]]:
        """(parameter, label, value) for every argument that fits; the label names what *args and **keywords took."""
        found = [(p, p.name, value) for p, value in zip(self.positional, args, strict=False)]
        if self.extra_positional is not None:
            extra = self.extra_positional
            rest = range(len(self.positional), len(args))
            found += [(extra, f"*{extra.name}[{i - len(self.positional)}]", args[i]) for i in rest]
        for name, value in keywords.items():
            parameter = self.by_name.get(name)
            if parameter is None or not parameter.is_keyword:
                parameter = self.extra_keyword
            if parameter is not None:
                found.append((parameter, name, value))
        return found


def _shown(parameter: Parameter) -> str:
    from partita.flow.types import type_name

    return "" if parameter.annotation is MISSING else f" ({type_name(parameter.annotation)})"


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:
        return _hints_one_by_one(function)


def _hints_one_by_one(function: Callable[..., Any]) -> dict[str, Any]:
    """Resolve what can be resolved: a name imported under TYPE_CHECKING must not hide the other annotations."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    names = getattr(function, "__globals__", {})
    found: dict[str, Any] = {}
    for name, annotation in getattr(function, "__annotations__", {}).items():
        try:
            holder = type("Holder", (), {"__annotations__": {name: annotation}})
            found[name] = typing.get_type_hints(holder, globalns=names, include_extras=True)[name]
        except Exception:
            found[name] = Any
    return found


def _accepts(annotation: Any) -> frozenset[type]:
    try:
        found = _EXACT.get(annotation)
    except TypeError:  # unhashable: Annotated[int, []] and the like
        return _NOTHING
    if found is not None:
        return found
    if get_origin(annotation) in _UNIONS:
        return frozenset().union(*(_accepts(item) for item in get_args(annotation)))
    return _NOTHING


def _is_optional(annotation: Any, default: Any) -> bool:
    if annotation is MISSING:
        return default is None
    if get_origin(annotation) is typing.Annotated:
        return _is_optional(get_args(annotation)[0], default)
    return get_origin(annotation) in _UNIONS and type(None) in get_args(annotation)


_UNIONS = (typing.Union, type(int | str))


def _holding(annotation: Any) -> Holding:
    origin = get_origin(annotation)
    if annotation is StepRef or origin is StepRef:
        return True
    if annotation is Mapped or origin is Mapped:
        return ("each", True)
    if origin is typing.Annotated:
        return _holding(get_args(annotation)[0])
    items = [_holding(item) for item in get_args(annotation) if item is not Ellipsis]
    if not any(items):
        return False
    if origin in _UNIONS:
        return next(item for item in items if item)
    if origin is tuple and Ellipsis not in get_args(annotation):
        return ("items", items)
    return ("each", items[-1])
