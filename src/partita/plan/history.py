"""What attempts have taught: how long each function takes, how much memory it holds, how large its value is.

One `Knowledge` for each function, version and node class, and an `Overview` of each flow and of all there is. Where a step's
own is missing, the next best is asked, and the estimate says which:

    "step"      attempts of this function, version and node class
    "function"  those of another version or node class, the likest and latest of them, spread wider
    "hint"      the option expect= of the task
    "flow"      all steps of the flow
    "all"       all steps
    "nothing"   no attempt has ended yet: a guess

While a step's own attempts are few, the next best of "function" and "hint" counts as half an attempt, or one.

Pure and deterministic; whoever keeps it stores what `take_changed` gives, and gives it back to `load`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import replace
from math import hypot
from operator import eq
from typing import Any, NamedTuple
from zlib import crc32

from partita.plan.durations import BYTES, SECONDS, Estimate, Model, Outline, Scale

__all__ = ["ALL", "FLOW", "TASK", "Expectation", "Attempted", "History", "Knowledge", "Record", "Subject", "place_of"]

TASK, FLOW, ALL = "task", "flow", "all"

#: What another version's or node class's attempts, and a hint, count for beside the step's own.
FUNCTION_WEIGHT, HINT_WEIGHT = 0.5, 1.0
#: From so many attempts of its own on, a step's estimate is its own alone.
OWN_COUNT = 8
#: Standard deviations of logarithms: of what changes with version and node class, of hints, and of what nobody knows.
FUNCTION_WIDTH, HINT_WIDTH, UNKNOWN_WIDTH = 0.35, 0.7, 2.0
#: Guesses where nothing has been learned: a second, a worker's own memory, a small value.
GUESSED_S, GUESSED_MEMORY_BYTES, GUESSED_OUTPUT_BYTES = 1.0, 100e6, 1000.0
#: Gain of the mean number of cores used.
CORES_GAIN = 0.1

Key = tuple[str, str, str]  # function, version, node class
RecordKey = tuple[str, str, str, str]  # scope before these


class Subject(NamedTuple):
    """Of what something is learned or told."""

    function: str  # reference of the task's function; "#name" after it where the task goes by another name
    version: str  # the user's own version of the task
    node: str  # class of the machine
    flow: str  # reference of the flow of the run
    title: str = ""  # the task's name for people
    flow_title: str = ""


class Attempted(NamedTuple):
    """What one attempt that succeeded has shown."""

    input_bytes: float
    duration_s: float
    cpu_s: float
    peak_bytes: float
    output_bytes: float
    ended_at: float  # seconds since the epoch
    place: int = 0  # see `place_of`; 0: it does not matter


def place_of(flow: str, path: str) -> int:
    """Tells the same step of other runs of a flow from its like; 0: it is an element of a map, of which there may be too many.

    Args:
        flow: reference of the flow of the run.
        path: of the step.
    """
    return 0 if path.endswith("]") else crc32(f"{flow}\0{path}".encode("utf-8", "surrogatepass")) or 1


class Expectation(NamedTuple):
    """What an attempt will take."""

    duration: Estimate  # seconds
    memory: Estimate  # bytes
    output: Estimate  # bytes


class Record(NamedTuple):
    """What is stored of one Knowledge or Overview; the first four are its key."""

    scope: str  # TASK, FLOW or ALL
    function: str
    version: str
    node: str
    title: str
    seen: int
    state: list[Any]
    updated_at: float


class Knowledge:
    """What is known of one function, version and node class."""

    __slots__ = ("cores", "duration", "memory", "most_bytes", "output", "seen", "title", "updated_at")

    def __init__(self, title: str) -> None:
        self.title = title
        self.seen = 0
        self.updated_at = 0.0
        self.duration = Model(SECONDS)
        self.memory = Model(BYTES)
        self.output = Model(BYTES)
        self.cores = 0.0  # that an attempt keeps busy, exponentially weighted
        self.most_bytes = 0.0  # the highest peak of memory

    def observe(self, attempted: Attempted) -> None:
        self.seen += 1
        self.updated_at = attempted.ended_at
        self.most_bytes = max(self.most_bytes, attempted.peak_bytes)
        size = attempted.input_bytes
        self.duration.observe(size, attempted.duration_s, attempted.place)
        self.memory.observe(size, attempted.peak_bytes)
        self.output.observe(size, attempted.output_bytes)
        used = attempted.cpu_s / attempted.duration_s if attempted.duration_s > 0 else 0.0
        self.cores += max(CORES_GAIN, 1.0 / self.seen) * (min(used, 1e6) - self.cores)

    def estimate(self, name: str, input_bytes: float, basis: str = "step", place: int = 0) -> Estimate:
        """
        Args:
            name: "duration", "memory" or "output".
        """
        model: Model = getattr(self, name)
        return model.estimate(input_bytes, basis, place)

    def state(self) -> list[Any]:
        return [self.duration.state(), self.memory.state(), self.output.state(), self.cores, self.most_bytes]

    @classmethod
    def of(cls, record: Record) -> Knowledge:
        made = cls(record.title)
        made.seen, made.updated_at = record.seen, record.updated_at
        duration, memory, output, made.cores, made.most_bytes = record.state
        made.duration = Model.of(SECONDS, duration)
        made.memory, made.output = Model.of(BYTES, memory), Model.of(BYTES, output)
        return made


class Overview:
    """What is known of all steps of a flow, or of all."""

    __slots__ = ("duration", "memory", "output", "seen", "title", "updated_at")

    def __init__(self, title: str) -> None:
        self.title = title
        self.seen = 0
        self.updated_at = 0.0
        self.duration, self.memory, self.output = Outline(), Outline(), Outline()

    def observe(self, attempted: Attempted) -> None:
        self.seen += 1
        self.updated_at = attempted.ended_at
        self.duration.observe(SECONDS.log(attempted.duration_s))
        self.memory.observe(BYTES.log(attempted.peak_bytes))
        self.output.observe(BYTES.log(attempted.output_bytes))

    def estimate(self, name: str, basis: str) -> Estimate:
        outline: Outline = getattr(self, name)
        return outline.estimate(SECONDS if name == "duration" else BYTES, basis)

    def state(self) -> list[Any]:
        return [self.duration.state(), self.memory.state(), self.output.state()]

    @classmethod
    def of(cls, record: Record) -> Overview:
        made = cls(record.title)
        made.seen, made.updated_at = record.seen, record.updated_at
        made.duration, made.memory, made.output = map(Outline.of, record.state)
        return made


def _guess(scale: Scale, amount: float, width: float, basis: str) -> Estimate:
    return Estimate(scale, scale.log(amount), width, width, 0, basis)


_UNKNOWN = {
    "duration": _guess(SECONDS, GUESSED_S, UNKNOWN_WIDTH, "nothing"),
    "memory": _guess(BYTES, GUESSED_MEMORY_BYTES, UNKNOWN_WIDTH, "nothing"),
    "output": _guess(BYTES, GUESSED_OUTPUT_BYTES, UNKNOWN_WIDTH, "nothing"),
}


class History:
    """All that attempts have taught."""

    def __init__(self) -> None:
        self._tasks: dict[Key, Knowledge] = {}
        self._of_function: dict[str, list[Key]] = {}
        self._overviews: dict[tuple[str, str], Overview] = {}  # by scope and flow
        self._changed: dict[RecordKey, list[Attempted]] = {}  # since they were stored, by record key
        self._stored: dict[RecordKey, tuple[int, float]] = {}  # seen and updated_at as stored

    def observe(self, subject: Subject, attempted: Attempted, *, is_step: bool = True) -> None:
        """Learn from an attempt that succeeded.

        Args:
            is_step: it is one of the flow's steps, and counts as such; else it is a whole flow.

        Raises:
            ValueError: an amount is no finite number of 0 or more.
        """
        if not all(0 <= amount < float("inf") for amount in attempted[:-1]):
            raise ValueError(f"an attempt cannot have taken {attempted}; amounts are finite numbers of 0 or more")
        key = subject[:3]
        known = self._tasks.get(key) or self._add(key, Knowledge(subject.title))
        self._changed.setdefault((TASK, *key), []).append(attempted)
        known.observe(attempted)
        if not is_step:
            return
        for scope, flow, title in ((FLOW, subject.flow, subject.flow_title), (ALL, "", "")):
            overview = self._overviews.get((scope, flow)) or self._overviews.setdefault((scope, flow), Overview(title))
            overview.observe(attempted)
            self._changed.setdefault((scope, flow, "", ""), []).append(attempted)

    def _add(self, key: Key, known: Knowledge) -> Knowledge:
        self._tasks[key] = known
        self._of_function.setdefault(_reference(key[0]), []).append(key)
        return known

    def expect(self, subject: Subject, input_bytes: float, hint_s: float | None = None, place: int = 0) -> Expectation:
        """What an attempt will take.

        Args:
            input_bytes: size of its arguments and inputs.
            hint_s: what the task's option expect= says, in seconds.
            place: of its step, see `place_of`; 0: any.
        """
        return Expectation(*(self._estimate(name, subject, input_bytes, hint_s, place) for name in Expectation._fields))

    def own(self, subject: Subject) -> Knowledge | None:
        """What is known of exactly this function, version and node class."""
        return self._tasks.get(subject[:3])

    def usual_bytes(self, subject: Subject) -> float:
        """The size of a usual input; of another version or node class where there is none of its own; else 0."""
        keys = [subject[:3], *self._of_function.get(_reference(subject.function), ())]
        return next((self._tasks[key].duration.typical_bytes for key in keys if key in self._tasks), 0.0)

    def duration(self, subject: Subject, input_bytes: float, hint_s: float | None = None, place: int = 0) -> Estimate:
        """How many seconds an attempt will take; as `expect`, which costs three times as much."""
        return self._estimate("duration", subject, input_bytes, hint_s, place)

    def _estimate(self, name: str, subject: Subject, input_bytes: float, hint_s: float | None, place: int) -> Estimate:
        own = self._tasks.get(subject[:3])
        if own is not None and own.seen >= OWN_COUNT:
            return own.estimate(name, input_bytes, "step", place)
        other, weight = self._of_others(name, subject, input_bytes), FUNCTION_WEIGHT
        if other is None and hint_s is not None and name == "duration":
            other, weight = _guess(SECONDS, hint_s, HINT_WIDTH, "hint"), HINT_WEIGHT
        if own is None:
            return other or self._of_flow(name, subject.flow)
        found = own.estimate(name, input_bytes, "step", place)
        return _mixed(found, other, weight) if other is not None else found

    def _of_others(self, name: str, subject: Subject, input_bytes: float) -> Estimate | None:
        """By another version or node class of the function."""
        own = subject[:3]
        others = [key for key in self._of_function.get(_reference(subject.function), ()) if key != own]
        if not others:
            return None
        best = max(others, key=lambda key: (*map(eq, key, own), self._tasks[key].updated_at, key))
        return _wider(self._tasks[best].estimate(name, input_bytes, "function"))

    def _of_flow(self, name: str, flow: str) -> Estimate:
        for scope, of in ((FLOW, flow), (ALL, "")):
            overview = self._overviews.get((scope, of))
            if overview is not None:
                return overview.estimate(name, scope)
        return _UNKNOWN[name]

    def known(self) -> Iterator[tuple[Key, Knowledge]]:
        """What is known of each function, version and node class, by these."""
        yield from sorted(self._tasks.items())

    def forget(self, function: str) -> None:
        """Drop what is known of a function."""
        for key in [key for key in self._of_function.get(_reference(function), ()) if key[0] == function]:
            self._drop(key)
            self._stored.pop((TASK, *key), None)

    def _drop(self, key: Key) -> None:
        self._of_function[_reference(key[0])].remove(key)
        del self._tasks[key]
        self._changed.pop((TASK, *key), None)

    # What is kept of it.

    @property
    def changed(self) -> set[tuple[str, str]]:
        """Scopes and functions of what has been learned since `take_changed`."""
        return {key[:2] for key in self._changed}

    def take_changed(self) -> list[Record]:
        """What is to be stored."""
        records = [self._record(*key) for key in self._changed]
        self._changed.clear()
        self._stored.update((record[:4], (record.seen, record.updated_at)) for record in records)
        return records

    def _record(self, scope: str, function: str, version: str, node: str) -> Record:
        known = self._tasks[function, version, node] if scope == TASK else self._overviews[scope, function]
        return Record(scope, function, version, node, known.title, known.seen, known.state(), known.updated_at)

    def forget_others(self, stored: Container[RecordKey], scope: str = "", function: str = "") -> None:
        """Drop what was stored once and is not any more; what was learned here since is learned anew.

        Args:
            stored: the keys of what is there, of this scope and function (empty: of all).
        """
        of = (scope, function) if scope else ()
        for key in [key for key in self._stored if key[: len(of)] == of and key not in stored]:
            del self._stored[key]
            fresh = (
                Knowledge(self._tasks[key[1:]].title) if key[0] == TASK else Overview(self._overviews[key[:2]].title)
            )
            for attempted in self._changed.get(key, ()):
                fresh.observe(attempted)
            self._replace(key, fresh)

    def load(self, records: Iterable[Record]) -> None:
        """Take in what was stored. Where others have stored since, theirs is taken, and what was learned here added to it."""
        for record in records:
            key = record[:4]
            stamp = (record.seen, record.updated_at)
            if self._stored.get(key) == stamp:
                continue
            known = Knowledge.of(record) if record.scope == TASK else Overview.of(record)
            self._stored[key] = stamp
            for attempted in self._changed.get(key, ()):
                known.observe(attempted)
            self._replace(key, known)

    def _replace(self, key: RecordKey, known: Knowledge | Overview) -> None:
        if isinstance(known, Overview):
            if known.seen:
                self._overviews[key[:2]] = known
            else:
                del self._overviews[key[:2]]
        elif not known.seen:
            self._drop(key[1:])
        elif key[1:] in self._tasks:
            self._tasks[key[1:]] = known
        else:
            self._add(key[1:], known)


def _reference(function: str) -> str:
    return function.partition("#")[0]


def _mixed(own: Estimate, other: Estimate, weight: float) -> Estimate:
    """The own estimate, drawn towards another one that counts for so many attempts."""
    share = own.count / (own.count + weight)
    centre = share * own.centre + (1.0 - share) * other.centre
    return replace(own, centre=centre)


def _wider(estimate: Estimate) -> Estimate:
    return replace(estimate, low=hypot(estimate.low, FUNCTION_WIDTH), high=hypot(estimate.high, FUNCTION_WIDTH))
