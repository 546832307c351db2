"""The model registry's rows by named statements: a part of `StatementStore`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from partita.errors import StaleMoveError
from partita.store.models import (
    AliasRow,
    EvaluationRow,
    ModelRow,
    ModelUseRow,
    MoveRow,
    VersionCount,
    VersionRow,
    VersionUpdate,
)
from partita.store.port import Turn

__all__ = ["ModelStatements"]

#: Under which the numbers of a model's versions are counted.
_COUNTER = "versions of "


class ModelStatements:
    """Reads and writes the registry."""

    @abstractmethod
    def _read(self, name: str, *values: Any) -> list[Any]:
        """The rows that a statement gives."""

    @abstractmethod
    def _write_many(self, name: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run a statement once for each row, in the transaction that is open."""

    def next_version_number(self, name: str) -> int:
        """A number that no version of this model was ever given."""
        number: int = self._read("next_of", _COUNTER + name)[0][0]
        return number

    def next_move_number(self) -> int:
        """A number never given before."""
        number: int = self._read("next_of", "move")[0][0]
        return number

    def models(self, *, name: str = "", limit: int = 1000) -> list[ModelRow]:
        """Models by name."""
        return sorted(ModelRow(*row) for row in self._read("models", name, limit))

    def versions(self, name: str, *, before: int = 0, limit: int = 100) -> list[VersionRow]:
        """Versions of a model, the newest first."""
        return [VersionRow(*row) for row in self._read("versions", name, before, limit)]

    def version_counts(self, name: str = "") -> list[VersionCount]:
        """How many versions there are, by model."""
        return sorted(VersionCount(*row) for row in self._read("version_counts", name))

    def model_version(self, name: str, number: int) -> VersionRow | None:
        """One version."""
        return next((VersionRow(*row) for row in self._read("version", name, number)), None)

    def equal_version(self, name: str, digest: str) -> VersionRow | None:
        """The first version with this digest."""
        return next((VersionRow(*row) for row in self._read("equal_version", name, digest)), None)

    def versions_made(self, run: str) -> list[VersionRow]:
        """Versions that steps of the run registered."""
        return [VersionRow(*row) for row in self._read("versions_made", run)]

    def aliases(self, name: str = "") -> list[AliasRow]:
        """Aliases, by model and alias."""
        return sorted(AliasRow(*row) for row in self._read("aliases", name))

    def moves(self, name: str, *, alias: str = "", limit: int = 100) -> list[MoveRow]:
        """Moves of aliases, the latest first."""
        return [MoveRow(*row) for row in self._read("moves", name, alias, limit)]

    def evaluations(self, name: str, number: int) -> list[EvaluationRow]:
        """Evaluations of a version, by title."""
        return sorted(EvaluationRow(*row) for row in self._read("evaluations", name, number))

    def evaluation_titles(self, name: str, first: int, last: int) -> list[tuple[int, str]]:
        """Titles of evaluations, by version."""
        return sorted((row[0], row[1]) for row in self._read("evaluation_titles", name, first, last))

    def model_uses(self, *, run: int = 0, name: str = "", number: int = 0) -> list[ModelUseRow]:
        """Which steps were given which versions."""
        return sorted(ModelUseRow(*row) for row in self._read("model_uses", run, name, number))

    def _write_registry(self, turn: Turn) -> None:
        many = self._write_many
        many("insert_model", sorted(map(tuple, turn.models)))
        many("insert_version", sorted(map(tuple, turn.versions)))
        self._note_versions(sorted(turn.version_updates, key=lambda update: (update.name, update.number)))
        # By their models, so that engines that write at once do not wait for each other crosswise.
        self._move_aliases(sorted(turn.moves, key=lambda row: (row.name, row.id)))
        self._forget_versions(sorted(turn.unversioned))
        many("delete_evaluations", sorted(turn.unversioned))
        many("insert_evaluation", sorted(map(tuple, turn.evaluations)))
        many("insert_model_use", sorted(map(tuple, turn.model_uses)))

    def _note_versions(self, updates: Sequence[VersionUpdate]) -> None:
        for update in updates:
            row = self._version_to_note(update.name, update.number)
            if row is not None:
                made = row.noted(update)
                self._write_many(
                    "update_version", [(made.metrics, made.tags, made.description, made.name, made.number)]
                )

    def _version_to_note(self, name: str, number: int) -> VersionRow | None:
        """A version as it is in the transaction that is open, where nobody else writes meanwhile."""
        return self.model_version(name, number)

    def _forget_versions(self, keys: Sequence[tuple[str, int]]) -> None:
        """Delete versions, where nobody else writes meanwhile."""
        for name, number in keys:
            if any(row.number == number for row in self.aliases(name)):
                raise StaleMoveError(f"an alias names {name}:{number}", version=(name, number))
        self._write_many("delete_version", keys)

    def _move_aliases(self, moves: Sequence[MoveRow]) -> None:
        """Move aliases one after the other, where nobody else writes meanwhile."""
        for row in moves:
            if row.is_done:
                held = {alias.alias: alias.number for alias in self.aliases(row.name)}.get(row.alias, 0)
                is_there = not row.after or self.model_version(row.name, row.after) is not None
                if held != row.before or not is_there or self._read("later_move", row.name, row.alias, row.id):
                    raise StaleMoveError(f"{row.name}@{row.alias} cannot go from {row.before} to {row.after}", row.id)
                if row.after:
                    self._write_many("insert_alias", [(row.name, row.alias, row.after, row.moved_at)])
                else:
                    self._write_many("delete_alias", [(row.name, row.alias)])
            self._write_many("insert_move", [tuple(row)])
