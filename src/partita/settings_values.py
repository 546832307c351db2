"""How the value of a setting is read, from TOML or a text; each raises ValueError with what it takes."""

from __future__ import annotations

import contextlib
import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from partita.choices import ANY, choice_of
from partita.errors import OptionError
from partita.settings_kubernetes import KubernetesSettings, as_kubernetes
from partita.settings_ray import RAY_KEYS, RaySettings
from partita.settings_tables import read_table
from partita.units import duration_s, size_bytes

__all__ = [
    "LEAST_SPEED", "MOST_SPEED", "STORE_SCHEMES", "ExecutorSettings", "TaskSettings", "as_amount", "as_choice", "as_count",
    "as_duration", "as_environment", "as_executor", "as_executors", "as_flag", "as_name", "as_patterns", "as_positive_amount",
    "as_positive_duration", "as_size", "as_slots", "as_speed", "as_store", "as_tasks", "as_text", "as_traces",
]  # fmt: skip

_AMOUNT_LIMIT = 1e9
_NAME_LENGTH = 100
#: How much faster or slower than usual steps may run somewhere; a duration divided by less may be no number.
LEAST_SPEED, MOST_SPEED = 1e-6, 1e9
STORE_SCHEMES = ("postgresql", "postgres")


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    """One executor beside the default one."""

    kind: str = "process"  # what it is: "process", "docker", "kubernetes" or "ray"
    cpu: float = 1.0  # CPU cores that its attempts may hold together
    memory_bytes: int | None = None  # memory that they may hold together, in bytes; None: all of the machine's
    gpu: float = 0.0  # GPU devices that they may hold together
    node_class: str = ""  # what sort of machine its attempts run on; empty: as found out here
    spare_workers: int = 0  # idle workers to have ready
    image: str = ""  # of containers
    network: str = ""  # of containers, as Docker takes it
    user: str = ""  # of containers: "1000:1000" or a name; empty: who runs the engine
    mounts: tuple[str, ...] = ()  # of containers, as `docker run --volume` takes them
    variables: tuple[str, ...] = ()  # names of variables that are passed on to containers
    python: str = "python3"  # the interpreter in the image
    pull: str = "missing"  # when an image is fetched: "always", "missing" or "never"
    lease_s: float = 60.0  # seconds after which workers elsewhere that hear of no engine end
    idle_s: float = 60.0  # seconds that a worker elsewhere is kept without work
    attempts_per_worker: int = 0  # so many attempts a worker elsewhere works on; 0: as many as there are
    max_workers: int = 0  # so many workers elsewhere at once; 0: as many as their demands leave room for
    price: float = 0.0  # seconds of waiting that a second of a worker elsewhere is worth; 0: it costs nothing
    speed: float = 1.0  # how much faster than on the default executor steps run there, where that was not learned
    bandwidth: float = 0.0  # bytes a second in which values that were made elsewhere get there; 0: it takes no time
    kubernetes: KubernetesSettings = KubernetesSettings()  # of pods
    ray: RaySettings = RaySettings()  # of Ray's workers


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """What is said of one task here, over what its code says; None: as the code says."""

    cpu: float | None = None  # CPU cores that an attempt holds
    memory_bytes: int | None = None  # memory that an attempt holds, in bytes
    gpu: float | None = None  # GPU devices that an attempt holds
    executor: str | None = None  # name of the executor that it runs on


def as_text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value


def as_executor(value: Any) -> str:
    """One executor, or several to choose from: a text or a list of texts."""
    given = value.split(",") if isinstance(value, str) else value
    try:
        if isinstance(given, Mapping):
            raise TypeError
        return choice_of(list(map(as_text, given)))
    except (TypeError, ValueError):
        raise ValueError('the name of an executor, a list of names to choose from, or "any"') from None


def as_name(value: Any) -> str:
    text = as_text(value).strip()
    if len(text) > _NAME_LENGTH or not text.isprintable():
        raise ValueError(f"a name of at most {_NAME_LENGTH} characters")
    return text


def as_store(value: Any) -> str:
    text = as_text(value)
    if "://" in text and text.partition("://")[0] not in STORE_SCHEMES:
        raise ValueError('a folder, or the URL of a PostgreSQL database: "postgresql://user@host/database"')
    return text


def as_traces(value: Any) -> str:
    if value in ("auto", "off"):
        return str(value)
    scheme, mark, rest = value.partition("://") if isinstance(value, str) else ("", "", "")
    if not mark or scheme not in ("http", "https") or not rest.partition("/")[0]:
        raise ValueError('"auto", "off", or the address of a receiver, such as "http://localhost:4318"')
    return str(value)


def as_choice(*known: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in known:
            raise ValueError("one of " + ", ".join(f'"{name}"' for name in known))
        return str(value)

    return parse


def _number(value: Any) -> float:
    """The number, or NaN for what is none."""
    try:
        return float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        return math.nan


def as_amount(value: Any) -> float:
    number = _number(value)
    if not 0 <= number < _AMOUNT_LIMIT:
        raise ValueError("a number that is not negative, such as 4 or 0.5")
    return number


def as_positive_amount(value: Any) -> float:
    number = _number(value)
    if not 0 < number < _AMOUNT_LIMIT:
        raise ValueError("a number above 0, such as 4 or 0.5")
    return number


def as_speed(value: Any) -> float:
    number = _number(value)
    if not LEAST_SPEED <= number <= MOST_SPEED:
        raise ValueError(f"a number from {LEAST_SPEED:f} to {MOST_SPEED:.0f}, such as 2 or 0.5")
    return number


def as_flag(value: Any) -> bool:
    """True or false; from the environment, as words."""
    known = {"true": True, "false": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() in known:
        return known[str(value).lower()]
    raise ValueError("true or false")


def as_count(value: Any) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("a whole number that is not negative")
    return value


def _positive_count(value: Any) -> int:
    number = as_count(value)
    if not number:
        raise ValueError("a whole number above 0")
    return number


def as_duration(value: Any) -> float:
    try:
        return duration_s(value)
    except OptionError:
        raise ValueError('a duration: seconds (90) or a text ("90s", "5m", "1h30m")') from None


def as_positive_duration(value: Any) -> float:
    number = as_duration(value)
    if not number:
        raise ValueError('a duration above 0, such as 90 or "5m"')
    return number


def as_size(value: Any) -> int:
    try:
        return size_bytes(int(value) if isinstance(value, str) and value.strip().isdecimal() else value)
    except OptionError:
        raise ValueError('a size: bytes (536870912) or a text ("512MiB", "2GB")') from None


def as_environment(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        import json

        with contextlib.suppress(ValueError):
            value = json.loads(value)  # in the environment
    is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
    if not is_list and not isinstance(value, Mapping) and not (isinstance(value, str) and value.strip()):
        raise ValueError('a list of requirements, a path, or a table such as { requirements = [...], python = "3.12" }')
    return value


def as_patterns(value: Any) -> tuple[str, ...]:
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise ValueError('a list of patterns, such as ["data/*.csv"] (in the environment: separated by commas)')
    return tuple(part for part in parts if part)


def as_slots(value: Any) -> dict[str, int]:
    expected = (
        "a table of names and counts, each at least 1, such as { licence = 2 } (in the environment: licence=2,api=10)"
    )
    if isinstance(value, str):
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        value = {name.strip(): count.strip() for name, _, count in pairs}
    try:
        return {str(name): _positive_count(count) for name, count in value.items()}
    except (AttributeError, ValueError):
        raise ValueError(expected) from None


def as_executors(value: Any) -> dict[str, ExecutorSettings]:
    if isinstance(value, str):
        import json

        with contextlib.suppress(ValueError):
            value = json.loads(value)  # in the environment
    if not isinstance(value, Mapping) or not all(isinstance(table, Mapping) for table in value.values()):
        raise ValueError(
            'tables by name, such as [executors.small] with cpu = 1 (in the environment: {"small": {"cpu": 1}})'
        )
    return {str(name): _executor(str(name), table) for name, table in value.items()}


def as_tasks(value: Any) -> dict[str, TaskSettings]:
    if isinstance(value, str):
        import json

        with contextlib.suppress(ValueError):
            value = json.loads(value)  # in the environment
    if not isinstance(value, Mapping) or not all(isinstance(table, Mapping) for table in value.values()):
        raise ValueError('tables by name, such as [tasks.fit] with cpu = 2 (in the environment: {"fit": {"cpu": 2}})')
    return {
        str(name): TaskSettings(**read_table(table, _TASK_KEYS, f"the task {name}")) for name, table in value.items()
    }


def _executor(name: str, table: Mapping[str, Any]) -> ExecutorSettings:
    if name == ANY or "," in name:
        raise ValueError(f"another name than {name!r}: it says that there is a choice; leave out commas")
    if name == "process" or not name.strip():
        raise ValueError(f"another name than {name!r}; the executor process has the settings cpu, memory and gpu")
    values: dict[str, Any] = {}
    of_ray: dict[str, Any] = {}
    keys = _EXECUTOR_KEYS | RAY_KEYS
    for key, given in table.items():
        found = keys.get(key)
        if found is None:
            near = difflib.get_close_matches(key, keys, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(keys)}"
            raise ValueError(f"no {key!r} to the executor {name}; {hint}")
        attribute, parse = found
        try:
            (of_ray if key in RAY_KEYS else values)[attribute] = parse(given)
        except ValueError as error:
            raise ValueError(f"as {key} of the executor {name} {error}") from None
    made = ExecutorSettings(**values, ray=RaySettings(**of_ray))
    if made.kind in _WITH_IMAGE and not made.image:
        raise ValueError(f'an image to the executor {name}, such as image = "my-project:1"')
    foreign = set(table) & frozenset().union(*_OF_KIND.values()) - _OF_KIND.get(made.kind, frozenset())
    if foreign:
        kinds = " or ".join(f'"{kind}"' for kind, keys in _OF_KIND.items() if foreign <= keys)
        raise ValueError(f"{', '.join(sorted(foreign))} of the executor {name} only with kind = {kinds}")
    return made


#: How each key of a task's table is kept and read.
_TASK_KEYS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "cpu": ("cpu", as_amount),
    "memory": ("memory_bytes", as_size),
    "gpu": ("gpu", as_amount),
    "executor": ("executor", as_executor),
}

#: How each key of an executor's table is kept and read.
_EXECUTOR_KEYS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "kind": ("kind", as_choice("process", "docker", "kubernetes", "ray")),
    "cpu": ("cpu", as_positive_amount),
    "memory": ("memory_bytes", as_size),
    "gpu": ("gpu", as_amount),
    "node_class": ("node_class", as_name),
    "spare_workers": ("spare_workers", as_count),
    "image": ("image", as_text),
    "network": ("network", as_text),
    "user": ("user", as_text),
    "mounts": ("mounts", as_patterns),
    "variables": ("variables", as_patterns),
    "python": ("python", as_text),
    "pull": ("pull", as_choice("always", "missing", "never")),
    "lease": ("lease_s", as_positive_duration),
    "idle": ("idle_s", as_duration),
    "attempts_per_worker": ("attempts_per_worker", as_count),
    "max_workers": ("max_workers", as_count),
    "price": ("price", as_amount),
    "speed": ("speed", as_speed),
    "bandwidth": ("bandwidth", as_size),
    "kubernetes": ("kubernetes", as_kubernetes),
}
_REMOTE = frozenset({"lease", "idle", "attempts_per_worker", "max_workers", "price"})
_OF_KIND = {
    "docker": frozenset({"image", "network", "user", "mounts", "variables", "python", "pull"}) | _REMOTE,
    "kubernetes": frozenset({"image", "variables", "python", "pull", "kubernetes"}) | _REMOTE,
    "ray": frozenset({"variables", *RAY_KEYS}) | _REMOTE,
}
_WITH_IMAGE = ("docker", "kubernetes")
