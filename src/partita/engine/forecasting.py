"""When each run will be done: played through now and then while the engine has nothing better to do.

A play through is work of some ten microseconds a step, so it is done in slices of a few milliseconds between turns, and no more
of it than a share of the engine's time. Of runs with very many steps ahead those that are alike are taken together, see
`plan.coarse`. What comes of it stands in the run's notes, for watchers and for the record:

    "planned"    the first forecast of the whole run, with the time at which it was made
    "forecast"   the latest

When each step is thought to begin and end is kept beside, once, see `engine.run_plans`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from math import exp
from typing import TYPE_CHECKING, Any

from partita.core.graph import Step
from partita.core.records import Demand
from partita.core.states import FINAL, Kind, State
from partita.engine.expecting import SIZED_S
from partita.engine.live import Live
from partita.engine.run_plans import PlannedTime, RunPlans
from partita.engine.standing import join
from partita.plan.coarse import Pieces, Sort, coarsened, sigma_of
from partita.plan.outlook import Ahead, Outlook, Time, share_below
from partita.plan.queue import ReadyQueue
from partita.plan.spreads import Guess, Spread

if TYPE_CHECKING:
    from partita.engine.book import Book
    from partita.engine.lanes import Lanes

__all__ = ["Forecasting"]

#: Plays of one forecast.
PLAYS = 40
#: How much of the variance of durations attempts of one function have in common, see `benchmarks/plan_and_run.py`.
SHARED = 0.05
#: A slice takes about so long, and all of them together this share of the engine's time.
_SLICE_S = 0.003
_SHARE = 0.02
#: A forecast is made anew not before so many seconds, or this share of what was left.
_LEAST_PAUSE_S, _PAUSE_SHARE = 1.0, 0.05
#: A run is forecast when it has gone on for so many seconds.
_LEAST_AGE_S = 1.0
#: So much of a forecast is made at once; what is longer is made in slices with pauses.
_AT_ONCE_S = 0.01
#: With more steps ahead of all runs a play takes too long, and of each run that has at least so many, alike ones are taken
#: together; of these few there are fewer plays, as each is sure of more.
_MOST_STEPS, _MANY_STEPS, _PLAYS_OF_FEW = 600, 300, 20
#: Where steps hold nothing of which there is a limit, so many of them are thought to run at once.
_MOST_LANES = 256
#: Steps that are looked at between two pauses.
_PAUSE = 500
#: The engine hands out no more than one step in so many seconds, however short they are.
_HANDED_OUT_S = 6e-5
#: A step that nothing is known of.
_UNKNOWN = Guess(1.0, 1.0)
_NOTHING = Guess(0.0, 0.0)


#: (step, what lies ahead that it is a part of, from which share of that to which it goes on)
_Part = tuple[int, int, float, float]


class Forecasting:
    """Forecasts all runs of an engine together, since they share its executors."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._work: Iterator[None] | None = None
        self._due_s = 0.0  # monotonic
        self._spent_s = 0.0  # on the forecast that is being made
        self._random = random.Random(0)
        self._plans = RunPlans(book)

    def wait_s(self) -> float | None:
        """Seconds until there is something to do; None: nothing is."""
        book = self._book
        due_s = max(self._due_s - book.clock.monotonic(), 0.0)
        if self._work is not None:
            return due_s
        ages = [book.now - live.started_at for live in book.lives.values() if self._has_more(live) and live.started_at]
        return max(due_s, _LEAST_AGE_S - max(ages)) if ages else None

    def work(self) -> None:
        """Do a slice of what is to be done, if it is due."""
        book = self._book
        begun = book.clock.monotonic()
        if begun < self._due_s:
            return
        if self._work is None:
            runs = [live for live in book.lives.values() if self._is_ready(live)]
            if not runs:
                return
            self._spent_s = 0.0
            self._work = self._forecast(runs)
        until, before_s = begun + _SLICE_S, time.thread_time()
        is_over = False
        while not is_over and book.clock.monotonic() < until:
            is_over = next(self._work, self) is self
        now = book.clock.monotonic()
        # While others have the processor the engine spends nothing on it.
        spent_s = min(now - begun, time.thread_time() - before_s)
        self._spent_s += spent_s
        if is_over:
            self._work = None
            left = [note["p50"] - book.now for live in book.lives.values() if (note := live.notes.get("forecast"))]
            pause_s = max(_LEAST_PAUSE_S, self._spent_s / _SHARE, min(left, default=0.0) * _PAUSE_SHARE)
            self._due_s = now + pause_s
        else:
            self._due_s = now + spent_s * (1.0 / _SHARE - 1.0) * self._haste()

    def _haste(self) -> float:
        """A short forecast is made without pauses: it is over before anybody waits for the engine."""
        return 0.0 if self._spent_s < _AT_ONCE_S else 1.0

    def _is_ready(self, live: Live) -> bool:
        """Whether it is forecast: a brief run is over before anybody reads when it will be."""
        if not self._has_more(live) or live.started_at is None:
            return False
        return self._book.now - live.started_at >= _LEAST_AGE_S

    def _has_more(self, live: Live) -> bool:
        return not (live.is_final or live.backlog) and len(live.run.steps) > 1

    def _forecast(self, runs: list[Live]) -> Iterator[None]:
        made_at = self._book.now
        unfinished = []
        for live in runs:
            unfinished.append((yield from self._unfinished(live)))
        is_fine = sum(map(len, unfinished)) <= _MOST_STEPS
        steps: list[Ahead] = []
        parts: list[tuple[Live, int, Iterator[_Part | None]]] = []  # of runs with steps that no forecast had before
        for live, numbers in zip(runs, unfinished, strict=True):
            until, (first, room) = self._plans.until(live), self._plans.room(live)
            gather = self._gather if is_fine or len(numbers) < _MANY_STEPS else self._gather_alike
            lying = yield from gather(live, numbers, steps, first, room)
            if room:
                parts.append((live, until, lying))
        if not steps:
            return
        pools = self._book.pools()
        outlook = Outlook(steps, pools, SHARED, self._joiner(runs))
        found: dict[int, list[float]] = {live.run.number: [] for live in runs}
        for _ in range(PLAYS if is_fine else _PLAYS_OF_FEW):
            for ends in outlook.play(self._random.random):
                if ends is None:
                    yield
                    continue
                for number, seconds in ends.items():
                    found[number].append(seconds)
            yield
        for live in runs:
            self._tell(live, made_at, sorted(found[live.run.number]))
        if parts:
            yield from self._plan(outlook, made_at, steps, parts)

    def _plan(
        self,
        outlook: Outlook,
        made_at: float,
        steps: list[Ahead],
        parts: list[tuple[Live, int, Iterator[_Part | None]]],
    ) -> Iterator[None]:
        """Keep when steps are thought to run: played through with what each takes in half of all cases."""
        times: dict[int, Time] = {}
        for ends in outlook.play(lambda: 0.5, times=times):
            if ends is None:
                yield
        for live, until, found in parts:
            kept: list[PlannedTime] = []
            ahead_s = made_at - (live.started_at or made_at)
            for part in found:
                if part is None:
                    yield
                elif part[1] in times:
                    step, position, low, high = part
                    name, start_s, end_s = times[position]
                    size_s, elapsed_s = end_s - start_s, steps[position].elapsed_s
                    start_s += ahead_s + size_s * low - elapsed_s
                    kept.append(PlannedTime(step, name, start_s, size_s * (high - low) + elapsed_s))
            yield
            if not live.is_final:
                self._plans.keep(live, until, kept)
            yield

    def _joiner(self, runs: list[Live]) -> Callable[[ReadyQueue[Demand]], None]:
        def join_runs(queue: ReadyQueue[Demand]) -> None:
            for live in runs:
                join(queue, live)

        return join_runs

    def _tell(self, live: Live, made_at: float, seconds: list[float]) -> None:
        if live.is_final or not seconds:
            return
        told = {"made_at": made_at}
        for name, share in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9)):
            told[name] = made_at + seconds[round(share * (len(seconds) - 1))]
        live.notes.setdefault("planned", told)
        live.notes["forecast"] = told
        self._plans.estimated(live, told)
        self._book.overruns.forecast(live, told)
        live.history.append(0)  # so that watchers hear of it
        self._book.news.add("run", live.run.id)
        self._book.told[live.run.number] = live

    # What lies ahead

    def _unfinished(self, live: Live) -> Generator[None, None, list[int]]:
        """The numbers of the steps that lie ahead of a run."""
        steps, found = live.run.steps, []
        for count, number in enumerate(list(steps), 1):
            step = steps.get(number)
            if step is not None and step.state not in FINAL and self._will_end(step):
                found.append(number)
            if count % (4 * _PAUSE) == 0:
                yield
        return found

    def _gather(
        self, live: Live, numbers: list[int], steps: list[Ahead], first: int, room: int
    ) -> Generator[None, None, Iterator[_Part | None]]:
        """Add what lies ahead of a run, step by step; gives where steps from the first on are, as far as there is room."""
        positions: dict[int, int] = {}
        parts: list[_Part] = []
        for count, number in enumerate(numbers, 1):
            step = live.run.steps.get(number)
            if step is not None:
                position = positions[number] = len(steps)
                ahead = self._ahead(live, step)
                steps.append(ahead)
                if number >= first and len(parts) < room and (ahead.executor or ahead.expected_s):
                    parts.append((number, position, 0.0, 1.0))
            if count % _PAUSE == 0:
                yield
        for before, behind in self._edges(live, positions):
            if steps[behind].began_share < 0:
                steps[before].behind.append(behind)
                steps[behind].waits_for += 1
        yield
        return iter(parts)

    def _edges(self, live: Live, positions: dict[int, int]) -> Iterator[tuple[int, int]]:
        """Pairs of positions: what has to end before, and what waits for it."""
        for number, position in positions.items():
            step = live.run.steps.get(number)
            if step is None:
                continue
            for source in step.inputs:
                before = positions.get(source[0])
                if before is not None:
                    yield before, position
            parent = positions.get(step.parent)
            if parent is not None:
                yield position, parent

    def _gather_alike(
        self, live: Live, numbers: list[int], steps: list[Ahead], first: int, room: int
    ) -> Generator[None, None, Iterator[_Part | None]]:
        """The same, alike steps taken together."""
        positions: dict[int, int] = {}
        sorts: list[Sort] = []
        known: dict[tuple[Any, ...], int] = {}
        sort_of: list[int] = []
        running: dict[int, Ahead] = {}
        for count, number in enumerate(numbers, 1):
            step = live.run.steps.get(number)
            if step is not None:
                position = positions[number] = len(sort_of)
                is_open = step.kind == Kind.FLOW and bool(step.alias is not None or step.children)
                key = (step.kind, step.profile, live.memory.get(number, 0), is_open)
                sort = known.get(key)
                if sort is None:
                    sort = known[key] = len(sorts)
                    sorts.append(self._sort(live, step))
                sort_of.append(sort)
                if number in live.running and sorts[sort].executor:
                    running[position] = self._ahead(live, step)
            if count % _PAUSE == 0:
                yield
        befores: list[int] = []
        behinds: list[int] = []
        for count, (before, behind) in enumerate(self._edges(live, positions), 1):
            if behind not in running:
                befores.append(before)
                behinds.append(behind)
            if count % (4 * _PAUSE) == 0:
                yield
        pieces = yield from coarsened(live.run.number, sorts, sort_of, (befores, behinds), running, SHARED)
        before_all = len(steps)
        for piece in pieces.steps:
            piece.behind = [before_all + position for position in piece.behind]
            steps.append(piece)
        return self._parts(pieces, list(positions), before_all, first, room)

    def _parts(
        self, pieces: Pieces, numbers: list[int], before_all: int, first: int, room: int
    ) -> Iterator[_Part | None]:
        """Where of a run with these steps those from the first on are."""
        begin = next((position for position, number in enumerate(numbers) if number >= first), len(numbers))
        for part in pieces.parts(begin, room):
            if part is None:
                yield None
            elif numbers[part[0]] >= first:  # layouts that arrive at once mix their steps
                yield numbers[part[0]], before_all + part[1], part[2], part[3]

    def _sort(self, live: Live, step: Step) -> Sort:
        """What a step and its like are."""
        ahead = self._to_begin(live, step, is_one=False)
        sigma = sigma_of(ahead.spread)
        mean_s = ahead.spread.median * exp(sigma * sigma / 2.0)
        lanes = 1
        if ahead.executor:
            lanes = 0
            for name, _ in ((ahead.executor, 1.0), *ahead.others):
                share = self._book.executors[name].pool.share(ahead.demand)
                lanes += max(int(1.0 / share + 1e-9), 1) if share else _MOST_LANES
            pace = self._book.expecting.typical(live, step.profile).pace
            if pace is not None and pace.count and pace.mean_s < SIZED_S:
                mean_s = pace.mean_s  # of what is short the median is a rough measure
            mean_s = max(mean_s, lanes * _HANDED_OUT_S)
        return Sort(ahead.executor, ahead.demand, ahead.priority, ahead.group, mean_s, sigma, lanes, ahead.others)

    def _will_end(self, step: Step) -> bool:
        """Whether the step is expected to: fallbacks and undos are not."""
        return step.kind != Kind.UNDO and (step.fallback_of < 0 or step.state != State.PENDING)

    def _ahead(self, live: Live, step: Step) -> Ahead:
        """What lies ahead of a step, which may have begun."""
        book, found = self._book, self._to_begin(live, step)
        ticket = live.running.get(step.id)
        if not found.executor or ticket is None:
            return found
        flight = book.flights.get(ticket)
        if flight is not None:
            found.executor, found.others = flight.executor.name, ()
        found.elapsed_s = max(book.now - live.started.get(step.id, book.now), 0.0)
        found.began_share = share_below(found.spread, found.elapsed_s) if found.elapsed_s else 0.0
        return found

    def _to_begin(self, live: Live, step: Step, is_one: bool = True) -> Ahead:
        """The same as if it had not begun; or of all that are like it."""
        number, rank = live.run.number, live.ranks.get(step.id, 0.0)
        if step.profile < 0 or step.kind not in (Kind.TASK, Kind.FLOW):
            return Ahead(number, "", Demand(), 0, rank, 0.0, _NOTHING, "")
        profile = live.run.profiles[step.profile]
        if step.kind == Kind.FLOW and (step.alias is not None or step.children):
            return Ahead(number, "", Demand(), 0, rank, 0.0, _NOTHING, "")
        spread, expected_s = self._spread(live, step, is_one)
        if step.kind == Kind.FLOW:
            return Ahead(number, "", Demand(), 0, rank, expected_s, spread, profile.function)
        demand = self._book.demand(live, step)
        places = self._book.places(live, step.profile, demand)
        return Ahead(
            number, places[0].name, demand, profile.priority, rank, expected_s, spread, profile.function,
            others=self._others(live, step, places),
        )  # fmt: skip

    def _others(self, live: Live, step: Step, places: Sequence[Lanes]) -> tuple[tuple[str, float], ...]:
        """Further executors that a step may run on, and how many times as long it takes there."""
        if len(places) < 2:
            return ()
        seconds = [self._book.expecting.seconds_on(live, step, lanes, places) for lanes in places]
        return tuple(
            (lanes.name, each / seconds[0] if each and seconds[0] else places[0].speed / lanes.speed)
            for lanes, each in zip(places[1:], seconds[1:], strict=True)
        )

    def _spread(self, live: Live, step: Step, is_one: bool) -> tuple[Spread, float]:
        if step.kind == Kind.FLOW:
            estimate = self._book.learning.expansion(live, step)
            return (estimate, estimate.median) if estimate is not None else (_NOTHING, 0.0)
        typical = self._book.expecting.typical(live, step.profile)
        estimate = (self._book.expecting.at_place(live, step) if is_one else None) or typical.estimate
        if estimate is not None:
            return estimate, estimate.median
        return (Guess(typical.mean_s, 0.5), typical.mean_s) if typical.is_known else (_UNKNOWN, 1.0)
