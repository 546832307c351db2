"""What is ready, in the order in which it should start.

Steps of one demand and priority wait in a line of their own, in each run by how much lies behind them (its upward rank). Of
what fits, the highest priority goes first; of one priority, the run that has had least of its fair share; of one run, the
step with most behind it.

Three things keep anything from starving:

1. A line for which nothing was started for long gains priority, one step of it at a time, without end. So every line is once
   the first, whatever else comes. Likewise a step's rank grows with the time for which it has waited.
2. Of what is started, its run and its run's owner are charged, by their weights. Who waits is not charged, so that of equal
   priority the others get ahead of it only for so long. Who comes anew begins at what the others have had.
3. The first that does not fit is promised the time at which it will, by what running steps are thought to take, and others
   go before it only where they do not delay that (EASY backfilling: Lifka, 1995). Without that narrow steps would take what
   becomes free, piece by piece, before a wide one ever fits. Where it has waited for long even so, since others took longer
   than was thought, nothing goes before it any more that would hold what it needs.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from partita.core.records import Demand
from partita.core.resources import Pool
from partita.plan.promise import Promise

__all__ = ["AGE_OF_ONE_PRIORITY_S", "Entry", "Guess", "Line", "ReadyQueue", "Running"]

#: Seconds of waiting that count as one step of priority, at least: where steps take long, so many times their mean duration.
AGE_OF_ONE_PRIORITY_S = 10.0
AGE_IN_DURATIONS = 4.0
#: Seconds of rank that a second of waiting is worth among the steps of one run.
AGE_OF_RANKS = 0.01
#: How many entries of a line are looked at for one that is short enough to go before what was promised.
_DEPTH = 24
#: The least that a start is charged, so that turns are taken also between steps that take no time.
_LEAST_CHARGE_S = 1e-4
_TYPICAL_WEIGHT = 0.1
#: A line that has waited for so many steps of priority is let down by what it was promised.
_STRICT_AGE = 3.0

#: What runs: (monotonic time at which it is thought to end, what it holds).
Running = tuple[float, Demand]


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
_Ranked = tuple[float, int, Entry]


class _Account:
    """What somebody has had of an executor: seconds of what it needs most of, over the weight."""

    __slots__ = ("had", "waiting", "weight")

    def __init__(self, had: float, weight: float) -> None:
        self.had, self.weight = had, weight
        self.waiting = 0  # entries


class _Share(NamedTuple):
    """The accounts that a run's starts are charged to."""

    owner: _Account
    run: _Account


@dataclass(slots=True)
class Line:
    """Ready steps with one demand and one priority; `key` is whatever else they must share to use one lane."""

    demand: Demand
    priority: int
    key: str
    runs: dict[int, list[_Ranked]] = field(default_factory=dict)  # heaps
    turns: list[tuple[float, float, int]] = field(default_factory=list)  # heap of (owner has had, run has had, run)
    length: int = 0
    served_s: float = 0.0  # monotonic time at which a step of it was last started
    chosen: _Ranked | None = None  # what is offered, where that is not the first
    taken: set[int] = field(
        default_factory=set
    )  # numbers of those that were taken before their turn, and lie in a heap yet

    @property
    def head(self) -> Entry:
        """What is offered."""
        return (self.chosen or self.first())[2]

    def first(self) -> _Ranked:
        """What is offered by its rank, of the run whose turn it is."""
        heap = self.runs[self.turns[0][2]]
        while self.taken and heap[0][1] in self.taken:
            self.taken.remove(heapq.heappop(heap)[1])
        return heap[0]

    def pop(self) -> Entry:
        """Take what is offered."""
        run = self.turns[0][2]
        heap = self.runs[run]
        self.length -= 1
        if self.chosen is None and not self.taken:
            chosen = heapq.heappop(heap)
        else:
            first = self.first()
            chosen, self.chosen = self.chosen or first, None
            if chosen is first:
                heapq.heappop(heap)
            else:
                self.taken.add(chosen[1])
            while self.taken and heap and heap[0][1] in self.taken:
                self.taken.remove(heapq.heappop(heap)[1])
        if not heap:
            del self.runs[run]
            heapq.heappop(self.turns)
        return chosen[2]

    def drop(self, run: int) -> int:
        """Forget what a run has waiting; how much that was."""
        heap = self.runs.pop(run, None)
        if heap is None:
            return 0
        numbers = {ranked[1] for ranked in heap}
        count = len(heap) - len(numbers & self.taken)
        self.taken -= numbers
        self.length -= count
        self.turns = [turn for turn in self.turns if turn[2] != run]
        heapq.heapify(self.turns)
        return count

    def choose_before(self, promise: Promise, now_s: float) -> bool:
        """Offer the best that does not delay the promise; whether there is one."""
        first = self.first()
        if promise.ends_before(_end(first[2], now_s)):
            return True
        if promise.has_room(self.demand):
            promise.take(self.demand)
            return True
        # The top of the heap holds most of the best, and looking at all would take long.
        for ranked in sorted(self.runs[self.turns[0][2]][:_DEPTH]):
            if ranked[1] not in self.taken and promise.ends_before(_end(ranked[2], now_s)):
                self.chosen = ranked
                return True
        return False


class ReadyQueue:
    """All lines of one executor."""

    def __init__(self, *, reserves: bool = True) -> None:
        """
        Args:
            reserves: whether the first that does not fit is promised its room at once; else only when it has waited for long.
        """
        self._reserves = reserves
        self._lines: dict[tuple[Demand, int, str], Line] = {}
        self._shares: dict[int, _Share] = {}
        self._owners: dict[str, _Account] = {}
        self._raised: dict[int, int] = {}  # priority that a run has beside that of its steps
        self._arrived = 0
        self._had_owner = self._had_run = 0.0  # of whom was served last: the others start there
        self._typical_s = 0.0  # how long what was started was thought to take, exponentially weighted

    def __len__(self) -> int:
        return sum(line.length for line in self._lines.values())

    def backlog_s(self, pool: Pool) -> float:
        """How long all that waits would keep all of the pool busy, by what the first of each line is thought to take."""
        return sum(
            line.length * line.head.seconds * pool.share(line.demand) for line in self._lines.values() if line.length
        )

    def join(self, run: int, owner: str = "", weight: float = 1.0) -> None:
        """A run takes part; without this it does with its first step, owned by nobody.

        Args:
            owner: whose runs of weight 1 share what one such run of another owner gets.
            weight: how much the run gets beside one of weight 1; an owner counts by the mean of what their runs do.
        """
        account = self._owners.get(owner)
        if account is None:
            account = self._owners[owner] = _Account(self._had_owner, 1.0)
        self._shares[run] = _Share(account, _Account(self._had_run, max(weight, 1e-6)))

    def has_joined(self, run: int) -> bool:
        return run in self._shares

    def raise_priority(self, run: int, by: int) -> None:
        """Let a run's steps count as of so much more priority from now on; 0: as they are."""
        change = by - self._raised.get(run, 0)
        self._raised[run] = by
        for line in [line for line in self._lines.values() if run in line.runs] if change else ():
            heap, taken = line.runs[run], line.taken
            ranked = [each for each in heap if each[1] not in taken]
            line.drop(run)
            target = self._line(line.demand, line.priority + change, line.key)
            self._join_line(target, run, self._shares[run])
            target.runs[run] = merged = [*target.runs[run], *ranked]
            heapq.heapify(merged)
            target.length += len(ranked)

    def push(self, demand: Demand, priority: int, key: str, entry: Entry) -> None:
        """A step is ready."""
        run = entry.run
        line = self._line(demand, priority + self._raised.get(run, 0), key)
        share = self._shares.get(run)
        if share is None:
            self.join(run)
            share = self._shares[run]
        owner, account = share
        # Who had nothing to do has not saved up for later.
        if not owner.waiting and owner.had < self._had_owner:
            owner.had = self._had_owner
        if not account.waiting and account.had < self._had_run:
            account.had = self._had_run
        owner.waiting += 1
        account.waiting += 1
        heap = line.runs.get(run)
        if heap is None:
            heap = self._join_line(line, run, share)
        self._arrived += 1
        heapq.heappush(heap, (entry.since_s * AGE_OF_RANKS - entry.rank_s, self._arrived, entry))
        line.length += 1

    def _line(self, demand: Demand, priority: int, key: str) -> Line:
        found = self._lines.get((demand, priority, key))
        if found is None:
            found = self._lines[demand, priority, key] = Line(demand, priority, key)
        return found

    def _join_line(self, line: Line, run: int, share: _Share) -> list[_Ranked]:
        heap = line.runs.get(run)
        if heap is None:
            heap = line.runs[run] = []
            heapq.heappush(line.turns, (share.owner.had, share.run.had, run))
        return heap

    def charge(self, pool: Pool, run: int, demand: Demand, seconds: float) -> None:
        """A step of the run holds the demand for so long, as is thought, or so much longer than was thought."""
        share = self._shares.get(run)
        if share is None:
            return
        amount = (seconds if seconds > _LEAST_CHARGE_S else _LEAST_CHARGE_S) * pool.share(demand)
        owner, account = share
        if owner.had > self._had_owner:
            self._had_owner = owner.had
        if account.had > self._had_run:
            self._had_run = account.had
        amount /= account.weight
        owner.had += amount
        account.had += amount

    def drop(self, run: int) -> None:
        """Forget the run and what it has waiting."""
        count = sum(line.drop(run) for line in self._lines.values())
        self._raised.pop(run, None)
        share = self._shares.pop(run, None)
        if share is not None:
            share.owner.waiting -= count
            if not any(each.owner is share.owner for each in self._shares.values()):
                self._owners = {name: each for name, each in self._owners.items() if each is not share.owner}

    def place(
        self,
        pool: Pool,
        now_s: float,
        start: Callable[[Line, bool], bool],
        running: Callable[[], Iterable[Running]] = tuple,
    ) -> None:
        """Offer steps to `start`, best first, until nothing more can be started.

        `start(line, fits)` takes what the line offers (by `pop`) and starts it, or leaves it there and says False. `fits`
        says whether the line's demand may be had now; if it may not, the step may still be queued behind
        another one in a lane that holds the same demand.

        Args:
            running: what holds something of the pool; asked for only where a promise is made.
        """
        promise: Promise | None = None
        is_promised = False  # it was tried
        offers = [(self._standing(line, now_s), number, line) for number, line in enumerate(self._waiting())]
        heapq.heapify(offers)
        while offers:
            standing, number, line = offers[0]
            if len(offers) > 1:
                fresh = self._standing(line, now_s)
                if fresh > standing:  # its run has had something since
                    heapq.heapreplace(offers, (fresh, number, line))
                    continue
            else:
                self._settle(line)
            fits = pool.fits(line.demand)
            if fits and promise is not None:
                fits = line.choose_before(promise, now_s)
            head = line.head
            is_taken = start(line, fits)
            line.chosen = None
            if is_taken:
                line.served_s = now_s
                self._took(head)
            if not is_taken or not line.length:
                heapq.heappop(offers)
            if not is_taken and not is_promised and offers:
                is_promised = True
                is_strict = self._age(line, now_s) >= _STRICT_AGE
                if is_strict or self._reserves:
                    promise = Promise.make(pool, line.demand, now_s, running(), is_strict=is_strict)
        if len(self._lines) > 64:
            self._lines = {key: line for key, line in self._lines.items() if line.length}

    def _waiting(self) -> list[Line]:
        return [line for line in self._lines.values() if line.length]

    def _settle(self, line: Line) -> None:
        """Bring the run to the front whose turn it is."""
        turns, shares = line.turns, self._shares
        while True:
            owner_had, run_had, run = turns[0]
            share = shares[run]
            if share.owner.had <= owner_had and share.run.had <= run_had:
                return
            heapq.heapreplace(turns, (share.owner.had, share.run.had, run))

    def _standing(self, line: Line, now_s: float) -> tuple[float, float, float, float]:
        """What is smaller goes first: (-priority with age, what owner and run have had, -rank)."""
        self._settle(line)
        owner_had, run_had, _ = line.turns[0]
        first = line.first()
        return -line.priority - self._age(line, now_s), owner_had, run_had, first[0]

    def _age(self, line: Line, now_s: float) -> float:
        """Steps of priority that the line has gained by waiting."""
        waited_s = now_s - max(line.head.since_s, line.served_s)
        if waited_s < AGE_OF_ONE_PRIORITY_S:
            return 0.0
        return waited_s // max(AGE_OF_ONE_PRIORITY_S, AGE_IN_DURATIONS * self._typical_s)

    def _took(self, entry: Entry) -> None:
        self._typical_s += _TYPICAL_WEIGHT * (entry.seconds - self._typical_s)
        share = self._shares.get(entry.run)
        if share is not None:  # else it was dropped as it was started
            share.owner.waiting -= 1
            share.run.waiting -= 1


def _end(entry: Entry, now_s: float) -> float:
    return now_s + (entry.seconds or math.inf)
