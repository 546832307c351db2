"""Values of finished steps by what they were made from: taken over instead of computed again, and computed once.

A step's key is the hash of its code fingerprint, version and what its arguments hold, or of what its `cache_key` gives;
that function is the user's, so a worker calls it and asks. While one step computes a value, others with the same key
wait for it, of whichever run they are; where it fails, the next one of them takes its place.
"""

from __future__ import annotations

from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from partita.core.graph import Run, Step
from partita.core.records import Profile
from partita.core.resolve import resolve, sources
from partita.core.states import State
from partita.engine.lanes import Flight
from partita.engine.live import Live
from partita.store.port import CacheRow
from partita.values import Node, blobs_of, identity, pack, unpack

if TYPE_CHECKING:
    from partita.engine.book import Book

__all__ = ["Caching"]

_Place = tuple[int, int]  # number of a run, id of a step


class Caching:
    """The cache of one workspace, as its engine uses it."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.keys: dict[_Place, tuple[bytes, bytes]] = {}  # key and parts of the steps that compute something
        self._computing: dict[bytes, _Place] = {}
        self._parked: dict[bytes, list[_Place]] = {}
        self._asking: dict[bytes, list[tuple[Flight, int, int, bytes]]] = {}
        self._fresh: dict[bytes, CacheRow] = {}  # written by the turn being made, so that the store has not got it yet

    def begins(self, live: Live, step: Step, profile: Profile) -> CacheRow | bool:
        """A step is about to begin: the row to take its value from, True: it has to wait, False: it computes.

        Raises:
            LookupError: an input has not the part that the step asks for.
        """
        packed = live.arguments.get(step.id)
        if packed is None:
            packed = self._book.store.arguments(live.run.number, step.id)
        parts = self.parts(live.run, step, profile, packed)
        key = _key(profile, parts)
        is_refreshed = _is_refreshed(live, step)
        found = None if is_refreshed else self._found(key)
        if found is not None:
            live.borrowed.add(found.run)
            return found
        place = (live.run.number, step.id)
        if self._computing.get(key, place) != place and not is_refreshed:
            self._parked.setdefault(key, []).append(place)
            return True
        self._compute(place, key, parts)
        return False

    def goes_on(self, live: Live, step: Step, profile: Profile) -> None:
        """A step that began under an earlier engine computes its value."""
        packed = self._book.store.arguments(live.run.number, step.id)
        parts = self.parts(live.run, step, profile, packed)
        key = _key(profile, parts)
        if key not in self._computing:
            self._compute((live.run.number, step.id), key, parts)

    def asked(self, flight: Flight, ticket: int, request: int, given: Any) -> None:
        """An attempt tells what its `cache_key` gave: it gets the value, or None: it has to compute it, or waits."""
        live, place = self._book.lives[flight.run], (flight.run, flight.step)
        profile = live.run.profiles[live.run.steps[flight.step].profile]
        parts = pack({"fingerprint": profile.fingerprint, "version": profile.version, "key": given})
        key = _key(profile, parts)
        is_refreshed = _is_refreshed(live, live.run.steps[flight.step])
        found = None if is_refreshed else self._found(key)
        if found is not None:
            self._answer(flight, ticket, request, found)
        elif self._computing.get(key, place) != place and not is_refreshed:
            self._asking.setdefault(key, []).append((flight, ticket, request, parts))
            flight.executor.wait(flight.lane)
        else:
            self._compute(place, key, parts)
            self._answer(flight, ticket, request, None)

    def ended(self, live: Live, step: Step, value: bytes | None) -> None:
        """A step that computes a value has come to an end."""
        key, parts = self._release((live.run.number, step.id))
        if step.state == State.SUCCEEDED and value is not None:
            self._keep(live, step, key, parts, value)
        self._wake(key)

    def forget(self, run: int) -> None:
        """The run is over, however it ended."""
        for place in [place for place in self.keys if place[0] == run]:
            self._wake(self._release(place)[0])

    def committed(self) -> None:
        """The turn is written."""
        self._fresh.clear()

    def waits_for(self, run: int, step: int) -> _Place | None:
        """The step that computes what this one waits for."""
        for key, places in self._parked.items():
            if (run, step) in places:
                return self._computing.get(key)
        return None

    def parts(self, run: Run, step: Step, profile: Profile, packed: bytes | None) -> bytes:
        """What the key of a step with these packed arguments is made of, as a packed map."""
        nodes, names, named = unpack(packed) if packed else ([], [], [])
        values = self._book.values.get_many(run.number, sources(run, step.inputs))
        inputs = [unpack(resolve(run, source, values.__getitem__)) for source in step.inputs]
        labels = [*profile.parameters, *(f"*{i}" for i in range(len(nodes)))][: len(nodes)]
        hashes = {label: _hash(node, inputs) for label, node in zip(labels, nodes, strict=True)}
        hashes |= {name: _hash(node, inputs) for name, node in zip(names, named, strict=True) if name != "__check__"}
        told = {
            "fingerprint": profile.fingerprint,
            "version": profile.version,
            "arguments": dict(sorted(hashes.items())),
        }
        return pack(told)

    def _found(self, key: bytes) -> CacheRow | None:
        """The row of the key where it counts; one that does not is forgotten."""
        book = self._book
        row = self._fresh.get(key) or book.store.cached(key)
        if row is None:
            return None
        is_old = row.expires_at is not None and row.expires_at <= book.now
        if is_old or not all(book.has_blob(digest) for digest, _ in blobs_of(unpack(row.value))):
            return None
        book.turn.cache_hits.append((book.now, key))
        return row

    def _compute(self, place: _Place, key: bytes, parts: bytes) -> None:
        before = self.keys.get(place)
        if before is not None and before[0] != key:
            self._release(place)
            self._wake(before[0])
        self.keys[place] = (key, parts)
        self._computing.setdefault(key, place)

    def _release(self, place: _Place) -> tuple[bytes, bytes]:
        key, parts = self.keys.pop(place)
        if self._computing.get(key) == place:
            del self._computing[key]
        return key, parts

    def _keep(self, live: Live, step: Step, key: bytes, parts: bytes, value: bytes) -> None:
        book, profile = self._book, live.run.profiles[step.profile]
        expires_at = None if profile.cache_expiry_s is None else book.now + profile.cache_expiry_s
        row = CacheRow(
            key, profile.function, profile.title, live.run.id, step.id, value, parts, book.now, expires_at, 0, None
        )
        book.turn.cached.append(row)
        self._fresh[key] = row

    def _wake(self, key: bytes) -> None:
        """Let those go on that waited: with the value, or, where there is none, the first of them to compute it."""
        book = self._book
        for run, step in self._parked.pop(key, ()):
            live = book.lives.get(run)
            if live is not None:
                book.enqueue(live, step)
        row = self._fresh.get(key)
        asking = self._asking.pop(key, [])
        while asking:
            flight, ticket, request, parts = asking.pop(0)
            if ticket not in book.flights:
                continue
            book.resumed.append((flight, ticket, partial(self._answer, flight, ticket, request, row)))
            if row is None:
                self._compute((flight.run, flight.step), key, parts)
                break
        if asking:
            self._asking[key] = asking

    def _answer(self, flight: Flight, ticket: int, request: int, row: CacheRow | None) -> None:
        flight.is_cached = row is not None
        live = self._book.lives.get(flight.run)
        if row is not None and live is not None:
            live.borrowed.add(row.run)
        flight.executor.executor.reply(ticket, request, True, None if row is None else row.value)


def _is_refreshed(live: Live, step: Step) -> bool:
    """Whether the step computes its value, whatever the cache has."""
    is_afresh = live.adoption is not None and live.adoption.is_afresh(live, step)
    return bool(live.options.get("refresh")) or is_afresh


def _key(profile: Profile, parts: bytes) -> bytes:
    return blake2b(pack([profile.function, parts]), digest_size=20).digest()


def _hash(node: Node, inputs: list[Node]) -> str:
    """Hash of what an argument holds, whichever way it came."""
    return blake2b(pack(identity(node, inputs)), digest_size=8).hexdigest()
