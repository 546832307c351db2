"""A store in plain dicts, as fast as it gets: for simulations and for workspaces that live as long as a test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from partita.core.states import ATTEMPT_OUTCOMES, FINAL, WAIT_OUTCOMES, Mark
from partita.errors import FencedError, StoreError
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
    RunUpdate,
    StepRow,
    StepUpdate,
    Turn,
    WaitRow,
)
from partita.store.waits import FIRST_WAIT
from partita.testing.memory_access import AccessShelf, MemoryAccess
from partita.testing.memory_models import MemoryModels, ModelShelf
from partita.testing.memory_publications import MemoryPublications, PublicationShelf
from partita.testing.memory_secrets import MemorySecrets, SecretShelf
from partita.testing.memory_shelves import Shared, Shelf
from partita.values import HASH_HEAD, unpack

__all__ = ["MemoryStore"]


class MemoryStore(MemoryModels, MemorySecrets, MemoryAccess, MemoryPublications):
    """A `Store` in memory. `again()` opens the same rows a second time, as another engine or a restart would."""

    def __init__(self) -> None:
        self._shared = Shared()
        self._epoch: int | None = None

    def again(self) -> MemoryStore:
        """Another store over the same rows, without the lease."""
        other = MemoryStore()
        other._shared = self._shared
        return other

    @property
    def _registry(self) -> ModelShelf:
        return self._shared.registry

    @property
    def _secrets(self) -> SecretShelf:
        return self._shared.secrets

    @property
    def _access(self) -> AccessShelf:
        return self._shared.access

    @property
    def _published(self) -> PublicationShelf:
        return self._shared.published

    def acquire(self, owner: str, *, place: str = "", key: str = "", lease_s: float = 15.0, works: bool = True) -> int:
        """Take the lease, whoever has it; the fencing epoch."""
        self._shared.epoch += 1
        self._shared.owner = owner
        self._epoch = self._shared.epoch
        return self._epoch

    def release(self) -> None:
        """Nobody waits for the lease."""

    def peers(self) -> None:
        """One engine works here at a time."""

    def owned_runs(self) -> list[RunRow]:
        """Runs whose state is not final, oldest first."""
        return self.unfinished_runs()

    def commit(self, turn: Turn) -> None:
        """Write the turn.

        Raises:
            FencedError: another store over these rows has the lease.
            StoreError: a key is there already; nothing was written.
        """
        self._fence()
        self._refuse_known(turn)
        for run in turn.runs:
            self._shared.shelves[run.number] = Shelf(run)
            self._shared.numbers[run.id] = run.number
        for profile in turn.profiles:
            self._shelf(profile.run).profiles[profile.id] = profile
        for step in turn.steps:
            self._shelf(step.run).steps[step.id] = step
        for run_number, first, end in turn.dropped:
            self._drop(self._shelf(run_number), first, end)
        for update in turn.step_updates:
            self._update(update)
        self._write_attempts(turn)
        for report in turn.reports:
            self._shelf(report.run).reports.setdefault(report.step, []).append(report)
        for run_update in turn.run_updates:
            self._update_run(run_update)
        for plan in turn.plans:
            self._shelf(plan.run).plans[plan.part] = plan
        self._write_waits(turn)
        self._write_cache(turn)
        self._write_learned(turn)
        self._write_registry(turn)
        self._write_secrets(turn)
        self._write_access(turn.access)
        self._write_publishing(turn)

    def next_run_number(self) -> int:
        """A number never given before."""
        shared = self._shared
        shared.last_number = max(shared.last_number, max(shared.shelves, default=0)) + 1
        return shared.last_number

    def run(self, run_id: str) -> RunRow | None:
        """A run by its id."""
        number = self._shared.numbers.get(run_id)
        return self._shared.shelves[number].row if number is not None else None

    def run_by_number(self, number: int) -> RunRow | None:
        """A run by its number."""
        shelf = self._shared.shelves.get(number)
        return shelf.row if shelf is not None else None

    def runs(
        self, *, flow: str = "", states: Sequence[int] = (), before: int = 0, limit: int = 50, text: str = "",
        since: float = 0.0, until: float = 0.0, is_upwards: bool = False,
    ) -> list[RunRow]:  # fmt: skip
        """Newest first."""
        found = (
            row
            for number, row in sorted(
                ((n, shelf.row) for n, shelf in self._shared.shelves.items()), reverse=not is_upwards
            )
            if (not flow or flow in (row.flow, row.title))
            and (not states or row.state in states)
            and (not before or (number > before if is_upwards else number < before))
            and text.lower() in f"{row.title} {row.id} {row.flow}".lower()
            and row.created_at >= since
            and (not until or row.created_at < until)
        )
        return list(islice(found, limit))

    def runs_above(self, number: int, *, flow: str = "", states: Sequence[int] = ()) -> dict[str, int]:
        """How many runs have higher numbers, by flow."""
        rows = self.runs(
            flow=flow, states=states, before=max(number, 0), limit=len(self._shared.shelves), is_upwards=True
        )
        return dict(Counter(row.flow for row in rows))

    def unfinished_runs(self) -> list[RunRow]:
        """Runs whose state is not final, oldest first."""
        shelves = self._shared.shelves
        return [shelves[number].row for number in sorted(shelves) if shelves[number].row.state not in FINAL]

    def children(self, run: int) -> list[RunRow]:
        """Runs that steps of this run launched."""
        parent = self.run_by_number(run)
        rows = (self._shared.shelves[number].row for number in sorted(self._shared.shelves))
        return [row for row in rows if parent is not None and _parent(row) == parent.id]

    def profiles(self, run: int) -> list[ProfileRow]:
        """The run's profiles by id."""
        profiles = self._shelf(run).profiles
        return [profiles[number] for number in sorted(profiles)]

    def steps(self, run: int, *, after: int = -1, limit: int = 500) -> list[StepRow]:
        """A page of a run's steps."""
        steps = self._shelf(run).steps
        return [steps[number] for number in islice((n for n in sorted(steps) if n > after), limit)]

    def all_steps(self, run: int) -> Iterator[StepRow]:
        """Every step of a run by id."""
        steps = self._shelf(run).steps
        for number in sorted(steps):
            if number in steps:
                yield steps[number]

    def step(self, run: int, step: int) -> StepRow | None:
        """One step."""
        return self._shelf(run).steps.get(step)

    def values(self, run: int, steps: Sequence[int]) -> dict[int, bytes]:
        """Packed values of steps."""
        rows = self._shelf(run).steps
        found = ((number, rows[number].value) for number in steps if number in rows)
        return {number: value for number, value in found if value is not None}

    def arguments(self, run: int, step: int) -> bytes | None:
        """Packed arguments of a step."""
        row = self.step(run, step)
        return row.arguments if row is not None else None

    def counts(self, run: int) -> dict[int, int]:
        """Steps by state."""
        found: dict[int, int] = {}
        for step in self._shelf(run).steps.values():
            found[int(step.state)] = found.get(step.state, 0) + 1
        return found

    def attempts(
        self, run: int, step: int | None = None, *, limit: int = 500
    ) -> list[tuple[AttemptRow, AttemptEnd | None]]:
        """Attempts by step and number, with their ends."""
        attempts = self._shelf(run).attempts
        chosen = sorted(attempts) if step is None else [step]
        found = (attempts[s][n] for s in chosen if s in attempts for n in sorted(attempts[s]))
        return list(islice(found, limit))

    def open_attempts(self, run: int) -> list[AttemptRow]:
        """Attempts that have not ended."""
        attempts = self._shelf(run).attempts
        return [attempts[s][n][0] for s in sorted(attempts) for n in sorted(attempts[s]) if attempts[s][n][1] is None]

    def reports(self, run: int, step: int | None = None, *, limit: int = 10_000) -> list[ReportRow]:
        """Reported numbers by step, in the order in which they came; of more than the limit the last ones."""
        reports = self._shelf(run).reports
        chosen = sorted(reports, reverse=True) if step is None else [step]
        return list(islice((row for s in chosen for row in reversed(reports.get(s, []))), limit))[::-1]

    def ended(self, run: int, first: int, end: int) -> dict[int, float]:
        """When the last attempts of steps ended."""
        found: dict[int, float] = {}
        for step, numbers in self._shelf(run).attempts.items():
            times = [ended.ended_at for _, ended in numbers.values() if ended is not None]
            if first <= step < end and times:
                found[step] = max(times)
        return found

    def durations(self, run: int, first: int, end: int) -> dict[int, float]:
        """How long the attempts of steps took."""
        found: dict[int, float] = {}
        for step, numbers in self._shelf(run).attempts.items():
            ends = [ended for _, ended in numbers.values() if ended is not None]
            if first <= step < end and ends:
                found[step] = sum(ended.ended_at - ended.started_at for ended in ends)
        return found

    def plan(self, run: int) -> list[PlanRow]:
        """What was planned of a run."""
        return [row for _, row in sorted(self._shelf(run).plans.items())]

    def named_steps(self, run: int, names: Sequence[str]) -> list[StepRow]:
        """Steps by their local names."""
        return [row for row in self.all_steps(run) if row.name in set(names)]

    def chosen_steps(self, run: int, ids: Sequence[int]) -> list[StepRow]:
        """Steps by their ids."""
        return [row for row in self.all_steps(run) if row.id in set(ids)]

    def naming(
        self, prefix: str, run: int, step: int, rows: int
    ) -> tuple[list[tuple[int, int]], tuple[int, int] | None]:
        """Steps whose value names a blob."""
        keys = sorted(
            (n, id) for n, shelf in self._shared.shelves.items() for id in shelf.steps if (n, id) > (run, step)
        )
        page, sought = keys[:rows], HASH_HEAD + prefix.encode()
        found = [(n, id) for n, id in page if sought in (self._shared.shelves[n].steps[id].value or b"")]
        return found, page[-1] if len(page) == rows else None

    def wait(self, run: int, step: int) -> WaitRow | None:
        """What the step waits for."""
        return self._shelf(run).waits.get(step)

    def waits(self, run: int) -> list[WaitRow]:
        """All waits of a run."""
        waits = self._shelf(run).waits
        return [waits[step] for step in sorted(waits)]

    def open_waits(
        self, *, kinds: Sequence[str] = (), after: tuple[float, int, int] = FIRST_WAIT, limit: int = 1000
    ) -> list[WaitRow]:
        """Waits of all runs that are not over."""
        found = [
            row for n in self._shared.shelves for row in self.waits(n)
            if row.closed_at is None and (row.kind in kinds or not kinds) and (row.opened_at, row.run, row.step) > after
        ]  # fmt: skip
        return sorted(found, key=lambda row: (row.opened_at, row.run, row.step))[:limit]

    def closed_waits(self, *, before: tuple[int, int] = (0, 0), limit: int = 100) -> list[WaitRow]:
        """What persons were asked that is over."""
        rows = [row for n in self._shared.shelves for row in self.waits(n) if row.closed_at is not None]
        found = [row for row in rows if row.kind in ("approval", "answer") and (not before[0] or row[:2] < before)]
        return sorted(found, key=lambda row: row[:2], reverse=True)[:limit]

    def next_event_number(self) -> int:
        """A number never given before."""
        self._shared.last_event += 1
        return self._shared.last_event

    def pending_events(self, run: int) -> list[EventRow]:
        """Events that nobody has taken."""
        events = self._shared.events
        return [events[n] for n in sorted(events) if events[n].run == run and events[n].taken_by is None]

    def event(self, run: int, id: str) -> EventRow | None:
        """An event by its id."""
        return next((row for row in self._shared.events.values() if (row.run, row.id) == (run, id)), None)

    def cached(self, key: bytes) -> CacheRow | None:
        """A cached value."""
        return self._shared.cached.get(key)

    def cache_entries(self, *, function: str = "", limit: int = 1000) -> list[CacheRow]:
        """Newest first."""
        found = [row for row in self._shared.cached.values() if not function or function in (row.function, row.title)]
        return sorted(found, key=lambda row: -row.created_at)[:limit]

    def cache_maker(self, value: bytes) -> str:
        """Id of a run that computed a cached value."""
        return next((row.run for row in self._shared.cached.values() if row.value == value), "")

    def cache_makers(self, run: int) -> list[str]:
        """Ids of the runs that computed what the run took from the cache."""
        taken = {row.value for row in self.all_steps(run) if row.marks & Mark.CACHED}
        return sorted({row.run for row in self._shared.cached.values() if row.value in taken})

    def learned(self, *, scope: str = "", function: str = "") -> list[LearnedRow]:
        """What was learned, by key."""
        rows = self._shared.learned.values()
        return sorted(row for row in rows if scope in ("", row.scope) and function in ("", row.function))

    def delete_run(self, number: int) -> None:
        """Forget a run."""
        self._fence()
        events = self._shared.events
        for event in [event for event in events.values() if event.run == number]:
            del events[event.number]
        self._forget_uses(number)
        self._shared.published.runs.pop(number, None)
        shelf = self._shared.shelves.pop(number, None)
        if shelf is not None:
            self._shared.numbers.pop(shelf.row.id, None)
            self._shared.last_number = max(self._shared.last_number, number)

    def close(self) -> None:
        """Nothing is held."""

    def _fence(self) -> None:
        if self._epoch != self._shared.epoch or self._epoch is None:
            raise FencedError("this engine may not write: it has no lease, or it has passed on; it has to end")

    def _refuse_known(self, turn: Turn) -> None:
        shared = self._shared
        self._refuse_known_versions(turn)
        self._refuse_known_publications(turn)
        self._refuse_stale_stages(turn)
        self._refuse_stale_moves(turn)
        for run in turn.runs:
            if run.number in shared.shelves or run.id in shared.numbers:
                raise StoreError(f"run {run.id} (number {run.number}) is in the store already")
        for profile in turn.profiles:
            if profile.id in self._shelf(profile.run).profiles:
                raise StoreError(f"profile {profile.id} of run {profile.run} is in the store already")
        for step in turn.steps:
            if step.id in self._shelf(step.run).steps:
                raise StoreError(f"step {step.id} of run {step.run} is in the store already")

    def _shelf(self, run: int) -> Shelf:
        return self._shared.shelves.get(run) or Shelf(_NO_RUN)

    def _drop(self, shelf: Shelf, first: int, end: int) -> None:
        tables: tuple[dict[int, Any], ...] = (shelf.steps, shelf.attempts, shelf.reports, shelf.waits)
        for rows in tables:
            for number in range(first, end):
                rows.pop(number, None)

    def _update(self, update: StepUpdate) -> None:
        state, value, error, attempts, failures, crashes, due_at, finished, marks, run, number = update
        steps = self._shelf(run).steps
        old = steps.get(number)
        if old is None:
            return
        value = old.value if value is None else value
        error = old.error if error is None else error
        steps[number] = StepRow(
            *old[:10], state, value, error, attempts, failures, crashes, due_at, finished, marks
        )  # fmt: skip

    def _write_attempts(self, turn: Turn) -> None:
        for attempt in turn.attempts:
            self._shelf(attempt.run).attempts.setdefault(attempt.step, {})[attempt.number] = (attempt, None)
        for end in turn.attempt_ends:
            if end.outcome not in ATTEMPT_OUTCOMES:
                raise StoreError(f"an attempt cannot end as {end.outcome!r}; see ATTEMPT_OUTCOMES")
            numbers = self._shelf(end.run).attempts.get(end.step, {})
            if end.number in numbers:
                numbers[end.number] = (numbers[end.number][0], end)

    def _write_waits(self, turn: Turn) -> None:
        for wait in turn.waits:
            self._shelf(wait.run).waits[wait.step] = wait
        for update in turn.wait_updates:
            if update.closed_at is not None and update.outcome not in WAIT_OUTCOMES:
                raise StoreError(f"a wait cannot end as {update.outcome!r}; see WAIT_OUTCOMES")
            waits = self._shelf(update.run).waits
            if update.step in waits:
                old = waits[update.step]
                votes = old.votes if update.votes is None else update.votes
                waits[update.step] = old._replace(votes=votes, closed_at=update.closed_at, outcome=update.outcome)
        for event in turn.events:
            self._shared.events[event.number] = event
        for run, step, number in turn.event_takes:
            self._shared.events[number] = self._shared.events[number]._replace(taken_by=(run, step))

    def _write_cache(self, turn: Turn) -> None:
        cached = self._shared.cached
        for key in turn.uncached:
            cached.pop(key, None)
        for row in turn.cached:
            cached[row.key] = row
        for at, key in turn.cache_hits:
            if key in cached:
                cached[key] = cached[key]._replace(hits=cached[key].hits + 1, hit_at=at)

    def _write_learned(self, turn: Turn) -> None:
        learned = self._shared.learned
        for key in [key for key in learned if key[:2] in turn.unlearned]:
            del learned[key]
        learned.update((row[:4], row) for row in turn.learned)

    def _update_run(self, update: RunUpdate) -> None:
        shelf = self._shared.shelves.get(update.number)
        if shelf is not None:
            shelf.row = shelf.row._replace(
                state=update.state, started_at=update.started_at, ended_at=update.ended_at, error=update.error,
                notes=update.notes,
            )  # fmt: skip


_NO_RUN = RunRow(0, "", "", "", 0, "", b"", b"", 0.0, None, None, None, None)


def _parent(row: RunRow) -> str | None:
    parent = unpack(row.options).get("parent") if row.options else None
    return parent[0] if parent else None
