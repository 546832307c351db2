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
        for mark, word in (
            (Mark.ADOPTED, "taken over from the run that it reruns"),
            (Mark.CACHED, "taken from the cache"),
        ):
            count = sum(bool(step.marks & mark) for step in self._run.steps.values())
            if count:
                yield _fact("reuse", f"{_steps(count)} {'were' if count > 1 else 'was'} {word}.", count=count)
        yield from self._now()

    # What made the step

    def _origin(self) -> Iterator[Fact]:
        row = self._book.store.step(self._run.number, self._step.id)
        place = row.place if row is not None else ""
        parent = path_of(self._run, self._step.parent)
        where = f" at {place}" if place else ""
        if self._step.kind == Kind.UNDO:
            target = path_of(self._run, self._step.inputs[0][0])
            yield _fact("origin", f"It undoes {target}, because {parent} failed or was cancelled.", step=target)
        elif self._step.fallback_of >= 0:
            source = path_of(self._run, self._step.fallback_of)
            yield _fact("branch", f"It is the fallback of {source}, for the case that that step fails.", step=source)
        else:
            yield _fact("origin", f"{parent} laid it out{where}.", flow=parent, place=place)
        if self._step.kind == Kind.FLOW and self._step.inputs:
            yield self._deferral()

    def _deferral(self) -> Fact:
        count = len(self._history.children(self._step))
        text = "Its body ran only when its inputs were known"
        if self._step.marks & Mark.EXPANDED:
            return _fact("branch", f"{text}; with them it laid out {_steps(count)}.", steps=count)
        if self._history.tries.get(self._step.id):
            return _fact("branch", f"{text}, and laid out no steps.", steps=0)
        if self._step.state in FINAL:
            return _fact("branch", "Its body never ran: what it needs never came to be.", steps=0)
        return _fact("branch", "Its body runs only when its inputs are known.", steps=0)

    def _inputs(self) -> Iterator[Fact]:
        if not self._step.inputs and self._step.fallback_of < 0:
            return
        ready_at, last = self._history.inputs_at(self._step)
        waited_s = ready_at - self._history.laid_at(self._step)
        if last is not None and self._has_begun():
            name = path_of(self._run, last.id)
            text = f"It waited {duration_text(waited_s)} for its inputs; the last of them was {name}."
            yield _fact("inputs", text, seconds=waited_s, last=name)

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
        held = f"; meanwhile there ran {_some(holders)}" if holders else ""
        text = f"It was ready {duration_text(waited_s)} before there was room for it ({asked}){held}."
        yield _fact("resources", text, seconds=waited_s, asked=asked, others=holders[:_NAMED])

    def _holders(self, first: float, last: float) -> Iterator[str]:
        """The steps that ran between two moments, those that ran longest first."""
        found: list[tuple[float, str]] = []
        for row in [self._row, *self._others(first, last)]:
            tries = self._history.tries if row is self._row else _tries_of(self._book, row)
            for step, made in ((step, made) for step, several in tries.items() for made in several):
                overlap = min(made.ended_at or last, last) - max(made.began_at, first)
                if overlap > 0 and (row is not self._row or step != self._step.id):
                    name = path_of(self._run, step) if row is self._row else f"step {step} of run {row.id}"
                    found.append((overlap, name))
        for _, name in sorted(found, reverse=True):
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
            why = f"chosen from {', '.join(names)}"
        elif self._profile.executor:
            why = "which the task or its flow names"
        elif self._options.get("executor") not in (None, "", self._book.default_executor):
            why = "which the run was started with"
        else:
            why = "the default, since nobody named another"
        yield _fact("executor", f"It ran on the executor {name}, {why}.", executor=name)

    def _cached(self) -> Iterator[Fact]:
        if self._step.marks & Mark.ADOPTED:
            yield _fact("cache", "Its value was taken over: nothing that it depends on has changed since that run.")
        elif self._profile is not None and self._profile.is_cached and self._step.kind == Kind.TASK:
            told = self._cache.explain({"run": self._row.id, "step": self._step.id})
            words = {"hit": "Taken from the cache", "miss": "Not in the cache", "waiting": "Waits for the cache"}
            text = f"{words.get(told['result'], 'The cache')}: {' '.join(told['reasons'])}"
            yield _fact("cache", text, result=told["result"], source=told["source"])

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
            text = f"Attempt {made.start.number} {_ENDS.get(end.outcome, end.outcome)} ({reason or 'no reason told'}). {after}"
            yield _fact("attempt", text, attempt=made.start.number, outcome=end.outcome)

    def _after(self, made: Try, following: Try | None) -> str:
        profile = self._profile
        assert profile is not None
        if following is not None:
            pause_s = following.start.started_at - (made.ended_at or made.began_at)
            return f"It was tried again after {duration_text(max(pause_s, 0.0))}."
        step = self._step
        if step.state in (State.WAITING, State.READY, State.RUNNING):
            return "It will be tried again."
        if step.marks & Mark.LOST:
            return "It was not tried again: it is marked idempotent=False, and nobody knows whether it did its work."
        if step.state == State.CANCELLED or step.marks & Mark.CANCELLING:
            return "It was not tried again: it was cancelled."
        if step.marks & Mark.DRAINED:
            return "It was not tried again: something around it had failed already."
        if step.failures > profile.retries and profile.retries:
            used = "its one retry was" if profile.retries == 1 else f"its {profile.retries} retries were"
            return f"It was not tried again: {used} used up."
        if not profile.retries and step.failures:
            return "It was not tried again: the task has no retries."
        if step.failures:
            return "It was not tried again: its retry rule does not admit this error."
        return "It was not tried again: it had crashed too often."

    def _fallback(self) -> Iterator[Fact]:
        if self._step.state != State.FAILED:
            return
        for step in self._run.steps.values():
            if step.fallback_of == self._step.id and step.state != State.SKIPPED:
                name = path_of(self._run, step.id)
                how = f"ran in its place, and {step.state.name.lower()}" if step.state in FINAL else "runs in its place"
                yield _fact("branch", f"Its fallback {name} {how}.", step=name)

    def _skipped(self) -> Iterator[Fact]:
        step = self._step
        if step.state != State.SKIPPED:
            return
        error = unpack(step.error) if step.error else {}
        message = str(error.get("message", "")).split("\n")[0]
        if step.marks & Mark.UNMET:
            own = bool(self._history.tries.get(step.id))
            text = "It was skipped by its own code" if own else "It was skipped with a step that it needs"
            yield _fact("skipped", f"{text}: {message or 'there was nothing to do'}.")
            return
        bad = [
            path_of(self._run, number) for number, _, need in step.inputs
            if need != Need.HOLD and self._run.steps[number].state in (State.FAILED, State.CANCELLED, State.SKIPPED)
        ]  # fmt: skip
        if step.fallback_of >= 0 and self._run.steps[step.fallback_of].state == State.SUCCEEDED:
            yield _fact("skipped", "It was not needed: the step that it stands in for succeeded.")
        elif bad:
            yield _fact(
                "skipped", f"It was skipped because it needs {_some(bad)}, which did not succeed.", needs=bad[:_NAMED]
            )
        else:
            yield _fact("skipped", f"It was skipped because the flow around it had failed: {message}.")

    def _waited(self) -> Iterator[Fact]:
        """What ended a wait."""
        row = self._book.store.wait(self._run.number, self._step.id) if self._step.kind == Kind.WAIT else None
        if row is None or row.closed_at is None:
            return
        waited_s, what = row.closed_at - row.opened_at, self._awaited()
        votes = unpack(row.votes) if row.votes else []
        said = "; ".join(f"{vote['by'] or 'somebody'} {vote['verdict']}" for vote in votes)
        how = {"done": "it came", "timeout": "nothing came in time", "cancelled": "the run went on without it"}
        told = f": {how.get(row.outcome, row.outcome)}" + (f" ({said})" if said else "")
        if row.kind in ("sleep", "until") and row.outcome == "done":
            told = ", which came"
        text = f"It waited {duration_text(waited_s)} for {what}{told}."
        yield _fact("wait", text, seconds=waited_s, outcome=row.outcome, votes=votes)

    def _awaited(self) -> str:
        row = self._book.store.wait(self._run.number, self._step.id)
        nouns = {"event": "the event", "approval": "the approval", "answer": "the answer to"}
        if row is None or row.kind not in nouns:
            return "a time"
        key = f" with the key {row.key!r}" if row.key else ""
        return f"{nouns[row.kind]} {row.name!r}{key}"

    # What holds it up now

    def _now(self) -> Iterator[Fact]:
        step = self._step
        if step.state == State.PENDING:
            missing = [
                path_of(self._run, number) for number, _, need in step.inputs
                if need != Need.HOLD and self._run.steps[number].state not in FINAL
            ]  # fmt: skip
            yield _fact("now", f"It waits for {_some(missing) or 'its layout'}.", needs=missing[:_NAMED])
        elif step.state == State.READY and self._profile is not None:
            yield self._lack(self._profile)
        elif step.state == State.WAITING:
            until = (
                ""
                if step.due_at is None
                else f", {duration_text(max(step.due_at - self._book.now, 0.0))} from now at most"
            )
            what = f"for {self._awaited()}" if step.kind == Kind.WAIT else "before its next attempt"
            yield _fact("now", f"It waits {what}{until}.", due_at=step.due_at)
        elif step.state == State.RUNNING and step.kind == Kind.FLOW and step.marks & Mark.EXPANDED:
            below = [
                s for s in self._run.steps.values() if s.state not in FINAL and s.id != step.id and s.kind != Kind.FLOW
            ]
            names = [path_of(self._run, s.id) for s in below if s.state in (State.RUNNING, State.READY, State.WAITING)]
            if names:
                yield _fact("now", f"It goes on: {_some(names)}.", steps=names[:_NAMED])

    def _lack(self, profile: Profile) -> Fact:
        other = self._book.caching.waits_for(self._run.number, self._step.id)
        if other is not None:
            run = self._book.lives[other[0]].run
            name = f"{path_of(run, other[1])} of run {run.id}"
            return _fact("now", f"It waits for an equal step that is being computed: {name}.", step=name)
        prospects = self._book.choosing.why(self._run.number, self._step.id)
        if prospects:
            return self._choice(prospects)
        live = self._book.lives.get(self._run.number)
        lanes = self._book.places(live, self._step.profile)[0] if live is not None else None
        lacking = lanes.pool.lacks(profile.demand) if lanes is not None else []
        if lacking and lanes is not None:
            held, capacity = lanes.pool.held, lanes.pool.capacity
            parts = [f"{n}: {amount_text(n, held[n])} of {amount_text(n, capacity[n])} are held" for n in lacking]
            return _fact("now", f"It is ready, and waits for room ({'; '.join(parts)}).", lacks=lacking)
        return _fact("now", "It is ready, and waits for its turn.", lacks=[])

    def _choice(self, prospects: Sequence[Prospect]) -> Fact:
        """Why it waits for one executor while it might go to others."""
        now_s, (best, *others) = self._book.clock.monotonic(), prospects
        ends = [
            f"on {each.executor} after {duration_text(max(each.end_s - now_s, 0.0))}"
            + (" and at a price" if each.worth_s > each.end_s else "")
            for each in others
        ]
        return _fact(
            "now",
            f"It is ready, and waits for the executor {best.executor}: there it would probably end in "
            f"{duration_text(max(best.end_s - now_s, 0.0))}, {', '.join(ends)}.",
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
        yield _fact("chain", f"What ended last hung on: {shown}.", steps=chain)

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
        then = f" Because of that {_steps(skipped)} {'were' if skipped > 1 else 'was'} skipped." if skipped else ""
        yield _fact("failure", f"What failed first was {name} ({reason}).{then}", step=name, skipped=skipped)


_ENDS = {
    "failed": "failed", "timeout": "ran out of time", "crashed": "crashed", "cancelled": "was cancelled",
    "lost": "was lost with the engine",
}  # fmt: skip


def _tries_of(book: Book, row: RunRow) -> dict[int, list[Try]]:
    found: dict[int, list[Try]] = {}
    for start, end in book.store.attempts(row.number, limit=2000):
        found.setdefault(start.step, []).append(Try(start, end))
    return found


def _fact(topic: str, text: str, **data: Any) -> Fact:
    return Fact(topic=topic, text=text, data=data)


def _steps(count: int) -> str:
    return f"{count:,} step{'s' * (count != 1)}"


def _some(names: list[str]) -> str:
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _asked(demand: Demand) -> str:
    parts = [f"{demand.cpu:g} CPU{'s' * (demand.cpu != 1)}"] if demand.cpu else []
    parts += [size_text(demand.memory_bytes)] if demand.memory_bytes else []
    parts += [f"{demand.gpu:g} GPUs"] if demand.gpu else []
    parts += [f"{count} of the slot {name}" for name, count in demand.slots]
    return ", ".join(parts) or "nothing in particular"
