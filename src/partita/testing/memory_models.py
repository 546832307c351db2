"""The model registry in plain dicts: a part of `MemoryStore`."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

from partita.errors import StaleMoveError, StoreError
from partita.store.models import AliasRow, EvaluationRow, ModelRow, ModelUseRow, MoveRow, VersionCount, VersionRow
from partita.store.port import Turn

__all__ = ["MemoryModels", "ModelShelf"]


@dataclass(slots=True)
class ModelShelf:
    """All rows of the registry."""

    models: dict[str, ModelRow] = field(default_factory=dict)
    versions: dict[tuple[str, int], VersionRow] = field(default_factory=dict)
    evaluations: dict[tuple[str, int, str], EvaluationRow] = field(default_factory=dict)
    aliases: dict[tuple[str, str], AliasRow] = field(default_factory=dict)
    moves: dict[int, MoveRow] = field(default_factory=dict)
    uses: dict[tuple[int, int, str, int], ModelUseRow] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)  # the last one given, by what is counted


class MemoryModels:
    """Reads and writes the registry."""

    @property
    def _registry(self) -> ModelShelf:
        raise NotImplementedError

    def next_version_number(self, name: str) -> int:
        """A number that no version of this model was ever given."""
        return self._next(f"versions of {name}")

    def next_move_number(self) -> int:
        """A number never given before."""
        return self._next("move")

    def _next(self, what: str) -> int:
        numbers = self._registry.numbers
        numbers[what] = numbers.get(what, 0) + 1
        return numbers[what]

    def models(self, *, name: str = "", limit: int = 1000) -> list[ModelRow]:
        """Models by name."""
        return sorted(row for row in self._registry.models.values() if name in ("", row.name))[:limit]

    def versions(self, name: str, *, before: int = 0, limit: int = 100) -> list[VersionRow]:
        """Versions of a model, the newest first."""
        rows = sorted((row for row in self._registry.versions.values() if row.name == name), reverse=True)
        return list(islice((row for row in rows if not before or row.number < before), limit))

    def version_counts(self, name: str = "") -> list[VersionCount]:
        """How many versions there are, by model."""
        numbers: dict[str, list[int]] = {}
        for row in self._registry.versions.values():
            if name in ("", row.name):
                numbers.setdefault(row.name, []).append(row.number)
        return sorted(VersionCount(model, len(found), max(found)) for model, found in numbers.items())

    def model_version(self, name: str, number: int) -> VersionRow | None:
        """One version."""
        return self._registry.versions.get((name, number))

    def equal_version(self, name: str, digest: str) -> VersionRow | None:
        """The first version with this digest."""
        rows = sorted(self._registry.versions.values())
        return next((row for row in rows if (row.name, row.digest) == (name, digest)), None)

    def versions_made(self, run: str) -> list[VersionRow]:
        """Versions that steps of the run registered."""
        rows = (row for row in self._registry.versions.values() if row.run == run)
        return sorted(rows, key=lambda row: (row.step, row.name, row.number))

    def aliases(self, name: str = "") -> list[AliasRow]:
        """Aliases, by model and alias."""
        return sorted(row for row in self._registry.aliases.values() if name in ("", row.name))

    def moves(self, name: str, *, alias: str = "", limit: int = 100) -> list[MoveRow]:
        """Moves of aliases, the latest first."""
        rows = sorted(self._registry.moves.values(), reverse=True)
        return [row for row in rows if row.name == name and alias in ("", row.alias)][:limit]

    def evaluations(self, name: str, number: int) -> list[EvaluationRow]:
        """Evaluations of a version, by title."""
        return sorted(row for row in self._registry.evaluations.values() if row[:2] == (name, number))

    def evaluation_titles(self, name: str, first: int, last: int) -> list[tuple[int, str]]:
        """Titles of evaluations, by version."""
        return sorted(
            row[1:3] for row in self._registry.evaluations.values() if row.name == name and first <= row[1] <= last
        )

    def model_uses(self, *, run: int = 0, name: str = "", number: int = 0) -> list[ModelUseRow]:
        """Which steps were given which versions."""
        rows = self._registry.uses.values()
        return sorted(row for row in rows if run in (0, row.run) and (not name or row[2:4] == (name, number)))

    def _refuse_known_versions(self, turn: Turn) -> None:
        for row in turn.versions:
            if (row.name, row.number) in self._registry.versions:
                raise StoreError(f"version {row.number} of the model {row.name} is in the store already")

    def _refuse_stale_moves(self, turn: Turn) -> None:
        held = {key: row.number for key, row in self._registry.aliases.items()}
        versions = {*self._registry.versions, *((row.name, row.number) for row in turn.versions)}
        for move in filter(lambda row: row.is_done, turn.moves):
            key = (move.name, move.alias)
            is_there = not move.after or (move.name, move.after) in versions
            later = any(
                (row.name, row.alias) == key and row.id > move.id and row.is_done
                for row in self._registry.moves.values()
            )
            if held.get(key, 0) != move.before or not is_there or later:
                raise StaleMoveError(f"{move.name}@{move.alias} cannot go to {move.after}", move.id)
            held[key] = move.after
        named = {(name, number) for (name, _), number in held.items()}
        for name, number in turn.unversioned:
            if (name, number) in named:
                raise StaleMoveError(f"an alias names {name}:{number}", version=(name, number))

    def _write_registry(self, turn: Turn) -> None:
        shelf = self._registry
        for model in turn.models:
            known = shelf.models.get(model.name)
            shelf.models[model.name] = model if known is None else model._replace(created_at=known.created_at)
        shelf.versions.update(((row.name, row.number), row) for row in turn.versions)
        for update in turn.version_updates:
            row = shelf.versions.get((update.name, update.number))
            if row is not None:
                shelf.versions[update.name, update.number] = row.noted(update)
        for key in turn.unversioned:
            shelf.versions.pop(key, None)
            for title in [title for title in shelf.evaluations if title[:2] == key]:
                del shelf.evaluations[title]
        shelf.evaluations.update((row[:3], row) for row in turn.evaluations)
        for move in turn.moves:
            if move.is_done:
                shelf.aliases.pop((move.name, move.alias), None)
                if move.after:
                    shelf.aliases[move.name, move.alias] = AliasRow(move.name, move.alias, move.after, move.moved_at)
        shelf.moves.update((row.id, row) for row in turn.moves)
        shelf.uses.update((row[:4], row) for row in turn.model_uses)

    def _forget_uses(self, run: int) -> None:
        for key in [key for key in self._registry.uses if key[0] == run]:
            del self._registry.uses[key]
