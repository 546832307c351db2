"""Tasks: typed functions that become steps when a flow calls them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

from partita.errors import OptionError
from partita.flow.ambient import current_caller
from partita.flow.definition import Definition, refuse_unsuitable
from partita.flow.options import TASK_OPTIONS, make_options

if TYPE_CHECKING:
    from datetime import timedelta

    from partita.flow.mapped import Mapped

__all__ = ["Task", "TaskDecorator", "map_policy", "task"]

P = ParamSpec("P")
R = TypeVar("R")


class Task(Definition[P, R]):
    """A function that becomes a step where a flow calls it; anywhere else calling it is an ordinary call."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        caller = current_caller(self.__name__)
        if caller is None:
            if self.bound:
                filled, named = self.filled(args, kwargs)
                bound_result: R = self.function(*filled, **named)
                return bound_result
            result: R = self.function(*args, **kwargs)
            return result
        called: R = caller.call(self, args, kwargs, sys._getframe(1))
        return called

    def map(
        self,
        *args: Any,
        key: Callable[..., Any] | Iterable[Any] | None = None,
        at_least: int | None = None,
        settle: bool = False,
        **kwargs: Any,
    ) -> Mapped[R]:
        """Call the task for each element of the arguments that are lists, promises of lists, or mapped themselves.

        Several such arguments are gone through side by side; a text, a dict and everything else is the same for
        every element, and so is a list in `constant(...)`.

        Args:
            key: names the elements: a list of names, or a function of an element's arguments; otherwise 0, 1, 2, ...
            at_least: how many must succeed; the result holds those that did. Otherwise all must.
            settle: the result holds an Outcome for each element, and no failure fails the flow.

        Raises:
            CheckError: lists of unequal length, or two elements with one key.
        """
        policy = map_policy(self.__name__, at_least, settle)
        caller = current_caller(self.__name__)
        if caller is None:
            from partita.flow.eager import EAGER

            caller = EAGER
        mapped: Mapped[R] = caller.map(self, args, kwargs, key, policy, sys._getframe(1))
        return mapped

    def partial(self, /, **arguments: Any) -> Task[..., R]:
        """The same task with some arguments given already: `read_orders = sql_query.partial(url="sqlite:///shop.db")`.

        A call gives the others, and may give a bound one anew by name. What is bound becomes an argument of each step, so
        that it counts for the cache, reruns and lineage; in a flow's body it may be a promise.

        Raises:
            DefinitionError: there is no such parameter, or the value is none that it takes.
        """
        return self._with_bound(arguments)


def map_policy(name: str, at_least: int | None, settle: bool) -> tuple[Any, ...] | None:
    """The policy of a map, None: not said.

    Raises:
        OptionError: both were given, or `at_least` is not a count.
    """
    if settle:
        if at_least is not None:
            raise OptionError(f"{name}.map: settle=True takes every element as it ends; leave out at_least=")
        return ("settle",)
    if at_least is None:
        return None
    if not isinstance(at_least, int) or isinstance(at_least, bool) or at_least < 0:
        raise OptionError(f"{name}.map: at_least={at_least!r} is not a count; give 0, 1, 2, ...")
    return ("at_least", at_least)


class TaskDecorator(Protocol):
    """What `@task(...)` puts around a function."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R]: ...


@overload
def task(function: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *,
    name: str = ...,
    retries: int = ...,
    retry_delay: Any = ...,
    backoff: float = ...,
    jitter: float = ...,
    retry_on: type[BaseException] | Sequence[type[BaseException]] | Callable[[Any], bool] = ...,
    timeout: Any = ...,
    cpu: float = ...,
    memory: int | str = ...,
    gpu: float = ...,
    slots: str | Sequence[str] | dict[str, int] = ...,
    idempotent: bool = ...,
    compensate: Callable[..., Any] | None = ...,
    priority: int = ...,
    executor: str = ...,
    environment: Any = ...,
    environment_variables: dict[str, str] = ...,
    secrets: Sequence[str] = ...,
    description: str = ...,
    tags: Sequence[str] = ...,
    version: str | int = ...,
    fallback: Callable[..., Any] | None = ...,
    crash_retries: int = ...,
    grace: Any = ...,
    cache: bool | float | str | timedelta | None = ...,
    cache_key: Callable[..., Any] | None = ...,
    expect: Any = ...,
) -> TaskDecorator: ...
def task(function: Any = None, /, **options: Any) -> Any:
    """Make a function a task: `@task`, or `@task(retries=3, timeout="5m", ...)`.

    Args:
        name: the local name of its steps.
        retries: further attempts after a failure.
        retry_delay: seconds before the next attempt, a list of them, or a function of the attempt's number.
        backoff: factor from one delay to the next.
        jitter: fraction by which a delay varies at random.
        retry_on: exception types, or a function of the exception, that admit another attempt.
        timeout: seconds (or "90s", "5m") that one attempt may take; then its process is killed.
        cpu: cores.
        memory: bytes, or "512MiB".
        gpu: devices; a fraction shares one.
        slots: names of limits, or {"name": how many}.
        idempotent: False: never started twice, even when nobody knows whether it did its work.
        compensate: undoes the finished step when the run fails, called with the result and the arguments.
        priority: larger runs earlier among what is ready.
        executor: where its attempts run.
        environment: packages of its own: a list of requirements, the path of a requirements file or of a uv.lock, or an
            Environment; False: none, whatever the flow says.
        environment_variables: set for its attempts.
        secrets: names of variables that its attempts get, masked everywhere.
        description: for people.
        tags: for people.
        version: changing it makes finished work not count for a rerun.
        fallback: a task or flow with the same parameters and result, run when the step failed.
        crash_retries: further attempts after a failure of the machinery.
        grace: seconds between asking an attempt to stop and killing it.
        cache: take the value of an equal step that has finished before; a duration limits how old it may be.
        cache_key: a function of the arguments, whose result says which steps are equal; default: all of them.
        expect: seconds (or "2m") that an attempt is thought to take, for plans made before any has been seen.

    Raises:
        DefinitionError: the function cannot be a task.
        OptionError: an option is unknown or has a value that it cannot have.
    """

    def define(function: Any) -> Task[Any, Any]:
        refuse_unsuitable(function, "task")
        return Task(function, make_options(options, function.__name__, TASK_OPTIONS))

    return define if function is None else define(function)
