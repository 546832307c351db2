"""Looking at a failure instead of failing with it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import Parameter
from typing import Any, Generic, TypeVar

from partita.flow.ambient import current_caller

__all__ = ["Failure", "Outcome", "make_outcome", "outcome_of", "settle"]

T = TypeVar("T")
_UNDECLARED = Parameter.empty


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step did not succeed."""

    type: str  # name of the exception's type
    message: str
    traceback: str = ""


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What became of a step: its value, or its error."""

    ok: bool
    value: T | None = None  # None where it did not succeed
    error: Failure | None = None  # None where it did

    def _repr_html_(self) -> str:
        from partita.drawing.pages import outcome_html

        error = self.error
        return outcome_html(self.ok, repr(self.value), error.type if error else "", error.message if error else "",
                            error.traceback if error else "")  # fmt: skip

    def get(self) -> T:
        """The value.

        Raises:
            StepError: the step did not succeed.
        """
        if not self.ok:
            from partita.errors import StepError

            error = self.error or Failure("", "the step did not succeed")
            raise StepError(f"{error.type}: {error.message}", kind=error.type, report=error.traceback)
        return self.value  # type: ignore[return-value]


def make_outcome(ok: bool, value: Any, error: Mapping[str, Any] | None) -> Outcome[Any]:
    """The Outcome of an OUTCOME node: its opened value, or the error map that a worker reported."""
    if ok:
        return Outcome(True, value)
    told = error or {}
    failure = Failure(told.get("type", ""), told.get("message", "it did not succeed"), told.get("traceback", ""))
    return Outcome(False, None, failure)


def outcome_of(kind: Any) -> Any:
    """The declared type of the outcome of a step whose value is declared as `kind`."""
    return Outcome if kind is _UNDECLARED else Outcome[kind]


def settle(value: T) -> Outcome[T]:
    """The outcome of a step, which a flow can look at: pass it to a flow, whose body then runs with the Outcome.

    A failure that was settled fails nothing else.
    """
    caller = current_caller("settle")
    if caller is None:
        from partita.flow.eager import EAGER

        caller = EAGER
    outcome: Any = caller.settle(value, sys._getframe(1))
    result: Outcome[T] = outcome
    return result
