"""The lines in which ready steps wait, and what of a line may begin now."""

from __future__ import annotations

import heapq
import math
from collections.abc import Container, Hashable
from typing import Generic, NamedTuple, Protocol, TypeVar

from partita.plan.promise import Promise, Room
from partita.plan.tournament import NOBODY, Asked, Gate, Member, Standing, Tournament

__all__ = ["Alike", "Entry", "Free", "Guess", "Kind", "Line", "Ranked", "seconds_of"]

#: How many entries of a line are looked at for one that is short enough to go before what was promised.
_DEPTH = 24

D = TypeVar("D", bound=Hashable)


class Guess(Protocol):
    """How long attempts of some kind take, as far as it is known by now."""

    @property
    def mean_s(self) -> float:
        """Seconds; 0: nothing is known."""
        ...


class Entry(NamedTuple):
    """A ready step."""

    run: int
    step: int
    since_s: float  # monotonic time at which it became ready
    rank_s: float = 0.0  # how much lies behind it: seconds from its start to the end of its run, as far as is known
    expected_s: float = 0.0  # how long it is thought to take; 0: see the guess
    guess: Guess | None = None

    @property
    def seconds(self) -> float:
        """How long it is thought to take; 0: nobody knows."""
        if self.expected_s or self.guess is None:
            return self.expected_s
        return self.guess.mean_s


#: As it lies in a heap: (time of arrival less rank, both as seconds of rank, number of arrival, entry).
Ranked = tuple[float, int, Entry]


class Kind(Generic[D]):
    """What lines of several runs have in common: demand, priority, and whatever else their steps must share to use one lane."""

    __slots__ = ("age", "asked", "demand", "key", "length", "lines", "priority", "served_s", "urgency")

    def __init__(self, demand: D, priority: int, key: str, asked: Asked) -> None:
        self.demand, self.priority, self.key, self.asked = demand, priority, key, asked
        self.lines: dict[int, Line[D]] = {}  # by run
        self.length = 0  # entries
        self.served_s = -math.inf  # monotonic: since when something of it has waited in vain
        self.age = 0.0  # steps of priority that it has gained by that
        self.urgency = -float(priority)  # what is smaller goes first

    def grow(self, age: float) -> None:
        """It has waited for so many steps of priority, of late."""
        self.age = age
        self.urgency = -self.priority - age
        for line in self.lines.values():
            line.run.stand(line)


class Line(Generic[D]):
    """Ready steps of one run and one kind, in the order of their ranks."""

    __slots__ = ("_heap", "_taken", "asked", "chosen", "kind", "length", "place", "run", "shortest_s")

    def __init__(self, kind: Kind[D], run: Tournament) -> None:
        self.kind, self.run, self.asked = kind, run, kind.asked
        self.place = -1
        self.length = 0
        self.chosen: Ranked | None = None  # what is offered, where that is not the first
        self.shortest_s = 0.0  # what may be chosen takes at least so long
        self._heap: list[Ranked] = []
        self._taken: set[int] = set()  # numbers of those that were taken before their turn, and lie in the heap yet

    @property
    def demand(self) -> D:
        return self.kind.demand

    @property
    def least(self) -> Asked:
        return self.asked

    @property
    def head(self) -> Entry:
        """What is offered."""
        return (self.chosen or self._heap[0])[2]

    def standing(self) -> Standing:
        if not self.length:
            return NOBODY
        first = self._heap[0]
        return self.kind.urgency, first[0], first[1], self.place

    def standing_of(self, leaf: Member) -> Standing:
        return self.standing()

    def find(self, gate: Gate) -> Line[D] | None:
        return self if gate.passes(self) else None

    def push(self, ranked: Ranked) -> bool:
        """Let a step wait; whether it is the first now."""
        heapq.heappush(self._heap, ranked)
        self.length += 1
        return self._heap[0] is ranked

    def pop(self) -> Entry:
        """Take what is offered."""
        heap, taken = self._heap, self._taken
        self.length -= 1
        if self.chosen is None or self.chosen is heap[0]:
            chosen = heapq.heappop(heap)
        else:
            chosen = self.chosen
            taken.add(chosen[1])
        self.chosen = None
        while taken and heap and heap[0][1] in taken:
            taken.remove(heapq.heappop(heap)[1])
        return chosen[2]

    def may_choose(self, ranked: Ranked) -> bool:
        """Whether what is chosen may be another now that the step waits: one deep in the heap is not looked at."""
        return ranked in self._heap[:_DEPTH] or ranked[2].guess is not None  # of which more may be known by now

    def choice(self, promise: Promise, now_s: float) -> Ranked | None:
        """The best that does not delay the promise; None: each would."""
        first, most_s = self._heap[0], promise.until_s - now_s
        if (first[2].expected_s or seconds_of(first[2])) <= most_s or promise.has_room(self.asked):
            return first
        # The top of the heap holds most of the best, and looking at all would take long.
        found, shortest_s, taken = None, math.inf, self._taken
        for ranked in self._heap[:_DEPTH]:
            entry = ranked[2]
            seconds = entry.expected_s or seconds_of(entry)
            if (seconds < shortest_s or seconds <= most_s) and ranked[1] not in taken:
                shortest_s = min(shortest_s, seconds)
                if seconds <= most_s and (found is None or ranked < found):
                    found = ranked
        self.shortest_s = shortest_s
        return found


class Free(Generic[D]):
    """Lets pass what fits now and does not delay what was promised."""

    __slots__ = ("_choices", "_free", "_now_s", "_room", "promise")

    def __init__(self, room: Room[D], now_s: float) -> None:
        self._room, self._now_s, self._free = room, now_s, room.free()
        self._choices: dict[Line[D], Ranked] = {}  # what passes of each line
        self.promise: Promise | None = None

    def may_pass(self, least: Asked, shortest_s: float) -> bool:
        free = self._free
        for name, amount in least:
            if free[name] < amount:
                return False
        promise = self.promise
        return promise is None or self._now_s + shortest_s <= promise.until_s or promise.has_room(least)

    def passes(self, line: Line[D]) -> bool:
        if not self._room.fits(line.kind.demand):
            return False
        if self.promise is None:
            return True
        choice = line.choice(self.promise, self._now_s)
        if choice is not None:
            self._choices[line] = choice
        return choice is not None

    def choose(self, line: Line[D]) -> None:
        """Let the line offer what passed."""
        if self.promise is not None:
            line.chosen = self._choices[line]

    def took(self, asked: Asked, entry: Entry) -> None:
        """So much is held now for the entry, which the promise may have to know of."""
        self._free, promise = self._room.free(), self.promise
        if promise is not None and self._now_s + seconds_of(entry) > promise.until_s:
            promise.take(asked)


class Alike(Generic[D]):
    """Lets pass what asks for just this and has the key, but for some lines."""

    __slots__ = ("_amounts", "_but", "_demand", "_key")

    def __init__(self, room: Room[D], demand: D, key: str, but: Container[Line[D]]) -> None:
        self._demand, self._key, self._but, self._amounts = demand, key, but, dict(room.amounts(demand))

    def may_pass(self, least: Asked, shortest_s: float) -> bool:
        amounts = self._amounts
        return all(amounts.get(name, 0.0) >= amount for name, amount in least)

    def passes(self, line: Line[D]) -> bool:
        return line.kind.key == self._key and line.kind.demand == self._demand and line not in self._but


def seconds_of(entry: Entry) -> float:
    """How long the entry is thought to take; infinite, if nobody knows."""
    return entry.seconds or math.inf
