"""Task classes: tasks with settings of their own, which other classes take over and change."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable
from typing import Any, ClassVar, ParamSpec, Protocol, TypeVar, cast, dataclass_transform

from partita.errors import DefinitionError
from partita.flow.options import TASK_OPTIONS, make_options
from partita.flow.task import Task

__all__ = ["TaskClass"]

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_OWN = frozenset({"definition", "run", "task"})


class _Runs(Protocol[P, R_co]):
    def run(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


@dataclass_transform(kw_only_default=True, frozen_default=True)
class TaskClass:
    """A class whose objects make tasks: its fields are settings, and `run` does the work.

        class Ask(TaskClass, retries=3):
            address: str
            timeout_s: float = 30.0

            def run(self, path: str) -> bytes:
                ...

        ask = Ask(address="https://example.org").task()      # in a flow: ask("index.html")

    Options of the tasks stand behind the class's name. A class below takes over fields, options and methods, and changes
    what it likes. Fields are given by name, and become arguments of each step beside those of `run`; in a flow's body
    they may be promises. An object is frozen, and in a worker it is made anew for each attempt.

    Raises:
        DefinitionError: a field has a name that the class needs itself, or `run` has a parameter of a field's name.
        OptionError: an option is unknown or has a value that it cannot have.
    """

    #: The task with the fields and the parameters of `run` together, for YAML and for `map` over fields.
    definition: ClassVar[Task[..., Any]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__()
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        cls._given_options = {**getattr(cls, "_given_options", {}), **options}  # type: ignore[attr-defined]
        own = [field.name for field in dataclasses.fields(cast(Any, cls)) if field.name in _OWN]
        if own:
            raise DefinitionError(f"{cls.__name__} has a field {own[0]!r}, which a task class needs itself; rename it")
        made = make_options(cls._given_options, cls.__name__, TASK_OPTIONS)  # type: ignore[attr-defined]
        if hasattr(cls, "run"):
            cls.definition = Task(_function(cls), made)

    def task(self: _Runs[P, R], **options: Any) -> Task[P, R]:
        """The task with this object's fields; its parameters are those of `run`.

        Args:
            options: as for `task`, instead of those of the class.
        """
        given = cast(Any, self)
        fields = {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}
        if not hasattr(type(given), "definition"):
            raise DefinitionError(f"{type(given).__name__} has no method `run`, which would do the work; write one")
        made = type(given).definition.partial(**fields)
        return cast("Task[P, R]", made.with_options(**options) if options else made)


def _function(cls: type[Any]) -> Callable[..., Any]:
    """The function of the class's task: makes an object and runs it."""
    fields = [field for field in dataclasses.fields(cls) if field.init]
    names = [field.name for field in fields]

    # Both name the class themselves: by what they hold, its code counts for their fingerprint.
    def work(*args: Any, **keywords: Any) -> Any:
        return cls(**_taken(keywords, names)).run(*args, **keywords)

    async def work_asynchronously(*args: Any, **keywords: Any) -> Any:
        return await cls(**_taken(keywords, names)).run(*args, **keywords)

    function: Callable[..., Any] = work_asynchronously if inspect.iscoroutinefunction(cls.run) else work
    _describe(function, cls, fields)
    return function


def _taken(keywords: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: keywords.pop(name) for name in names if name in keywords}


def _describe(work: Any, cls: type[Any], fields: list[dataclasses.Field[Any]]) -> None:
    called = inspect.signature(cls.run)
    parameters = list(called.parameters.values())[1:]
    double = {field.name for field in fields} & {parameter.name for parameter in parameters}
    if double:
        raise DefinitionError(f"{cls.__name__}.run has a parameter {min(double)!r}, which is a field too; rename one")
    keyword = inspect.Parameter.KEYWORD_ONLY
    last = [parameter for parameter in parameters if parameter.kind is parameter.VAR_KEYWORD]
    own = [inspect.Parameter(field.name, keyword, default=_default(field), annotation=field.type) for field in fields]
    own.sort(key=lambda parameter: parameter.default is not inspect.Parameter.empty)
    first = [parameter for parameter in parameters if parameter not in last]
    work.__name__ = cls.__name__
    work.__qualname__ = f"{cls.__qualname__}.definition"
    work.__module__ = cls.__module__
    work.__doc__ = cls.__doc__ if "__doc__" in vars(cls) else cls.run.__doc__
    work.__signature__ = inspect.Signature([*first, *own, *last], return_annotation=called.return_annotation)
    work.__annotations__ = {**_hints(cls), **_hints(cls.run)}
    code = cls.run.__code__
    work.place = f"{code.co_filename.rpartition('/')[2]}:{code.co_firstlineno}"


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return inspect.Parameter.empty if field.default_factory is dataclasses.MISSING else field.default_factory()


def _hints(item: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(item, include_extras=True)
    except Exception:  # a name that only type checkers know
        return {}
