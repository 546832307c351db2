"""Flows: functions whose calls of tasks make up a graph."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, TypeVar, overload

from partita.errors import DefinitionError
from partita.flow.ambient import current_caller
from partita.flow.definition import Definition, refuse_unsuitable
from partita.flow.launching import RunHandle, current_launcher
from partita.flow.options import FLOW_OPTIONS, make_options
from partita.flow.task import map_policy

if TYPE_CHECKING:
    from partita.flow.mapped import Mapped

__all__ = ["Flow", "FlowDecorator", "flow"]

P = ParamSpec("P")
R = TypeVar("R")


class Flow(Definition[P, R]):
    """A function whose body lays out steps. Called outside a flow it is an ordinary call, tasks included."""

    body = "flow"
    allowed_options = FLOW_OPTIONS

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        caller = current_caller(self.__name__)
        if caller is None:
            from partita.flow.eager import EAGER

            caller = EAGER
        result: R = caller.call(self, args, kwargs, sys._getframe(1))
        return result

    def map(
        self,
        *args: Any,
        key: Callable[..., Any] | Iterable[Any] | None = None,
        at_least: int | None = None,
        settle: bool = False,
        **kwargs: Any,
    ) -> Mapped[R]:
        """Call the flow for each element: see `Task.map`."""
        policy = map_policy(self.__name__, at_least, settle)
        caller = current_caller(self.__name__)
        if caller is None:
            from partita.flow.eager import EAGER

            caller = EAGER
        mapped: Mapped[R] = caller.map(self, args, kwargs, key, policy, sys._getframe(1))
        return mapped

    def partial(self, /, **arguments: Any) -> Flow[..., R]:
        """The same flow with some arguments given already: `read_orders = sql_query.partial(url="sqlite:///shop.db")`.

        A call gives the others, and may give a bound one anew by name. What is bound becomes an argument of each step, so
        that it counts for the cache, reruns and lineage; in a flow's body it may be a promise.

        Raises:
            DefinitionError: there is no such parameter, or the value is none that it takes.
        """
        return self._with_bound(arguments)

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> RunHandle:
        """Start a run and do not wait for it.

        Raises:
            CheckError: the flow or its inputs were refused.
        """
        if current_caller(self.__name__) is not None:
            raise DefinitionError(
                f"{self.__name__}.submit() was called in a flow's body, which starts no runs; call "
                f"{self.__name__}(...) to make it a part of this flow, or context().launch(...) in a task"
            )
        given, named = self.filled(args, kwargs)
        return current_launcher().submit(self, given, named, {})

    def graph(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """The graph of a run with these inputs, as far as it is known before: a notebook draws it, `print` tells it.

        Raises:
            CheckError: the flow or its inputs were refused.
        """
        return current_launcher().graph(self, args, dict(kwargs))

    def run(self, *args: P.args, **kwargs: P.kwargs) -> RunHandle:
        """Start a run and wait until it has ended; `.result()` gives its value or raises its error.

        Raises:
            CheckError: the flow or its inputs were refused.
        """
        handle = self.submit(*args, **kwargs)
        handle.wait()
        return handle


class FlowDecorator(Protocol):
    """What `@flow(...)` puts around a function."""

    def __call__(self, function: Callable[P, R], /) -> Flow[P, R]: ...


@overload
def flow(function: Callable[P, R], /) -> Flow[P, R]: ...
@overload
def flow(
    *,
    name: str = ...,
    description: str = ...,
    tags: Sequence[str] = ...,
    version: str | int = ...,
    timeout: Any = ...,
    retries: int = ...,
    retry_delay: Any = ...,
    backoff: float = ...,
    jitter: float = ...,
    retry_on: type[BaseException] | Sequence[type[BaseException]] | Callable[[Any], bool] = ...,
    cpu: float = ...,
    memory: int | str = ...,
    priority: int = ...,
    executor: str = ...,
    environment: Any = ...,
    environment_variables: dict[str, str] = ...,
    secrets: Sequence[str] = ...,
    compensate: Callable[..., Any] | None = ...,
    fallback: Callable[..., Any] | None = ...,
    crash_retries: int = ...,
    grace: Any = ...,
    deadline: Any = ...,
    budget: float = ...,
    overrun: Literal["warn", "stop"] = ...,
    owner: str = ...,
    weight: float = ...,
) -> FlowDecorator: ...
def flow(function: Any = None, /, **options: Any) -> Any:
    """Make a function a flow: `@flow`, or `@flow(timeout="1m", ...)`.

    `timeout`, `retries`, `cpu` and `memory` are those of the layout, which runs in a worker; `executor` and
    `environment` are those of all steps that name none. `deadline` and `budget` are those of a run of the flow, and `overrun`
    says what is done beyond them: "warn" or "stop". `priority`, `owner` and `weight` say how a run of the flow stands beside
    others. The others are as for `task`.

    Raises:
        DefinitionError: the function cannot be a flow.
        OptionError: an option is unknown or has a value that it cannot have.
    """

    def define(function: Any) -> Flow[Any, Any]:
        refuse_unsuitable(function, "flow")
        return Flow(function, make_options(options, function.__name__, FLOW_OPTIONS))

    return define if function is None else define(function)
