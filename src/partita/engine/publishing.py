"""Published flows: what is asked of them, and what is done to them.

They change by requests from outside of any run, and by the attempts of runs that check gates; either way the rows are written
with the turn. What is asked within a turn sees what the turn will write.

A stage is moved by whoever has seen which version it has. If it has another meanwhile, nothing is moved. Where another engine
moves it in the same moment, the store refuses the turn; the move is taken out of it, and who asked is told so when the rest is
committed.

A key that somebody gives with a move is written with it, in the same turn: who asks again with it gets that move, whatever became
of the stage since. For this a move that changes nothing is written, too, where it has a key; it is told in no list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from partita.engine.book import Book
from partita.engine.gates import Gates
from partita.engine.published import LISTED, Published, is_told, move_view
from partita.errors import ConflictError, GateError, NotFoundError, PartitaError, ProtocolError, StaleMoveError
from partita.protocol.publications import (
    PublicationView,
    StageMoveView,
    StageView,
    checked_flow_name,
    checked_stage,
    parse_publication,
)
from partita.store.publications import PublicationRow, StageMoveRow
from partita.values import pack, unpack

__all__ = ["Publications"]

#: So often a stage was moved at most for the way back to be found.
_HISTORY = 1000
_PAGE = 100
_RECORD_BYTES = 8 << 20

_Key = int | tuple[str, int]  # of what the store may refuse: a move's id, or what is to be retired


class Publications:
    """Answers requests of clients (`verbs` names them) and of attempts that check gates."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.published = Published(book)
        self.gates = Gates(book, self.published, self._move)
        self._refused: dict[_Key, PartitaError] = {}  # what of this turn the store refused
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "publish": self.publish, "publications": self.publications, "publication_find": self.find,
            "publication_retire": self.retire, "stages": self.stages, "stage_move": self.move, "stage_back": self.back,
            "stage_moves": self.moves, "stage_move_of_key": self.move_of_key, "gates": self.gates.state,
        }  # fmt: skip

    def asked(self, run: str, step: int, verb: str, fields: dict[str, Any]) -> Any:
        """What an attempt asks: one of a run that checks gates says what they found, and moves the stage in the end."""
        try:
            return self.gates.asked(run, step, verb, fields)
        except (TypeError, ValueError, AttributeError) as error:
            raise ProtocolError(f"{verb} cannot be understood: {type(error).__name__}: {error}") from error

    # What is asked

    def publications(self, fields: dict[str, Any]) -> list[PublicationView]:
        """Versions of a flow, the newest first; without a name the newest of each flow, by name."""
        name, limit = fields.get("name") or "", max(1, min(int(fields.get("limit") or 50), LISTED))
        store = self._book.store
        if not name:
            rows = store.newest_publications(after=str(fields.get("after") or ""), limit=limit)
        else:
            rows = store.publications(checked_flow_name(name), before=int(fields.get("before") or 0), limit=limit)
            if not rows and not store.publications(name, limit=1):
                raise self.published.unknown(name)
        return self.published.views(rows)

    def find(self, fields: dict[str, Any]) -> PublicationView:
        """One version by a text that names it, with its graph; "stage" is what a text without a version means.

        Raises:
            NotFoundError: there is none.
        """
        asked = parse_publication(fields["name"])
        return self.published.view(self.published.find(asked, fields.get("stage") or ""), with_graph=True)

    def stages(self, fields: dict[str, Any]) -> list[StageView]:
        """The stages that a flow has been in, by name."""
        name = checked_flow_name(fields["name"])
        self.published.need(name, 0)
        held = self.published.stages(name)
        found: list[StageView] = []
        for stage, number in sorted(held.items()):
            move = next((row for row in self._moves(name, stage) if row.is_done), None)
            found.append(
                StageView(
                    stage=stage, number=number, version=f"{name}@{number}", moved_at=move.moved_at if move else None,
                    by=move.author if move else "", why=move.why if move else "",
                )
            )  # fmt: skip
        return found

    def moves(self, fields: dict[str, Any]) -> list[StageMoveView]:
        """What was done to a flow's stages, the latest first."""
        name, stage = checked_flow_name(fields["name"]), fields.get("stage") or ""
        limit = max(1, min(int(fields.get("limit") or 100), LISTED))
        rows = filter(is_told, self._stored_moves(name, stage, int(fields.get("before") or 0), limit))
        return [move_view(row) for row in islice(rows, limit)]

    def move_of_key(self, fields: dict[str, Any]) -> StageMoveView | None:
        """What was done when this was asked with its key before; None: it was not.

        Raises:
            ConflictError: the key was given to something else.
        """
        row = self._of_key(fields)
        return move_view(row) if row is not None else None

    # What is done

    def publish(self, fields: dict[str, Any]) -> PublicationView:
        """A new version of a flow; or the newest one again, where what is published is equal to it."""
        book, name = self._book, checked_flow_name(fields["name"])
        flow, bundle, record = str(fields["flow"]), str(fields["bundle"]), fields["record"]
        if type(record) is not dict or not flow or not bundle:
            raise ProtocolError("this is no publication that is understood here; is it another version?")
        digest = hashlib.blake2b(f"{flow}\0{bundle}".encode(), digest_size=16).hexdigest()
        newest = self.published.newest(name)
        if newest is not None and newest.digest == digest and newest.retired_at is None:
            return self.published.view(newest, with_graph=True)
        # The graph is packed by itself, so that lists need not open it.
        graph = record.get("graph")
        packed = pack({**record, "graph": pack(graph) if graph is not None else None})
        if len(packed) > _RECORD_BYTES:
            raise ProtocolError(
                f"what is to be known of {name} has {len(packed):,} bytes; at most {_RECORD_BYTES:,} are kept"
            )
        number = book.store.next_publication_number(name)
        row = PublicationRow(
            name, number, digest, flow, bundle, packed, str(fields.get("note") or ""), str(fields.get("by") or ""),
            book.now, None,
        )  # fmt: skip
        book.turn.publishing.publications.append(row)
        book.news.add("flows", name)
        return {**self.published.view(row, with_graph=True), "is_new": True}

    def retire(self, fields: dict[str, Any]) -> Callable[[], None]:
        """Let no run be started of a version any more; what it gives is called once the turn is committed.

        Raises:
            GateError: a stage has it.
        """
        asked = parse_publication(fields["name"])
        if not asked.number:
            raise NotFoundError(f"{fields['name']!r} names no version by its number; write {asked.name}@3")
        row = self.published.need(asked.name, asked.number)
        key = (row.name, row.number)
        stages = self.published.having(row.name, row.number)
        if stages:
            raise _had(*key, stages)
        if row.retired_at is None:
            self._book.turn.publishing.retired.append((self._book.now, *key))
            self._book.news.add("flows", row.name)
        return self._unless_refused(key, None)

    def move(self, fields: dict[str, Any]) -> Callable[[], StageMoveView]:
        """Let a stage have a version (0: none); "before" is what it had when that was decided, -1: whatever it has.

        With a "key" that a move was asked with before, that move; "asked" is a hash of what is asked.

        Raises:
            ConflictError: the key was given to something else.
            GateError: it has another version since.
            NotFoundError: there is no such version, or it is retired.
        """
        name, stage = checked_flow_name(fields["name"]), checked_stage(fields["stage"])
        before, after = int(fields.get("before", -1)), int(fields["after"])
        if (made := self._of_key(fields)) is not None:
            return self._made_before(made, fields)
        record = fields["record"] if type(fields.get("record")) is dict else {}
        if fields.get("key"):
            record = {**record, "key": str(fields["key"]), "asked": str(fields.get("asked") or "")}
        row = self._move(name, stage, before, after, str(fields.get("by") or ""), str(fields.get("why") or ""), record)
        return self._unless_refused(row.id, move_view(row))

    def back(self, fields: dict[str, Any]) -> Callable[[], StageMoveView]:
        """Let a stage have the version that it had before. No gate is asked: this is the way out.

        Raises:
            NotFoundError: it had none that is not retired.
        """
        name, stage = checked_flow_name(fields["name"]), checked_stage(fields["stage"])
        if (made := self._of_key(fields)) is not None:
            return self._made_before(made, fields)
        held: list[int] = []  # what it had, one upon the other
        for row in reversed([*islice((row for row in self._moves(name, stage) if row.is_done), _HISTORY)]):
            if unpack(row.record).get("rollback") and held:
                while held and held[-1] != row.after:
                    held.pop()
            elif row.after:
                held.append(row.after)
        now = self.published.stages(name).get(stage, 0)
        former = [number for number in (held[:-1] if now else held) if number != now and self._is_live(name, number)]
        if not former:
            raise NotFoundError(
                f"{name}@{stage} had no other version before that is not retired; `partita flows versions {name}` lists "
                "versions, and `partita flows promote` gives it one"
            )
        return self.move(
            {**fields, "before": now, "after": former[-1], "record": {"rollback": True}}
        )  # fmt: skip

    def withdraw(self, stale: StaleMoveError) -> None:
        """Take out of the turn what the store refuses, since another engine was first, and remember to tell who asked."""
        publishing = self._book.turn.publishing
        if stale.publication is not None:
            name, number = stale.publication
            publishing.retired = [row for row in publishing.retired if row[1:] != stale.publication]
            self._refused[stale.publication] = _had(name, number, self.published.having(name, number))
            return
        place = next(place for place, row in enumerate(publishing.moves) if row.id == stale.stage_move)
        row = publishing.moves.pop(place)
        now = self.published.stages(row.name).get(row.stage, 0)
        if now != row.after:
            self._refused[row.id] = self.published.overtaken(row.name, row.stage, row.before, row.after, now)

    def _is_live(self, name: str, number: int) -> bool:
        row = self.published.version(name, number)
        return row is not None and row.retired_at is None and not self.published.lacks(row)

    def _moves(self, name: str, stage: str = "") -> Iterator[StageMoveRow]:
        """Moves of a flow's stages, or of one, the latest first, with those of the turn."""
        for row in reversed(self._book.turn.publishing.moves):
            if row.name == name and stage in ("", row.stage):
                yield row
        yield from self._stored_moves(name, stage)

    def _stored_moves(self, name: str, stage: str, before: int = 0, limit: int = _PAGE) -> Iterator[StageMoveRow]:
        """Moves of the store, read a page at a time."""
        while rows := self._book.store.stage_moves(name, stage=stage, before=before, limit=limit):
            yield from rows
            if len(rows) < limit:
                return
            before = rows[-1].id

    def _of_key(self, fields: dict[str, Any]) -> StageMoveRow | None:
        """The move of the flow that was asked with this key.

        Raises:
            ConflictError: it was something else.
        """
        key, asked = str(fields.get("key") or ""), str(fields.get("asked") or "")
        if not key:
            return None
        # A record is opened only where the key may be in it: a flow may have been moved very often.
        for row in self._moves(checked_flow_name(fields["name"])):
            if key.encode() in row.record and (record := unpack(row.record)).get("key") == key:
                if record.get("asked") != asked:
                    raise ConflictError(
                        f"{row.name}@{row.stage} was given {row.after or 'no version'} with this key, which asks for something "
                        "else now; give another key, or ask what was asked before"
                    )
                return row
        return None

    def _made_before(self, made: StageMoveRow, fields: dict[str, Any]) -> Callable[[], StageMoveView]:
        """The answer that a move of before is; one of this turn may yet be refused by the store."""

        def told() -> StageMoveView:
            if self._of_key(fields) is None:
                now = self.published.stages(made.name).get(made.stage, 0)
                raise self.published.overtaken(made.name, made.stage, made.before, made.after, now)
            return move_view(made)

        return told

    def _move(
        self, name: str, stage: str, before: int, after: int, author: str, why: str, record: dict[str, Any]
    ) -> StageMoveRow:
        """Write it with the turn."""
        if after:
            self.published.usable(self.published.need(name, after))
        now = self.published.stages(name).get(stage, 0)
        if record.get("refused"):
            before = after = now
        elif before >= 0 and now not in (before, after):
            raise self.published.overtaken(name, stage, before, after, now)
        id = self._book.store.next_stage_move_number()
        row = StageMoveRow(id, name, stage, now, after, author, why, self._book.now, pack(record))
        if now != after or record.get("refused") or record.get("key"):
            self._book.turn.publishing.moves.append(row)
            self._book.news.add("flows", name)
        return row

    def _unless_refused(self, key: _Key, answer: Any) -> Callable[[], Any]:
        """The answer, which is an error where the store has refused what was asked."""

        def told() -> Any:
            refusal = self._refused.pop(key, None)
            if refusal is not None:
                raise refusal
            return answer

        return told


def _had(name: str, number: int, stages: list[str]) -> GateError:
    return GateError(f"{name}@{number} is what {', '.join(stages)} has; give the stage another version first")
