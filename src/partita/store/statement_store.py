"""A store whose every operation is a statement with a name: what SQLite's and PostgreSQL's have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from math import nan
from typing import Any

from partita.core.states import Mark
from partita.store.access_statements import AccessStatements
from partita.store.model_statements import ModelStatements
from partita.store.port import (
    AttemptEnd,
    AttemptRow,
    CacheRow,
    EventRow,
    LearnedRow,
    PlanRow,
    ProfileRow,
    ReportRow,
    RunRow,
    StepRow,
    Turn,
    WaitRow,
)
from partita.store.publication_statements import PublicationStatements
from partita.store.secret_statements import SecretStatements
from partita.store.waits import FIRST_WAIT
from partita.values import HASH_HEAD, unpack

__all__ = ["STEP_IDS", "StatementStore"]

#: A step's key is run * STEP_IDS + id.
STEP_IDS = 2**32
_PAGE = 1000
_LAST_KEY = 2**63 - 1

#: What belongs to steps, in the order in which it goes with them.
_OF_STEPS = ("drop_reports", "drop_attempts", "drop_waits", "drop_steps")


class StatementStore(ModelStatements, SecretStatements, AccessStatements, ABC, PublicationStatements):
    """Reads and writes rows by named statements. Who inherits it knows how a statement reaches the database."""

    @abstractmethod
    def _read(self, name: str, *values: Any) -> list[Any]:
        """The rows that a statement gives."""

    @abstractmethod
    def _write_many(self, name: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run a statement once for each row, in the transaction that is open."""

    @abstractmethod
    def _list(self, items: list[Any]) -> Any:
        """A list as a statement takes it."""

    def next_run_number(self) -> int:
        """A number never given before."""
        number: int = self._read("next_run")[0][0]
        return number

    def run(self, run_id: str) -> RunRow | None:
        """A run by its id."""
        return next(iter(self._runs("run", run_id)), None)

    def run_by_number(self, number: int) -> RunRow | None:
        """A run by its number."""
        return next(iter(self._runs("run_by_number", number)), None)

    def runs(
        self, *, flow: str = "", states: Sequence[int] = (), before: int = 0, limit: int = 50, text: str = "",
        since: float = 0.0, until: float = 0.0, is_upwards: bool = False,
    ) -> list[RunRow]:  # fmt: skip
        """Newest first."""
        name = "runs_upwards" if is_upwards else "runs"
        return self._runs(name, flow, self._list([int(state) for state in states]), before, limit, text, since, until)

    def runs_above(self, number: int, *, flow: str = "", states: Sequence[int] = ()) -> dict[str, int]:
        """How many runs have higher numbers, by flow."""
        return dict(self._read("runs_above", number, flow, self._list([int(state) for state in states])))

    def unfinished_runs(self) -> list[RunRow]:
        """Runs whose state is not final, oldest first."""
        return self._runs("unfinished_runs")

    def children(self, run: int) -> list[RunRow]:
        """Runs that steps of this run launched."""
        return self._runs("children", run)

    def profiles(self, run: int) -> list[ProfileRow]:
        """The run's profiles by id."""
        return [ProfileRow(*row) for row in self._read("profiles", run)]

    def steps(self, run: int, *, after: int = -1, limit: int = 500) -> list[StepRow]:
        """A page of a run's steps."""
        return [StepRow(*row) for row in self._read("steps", run, after, limit)]

    def all_steps(self, run: int) -> Iterator[StepRow]:
        """Every step of a run, a page at a time: commits go on between."""
        after = -1
        while page := self.steps(run, after=after, limit=_PAGE):
            yield from page
            after = page[-1].id

    def step(self, run: int, step: int) -> StepRow | None:
        """One step."""
        page = self.steps(run, after=step - 1, limit=1)
        return page[0] if page and page[0].id == step else None

    def values(self, run: int, steps: Sequence[int]) -> dict[int, bytes]:
        """Packed values of steps."""
        if len(steps) == 1:
            rows = self._read("value", run, steps[0])
            return {steps[0]: rows[0][0]} if rows and rows[0][0] is not None else {}
        return dict(self._read("values", run, self._list(list(steps))))

    def arguments(self, run: int, step: int) -> bytes | None:
        """Packed arguments of a step."""
        rows = self._read("arguments", run, step)
        return rows[0][0] if rows else None

    def counts(self, run: int) -> dict[int, int]:
        """Steps by state."""
        return dict(self._read("counts", run))

    def attempts(
        self, run: int, step: int | None = None, *, limit: int = 500
    ) -> list[tuple[AttemptRow, AttemptEnd | None]]:
        """Attempts by step and number, with their ends."""
        rows = self._read("attempts", run, *_range(step), limit)
        return [
            (AttemptRow(*row[:7]), AttemptEnd._make((*row[7:14], *row[:3], row[14])) if row[7] is not None else None)
            for row in rows
        ]

    def open_attempts(self, run: int) -> list[AttemptRow]:
        """Attempts that have not ended."""
        return [AttemptRow(*row) for row in self._read("open_attempts", run)]

    def reports(self, run: int, step: int | None = None, *, limit: int = 10_000) -> list[ReportRow]:
        """Reported numbers by step, in the order in which they came; of more than the limit the last ones."""
        rows = [ReportRow(*row) for row in self._read("reports", run, *_range(step), limit)][::-1]
        # SQLite keeps NaN, which is what a diverged loss is, as null.
        return [row if row.value is not None else row._replace(value=nan) for row in rows]

    def ended(self, run: int, first: int, end: int) -> dict[int, float]:
        """When the last attempts of steps ended."""
        return dict(self._read("ended", run, first, end))

    def durations(self, run: int, first: int, end: int) -> dict[int, float]:
        """How long the attempts of steps took."""
        return dict(self._read("durations", run, first, end))

    def plan(self, run: int) -> list[PlanRow]:
        """What was planned of a run."""
        return [PlanRow(*row) for row in self._read("plan", run)]

    def named_steps(self, run: int, names: Sequence[str]) -> list[StepRow]:
        """Steps by their local names."""
        return [StepRow(*row) for row in self._read("named_steps", run, self._list(list(names)))]

    def chosen_steps(self, run: int, ids: Sequence[int]) -> list[StepRow]:
        """Steps by their ids."""
        return [StepRow(*row) for row in self._read("chosen_steps", run, self._list(list(ids)))]

    def naming(
        self, prefix: str, run: int, step: int, rows: int
    ) -> tuple[list[tuple[int, int]], tuple[int, int] | None]:
        """Steps whose value names a blob."""
        last = self._read("naming_end", run, step, rows)
        end = last[0][0] if last else _LAST_KEY
        found = [(row[0], row[1]) for row in self._read("naming", run, step, HASH_HEAD + prefix.encode(), end)]
        return found, divmod(end, STEP_IDS) if last else None

    def wait(self, run: int, step: int) -> WaitRow | None:
        """What the step waits for."""
        rows = self._read("waits", run, step, step + 1)
        return WaitRow(*rows[0]) if rows else None

    def waits(self, run: int) -> list[WaitRow]:
        """All waits of a run."""
        return [WaitRow(*row) for row in self._read("waits", run, 0, STEP_IDS)]

    def open_waits(
        self, *, kinds: Sequence[str] = (), after: tuple[float, int, int] = FIRST_WAIT, limit: int = 1000
    ) -> list[WaitRow]:
        """Waits of all runs that are not over."""
        wanted = (*kinds, *[kinds[0] if kinds else ""] * 4)[:4]
        return [WaitRow(*row) for row in self._read("open_waits", *after, *wanted, limit)]

    def closed_waits(self, *, before: tuple[int, int] = (0, 0), limit: int = 100) -> list[WaitRow]:
        """What persons were asked that is over."""
        return [WaitRow(*row) for row in self._read("closed_waits", *before, limit)]

    def next_event_number(self) -> int:
        """A number never given before."""
        number: int = self._read("next_event")[0][0]
        return number

    def pending_events(self, run: int) -> list[EventRow]:
        """Events that nobody has taken."""
        return [_event(row) for row in self._read("pending_events", run)]

    def event(self, run: int, id: str) -> EventRow | None:
        """An event by its id."""
        rows = self._read("event", run, id)
        return _event(rows[0]) if rows else None

    def cached(self, key: bytes) -> CacheRow | None:
        """A cached value."""
        rows = self._read("cached", key)
        return CacheRow(*rows[0]) if rows else None

    def cache_entries(self, *, function: str = "", limit: int = 1000) -> list[CacheRow]:
        """Newest first."""
        return [CacheRow(*row) for row in self._read("cache_entries", function, limit)]

    def cache_maker(self, value: bytes) -> str:
        """Id of a run that computed a cached value."""
        rows = self._read("cache_maker", value)
        return str(rows[0][0]) if rows else ""

    def cache_makers(self, run: int) -> list[str]:
        """Ids of the runs that computed what the run took from the cache."""
        return [str(row[0]) for row in self._read("cache_makers", run, int(Mark.CACHED))]

    def learned(self, *, scope: str = "", function: str = "") -> list[LearnedRow]:
        """What was learned, by key."""
        return sorted(LearnedRow(*row) for row in self._read("learned", scope, function))

    def _write(self, turn: Turn) -> None:
        # Named tuples are bound item by item through the slow protocol of sequences: 5 us a step against 2.2.
        many = self._write_many
        if turn.runs:
            many("insert_run", [(*row, _parent(row)) for row in turn.runs])
        if turn.profiles:
            many("insert_profile", map(tuple, turn.profiles))
        if turn.steps:
            many("insert_step", map(tuple, turn.steps))
        if turn.dropped:
            for name in _OF_STEPS:
                many(name, turn.dropped)
        if turn.step_updates:
            many("update_step", map(tuple, turn.step_updates))
        if turn.attempts:
            many("insert_attempt", map(tuple, turn.attempts))
        if turn.attempt_ends:
            many("end_attempt", map(tuple, turn.attempt_ends))
        if turn.reports:
            many("insert_report", map(tuple, turn.reports))
        if turn.run_updates:
            many("update_run", map(tuple, turn.run_updates))
        if turn.plans:
            many("insert_plan", map(tuple, turn.plans))
        if turn.waits or turn.wait_updates or turn.events or turn.event_takes:
            many("insert_wait", map(tuple, turn.waits))
            many("update_wait", map(tuple, turn.wait_updates))
            many("insert_event", [tuple(event[:8]) for event in turn.events])
            many("take_event", turn.event_takes)
        if turn.uncached or turn.cached or turn.cache_hits:
            # By their keys, so that engines that write at once do not wait for each other crosswise.
            many("delete_cached", [(key,) for key in sorted(turn.uncached)])
            many("insert_cached", map(tuple, sorted(turn.cached, key=lambda row: row.key)))
            many("hit_cached", turn.cache_hits)
        if turn.unlearned or turn.learned:
            many("delete_learned", sorted(turn.unlearned))
            many("insert_learned", sorted(map(tuple, turn.learned)))
        if turn.has_registry:
            self._write_registry(turn)
        if turn.has_secrets:
            self._write_secrets(turn)
        if turn.access:
            self._write_access(turn.access)
        if turn.publishing:
            self._write_publishing(turn.publishing)

    def _delete(self, number: int) -> None:
        for name in _OF_STEPS:
            self._write_many(name, [(number, 0, STEP_IDS)])
        for name in (
            "delete_profiles", "delete_events", "delete_model_uses", "delete_published_runs", "delete_plan", "delete_run",
        ):  # fmt: skip
            self._write_many(name, [(number,)])

    def _runs(self, name: str, *values: Any) -> list[RunRow]:
        return [RunRow(*row) for row in self._read(name, *values)]


def _range(step: int | None) -> tuple[int, int]:
    """First id and one past the last."""
    return (0, STEP_IDS) if step is None else (step, step + 1)


def _event(row: tuple[Any, ...]) -> EventRow:
    event = EventRow(*row)
    return event if row[8] is None else event._replace(taken_by=divmod(row[8], STEP_IDS))


def _parent(row: RunRow) -> str | None:
    parent = unpack(row.options).get("parent") if row.options else None
    return parent[0] if parent else None
