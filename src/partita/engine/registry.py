"""The model registry: what is asked of it, and what is done to it.

It changes in two ways: with the outcome of a step, and by a request from outside of any run. Either way the rows are written
with the turn. What is asked within a turn sees what the turn will write.

An alias is moved by whoever has judged that the version may have it; who judged says which version had it then. If another
has it meanwhile, nothing is moved: the judgement was about another champion. Where another engine moves it in the same moment,
the store refuses the turn; the move is taken out of it, and who asked is told so when the rest is committed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from partita.engine.book import Book
from partita.engine.shelf import LISTED, Shelf
from partita.errors import GateError, NotFoundError, PartitaError, ProtocolError, StaleMoveError
from partita.protocol.models import (
    EvaluationView,
    ModelView,
    MoveView,
    VersionView,
    added_metrics,
    checked_effect,
    checked_name,
    model_digest,
    parse_name,
)
from partita.store.models import EvaluationRow, ModelRow, ModelUseRow, MoveRow, VersionRow, VersionUpdate, added_tags
from partita.values import pack, unpack

__all__ = ["Registry"]

_log = logging.getLogger("partita.engine")

#: So many numbers that steps were given are remembered, for their next attempts.
_REMEMBERED = 10_000

_Place = tuple[int, int]  # (run, step)
_Key = (
    int | tuple[str, int]
)  # of what the store may refuse: a move's id, or the model and number of a version to be forgotten


class Registry:
    """Answers requests of clients (`verbs` names them) and of attempts, and takes in what steps have done."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._shelf = Shelf(book)
        self._given: dict[tuple[int, int, str, int], int] = {}  # numbers by run, step, model and how many came before
        self._of_steps: dict[int, _Place] = {}  # moves of this turn that came with the outcome of a step, by their ids
        self._refused: dict[_Key, PartitaError] = {}  # what of this turn the store refused
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "models": self.models, "model_find": self.find, "model_versions": self.versions, "model_moves": self.moves,
            "model_evaluations": self.evaluations, "model_change": self.change, "model_describe": self.describe,
            "model_delete": self.delete, "model_uses": self.uses, "model_made": self.made,
        }  # fmt: skip

    # What is asked

    def models(self, fields: dict[str, Any]) -> list[ModelView]:
        """The models of the registry, or the one of a name.

        Raises:
            NotFoundError: there is none of that name.
        """
        name = fields.get("name") or ""
        rows = self._book.store.models(name=name, limit=LISTED)
        if name and not rows:
            raise self._shelf.unknown(name)
        return self._shelf.model_views(rows)

    def find(self, fields: dict[str, Any]) -> dict[str, Any]:
        """One version by a text that names it: "version", and "value", the packed node of its Model.

        Raises:
            NotFoundError: there is none.
        """
        row = self._shelf.find(parse_name(fields["name"]))
        return {"version": self._shelf.version_views([row])[0], "value": row.value}

    def versions(self, fields: dict[str, Any]) -> list[VersionView]:
        """Versions of a model, the newest first."""
        name, limit = fields["name"], min(int(fields.get("limit") or 100), LISTED)
        rows = self._book.store.versions(name, before=int(fields.get("before") or 0), limit=limit)
        if not rows and not self._book.store.models(name=name):
            raise self._shelf.unknown(name)
        return self._shelf.version_views(rows)

    def moves(self, fields: dict[str, Any]) -> list[MoveView]:
        """What was done to a model's aliases, the latest first."""
        rows = self._book.store.moves(
            fields["name"], alias=fields.get("alias") or "", limit=int(fields.get("limit") or 100)
        )
        return [
            MoveView(
                id=row.id, alias=row.alias, before=row.before, after=row.after, author=row.author, why=row.why,
                moved_at=row.moved_at, record=unpack(row.record),
            )
            for row in rows
        ]  # fmt: skip

    def evaluations(self, fields: dict[str, Any]) -> list[EvaluationView]:
        """What was found out about a version, by title."""
        rows = self._book.store.evaluations(fields["name"], int(fields["number"]))
        return [
            EvaluationView(title=row.title, value=row.value, run=row.run, step=row.step, made_at=row.made_at)
            for row in rows
        ]

    def uses(self, fields: dict[str, Any]) -> list[list[Any]]:
        """[run, step, model, number, alias] of the steps that were given a version, or of a run's steps."""
        store = self._book.store
        run = store.run(fields["run"]) if fields.get("run") else None
        if fields.get("run") and run is None:
            return []
        rows = store.model_uses(
            run=run.number if run else 0, name=fields.get("name") or "", number=int(fields.get("number") or 0)
        )
        ids = {row.run: store.run_by_number(row.run) for row in rows}
        return [
            [made.id, row.step, row.name, row.number, row.alias] for row in rows if (made := ids[row.run]) is not None
        ]

    def made(self, fields: dict[str, Any]) -> list[list[Any]]:
        """[step, model, number] of the versions that a run registered."""
        return [[row.step, row.name, row.number] for row in self._book.store.versions_made(fields["run"])]

    def asked(self, place: _Place, verb: str, fields: dict[str, Any]) -> Any:
        """What an attempt asks."""
        try:
            return self._asked(place, verb, fields)
        except (TypeError, ValueError, AttributeError) as error:  # of what the user's code has put together
            raise ProtocolError(f"{verb} cannot be understood: {type(error).__name__}: {error}") from error

    def _asked(self, place: _Place, verb: str, fields: dict[str, Any]) -> Any:
        if verb == "model_number":
            return self._number_for(place, checked_name(fields["name"]), str(fields["digest"]), int(fields["before"]))
        if verb == "model_load":
            asked = parse_name(fields["name"])
            row = self._shelf.find(asked)
            used = ModelUseRow(*place, row.name, row.number, asked.alias, self._book.now)
            self._book.turn.model_uses.append(used)
            return {"version": self._shelf.version_views([row])[0], "value": row.value}
        if verb == "model_change":
            return self.change(
                {**fields, "by": self._author(place[0]), "run": self._run_id(place[0]), "step": place[1]}
            )
        if verb in ("models", "model_versions", "model_moves", "model_evaluations", "model_describe"):
            return self.verbs[verb](fields)
        raise NotFoundError(f"an attempt asked for {verb!r}, which this engine does not know")

    def _number_for(self, place: _Place, name: str, digest: str, before: int) -> dict[str, Any]:
        """The number of a version that an attempt is about to register: of the equal one that is there, or a new one."""
        equal = self._shelf.equal(name, digest)
        if equal is not None:
            return {"number": equal.number, "is_new": False}
        key = (*place, name, before)
        if key not in self._given:
            if len(self._given) >= _REMEMBERED:
                self._given.pop(next(iter(self._given)))
            self._given[key] = self._book.store.next_version_number(name)
        return {"number": self._given[key], "is_new": True}

    # What is done

    def land(self, place: _Place, effects: Any, fingerprint: str = "") -> list[str]:
        """Take in what a step has done, with its outcome; in words, what of it could not be done.

        Args:
            fingerprint: of the code that the step's function reaches.
        """
        refused: list[str] = []
        author, run = self._author(place[0]), self._run_id(place[0])
        for effect in effects if type(effects) is list else ():
            checked = checked_effect(effect)
            if checked is not None and checked[0] == "version":
                checked[1]["record"]["fingerprint"] = fingerprint
            if checked is None:
                _log.error(
                    "step %s of run %s did to the registry what cannot be understood",
                    place[1],
                    run,
                    extra={"run": run, "step": place[1]},
                )
                refused.append(
                    "what it did to the model registry cannot be understood; is its Partita another version?"
                )
                continue
            try:
                move = self._apply(*checked, author, run, place[1])
                if move:
                    self._of_steps[move] = place
            except (GateError, NotFoundError) as error:
                refused.append(str(error))
        for key in [key for key in self._given if key[:2] == place]:
            del self._given[key]
        return refused

    def change(self, fields: dict[str, Any]) -> Any:
        """Do what an effect says, from outside of any run; for a version without a number, one is given.

        Gives "number" and "is_new", or a function that gives these, or raises, once the turn is committed.

        Raises:
            GateError: an alias has moved since it was judged.
            NotFoundError: there is no such version.
        """
        what, told = fields["what"], dict(fields["fields"])
        number, is_new = told.get("number"), True
        if what == "version" and not number:
            name = checked_name(told["name"])
            equal = self._shelf.equal(name, model_digest(unpack(told["value"])))
            number = equal.number if equal is not None else self._book.store.next_version_number(name)
            is_new = equal is None
            told["number"] = number
        checked = checked_effect([what, told])
        if checked is None:
            raise ProtocolError(
                f"this is no change of the registry that is understood here: {what!r}; is it another version?"
            )
        answer = {"number": number, "is_new": is_new}
        if not is_new:
            return answer
        move = self._apply(*checked, fields.get("by") or "", fields.get("run") or "", int(fields.get("step") or 0))
        return self._unless_refused(move, answer) if move else answer

    def describe(self, fields: dict[str, Any]) -> None:
        """Say something of a model: "description" and "tags", which are added; a tag of no text is taken away."""
        name = fields["name"]
        row = next(iter(self._book.store.models(name=name)), None)
        if row is None:
            raise self._shelf.unknown(name)
        self._book.turn.models.append(
            row._replace(
                description=row.description if fields.get("description") is None else str(fields["description"]),
                tags=pack(added_tags(unpack(row.tags), fields.get("tags") or {})),
            )
        )
        self._book.news.add("models", row.name)

    def delete(self, fields: dict[str, Any]) -> Callable[[], None]:
        """Forget a version; what it gives is called once the turn is committed, and raises likewise.

        Raises:
            GateError: an alias names it.
        """
        row = self._shelf.find(parse_name(fields["name"]))
        aliases = self._shelf.naming(row.name, row.number)
        if aliases:
            raise _named(row.name, row.number, aliases)
        key = (row.name, row.number)
        self._book.turn.unversioned.append(key)
        self._book.versions_changed += 1
        self._book.answers.append(self._forgot)
        self._book.news.add("models", row.name)
        return self._unless_refused(key, None)

    def _forgot(self) -> None:
        self._book.versions_forgotten += 1

    def withdraw(self, stale: StaleMoveError) -> None:
        """Take out of the turn what the store refuses, since another engine was first, and remember to tell who asked."""
        turn = self._book.turn
        if stale.version is not None:
            name, number = stale.version
            turn.unversioned.remove(stale.version)
            self._refused[stale.version] = _named(name, number, self._shelf.naming(name, number))
            return
        place = next(place for place, row in enumerate(turn.moves) if row.id == stale.move)
        row = turn.moves.pop(place)
        now = self._shelf.aliases(row.name, turn.moves[:place]).get(row.alias, 0)
        if now == row.after:
            return  # the other engine has moved it to the same version
        is_there = not row.after or self._shelf.version(row.name, row.after) is not None
        refusal: PartitaError = (
            self._shelf.overtaken(row.name, row.alias, row.before, row.after, now)
            if is_there
            else self._shelf.unknown(row.name, number=row.after)
        )
        origin = self._of_steps.get(row.id)
        if origin is None:
            self._refused[row.id] = refusal
        elif (live := self._book.lives.get(origin[0])) is not None:
            step = live.run.steps.get(origin[1])
            live.warn(f"{step.name if step is not None else origin[1]}: {refusal}")
            turn.run_updates.append(live.update())

    def committed(self) -> None:
        """The turn is written."""
        self._of_steps.clear()

    def _unless_refused(self, key: _Key, answer: Any) -> Callable[[], Any]:
        """The answer, which is an error where the store has refused what was asked."""

        def told() -> Any:
            refusal = self._refused.pop(key, None)
            if refusal is not None:
                raise refusal
            return answer

        return told

    def _apply(self, what: str, fields: dict[str, Any], author: str, run: str, step: int) -> int:
        """Write it with the turn; the id of the move that it makes, if it makes one."""
        turn, now = self._book.turn, self._book.now
        name = fields["name"]
        self._book.news.add("models", name)
        if what == "version":
            if not self._shelf.knows(name):
                turn.models.append(ModelRow(name, "", pack({}), now))
            self._book.versions_changed += 1
            metrics = added_metrics({}, fields["metrics"], fields["data"])
            turn.versions.append(
                VersionRow(
                    name, fields["number"], model_digest(unpack(fields["value"])), fields["value"], pack(fields["record"]),
                    pack(metrics), pack(fields["tags"]), fields["description"], run, step, author, now,
                )
            )  # fmt: skip
        elif what == "evaluation":
            self._shelf.need(name, fields["number"])
            row = EvaluationRow(name, fields["number"], fields["title"], fields["value"], run, step, now)
            turn.evaluations.append(row)
        elif what == "note":
            self._shelf.need(name, fields["number"])
            turn.version_updates.append(
                VersionUpdate(
                    name, fields["number"], pack(fields["metrics"]), fields["data"], pack(fields["tags"]), fields["description"]
                )
            )  # fmt: skip
        else:
            return self._move(fields, author)
        return 0

    def _move(self, fields: dict[str, Any], author: str) -> int:
        turn, now = self._book.turn, self._book.now
        name, alias, before, after = fields["name"], fields["alias"], fields["before"], fields["after"]
        if after:
            self._shelf.need(name, after)
        found = self._shelf.aliases(name).get(alias, 0)
        record, why = fields["record"], fields["why"]
        id = self._book.store.next_move_number()
        if record.get("refused"):
            turn.moves.append(MoveRow(id, name, alias, found, found, author, why, now, pack(record)))
            return 0
        if found == after:
            return 0  # an attempt that did it before was not heard
        if found != before:
            raise self._shelf.overtaken(name, alias, before, after, found)
        turn.moves.append(MoveRow(id, name, alias, before, after, author, why, now, pack(record)))
        return id

    # Who does it

    def _author(self, run: int) -> str:
        live = self._book.lives.get(run)
        options = live.options if live is not None else {}
        return str(options.get("user") or options.get("owner") or "")

    def _run_id(self, run: int) -> str:
        live = self._book.lives.get(run)
        return live.run.id if live is not None else ""


def _named(name: str, number: int, aliases: list[str]) -> GateError:
    return GateError(f"{name}:{number} is {', '.join(aliases)}; move that to another version first")
