"""What of the ready tasks begins now, on one pool of resources: by rank, with a reservation for the best that lacks room.

Greedy order by rank starves wide tasks: narrow ones take what gets free, piece by piece. So the best task that does not
fit is promised the time at which it will (by what running tasks are thought to take), and others go before it only where
they do not delay that (EASY backfilling: Lifka, 1995).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from partita.plan.instance import TOLERANCE, Amounts

__all__ = ["Admission"]

#: How many tasks of one demand are looked at for one that is short enough to go before a reservation: the top of a heap.
_LOOK = 31

#: A ready task: (-rank, number in order of arrival, task, expected seconds).
Entry = tuple[float, int, int, float]


class Admission:
    """The ready and the running tasks of one pool. It starts nothing itself: `due` says what is to start.

    Something that fits is left waiting only while it would delay a reservation; so with nothing running, something begins.
    """

    __slots__ = ("_arrived", "_classes", "_free", "_gone", "_lines", "_reserves", "_running", "_smallest")

    def __init__(self, capacity: Sequence[float], *, reserves: bool = True) -> None:
        """
        Args:
            capacity: of each resource.
            reserves: whether the best task that lacks room is promised some; else whatever fits begins.
        """
        self._reserves = reserves
        self._free = [amount + TOLERANCE for amount in capacity]
        self._classes: dict[Amounts, int] = {}  # demand -> number of its line
        self._lines: list[tuple[Amounts, list[Entry]]] = []  # each a heap
        self._running: dict[int, tuple[float, float, Amounts]] = {}  # task -> start, expected seconds, demand
        self._arrived = 0
        self._gone: set[int] = set()  # tasks that have begun and still lie in a heap
        self._smallest: Amounts | None = ()  # what every line asks for at least; None: to be found anew

    def push(self, task: int, demand: Amounts, rank: float, seconds: float) -> None:
        """The task is ready.

        Args:
            task: a number of its own.
            demand: (resource, amount) of all that it needs.
            rank: what of two is larger begins first; of equals, what came first.
            seconds: how long it is expected to run.
        """
        number = self._classes.get(demand)
        if number is None:
            number = self._classes[demand] = len(self._lines)
            self._lines.append((demand, []))
            self._smallest = None
        self._arrived += 1
        heapq.heappush(self._lines[number][1], (-rank, self._arrived, task, seconds))

    def release(self, task: int) -> None:
        """A running task has ended."""
        free = self._free
        for resource, amount in self._running.pop(task)[2]:
            free[resource] += amount

    def hold(self, demand: Amounts, sign: int = 1) -> None:
        """What somebody else holds (1) or gives back (-1) of what several pools have together."""
        for resource, amount in demand:
            self._free[resource] -= sign * amount

    def due(self, now: float) -> list[int]:
        """The tasks that begin now; they count as running from here on."""
        if self._smallest is None:
            self._smallest = self._smallest_amounts()
        free, gone = self._free, self._gone
        for resource, amount in self._smallest:
            if free[resource] < amount:
                return []
        heads = [(line[1][0], number) for number, line in enumerate(self._lines) if line[1]]
        if len(heads) > 1:
            heapq.heapify(heads)
        begun: list[int] = []
        blocked: Amounts | None = None  # of the best task that does not fit
        reservation: _Reservation | None = None
        while heads:
            number = heads[0][1]
            demand, heap = self._lines[number]
            if not self._fits(demand):
                blocked = blocked or demand
                heapq.heappop(heads)
                continue
            if blocked is None or not self._reserves:
                entry = heapq.heappop(heap)
            else:
                reservation = reservation or self._reserve(blocked, now)
                found = reservation.admit(demand, heap, self._gone, now)
                if found is None:
                    heapq.heappop(heads)
                    continue
                entry = found
            for resource, amount in demand:
                free[resource] -= amount
            self._running[entry[2]] = (now, entry[3], demand)
            begun.append(entry[2])
            while heap and heap[0][2] in gone:
                gone.remove(heapq.heappop(heap)[2])
            if heap:
                heapq.heapreplace(heads, (heap[0], number))
            else:
                heapq.heappop(heads)
        return begun

    def _fits(self, demand: Amounts) -> bool:
        free = self._free
        for resource, amount in demand:
            if free[resource] < amount:
                return False
        return True

    def _smallest_amounts(self) -> Amounts:
        rows = [dict(demand) for demand, _ in self._lines]
        always = set(rows[0]).intersection(*rows[1:])
        return tuple((resource, min(row[resource] for row in rows)) for resource in sorted(always))

    def _reserve(self, blocked: Amounts, now: float) -> _Reservation:
        """When the demand will be free, and what else will be then."""
        spare, shadow = list(self._free), now
        ends = []
        for task, (start, seconds, demand) in self._running.items():
            end = start + seconds
            ends.append((end if end > now else now, task, demand))  # what is overdue may end at any moment
        heapq.heapify(ends)
        while ends:
            end, _, demand = heapq.heappop(ends)
            for resource, amount in demand:
                spare[resource] += amount
            shadow = end
            for resource, amount in blocked:
                if spare[resource] < amount:
                    break
            else:
                break
        for resource, amount in blocked:
            spare[resource] -= amount
        return _Reservation(shadow, spare)


class _Reservation:
    """The promise to a task that it begins at a time, and what is left of the resources then."""

    __slots__ = ("_at", "_spare")

    def __init__(self, at: float, spare: list[float]) -> None:
        self._at, self._spare = at + 1e-9, spare

    def admit(self, demand: Amounts, heap: list[Entry], gone: set[int], now: float) -> Entry | None:
        """Take a good one of these tasks that does not delay the promise, or none.

        Args:
            gone: tasks that have been taken from the midst of a heap; one more may be added.
        """
        room = self._at - now
        found: Entry | None = None
        if heap[0][3] <= room:
            return heapq.heappop(heap)
        spare = self._spare
        for resource, amount in demand:
            if spare[resource] < amount:
                break
        else:
            for resource, amount in demand:
                spare[resource] -= amount
            return heapq.heappop(heap)
        for entry in heap[:_LOOK]:
            if entry[3] <= room and entry[2] not in gone and (found is None or entry < found):
                found = entry
        if found is not None:
            gone.add(found[2])
        return found
