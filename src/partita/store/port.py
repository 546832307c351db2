"""The port of stores: where the state of runs lies.

Laws, held by the contract suite in `partita.testing`:

1. `commit` is atomic: after a crash at any moment, all of a turn is there or nothing of it.
2. What `commit` has returned from survives the death of this process; with durability "full", that of the machine.
3. `commit` refuses a turn (FencedError) when the engine's lease was taken since; then nothing is written. A store has one
   lease, which whoever acquires takes; or, with `peers`, one for each engine, which who acquires at the same place takes.
4. What is read back is what was written, byte for byte.
5. A page is in the order of its key, and holds at most what was asked for.
6. Opening brings an older schema up to date (keeping a copy), and refuses a newer one with NewerStoreError; a file
   system where the promises fail with UnsafeStoreError; a damaged file with StoreError naming it.
7. A commit that fails otherwise (a full disk) raises StoreError, has written nothing, and may be tried again.

Rows are named tuples, whole when they are inserted; updates name the columns that can change. A step's key is
(run, id), an attempt's (run, step, number). Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from partita.store.access import AccessStore, AccessTurn
from partita.store.models import (
    EvaluationRow,
    ModelRow,
    ModelStore,
    ModelUseRow,
    MoveRow,
    VersionRow,
    VersionUpdate,
)
from partita.store.peers import Peers
from partita.store.publications import PublicationStore, Publishing
from partita.store.secrets import SecretRow, SecretSealing, SecretStore
from partita.store.waits import WaitRow, WaitStore, WaitUpdate

__all__ = [
    "AttemptEnd", "AttemptRow", "CacheRow", "EventRow", "LearnedRow", "PlanRow", "ProfileRow", "ReportRow", "RunRow", "RunUpdate",
    "StepRow", "StepUpdate", "Store", "Turn", "WaitRow", "WaitUpdate",
]  # fmt: skip


class RunRow(NamedTuple):
    """One run."""

    number: int  # small integer key, given by the engine, increasing
    id: str  # for people: sortable by time, unique
    flow: str  # function reference of the flow
    title: str  # the flow's name
    state: int  # a State
    bundle: str  # hash of the code that the run keeps
    inputs: bytes  # packed [nodes, names, nodes], or texts; what the user gave
    options: bytes  # packed map: executor, tags, adopt (run id that this one reruns), parent (run, step, key), ...
    created_at: float
    started_at: float | None
    ended_at: float | None
    error: bytes | None  # packed error map, when it did not succeed
    notes: bytes | None  # packed map of what is to be said about it: vanished steps, warnings


class RunUpdate(NamedTuple):
    """What changes in a run."""

    state: int
    started_at: float | None
    ended_at: float | None
    error: bytes | None
    notes: bytes | None
    number: int


class ProfileRow(NamedTuple):
    """A Profile of a run."""

    run: int
    id: int  # position in the run
    packed: bytes  # packed map of the Profile's fields


class StepRow(NamedTuple):
    """One step, as a layout made it."""

    run: int
    id: int
    parent: int  # -1: the root
    name: str
    kind: int  # a Kind
    profile: int  # id of its ProfileRow, -1: none
    arguments: bytes | None
    inputs: bytes | None  # packed list of [step, path, need], global ids
    fallback_of: int  # id of the step whose failure makes this one run, -1: none
    place: str  # "file.py:12"
    state: int
    value: bytes | None  # packed node
    error: bytes | None  # packed error map
    attempts: int  # number of the last attempt
    failures: int  # attempts that the user's code failed
    crashes: int  # attempts that the machinery failed
    due_at: float | None  # when a waiting step goes on
    finished: int  # its place in the order in which the run's steps ended, 0: has not ended
    marks: int  # bits of Mark


class StepUpdate(NamedTuple):
    """What changes in a step; the last two are its key. A value or error of None leaves what is there."""

    state: int
    value: bytes | None
    error: bytes | None
    attempts: int
    failures: int
    crashes: int
    due_at: float | None
    finished: int
    marks: int
    run: int
    id: int


class AttemptRow(NamedTuple):
    """One attempt as it starts. The number of an attempt that never began ("returned") is given again: it replaces."""

    run: int
    step: int
    number: int
    executor: str
    started_at: float
    node: str = ""  # class of the machine that it runs on
    input_bytes: int = 0  # size of its arguments and inputs


class AttemptEnd(NamedTuple):
    """How an attempt ended; run, step and number are its key."""

    outcome: str  # one of ATTEMPT_OUTCOMES
    started_at: float  # as the worker saw it, where it did
    ended_at: float
    cpu_s: float
    peak_bytes: int
    error: bytes | None  # packed error map
    log: str  # "segment:start:end", or empty
    run: int
    step: int
    number: int
    output_bytes: int = 0  # size of its value


class ReportRow(NamedTuple):
    """A number that a step reported with `report(name, value, step)`."""

    run: int
    step: int
    attempt: int
    name: str
    value: float
    at_step: int  # the user's own counter: epoch, iteration
    reported_at: float


class EventRow(NamedTuple):
    """Something that was sent to a run."""

    number: int  # given by the store, in the order of sending
    run: int  # 0: for whichever run waits for it
    name: str
    key: str | None
    id: str  # a second event with it is the same one
    data: bytes  # packed node
    sender: str
    sent_at: float
    taken_by: tuple[int, int] | None  # (run, step) that got it


class CacheRow(NamedTuple):
    """A step's value, by what it was made from."""

    key: bytes  # hash of the code, the environment and the inputs
    function: str
    title: str
    run: str  # id of the run that computed it
    step: int
    value: bytes  # packed node
    parts: bytes  # packed map of what the key was made of
    created_at: float
    expires_at: float | None
    hits: int
    hit_at: float | None


class PlanRow(NamedTuple):
    """A part of what was planned of a run; the first two fields are its key."""

    run: int
    part: int  # 0: how the estimate of its finish went; from 1 on steps, as they were laid out
    packed: bytes


class LearnedRow(NamedTuple):
    """What attempts have taught about a function, a flow or all there is; it stays when their runs are deleted."""

    scope: str  # "task", "flow" or "all"
    function: str  # reference of the task's function, or of the flow; empty: all
    version: str  # the user's own version of the task
    node: str  # class of the machines that the attempts ran on
    title: str  # its name for people
    seen: int  # how many attempts it rests on
    state: bytes  # packed state of the models
    updated_at: float  # when the last of them ended


@dataclass(slots=True)
class Turn:
    """All that one turn of the engine writes, in one transaction, in the order of the fields."""

    runs: list[RunRow] = field(default_factory=list)
    profiles: list[ProfileRow] = field(default_factory=list)
    steps: list[StepRow] = field(default_factory=list)
    dropped: list[tuple[int, int, int]] = field(default_factory=list)  # (run, first id, end id) of steps to delete
    step_updates: list[StepUpdate] = field(default_factory=list)
    attempts: list[AttemptRow] = field(default_factory=list)
    attempt_ends: list[AttemptEnd] = field(default_factory=list)
    reports: list[ReportRow] = field(default_factory=list)
    run_updates: list[RunUpdate] = field(default_factory=list)
    plans: list[PlanRow] = field(default_factory=list)  # what is there of the same key is replaced
    waits: list[WaitRow] = field(default_factory=list)
    wait_updates: list[WaitUpdate] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    event_takes: list[tuple[int, int, int]] = field(default_factory=list)  # (run, step, number of the event)
    uncached: list[bytes] = field(default_factory=list)  # keys to be forgotten
    cached: list[CacheRow] = field(default_factory=list)  # what is there of the same key is replaced
    cache_hits: list[tuple[float, bytes]] = field(default_factory=list)  # (time, key)
    unlearned: list[tuple[str, str]] = field(default_factory=list)  # (scope, function) to be forgotten
    learned: list[LearnedRow] = field(
        default_factory=list
    )  # the first four fields are the key; what is there is replaced
    models: list[ModelRow] = field(default_factory=list)  # what is there of the same name is replaced
    versions: list[VersionRow] = field(default_factory=list)
    version_updates: list[VersionUpdate] = field(default_factory=list)
    moves: list[MoveRow] = field(default_factory=list)  # one whose `before` and `after` differ moves the alias
    unversioned: list[tuple[str, int]] = field(default_factory=list)  # (model, number) of versions to be forgotten
    evaluations: list[EvaluationRow] = field(default_factory=list)  # the first three fields are the key
    model_uses: list[ModelUseRow] = field(default_factory=list)  # the first four fields are the key
    unsecreted: list[str] = field(default_factory=list)  # names of secrets to be forgotten
    secrets: list[SecretRow] = field(default_factory=list)  # an earlier version of the same name is replaced
    sealings: list[SecretSealing] = field(default_factory=list)  # of a version that is not there any more: nothing
    access: AccessTurn = field(default_factory=AccessTurn)
    publishing: Publishing = field(default_factory=Publishing)

    def is_empty(self) -> bool:
        return not (
            self.steps or self.step_updates or self.attempts or self.attempt_ends or self.runs or self.run_updates
            or self.profiles or self.plans or self.dropped or self.reports or self.waits or self.wait_updates or self.events
            or self.event_takes or self.uncached or self.cached or self.cache_hits or self.unlearned or self.learned
            or self.has_registry or self.has_secrets or self.access
            or self.has_registry or self.publishing
        )  # fmt: skip

    @property
    def has_registry(self) -> bool:
        """Whether there is anything of the model registry."""
        return bool(
            self.models or self.versions or self.version_updates or self.unversioned or self.evaluations
            or self.moves or self.model_uses
        )  # fmt: skip

    @property
    def has_secrets(self) -> bool:
        """Whether there is anything of secrets."""
        return bool(self.unsecreted or self.secrets or self.sealings)


class Store(ModelStore, AccessStore, WaitStore, SecretStore, PublicationStore, Protocol):
    """Keeps runs."""

    def acquire(self, owner: str, *, place: str = "", key: str = "", lease_s: float = 15.0, works: bool = True) -> int:
        """Take a lease: from now on this engine may commit, and who had it before may not. Gives a number that grows.

        With it go the unfinished runs of whoever had it, and of engines that have ended.

        Args:
            owner: "host:pid", for people.
            place: names the folder of the engine's state; two engines never work in one at once.
            key: fingerprint of the key with which its workers sign.
            lease_s: seconds after its last sign of life at which another engine may take it.
            works: False: it works on no runs, and takes none; only where `peers` are known.

        Raises:
            StoreError: the runs here were made with another key.
        """
        ...

    def release(self) -> None:
        """Give the lease back: other engines may take the runs at once."""
        ...

    def peers(self) -> Peers | None:
        """The other engines that work here; None: in this store one engine works at a time."""
        ...

    def owned_runs(self) -> list[RunRow]:
        """Runs of this engine whose state is not final, oldest first."""
        ...

    def commit(self, turn: Turn) -> None:
        """Write a whole turn, or nothing of it.

        Moves of aliases are taken one after the other, and those of one model never beside another engine's; those of the
        stages of flows likewise.

        Raises:
            StaleMoveError: an alias does not name what it was moved from, or was moved under a later id, or a version that is
                moved to is not there, or one is to be forgotten that an alias names; likewise of a stage and a publication.
                It is refused as often as it is tried.
        """
        ...

    def next_run_number(self) -> int:
        """A run number never given before."""
        ...

    def run(self, run_id: str) -> RunRow | None:
        """A run by its id."""
        ...

    def run_by_number(self, number: int) -> RunRow | None: ...

    def runs(
        self, *, flow: str = "", states: Sequence[int] = (), before: int = 0, limit: int = 50, text: str = "",
        since: float = 0.0, until: float = 0.0, is_upwards: bool = False,
    ) -> list[RunRow]:  # fmt: skip
        """Newest first, or with `is_upwards` oldest first; `before` is the number after which to go on (0: from the first).

        `flow` is its reference or title; `text` is a part of its title, id or reference, in letters of any size; they were made
        at `since` or later, and before `until` (0: whenever).
        """
        ...

    def runs_above(self, number: int, *, flow: str = "", states: Sequence[int] = ()) -> dict[str, int]:
        """How many runs have higher numbers, by flow, of those that `runs` gives for this flow and these states."""
        ...

    def unfinished_runs(self) -> list[RunRow]:
        """Runs of any engine whose state is not final, oldest first."""
        ...

    def children(self, run: int) -> list[RunRow]:
        """Runs that steps of this run launched (their options' "parent")."""
        ...

    def profiles(self, run: int) -> list[ProfileRow]: ...

    def steps(self, run: int, *, after: int = -1, limit: int = 500) -> list[StepRow]:
        """A page of a run's steps with ids above `after`."""
        ...

    def all_steps(self, run: int) -> Iterator[StepRow]:
        """Every step of a run by id, without holding them all: for recovery."""
        ...

    def step(self, run: int, step: int) -> StepRow | None: ...

    def values(self, run: int, steps: Sequence[int]) -> dict[int, bytes]:
        """Packed values of steps; any number of them; those without one are left out."""
        ...

    def arguments(self, run: int, step: int) -> bytes | None: ...

    def counts(self, run: int) -> dict[int, int]:
        """How many steps of the run are in each state."""
        ...

    def attempts(
        self, run: int, step: int | None = None, *, limit: int = 500
    ) -> list[tuple[AttemptRow, AttemptEnd | None]]: ...

    def open_attempts(self, run: int) -> list[AttemptRow]:
        """Attempts that have started and not ended."""
        ...

    def reports(self, run: int, step: int | None = None, *, limit: int = 10_000) -> list[ReportRow]:
        """Reported numbers by step, in the order in which they came; of more than the limit the last ones."""
        ...

    def ended(self, run: int, first: int, end: int) -> dict[int, float]:
        """When the last attempt of steps from `first` up to before `end` ended, by step."""
        ...

    def durations(self, run: int, first: int, end: int) -> dict[int, float]:
        """Seconds that the attempts of steps from `first` up to before `end` took together, by step; of ended ones."""
        ...

    def plan(self, run: int) -> list[PlanRow]:
        """What was planned of the run, part by part."""
        ...

    def named_steps(self, run: int, names: Sequence[str]) -> list[StepRow]:
        """The run's steps with one of these local names, by id."""
        ...

    def chosen_steps(self, run: int, ids: Sequence[int]) -> list[StepRow]:
        """The run's steps with these ids, by id, each once; those that are not there are left out."""
        ...

    def naming(
        self, prefix: str, run: int, step: int, rows: int
    ) -> tuple[list[tuple[int, int]], tuple[int, int] | None]:
        """Steps whose value holds a text of 64 characters that begins so: (run, id) each.

        Looks at so many rows after (run, step), by run and id; with the place to go on from, None: that was all.
        """
        ...

    def next_event_number(self) -> int:
        """A number never given before, increasing."""
        ...

    def pending_events(self, run: int) -> list[EventRow]:
        """Events sent to the run (0: to any) that nobody has taken, in the order of sending."""
        ...

    def event(self, run: int, id: str) -> EventRow | None:
        """An event sent to the run (0: to any) by its id."""
        ...

    def cached(self, key: bytes) -> CacheRow | None: ...

    def cache_entries(self, *, function: str = "", limit: int = 1000) -> list[CacheRow]:
        """Newest first; `function` is a reference or title, empty: all."""
        ...

    def cache_maker(self, value: bytes) -> str:
        """Id of a run that computed a cached value, by the value as it is packed; empty: it is not cached."""
        ...

    def cache_makers(self, run: int) -> list[str]:
        """Ids of the runs that computed what steps of the run took from the cache."""
        ...

    def learned(self, *, scope: str = "", function: str = "") -> list[LearnedRow]:
        """What was learned, of one scope or all (empty), of one function or all (empty), by key."""
        ...

    def delete_run(self, number: int) -> None:
        """Forget a finished run with all that belongs to it; what it taught stays."""
        ...

    def close(self) -> None: ...
