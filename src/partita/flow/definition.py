"""What tasks and flows have in common: a function with options, found again by its reference."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, ParamSpec, Self, TypeVar

from partita.errors import DefinitionError
from partita.flow.loading import load, locate
from partita.flow.options import TASK_OPTIONS, Options, merge_options
from partita.flow.signature import Signature

__all__ = ["Definition", "refuse_unsuitable"]

P = ParamSpec("P")
R = TypeVar("R")


class Definition(Generic[P, R]):
    """A function that a worker can find and run, with its options."""

    body = "task"  # how a worker runs it: see core.records.Profile
    allowed_options = TASK_OPTIONS

    is_altered = False  # by with_options: what its reference names has other options
    prerequisites: tuple[Any, ...] = ()  # by after: promises that must have come true before its steps begin
    bound: Mapping[str, Any] = MappingProxyType({})  # by partial: arguments of every call that gives no others

    def __init__(self, function: Callable[..., Any], options: Options) -> None:
        self.function = function
        self.options = options
        self.__wrapped__ = function
        self.__name__: str = getattr(function, "__name__", type(function).__name__)
        self.__qualname__: str = getattr(function, "__qualname__", self.__name__)
        self.__module__: str = function.__module__
        self.__doc__ = function.__doc__

    @property
    def name(self) -> str:
        """The local name of its steps."""
        return self.options.name or self.__name__

    @cached_property
    def signature(self) -> Signature:
        """Parameters and result, prepared for fast calls; what is bound has its value as the default."""
        return self.whole_signature.with_bound(self.bound) if self.bound else Signature(self.function)

    @cached_property
    def whole_signature(self) -> Signature:
        """The function's own signature, whatever is bound."""
        return Signature(self.function) if self.bound else self.signature

    @cached_property
    def is_async(self) -> bool:
        """Whether the function is an `async def`."""
        return inspect.iscoroutinefunction(self.function)

    @property
    def reference(self) -> str:
        """Where a worker finds it: "package.module:name", or "folder/file.py:name" relative to the project.

        Raises:
            DefinitionError: it stands where nobody else can find it, inside a function for instance.
        """
        return locate(self.function, self)

    @property
    def place(self) -> str:
        """ "file.py:12" of the definition, or empty."""
        own: str = getattr(self.function, "place", "")  # of what stands in a YAML file
        if own:
            return own
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        return f"{Path(code.co_filename).name}:{code.co_firstlineno}" if code is not None else ""

    def with_options(self, **options: Any) -> Self:
        """The same task or flow with other options.

        Raises:
            OptionError: an option is unknown or has a value that it cannot have.
        """
        merged = merge_options(self.options, options, self.__name__, self.allowed_options)
        altered = type(self)(self.function, merged)
        altered.is_altered = True
        altered.prerequisites = self.prerequisites
        altered.bound = self.bound
        if "signature" in self.__dict__:
            altered.signature = self.signature
        return altered

    def after(self, *prerequisites: Any) -> Self:
        """The same task or flow, whose steps begin when these promises have come true too: `report.after(saved)(path)`.

        Nothing is passed on of them. Where one fails or is skipped, the steps are skipped as if they needed its value;
        `after(settle(saved))` waits for the end alone, whatever it is.
        """
        later = self._copied()
        later.prerequisites = (*self.prerequisites, *prerequisites)
        return later

    def filled(self, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call, with those that are bound; filling them in again changes nothing."""
        if not self.bound:
            return args, dict(keywords)
        positional, whole = self.signature.positional, self.whole_signature.positional
        if len(args) > len(positional):  # a misfit, or all is bound by name
            return args, {**self.bound, **keywords}
        same = 0
        while same < len(args) and positional[same].name == whole[same].name:
            same += 1
        # Behind what is bound a position is another one for the function: those go by name.
        named = {positional[number].name: args[number] for number in range(same, len(args))}
        if named.keys() & keywords.keys():
            return args, {**self.bound, **keywords}
        return args[:same], {**self.bound, **named, **keywords}

    def _with_bound(self, values: Mapping[str, Any]) -> Self:
        """The same task or flow with these arguments bound.

        Raises:
            DefinitionError: it has no such parameter, or the value is none that it takes.
        """
        for name, value in values.items():
            problem = self._binding_problem(name, value)
            if problem:
                raise DefinitionError(f"{self.__name__}.partial: {problem}")
        narrowed = self._copied()
        narrowed.bound = {**self.bound, **values}
        for name in ("signature", "whole_signature"):
            narrowed.__dict__.pop(name, None)
        return narrowed

    def _binding_problem(self, name: str, value: Any) -> str:
        from partita.flow.mapped import Mapped
        from partita.flow.ref import StepRef
        from partita.flow.values import check_value

        signature = self.whole_signature
        unknown = signature.unknown(name)
        parameter = signature.by_name.get(name)
        if unknown:
            return unknown[0]
        if parameter is None or not parameter.is_keyword:
            return ""  # one of **keywords
        if parameter.is_positional and signature.extra_positional is not None:
            rest = signature.extra_positional.name
            return f"{name!r} stands before *{rest}, whose values would take its place; give it in each call"
        if type(value) in (StepRef, Mapped):
            return ""  # checked where the call is laid out
        misfit = check_value(value, parameter.annotation)
        return f"{name!r} got {misfit}" if misfit else ""

    def _copied(self) -> Self:
        copied = object.__new__(type(self))  # copy.copy would follow __reduce__, and give this very object
        copied.__dict__.update(self.__dict__)
        return copied

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        module = sys.modules.get(self.__module__)
        if module is not None and getattr(module, self.__qualname__, None) is self:
            return (load, (self.reference,))  # by reference: a script has another module name where it is opened
        if self.bound:
            return (_opened, (type(self), self.function, self.options, dict(self.bound)))
        return (type(self), (self.function, self.options))


def _opened(
    kind: type[Definition[..., Any]], function: Any, options: Options, bound: Mapping[str, Any]
) -> Definition[..., Any]:
    opened = kind(function, options)
    opened.bound = bound
    return opened


def refuse_unsuitable(function: Any, word: str) -> None:
    """Refuse what cannot be a task or flow.

    Raises:
        DefinitionError: with what to do instead.
    """
    remedy = _remedy(function, word)
    if remedy:
        name = getattr(function, "__qualname__", None) or repr(function)
        raise DefinitionError(f"{name} cannot be a {word}: {remedy}")


def _remedy(function: Any, word: str) -> str:
    if isinstance(function, Definition):
        return f"it is a {type(function).__name__.lower()} already; use .with_options(...) to change its options"
    if isinstance(function, type):
        return f"it is a class; write a function that makes and uses an object of it, and put @{word} above that"
    if isinstance(function, (staticmethod, classmethod)):
        return f"put @{word} above a function at the top of the module, not above a method"
    if not callable(function):
        return f"it is {type(function).__name__}, not a function"
    if not inspect.isfunction(function):
        if inspect.isbuiltin(function):
            return f"it is built in and shows no types; write a function that calls it and put @{word} above that"
        return f"it is an object of {type(function).__name__}; write a function that calls it, with @{word} above"
    if function.__name__ == "<lambda>":
        return f"it is a lambda, which has no name that a worker could find; write `def ...` with @{word} above"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return "it is a generator (it contains `yield`), whose values cannot be stored; return a list instead"
    if word == "flow" and inspect.iscoroutinefunction(function):
        return "a flow's body only lays out steps and never waits; write `def`, and make the tasks `async def`"
    parameters = list(inspect.signature(function).parameters)
    if "." in function.__qualname__.replace("<locals>.", "") and parameters[:1] in (["self"], ["cls"]):
        return f"it is a method; write a function that takes the object as an argument, with @{word} above"
    return ""
