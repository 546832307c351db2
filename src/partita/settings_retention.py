"""How long finished runs, their logs and their values are kept: the table `retention` of the settings."""

from __future__ import annotations

import contextlib
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from partita.errors import OptionError
from partita.units import duration_s

__all__ = ["RetentionRule", "RetentionSettings", "as_retention"]

_NEVER = "never"
_EXAMPLE = 'such as { runs = "90d", keep_runs = 20, logs = "30d" }'


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """What holds for the runs of a flow, or of all flows. Ages count from a run's end."""

    runs_s: float | None = None  # seconds after which a run is deleted; None: none is because of its age
    failed_runs_s: float | None = None  # the same of runs that did not succeed; None: as the others
    keep_runs: int | None = None  # so many of the newest runs of a flow stay however old; alone: all others go
    logs_s: float | None = None  # seconds after which a run's logs go; None: with the run
    values_s: float | None = None  # seconds after which the values of its steps go; None: with the run

    @property
    def is_empty(self) -> bool:
        """Whether nothing ever goes by it."""
        return self == RetentionRule() or self == RetentionRule(keep_runs=0)

    def deletes(self, age_s: float, is_success: bool, place: int) -> bool:
        """Whether a finished run is to be deleted.

        Args:
            place: its place among the finished runs of its flow, the newest of which has place 1.
        """
        if place <= (self.keep_runs or 0):
            return False
        after_s = self.runs_s
        if not is_success and self.failed_runs_s is not None:
            after_s = self.failed_runs_s
        if after_s is None:
            return bool(self.keep_runs) and self.failed_runs_s is None
        return age_s >= after_s


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """What holds for all flows, and what some flows say otherwise."""

    rule: RetentionRule = RetentionRule()
    flows: Mapping[str, RetentionRule] = field(default_factory=dict)  # by the flow's name or reference
    every_s: float = 3600.0  # seconds from one look to the next

    @property
    def is_empty(self) -> bool:
        """Whether nothing ever goes."""
        return self.rule.is_empty and all(rule.is_empty for rule in self.flows.values())

    def rule_of(self, flow: str, title: str) -> RetentionRule:
        """What holds for the runs of a flow."""
        return self.flows.get(flow) or self.flows.get(title) or self.rule


def as_retention(value: Any) -> RetentionSettings:
    """The table as it is written, or as JSON in a variable.

    Raises:
        ValueError: with what it takes.
    """
    if isinstance(value, str):
        import json

        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if not isinstance(value, Mapping):
        raise ValueError(f"a table {_EXAMPLE}")
    given = dict(value)
    flows, every = given.pop("flows", {}), given.pop("every", 3600.0)
    rule = _rule(RetentionRule(), given, "", more=("flows", "every"))
    if not isinstance(flows, Mapping) or not all(isinstance(table, Mapping) for table in flows.values()):
        raise ValueError('tables by the names of flows, such as [retention.flows.train] with runs = "365d"')
    of_flows = {str(name): _rule(rule, table, f" of the flow {name}") for name, table in flows.items()}
    every_s = _age(every)
    if not every_s:
        raise ValueError('as every of retention a duration above 0, such as "1h"')
    return RetentionSettings(rule, of_flows, every_s)


def _rule(base: RetentionRule, table: Mapping[str, Any], where: str, more: tuple[str, ...] = ()) -> RetentionRule:
    found: dict[str, Any] = {}
    for key, given in table.items():
        attribute = _KEYS.get(key)
        if attribute is None:
            known = (*_KEYS, *more)
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}"
            raise ValueError(f"no {key!r} to retention{where}; {hint}")
        try:
            found[attribute] = _count(given) if attribute == "keep_runs" else _age(given)
        except ValueError as error:
            raise ValueError(f"as {key} of retention{where} {error}") from None
    return replace(base, **found)


def _age(given: Any) -> float:
    if given == _NEVER:
        return math.inf
    try:
        return duration_s(given)
    except OptionError:
        raise ValueError('a duration such as "90d", or "never"') from None


def _count(given: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        raise ValueError("a whole number that is not negative")
    return given


#: How each key is kept.
_KEYS = {
    "runs": "runs_s", "failed_runs": "failed_runs_s", "keep_runs": "keep_runs", "logs": "logs_s", "artifacts": "values_s",
}  # fmt: skip
