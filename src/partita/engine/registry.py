"""The model registry: what is asked of it, and what is done to it.

It changes in two ways: with the outcome of a step, and by a request from outside of any run. Either way the rows are written
with the turn. What is asked within a turn sees what the turn will write.

An alias is moved by whoever has judged that the version may have it; who judged says which version had it then. If another
has it meanwhile, nothing is moved: the judgement was about another champion.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from partita.engine.book import Book
from partita.errors import GateError, NotFoundError, ProtocolError
from partita.protocol.models import (
    EvaluationView,
    ModelName,
    ModelView,
    MoveView,
    VersionView,
    checked_effect,
    checked_name,
    model_digest,
    parse_name,
)
from partita.store.models import AliasRow, EvaluationRow, ModelRow, ModelUseRow, MoveRow, VersionRow, VersionUpdate
from partita.values import pack, size_of, unpack

__all__ = ["Registry"]

_log = logging.getLogger("partita.engine")

_LISTED = 1000
#: So many numbers that steps were given are remembered, for their next attempts.
_REMEMBERED = 10_000

_Place = tuple[int, int]  # (run, step)


class Registry:
    """Answers requests of clients (`verbs` names them) and of attempts, and takes in what steps have done."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._given: dict[tuple[int, int, str, int], int] = {}  # numbers by run, step, model and how many came before
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
        rows = self._book.store.models(name=name, limit=_LISTED)
        if name and not rows:
            raise self._unknown(name)
        return [self._model_view(row) for row in rows]

    def find(self, fields: dict[str, Any]) -> dict[str, Any]:
        """One version by a text that names it: "version", and "value", the packed node of its Model.

        Raises:
            NotFoundError: there is none.
        """
        row = self._find(parse_name(fields["name"]))
        return {"version": self._view(row), "value": row.value}

    def versions(self, fields: dict[str, Any]) -> list[VersionView]:
        """Versions of a model, the newest first."""
        name, limit = fields["name"], min(int(fields.get("limit") or 100), _LISTED)
        rows = self._book.store.versions(name, before=int(fields.get("before") or 0), limit=limit)
        if not rows and not self._book.store.models(name=name):
            raise self._unknown(name)
        return [self._view(row) for row in rows]

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
            row = self._find(asked)
            used = ModelUseRow(*place, row.name, row.number, asked.alias, self._book.now)
            self._book.turn.model_uses.append(used)
            return {"version": self._view(row), "value": row.value}
        if verb == "model_change":
            return self.change(
                {**fields, "by": self._author(place[0]), "run": self._run_id(place[0]), "step": place[1]}
            )
        if verb in ("models", "model_versions", "model_moves", "model_evaluations", "model_describe"):
            return self.verbs[verb](fields)
        raise NotFoundError(f"an attempt asked for {verb!r}, which this engine does not know")

    def _number_for(self, place: _Place, name: str, digest: str, before: int) -> dict[str, Any]:
        """The number of a version that an attempt is about to register: of the equal one that is there, or a new one."""
        equal = self._equal(name, digest)
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
                _log.error("step %s of run %s did to the registry what cannot be understood", place[1], run)
                refused.append(
                    "what it did to the model registry cannot be understood; is its Partita another version?"
                )
                continue
            try:
                self._apply(*checked, author, run, place[1])
            except (GateError, NotFoundError) as error:
                refused.append(str(error))
        for key in [key for key in self._given if key[:2] == place]:
            del self._given[key]
        return refused

    def change(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Do what an effect says, from outside of any run; for a version without a number, one is given.

        Raises:
            GateError: an alias has moved since it was judged.
            NotFoundError: there is no such version.
        """
        what, told = fields["what"], dict(fields["fields"])
        number, is_new = told.get("number"), True
        if what == "version" and not number:
            name = checked_name(told["name"])
            equal = self._equal(name, model_digest(unpack(told["value"])))
            number = equal.number if equal is not None else self._book.store.next_version_number(name)
            is_new = equal is None
            told["number"] = number
        checked = checked_effect([what, told])
        if checked is None:
            raise ProtocolError(
                f"this is no change of the registry that is understood here: {what!r}; is it another version?"
            )
        if is_new:
            self._apply(*checked, fields.get("by") or "", fields.get("run") or "", int(fields.get("step") or 0))
        return {"number": number, "is_new": is_new}

    def describe(self, fields: dict[str, Any]) -> None:
        """Say something of a model: "description" and "tags", which are added; a tag of no text is taken away."""
        name = fields["name"]
        row = next(iter(self._book.store.models(name=name)), None)
        if row is None:
            raise self._unknown(name)
        self._book.turn.models.append(
            row._replace(
                description=row.description if fields.get("description") is None else str(fields["description"]),
                tags=pack(_added(unpack(row.tags), fields.get("tags") or {})),
            )
        )

    def delete(self, fields: dict[str, Any]) -> None:
        """Forget a version.

        Raises:
            GateError: an alias names it.
        """
        row = self._find(parse_name(fields["name"]))
        aliases = [alias for alias, number in self._aliases(row.name).items() if number == row.number]
        if aliases:
            raise GateError(f"{row.name}:{row.number} is {', '.join(aliases)}; move that to another version first")
        self._book.turn.unversioned.append((row.name, row.number))
        self._book.versions_changed += 1

    def _apply(self, what: str, fields: dict[str, Any], author: str, run: str, step: int) -> None:
        turn, now = self._book.turn, self._book.now
        name = fields["name"]
        if what == "version":
            if not self._knows(name):
                turn.models.append(ModelRow(name, "", pack({}), now))
            self._book.versions_changed += 1
            turn.versions.append(
                VersionRow(
                    name, fields["number"], model_digest(unpack(fields["value"])), fields["value"], pack(fields["record"]),
                    pack(fields["metrics"]), pack(fields["tags"]), fields["description"], run, step, author, now,
                )
            )  # fmt: skip
        elif what == "evaluation":
            self._need(name, fields["number"])
            row = EvaluationRow(name, fields["number"], fields["title"], fields["value"], run, step, now)
            turn.evaluations.append(row)
        elif what == "note":
            self._note(fields)
        else:
            self._move(fields, author)

    def _note(self, fields: dict[str, Any]) -> None:
        turn = self._book.turn
        row = self._need(fields["name"], fields["number"])
        metrics, tags = {**unpack(row.metrics), **fields["metrics"]}, _added(unpack(row.tags), fields["tags"])
        update = VersionUpdate(
            pack(metrics), pack(tags), fields["description"] or row.description, row.name, row.number
        )
        if row in turn.versions:
            place = turn.versions.index(row)
            turn.versions[place] = row._replace(
                metrics=update.metrics, tags=update.tags, description=update.description
            )
        else:
            turn.version_updates.append(update)

    def _move(self, fields: dict[str, Any], author: str) -> None:
        turn, now = self._book.turn, self._book.now
        name, alias, before, after = fields["name"], fields["alias"], fields["before"], fields["after"]
        if after:
            self._need(name, after)
        found = self._aliases(name).get(alias, 0)
        record, why = fields["record"], fields["why"]
        id = self._book.store.next_move_number()
        if record.get("refused"):
            turn.moves.append(MoveRow(id, name, alias, found, found, author, why, now, pack(record)))
            return
        if found == after:
            return  # an attempt that did it before was not heard
        if found != before:
            raise GateError(
                f"{name}@{alias} was not moved to {after}: it was judged when it was {before or 'nothing'}, and it is "
                f"{found or 'nothing'} now; judge it again"
            )
        if after:
            turn.aliases.append(AliasRow(name, alias, after, now))
        else:
            turn.unaliased.append((name, alias))
        turn.moves.append(MoveRow(id, name, alias, before, after, author, why, now, pack(record)))

    # What there is, with what this turn will write

    def _find(self, asked: ModelName) -> VersionRow:
        number = asked.number
        if asked.alias:
            aliases = self._aliases(asked.name)
            if asked.alias not in aliases:
                raise self._unknown(asked.name, asked.alias)
            number = aliases[asked.alias]
        found = self._version(asked.name, number)
        if found is None:
            raise self._unknown(asked.name, number=number)
        return found

    def _version(self, name: str, number: int) -> VersionRow | None:
        turn, store = self._book.turn, self._book.store
        fresh = [row for row in turn.versions if row.name == name and (not number or row.number == number)]
        if fresh:
            return max(fresh, key=lambda row: row.number)
        row = store.model_version(name, number) if number else next(iter(store.versions(name, limit=1)), None)
        if row is None or (row.name, row.number) in turn.unversioned:
            return None
        for update in turn.version_updates:
            if (update.name, update.number) == (row.name, row.number):
                row = row._replace(metrics=update.metrics, tags=update.tags, description=update.description)
        return row

    def _need(self, name: str, number: int) -> VersionRow:
        row = self._version(name, number)
        if row is None:
            raise self._unknown(name, number=number)
        return row

    def _equal(self, name: str, digest: str) -> VersionRow | None:
        fresh = next((row for row in self._book.turn.versions if (row.name, row.digest) == (name, digest)), None)
        return fresh or self._book.store.equal_version(name, digest)

    def _knows(self, name: str) -> bool:
        return any(row.name == name for row in self._book.turn.models) or bool(self._book.store.models(name=name))

    def _aliases(self, name: str) -> dict[str, int]:
        turn = self._book.turn
        found = {row.alias: row.number for row in self._book.store.aliases(name)}
        found |= {row.alias: row.number for row in turn.aliases if row.name == name}
        return {alias: number for alias, number in found.items() if (name, alias) not in turn.unaliased}

    def _unknown(self, name: str, alias: str = "", number: int = 0) -> NotFoundError:
        known = [row.name for row in self._book.store.models(limit=_LISTED)]
        if name not in known:
            there = f"there are {', '.join(known[:5])}" if known else "`register` in a task makes one"
            return NotFoundError(f"there is no model {name!r}; {there}")
        if alias:
            aliases = self._aliases(name)
            told = (
                f"it has {', '.join(aliases)}" if aliases else f"`partita models promote {name}:1 {alias}` gives it one"
            )
            return NotFoundError(f"the model {name} has no alias {alias!r}; {told}")
        numbers = [row.number for row in self._book.store.versions(name, limit=5)]
        told = f"its newest are {', '.join(map(str, numbers))}" if numbers else "it has none"
        return NotFoundError(
            f"the model {name} has no version {number}; {told}" if number else f"the model {name} has no version"
        )

    # For people and programs

    def _model_view(self, row: ModelRow) -> ModelView:
        newest = self._book.store.versions(row.name, limit=_LISTED)
        return ModelView(
            name=row.name, description=row.description, tags=unpack(row.tags), aliases=self._aliases(row.name),
            latest=newest[0].number if newest else 0, versions=len(newest), created_at=row.created_at,
        )  # fmt: skip

    def _view(self, row: VersionRow) -> VersionView:
        aliases = [alias for alias, number in self._aliases(row.name).items() if number == row.number]
        record = unpack(row.record)
        return VersionView(
            model=row.name, number=row.number, name=f"{row.name}:{row.number}", aliases=sorted(aliases),
            title=str(record.get("title", "")), description=row.description, tags=unpack(row.tags),
            metrics=unpack(row.metrics), record=record, size_bytes=size_of(row.value), run=row.run, step=row.step,
            author=row.author, created_at=row.created_at,
            evaluations=[found.title for found in self._book.store.evaluations(row.name, row.number)],
        )  # fmt: skip

    def _author(self, run: int) -> str:
        live = self._book.lives.get(run)
        options = live.options if live is not None else {}
        return str(options.get("user") or options.get("owner") or "")

    def _run_id(self, run: int) -> str:
        live = self._book.lives.get(run)
        return live.run.id if live is not None else ""


def _added(tags: dict[str, str], more: dict[str, str]) -> dict[str, str]:
    return {key: str(text) for key, text in {**tags, **more}.items() if text}
