"""A run while the engine works on it, and how its records become rows and back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from partita.core.events import Commands
from partita.core.graph import Run, Step
from partita.core.rebuild import StoredStep
from partita.core.records import Demand, Profile
from partita.core.states import Kind, Mark, Need, State
from partita.store.port import RunRow, RunUpdate, StepRow, StepUpdate
from partita.values import Node, pack, unpack

if TYPE_CHECKING:
    from partita.engine.lanes import Lanes
    from partita.engine.run_plans import Planned

__all__ = [
    "Live",
    "environment_of",
    "pack_inputs",
    "pack_profile",
    "profile_from",
    "step_row",
    "step_update",
    "stored_step",
]

_PROFILE_FIELDS = frozenset(field.name for field in fields(Profile))


@dataclass(slots=True)
class Layout:
    """A layout that is arriving."""

    step: int
    attempt: int
    base: int  # global id of its first step
    end: int  # one past its last
    taken: int = 0  # steps taken in so far
    checked: set[int] = field(default_factory=set)  # profiles that were checked for whether anything can run them
    problems: list[dict[str, Any]] = field(default_factory=list)  # why the layout is refused
    profiles: list[int] = field(default_factory=list)  # numbers in the run, by position in the layout


@dataclass(slots=True)
class Live:
    """One run in the engine's memory."""

    run: Run
    row: RunRow  # as it was launched
    options: dict[str, Any]  # the row's options, unpacked
    bundle: str  # folder of its code
    out: Commands = field(default_factory=Commands)  # what the turn asks for
    numbers: list[int] = field(default_factory=list)  # engine-wide number of each of the run's profiles
    known: dict[bytes, int] = field(default_factory=dict)  # the run's profiles by their packed form
    arguments: dict[int, bytes] = field(default_factory=dict)  # of steps that have not started; others are in the store
    places: dict[int, str] = field(default_factory=dict)
    layouts: dict[int, Layout] = field(default_factory=dict)  # by ticket
    backlog: deque[tuple[Any, ...]] = field(default_factory=deque)  # frames and revelations still to be handled
    history: list[int] = field(default_factory=list)  # steps in the order of their changes: what watchers are told
    running: dict[int, int] = field(default_factory=dict)  # ticket by step
    started: dict[int, float] = field(default_factory=dict)  # when the running attempt of a step was handed out
    progress: dict[int, list[Any]] = field(default_factory=dict)
    memory: dict[int, int] = field(default_factory=dict)  # raised requests of steps that ran out of memory, bytes
    evictions: dict[int, int] = field(default_factory=dict)  # how often a step's attempts lost their place
    ranks: dict[int, float] = field(
        default_factory=dict
    )  # seconds from the start of a step to the end, until it is ready
    opened: dict[int, float] = field(default_factory=dict)  # when the layout of a flow's step began
    behind: dict[int, float] = field(default_factory=dict)  # seconds behind the end of a flow's step
    allowed: dict[int, tuple[Lanes, ...]] = field(default_factory=dict)  # executors by the run's number of a profile
    makers: dict[int, str] = field(default_factory=dict)  # executor that made a step's value, where there are several
    notes: dict[str, Any] = field(default_factory=dict)
    planned: Planned | None = None  # how much of its plan is kept; None: nobody has looked yet
    children: set[str] = field(default_factory=set)  # ids of runs that its steps launched
    borrowed: set[str] = field(default_factory=set)  # ids of runs whose values its steps took from the cache
    adoption: Any = None  # what the run that it reruns has to give
    started_at: float | None = None
    ended_at: float | None = None
    finished: int = 0  # steps whose end was counted
    last_served: int = 0  # when a part of its layouts was last taken in, as a count

    @property
    def is_final(self) -> bool:
        return self.ended_at is not None

    def warn(self, message: str) -> None:
        """Note what is to be said about the run; an update of its row keeps it."""
        self.notes.setdefault("warnings", []).append({"message": message, "is_warning": True})

    def update(self) -> RunUpdate:
        error = self.run.root.error if self.run.state != State.SUCCEEDED else None
        notes = pack(self.notes) if self.notes else None
        state = self.run.state if self.is_final else State.RUNNING
        return RunUpdate(state, self.started_at, self.ended_at, error, notes, self.run.number)


def environment_of(profile: Profile) -> str:
    """Where the steps of the profile run: layouts run in the engine's own Python, whatever their tasks ask for."""
    return profile.environment if profile.body == "task" else ""


def pack_profile(profile: Profile) -> bytes:
    return pack(asdict(profile))


def profile_from(data: dict[str, Any]) -> Profile:
    """A Profile from plain data; what this version does not know is left out."""
    known = {name: value for name, value in data.items() if name in _PROFILE_FIELDS}
    known["demand"] = _demand(known.get("demand") or Demand())
    if known.get("elements") is not None:
        known["elements"] = _demand(known["elements"])
    for name in ("tags", "secrets", "parameters"):
        known[name] = tuple(known.get(name) or ())
    return Profile(**known)


def _demand(data: Sequence[Any]) -> Demand:
    cpu, memory_bytes, gpu, slots = data[:4]
    return Demand(cpu, memory_bytes, gpu, tuple((name, count) for name, count in slots))


def pack_inputs(inputs: tuple[Any, ...]) -> bytes | None:
    """Inputs as bytes; the most frequent kind, a whole value, is just its step's id."""
    if not inputs:
        return None
    return pack([s if not path and need == Need.VALUE else [s, list(path), int(need)] for s, path, need in inputs])


def unpack_inputs(data: bytes | None) -> tuple[Any, ...]:
    return tuple(_inputs(unpack(data))) if data else ()


def _inputs(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        yield (item, (), Need.VALUE) if isinstance(item, int) else (item[0], tuple(item[1]), Need(item[2]))


def step_row(run: int, step: Step, arguments: bytes | None, place: str) -> StepRow:
    """A step as it is first written."""
    value = pack(step.alias) if step.alias is not None else None
    return StepRow(
        run, step.id, step.parent, step.name, step.kind, step.profile, arguments, pack_inputs(step.inputs),
        step.fallback_of, place, step.state, value, step.error, step.attempts, step.failures, step.crashes,
        step.due_at, step.finished, step.marks,
    )  # fmt: skip


def step_update(run: int, step: Step, value: bytes | None) -> StepUpdate:
    return StepUpdate(
        step.state, value, step.error, step.attempts, step.failures, step.crashes, step.due_at, step.finished,
        step.marks, run, step.id,
    )  # fmt: skip


def stored_step(row: StepRow) -> StoredStep:
    alias: Node | None = None
    if row.kind == Kind.FLOW and row.marks & Mark.EXPANDED and row.value is not None:
        alias = unpack(row.value)
    policy = unpack(row.arguments) if row.kind == Kind.GATHER and row.arguments else None
    return StoredStep(
        row.id, row.parent, row.name, row.kind, row.profile, unpack_inputs(row.inputs), row.fallback_of, alias, policy,
        row.state, row.error, row.attempts, row.failures, row.crashes, row.due_at, row.finished, row.marks,
    )  # fmt: skip
