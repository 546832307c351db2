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
from partita.protocol.sentences import Sentence, in_words, say
from partita.store.port import CacheRow, RunRow
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
            run=row.id, step=step.id, path=path_of(run, step.id), result="none", source=None, reasons=[], said=[]
        )
        profile = run.profiles[step.profile] if step.kind == Kind.TASK else None
        if profile is None or not profile.is_cached:
            return _with(told, [say("not_cached" if profile else "flow_not_cached")])
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
            return _with(told, [say("adopted_from_rerun")], "adopted")
        if waits_for is not None:
            where = self._book.lives[waits_for[0]]
            name = say("path_of_run", path=path_of(where.run, waits_for[1]), run=where.run.id)
            return _with(told, [say("equal_being_computed", step=name)], "waiting")
        if not step.attempts:
            return _with(told, [say("not_asked")])
        return _with(told, self._lacks(row, step, profile, entries), "miss")

    def _hit(
        self, told: CacheExplanation, row: RunRow, step: Step, profile: Profile, entries: list[CacheRow]
    ) -> CacheExplanation:
        parts = self._parts(row, step, profile)
        value = self._book.store.values(row.number, [step.id]).get(step.id)
        source = next((e for e in entries if (e.parts == parts if parts is not None else e.value == value)), None)
        if source is None:
            return _with(told, [say("equal_gone")], "hit")
        age_s = max(row.created_at - source.created_at, 0.0)
        reasons = [
            say("equal_computed", age_s=age_s, step=_step_of(source)),
            say("same_parts" if parts else "same_key"),
        ]
        return {**_with(told, reasons, "hit"), "source": [source.run, source.step]}

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

    def _lacks(self, row: RunRow, step: Step, profile: Profile, entries: list[CacheRow]) -> list[Sentence]:
        options = unpack(row.options) if row.options else {}
        if options.get("refresh"):
            return [say("refreshed")]
        own = next((entry for entry in entries if (entry.run, entry.step) == (row.id, step.id)), None)
        parts = own.parts if own is not None else self._parts(row, step, profile)
        others = [entry for entry in entries if entry is not own and entry.created_at <= row.created_at]
        if parts is None:
            return [say("key_unknown")]
        if not others:
            return _nothing_there(step, profile, own)
        wanted = unpack(parts)
        best = min(others, key=lambda entry: len(_differences(unpack(entry.parts), wanted)))
        found = _differences(unpack(best.parts), wanted)
        if not found:
            return [_gone(best, row)]
        return [say("nearest", step=_step_of(best)), *found]


def _with(told: CacheExplanation, said: list[Sentence], result: str = "none") -> CacheExplanation:
    return {**told, "result": result, "said": said, "reasons": [in_words(each) for each in said]}


def _step_of(entry: CacheRow) -> Sentence:
    return say("step_of_run", step=entry.step, run=entry.run)


def _nothing_there(step: Step, profile: Profile, own: CacheRow | None) -> list[Sentence]:
    if own is None:
        return [say("none_counted"), *([say("failures_not_kept")] if step.state == State.FAILED else [])]
    if profile.cache_expiry_s is None:
        return [say("none_counted_of_these")]
    return [say("none_counted_for", expiry_s=profile.cache_expiry_s)]


def _gone(entry: CacheRow, row: RunRow) -> Sentence:
    has_expired = entry.expires_at is not None and entry.expires_at <= row.created_at
    return say("equal_expired" if has_expired else "equal_without_blob", step=_step_of(entry))


def _differences(then: dict[str, Any], now: dict[str, Any]) -> list[Sentence]:
    """What differs between the parts of two keys."""
    found: list[Sentence] = []
    if then.get("fingerprint") != now.get("fingerprint"):
        found.append(say("code_changed"))
    if then.get("version") != now.get("version"):
        found.append(say("version_changed", before=repr(then.get("version")), after=repr(now.get("version"))))
    if then.get("key") != now.get("key"):
        found.append(say("key_changed", before=repr(then.get("key")), after=repr(now.get("key"))))
    before, after = then.get("arguments") or {}, now.get("arguments") or {}
    for name in sorted({*before, *after}):
        if name not in after:
            found.append(say("argument_gone", name=name))
        elif name not in before:
            found.append(say("argument_new", name=name))
        elif before[name] != after[name]:
            found.append(say("argument_changed", name=name))
    return found
