"""What there is of published flows, with what the turn will write; and how it is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from partita.engine.book import Book
from partita.errors import GateError, NotFoundError
from partita.protocol.publications import LATEST, PublicationName, PublicationView, SourceView, StageMoveView, TypeView
from partita.store.publications import GateFindingRow, PublicationRow, StageMoveRow
from partita.values import unpack

__all__ = ["LISTED", "Published", "is_told", "move_view"]

LISTED = 1000
_PAGE = 4
_NO_SOURCE = SourceView(commit="", branch="", tag="", repository="", is_clean=False)


class Published:
    """Reads the rows of the store and those of the turn."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def find(self, asked: PublicationName, stage: str) -> PublicationRow:
        """The version that a text names.

        Args:
            stage: what is meant where the text names no version, if it has one.

        Raises:
            NotFoundError: there is none.
        """
        if asked.number or asked.stage == LATEST:
            return self.need(asked.name, asked.number)
        held = self.stages(asked.name)
        if asked.stage:
            if asked.stage not in held:
                raise self.unknown(asked.name, asked.stage)
            return self.need(asked.name, held[asked.stage])
        return self.need(asked.name, held.get(stage, 0))

    def version(self, name: str, number: int) -> PublicationRow | None:
        """A version; 0: the newest of which runs may be started, or, where there is none, the newest."""
        publishing, store = self._book.turn.publishing, self._book.store
        fresh = [row for row in publishing.publications if row.name == name and number in (0, row.number)]
        if number:
            row = fresh[0] if fresh else store.publication(name, number)
            return None if row is None else self._as_of_now(row)
        first: PublicationRow | None = None
        for row in self._newest_first(name):
            if row.retired_at is None and not self.lacks(row):
                return row
            first = first or row
        return first

    def _newest_first(self, name: str) -> Iterator[PublicationRow]:
        """Versions of a flow; a few are read at a time: most often the first is the one that is wanted."""
        fresh = [row for row in self._book.turn.publishing.publications if row.name == name]
        yield from map(self._as_of_now, reversed(fresh))
        before = 0
        while page := self._book.store.publications(name, before=before, limit=_PAGE):
            yield from map(self._as_of_now, page)
            before = page[-1].number

    def newest(self, name: str) -> PublicationRow | None:
        """The newest version, whatever became of it."""
        fresh = [row for row in self._book.turn.publishing.publications if row.name == name]
        rows = fresh[-1:] or self._book.store.publications(name, limit=1)
        return self._as_of_now(rows[0]) if rows else None

    def _as_of_now(self, row: PublicationRow) -> PublicationRow:
        for retired_at, name, number in self._book.turn.publishing.retired:
            if (name, number) == row[:2] and row.retired_at is None:
                return row._replace(retired_at=retired_at)
        return row

    def need(self, name: str, number: int) -> PublicationRow:
        """A version; 0: the newest.

        Raises:
            NotFoundError: there is none.
        """
        row = self.version(name, number)
        if row is None:
            raise self.unknown(name, number=number)
        return row

    def findings(self, name: str, number: int) -> list[GateFindingRow]:
        """What gates have found of a version."""
        found = {row[:4]: row for row in self._book.store.gate_findings(name, number)}
        found |= {row[:4]: row for row in self._book.turn.publishing.findings if row[:2] == (name, number)}
        return [found[key] for key in sorted(found)]

    def lacks(self, row: PublicationRow) -> list[str]:
        """The gates that were asked when the version was published, and are not met."""
        asked = unpack(row.record).get("gates") or []
        if not asked:
            return []
        met = {item.gate for item in self.findings(row.name, row.number) if not item.stage and item.is_met}
        return [gate for gate in asked if gate not in met]

    def usable(self, row: PublicationRow) -> PublicationRow:
        """The version, if runs of it may be started and a stage may have it.

        Raises:
            GateError: a gate on publishing is not met.
            NotFoundError: it is retired.
        """
        version = f"{row.name}@{row.number}"
        if row.retired_at is not None:
            raise NotFoundError(f"{version} is retired; publish it again, which gives it another number")
        if lacking := self.lacks(row):
            raise GateError(
                f"{version} has not passed what is asked on publishing: {', '.join(lacking)}; `partita flows gates {version}` "
                "tells what was found"
            )
        return row

    def stages(self, name: str) -> dict[str, int]:
        """Numbers of versions by stage."""
        held = {row.stage: row.number for row in self._book.store.stages(name)}
        for move in self._book.turn.publishing.moves:
            if move.name == name and move.is_done:
                held[move.stage] = move.after
        return {stage: number for stage, number in held.items() if number}

    def having(self, name: str, number: int) -> list[str]:
        """The stages that have a version."""
        return sorted(stage for stage, held in self.stages(name).items() if held == number)

    def views(self, rows: Sequence[PublicationRow]) -> list[PublicationView]:
        """As records, without graphs."""
        return [self.view(self._as_of_now(row)) for row in rows]

    def view(self, row: PublicationRow, *, with_graph: bool = False) -> PublicationView:
        """As a record."""
        told = unpack(row.record)
        return PublicationView(
            name=row.name, number=row.number, version=f"{row.name}@{row.number}", flow=row.flow,
            title=told.get("title") or row.flow.rpartition(":")[2], bundle=row.bundle, code=told.get("code") or "",
            summary=told.get("summary") or "", description=told.get("description") or "",
            parameters=told.get("parameters") or [], returns=told.get("returns") or TypeView(type="Any", kind="any"),
            graph=unpack(told["graph"]) if with_graph and told.get("graph") else None, warnings=told.get("warnings") or [],
            source=told.get("source") or _NO_SOURCE, note=row.note, by=row.author, published_at=row.created_at,
            retired_at=row.retired_at, stages=self.having(row.name, row.number), is_new=False, lacks=self.lacks(row),
        )  # fmt: skip

    def unknown(self, name: str, stage: str = "", *, number: int = 0) -> NotFoundError:
        """What is said of a version that there is not."""
        newest = self.version(name, 0)
        if newest is None:
            return NotFoundError(f"no flow was published as {name!r}; `partita flows list` shows those there are")
        if stage:
            held = ", ".join(f"{key} ({value})" for key, value in sorted(self.stages(name).items()))
            return NotFoundError(
                f"{name} has no version in the stage {stage!r}; it has {held or 'none in any'}. `partita flows promote "
                f"{name}@{newest.number} --to {stage}` gives it one"
            )
        return NotFoundError(f"{name} has no version {number}; the newest is {name}@{newest.number}")

    def overtaken(self, name: str, stage: str, before: int, after: int, now: int) -> GateError:
        """What is said where a stage was moved since."""
        moves = self._book.store.stage_moves(name, stage=stage, limit=LISTED)
        author = next((move.author for move in moves if move.is_done), "")
        by = f" by {author}" if author else ""
        return GateError(
            f"{name}@{stage} has {now or 'no version'} since it was moved{by}; it was {before or 'none'} when {after or 'none'} "
            "was to take its place. Look at what it has, and ask again"
        )


def is_told(row: StageMoveRow) -> bool:
    """Whether a move is told in lists: one that changed nothing stands there only for its key."""
    return row.is_done or bool(unpack(row.record).get("refused"))


def move_view(row: StageMoveRow) -> StageMoveView:
    """A move as a record; the key with which it was asked stays here."""
    record = {name: value for name, value in unpack(row.record).items() if name not in ("key", "asked")}
    return StageMoveView(
        id=row.id, stage=row.stage, before=row.before, after=row.after, by=row.author, why=row.why, moved_at=row.moved_at,
        record=record,
    )  # fmt: skip
