"""What has to hold before a version of a flow is published or gets to a stage, as a plan for the run that finds out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from partita.errors import OptionError
from partita.models.gates import Bound, parse_gate
from partita.settings_publishing import EVERY_FLOW, ON_PUBLISH, GateSettings

__all__ = ["APPROVALS", "SAMPLE", "TESTS", "floor_gate", "gates_of", "plan_of", "pytest_words", "settings_of"]

TESTS, SAMPLE, APPROVALS = "tests", "sample", "approvals"
#: Options of pytest that choose among tests, each with a value.
_CHOOSING = ("-k", "-m")


def settings_of(gates: Mapping[str, Mapping[str, GateSettings]], name: str, stage: str) -> GateSettings | None:
    """The gates of a flow before a stage ("": on publishing); None: nothing has to hold.

    What is said of a flow counts instead of what is said of every flow.
    """
    table = gates[name] if name in gates else gates.get(EVERY_FLOW, {})
    found = table.get(stage or ON_PUBLISH)
    return found or None


def gates_of(settings: GateSettings) -> list[tuple[str, str]]:
    """(gate, what it asks for in words) of each.

    Raises:
        OptionError: a text says no test or no floor.
    """
    found: list[tuple[str, str]] = []
    if settings.tests:
        found.append((TESTS, "pytest " + shlex.join(pytest_words(settings.tests))))
    if settings.has_sample:
        inputs = ", ".join(f"{name}={text}" for name, text in settings.sample) or "the defaults"
        within = f" within {settings.within_s:g} s" if settings.within_s is not None else ""
        found.append((SAMPLE, f"a run with {inputs} succeeds{within}"))
    found += [(floor_gate(text), text) for text in settings.floors]
    if settings.approvals:
        who = f" of {', '.join(settings.approvers)}" if settings.approvers else ""
        found.append((APPROVALS, f"{settings.approvals}{who} approve, of whom none asked for it"))
    return list(dict.fromkeys(found))


def floor_gate(text: str) -> str:
    """The gate of a floor, or a ceiling, of a metric.

    Raises:
        OptionError: it is none.
    """
    found = parse_gate(text)
    if not isinstance(found, Bound):
        raise OptionError(f"floors hold a metric to a number, such as 'accuracy >= 0.8', not {text!r}")
    return f"floor {found}"


def pytest_words(tests: tuple[str, ...] | list[str]) -> list[str]:
    """The words after `pytest`: files of tests in the bundle, and what chooses among them.

    Raises:
        OptionError: another option is among them, or a path that leads out of the bundle.
    """
    words = [word for text in tests for word in shlex.split(text)]
    found: list[str] = []
    while words:
        word = words.pop(0)
        if word in _CHOOSING and words:
            found += [word, words.pop(0)]
            continue
        path = PurePosixPath(word.partition("::")[0])
        if word.startswith("-") or path.is_absolute() or ".." in path.parts:
            raise OptionError(f"tests are files of the project, -k EXPRESSION or -m EXPRESSION, not {word!r}")
        found.append(word)
    return found


def plan_of(settings: GateSettings) -> dict[str, Any]:
    """What the run that checks is given, as plain data."""
    return {
        "tests": pytest_words(settings.tests), "tests_timeout_s": settings.tests_timeout_s,
        "has_sample": settings.has_sample, "sample": dict(settings.sample), "within_s": settings.within_s,
        "floors": list(settings.floors), "approvals": settings.approvals, "approvers": list(settings.approvers),
        "approval_timeout_s": settings.approval_timeout_s,
    }  # fmt: skip
