"""The settings of a workspace, merged from four sources.

Later ones win: the defaults, the project's file (`partita.toml`, or `[tool.partita]` in `pyproject.toml`),
the environment (`PARTITA_CPU=4` for the key `cpu`), and arguments. What is unknown or wrong anywhere is refused, all
of it at once.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from partita.errors import SettingsError
from partita.log_lines import LOG_FORMATS
from partita.settings_publishing import (
    DEFAULT_STAGES,
    CiSettings,
    GateSettings,
    RepositorySettings,
    as_ci,
    as_gates,
    as_repositories,
    as_stages,
    read_gates,
)
from partita.settings_retention import RetentionSettings, as_retention
from partita.settings_sign_in import SignInSettings, as_sign_in
from partita.settings_values import (
    ExecutorSettings,
    TaskSettings,
    as_amount,
    as_choice,
    as_count,
    as_duration,
    as_environment,
    as_executor,
    as_executors,
    as_flag,
    as_name,
    as_patterns,
    as_positive_amount,
    as_positive_duration,
    as_size,
    as_slots,
    as_store,
    as_tasks,
    as_text,
    as_traces,
)

__all__ = [
    "SETTINGS_FILE",
    "ExecutorSettings",
    "GateSettings",
    "Setting",
    "Settings",
    "describe_settings",
    "find_project",
    "load_settings",
    "read_gates",
]

SETTINGS_FILE = "partita.toml"
DEFAULT_STORE = ".partita"
_PREFIX = "PARTITA_"

#: Variables with the prefix that are no settings: for finding faults, a server and its token, Partita's own mark on its workers.
_OTHER_VARIABLES = frozenset({
    "PARTITA_AGENT", "PARTITA_AGENT_KEY", "PARTITA_BACKUP_PASSPHRASE", "PARTITA_DEBUG", "PARTITA_SECRETS_KEY", "PARTITA_SERVER",
    "PARTITA_TOKEN", "PARTITA_VALUES_KEY", "PARTITA_WORKER",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """What is in force. `describe_settings` says how each is written."""

    store: str = DEFAULT_STORE  # folder of the workspace's state, relative to the project's folder; or a database's URL
    artifacts: str | None = None  # folder or URL where large values are kept; None: in the store's folder
    durability: str = "process"  # what a commit survives: the death of any "process", or of the machine too ("full")
    cpu: float | None = None  # CPU cores that attempts may hold together; None: all of the machine's
    memory_bytes: int | None = None  # memory that attempts may hold together, in bytes; None: all of the machine's
    gpu: float | None = None  # GPU devices that attempts may hold together; None: all of the machine's
    slots: Mapping[str, int] = field(default_factory=dict)  # named limits: how many of each there are
    node_class: str | None = None  # what sort of machine this is; None: its processor and cores
    order: str = "planned"  # what is ready starts by what lies behind it ("planned") or as it came ("arrival")
    executor: str = "process"  # name of the executor for steps that name none
    executors: Mapping[str, ExecutorSettings] = field(default_factory=dict)  # further executors by name
    tasks: Mapping[str, TaskSettings] = field(default_factory=dict)  # what is said of tasks, by name or reference
    spare_workers: int | None = None  # idle workers to have ready; None: one a core
    prefetch: int = 48  # brief steps that may wait in one worker
    idle_timeout_s: float = 60.0  # seconds without runs and clients after which the engine ends
    engine_lease_s: float = (
        15.0  # seconds without a sign of life after which another engine takes an engine's runs over
    )
    works: bool = True  # False: the engine of this machine hands runs on to those of others
    cancel_grace_s: float = 10.0  # seconds between asking an attempt to stop and killing it
    memory_floor_bytes: int | None = None  # free memory, in bytes, below which the largest attempt is ended; None: 3 %
    crash_retries: int = 3  # further attempts after a failure of the machinery
    environment: Any = None  # for tasks that declare none: as the option environment=, in plain data; None: none
    environments: str | None = None  # folder in which environments of tasks are kept; None: one in the workspace
    environment_timeout_s: float = 1800.0  # seconds that making one environment may take
    build_base: str | None = None  # image that `partita build` starts from; None: python:X.Y-slim of our Python
    build_image: str | None = None  # name of the image that `partita build` makes; None: that of the project's folder
    layout_timeout_s: float = 300.0  # seconds that laying out one flow may take
    bundle_include: tuple[str, ...] = ()  # patterns of files that travel to workers beside the code
    bundle_exclude: tuple[str, ...] = ()  # patterns of files that do not travel to workers
    sign_in: SignInSettings | None = None  # the OpenID provider of a server; None: people sign in with tokens
    retention: RetentionSettings = RetentionSettings()  # how long finished runs, logs and values are kept
    stages: tuple[str, ...] = DEFAULT_STAGES  # of published flows; the last one is what a name without a version means
    gates: Mapping[str, Mapping[str, GateSettings]] = field(default_factory=dict)  # by flow and stage
    ci: CiSettings = CiSettings()  # what `partita ci` and pushes publish
    repositories: Mapping[str, RepositorySettings] = field(default_factory=dict)  # whose pushes are published, by name
    metrics: str = (
        "token"  # who may read a server's counts: by a "token", or any program of its machine too ("loopback")
    )
    log_level: str = "info"  # least severe messages that the engine's own log keeps
    log_format: str = "text"  # how that log is written: lines for people ("text") or objects for programs ("json")
    traces: str = "auto"  # where traces go: a URL, "off", or where the variables OTEL_* say ("auto")
    color: str = "auto"  # colours on the command line: "auto" (on terminals), "always" or "never"
    notebook_display: str = "live"  # whether runs are shown below the cell that starts them: "live" or "off"
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)  # key of a setting -> where it was set

    @property
    def state_folder(self) -> str:
        """Where logs, code and what else no database holds lie, relative to the project's folder."""
        return DEFAULT_STORE if self.database else self.store

    @property
    def database(self) -> str:
        """URL of the database that has the runs; empty: they lie in the folder."""
        return self.store if "://" in self.store else ""


class Setting(NamedTuple):
    """How one setting is written, and what it means."""

    key: str  # as in partita.toml
    attribute: str  # of Settings
    form: str  # what can be written, for people
    default: str  # as it would be written, or in words
    meaning: str
    parse: Callable[[Any], Any]  # from a TOML value or a text; raises ValueError with what was expected

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return _PREFIX + self.key.upper()


_LEVELS = ("debug", "info", "warning", "error")

_TABLE = (
    Setting("store", "store", "a folder or a URL", '".partita"',
            "where runs lie: with values and logs in a folder on a local disk, or in PostgreSQL", as_store),
    Setting("artifacts", "artifacts", "a folder or a URL", "blobs in the store's folder",
            "where large values are kept: a folder, or a URL such as s3://bucket/project", as_text),
    Setting("durability", "durability", '"process" or "full"', '"process"',
            "what a commit survives: the death of any process, or (slower) a power loss too",
            as_choice("process", "full")),
    Setting("cpu", "cpu", "CPU cores", "all of the machine's",
            "how many cores attempts may hold together", as_positive_amount),
    Setting("memory", "memory_bytes", "a size", "all of the machine's",
            "how much memory attempts may hold together", as_size),
    Setting("gpu", "gpu", "GPU devices", "all of the machine's",
            "how many GPU devices attempts may hold together", as_amount),
    Setting("slots", "slots", "a table of names and counts", "{}",
            "named limits that tasks take with slots=, such as { licence = 2 }", as_slots),
    Setting("node_class", "node_class", "a name", "the processor's model and the number of cores",
            "what sort of machine this is: what is learned on one is told of others like it", as_name),
    Setting("order", "order", '"planned" or "arrival"', '"planned"',
            "whether what is ready starts by what lies behind it, or as it came",
            as_choice("planned", "arrival")),
    Setting("executor", "executor", "a name, or several", '"process"',
            "where steps run that name no executor", as_executor),
    Setting("executors", "executors", "tables by name", "{}",
            "further executors, each with cores, memory and GPUs of its own", as_executors),
    Setting("tasks", "tasks", "tables by name", "{}",
            "what tasks ask for and where they run, over what their code says", as_tasks),
    Setting("spare_workers", "spare_workers", "a whole number", "one a core",
            "idle workers that the engine keeps ready", as_count),
    Setting("prefetch", "prefetch", "a whole number", "48",
            "how many brief steps may wait in one worker", as_count),
    Setting("idle_timeout", "idle_timeout_s", "a duration", '"60s"',
            "how long the engine stays without runs and clients", as_duration),
    Setting("engine_lease", "engine_lease_s", "a duration", '"15s"',
            "after how long without a sign of life other engines take over an engine's runs", as_positive_duration),
    Setting("works", "works", "true or false", "true",
            "whether the engine of this machine works on runs, or hands them on to those of others", as_flag),
    Setting("cancel_grace", "cancel_grace_s", "a duration", '"10s"',
            "how long an attempt that is asked to stop may take before it is killed", as_duration),
    Setting("memory_floor", "memory_floor_bytes", "a size", "3 % of the machine's, at least 256 MiB",
            "below how much free memory the largest attempt is ended", as_size),
    Setting("crash_retries", "crash_retries", "a whole number", "3",
            "further attempts after a worker crashed or ran out of memory", as_count),
    Setting("environment", "environment", "as the option environment=", "none",
            "packages of tasks that declare none: a list, the path of a requirements file or uv.lock, or a table",
            as_environment),
    Setting("environments", "environments", "a folder", "environments in the store's folder",
            "where the environments of tasks are kept; projects may share one", as_text),
    Setting("environment_timeout", "environment_timeout_s", "a duration", '"30m"',
            "how long making one environment may take", as_positive_duration),
    Setting("build_base", "build_base", "an image", "python:X.Y-slim of the Python that runs Partita",
            "the image that `partita build` starts from", as_text),
    Setting("build_image", "build_image", "a name", "that of the project's folder",
            "the name of the image that `partita build` makes; without a tag it gets one of the code's hash", as_text),
    Setting("layout_timeout", "layout_timeout_s", "a duration", '"5m"',
            "how long a flow's body may take to lay out its steps", as_positive_duration),
    Setting("bundle_include", "bundle_include", "a list of patterns", "[]",
            "files that travel to workers beside the project's code", as_patterns),
    Setting("bundle_exclude", "bundle_exclude", "a list of patterns", "[]",
            "files that do not travel to workers", as_patterns),
    Setting("sign_in", "sign_in", "a table", "none",
            "the OpenID provider by which people sign in to a server, and what they may then", as_sign_in),
    Setting("retention", "retention", "a table", "{}",
            "how long finished runs, their logs and their values are kept; without it, for ever", as_retention),
    Setting("stages", "stages", "a list of names", '["dev", "staging", "prod"]',
            "the stages of published flows; the last one is what a name without a version means", as_stages),
    Setting("gates", "gates", "tables by flow and stage", "{}",
            "what has to hold before a version of a flow is published, or gets to a stage", as_gates),
    Setting("ci", "ci", "a table", "{}",
            "which branches and tags `partita ci` and pushes publish, and to which stage", as_ci),
    Setting("repositories", "repositories", "tables by name", "{}",
            "repositories whose signed pushes are published", as_repositories),
    Setting("metrics", "metrics", '"token" or "loopback"', '"token"',
            "who may read a server's /metrics: whose token reaches metrics:read, or also any program of its machine",
            as_choice("token", "loopback")),
    Setting("log_level", "log_level", ", ".join(f'"{level}"' for level in _LEVELS), '"info"',
            "what the engine's own log keeps", as_choice(*_LEVELS)),
    Setting("log_format", "log_format", '"text" or "json"', '"text"',
            "whether the engine's own log, and the server's, are written for people, or a JSON object a line",
            as_choice(*LOG_FORMATS)),
    Setting("traces", "traces", '"auto", "off" or a URL', '"auto"',
            "where OpenTelemetry traces of runs go; with \"auto\", to where the variables OTEL_* say", as_traces),
    Setting("color", "color", '"auto", "always" or "never"', '"auto"',
            "colours on the command line; NO_COLOR turns them off too", as_choice("auto", "always", "never")),
    Setting("notebook_display", "notebook_display", '"live" or "off"', '"live"',
            "whether a notebook shows runs below the cell that starts them", as_choice("live", "off")),
)  # fmt: skip
#: What is in them is not repeated when it is wrong: by mistake it may be a secret.
_UNTOLD = frozenset({"sign_in"})
_BY_KEY = {setting.key: setting for setting in _TABLE}


def describe_settings() -> tuple[Setting, ...]:
    """Every setting there is, in the order in which they are documented."""
    return _TABLE


def find_project(folder: Path | None = None) -> Path:
    """The project's folder: the nearest one upwards with settings, a workspace or a repository; else the folder itself.

    Args:
        folder: where to begin; default: the working directory.
    """
    start = (Path.cwd() if folder is None else folder).resolve()
    for candidate in (start, *start.parents):
        if _is_project(candidate):
            return candidate
    return start


def _is_project(folder: Path) -> bool:
    if (folder / SETTINGS_FILE).is_file() or (folder / ".partita").is_dir():
        return True
    pyproject = folder / "pyproject.toml"
    try:
        if pyproject.is_file() and b"tool.partita" in pyproject.read_bytes():
            return True
    except OSError:
        pass
    # Dotfiles are often kept in a repository that is the home folder itself: that is nobody's project.
    return (folder / ".git").exists() and folder != Path.home()


class _Given(NamedTuple):
    """One value from one source."""

    key: str
    value: Any
    place: str  # for messages: 'partita.toml:3', 'PARTITA_CPU', 'argument'
    written: str  # the key as it was written there


def load_settings(
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings of the project in this folder.

    Args:
        folder: the project's folder, where its file lies.
        environment: default: this process's environment.
        arguments: by key; None as a value stands for "not given".

    Raises:
        SettingsError: with everything that is unknown or wrong, in all sources.
    """
    environment = os.environ if environment is None else environment
    problems: list[str] = []
    given = [*_from_files(folder, problems), *_from_environment(environment), *_from_arguments(arguments or {})]
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for key, value, place, written in given:
        setting = _BY_KEY.get(key)
        if setting is None:
            problems.append(f"{place}: there is no setting {written!r}{_near(written, key)}")
            continue
        try:
            values[setting.attribute] = setting.parse(value)
        except ValueError as error:
            told = written if key in _UNTOLD else f"{written} is {value!r}"
            problems.append(f"{place}: {told}; give {error}")
        sources[key] = place
    if problems:
        raise SettingsError("\n".join(problems))
    return Settings(**values, sources=sources)


def _near(written: str, key: str) -> str:
    is_variable = written.startswith(_PREFIX)
    found = difflib.get_close_matches(key, _BY_KEY, n=1, cutoff=0.6)
    if not found:
        aliases = {item.name: item.name for item in fields(Settings)} | {item.attribute: item.key for item in _TABLE}
        found = [aliases[key]] if aliases.get(key) in _BY_KEY else []
    if not found:
        return "; `partita doctor` lists those there are"
    return f"; did you mean {_PREFIX + found[0].upper() if is_variable else found[0]}?"


def _from_files(folder: Path, problems: list[str]) -> Iterator[_Given]:
    own = _read(folder / SETTINGS_FILE, problems)
    shared_text = ""
    shared: dict[str, Any] = {}
    pyproject = folder / "pyproject.toml"
    if pyproject.is_file():
        # Most projects have one that says nothing of us, and parsing costs some milliseconds.
        if b"partita" in pyproject.read_bytes():
            shared_text, shared = _read(pyproject, problems)
        shared = _section(shared, problems)
    if shared and own[1]:
        problems.append(f"{SETTINGS_FILE} and [tool.partita] in pyproject.toml both hold settings; keep one of them")
        return
    text, table, name = (own[0], own[1], SETTINGS_FILE) if own[1] else (shared_text, shared, "pyproject.toml")
    for key, value in table.items():
        yield _Given(key, value, f"{name}:{_line_of(text, key, name != SETTINGS_FILE)}", key)


def _section(document: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    tool = document.get("tool", {})
    section = tool.get("partita", {}) if isinstance(tool, dict) else {}
    if not isinstance(section, dict):
        problems.append("pyproject.toml: tool.partita is not a table; write [tool.partita] and settings below it")
        return {}
    return section


def _read(file: Path, problems: list[str]) -> tuple[str, dict[str, Any]]:
    if not file.is_file():
        return "", {}
    import tomllib

    try:
        text = file.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except OSError as error:
        problems.append(f"{file.name} cannot be read: {error.strerror}; make it readable or move it away")
    except UnicodeDecodeError:
        problems.append(f"{file.name} is not UTF-8 text; save it as UTF-8")
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{file.name} is not TOML: {error}")
    return "", {}


def _line_of(text: str, key: str, is_section: bool) -> int:
    """The line where the key stands; tomllib does not tell."""
    quoted = re.escape(key)
    written = re.compile(
        rf"""\s*(tool\.partita\.)?["']?{quoted}["']?\s*[=.]|\s*\[(tool\.partita\.)?["']?{quoted}["']?\s*[\].]"""
    )
    is_inside = not is_section
    for number, line in enumerate(text.splitlines(), 1):
        if is_section and line.lstrip().startswith("["):
            is_inside = "tool.partita" in line
        if is_inside and written.match(line):
            return number
    return 1


def _from_environment(environment: Mapping[str, str]) -> Iterator[_Given]:
    for name in sorted(environment):
        if name.startswith(_PREFIX) and name not in _OTHER_VARIABLES:
            yield _Given(name.removeprefix(_PREFIX).lower(), environment[name], "environment", name)


def _from_arguments(arguments: Mapping[str, Any]) -> Iterator[_Given]:
    for key, value in arguments.items():
        if value is not None:
            yield _Given(key, value, "argument", key)
