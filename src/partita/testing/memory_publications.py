"""Published flows in plain dicts: a part of `MemoryStore`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from partita.errors import StaleMoveError, StoreError
from partita.store.port import RunRow, Turn
from partita.store.publications import (
    GateCheckRow,
    GateFindingRow,
    PublicationRow,
    PublishedRunRow,
    StageMoveRow,
    StageRow,
)

__all__ = ["MemoryPublications", "PublicationShelf"]


@dataclass(slots=True)
class PublicationShelf:
    """All rows of published flows."""

    publications: dict[tuple[str, int], PublicationRow] = field(default_factory=dict)
    stages: dict[tuple[str, str], StageRow] = field(default_factory=dict)
    moves: dict[int, StageMoveRow] = field(default_factory=dict)
    checks: dict[str, GateCheckRow] = field(default_factory=dict)
    findings: dict[tuple[str, int, str, str], GateFindingRow] = field(default_factory=dict)
    runs: dict[int, PublishedRunRow] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)  # the last one given, by what is counted


class MemoryPublications:
    """Reads and writes published flows."""

    @property
    def _published(self) -> PublicationShelf:
        raise NotImplementedError

    def runs(
        self, *, flow: str = "", states: Sequence[int] = (), before: int = 0, limit: int = 50, text: str = "",
        since: float = 0.0, until: float = 0.0, is_upwards: bool = False,
    ) -> list[RunRow]:  # fmt: skip
        """All runs."""
        raise NotImplementedError

    def next_publication_number(self, name: str) -> int:
        """A number that no version of this flow was ever given."""
        return self._next_of(f"publications of {name}")

    def next_stage_move_number(self) -> int:
        """A number never given before."""
        return self._next_of("stage move")

    def _next_of(self, what: str) -> int:
        numbers = self._published.numbers
        numbers[what] = numbers.get(what, 0) + 1
        return numbers[what]

    def publications(self, name: str, *, before: int = 0, limit: int = 50) -> list[PublicationRow]:
        """Versions of a flow, the newest first."""
        rows = sorted(
            (row for row in self._published.publications.values() if row.name == name), key=lambda row: row[:2]
        )
        return [row for row in reversed(rows) if not before or row.number < before][:limit]

    def newest_publications(self, *, after: str = "", limit: int = 50) -> list[PublicationRow]:
        """The newest version of each flow, by name."""
        newest: dict[str, PublicationRow] = {}
        for (name, number), row in self._published.publications.items():
            if name > after and (name not in newest or newest[name].number < number):
                newest[name] = row
        return [newest[name] for name in sorted(newest)][:limit]

    def publication(self, name: str, number: int) -> PublicationRow | None:
        """One version."""
        return self._published.publications.get((name, number))

    def stages(self, name: str = "") -> list[StageRow]:
        """Stages, by name and stage."""
        return sorted(row for row in self._published.stages.values() if name in ("", row.name))

    def stage_moves(self, name: str, *, stage: str = "", before: int = 0, limit: int = 100) -> list[StageMoveRow]:
        """Moves of stages, the latest first."""
        rows = [row for row in self._published.moves.values() if row.name == name and stage in ("", row.stage)]
        return sorted((row for row in rows if not before or row.id < before), reverse=True)[:limit]

    def gate_checks(self, name: str, number: int, *, stage: str = "", limit: int = 20) -> list[GateCheckRow]:
        """Checks, the latest first."""
        rows = (
            row for row in self._published.checks.values() if row[1:3] == (name, number) and stage in ("", row.stage)
        )
        return sorted(rows, key=lambda row: (row.asked_at, row.run), reverse=True)[:limit]

    def gate_check(self, run: str) -> GateCheckRow | None:
        """What a run checks."""
        return self._published.checks.get(run)

    def gate_findings(self, name: str, number: int) -> list[GateFindingRow]:
        """What gates have found, by stage and gate."""
        return sorted(row for row in self._published.findings.values() if row[:2] == (name, number))

    def published_runs(
        self, name: str, number: int = 0, *, states: Sequence[int] = (), before: int = 0, limit: int = 50, flow: str = "",
        text: str = "", since: float = 0.0, until: float = 0.0, is_upwards: bool = False,
    ) -> list[RunRow]:  # fmt: skip
        """Runs of a flow's versions."""
        used = {row.run for row in self._published.runs.values() if row.name == name and number in (0, row.number)}
        every = self.runs(
            flow=flow, states=states, before=before, limit=sys.maxsize, text=text, since=since, until=until,
            is_upwards=is_upwards,
        )  # fmt: skip
        return [row for row in every if row.number in used][:limit]

    def _refuse_known_publications(self, turn: Turn) -> None:
        for row in turn.publishing.publications:
            if row[:2] in self._published.publications:
                raise StoreError(f"{row.name}@{row.number} is in the store already")

    def _refuse_stale_stages(self, turn: Turn) -> None:
        publishing = turn.publishing
        held = {key: row.number for key, row in self._published.stages.items()}
        known = [*self._published.publications.values(), *publishing.publications]
        live = {row[:2] for row in known if row.retired_at is None}
        for move in filter(lambda row: row.is_done, publishing.moves):
            key = (move.name, move.stage)
            later = any(
                (row.name, row.stage) == key and row.id > move.id and row.is_done
                for row in self._published.moves.values()
            )
            if held.get(key, 0) != move.before or (move.after and (move.name, move.after) not in live) or later:
                raise StaleMoveError(f"{move.name}@{move.stage} cannot go to {move.after}", stage_move=move.id)
            held[key] = move.after
        had = {(name, number) for (name, _), number in held.items()}
        for _, name, number in publishing.retired:
            if (name, number) in had:
                raise StaleMoveError(f"a stage has {name}@{number}", publication=(name, number))

    def _write_publishing(self, turn: Turn) -> None:
        shelf, publishing = self._published, turn.publishing
        shelf.publications.update((row[:2], row) for row in publishing.publications)
        for move in publishing.moves:
            if move.is_done:
                shelf.stages.pop((move.name, move.stage), None)
                if move.after:
                    shelf.stages[move.name, move.stage] = StageRow(move.name, move.stage, move.after, move.moved_at)
        shelf.moves.update((row.id, row) for row in publishing.moves)
        for retired_at, name, number in publishing.retired:
            row = shelf.publications.get((name, number))
            if row is not None and row.retired_at is None:
                shelf.publications[name, number] = row._replace(retired_at=retired_at)
        for check in publishing.checks:
            shelf.checks.setdefault(check.run, check)
        shelf.findings.update((row[:4], row) for row in publishing.findings)
        shelf.runs.update((row.run, row) for row in publishing.runs)
