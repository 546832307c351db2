"""What a task should ask for, and what would make a flow faster: read off what its attempts have taken.

Each finding has its numbers with it, so that whoever reads it can judge; nothing is proposed on fewer than `ENOUGH` attempts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, NamedTuple

__all__ = ["ENOUGH", "Advice", "Attempt", "Taken", "repeats", "requests"]

#: Attempts on which a proposal rests, at least.
ENOUGH = 3
#: Attempts that took less say nothing about cores: starting up is most of them.
_LONG_S = 1.0
#: A core more than are kept busy is not worth a word, and neither is memory below these.
_CORES_APART, _MEMORY_APART_BYTES = 0.75, 128 * 2**20
#: What is left above the highest peak, and to what memory is rounded.
_MARGIN, _STEP_BYTES = 1.25, 64 * 2**20
#: Seconds in all that a cache has to save.
_WORTH_S = 1.0


class Attempt(NamedTuple):
    """What one attempt that succeeded has taken."""

    seconds: float
    cpu_s: float
    peak_bytes: float


@dataclass(slots=True)
class Taken:
    """One task: what it asks for, and what its attempts have taken."""

    task: str  # its name
    cpu: float  # cores that it asks for
    memory_bytes: float  # that it asks for; 0: it does not say
    is_cached: bool
    executor: str = ""  # where it runs; empty: on the default one
    attempts: list[Attempt] = field(default_factory=list)
    #: (code, place in the flow, inputs of the run) -> hash of the value and seconds, of each run.
    values: dict[tuple[str, str, str], list[tuple[str, float]]] = field(default_factory=dict)


class Advice(NamedTuple):
    """A proposal."""

    kind: str  # "cpu", "memory", "cache", "split" or "executor"
    task: str
    finding: str  # what was seen, with the numbers
    proposal: str  # what to do
    option: dict[str, Any]  # the options that would do it, by name; empty: it takes another design


def requests(taken: Taken) -> Iterator[Advice]:
    """Cores and memory by what attempts kept busy and held."""
    yield from _cores(taken)
    yield from _memory(taken)


def _cores(taken: Taken) -> Iterator[Advice]:
    busy = [attempt.cpu_s / attempt.seconds for attempt in taken.attempts if attempt.seconds >= _LONG_S]
    if len(busy) < ENOUGH:
        return
    most = max(busy)
    needed = max(1, ceil(most - 0.25))  # a quarter of a core is what surrounds the work
    told = f"{len(busy):,} attempts kept {_mean(busy):.1f} cores busy, {most:.1f} at most"
    if taken.cpu - needed >= _CORES_APART:
        yield Advice(
            "cpu", taken.task, f"asks for {taken.cpu:g} cores; {told}",
            f"ask for {needed}: others find room beside it", {"cpu": needed},
        )  # fmt: skip
    elif needed - taken.cpu >= _CORES_APART and _mean(busy) - taken.cpu >= _CORES_APART:
        yield Advice(
            "cpu", taken.task, f"asks for {taken.cpu:g} core{'s' * (taken.cpu != 1)}; {told}",
            f"ask for {needed}: it is slowed down, and slows others down, where more runs beside it", {"cpu": needed},
        )  # fmt: skip


def _memory(taken: Taken) -> Iterator[Advice]:
    peaks = [attempt.peak_bytes for attempt in taken.attempts if attempt.peak_bytes > 0]
    if len(peaks) < ENOUGH:
        return
    most = max(peaks)
    needed = ceil(most * _MARGIN / _STEP_BYTES) * _STEP_BYTES
    told = f"{len(peaks):,} attempts held {_size(_mean(peaks))}, {_size(most)} at most"
    option = {"memory": _size(needed).replace(" ", "")}
    if not taken.memory_bytes:
        if most >= 2 * _MEMORY_APART_BYTES:
            yield Advice(
                "memory", taken.task, f"does not say what memory it needs; {told}",
                f"ask for {_size(needed)}: no more of them run at once than the machine can hold", option,
            )  # fmt: skip
    elif taken.memory_bytes - needed >= max(_MEMORY_APART_BYTES, taken.memory_bytes / 4):
        yield Advice(
            "memory", taken.task, f"asks for {_size(taken.memory_bytes)}; {told}",
            f"ask for {_size(needed)}: more find room beside it", option,
        )  # fmt: skip
    elif taken.memory_bytes < most * 1.05:
        yield Advice(
            "memory", taken.task, f"asks for {_size(taken.memory_bytes)}; {told}",
            f"ask for {_size(needed)}: a little more, and it is ended", option,
        )  # fmt: skip


def repeats(taken: Taken) -> Iterator[Advice]:
    """A cache, where equal steps of several runs gave equal values."""
    if taken.is_cached:
        return
    again = saved_s = 0.0
    for seen in taken.values.values():
        if len({value for value, _ in seen}) > 1:
            return  # what gives another value each time is not to be cached
        again += len(seen) - 1
        saved_s += sum(seconds for _, seconds in seen[1:])
    if again >= 1 and saved_s >= _WORTH_S:
        yield Advice(
            "cache", taken.task,
            f"{again:.0f} steps gave what equal steps of earlier runs gave (same code, same inputs of the run), and took "
            f"{saved_s:.1f} s",
            "cache it: @task(cache=True)", {"cache": True},
        )  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _size(size_bytes: float) -> str:
    for unit, power in (("GiB", 30), ("MiB", 20)):
        if size_bytes >= 2**power:
            amount = size_bytes / 2**power
            return f"{amount:.0f} {unit}" if abs(amount - round(amount)) < 0.05 else f"{amount:.1f} {unit}"
    return f"{size_bytes / 1024:.0f} KiB"
