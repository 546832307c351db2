"""The options of tasks and flows: validated where they are written, merged by `with_options`."""

from __future__ import annotations

import contextlib
import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from partita.choices import choice_of
from partita.core.standing import owner_of, priority_of, said, weight_of
from partita.errors import OptionError
from partita.flow.environments import Environment, environment_option
from partita.units import duration_s, size_bytes

__all__ = ["FLOW_OPTIONS", "REFERENCES", "RUN_OPTIONS", "TASK_OPTIONS", "Options", "make_options", "merge_options"]


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one task or flow, as they were meant. Hashable, so that equal ones share a Profile."""

    name: str | None = None  # the local name of its steps; None: the function's name
    retries: int = 0  # further attempts after a failure of the user's code
    retry_delay: float | tuple[float, ...] | Callable[[int], Any] | None = None  # seconds, for each attempt, or how
    backoff: float | None = None  # factor from one delay to the next
    jitter: float | None = None  # fraction by which a delay varies at random
    retry_on: tuple[type[BaseException], ...] | Callable[[BaseException], Any] | None = None
    timeout: float | None = None  # seconds that one attempt may take
    cpu: float = 1.0  # cores
    memory: int = 0  # bytes
    gpu: float = 0.0  # devices
    slots: tuple[tuple[str, int], ...] = ()
    idempotent: bool = True
    compensate: Any = None  # the task or function that undoes a finished step
    priority: int = 0
    executor: str = ""
    environment: Environment | bool | None = None  # False: the project's own Python; None: as the flow says
    environment_variables: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    description: str = ""
    tags: tuple[str, ...] = ()
    version: str = ""
    fallback: Any = None  # the task or flow that runs when the step failed
    crash_retries: int | None = None  # further attempts after a failure of the machinery; None: as the settings say
    grace: float | None = None  # seconds between asking an attempt to stop and killing it; None: as the settings say
    cache: float | None = None  # seconds that a finished step's value counts for equal ones; None: it does not
    cache_key: Callable[..., Any] | None = None  # gives what equal steps have in common
    expect: float | None = None  # seconds that an attempt is thought to take, for plans before any was seen
    deadline: float | None = None  # seconds from the start of a run to when it should have ended
    budget: float | None = None  # what the attempts of a run should cost together, at the prices of their executors
    overrun: str = "warn"  # what is done beyond these: "warn" or "stop"
    owner: str = ""  # whose runs share what one owner gets; empty: whoever starts the run
    weight: float | None = None  # how much a run gets beside one of weight 1; None: as much

    @property
    def for_worker(self) -> dict[str, Any]:
        """What only a worker can evaluate: the rule of retries, and the key of the cache."""
        rule = {
            "retry_on": self.retry_on,
            "retry_delay": self.retry_delay,
            "backoff": self.backoff,
            "jitter": self.jitter,
            "cache_key": self.cache_key if self.cache is not None else None,
        }
        return {name: value for name, value in rule.items() if value is not None}

    @property
    def standing(self) -> dict[str, Any]:
        """What a flow says of how a run of it stands beside others."""
        return said({"owner": self.owner, "weight": self.weight, "priority": self.priority or None})

    @property
    def of_run(self) -> dict[str, Any]:
        """What a flow says of a whole run of it; empty: nothing."""
        has_bounds = self.deadline is not None or self.budget is not None
        if not has_bounds and not self.standing:
            return {}
        return {"deadline_s": self.deadline, "budget": self.budget, "overrun": self.overrun, **self.standing}


#: Of a whole run: those of the flow that is launched count.
RUN_OPTIONS = frozenset({"deadline", "budget", "overrun", "owner", "weight"})
TASK_OPTIONS = frozenset(field.name for field in fields(Options)) - RUN_OPTIONS
FLOW_OPTIONS = (TASK_OPTIONS | RUN_OPTIONS) - {"idempotent", "gpu", "slots", "cache", "cache_key", "expect"}


def make_options(given: Mapping[str, Any], owner: str, allowed: frozenset[str] = TASK_OPTIONS) -> Options:
    """The options of `owner` (a name for messages).

    Raises:
        OptionError: an option is unknown or has a value that it cannot have.
    """
    return merge_options(Options(), given, owner, allowed)


def merge_options(
    options: Options, given: Mapping[str, Any], owner: str, allowed: frozenset[str] = TASK_OPTIONS
) -> Options:
    """The options with those in `given` put in their place."""
    unknown = [name for name in given if name not in allowed]
    if unknown:
        raise OptionError("\n".join(_unknown(name, owner, allowed) for name in unknown))
    if not given:
        return options
    return replace(options, **{name: _checked(name, value, owner) for name, value in given.items()})


def _unknown(name: str, owner: str, allowed: frozenset[str]) -> str:
    near = difflib.get_close_matches(name, allowed, 1)
    if name in RUN_OPTIONS:
        return f"{owner}: a task has no option {name!r}; give it to the flow that is run"
    if name in TASK_OPTIONS:
        return f"{owner}: a flow has no option {name!r}; give it to the tasks that the flow calls"
    hint = f"did you mean {near[0]!r}?" if near else f"the options are {', '.join(sorted(allowed))}"
    return f"{owner}: there is no option {name!r}; {hint}"


def _checked(name: str, value: Any, owner: str) -> Any:
    try:
        return _CHECKS[name](name, value)
    except OptionError as error:
        raise OptionError(f"{owner}: {error}") from None


def _refuse(name: str, value: object, expected: str) -> OptionError:
    return OptionError(f"{name}={value!r} is not {expected}")


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    raise _refuse(name, value, "a text")


def _name(name: str, value: object) -> str:
    if isinstance(value, str) and value and "/" not in value and value.isprintable():
        return value
    raise _refuse(name, value, "a name; give a short text without '/'")


def _version(name: str, value: object) -> str:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    raise _refuse(name, value, 'a version; give a text such as "2"')


def _bool(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise _refuse(name, value, "True or False")


def _count(name: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _refuse(name, value, "a count; give 0, 1, 2, ...")


def _amount(name: str, value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return float(value)
    raise _refuse(name, value, "an amount; give a number of 0 or more")


def _positive(name: str, value: object) -> float | None:
    if value is None:
        return None
    seconds = duration_s(value, name)
    if seconds == 0:
        raise _refuse(name, value, "a limit: an attempt needs more than 0 seconds")
    return seconds


def _expected(name: str, value: object) -> float | None:
    if value is None:
        return None
    seconds = duration_s(value, name)
    if seconds == 0:
        raise _refuse(name, value, "a duration above 0")
    return seconds


def _overrun(name: str, value: object) -> str:
    if value in ("warn", "stop"):
        return str(value)
    raise _refuse(name, value, '"warn" or "stop"')


def _factor(name: str, value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 1:
        return float(value)
    raise _refuse(name, value, "a factor of 1 or more, such as 2")


def _fraction(name: str, value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise _refuse(name, value, "a fraction from 0 to 1, such as 0.2")


def _delay(name: str, value: object) -> Any:
    if callable(value):
        return value
    if isinstance(value, (list, tuple)):
        if not value:
            raise _refuse(name, value, "a list of delays; give at least one")
        return tuple(duration_s(item, name) for item in value)
    return duration_s(value, name)


def _retry_on(name: str, value: object) -> Any:
    if isinstance(value, type):
        value = (value,)
    if isinstance(value, (list, tuple)) and value:
        if all(isinstance(item, type) and issubclass(item, BaseException) for item in value):
            return tuple(value)
    elif callable(value):
        return value
    raise _refuse(name, value, "an exception type, a list of them, or a function of the exception")


def _slots(name: str, value: object) -> tuple[tuple[str, int], ...]:
    if isinstance(value, str):
        value = {value: 1}
    elif isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        value = dict.fromkeys(value, 1)
    if isinstance(value, Mapping):
        good = all(
            isinstance(slot, str) and slot and isinstance(n, int) and not isinstance(n, bool) and n > 0
            for slot, n in value.items()
        )
        if good:
            return tuple(sorted(value.items()))
    raise _refuse(name, value, 'slots; give a name, a list of names, or {"name": how many}')


def _executor(name: str, value: object) -> str:
    given = value.split(",") if isinstance(value, str) else value
    if value == "":
        return ""
    if isinstance(given, (list, tuple)) and all(isinstance(item, str) for item in given):
        with contextlib.suppress(ValueError):
            return choice_of(given)
    raise _refuse(name, value, 'the name of an executor, a list of names to choose from, or "any"')


def _variables(name: str, value: object) -> tuple[tuple[str, str], ...]:
    if isinstance(value, Mapping) and all(
        isinstance(key, str) and key and "=" not in key and isinstance(item, str) for key, item in value.items()
    ):
        return tuple(sorted(value.items()))
    raise _refuse(name, value, 'a dict of texts, such as {"OMP_NUM_THREADS": "1"}')


def _texts(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Iterable) and not isinstance(value, Mapping):
        items = tuple(value)
        if all(isinstance(item, str) and item for item in items):
            return items
    raise _refuse(name, value, "a list of texts")


def _function(name: str, value: object) -> Any:
    if getattr(value, "bound", None):
        raise _refuse(
            name, value, "something that can be found by its name alone: what partial has bound would be lost"
        )
    if value is None or callable(value):
        return value
    raise _refuse(name, value, "a task or function")


def _fallback(name: str, value: object) -> Any:
    # A task or flow: anything that makes steps. A plain function would run where nobody sees it.
    if value is None or hasattr(value, "options"):
        return value
    raise _refuse(name, value, "a task or flow; put @task above the function")


def _cache(name: str, value: object) -> float | None:
    if value is None or isinstance(value, bool):
        return math.inf if value else None
    return _positive(name, value)


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "name": _name,
    "retries": _count,
    "retry_delay": _delay,
    "backoff": _factor,
    "jitter": _fraction,
    "retry_on": _retry_on,
    "timeout": _positive,
    "cpu": _amount,
    "memory": lambda name, value: size_bytes(value, name),
    "gpu": _amount,
    "slots": _slots,
    "idempotent": _bool,
    "compensate": _function,
    "priority": lambda name, value: priority_of(value, name),
    "executor": _executor,
    "environment": environment_option,
    "environment_variables": _variables,
    "secrets": _texts,
    "description": _text,
    "tags": _texts,
    "version": _version,
    "fallback": _fallback,
    "crash_retries": _count,
    "grace": lambda name, value: duration_s(value, name),
    "cache": _cache,
    "cache_key": _function,
    "expect": _expected,
    "deadline": _expected,
    "budget": lambda name, value: None if value is None else _amount(name, value),
    "overrun": _overrun,
    "owner": lambda name, value: owner_of(value, name),
    "weight": lambda name, value: None if value is None else weight_of(value, name),
}

#: Options whose value is a function: a file names it.
REFERENCES = frozenset(name for name, check in _CHECKS.items() if check in (_function, _fallback))
