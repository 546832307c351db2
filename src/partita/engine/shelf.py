"""What the model registry has, with what the turn will write; and how it is told."""

from __future__ import annotations

from collections.abc import Iterable

from partita.engine.book import Book
from partita.errors import GateError, NotFoundError
from partita.protocol.models import ModelName, ModelView, VersionView, metric_numbers
from partita.store.models import ModelRow, MoveRow, VersionRow
from partita.values import size_of, unpack

__all__ = ["LISTED", "Shelf"]

LISTED = 1000


class Shelf:
    """Reads the rows of the store and those of the turn."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def find(self, asked: ModelName) -> VersionRow:
        """The version that a text names.

        Raises:
            NotFoundError: there is none.
        """
        number = asked.number
        if asked.alias:
            aliases = self.aliases(asked.name)
            if asked.alias not in aliases:
                raise self.unknown(asked.name, asked.alias)
            number = aliases[asked.alias]
        return self.need(asked.name, number)

    def version(self, name: str, number: int) -> VersionRow | None:
        """A version; 0: the newest."""
        turn, store = self._book.turn, self._book.store
        fresh = [row for row in turn.versions if row.name == name and (not number or row.number == number)]
        row = max(fresh, key=lambda row: row.number, default=None)
        if row is None:
            row = store.model_version(name, number) if number else next(iter(store.versions(name, limit=1)), None)
            if row is None or (row.name, row.number) in turn.unversioned:
                return None
        for update in turn.version_updates:
            if (update.name, update.number) == (row.name, row.number):
                row = row.noted(update)
        return row

    def need(self, name: str, number: int) -> VersionRow:
        """A version; 0: the newest.

        Raises:
            NotFoundError: there is none.
        """
        row = self.version(name, number)
        if row is None:
            raise self.unknown(name, number=number)
        return row

    def equal(self, name: str, digest: str) -> VersionRow | None:
        """A version that is the same model."""
        fresh = next((row for row in self._book.turn.versions if (row.name, row.digest) == (name, digest)), None)
        return fresh or self._book.store.equal_version(name, digest)

    def knows(self, name: str) -> bool:
        """Whether there is a model of the name."""
        return any(row.name == name for row in self._book.turn.models) or bool(self._book.store.models(name=name))

    def aliases(self, name: str, moves: Iterable[MoveRow] | None = None) -> dict[str, int]:
        """Numbers by alias.

        Args:
            moves: which of the turn's are done by then; default: all.
        """
        found = {row.alias: row.number for row in self._book.store.aliases(name)}
        done = self._book.turn.moves if moves is None else moves
        found |= {row.alias: row.after for row in done if row.name == name and row.is_done}
        return {alias: number for alias, number in found.items() if number}

    def naming(self, name: str, number: int) -> list[str]:
        """The aliases that name a version."""
        return _naming(self.aliases(name), number)

    def unknown(self, name: str, alias: str = "", number: int = 0) -> NotFoundError:
        """There is no such model, alias or version."""
        known = [row.name for row in self._book.store.models(limit=LISTED)]
        if name not in known:
            there = f"there are {', '.join(known[:5])}" if known else "`register` in a task makes one"
            return NotFoundError(f"there is no model {name!r}; {there}")
        if alias:
            aliases = self.aliases(name)
            told = (
                f"it has {', '.join(aliases)}" if aliases else f"`partita models promote {name}:1 {alias}` gives it one"
            )
            return NotFoundError(f"the model {name} has no alias {alias!r}; {told}")
        numbers = [row.number for row in self._book.store.versions(name, limit=5)]
        told = f"its newest are {', '.join(map(str, numbers))}" if numbers else "it has none"
        return NotFoundError(
            f"the model {name} has no version {number}; {told}" if number else f"the model {name} has no version"
        )

    def overtaken(self, name: str, alias: str, before: int, after: int, now: int) -> GateError:
        """Somebody has moved the alias to `now`, while it was to go from `before` to `after`."""
        moves = [*reversed(self._book.turn.moves), *self._book.store.moves(name, alias=alias, limit=LISTED)]
        done = (row for row in moves if (row.name, row.alias, row.after) == (name, alias, now) and row.is_done)
        told = f"it is {now or 'nothing'} now"
        if (last := next(done, None)) is not None:
            told += f", since {last.author or 'somebody'} moved it from {last.before or 'nothing'}"
            told += f" ({last.why})" if last.why else ""
        return GateError(
            f"{name}@{alias} was not moved to {after or 'nothing'}: that was judged when it was {before or 'nothing'}, and "
            f"{told}; judge it again"
        )

    def model_views(self, rows: list[ModelRow]) -> list[ModelView]:
        """Models as they are told: of one, or of many, by a query each for their versions and their aliases."""
        name = rows[0].name if len(rows) == 1 else ""
        counts = {row.name: row for row in self._book.store.version_counts(name)}
        aliases: dict[str, dict[str, int]] = {row.name: {} for row in rows}
        for alias in self._book.store.aliases(name):
            aliases.setdefault(alias.name, {})[alias.alias] = alias.number
        for move in self._book.turn.moves:
            if move.is_done:
                aliases.setdefault(move.name, {})[move.alias] = move.after
        views = []
        for row in rows:
            count = counts.get(row.name)
            views.append(
                ModelView(
                    name=row.name, description=row.description, tags=unpack(row.tags),
                    aliases={alias: number for alias, number in aliases[row.name].items() if number},
                    latest=count.newest if count else 0, versions=count.versions if count else 0, created_at=row.created_at,
                )
            )  # fmt: skip
        return views

    def version_views(self, rows: list[VersionRow]) -> list[VersionView]:
        """Versions of one model as they are told, the newest first."""
        if not rows:
            return []
        name, aliases = rows[0].name, self.aliases(rows[0].name)
        titles: dict[int, list[str]] = {}
        for number, title in self._book.store.evaluation_titles(name, rows[-1].number, rows[0].number):
            titles.setdefault(number, []).append(title)
        views = []
        for row in rows:
            record = unpack(row.record)
            views.append(
                VersionView(
                    model=name, number=row.number, name=f"{name}:{row.number}", aliases=_naming(aliases, row.number),
                    title=str(record.get("title", "")), description=row.description, tags=unpack(row.tags),
                    metrics=metric_numbers(unpack(row.metrics)), record=record, size_bytes=size_of(row.value),
                    run=row.run, step=row.step, author=row.author, created_at=row.created_at,
                    evaluations=titles.get(row.number, []),
                )
            )  # fmt: skip
        return views


def _naming(aliases: dict[str, int], number: int) -> list[str]:
    return sorted(alias for alias, named in aliases.items() if named == number)
