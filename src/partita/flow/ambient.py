"""What a call of a task means where it is made: a plain call, or a step of the graph that is being laid out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from partita.errors import DefinitionError

if TYPE_CHECKING:
    from partita.flow.definition import Definition
    from partita.protocol.waits import WaitSpec

__all__ = ["Caller", "calling", "current_caller", "forbid_direct"]


class Caller(Protocol):
    """Who takes the calls of tasks and flows made in a flow's body."""

    def call(
        self, target: Definition[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any], frame: FrameType
    ) -> Any:
        """One call."""
        ...

    def map(
        self,
        target: Definition[..., Any],
        args: tuple[Any, ...],
        keywords: Mapping[str, Any],
        key: Any,
        policy: tuple[Any, ...] | None,
        frame: FrameType,
    ) -> Any:
        """A call for each element."""
        ...

    def wait(self, spec: WaitSpec, show: Any, after: tuple[Any, ...], type_: Any, name: str, frame: FrameType) -> Any:
        """A wait for a time, an event or a person."""
        ...

    def settle(self, value: Any, frame: FrameType) -> Any:
        """The outcome of what a call gave."""
        ...


_caller: ContextVar[Caller | None] = ContextVar("partita_caller", default=None)
_forbidden = 0


def current_caller(name: str) -> Caller | None:
    """Who takes a call of `name` made here; None: it is a plain call.

    Raises:
        DefinitionError: the process lays out a flow, and the call comes from outside that layout.
    """
    caller = _caller.get()
    if caller is None and _forbidden:
        raise DefinitionError(
            f"{name} was called while a flow is being laid out, but not by the flow's own body "
            f"(from another thread, or while a module is imported); call it in the flow's body, "
            f"or from code under `if __name__ == '__main__':`"
        )
    return caller


@contextmanager
def calling(caller: Caller | None) -> Iterator[None]:
    """Give calls made inside to `caller`; None makes them plain calls."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


@contextmanager
def forbid_direct() -> Iterator[None]:
    """Refuse plain calls in this process: a worker holds this around loading a flow's code and laying it out."""
    global _forbidden
    _forbidden += 1
    try:
        yield
    finally:
        _forbidden -= 1
