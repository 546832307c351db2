"""What is ready, in the order in which it should start.

Steps of one run, demand and priority wait in a line of their own, by how much lies behind them (their upward rank). Of what
fits, the highest priority goes first; of one priority, whose runs have had least of their fair share, and of these the run
that has; of one run, the step with most behind it. The lines of a run, the runs of an owner and the owners are tournaments,
so that the best, and the best that has room, are found without looking at all of them.

Three things keep anything from starving:

1. Steps of which none of one demand and priority was started for long gain priority, one step of it at a time, without end. So
   each is once the first, whatever else comes. Likewise a step's rank grows with the time for which it has waited.
2. Of what is started, its run and its run's owner are charged, by their weights. Who waits is not charged, so that of equal
   priority the others get ahead of it only for so long. Who comes anew begins at what the others have had.
3. The first that does not fit is promised the time at which it will, by what running steps are thought to take, and others
   go before it only where they do not delay that (EASY backfilling: Lifka, 1995). Without that narrow steps would take what
   becomes free, piece by piece, before a wide one ever fits. Where it has waited for long even so, since others took longer
   than was thought, nothing goes before it any more that would hold what it needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

from partita.plan.lines import Alike, Entry, Free, Guess, Kind, Line
from partita.plan.promise import Promise, Room
from partita.plan.tournament import Gate, Tournament

__all__ = ["AGE_OF_ONE_PRIORITY_S", "Entry", "Guess", "Line", "ReadyQueue"]

#: Seconds of waiting that count as one step of priority, at least: where steps take long, so many times their mean duration.
AGE_OF_ONE_PRIORITY_S = 10.0
AGE_IN_DURATIONS = 4.0
#: It is looked so many times a step of priority at what has waited.
_LOOKS = 8
#: Seconds of rank that a second of waiting is worth among the steps of one run.
AGE_OF_RANKS = 0.01
#: The least that a start is charged, so that turns are taken also between steps that take no time.
_LEAST_CHARGE_S = 1e-4
_TYPICAL_WEIGHT = 0.1
#: What has waited for so many steps of priority is let down by what it was promised.
_STRICT_AGE = 3.0
#: From so many kinds on those of which nothing waits are forgotten.
_MANY_KINDS = 64

D = TypeVar("D", bound=Hashable)


class _Owner(Tournament):
    """Whose runs share what one of them gets."""

    __slots__ = ("waiting",)

    def __init__(self, above: Tournament, had: float) -> None:
        self.waiting = 0  # entries
        super().__init__(above, had)


class _Run(Tournament):
    """A run with its lines."""

    __slots__ = ("owner", "raised", "waiting", "weight")

    def __init__(self, owner: _Owner, had: float, weight: float) -> None:
        self.owner, self.weight = owner, weight
        self.waiting = 0  # entries
        self.raised = 0  # priority beside that of its steps
        super().__init__(owner, had)


class ReadyQueue(Generic[D]):
    """What is ready on one executor, or one node of an instance."""

    def __init__(self, room: Room[D], *, reserves: bool = True, ages: bool = True) -> None:
        """
        Args:
            room: what can be held there.
            reserves: whether the first that does not fit is promised its room at once; else only when it has waited for long.
            ages: whether waiting gives priority; of one run that ends, nothing starves without.
        """
        self._room, self._reserves = room, reserves
        self._owners = Tournament()
        self._named: dict[str, _Owner] = {}
        self._runs: dict[int, _Run] = {}
        self._kinds: dict[tuple[D, int, str], Kind[D]] = {}
        self._most_kinds = _MANY_KINDS
        self._new: dict[Line[D], None] = {}  # what they offer was not offered yet
        self._arrived = self._waiting = 0  # entries in all, and those that wait
        self._had_owner = self._had_run = 0.0  # of whom was served last: the others start there
        self._typical_s = 0.0  # how long what was started was thought to take, exponentially weighted
        self._look_at_s = -math.inf if ages else math.inf  # monotonic
        self._has_searched = False  # so that something may be known of how long lines take at least

    def __len__(self) -> int:
        return self._waiting

    def backlog_s(self) -> float:
        """How long all that waits would keep all of the room busy, by what the first of each line is thought to take."""
        return sum(
            line.length * line.head.seconds * self._room.share(kind.demand)
            for kind in self._kinds.values()
            if kind.length
            for line in kind.lines.values()
            if line.length
        )

    def join(self, run: int, owner: str = "", weight: float = 1.0) -> None:
        """A run takes part; without this it does with its first step, owned by nobody.

        Args:
            owner: whose runs of weight 1 share what one such run of another owner gets.
            weight: how much the run gets beside one of weight 1; an owner counts by the mean of what their runs do.
        """
        if run in self._runs:
            return
        found = self._named.get(owner)
        if found is None:
            found = self._named[owner] = _Owner(self._owners, self._had_owner)
        self._runs[run] = _Run(found, self._had_run, max(weight, 1e-6))

    def has_joined(self, run: int) -> bool:
        return run in self._runs

    def push(self, demand: D, priority: int, key: str, entry: Entry) -> None:
        """A step is ready."""
        run = self._runs.get(entry.run)
        if run is None:
            self.join(entry.run)
            run = self._runs[entry.run]
        if not run.waiting:
            self._catch_up(run)
        at = demand, priority + run.raised, key
        kind = self._kinds.get(at) or self._new_kind(at)
        line = kind.lines.get(entry.run) or self._new_line(kind, entry.run, run)
        if not kind.length and entry.since_s > kind.served_s:
            kind.served_s = entry.since_s
        kind.length += 1
        run.waiting += 1
        run.owner.waiting += 1
        self._arrived += 1
        self._waiting += 1
        ranked = entry.since_s * AGE_OF_RANKS - entry.rank_s, self._arrived, entry
        if line.push(ranked):
            self._new[line] = None
            run.stand(line)
        if self._has_searched and (line.length == 1 or (line.shortest_s and line.may_choose(ranked))):
            line.shortest_s = 0.0
            run.forget(line)

    def _catch_up(self, run: _Run) -> None:
        """Who had nothing to do has not saved up for later."""
        owner = run.owner
        if not owner.waiting and owner.had < self._had_owner:
            owner.had = self._had_owner
        if run.had < self._had_run:
            run.had = self._had_run

    def _new_line(self, kind: Kind[D], number: int, run: _Run) -> Line[D]:
        line = kind.lines[number] = Line(kind, run)
        run.enter(line)
        return line

    def _new_kind(self, at: tuple[D, int, str]) -> Kind[D]:
        if len(self._kinds) >= self._most_kinds:
            self._forget_kinds()
        kind = self._kinds[at] = Kind(*at, self._room.amounts(at[0]))
        return kind

    def _forget_kinds(self) -> None:
        """Forget those of which nothing waits."""
        for at, kind in [item for item in self._kinds.items() if not item[1].length]:
            del self._kinds[at]
            for line in kind.lines.values():
                self._new.pop(line, None)
                line.run.leave(line)
        self._most_kinds = max(_MANY_KINDS, 2 * len(self._kinds))

    def raise_priority(self, run: int, by: int) -> None:
        """Let a run's steps count as of so much more priority from now on; 0: as they are."""
        if run not in self._runs:
            self.join(run)
        share = self._runs[run]
        change, share.raised = by - share.raised, by
        if not change:
            return
        for line in [kind.lines.pop(run) for kind in self._kinds.values() if run in kind.lines]:
            before = line.kind
            at = before.demand, before.priority + change, before.key
            line.kind = kind = self._kinds.get(at) or self._new_kind(at)
            if not kind.length and line.length:
                kind.served_s = before.served_s
            before.length -= line.length
            kind.length += line.length
            kind.lines[run] = line
            share.stand(line)

    def charge(self, run: int, demand: D, seconds: float) -> None:
        """A step of the run holds the demand for so long, as is thought, or so much longer than was thought."""
        share = self._runs.get(run)
        if share is None:
            return
        amount = (seconds if seconds > _LEAST_CHARGE_S else _LEAST_CHARGE_S) * self._room.share(demand)
        owner = share.owner
        if owner.had > self._had_owner:
            self._had_owner = owner.had
        if share.had > self._had_run:
            self._had_run = share.had
        amount /= share.weight
        share.had += amount
        owner.had += amount
        if owner.is_contested:
            owner.stand(share)
        if self._owners.is_contested:
            self._owners.stand(owner)

    def renew(self, run: int) -> None:
        """Something of what the run has waiting may be no more: the first of each line is offered again, whatever is free."""
        for kind in self._kinds.values():
            line = kind.lines.get(run)
            if line is not None and line.length:
                self._new[line] = None

    def drop(self, run: int) -> None:
        """Forget the run and what it has waiting."""
        share = self._runs.pop(run, None)
        if share is None:
            return
        for kind in self._kinds.values():
            line = kind.lines.pop(run, None)
            if line is not None:
                kind.length -= line.length
                self._new.pop(line, None)
                share.leave(line)
        owner = share.owner
        owner.waiting -= share.waiting
        self._waiting -= share.waiting
        owner.leave(share)
        if owner.is_empty:
            self._owners.leave(owner)
            self._named = {name: each for name, each in self._named.items() if each is not owner}

    def place(
        self,
        now_s: float,
        start: Callable[[Line[D], bool], bool],
        running: Callable[[], Iterable[tuple[float, D]]] = tuple,
        joinable: Callable[[], Iterable[tuple[D, str]]] | None = None,
    ) -> None:
        """Offer steps to `start`, best first, until nothing more can be started.

        `start(line, fits)` takes what the line offers (by `pop`) and starts it, or leaves it there and says False. `fits`
        says whether the line's demand may be had now; if it may not, the step may still be done with, or be queued behind
        another one in a lane that holds the same demand.

        Args:
            running: (monotonic time at which it is thought to end, what it holds) of all that holds something of the room, what
                ends first first; asked for only where a promise is made.
            joinable: (demand, key) of what may be started where nothing is free; None: nothing may, and is not offered either.
        """
        if now_s >= self._look_at_s:
            self._look(now_s)
        while True:
            owner = self._owners.best()
            if owner is None:
                return
            line: Line[D] = owner.best().best()  # a run's
            if not self._offer(line, self._room.fits(line.kind.demand), now_s, start):
                break
        if self._waiting == line.length:
            return  # nothing else waits
        self._fill(line, now_s, start, running)
        if joinable is not None:
            self._join_lanes(line, now_s, start, joinable())

    def _fill(
        self,
        first: Line[D],
        now_s: float,
        start: Callable[[Line[D], bool], bool],
        running: Callable[[], Iterable[tuple[float, D]]],
    ) -> None:
        """Offer what fits beside the first that does not."""
        free = Free(self._room, now_s)
        if not self._may_pass(free):
            return
        is_strict = first.kind.age >= _STRICT_AGE
        if is_strict or self._reserves:
            free.promise = Promise.make(self._room, first.kind.demand, now_s, running(), is_strict=is_strict)
        line = self._search(free)
        while line is not None:
            free.choose(line)
            head = line.head
            if not self._offer(line, True, now_s, start):
                break
            free.took(line.asked, head)
            line = self._search(free)

    def _join_lanes(
        self,
        first: Line[D],
        now_s: float,
        start: Callable[[Line[D], bool], bool],
        joinable: Iterable[tuple[D, str]],
    ) -> None:
        """Offer what needs nothing that is free: what was not offered yet, and what may wait in a lane."""
        refused = {first}
        for line in list(self._new):
            while line.length and self._offer(line, False, now_s, start):
                pass
            refused.add(line)
        for demand, key in joinable:
            alike = Alike(self._room, demand, key, refused)
            found = self._search(alike)
            while found is not None and self._offer(found, False, now_s, start):
                found = self._search(alike)

    def _may_pass(self, gate: Gate) -> bool:
        """Whether any line may, by the least that all of them ask for."""
        owners = self._owners
        return owners.least is not None and gate.may_pass(owners.least, owners.shortest_s)

    def _search(self, gate: Gate) -> Line[D] | None:
        """The best line that passes."""
        self._has_searched = True
        line: Line[D] | None = self._owners.find(gate) if self._may_pass(gate) else None
        return line

    def _offer(self, line: Line[D], fits: bool, now_s: float, start: Callable[[Line[D], bool], bool]) -> bool:
        head = line.head
        if not start(line, fits):
            line.chosen = None
            self._new.pop(line, None)
            return False
        kind = line.kind
        kind.length -= 1
        kind.served_s = now_s
        if kind.age:
            kind.grow(0.0)
        self._typical_s += _TYPICAL_WEIGHT * (head.seconds - self._typical_s)
        if line.place < 0:
            return True  # its run was dropped as it was started
        run = self._runs[head.run]
        run.waiting -= 1
        run.owner.waiting -= 1
        self._waiting -= 1
        if not line.length or run.is_contested:
            run.stand(line)
        if line.length:
            self._new[line] = None
        else:
            self._new.pop(line, None)
        if line.shortest_s:
            line.shortest_s = 0.0
            run.forget(line)
        return True

    def _look(self, now_s: float) -> None:
        """See who has waited for long, and forget how long lines take whose steps are thought to take something else by now."""
        unit_s = max(AGE_OF_ONE_PRIORITY_S, AGE_IN_DURATIONS * self._typical_s)
        self._look_at_s = now_s + unit_s / _LOOKS
        for kind in self._kinds.values():
            age = max((now_s - kind.served_s) // unit_s, 0.0) if kind.length else 0.0
            if age != kind.age:
                kind.grow(age)
            for line in kind.lines.values():
                if line.shortest_s and line.length and line.head.guess is not None:
                    line.shortest_s = 0.0
                    line.run.forget(line)
