"""What has to hold before a version may have an alias: plain records, judged on what is known of it.

Each can be written as a text, which is how settings, the command line and the registry keep them:

    accuracy >= 0.9             a metric's floor; rmse <= 3 its ceiling
    accuracy no worse           not worse than the version that has the alias, beyond chance
    latency <= 50ms             `latency_p95_s` of the version, measured by `measure_latency`
    size <= 100MB               of what is stored
    gap accuracy <= 0.05        no slice is worse than all rows by more, where it has rows enough
    approved                    by a person; "approved by ann, ben": by one of these
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypedDict

from partita.errors import OptionError
from partita.models.chance import Difference, difference_of
from partita.models.metric_losses import metric_loss, slice_loss
from partita.units import duration_s, size_bytes, size_text

__all__ = [
    "Approved", "Bound", "Candidate", "Gap", "Gate", "Latency", "NoWorse", "Size", "Verdict", "judge", "parse_gate",
]  # fmt: skip

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"


class Verdict(TypedDict):
    """What became of a gate."""

    gate: str  # as it is written
    is_met: bool
    told: str  # with its numbers


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version as gates see it."""

    name: str  # "churn:3"
    metrics: Mapping[str, float]
    size_bytes: int
    evaluations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by the name of their data
    approval: Mapping[str, str] | None = None  # "by" and "comment"


class Gate(Protocol):
    """One condition."""

    def judge(self, candidate: Candidate, rival: Candidate | None) -> tuple[bool, str]:
        """Whether it is met, and with what numbers; `rival` is the version that has the alias."""
        ...


@dataclass(frozen=True, slots=True)
class Bound:
    """A metric's floor or ceiling."""

    metric: str
    sign: str  # ">=", ">", "<=" or "<"
    limit: float

    def __str__(self) -> str:
        return f"{self.metric} {self.sign} {_exact(self.limit)}"

    def judge(self, candidate: Candidate, rival: Candidate | None) -> tuple[bool, str]:
        """Whether the metric keeps to it."""
        value = candidate.metrics.get(self.metric)
        if value is None:
            return False, _unmeasured(candidate, self.metric)
        is_met, told = self._holds(value), f"{value:.6g}"
        if self._holds(float(told)) != is_met:  # rounded, it would seem to be on the other side
            told = repr(value)
        return is_met, f"{self.metric} is {told}"

    def _holds(self, value: float) -> bool:
        signs = {">=": value >= self.limit, ">": value > self.limit, "<=": value <= self.limit, "<": value < self.limit}
        return signs[self.sign]


@dataclass(frozen=True, slots=True)
class NoWorse:
    """Not worse than the version that has the alias, beyond chance.

    Compared row by row where both have losses of the same data (a bootstrap of the rows' differences); else by the intervals of
    both; where there are none, by the numbers alone.
    """

    metric: str

    def __str__(self) -> str:
        return f"{self.metric} no worse"

    def judge(self, candidate: Candidate, rival: Candidate | None) -> tuple[bool, str]:
        """Whether it is no worse."""
        if rival is None:
            return True, "nothing has the alias yet"
        if rival.name == candidate.name:
            return True, "it has the alias already"
        found = difference_of(self.metric, candidate.evaluations, rival.evaluations)
        if found is None:
            one, other = candidate.metrics.get(self.metric), rival.metrics.get(self.metric)
            if one is None or other is None:
                return False, _unmeasured(candidate if one is None else rival, self.metric)
            worse = metric_loss(self.metric, one) - metric_loss(self.metric, other)
            found = Difference(worse, worse, worse, "the numbers alone: there are neither losses of rows nor intervals")
        is_met = found.low <= 0 or math.isclose(found.low, 0.0, abs_tol=1e-12)
        way, amount = "worse" if found.mean > 0 else "better", abs(found.mean)
        ends = 0.0 - found.high, 0.0 - found.low  # no "-0"
        return is_met, f"it is {way} than {rival.name} by {amount:.4g} ({ends[0]:.4g} to {ends[1]:.4g}; {found.how})"


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds that a prediction may take at the 95th percentile."""

    limit_s: float

    def __str__(self) -> str:
        return f"latency <= {_exact_duration(self.limit_s)}"

    def judge(self, candidate: Candidate, rival: Candidate | None) -> tuple[bool, str]:
        """Whether it is as quick."""
        value = candidate.metrics.get("latency_p95_s")
        if value is None:
            return False, f"{candidate.name} has no latency_p95_s: `measure_latency` in a task measures it"
        return value <= self.limit_s, f"the 95th percentile is {value * 1e3:.4g} ms"


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes that may be stored."""

    limit_bytes: int

    def __str__(self) -> str:
        return f"size <= {_exact_size(self.limit_bytes)}"

    def judge(self, candidate: Candidate, rival: Candidate | None) -> tuple[bool, str]:
        """Whether it is as small."""
        return candidate.size_bytes <= self.limit_bytes, f"it is {size_text(candidate.size_bytes)}"


@dataclass(frozen=True, slots=True)
class Gap:
    """How much worse a slice may be than all rows; slices of few rows are not judged."""

    metric: str
    limit: float

    def __str__(self) -> str:
        return f"gap {self.metric} <= {_exact(self.limit)}"

    def judge(self, candidate: Candidate, rival: Candidate | None) -> tuple[bool, str]:
        """Whether no slice is further behind."""
        gaps = [
            (slice_loss(self.metric, float(row["gap"]), row.get("value")), f"{row.get('slice')} ({data})")
            for data, found in candidate.evaluations.items()
            for row in found.get("slices") or ()
            if row.get("metric") == self.metric and row.get("gap") is not None and not row.get("is_small")
        ]
        if not gaps:
            return False, f"{candidate.name} has no slices of {self.metric}: evaluate it with slices"
        worst, name = max(gaps)
        return worst <= self.limit, f"the slice furthest behind is {name}, by {max(worst, 0.0):.4g}"


@dataclass(frozen=True, slots=True)
class Approved:
    """A person has approved it."""

    by: tuple[str, ...] = ()  # one of these; empty: anybody

    def __str__(self) -> str:
        return f"approved by {', '.join(self.by)}" if self.by else "approved"

    def judge(self, candidate: Candidate, rival: Candidate | None) -> tuple[bool, str]:
        """Whether somebody has."""
        told = candidate.approval
        if not told or not told.get("by"):
            return False, "nobody has approved it"
        comment = f": {told['comment']}" if told.get("comment") else ""
        names = {name.strip() for name in told["by"].split(",")}
        if self.by and not names & set(self.by):
            return False, f"{told['by']} may not say{comment}"
        return True, f"approved by {told['by']}{comment}"


def judge(gates: Sequence[Gate | str], candidate: Candidate, rival: Candidate | None) -> list[Verdict]:
    """The verdict of every gate."""
    found = []
    for given in gates:
        gate = parse_gate(given) if isinstance(given, str) else given
        is_met, told = gate.judge(candidate, rival)
        found.append(Verdict(gate=str(gate), is_met=bool(is_met), told=told))
    return found


def parse_gate(text: str) -> Gate:
    """The gate that a text says; see the module.

    Raises:
        OptionError: it says none.
    """
    told = " ".join(text.split())
    if found := re.fullmatch(r"(\S+) (?:is )?no worse(?: than .*)?", told):
        return NoWorse(found[1])
    if found := re.fullmatch(r"approved(?: by (.+))?", told):
        return Approved(tuple(name.strip() for name in (found[1] or "").split(",") if name.strip()))
    if found := re.fullmatch(rf"gap ?\(?(\S+?)\)? ?<= ?({_NUMBER})", told, re.IGNORECASE):
        return Gap(found[1], float(found[2]))
    if found := re.fullmatch(r"latency ?<= ?(\S.*)", told):
        return Latency(duration_s(found[1], "latency"))
    if found := re.fullmatch(r"size ?<= ?(\S.*)", told):
        return Size(size_bytes(found[1], "size"))
    if found := re.fullmatch(rf"([^\s<>=]+) ?(>=|<=|>|<) ?({_NUMBER})", told, re.IGNORECASE):
        return Bound(found[1], found[2], float(found[3]))
    raise OptionError(
        f'{text!r} says no gate; write "accuracy >= 0.9", "accuracy no worse", "latency <= 50ms", "size <= 100MB", '
        '"gap accuracy <= 0.05" or "approved"'
    )


def _exact(number: float) -> str:
    """As short as it can be without being another number: gates are kept as they are written."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def _exact_duration(seconds: float) -> str:
    milliseconds = f"{_exact(seconds * 1e3)}ms"
    try:
        return milliseconds if duration_s(milliseconds) == seconds else repr(seconds)
    except OptionError:  # very small and very large numbers of units are not read; plain seconds are
        return repr(seconds)


def _exact_size(count: int) -> str:
    for unit, size in (
        ("GiB", 1 << 30),
        ("GB", 10**9),
        ("MiB", 1 << 20),
        ("MB", 10**6),
        ("KiB", 1 << 10),
        ("KB", 10**3),
    ):
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return f"{count}B"


def _unmeasured(candidate: Candidate, metric: str) -> str:
    known = ", ".join(list(candidate.metrics)[:8]) or "none"
    return f"{candidate.name} has no metric {metric}; it has {known}"
