"""Values and arguments of steps: those just made are at hand, the others lie in the store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from partita.store.port import Store

__all__ = ["ValueCache"]


class ValueCache:
    """Packed values by (run, step), up to a number of bytes; what does not fit is read from the store again."""

    def __init__(self, store: Store, limit_bytes: int = 64 << 20) -> None:
        self._store = store
        self._limit_bytes = limit_bytes
        self._held: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._bytes = 0
        self._fresh: dict[tuple[int, int], bytes] = {}  # not committed yet, so the store cannot give them

    def put(self, run: int, step: int, value: bytes) -> None:
        """Keep a value that the turn being made will write."""
        self._fresh[run, step] = value

    def committed(self) -> None:
        """The turn is written: what does not fit may go."""
        for key, value in self._fresh.items():
            self._held[key] = value
            self._bytes += len(value)
        self._fresh.clear()
        while self._bytes > self._limit_bytes:
            _, dropped = self._held.popitem(last=False)
            self._bytes -= len(dropped)

    def get(self, run: int, step: int) -> bytes:
        """One value.

        Raises:
            LookupError: the store has none.
        """
        key = (run, step)
        found = self._fresh.get(key) or self._held.get(key)
        return found if found is not None else self._store.values(run, [step])[step]

    def peek(self, run: int, step: int) -> bytes | None:
        """The value, if it is at hand."""
        key = (run, step)
        return self._fresh.get(key) or self._held.get(key)

    def get_many(self, run: int, steps: Iterable[int]) -> dict[int, bytes]:
        """Several values, with one question to the store for all that are not at hand."""
        found: dict[int, bytes] = {}
        missing: list[int] = []
        for step in steps:
            key = (run, step)
            value = self._fresh.get(key) or self._held.get(key)
            if value is None:
                missing.append(step)
            else:
                found[step] = value
        if missing:
            found.update(self._store.values(run, missing))
        return found

    def forget(self, run: int) -> None:
        """Drop what is held of a run."""
        for key in [key for key in self._held if key[0] == run]:
            self._bytes -= len(self._held.pop(key))
