"""Which of several executors a step goes to, where its option `executor` allows more than one.

What is ready is planned anew whenever something has changed, in the order of a queue with its ranks, ages and fair shares: each
step is thought of where it would end first, with what a second there costs added (so the best trade of time and cost that
`partita plan` looks for, as far ahead as the next few steps), given what runs and waits there, how fast steps are known or
said to be there, and how long their inputs take to get there. Only what is due now goes on to its executor's own queue; the
rest is thrown away and planned again. So a step waits for a full executor while another one is free only where it is thought to
end sooner, or be worth it, by waiting: `why` tells the figures.

Brief steps are dealt out without such a plan, so many at a time that each executor always has some: a plan would take longer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from partita.core.graph import Step
from partita.core.records import Demand
from partita.core.resources import Pool
from partita.core.states import Need, State
from partita.engine.horizon import Horizon
from partita.engine.lanes import Lanes
from partita.engine.live import Live, environment_of
from partita.engine.standing import join
from partita.plan.queue import AGE_IN_DURATIONS, AGE_OF_ONE_PRIORITY_S, Entry, Line, ReadyQueue
from partita.values import size_of

if TYPE_CHECKING:
    from partita.engine.book import Book

__all__ = ["Choosing", "Prospect"]

#: So many steps that are not due are planned in one go, beside those that are.
WINDOW = 20
#: What is due within so many seconds is due now.
_NOW_S = 1e-6
#: What waits for an executor is planned anew after so many seconds at most, though nothing has changed: others take longer
#: than they were thought to.
_PATIENCE_S = 1.0
#: What an executor's queue has not let begin for so many seconds may go elsewhere.
_RECALL_S = 0.1
#: What has waited for so many seconds, and for as many of its own durations as count as one step of priority, chooses for good.
_SETTLE_S = 3 * AGE_OF_ONE_PRIORITY_S
_LEAST_S = 1e-3


class Prospect(NamedTuple):
    """How a step would do on an executor, as seen when it was planned."""

    executor: str
    start_s: float  # monotonic
    end_s: float
    worth_s: float  # when it would end, and what it costs there in seconds of waiting


@dataclass(slots=True, eq=False)
class _Candidate:
    """A ready step that may go to one of several executors."""

    live: Live
    entry: Entry
    demand: Demand
    priority: int
    environment: str
    seconds: dict[str, float]  # that an attempt takes, by executor
    moving: dict[str, float]  # that its inputs take to get there
    bound: Lanes | None = None  # in whose queue it lies
    since_s: float = 0.0  # monotonic time since when it lies there
    refused: tuple[str, float] = ("", 0.0)  # an executor whose queue has not let it begin, and until when that counts


@dataclass(slots=True)
class _Group:
    """What may go to the same executors."""

    places: tuple[Lanes, ...]
    queue: ReadyQueue[Demand]
    pool: Pool  # of all of them together
    bound: dict[tuple[int, int], _Candidate] = field(default_factory=dict)  # in an executor's queue, by run and step
    seen: int = -1  # changes of the places, as of the last plan
    is_new: bool = True  # something was offered since


class Choosing:
    """All ready steps that may choose."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._groups: dict[tuple[str, ...], _Group] = {}
        self._candidates: dict[tuple[int, int], _Candidate] = {}  # by run and step
        self._ghosts: dict[int, Entry] = {}  # entries in a queue whose step has gone elsewhere, by identity
        self._prospects: dict[tuple[int, int], tuple[Prospect, ...]] = {}  # of what is not due, the best first
        self._is_awake = False  # it will be planned anew in a while

    def __len__(self) -> int:
        """How many ready steps have not begun."""
        return len(self._candidates)

    def offer(self, live: Live, step: Step, demand: Demand, entry: Entry, places: tuple[Lanes, ...]) -> None:
        """The step is ready, and may go to any of the places."""
        profile = live.run.profiles[step.profile]
        names = tuple(lanes.name for lanes in places)
        group = self._groups.get(names)
        if group is None:
            pool = _together(places)
            group = self._groups[names] = _Group(places, ReadyQueue(pool, reserves=False), pool)
        expecting = self._book.expecting
        found = _Candidate(
            live, entry, demand, profile.priority, environment_of(profile),
            {lanes.name: expecting.seconds_on(live, step, lanes, places) for lanes in places},
            self._moving(live, step, places),
        )  # fmt: skip
        self._candidates[entry.run, entry.step] = found
        group.is_new = True
        if not group.queue.has_joined(entry.run):
            join(group.queue, live)
        group.queue.push(demand, profile.priority, "", entry)

    def place(self) -> None:
        """Send what is due to the queues of the executors that it is due on."""
        for group in self._groups.values():
            if group.bound:
                self._recall(group)
            changes = sum(lanes.changes for lanes in group.places)
            if len(group.queue) and (group.is_new or changes != group.seen):
                group.is_new, group.seen = False, changes
                self._plan(group)
            if (group.bound or len(group.queue)) and not self._is_awake:
                self._is_awake = True
                self._book.set_timer(_RECALL_S if group.bound else _PATIENCE_S, "choose", 0, 0)

    def woken(self) -> None:
        """The time has come to plan anew."""
        self._is_awake = False
        for group in self._groups.values():
            group.is_new = True

    @property
    def is_idle(self) -> bool:
        """Whether nothing may choose, and nothing that has chosen is left in a queue."""
        return not self._candidates and not self._ghosts

    def is_ghost(self, entry: Entry) -> bool:
        """Whether the entry of a queue is none any more, since its step has gone elsewhere; told once."""
        return self._ghosts.pop(id(entry), None) is not None

    def left(self, entry: Entry) -> None:
        """The entry has left its executor's queue."""
        if self._candidates:
            self._candidates.pop((entry.run, entry.step), None)
            self._prospects.pop((entry.run, entry.step), None)

    def why(self, run: int, step: int) -> tuple[Prospect, ...]:
        """How the ready step would do on each executor, where it waits for the first of them; empty where it does not."""
        return self._prospects.get((run, step), ())

    def raise_priority(self, run: int, by: int) -> None:
        """See `ReadyQueue.raise_priority`."""
        for group in self._groups.values():
            group.queue.raise_priority(run, by)

    def drop(self, run: int) -> None:
        """Forget the run."""
        for group in self._groups.values():
            group.queue.drop(run)
            group.bound = {key: each for key, each in group.bound.items() if key[0] != run}
        self._candidates = {key: each for key, each in self._candidates.items() if key[0] != run}
        self._prospects = {key: each for key, each in self._prospects.items() if key[0] != run}
        self._ghosts = {key: each for key, each in self._ghosts.items() if each.run != run}

    # Planning

    def _recall(self, group: _Group) -> None:
        """What lies in an executor's queue for a while, and could begin on another one now, may choose again."""
        now_s = self._book.now_s
        for key, candidate in list(group.bound.items()):
            bound = candidate.bound
            if bound is None or self._candidates.get(key) is not candidate:
                del group.bound[key]  # it has begun, or is no more
            elif now_s - candidate.since_s >= _RECALL_S and any(
                lanes is not bound and lanes.pool.fits(candidate.demand) for lanes in group.places
            ):
                del group.bound[key]
                candidate.bound, candidate.refused = None, (bound.name, now_s + _PATIENCE_S)
                self._ghosts[id(candidate.entry)] = candidate.entry
                bound.queue.renew(candidate.entry.run)
                group.is_new = True
                group.queue.push(candidate.demand, candidate.priority, "", candidate.entry)

    def _plan(self, group: _Group) -> None:
        horizons: dict[str, Horizon] = {}
        backlogs = {lanes.name: lanes.queue.backlog_s() for lanes in group.places}
        dealt = {lanes.name: 0 for lanes in group.places}
        for candidate in group.bound.values():
            if candidate.bound is not None:
                dealt[candidate.bound.name] += 1
        kept: list[_Candidate] = []

        def take(line: Line[Demand], fits: bool) -> bool:
            if len(kept) >= WINDOW:
                return False
            entry = line.pop()
            candidate = self._candidates.get((entry.run, entry.step))
            step = candidate.live.run.steps.get(entry.step) if candidate is not None else None
            if candidate is None or candidate.entry is not entry:
                return True  # it was offered anew
            if step is None or step.state != State.READY:  # cancelled or discarded since
                self.left(entry)
                return True
            chosen = self._choose(group, candidate, horizons, backlogs, dealt)
            if chosen is None:
                kept.append(candidate)
            else:
                dealt[chosen.name] += 1
                self._send(group, candidate, chosen)
            return True

        group.queue.place(self._book.now_s, take)
        for candidate in kept:
            group.queue.push(candidate.demand, candidate.priority, "", candidate.entry)

    def _choose(
        self,
        group: _Group,
        candidate: _Candidate,
        horizons: dict[str, Horizon],
        backlogs: dict[str, float],
        dealt: dict[str, int],
    ) -> Lanes | None:
        """Where the step is to go now; None: nowhere yet."""
        now_s, demand, entry = self._book.now_s, candidate.demand, candidate.entry
        places = [lanes for lanes in group.places if not lanes.health.is_shunned(now_s)] or list(group.places)
        prospects: list[tuple[float, int, Prospect, bool]] = []
        for at, lanes in enumerate(places):
            seconds, name = candidate.seconds[lanes.name], lanes.name
            takes_s = lanes.overhead_s(candidate.live.bundle, demand, candidate.environment) + seconds
            there_s = now_s + candidate.moving.get(name, 0.0)
            is_brief = 0.0 < seconds < lanes.health.brief_s
            if is_brief:
                start_s, can_begin = there_s + backlogs[name], dealt[name] < _depth(lanes, demand, seconds)
            else:
                horizon = horizons.get(name)
                if horizon is None:
                    horizon = horizons[name] = Horizon(lanes.pool, lanes.running(), now_s)
                is_refused = candidate.refused[0] == name and now_s < candidate.refused[1]
                fits = not is_refused and lanes.pool.fits(demand)
                late_s = 0.0 if fits else max(backlogs[name], _PATIENCE_S if is_refused else 0.0)
                start_s = horizon.earliest(there_s + late_s, takes_s, demand)
                can_begin = fits and start_s <= there_s + _NOW_S
            end_s = start_s + takes_s
            worth_s = end_s + lanes.price * max(seconds, _LEAST_S)
            prospects.append((worth_s, at, Prospect(name, start_s, end_s, worth_s), can_begin))
        prospects.sort(key=lambda each: each[:2])
        _, at, best, can_begin = prospects[0]
        chosen = places[at]
        takes_s = best.end_s - best.start_s
        if 0.0 < candidate.seconds[chosen.name] < chosen.health.brief_s:
            backlogs[chosen.name] += takes_s * chosen.pool.share(demand)
        else:
            horizons[chosen.name].take(best.start_s, takes_s, demand)
        if can_begin:
            self._prospects.pop((entry.run, entry.step), None)
            return chosen
        self._prospects[entry.run, entry.step] = tuple(each for _, _, each, _ in prospects)
        # What has waited for long goes on to do so in one executor's queue, which keeps its room free when it is first there.
        has_waited = now_s - entry.since_s > max(_SETTLE_S, AGE_IN_DURATIONS * takes_s)
        return chosen if has_waited else None

    def _send(self, group: _Group, candidate: _Candidate, lanes: Lanes) -> None:
        """Let the step wait in the executor's own queue, where it begins in this turn as a rule."""
        seconds, entry = candidate.seconds[lanes.name], candidate.entry
        candidate.bound, candidate.since_s = lanes, self._book.now_s
        # An entry of its own: one that was recalled from there before may still lie there.
        candidate.entry = sent = entry._replace(expected_s=seconds)
        group.bound[entry.run, entry.step] = candidate
        group.queue.charge(entry.run, candidate.demand, seconds)
        lanes.queue.push(candidate.demand, candidate.priority, candidate.live.bundle + candidate.environment, sent)

    def _moving(self, live: Live, step: Step, places: tuple[Lanes, ...]) -> dict[str, float]:
        """Seconds that the step's inputs take to get to each place from where they were made, as far as that is known."""
        if not any(lanes.bandwidth for lanes in places):
            return {}
        found = dict.fromkeys((lanes.name for lanes in places), 0.0)
        for source, _, need in step.inputs:
            maker = live.makers.get(source)
            value = self._book.values.peek(live.run.number, source) if need == Need.VALUE else None
            if maker is None or value is None:
                continue
            size = size_of(value)
            for lanes in places:
                if lanes.name != maker and lanes.bandwidth:
                    found[lanes.name] += size / lanes.bandwidth
        return found


def _depth(lanes: Lanes, demand: Demand, seconds: float) -> int:
    """So many brief steps may lie in an executor's queue, waiting for its workers: as many as those take at once."""
    workers = 1.0 / max(lanes.pool.share(demand), 1e-3)
    return max(int(workers * lanes.depth(seconds)), 1)


def _together(places: tuple[Lanes, ...]) -> Pool:
    """A pool of all that the places have: what shares are reckoned by."""
    made = Pool(0, 0)
    for lanes in places:
        for name, amount in lanes.pool.capacity.items():
            made.capacity[name] = made.capacity.get(name, 0.0) + amount
    made.held = dict.fromkeys(made.capacity, 0.0)
    return made
