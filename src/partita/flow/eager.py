"""A flow called outside a run: its body with plain values, so that flows are tested like any function.

A task that fails does not stop the body at once, as it would not in a run: its result is an `Absent`, which raises the
failure when something other than `settle` touches it, and at the end of the flow. A task that raises `Skip` has such a
result too, but fails nothing: a parameter that may be None gets None for it, and so does who called the flow.
"""

from __future__ import annotations

import traceback
from collections.abc import Coroutine, Mapping
from contextvars import ContextVar
from types import FrameType
from typing import Any, NoReturn

from partita.errors import Skip
from partita.flow.ambient import Caller, calling
from partita.flow.answers import awaited
from partita.flow.definition import Definition
from partita.flow.mapping import Elements, filled_map, map_arguments
from partita.flow.ref import refuse_operations
from partita.flow.settle import Failure, Outcome
from partita.protocol.waits import WaitSpec

__all__ = ["EAGER", "Absent"]


class Absent:
    """The result of a call that failed."""

    __slots__ = ("_error",)
    _error: BaseException

    def __init__(self, error: BaseException) -> None:
        object.__setattr__(self, "_error", error)

    def __repr__(self) -> str:
        return f"<Absent: {type(self._error).__name__}: {self._error}>"

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._error


def _raising(self: Absent, *args: Any, **keywords: Any) -> NoReturn:
    raise self._error


for _name in ("bool", "eq", "hash", "str", "format", "iter", "getitem", "call", "setattr"):
    setattr(Absent, f"__{_name}__", _raising)
refuse_operations(Absent, _raising)

#: Failures of the flow call that is under way which nobody has looked at.
_open_failures: ContextVar[list[BaseException] | None] = ContextVar("partita_open_failures", default=None)


class _Eager:
    """The Caller that runs what is called."""

    def call(
        self, target: Definition[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any], frame: FrameType | None
    ) -> Any:
        outer = _open_failures.get()
        if target.bound:
            args, keywords = target.filled(args, keywords)
        args, keywords = _without_skipped(target, args, keywords)
        absent = _first_absent((args, keywords, target.prerequisites))
        if absent is not None:
            return absent
        try:
            return _run_flow(target, args, keywords) if target.body == "flow" else _run_task(target, args, keywords)
        except Skip as reason:
            if outer is None:
                raise
            return Absent(reason)
        except Exception as error:
            if target.options.fallback is not None:
                return self.call(target.options.fallback, args, keywords, frame)
            if outer is None:  # the outermost call: there is no flow around it that could settle it
                raise
            outer.append(error)
            return Absent(error)

    def map(
        self,
        target: Definition[..., Any],
        args: tuple[Any, ...],
        keywords: Mapping[str, Any],
        key: Any,
        policy: tuple[Any, ...] | None,
        frame: FrameType | None,
    ) -> Any:
        token = None if _open_failures.get() is not None else _open_failures.set([])
        try:
            return self._mapped(target, args, keywords, key, policy)
        finally:
            if token is not None:
                _open_failures.reset(token)

    def _mapped(
        self,
        target: Definition[..., Any],
        args: tuple[Any, ...],
        keywords: Mapping[str, Any],
        key: Any,
        policy: tuple[Any, ...] | None,
    ) -> Any:
        absent = next((value for value in (*args, *keywords.values()) if type(value) is Absent), None)
        if absent is not None:
            return absent
        args, keywords = filled_map(target, args, keywords)
        arguments = map_arguments(target, args, keywords)
        results = [self.call(target, a, k, None) for a, k in Elements(target.name, arguments, len(args), key)]
        return _by_policy(target.name, results, policy)

    def wait(
        self, spec: WaitSpec, show: Any, after: tuple[Any, ...], type_: Any, name: str, frame: FrameType | None
    ) -> Any:
        absent = _first_absent((show, after))
        if absent is not None:
            return absent
        try:
            return awaited(spec, show)
        except Skip as reason:
            return Absent(reason)
        except Exception as error:
            failures = _open_failures.get()
            if failures is None:
                raise
            failures.append(error)
            return Absent(error)

    def settle(self, value: Any, frame: FrameType | None) -> Any:
        if type(value) is not Absent:
            absent = _first_absent((value,))
            if absent is None or type(absent._error) is Skip:
                return Outcome(True, _with_nothing(value))
            value = absent
        _look_at(value)
        return Outcome(False, None, _failure(value._error))


EAGER: Caller = _Eager()  # it has no use for the frame


def _look_at(absent: Absent) -> None:
    failures = _open_failures.get()
    if failures is not None:
        failures[:] = [error for error in failures if error is not absent._error]


def _failure(error: BaseException) -> Failure:
    report = "".join(traceback.format_exception(error))
    return Failure(type(error).__qualname__, str(error), report)


def _by_policy(name: str, results: list[Any], policy: tuple[Any, ...] | None) -> Any:
    if policy is None:
        return next((result for result in results if type(result) is Absent and not _is_skipped(result)), results)
    if policy[0] == "settle":
        return [EAGER.settle(result, None) for result in results]  # type: ignore[arg-type]
    good = [result for result in results if type(result) is not Absent]
    failed = [result for result in results if type(result) is Absent]
    if len(good) < policy[1]:
        return failed[0] if failed else Absent(ValueError(f"{name}.map has {len(good)} elements, not {policy[1]}"))
    for absent in failed:
        _look_at(absent)
    return good


def _run_task(target: Definition[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
    with calling(None):
        result = target.function(*args, **keywords)
        return _awaited(result) if target.is_async else result


def _run_flow(target: Definition[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
    failures: list[BaseException] = []
    token = _open_failures.set(failures)
    try:
        with calling(EAGER):
            value = target.function(*args, **keywords)
        absent = _first_absent((value,))
        if absent is not None and type(absent._error) is not Skip:
            raise absent._error
        if failures:
            raise failures[0]
    finally:
        _open_failures.reset(token)
    # Inside another flow what needs a skipped part is skipped too; nobody else can tell it from None.
    return value if _open_failures.get() is not None else _with_nothing(value)


def _awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    # In a notebook or an async test the loop of this thread is taken.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, coroutine).result()


def _without_skipped(
    target: Definition[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any]
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """The arguments with None for what was skipped, where the parameter may be None."""
    if not any(map(_is_skipped, (*args, *keywords.values()))):
        return args, keywords
    pairs = target.signature.pairs(args, keywords)
    values = [None if _is_skipped(value) and parameter.is_optional else value for parameter, _, value in pairs]
    return tuple(values[: len(args)]), dict(
        zip((label for _, label, _ in pairs[len(args) :]), values[len(args) :], strict=True)
    )


def _is_skipped(value: Any) -> bool:
    return type(value) is Absent and type(value._error) is Skip


def _with_nothing(value: Any) -> Any:
    """The value with None for what was skipped."""
    if _is_skipped(value):
        return None
    if _first_absent((value,)) is None:
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(map(_with_nothing, value))
    return {key: _with_nothing(item) for key, item in value.items()}


def _first_absent(value: Any) -> Absent | None:
    """An Absent in the structure, a failed one rather than a skipped one."""
    stack, seen = [value], set()
    skipped: Absent | None = None
    while stack:
        current = stack.pop()
        if type(current) is Absent:
            if type(current._error) is not Skip:
                return current
            skipped = current
            continue
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, (list, tuple)):
            stack.extend(current)
        elif isinstance(current, Mapping) and type(current).__module__ in ("builtins", "collections"):
            stack.extend(current.values())
    return skipped
