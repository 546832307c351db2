"""What clients ask of waits: which there are, and to send, approve, reject and answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from partita.core.events import Happening
from partita.core.graph import Run, path_of
from partita.core.resolve import resolve, sources
from partita.core.states import FINAL, Kind, State
from partita.engine.book import Book
from partita.engine.reading import Reading, node_parts, node_text
from partita.engine.recovery import Recovery
from partita.errors import AnswerError, NotFoundError
from partita.protocol.forms import filled
from partita.protocol.waits import ADMINISTRATOR, LAUNCHER, WaitSpec, WaitView, may_say
from partita.store.peers import EVENTS
from partita.store.port import EventRow, RunRow, WaitRow
from partita.store.waits import FIRST_WAIT
from partita.values import PLAIN, Node, pack, put_in, unpack

__all__ = ["WaitRequests"]

#: An event lies in a row; what is larger belongs into the artifacts.
EVENT_BYTES = 1 << 20
_WAITS = 1000
#: So far up runs that launched runs are looked for.
_ABOVE = 16


class WaitRequests:
    """Answers requests; `verbs` names them."""

    def __init__(self, book: Book, recovery: Recovery, reading: Reading) -> None:
        self._book = book
        self._recovery = recovery
        self._reading = reading
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "waits": self.waits, "send": self.send, "decide": self.decide, "answer": self.answer,
        }  # fmt: skip

    def waits(self, fields: dict[str, Any]) -> list[WaitView]:
        """Open waits of all runs, oldest first, after one; all waits of one run; or what persons have said, newest runs first."""
        if fields.get("closed"):
            before, limit = tuple(fields.get("before") or (0, 0)), min(fields.get("limit", 50), _WAITS)
            return [self._brief(wait) for wait in self._book.store.closed_waits(before=before, limit=limit)]
        if fields.get("run"):
            row = self._reading.find(fields["run"])
            return [self._view(wait) for wait in self._book.store.waits(row.number)]
        opened_at, run, step = fields.get("after") or FIRST_WAIT
        kinds, limit = [str(kind) for kind in fields.get("kinds") or ()], min(fields.get("limit", _WAITS), _WAITS)
        found = self._book.store.open_waits(kinds=kinds, after=(opened_at, run, step), limit=limit)
        return [self._view(wait) for wait in found]

    def send(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Send an event to a run, or to whichever run waits for it.

        Raises:
            AnswerError: the run has ended.
        """
        number = self._running(fields["run"]) if fields.get("run") else 0
        id, data = fields.get("id") or uuid.uuid4().hex, fields["data"]
        if len(data) > EVENT_BYTES:
            raise AnswerError(
                f"the event's data are {len(data):,} bytes, and at most {EVENT_BYTES:,} are passed on; store them where "
                f"the flow can read them, and send where that is"
            )
        before = self._book.waits.known(number, id)
        if before is not None:
            return {"number": before.number, "is_duplicate": True}
        key = fields.get("key")
        event = EventRow(
            self._book.store.next_event_number(), number, fields["name"], None if key is None else str(key), id, data,
            fields.get("by", ""), self._book.now, None,
        )  # fmt: skip
        self._book.waits.put(event)
        peers = self._book.peers
        if peers is not None and not number:
            self._book.answers.append(lambda: peers.tell(EVENTS))
        return {"number": event.number, "is_duplicate": False}

    def _running(self, name: str) -> int:
        row = self._reading.find(name)
        live = self._book.live(row.id)
        if live is None or live.is_final:
            state = self._reading.run(row.id)["state"]
            raise AnswerError(f"run {row.id} has ended ({state}); nobody waits there for an event")
        return row.number

    def decide(self, fields: dict[str, Any]) -> WaitView:
        """Approve or reject.

        Raises:
            AnswerError: it is decided already, the time is over, or this person may not say.
        """
        place, row, spec, by = self._asked(fields, "approval")
        is_approved, comment = bool(fields["approved"]), str(fields.get("comment") or "")
        if is_approved and by in self._not_by(spec, self._reading.find(fields["run"])):
            raise AnswerError(
                f"{by or 'nobody'} may not approve {row.name!r}, and somebody else has to: it was asked for by them"
            )
        votes = [vote for vote in (unpack(row.votes) if row.votes else []) if vote["by"] != by]
        verdict = "approved" if is_approved else "rejected"
        votes.append({"by": by, "verdict": verdict, "comment": comment, "at": self._book.now})
        self._book.waits.vote(place, votes)
        good = [vote["by"] for vote in votes if vote["verdict"] == "approved"]
        if not is_approved or len(good) >= spec["required"]:
            self._book.waits.decide(place, is_approved, ", ".join(good) if is_approved else by, comment, self._book.now)
        return self._view(row._replace(votes=pack(votes)), outcome="" if self._is_open(place) else verdict)

    def _not_by(self, spec: WaitSpec, run: RunRow) -> list[str]:
        """The names of who may not approve; whoever launched the run, or the run that launched it, is told by name."""
        found: list[str] = []
        for name in spec.get("not_by") or ():
            found += self._launchers(run) if name == LAUNCHER else [name]
        return list(dict.fromkeys(found))

    def _launchers(self, run: RunRow) -> list[str]:
        found: list[str] = []
        above: RunRow | None = run
        for _ in range(_ABOVE):
            if above is None:
                break
            options = unpack(above.options) if above.options else {}
            # An owner is what somebody says; who asked is what the server knows.
            found += [name for name in (options.get("user"), options.get("owner")) if name]
            above = self._book.store.run(options["parent"][0]) if options.get("parent") else None
        return found

    def _is_open(self, place: tuple[int, int]) -> bool:
        return self._book.waits.open_row(place) is not None

    def answer(self, fields: dict[str, Any]) -> WaitView:
        """Answer a question.

        Raises:
            AnswerError: it is answered already, the time is over, or this person may not say.
            CheckError: the answer does not fit the form.
        """
        place, row, spec, by = self._asked(fields, "answer")
        value = filled(spec["form"], fields["value"])
        votes = [{"by": by, "verdict": "answered", "comment": "", "at": self._book.now}]
        self._book.waits.vote(place, votes)
        self._book.waits.end(place, Happening.DONE, "answered", value=pack([PLAIN, value]))
        return self._view(row._replace(votes=pack(votes)), outcome="answered")

    def _asked(self, fields: dict[str, Any], kind: str) -> tuple[tuple[int, int], WaitRow, WaitSpec, str]:
        """The open wait that is meant."""
        row = self._reading.find(fields["run"])
        place = (row.number, fields["step"])
        found = self._book.waits.open_row(place)
        if found is None:
            self._refuse(row.number, row.id, fields["step"])
        wait, spec = found  # type: ignore[misc]
        if wait.kind != kind:
            verbs = {"event": "`partita send`", "approval": "`partita approve`", "answer": "`partita answer`"}
            remedy = f"; {verbs[wait.kind]} ends it" if wait.kind in verbs else ""
            raise AnswerError(f"step {place[1]} of run {row.id} waits for {_WORDS[wait.kind]}{remedy}")
        by = str(fields.get("by") or "")
        if not may_say(spec["by"], by, bool(fields.get("is_administrator"))):
            names = ", ".join("administrators" if name == ADMINISTRATOR else name for name in spec["by"])
            raise AnswerError(f"{by or 'nobody'} may not say to {wait.name!r}; those who may are {names}")
        return place, wait, spec, by

    def _refuse(self, number: int, run: str, step: int) -> None:
        wait = self._book.store.wait(number, step)
        if wait is None:
            found = self._book.store.step(number, step)
            if found is None or found.kind != Kind.WAIT:
                raise NotFoundError(f"step {step} of run {run} waits for nobody; `partita waits` shows what does")
            state = State(found.state)
            when = "has ended without waiting" if state in FINAL else "does not wait yet: something has to come first"
            raise AnswerError(f"step {step} of run {run} {when}")
        votes = unpack(wait.votes) if wait.votes else []
        said = "; ".join(f"{vote['by'] or 'somebody'} {vote['verdict']}" for vote in votes)
        ways = {"timeout": "its time was over", "cancelled": "the run went on without it"}
        reason = ways.get(wait.outcome) or f"it was {wait.outcome or 'decided'}"
        raise AnswerError(f"{wait.name!r} is not open any more: {reason}" + (f" ({said})" if said else ""))

    def _view(self, row: WaitRow, outcome: str | None = None) -> WaitView:
        run_row = self._book.store.run_by_number(row.run)
        assert run_row is not None
        live = self._book.lives.get(row.run)
        run = live.run if live is not None else self._recovery.load(run_row.id)[1]
        shown = self._shown(run, row.step, unpack(row.spec))
        view = self._told(row, run_row, path_of(run, row.step))
        view |= {"previews": _previews(shown), "show": None if shown is None else pack(shown)}
        return view if outcome is None else {**view, "outcome": outcome}

    def _brief(self, row: WaitRow) -> WaitView:
        """Without what was shown: the run it is of is not read for it."""
        run_row = self._book.store.run_by_number(row.run)
        assert run_row is not None
        names: list[str] = []
        step = self._book.store.step(row.run, row.step)
        while step is not None and step.parent >= 0:
            names.append(step.name)
            step = self._book.store.step(row.run, step.parent)
        return self._told(row, run_row, "/".join(reversed(names)))

    def _told(self, row: WaitRow, run: RunRow, path: str) -> WaitView:
        spec: WaitSpec = unpack(row.spec)
        return _view_of(row, run, path, spec, self._not_by(spec, run))

    def _shown(self, run: Run, step: int, spec: WaitSpec) -> Node | None:
        shown = spec.get("show")
        if shown is None:
            return None
        inputs = run.steps[step].inputs
        try:
            values = self._book.values.get_many(run.number, sources(run, inputs))
            return put_in(shown, [unpack(resolve(run, source, values.__getitem__)) for source in inputs])
        except LookupError:
            return None


def _view_of(row: WaitRow, run: RunRow, path: str, spec: WaitSpec, not_by: list[str]) -> WaitView:
    return WaitView(
        run=run.id, number=row.run, flow=run.title, step=row.step, path=path, kind=row.kind, name=row.name, key=row.key,
        by=list(spec.get("by") or ()), not_by=not_by,
        required=spec.get("required", 1), form=spec.get("form"), opened_at=row.opened_at,
        due_at=row.due_at, on_timeout=(spec.get("on_timeout") or [""])[0], votes=unpack(row.votes) if row.votes else [],
        outcome=row.outcome, closed_at=row.closed_at, previews=[],
    )  # fmt: skip


_WORDS = {
    "sleep": "a time", "until": "a moment", "event": "an event", "approval": "an approval", "answer": "an answer",
}  # fmt: skip


def _previews(node: Node | None) -> list[list[str]]:
    if node is None:
        return []
    return [[name, node_text(part)] for name, part in node_parts(node) or [("", node)]]
