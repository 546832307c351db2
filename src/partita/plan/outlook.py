"""When runs that go on will end, as distributions: what is left of them is played through, again and again.

Each time durations are drawn (Monte Carlo), and what is ready starts by the same rules as in the engine: the same queue, with
its ranks, fair shares and promises. Attempts of one function err together more than those of two do, which makes the spread of
many of them wider than if each were drawn by itself.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from partita.core.records import Demand
from partita.core.resources import Pool
from partita.plan.queue import Entry, Line, ReadyQueue
from partita.plan.spreads import Shares, Spread

__all__ = ["Ahead", "Outlook", "Time", "share_below"]

_LEAST_SHARE = 1e-6
_HALVINGS = 16
#: So many steps are looked at before the first of them begins, between two pauses.
_FIRST = 1000
#: Where a step runs, and seconds until it begins and ends.
Time = tuple[str, float, float]


@dataclass(slots=True)
class Ahead:
    """A step that has not ended."""

    run: int
    executor: str  # empty: it needs none
    demand: Demand
    priority: int
    rank_s: float
    expected_s: float
    spread: Spread
    group: str  # what its duration errs together with
    began_share: float = -1.0  # of its durations, those that it has exceeded already; below 0: it has not begun
    elapsed_s: float = 0.0  # since it began
    waits_for: int = 0  # steps that have to end before
    behind: list[int] = field(default_factory=list)  # positions of those that wait for it
    others: tuple[
        tuple[str, float], ...
    ] = ()  # further executors that it may run on, and how many times as long it takes there
    shared: float | None = None  # how much of its variance is that of its group; None: as much as of any step


def share_below(spread: Spread, seconds: float) -> float:
    """The share of cases that takes less, by halving."""
    low, high = _LEAST_SHARE, 1.0 - _LEAST_SHARE
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if spread.quantile(middle) < seconds:
            low = middle
        else:
            high = middle
    return low


class Outlook:
    """What lies ahead of all runs, at one moment."""

    def __init__(
        self,
        steps: Sequence[Ahead],
        pools: Mapping[str, Pool],
        shared: float,
        join: Callable[[ReadyQueue[Demand]], None] = lambda queue: None,
    ) -> None:
        """
        Args:
            pools: with nothing held.
            shared: how much of the variance of durations is that of their group, 0 to 1.
            join: makes the runs known to a queue, with their owners and weights.
        """
        self._steps, self._pools, self._join = steps, pools, join
        self._shared = shared

    def play(
        self, draw: Callable[[], float], pause_every: int = 100, times: dict[int, Time] | None = None
    ) -> Iterator[dict[int, float] | None]:
        """Play everything through once; gives seconds until the end of each run at last, and None for a pause before that.

        Args:
            draw: gives random numbers from 0 to 1; of equal ones comes an equal play.
            pause_every: after so many ends it may be paused.
            times: is told of each step by its position where it runs, and from when to when.
        """
        steps, count = self._steps, 0
        pools = {name: Pool.of(pool.describe()) for name, pool in self._pools.items()}
        queues = {name: ReadyQueue(pool) for name, pool in pools.items()}
        for queue in queues.values():
            self._join(queue)
        shares = Shares(draw)
        waiting = [step.waits_for for step in steps]
        events: list[tuple[float, int]] = []  # (when it ends, position)
        thought: dict[str, dict[int, tuple[float, Demand]]] = {name: {} for name in pools}  # by executor and position
        queued: dict[str, float] = dict.fromkeys(pools, 0.0)  # seconds of the whole executor, by what waits there
        placed: dict[
            int, tuple[str, float]
        ] = {}  # where a step that may choose is, and how many times as long it takes there
        ends: dict[int, float] = {}
        now, touched = 0.0, set(pools)

        def begin(position: int) -> None:
            step = steps[position]
            name, factor = placed[position] if step.others else (step.executor, 1.0)
            end = now + self._seconds(step, shares) * factor
            heapq.heappush(events, (end, position))
            if times is not None:
                times[position] = (name, now, end)

        def choose(step: Ahead) -> tuple[str, float]:
            """Where it would end first, roughly: what waits there goes before it, and of what runs a half."""

            def end_s(place: tuple[str, float]) -> float:
                name, times = place
                held = 0.0
                if not pools[name].fits(step.demand):
                    held = (
                        sum(max(at - now, 0.0) * pools[name].share(demand) for at, demand in thought[name].values()) / 2
                    )
                return queued[name] + held + step.expected_s * times

            return min(((step.executor, 1.0), *step.others), key=end_s)

        def make_ready(position: int) -> None:
            step = steps[position]
            if not step.executor:
                begin(position)
                return
            name, expected_s = step.executor, step.expected_s
            if step.others:
                name, times = placed[position] = choose(step)
                expected_s *= times
                queued[name] += expected_s * pools[name].share(step.demand)
            entry = Entry(step.run, position, now, step.rank_s, expected_s)
            queues[name].push(step.demand, step.priority, "", entry)
            touched.add(name)

        def start(name: str, line: Line[Demand], fits: bool) -> bool:
            if not fits:
                return False
            demand, entry = line.demand, line.pop()
            pools[name].acquire(demand)
            queues[name].charge(entry.run, demand, entry.expected_s)
            thought[name][entry.step] = (now + entry.expected_s, demand)
            if steps[entry.step].others:
                queued[name] -= entry.expected_s * pools[name].share(demand)
            begin(entry.step)
            return True

        def ending(name: str) -> list[tuple[float, Demand]]:
            return sorted(thought[name].values())

        for position, step in enumerate(steps):
            if step.began_share >= 0:
                if step.executor:
                    pools[step.executor].acquire(step.demand)
                    thought[step.executor][position] = (max(step.expected_s - step.elapsed_s, 0.0), step.demand)
                begin(position)
            elif not step.waits_for:
                make_ready(position)
            if position % _FIRST == _FIRST - 1:
                yield None
        while True:
            for name in touched:
                queues[name].place(now, partial(start, name), partial(ending, name))
            touched.clear()
            if not events:
                break
            now = events[0][0]
            while events and events[0][0] <= now:
                position = heapq.heappop(events)[1]
                step = steps[position]
                ends[step.run] = now
                if step.executor:
                    name = placed[position][0] if step.others else step.executor
                    pools[name].release(step.demand)
                    del thought[name][position]
                    touched.add(name)
                for successor in step.behind:
                    waiting[successor] -= 1
                    if not waiting[successor]:
                        make_ready(successor)
                count += 1
                if count % pause_every == 0:
                    yield None
        yield ends

    def _seconds(self, step: Ahead, shares: Shares) -> float:
        """How long a step takes this time, from now on."""
        share = shares.next(step.group, self._shared if step.shared is None else step.shared)
        if step.began_share >= 0:
            share = step.began_share + (1.0 - step.began_share) * share
        seconds = step.spread.quantile(min(max(share, _LEAST_SHARE), 1.0 - _LEAST_SHARE))
        return max(seconds - step.elapsed_s, 0.0)
