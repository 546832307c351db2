"""Rows of published flows by named statements: a part of `StatementStore`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from partita.errors import StaleMoveError
from partita.store.port import RunRow
from partita.store.publications import (
    GateCheckRow,
    GateFindingRow,
    PublicationRow,
    Publishing,
    StageMoveRow,
    StageRow,
)

__all__ = ["PublicationStatements"]

#: Under which the numbers of a flow's versions are counted.
_COUNTER = "publications of "


class PublicationStatements:
    """Reads and writes published flows."""

    @abstractmethod
    def _read(self, name: str, *values: Any) -> list[Any]:
        """The rows that a statement gives."""

    @abstractmethod
    def _write_many(self, name: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run a statement once for each row, in the transaction that is open."""

    @abstractmethod
    def _list(self, items: list[Any]) -> Any:
        """A list as a statement takes it."""

    def next_publication_number(self, name: str) -> int:
        """A number that no version of this flow was ever given."""
        number: int = self._read("next_of", _COUNTER + name)[0][0]
        return number

    def next_stage_move_number(self) -> int:
        """A number never given before."""
        number: int = self._read("next_of", "stage move")[0][0]
        return number

    def publications(self, name: str, *, before: int = 0, limit: int = 50) -> list[PublicationRow]:
        """Versions of a flow, the newest first."""
        return [PublicationRow(*row) for row in self._read("publications", name, before, limit)]

    def newest_publications(self, *, after: str = "", limit: int = 50) -> list[PublicationRow]:
        """The newest version of each flow, by name."""
        # Databases order texts in ways of their own; there are no more names than a project has flows.
        rows = sorted(row for row in self._read("publication_names") if row[0] > after)[:limit]
        found = (self.publication(name, number) for name, number in rows)
        return [row for row in found if row is not None]

    def publication(self, name: str, number: int) -> PublicationRow | None:
        """One version."""
        return next((PublicationRow(*row) for row in self._read("publication", name, number)), None)

    def stages(self, name: str = "") -> list[StageRow]:
        """Stages, by name and stage."""
        return sorted(StageRow(*row) for row in self._read("stages", name))

    def stage_moves(self, name: str, *, stage: str = "", before: int = 0, limit: int = 100) -> list[StageMoveRow]:
        """Moves of stages, the latest first."""
        return [StageMoveRow(*row) for row in self._read("stage_moves", name, stage, before, limit)]

    def gate_checks(self, name: str, number: int, *, stage: str = "", limit: int = 20) -> list[GateCheckRow]:
        """Checks, the latest first."""
        return [GateCheckRow(*row) for row in self._read("gate_checks", name, number, stage, limit)]

    def gate_check(self, run: str) -> GateCheckRow | None:
        """What a run checks."""
        return next((GateCheckRow(*row) for row in self._read("gate_check", run)), None)

    def gate_findings(self, name: str, number: int) -> list[GateFindingRow]:
        """What gates have found, by stage and gate."""
        rows = (GateFindingRow(*row) for row in self._read("gate_findings", name, number))
        return sorted(row._replace(is_met=bool(row.is_met)) for row in rows)

    def published_runs(
        self, name: str, number: int = 0, *, states: Sequence[int] = (), before: int = 0, limit: int = 50, flow: str = "",
        text: str = "", since: float = 0.0, until: float = 0.0, is_upwards: bool = False,
    ) -> list[RunRow]:  # fmt: skip
        """Runs of a flow's versions."""
        wanted = self._list([int(state) for state in states])
        query = "published_runs_upwards" if is_upwards else "published_runs"
        found = self._read(query, name, number, wanted, before, limit, flow, text, since, until)
        return [RunRow(*row) for row in found]

    def _write_publishing(self, publishing: Publishing) -> None:
        many = self._write_many
        many("insert_publication", sorted(map(tuple, publishing.publications)))
        # By their flows, so that engines that write at once do not wait for each other crosswise.
        self._move_stages(sorted(publishing.moves, key=lambda row: (row.name, row.id)))
        self._retire(sorted(publishing.retired, key=lambda row: row[1:]))
        many("insert_gate_check", map(tuple, publishing.checks))
        many("insert_gate_finding", [(*row[:4], int(row.is_met), *row[5:]) for row in sorted(publishing.findings)])
        many("insert_published_run", map(tuple, publishing.runs))

    def _retire(self, rows: Sequence[tuple[float, str, int]]) -> None:
        """Retire versions, where nobody else writes meanwhile."""
        for _, name, number in rows:
            if any(row.number == number for row in self.stages(name)):
                raise StaleMoveError(f"a stage has {name}@{number}", publication=(name, number))
        self._write_many("retire_publication", rows)

    def _move_stages(self, moves: Sequence[StageMoveRow]) -> None:
        """Move stages one after the other, where nobody else writes meanwhile."""
        for row in moves:
            if row.is_done:
                held = {stage.stage: stage.number for stage in self.stages(row.name)}.get(row.stage, 0)
                found = self.publication(row.name, row.after) if row.after else None
                is_there = not row.after or (found is not None and found.retired_at is None)
                if held != row.before or not is_there or self._read("later_stage_move", row.name, row.stage, row.id):
                    raise StaleMoveError(
                        f"{row.name}@{row.stage} cannot go from {row.before} to {row.after}", stage_move=row.id
                    )
                if row.after:
                    self._write_many("insert_stage", [(row.name, row.stage, row.after, row.moved_at)])
                else:
                    self._write_many("delete_stage", [(row.name, row.stage)])
            self._write_many("insert_stage_move", [tuple(row)])
