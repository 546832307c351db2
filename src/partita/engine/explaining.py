"""Why things went as they went: what a step waited for, why it was tried again, skipped, cached, and where it ran.

An explanation is a list of facts, each a sentence with the numbers and names that it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from partita.core.graph import Run, Step, path_of
from partita.core.placing import able
from partita.core.records import Demand, Profile
from partita.core.resources import amount_text
from partita.core.states import FINAL, Kind, Mark, Need, State
from partita.engine.book import Book
from partita.engine.cache_requests import CacheRequests
from partita.engine.choosing import Prospect
from partita.engine.history import History, Try
from partita.engine.lanes import PLACE_MARK
from partita.engine.reading import Reading
from partita.engine.recovery import Recovery
from partita.errors import NotFoundError
from partita.protocol.requests import ExplanationView, Fact
from partita.protocol.sentences import Sentence, in_words, joined, say, some
from partita.store.port import RunRow
from partita.units import duration_text, size_text
from partita.values import unpack

__all__ = ["Explaining"]

#: A wait for room that was shorter is not worth a word.
_WORTH_S = 0.05
_NAMED = 5
_CHAIN = 50


class Explaining:
    """Answers requests; `verbs` names them."""

    def __init__(self, book: Book, recovery: Recovery, reading: Reading) -> None:
        self._book = book
        self._recovery = recovery
        self._reading = reading
        self._cache = CacheRequests(book, recovery, reading)
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {"explain": self.explain}

    def explain(self, fields: dict[str, Any]) -> ExplanationView:
        """Why a step (or, without one, the run) went as it went."""
        row = self._reading.find(fields["run"])
        live = self._book.live(row.id)
        run = live.run if live is not None else self._recovery.load(row.id)[1]
        number = fields.get("step") or 0
        step = run.steps.get(number)
        if step is None:
            raise NotFoundError(f"run {row.id} has no step {number}")
        history = History(self._book.store, run, row.created_at)
        about = _Step(self._book, self._cache, row, run, step, history)
        facts = list(about.whole_run() if number == 0 else about.facts())
        state = State(step.state).name.lower()
        return ExplanationView(run=row.id, step=number, path=path_of(run, number), state=state, facts=facts)


class _Step:
    """One step that is explained."""

    def __init__(self, book: Book, cache: CacheRequests, row: RunRow, run: Run, step: Step, history: History) -> None:
        self._book = book
        self._cache = cache
        self._row = row
        self._run = run
        self._step = step
        self._history = history
        self._profile: Profile | None = run.profiles[step.profile] if step.profile >= 0 else None
        self._options: dict[str, Any] = unpack(row.options) if row.options else {}

    def facts(self) -> Iterator[Fact]:
        yield from self._origin()
        yield from self._inputs()
        yield from self._room()
        yield from self._place()
        yield from self._cached()
        yield from self._tries()
        yield from self._fallback()
        yield from self._skipped()
        yield from self._waited()
        yield from self._now()

    def whole_run(self) -> Iterator[Fact]:
        """Of the run: what held it up, and what went wrong first."""
        yield from self._tries()
        yield from self._chain()
        yield from self._first_failure()
        for mark, one, several in (
            (Mark.ADOPTED, "one_adopted", "some_adopted"),
            (Mark.CACHED, "one_cached", "some_cached"),
        ):
            count = sum(bool(step.marks & mark) for step in self._run.steps.values())
            if count:
                yield _fact("reuse", say(one) if count == 1 else say(several, count=count), count=count)
        yield from self._now()

    # What made the step

    def _origin(self) -> Iterator[Fact]:
        row = self._book.store.step(self._run.number, self._step.id)
        place = row.place if row is not None else ""
        parent = path_of(self._run, self._step.parent)
        if self._step.kind == Kind.UNDO:
            target = path_of(self._run, self._step.inputs[0][0])
            yield _fact("origin", say("undoes", step=target, flow=parent), step=target)
        elif self._step.fallback_of >= 0:
            source = path_of(self._run, self._step.fallback_of)
            yield _fact("branch", say("is_fallback", step=source), step=source)
        else:
            said = say("laid_out_at", flow=parent, place=place) if place else say("laid_out", flow=parent)
            yield _fact("origin", said, flow=parent, place=place)
        if self._step.kind == Kind.FLOW and self._step.inputs:
            yield self._deferral()

    def _deferral(self) -> Fact:
        count = len(self._history.children(self._step))
        if self._step.marks & Mark.EXPANDED:
            steps = say("one_step") if count == 1 else say("steps", count=count)
            return _fact("branch", say("body_gave", steps=steps), steps=count)
        if self._history.tries.get(self._step.id):
            return _fact("branch", say("body_gave_nothing"), steps=0)
        return _fact("branch", say("body_never_ran" if self._step.state in FINAL else "body_waits"), steps=0)

    def _inputs(self) -> Iterator[Fact]:
        if not self._step.inputs and self._step.fallback_of < 0:
            return
        ready_at, last = self._history.inputs_at(self._step)
        waited_s = ready_at - self._history.laid_at(self._step)
        if last is not None and self._has_begun():
            name = path_of(self._run, last.id)
            yield _fact("inputs", say("waited_for_inputs", waited_s=waited_s, last=name), seconds=waited_s, last=name)

    def _has_begun(self) -> bool:
        return self._step.state in FINAL or self._step.state in (State.RUNNING, State.WAITING)

    # Room, and where it ran

    def _room(self) -> Iterator[Fact]:
        tries = self._history.tries.get(self._step.id)
        if not tries or self._profile is None:
            return
        ready_at, _ = self._history.inputs_at(self._step)
        waited_s = tries[0].start.started_at - ready_at
        if waited_s < _WORTH_S:
            return
        asked = _asked(self._profile.demand)
        holders = list(self._holders(ready_at, tries[0].start.started_at))
        said = say("waited_for_room", waited_s=waited_s, asked=asked)
        if holders:
            said = say("waited_while", waited_s=waited_s, asked=asked, others=some(holders))
        others = [_plain(each) for each in holders[:_NAMED]]
        yield _fact("resources", said, seconds=waited_s, asked=", ".join(map(_plain, asked)), others=others)

    def _holders(self, first: float, last: float) -> Iterator[str | Sentence]:
        """The steps that ran between two moments, those that ran longest first."""
        found: list[tuple[float, str | Sentence]] = []
        for row in [self._row, *self._others(first, last)]:
            tries = self._history.tries if row is self._row else _tries_of(self._book, row)
            for step, made in ((step, made) for step, several in tries.items() for made in several):
                overlap = min(made.ended_at or last, last) - max(made.began_at, first)
                if overlap > 0 and (row is not self._row or step != self._step.id):
                    name = path_of(self._run, step) if row is self._row else say("step_of_run", step=step, run=row.id)
                    found.append((overlap, name))
        for _, name in sorted(found, key=lambda pair: -pair[0]):
            yield name

    def _others(self, first: float, last: float) -> list[RunRow]:
        rows = self._book.store.runs(limit=30)
        return [
            row for row in rows
            if row.number != self._row.number and row.created_at < last and (row.ended_at or last) > first
        ]  # fmt: skip

    def _place(self) -> Iterator[Fact]:
        tries = self._history.tries.get(self._step.id)
        if not tries or self._profile is None:
            return
        name = tries[-1].start.executor.partition(PLACE_MARK)[0]
        default = self._options.get("executor") or self._book.default_executor
        names = able(self._profile, self._book.pools(), default)
        if len(names) > 1:
            said = say("ran_where_chosen", executor=name, names=names)
        elif self._profile.executor:
            said = say("ran_where_named", executor=name)
        elif self._options.get("executor") not in (None, "", self._book.default_executor):
            said = say("ran_where_told", executor=name)
        else:
            said = say("ran_by_default", executor=name)
        yield _fact("executor", said, executor=name)

    def _cached(self) -> Iterator[Fact]:
        if self._step.marks & Mark.ADOPTED:
            yield _fact("cache", say("adopted"))
        elif self._profile is not None and self._profile.is_cached and self._step.kind == Kind.TASK:
            told = self._cache.explain({"run": self._row.id, "step": self._step.id})
            kinds = {"hit": "cache_hit", "miss": "cache_miss", "waiting": "cache_waits"}
            said = [say(kinds.get(told["result"], "cache_told")), *told["said"]]
            yield _fact("cache", *said, result=told["result"], source=told["source"])

    # Attempts

    def _tries(self) -> Iterator[Fact]:
        tries = self._history.tries.get(self._step.id, [])
        for number, made in enumerate(tries):
            end = made.end
            if end is None or end.outcome in ("succeeded", "cached", "skipped", "returned"):
                continue
            error = unpack(end.error) if end.error else {}
            reason = f"{error.get('type', '')}: {error.get('message', '')}".strip(": ").split("\n")[0]
            after = self._after(made, tries[number + 1] if number + 1 < len(tries) else None)
            values = {"attempt": made.start.number, "reason": reason or say("no_reason")}
            if end.outcome in _ENDS:
                said = say(f"attempt_{end.outcome}", **values)
            else:
                said = say("attempt_ended", outcome=end.outcome, **values)
            yield _fact("attempt", said, after, attempt=made.start.number, outcome=end.outcome)

    def _after(self, made: Try, following: Try | None) -> Sentence:
        profile = self._profile
        assert profile is not None
        if following is not None:
            pause_s = following.start.started_at - (made.ended_at or made.began_at)
            return say("tried_again", pause_s=max(pause_s, 0.0))
        step = self._step
        if step.state in (State.WAITING, State.READY, State.RUNNING):
            return say("will_be_tried")
        if step.marks & Mark.LOST:
            return say("not_again_idempotent")
        if step.state == State.CANCELLED or step.marks & Mark.CANCELLING:
            return say("not_again_cancelled")
        if step.marks & Mark.DRAINED:
            return say("not_again_drained")
        if step.failures > profile.retries and profile.retries:
            return say("not_again_one") if profile.retries == 1 else say("not_again_used", retries=profile.retries)
        if not profile.retries and step.failures:
            return say("not_again_none")
        return say("not_again_rule" if step.failures else "not_again_crashes")

    def _fallback(self) -> Iterator[Fact]:
        if self._step.state != State.FAILED:
            return
        for step in self._run.steps.values():
            if step.fallback_of == self._step.id and step.state != State.SKIPPED:
                name = path_of(self._run, step.id)
                is_final, state = step.state in FINAL, step.state.name.lower()
                said = say("fallback_ran", step=name, state=state) if is_final else say("fallback_runs", step=name)
                yield _fact("branch", said, step=name)

    def _skipped(self) -> Iterator[Fact]:
        step = self._step
        if step.state != State.SKIPPED:
            return
        error = unpack(step.error) if step.error else {}
        message = str(error.get("message", "")).split("\n")[0]
        if step.marks & Mark.UNMET:
            own = bool(self._history.tries.get(step.id))
            reason = message or say("nothing_to_do")
            yield _fact("skipped", say("skipped_itself" if own else "skipped_with", reason=reason))
            return
        bad = [
            path_of(self._run, number) for number, _, need in step.inputs
            if need != Need.HOLD and self._run.steps[number].state in (State.FAILED, State.CANCELLED, State.SKIPPED)
        ]  # fmt: skip
        if step.fallback_of >= 0 and self._run.steps[step.fallback_of].state == State.SUCCEEDED:
            yield _fact("skipped", say("not_needed"))
        elif bad:
            yield _fact("skipped", say("needs_failed", needs=some(bad)), needs=bad[:_NAMED])
        else:
            yield _fact("skipped", say("flow_failed", reason=message))

    def _waited(self) -> Iterator[Fact]:
        """What ended a wait."""
        row = self._book.store.wait(self._run.number, self._step.id) if self._step.kind == Kind.WAIT else None
        if row is None or row.closed_at is None:
            return
        waited_s = row.closed_at - row.opened_at
        votes = unpack(row.votes) if row.votes else []
        spoken = [
            say("vote", by=vote["by"], verdict=vote["verdict"]) if vote["by"] else say("somebodys_vote", verdict=vote["verdict"])
            for vote in votes
        ]  # fmt: skip
        how: dict[str, Sentence] = {
            "done": say("it_came"), "timeout": say("nothing_came"), "cancelled": say("went_on"),
        }  # fmt: skip
        values = {"waited_s": waited_s, "what": self._awaited(), "how": how.get(row.outcome, row.outcome)}
        if row.kind in ("sleep", "until") and row.outcome == "done":
            said = say("time_came", waited_s=waited_s)
        else:
            said = say("wait_decided", votes=spoken, **values) if spoken else say("wait_ended", **values)
        yield _fact("wait", said, seconds=waited_s, outcome=row.outcome, votes=votes)

    def _awaited(self) -> Sentence:
        row = self._book.store.wait(self._run.number, self._step.id)
        if row is None or row.kind not in ("event", "approval", "answer"):
            return say("a_time")
        if row.kind == "event" and row.key:
            return say("event_with_key", name=repr(row.name), key=repr(row.key))
        return say(row.kind, name=repr(row.name))

    # What holds it up now

    def _now(self) -> Iterator[Fact]:
        step = self._step
        if step.state == State.PENDING:
            missing = [
                path_of(self._run, number) for number, _, need in step.inputs
                if need != Need.HOLD and self._run.steps[number].state not in FINAL
            ]  # fmt: skip
            said = say("waits_for", what=some(missing)) if missing else say("waits_for_layout")
            yield _fact("now", said, needs=missing[:_NAMED])
        elif step.state == State.READY and self._profile is not None:
            yield self._lack(self._profile)
        elif step.state == State.WAITING:
            values: dict[str, Any] = {"what": self._awaited()} if step.kind == Kind.WAIT else {}
            kind = "waits_for" if values else "waits_to_retry"
            if step.due_at is not None:
                values["due_s"] = max(step.due_at - self._book.now, 0.0)
                kind = "waits_at_most" if kind == "waits_for" else "waits_to_retry_at_most"
            yield _fact("now", say(kind, **values), due_at=step.due_at)
        elif step.state == State.RUNNING and step.kind == Kind.FLOW and step.marks & Mark.EXPANDED:
            below = [
                s for s in self._run.steps.values() if s.state not in FINAL and s.id != step.id and s.kind != Kind.FLOW
            ]
            names = [path_of(self._run, s.id) for s in below if s.state in (State.RUNNING, State.READY, State.WAITING)]
            if names:
                yield _fact("now", say("goes_on", steps=some(names)), steps=names[:_NAMED])

    def _lack(self, profile: Profile) -> Fact:
        other = self._book.caching.waits_for(self._run.number, self._step.id)
        if other is not None:
            run = self._book.lives[other[0]].run
            name = say("path_of_run", path=path_of(run, other[1]), run=run.id)
            return _fact("now", say("waits_for_equal", step=name), step=in_words(name))
        prospects = self._book.choosing.why(self._run.number, self._step.id)
        if prospects:
            return self._choice(prospects)
        live = self._book.lives.get(self._run.number)
        lanes = self._book.places(live, self._step.profile)[0] if live is not None else None
        lacking = lanes.pool.lacks(profile.demand) if lanes is not None else []
        if lacking and lanes is not None:
            held, capacity = lanes.pool.held, lanes.pool.capacity
            parts = [
                say("are_held", name=n, held=amount_text(n, held[n]), capacity=amount_text(n, capacity[n]))
                for n in lacking
            ]
            return _fact("now", say("waits_for_room", lacks=parts), lacks=lacking)
        return _fact("now", say("waits_for_turn"), lacks=[])

    def _choice(self, prospects: Sequence[Prospect]) -> Fact:
        """Why it waits for one executor while it might go to others."""
        now_s, (best, *others) = self._book.clock.monotonic(), prospects
        ends = [
            say(
                "would_end_at_a_price" if each.worth_s > each.end_s else "would_end",
                executor=each.executor, end_s=max(each.end_s - now_s, 0.0),
            )
            for each in others
        ]  # fmt: skip
        return _fact(
            "now",
            say("waits_for_executor", executor=best.executor, end_s=max(best.end_s - now_s, 0.0), others=ends),
            executor=best.executor,
            prospects=[
                {"executor": each.executor, "end_s": max(each.end_s - now_s, 0.0), "worth_s": each.worth_s - now_s}
                for each in prospects
            ],
        )

    # The run

    def _chain(self) -> Iterator[Fact]:
        """The steps that the run's end hung on, each waiting for the one before."""
        steps = [step for step in self._run.steps.values() if step.kind not in (Kind.FLOW, Kind.SETTLE, Kind.GATHER)]
        ended = [(moment, step) for step in steps if (moment := self._history.ended_at(step)) is not None]
        if not ended:
            return
        chain: list[str] = []
        current: Step | None = max(ended, key=lambda pair: pair[0])[1]
        while current is not None and len(chain) < _CHAIN:
            began = [made.began_at for made in self._history.tries.get(current.id, ())]
            ended_at = self._history.ended_at(current)
            if began and ended_at is not None:
                chain.append(f"{path_of(self._run, current.id)} ({duration_text(ended_at - began[0])})")
            elif current.kind == Kind.WAIT:
                chain.append(path_of(self._run, current.id))
            current = self._history.inputs_at(current)[1]
        shown = " <- ".join(chain[:_NAMED]) + (" <- …" if len(chain) > _NAMED else "")
        yield _fact("chain", say("hung_on", chain=shown), steps=chain)

    def _first_failure(self) -> Iterator[Fact]:
        failed = [
            step for step in self._run.steps.values()
            if step.state == State.FAILED and step.kind != Kind.FLOW and not step.marks & Mark.HANDLED
        ]  # fmt: skip
        if not failed:
            return
        first = min(failed, key=lambda step: step.finished)
        error = unpack(first.error) if first.error else {}
        name = path_of(self._run, first.id)
        reason = f"{error.get('type', '')}: {error.get('message', '')}".split("\n")[0]
        skipped = sum(step.state == State.SKIPPED and not step.marks & Mark.UNMET for step in self._run.steps.values())
        said = [say("failed_first", step=name, reason=reason)]
        if skipped:
            said.append(say("one_skipped") if skipped == 1 else say("some_skipped", count=skipped))
        yield _fact("failure", *said, step=name, skipped=skipped)


#: Outcomes of attempts that there is a sentence for.
_ENDS = frozenset({"failed", "timeout", "crashed", "cancelled", "lost"})


def _tries_of(book: Book, row: RunRow) -> dict[int, list[Try]]:
    found: dict[int, list[Try]] = {}
    for start, end in book.store.attempts(row.number, limit=2000):
        found.setdefault(start.step, []).append(Try(start, end))
    return found


def _fact(topic: str, *said: Sentence, **data: Any) -> Fact:
    return Fact(topic=topic, text=joined(said), data=data, said=list(said))


def _plain(said: str | Sentence) -> str:
    return said if isinstance(said, str) else in_words(said)


def _asked(demand: Demand) -> list[str | Sentence]:
    parts: list[str | Sentence] = []
    if demand.cpu:
        parts.append(say("one_cpu") if demand.cpu == 1 else say("cpus", count=f"{demand.cpu:g}"))
    parts += [size_text(demand.memory_bytes)] if demand.memory_bytes else []
    parts += [say("gpus", count=f"{demand.gpu:g}")] if demand.gpu else []
    parts += [say("of_slot", count=count, name=name) for name, count in demand.slots]
    return parts or [say("nothing_asked")]
