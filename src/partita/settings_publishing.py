"""The settings of published flows: stages, gates, what CI publishes, and repositories that push; and how each is read."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from partita.errors import OptionError, SettingsError
from partita.settings_tables import read_table
from partita.units import duration_s

__all__ = [
    "DEFAULT_STAGES", "EVERY_FLOW", "ON_PUBLISH", "CiRule", "CiSettings", "GateSettings", "RepositorySettings", "as_ci",
    "as_gates", "as_repositories", "as_stages", "read_gates",
]  # fmt: skip

DEFAULT_STAGES = ("dev", "staging", "prod")
#: In the place of a stage: the gates that a version has to pass before it counts as published.
ON_PUBLISH = "publish"
#: In the place of a flow: gates of every flow that has none of its own.
EVERY_FLOW = "*"

_NAME = re.compile(r"[^\W_][\w.+-]{0,99}")
_RULE = re.compile(r"(branch|tag)\s+(\S+)\s*->\s*(\S+)")
_URL = re.compile(r"(https|ssh|file)://[^\s]+|[\w.-]+@[\w.-]+:[^\s:][^\s]*")


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What has to hold before a version of a flow is published, or gets to a stage."""

    tests: tuple[str, ...] = ()  # files of tests in the bundle, and "-k EXPRESSION" or "-m EXPRESSION"
    tests_timeout_s: float = 900.0  # seconds that the tests may take
    has_sample: bool = False  # a run on sample inputs has to succeed
    sample: tuple[tuple[str, str], ...] = ()  # its inputs, as texts by parameter
    within_s: float | None = None  # seconds that it may take; None: as long as it takes
    floors: tuple[str, ...] = ()  # "accuracy >= 0.8": of what runs of the version report, and of models that they make
    approvals: int = 0  # how many persons have to approve, of whom none asked for it
    approvers: tuple[str, ...] = ()  # who may; empty: anybody
    approval_timeout_s: float | None = None  # seconds after which it counts as rejected; None: never

    def __bool__(self) -> bool:
        return bool(self.tests or self.has_sample or self.floors or self.approvals)


@dataclass(frozen=True, slots=True)
class CiRule:
    """Which branch or tag goes where."""

    kind: str  # "branch" or "tag"
    pattern: str  # as of a shell: "v*"
    stage: str  # "publish": published only

    def __str__(self) -> str:
        return f"{self.kind} {self.pattern} -> {self.stage}"


@dataclass(frozen=True, slots=True)
class CiSettings:
    """What `partita ci` does."""

    rules: tuple[CiRule, ...] = ()  # the first that fits counts
    flows: tuple[str, ...] = ()  # references; empty: every flow of the project's files


@dataclass(frozen=True, slots=True)
class RepositorySettings:
    """A repository whose pushes are published."""

    url: str = ""  # from where it is fetched: https, ssh or file
    secret: str = ""  # name of the environment variable with the secret that its pushes are signed with
    token: str = ""  # name of the environment variable with a token for an https address
    folder: str = ""  # of the project in the repository; empty: its root
    rules: tuple[CiRule, ...] = ()  # empty: those of [ci]
    flows: tuple[str, ...] = ()  # empty: those of [ci]
    users: tuple[tuple[str, str], ...] = ()  # logins at the Git service, and the user of Partita that each is


def as_stages(value: Any) -> tuple[str, ...]:
    expected = 'a list of names, the last of which is what people use, such as ["dev", "staging", "prod"]'
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not parts or len(set(map(str, parts))) < len(parts):
        raise ValueError(expected)
    return tuple(_stage(part, expected) for part in parts)


def _stage(given: Any, expected: str = "the name of a stage") -> str:
    if not isinstance(given, str) or not _NAME.fullmatch(given) or given.isdecimal() or given in ("latest", ON_PUBLISH):
        raise ValueError(f'{expected}; no digits only, not "latest" and not "{ON_PUBLISH}"')
    return given


def _from_environment(value: Any) -> Any:
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value


def as_gates(value: Any) -> dict[str, dict[str, GateSettings]]:
    value = _from_environment(value)
    expected = 'tables by flow and stage, such as [gates.train.prod] with floors = ["accuracy >= 0.8"]'
    if not isinstance(value, Mapping) or not all(isinstance(table, Mapping) for table in value.values()):
        raise ValueError(expected)
    found: dict[str, dict[str, GateSettings]] = {}
    for flow, stages in value.items():
        found[str(flow)] = {}
        for stage, table in stages.items():
            if not isinstance(table, Mapping):
                raise ValueError(expected)
            where = f"the gates of {flow} before {stage}"
            found[str(flow)][stage if stage == ON_PUBLISH else _stage(stage)] = _gates(table, where)
    return found


def _gates(table: Mapping[str, Any], where: str) -> GateSettings:
    values = read_table(table, _GATE_KEYS, where)
    if "sample" in values:
        values["has_sample"] = True
    made = GateSettings(**values)
    if made.within_s is not None and not made.has_sample:
        raise ValueError(f"a sample, too, where {where} say within: sample = {{ }} runs it with its defaults")
    if made.approvers and made.approvals > len(set(made.approvers)):
        raise ValueError(f"more approvers in {where}: {made.approvals} have to approve, {len(made.approvers)} may")
    return made


def read_gates(table: Mapping[str, Any]) -> GateSettings:
    """Gates that are given elsewhere than in the settings, by the same keys.

    Raises:
        SettingsError: they cannot be understood.
    """
    try:
        return _gates(table, "the gates that were given")
    except ValueError as error:
        raise SettingsError(f"these gates cannot be understood: give {error}") from None


def as_ci(value: Any) -> CiSettings:
    value = _from_environment(value)
    if not isinstance(value, Mapping):
        raise ValueError('a table, such as [ci] with rules = ["branch main -> dev", "tag v* -> staging"]')
    return CiSettings(**read_table(value, _CI_KEYS, "[ci]"))


def as_repositories(value: Any) -> dict[str, RepositorySettings]:
    value = _from_environment(value)
    if not isinstance(value, Mapping) or not all(isinstance(table, Mapping) for table in value.values()):
        raise ValueError(
            'tables by name, such as [repositories."acme/news"] with url = "https://git.example/acme/news.git"'
        )
    found: dict[str, RepositorySettings] = {}
    for name, table in value.items():
        made = RepositorySettings(**read_table(table, _REPOSITORY_KEYS, f"the repository {name}"))
        if not made.url:
            raise ValueError(f"a url to the repository {name}")
        found[str(name)] = made
    return found


def _texts(value: Any) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, (list, tuple)) or not all(isinstance(item, str) and item.strip() for item in given):
        raise ValueError("a text, or a list of texts")
    return tuple(item.strip() for item in given)


def _inputs(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping):
        raise ValueError("a table of inputs by parameter, such as { rows = 100 }")
    return tuple(
        (str(name), item if isinstance(item, str) else json.dumps(item, ensure_ascii=False, default=str))
        for name, item in value.items()
    )


def _users(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping) or not all(isinstance(user, str) and user.strip() for user in value.values()):
        raise ValueError('a table of users by login at the Git service, such as { "ann-gh" = "ann@example.org" }')
    if len({str(login).lower() for login in value}) < len(value):
        raise ValueError("each login once, whatever its case")
    return tuple((str(login), user.strip()) for login, user in value.items())


def _duration(value: Any) -> float:
    try:
        number = duration_s(value)
    except OptionError:
        number = 0.0
    if not number:
        raise ValueError('a duration above 0, such as 90 or "5m"')
    return number


def _persons(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("how many persons have to approve, such as 2")
    return value


def _rules(value: Any) -> tuple[CiRule, ...]:
    found: list[CiRule] = []
    for text in _texts(value):
        parts = _RULE.fullmatch(text)
        if parts is None:
            raise ValueError(
                f'rules such as "branch main -> dev", "tag v* -> staging" or "branch * -> publish", not {text!r}'
            )
        stage = parts[3] if parts[3] == ON_PUBLISH else _stage(parts[3])
        found.append(CiRule(parts[1], parts[2], stage))
    return tuple(found)


def _url(value: Any) -> str:
    if not isinstance(value, str) or not _URL.fullmatch(value) or value.startswith("-"):
        raise ValueError('an address by https, ssh or file, such as "https://git.example/acme/news.git"')
    return value


def _folder(value: Any) -> str:
    text = value.strip("/") if isinstance(value, str) else ""
    if not text or ".." in text.split("/"):
        raise ValueError("a folder in the repository, such as flows/news")
    return text


def _variable(value: Any) -> str:
    if not isinstance(value, str) or not value.isidentifier():
        raise ValueError("the name of an environment variable; the secret itself stands in no file")
    return value


_GATE_KEYS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "tests": ("tests", _texts),
    "tests_timeout": ("tests_timeout_s", _duration),
    "sample": ("sample", _inputs),
    "within": ("within_s", _duration),
    "floors": ("floors", _texts),
    "approvals": ("approvals", _persons),
    "approvers": ("approvers", _texts),
    "approval_timeout": ("approval_timeout_s", _duration),
}
_CI_KEYS: dict[str, tuple[str, Callable[[Any], Any]]] = {"rules": ("rules", _rules), "flows": ("flows", _texts)}
_REPOSITORY_KEYS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "url": ("url", _url),
    "secret": ("secret", _variable),
    "token": ("token", _variable),
    "folder": ("folder", _folder),
    "users": ("users", _users),
    **_CI_KEYS,
}
