"""The model registry's rows by named statements: a part of `StatementStore`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from partita.store.models import AliasRow, EvaluationRow, ModelRow, ModelUseRow, MoveRow, VersionRow
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

    def model_uses(self, *, run: int = 0, name: str = "", number: int = 0) -> list[ModelUseRow]:
        """Which steps were given which versions."""
        return sorted(ModelUseRow(*row) for row in self._read("model_uses", run, name, number))

    def _write_registry(self, turn: Turn) -> None:
        many = self._write_many
        many("insert_model", sorted(map(tuple, turn.models)))
        many("insert_version", sorted(map(tuple, turn.versions)))
        many("update_version", map(tuple, turn.version_updates))
        many("delete_version", sorted(turn.unversioned))
        many("delete_evaluations", sorted(turn.unversioned))
        many("insert_evaluation", sorted(map(tuple, turn.evaluations)))
        many("insert_alias", sorted(map(tuple, turn.aliases)))
        many("delete_alias", sorted(turn.unaliased))
        many("insert_move", map(tuple, turn.moves))
        many("insert_model_use", sorted(map(tuple, turn.model_uses)))
