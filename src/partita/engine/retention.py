"""Retention: what is old enough goes, in bites so small that no turn waits for them.

A pass looks at all finished runs, the newest first, and decides by the settings. A run that goes is marked first, then its steps
are deleted some hundreds at a time, then the rest of it; one that was marked and not finished is finished by the next pass. Logs
and values that go earlier than their run are noted in the run's row. Files are removed by a collection in another process,
once the rows say so: what any row still names stays.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from partita.core.states import FINAL, State
from partita.engine.ancestry import Ancestry
from partita.engine.book import Book
from partita.engine.pruning import Pruning
from partita.errors import FencedError, OptionError, StoreError
from partita.protocol.artifacts import HeldRun
from partita.protocol.metrics import RetentionCounts
from partita.protocol.retention import LET_GO, LISTED_RUNS, LetGo, RetentionRecord, let_go_at
from partita.settings_retention import RetentionRule, RetentionSettings
from partita.store.port import RunRow, RunUpdate
from partita.values import pack, unpack

__all__ = ["Collecting", "Keeping", "Retention"]

_log = logging.getLogger("partita.engine")

#: Seconds that a bite takes before the turn goes on, and the pause before the next one.
BITE_S, PAUSE_S = 0.002, 0.004
#: Seconds from one look to the next at whether files have been removed.
_LOOK_S = 0.1
_PAGE = 100
_STEPS = 200
_SUCCEEDED = int(State.SUCCEEDED)


class Collecting(Protocol):
    """A collection of files that goes on in another process."""

    def poll(self) -> dict[str, Any] | None:
        """What it found: "freed_bytes", "blobs" and "trouble"; None: it has not ended."""
        ...


class Keeping(Protocol):
    """What the engine needs from around it."""

    def collect(self) -> Collecting:
        """Begin to remove files that no row names any more."""
        ...

    def record(self, record: RetentionRecord) -> None:
        """Keep the record of a pass."""
        ...

    def last_at(self) -> float:
        """When the last pass of any engine began; 0: never."""
        ...


@dataclass(slots=True)
class _Asked:
    is_dry: bool
    answer: Callable[[RetentionRecord], None] | None  # None: nobody asked


class Retention:
    """Applies the settings. `step` is called before each turn."""

    def __init__(self, book: Book, pruning: Pruning, settings: RetentionSettings, keeping: Keeping) -> None:
        self._book = book
        self._pruning = pruning
        self._settings = settings
        self._keeping = keeping
        self._ancestry: Ancestry = pruning.ancestry
        self._asked: list[_Asked] = []
        self._pass: Iterator[None] | None = None
        self._next_bite_s = 0.0
        self._rest_s = 0.0  # seconds until the pass is to be looked at again, where it waits for something
        self._owes_collection = False
        self.counts = RetentionCounts(passes=0, runs=0, logs=0, values=0, freed_bytes=0)
        self._due_at = float("inf") if settings.is_empty else keeping.last_at() + settings.every_s

    @property
    def is_busy(self) -> bool:
        """Whether a pass is under way."""
        return self._pass is not None or bool(self._asked)

    def wait_s(self) -> float | None:
        """Seconds until something is to be done; None: nothing is."""
        if self.is_busy:
            return max(self._next_bite_s - time.monotonic(), 0.0)
        return None if self._due_at == float("inf") else max(self._due_at - time.time(), 0.0)

    def ask(self, answer: Callable[[RetentionRecord], None], *, is_dry: bool) -> None:
        """Have a pass made now.

        Raises:
            OptionError: no setting says what goes.
        """
        if self._settings.is_empty:
            raise OptionError(
                'nothing says what may go: write a table such as retention = { runs = "90d", keep_runs = 20 } into partita.toml'
                " and let the engine begin anew (`partita engine stop`); `partita runs prune` deletes without it"
            )
        self._asked.append(_Asked(is_dry, answer))

    def step(self) -> None:
        """Take a bite, if there is something to be done."""
        if self._pass is None:
            if not self._asked and time.time() < self._due_at:
                return
            self._begin(self._asked.pop(0) if self._asked else _Asked(False, None))
        until_s = time.monotonic()
        if until_s < self._next_bite_s:
            return
        until_s += BITE_S
        assert self._pass is not None
        while time.monotonic() < until_s:
            if next(self._pass, self) is self:
                self._pass = None
                break
            if self._must_commit or self._rest_s:
                break
        self._next_bite_s = time.monotonic() + max(PAUSE_S, self._rest_s)
        self._rest_s = 0.0

    @property
    def _must_commit(self) -> bool:
        return bool(self._book.turn.dropped or self._book.turn.run_updates)

    def _begin(self, asked: _Asked) -> None:
        self._due_at = time.time() + self._settings.every_s
        self._pass = self._whole_pass(asked)
        self._next_bite_s = 0.0

    def _whole_pass(self, asked: _Asked) -> Iterator[None]:
        record = RetentionRecord(
            at=time.time(), took_s=0.0, is_dry=asked.is_dry, is_automatic=asked.answer is None, looked_at=0, runs=[], logs=[],
            values=[], held=[], counts={"runs": 0, "logs": 0, "values": 0, "held": 0}, freed_bytes=None, blobs=0, trouble="",
        )  # fmt: skip
        try:
            yield from self._look(record)
            if not asked.is_dry:
                yield from self._collect(record)
        except FencedError:
            raise
        except (StoreError, OSError) as error:
            record["trouble"] = str(error)
            _log.error("retention was broken off: %s", error)
        record["took_s"] = time.time() - record["at"]
        if not asked.is_dry:
            self._tell(record)
        if asked.answer is not None:
            asked.answer(record)

    def _look(self, record: RetentionRecord) -> Iterator[None]:
        """Decide about every finished run."""
        self._ancestry.renew()
        yield from self._ancestry.follow()
        yield from self._pruning.needs.look()
        store, last, places = self._book.store, 0, dict[str, int]()
        states = [int(state) for state in FINAL]
        while rows := store.runs(states=states, before=last, limit=_PAGE):
            last = rows[-1].number
            record["looked_at"] += len(rows)
            for row in rows:
                places[row.flow] = place = places.get(row.flow, 0) + 1
                rule = self._settings.rule_of(row.flow, row.title)
                yield from self._decide(record, row, rule, place)
            yield

    def _decide(self, record: RetentionRecord, row: RunRow, rule: RetentionRule, place: int) -> Iterator[None]:
        now, notes = time.time(), unpack(row.notes) if row.notes else {}
        age_s = now - (row.ended_at or row.created_at)
        is_marked = let_go_at(notes, "run") is not None
        goes = is_marked or rule.deletes(age_s, row.state == _SUCCEEDED, place)
        if goes and (yield from self._is_free(record, row)):
            yield from self._delete(record, row, notes)
            return
        what = []
        if rule.logs_s is not None and age_s >= rule.logs_s and let_go_at(notes, "logs") is None:
            what.append("logs")
        is_old = rule.values_s is not None and age_s >= rule.values_s and let_go_at(notes, "values") is None
        if is_old and (yield from self._is_free(record, row)):
            what.append("values")
        if what and self._book.live(row.id) is None:
            self._mark(record, row, notes, what)
            yield

    def _is_free(self, record: RetentionRecord, row: RunRow) -> Generator[None, None, bool]:
        """Whether nothing needs the run. Nothing else happens between this and what is done then."""
        yield from self._ancestry.follow()
        yield from self._pruning.needs.look()
        reason = self._pruning.holder(row)
        if reason:
            held = record["held"]
            if not any(other["run"] == row.id for other in held[-1:]):
                record["counts"]["held"] += 1
                if len(held) < LISTED_RUNS:
                    held.append(HeldRun(run=row.id, reason=reason))
        return not reason

    def _delete(self, record: RetentionRecord, row: RunRow, notes: dict[str, Any]) -> Iterator[None]:
        _list(record, "runs", row)
        if record["is_dry"]:
            return
        store = self._book.store
        while page := store.steps(row.number, limit=_STEPS):
            if len(page) < _STEPS:
                break
            if let_go_at(notes, "run") is None:
                notes = self._noted(row, notes, ["run"])
            self._book.turn.dropped.append((row.number, 0, page[-1].id + 1))
            yield  # until the turn is committed
        store.delete_run(row.number)
        self.counts["runs"] += 1
        yield

    def _mark(self, record: RetentionRecord, row: RunRow, notes: dict[str, Any], what: list[str]) -> None:
        for name in what:
            _list(record, name, row)
        if record["is_dry"]:
            return
        self._noted(row, notes, what)
        self.counts["logs"] += "logs" in what
        self.counts["values"] += "values" in what

    def _noted(self, row: RunRow, notes: dict[str, Any], what: list[str]) -> dict[str, Any]:
        told = {**notes, LET_GO: {**notes.get(LET_GO, {}), **dict.fromkeys(what, time.time())}}
        update = RunUpdate(row.state, row.started_at, row.ended_at, row.error, pack(told), row.number)
        self._book.turn.run_updates.append(update)
        return told

    def _collect(self, record: RetentionRecord) -> Iterator[None]:
        """Let files be removed, and wait for that."""
        did, owed = any(record["counts"][name] for name in ("runs", "logs", "values")), self._owes_collection
        self._owes_collection = did  # what is too young now goes the next time
        if not did and not owed:
            record["freed_bytes"] = 0
            return
        yield  # what was decided last is committed first
        collecting = self._keeping.collect()
        while (found := collecting.poll()) is None:
            self._rest_s = _LOOK_S
            yield
        if found.get("trouble"):
            record["trouble"] = found["trouble"]
        else:
            record["freed_bytes"], record["blobs"] = found["freed_bytes"], found["blobs"]
            self.counts["freed_bytes"] += found["freed_bytes"]

    def _tell(self, record: RetentionRecord) -> None:
        self.counts["passes"] += 1
        counts = record["counts"]
        if record["trouble"] or any(counts[name] for name in ("runs", "logs", "values")):
            _log.info(
                "retention: %s runs deleted, logs of %s and values of %s let go, %s bytes freed, %s runs held",
                counts["runs"], counts["logs"], counts["values"], record["freed_bytes"], counts["held"],
                extra={"retention": counts},
            )  # fmt: skip
        try:
            self._keeping.record(record)
        except OSError as error:
            _log.error("the record of what retention removed cannot be kept: %s", error)


def _list(record: RetentionRecord, what: str, row: RunRow) -> None:
    listed: list[LetGo] = record[what]  # type: ignore[literal-required]
    record["counts"][what] += 1
    if len(listed) < LISTED_RUNS:
        state = State(row.state).name.lower()
        listed.append(LetGo(run=row.id, flow=row.title, state=state, ended_at=row.ended_at))
