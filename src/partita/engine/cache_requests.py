"""What clients ask of the cache: what is in it, why a step was or was not taken from it, and to forget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.core.graph import Step, path_of
from partita.core.records import Profile
from partita.core.states import Kind, Mark, State
from partita.engine.book import Book
from partita.engine.reading import Reading
from partita.engine.recovery import Recovery
from partita.errors import NotFoundError
from partita.protocol.requests import CacheEntryView, CacheExplanation
from partita.store.port import CacheRow, RunRow
from partita.units import duration_text
from partita.values import unpack

__all__ = ["CacheRequests"]

#: So many entries of a task are compared with a step that missed.
_COMPARED = 200
_CLEARED = 1_000_000


class CacheRequests:
    """Answers requests; `verbs` names them."""

    def __init__(self, book: Book, recovery: Recovery, reading: Reading) -> None:
        self._book = book
        self._recovery = recovery
        self._reading = reading
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "cache_entries": self.entries, "cache_clear": self.clear, "cache_explain": self.explain,
        }  # fmt: skip

    def entries(self, fields: dict[str, Any]) -> list[CacheEntryView]:
        """What is cached, the newest first."""
        rows = self._book.store.cache_entries(
            function=fields.get("task", ""), limit=min(fields.get("limit", 100), 10_000)
        )
        return [self._view(row) for row in rows]

    def _view(self, row: CacheRow) -> CacheEntryView:
        is_expired = row.expires_at is not None and row.expires_at <= self._book.now
        return CacheEntryView(
            key=row.key.hex(), task=row.title, function=row.function, run=row.run, step=row.step,
            created_at=row.created_at, expires_at=row.expires_at, is_expired=is_expired, hits=row.hits, hit_at=row.hit_at,
        )  # fmt: skip

    def clear(self, fields: dict[str, Any]) -> int:
        """Forget entries of a task, older than a moment, or expired; of all there are where none of these is given.

        Returns how many.

        Raises:
            NotFoundError: nothing is cached of a task of that name.
        """
        task, before, only_expired = fields.get("task", ""), fields.get("before"), bool(fields.get("expired"))
        rows = self._book.store.cache_entries(function=task, limit=_CLEARED)
        if task and not rows:
            raise NotFoundError(f"nothing is cached of {task!r}; `partita cache list` shows what is")
        chosen = [
            row for row in rows
            if (before is None or row.created_at < before)
            and (not only_expired or (row.expires_at is not None and row.expires_at <= self._book.now))
        ]  # fmt: skip
        self._book.turn.uncached.extend(row.key for row in chosen)
        return len(chosen)

    def explain(self, fields: dict[str, Any]) -> CacheExplanation:
        """Why a step was or was not taken from the cache."""
        row = self._reading.find(fields["run"])
        run = self._live_or_stored(row)
        step = run.steps.get(fields["step"])
        if step is None:
            raise NotFoundError(f"run {row.id} has no step {fields['step']}")
        told = CacheExplanation(
            run=row.id, step=step.id, path=path_of(run, step.id), result="none", source=None, reasons=[]
        )
        profile = run.profiles[step.profile] if step.kind == Kind.TASK else None
        if profile is None or not profile.is_cached:
            what = "The task is not cached; give it cache=True." if profile else "Only tasks are cached, flows are not."
            return {**told, "reasons": [what]}
        return self._explained(told, row, step, profile)

    def _live_or_stored(self, row: RunRow) -> Any:
        live = self._book.live(row.id)
        return live.run if live is not None else self._recovery.load(row.id)[1]

    def _explained(self, told: CacheExplanation, row: RunRow, step: Step, profile: Profile) -> CacheExplanation:
        entries = self._book.store.cache_entries(function=profile.function, limit=_COMPARED)
        waits_for = self._book.caching.waits_for(row.number, step.id)
        if step.marks & Mark.CACHED:
            return self._hit(told, row, step, profile, entries)
        if step.marks & Mark.ADOPTED:
            return {
                **told,
                "result": "adopted",
                "reasons": ["The value was taken over from the run that this one reruns."],
            }
        if waits_for is not None:
            where = self._book.lives[waits_for[0]]
            text = f"An equal step is being computed: {path_of(where.run, waits_for[1])} of run {where.run.id}."
            return {**told, "result": "waiting", "reasons": [text]}
        if not step.attempts:
            return {**told, "reasons": ["It has not begun, so nobody has asked the cache yet."]}
        return {**told, "result": "miss", "reasons": self._lacks(row, step, profile, entries)}

    def _hit(
        self, told: CacheExplanation, row: RunRow, step: Step, profile: Profile, entries: list[CacheRow]
    ) -> CacheExplanation:
        parts = self._parts(row, step, profile)
        value = self._book.store.values(row.number, [step.id]).get(step.id)
        source = next((e for e in entries if (e.parts == parts if parts is not None else e.value == value)), None)
        if source is None:
            return {
                **told,
                "result": "hit",
                "reasons": ["An equal step had been computed; its entry is not there any more."],
            }
        made = source.created_at
        age = duration_text(max(row.created_at - made, 0.0))
        text = f"An equal step had been computed {age} before this run began: step {source.step} of run {source.run}."
        same = "Its code, version and arguments are the same." if parts else "Its cache_key gave the same."
        return {**told, "result": "hit", "source": [source.run, source.step], "reasons": [text, same]}

    def _parts(self, row: RunRow, step: Step, profile: Profile) -> bytes | None:
        """What the step's key is made of; None where only a worker knows."""
        if profile.has_cache_key:
            return None
        try:
            run = self._live_or_stored(row)
            packed = self._book.store.arguments(row.number, step.id)
            return self._book.caching.parts(run, step, profile, packed)
        except LookupError:
            return None

    def _lacks(self, row: RunRow, step: Step, profile: Profile, entries: list[CacheRow]) -> list[str]:
        options = unpack(row.options) if row.options else {}
        if options.get("refresh"):
            return ["The run was told to compute everything anew."]
        own = next((entry for entry in entries if (entry.run, entry.step) == (row.id, step.id)), None)
        parts = own.parts if own is not None else self._parts(row, step, profile)
        others = [entry for entry in entries if entry is not own and entry.created_at <= row.created_at]
        if parts is None:
            return ["What its cache_key gave is known only once it has succeeded."]
        if not others:
            return _nothing_there(step, profile, own)
        wanted = unpack(parts)
        best = min(others, key=lambda entry: len(_differences(unpack(entry.parts), wanted)))
        found = _differences(unpack(best.parts), wanted)
        if not found:
            return [_gone(best, row)]
        return [f"The nearest entry is step {best.step} of run {best.run}. Since then:", *found]


def _nothing_there(step: Step, profile: Profile, own: CacheRow | None) -> list[str]:
    told = "Nothing that counts was cached of this task when the run began"
    if own is None:
        failed = ["It failed, and only values are kept."] if step.state == State.FAILED else []
        return [f"{told}, or it has been cleared since.", *failed]
    span_s = profile.cache_expiry_s
    span = "" if span_s is None else f" for {duration_text(span_s)}, and"
    return [f"{told} (a value counts{span} as long as its blobs are there)."]


def _gone(entry: CacheRow, row: RunRow) -> str:
    if entry.expires_at is not None and entry.expires_at <= row.created_at:
        return f"The value of step {entry.step} of run {entry.run} had expired."
    return f"The value of step {entry.step} of run {entry.run} is equal, but its blob is no longer in the artifacts."


def _differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """In words, what differs between the parts of two keys."""
    found: list[str] = []
    if then.get("fingerprint") != now.get("fingerprint"):
        found.append("the code that the task reaches, or its environment, has changed")
    if then.get("version") != now.get("version"):
        found.append(f"its version has changed from {then.get('version')!r} to {now.get('version')!r}")
    if then.get("key") != now.get("key"):
        found.append(f"its cache_key gave {now.get('key')!r}, not {then.get('key')!r}")
    before, after = then.get("arguments") or {}, now.get("arguments") or {}
    for name in sorted({*before, *after}):
        if name not in after:
            found.append(f"the argument {name} is not given any more")
        elif name not in before:
            found.append(f"the argument {name} is given now")
        elif before[name] != after[name]:
            found.append(f"the argument {name} holds something else")
    return found
