"""The lanes of one executor: what each holds, what it has to do, and what is idle."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from partita.core.records import Demand
from partita.core.resources import Pool
from partita.engine.health import BRIEF_S, Health
from partita.executors.port import Executor
from partita.plan.queue import ReadyQueue
from partita.protocol.messages import Order
from partita.protocol.remote import ticket_text

__all__ = ["PLACE_MARK", "Flight", "Lane", "Lanes", "Pace"]

#: Between the name of an executor and that of a worker.
PLACE_MARK = "#"
#: A lane whose order has run for so many seconds gives back what waits behind it.
TAKE_BACK_AFTER_S = 0.05


#: What orders must share to use one lane: bundle, demand and environment.
LaneKey = tuple[str, Demand, str]


@dataclass(slots=True)
class Pace:
    """How long the attempts of a profile take."""

    mean_s: float = 0.0  # exponentially weighted
    count: int = 0

    def observe(self, duration_s: float) -> None:
        self.count += 1
        weight = 0.25 if self.count > 1 else 1.0
        self.mean_s += weight * (duration_s - self.mean_s)


@dataclass(slots=True)
class Flight:
    """One order that has not ended."""

    run: int
    step: int
    attempt: int
    lane: Lane
    profile: int  # engine-wide number
    demand: Demand
    executor: Lanes
    timeout_s: float | None = None
    stop_reason: str = ""  # why it was asked to stop, where it was
    is_cached: bool = False  # it was told the value, and computes nothing
    expected_s: float = 0.0  # how long it was thought to take; 0: nobody knew
    input_bytes: int = 0  # size of its arguments and inputs
    handed_at: float = 0.0  # seconds since the epoch


@dataclass(slots=True, eq=False)
class Lane:
    """One lane: it holds its demand from its first unfinished order to its last."""

    number: int
    bundle: str
    demand: Demand
    environment: str = ""
    tickets: deque[int] = field(default_factory=deque)
    expected: dict[int, float] = field(
        default_factory=dict
    )  # how long its orders are thought to take, seconds by ticket
    outgoing: list[Order] = field(default_factory=list)  # to be submitted after the commit
    busy_since_s: float = 0.0  # monotonic: when the order at its head is thought to have begun
    alone: int = 0  # ticket of the last order that was handed out while it had nothing to do
    taken_s: float | None = None  # how long that took; None: the last one that ended waited behind another
    is_warm: bool = False  # an order of it has ended
    is_open_to_brief: bool = False  # all it has to do is brief
    is_waiting: bool = False  # its attempt waits for a child run or an equal step, and holds nothing meanwhile

    @property
    def key(self) -> LaneKey:
        return self.bundle, self.demand, self.environment


class Lanes:
    """An executor with its pool, its queue and its lanes."""

    def __init__(
        self,
        name: str,
        executor: Executor,
        pool: Pool,
        prefetch: int = 16,
        node: str = "",
        price: float = 0.0,
        reserves: bool = True,
        speed: float = 1.0,
        bandwidth: float = 0.0,
    ) -> None:
        """
        Args:
            prefetch: so many brief orders may wait in one lane.
            price: what a second of an attempt costs.
            speed: how much faster than elsewhere steps run here, where nothing was learned of them here.
            bandwidth: bytes a second in which values that were made elsewhere get here; 0: it takes no time.
            reserves: whether the first that does not fit is promised its room at once, or when it has waited for long.
            node: class of the machines that its attempts run on; empty: the executor's name.
        """
        self.name = name
        self.node = node or name
        self.price = price
        self.speed = speed
        self.bandwidth = bandwidth
        self.health = Health()
        self.changes = 0  # how often something that was held here has become free
        self.executor = executor
        self.pool = pool
        self.queue = ReadyQueue(pool, reserves=reserves)
        self.prefetch = prefetch
        self._lanes: dict[int, Lane] = {}
        self._idle: dict[LaneKey, list[Lane]] = {}
        self._brief: dict[LaneKey, list[Lane]] = {}  # busy lanes that brief orders may join
        self.introduced: set[int] = set()
        self._paces: dict[int, Pace] = {}

    def pace(self, profile: int) -> Pace:
        found = self._paces.get(profile)
        if found is None:
            found = self._paces[profile] = Pace()
        return found

    def forget(self, profiles: Sequence[int]) -> None:
        gone = [profile for profile in profiles if profile in self.introduced]
        self.introduced.difference_update(gone)
        for profile in gone:
            self._paces.pop(profile, None)
        if gone:
            self.executor.forget(gone)

    def hold(self, bundle: str, demand: Demand, environment: str = "") -> Lane:
        """A lane with nothing to do, its demand acquired: an idle one, or a new one."""
        self.pool.acquire(demand)
        idle = self._idle.get((bundle, demand, environment))
        if idle:
            return idle.pop()
        self._make_room()
        # What was learned is kept free, and is no limit that an attempt is killed for.
        number = self.executor.open_lane(bundle, demand._replace(learned_bytes=0), environment)
        lane = Lane(number, bundle, demand, environment)
        self._lanes[lane.number] = lane
        return lane

    def place(self, lane: Lane) -> str:
        """What is stored of where an attempt runs: the executor, and the worker if a later engine can attach to it."""
        place = self.executor.place(lane.number)
        return f"{self.name}{PLACE_MARK}{place}" if place else self.name

    def attach(
        self, order: Order, place: str, bundle: str, demand: Demand, is_idempotent: bool, now_s: float
    ) -> Lane | None:
        """The lane of an order that an earlier engine gave, its demand acquired; None: its worker is not there any more.

        Args:
            place: as `place` gave it.
        """
        name, mark, worker = place.rpartition(PLACE_MARK)
        if not mark or name != self.name:
            return None
        text = ticket_text(order.run, order.step, order.attempt)
        number = self.executor.attach(worker, order.ticket, text, is_idempotent, demand._replace(learned_bytes=0))
        if number is None:
            return None
        lane = self._lanes.get(number)
        if lane is None:
            lane = self._lanes[number] = Lane(number, bundle, demand)
            self.pool.acquire(demand)
        if not lane.tickets:
            lane.busy_since_s = now_s
        lane.tickets.append(order.ticket)
        return lane

    def give_back(self, lane: Lane) -> None:
        """A lane that was held gets no order after all."""
        self.changes += 1
        self.pool.release(lane.demand)
        self._idle.setdefault(lane.key, []).append(lane)

    def _make_room(self) -> None:
        """Close an idle lane where there are many: each is a process with what it imported."""
        busy = len(self._lanes) - sum(len(idle) for idle in self._idle.values())
        if len(self._lanes) - busy < max(4, self.pool.capacity["cpu"]):
            return
        for idle in self._idle.values():
            if idle:
                lane = idle.pop(0)
                del self._lanes[lane.number]
                self.executor.close_lane(lane.number)
                return

    def depth(self, seconds: float) -> int:
        """How many orders that take so long may be handed to one lane at a time."""
        fits = int(BRIEF_S / max(seconds, 1e-6))
        # While one is worked on, as many more are on their way as are done until the next one would get there.
        if self.health.overhead_s > BRIEF_S:
            fits = max(fits, 1 + int(self.health.brief_s / max(seconds, 1e-6)))
        return min(self.prefetch, fits)

    def overhead_s(self, bundle: str, demand: Demand, environment: str) -> float:
        """What the executor is thought to add to an attempt: more where a worker has to start for it."""
        health, key = self.health, (bundle, demand, environment)
        if health.count and any(lane.is_warm and lane.key == key for lane in self._lanes.values()):
            return health.overhead_s
        return max(health.cold_s, health.overhead_s)

    def joinable(self, bundle: str, demand: Demand, seconds: float, now_s: float, environment: str = "") -> Lane | None:
        """The busy lane with the least to do that a brief order, which takes so long, may join."""
        depth = self.depth(seconds)
        best: Lane | None = None
        for lane in self._brief.get((bundle, demand, environment), ()):
            length = len(lane.tickets)
            if not lane.is_waiting and length < depth and (best is None or length < len(best.tickets)):
                if now_s - lane.busy_since_s > self._take_back_after_s:
                    continue  # it would be taken back at once
                best = lane
        return best

    def joinable_kinds(self) -> list[tuple[Demand, str]]:
        """The demands of lanes that brief orders may join, each with the key of its lines in the queue."""
        return [
            (demand, bundle + environment)
            for (bundle, demand, environment), lanes in self._brief.items()
            if any(not lane.is_waiting and len(lane.tickets) < self.prefetch for lane in lanes)
        ]

    def assign(self, lane: Lane, order: Order, is_brief: bool, now_s: float, expected_s: float = 0.0) -> None:
        if expected_s:
            lane.expected[order.ticket] = expected_s
        if not lane.tickets:
            lane.busy_since_s, lane.alone = now_s, order.ticket
            lane.is_open_to_brief = is_brief
            if is_brief:
                self._brief.setdefault(lane.key, []).append(lane)
        lane.tickets.append(order.ticket)
        lane.outgoing.append(order)

    def ended(self, lane: Lane, ticket: int, now_s: float) -> None:
        """An order of the lane has ended."""
        self.changes += 1
        lane.expected.pop(ticket, None)
        if lane.tickets and lane.tickets[0] == ticket:
            lane.tickets.popleft()
            lane.taken_s = now_s - lane.busy_since_s if ticket == lane.alone else None
            lane.busy_since_s = now_s
        else:
            lane.tickets.remove(ticket)
        if lane.tickets:
            return
        if not lane.is_waiting:
            self.pool.release(lane.demand)
        lane.is_waiting = False
        self._leave_brief(lane)
        if lane.number in self._lanes:
            self._idle.setdefault(lane.key, []).append(lane)

    def _leave_brief(self, lane: Lane) -> None:
        if lane.is_open_to_brief:
            self._brief[lane.key].remove(lane)
            lane.is_open_to_brief = False

    def closed(self, number: int) -> None:
        """The executor has closed the lane by itself."""
        lane = self._lanes.pop(number, None)
        if lane is None:
            return
        self._leave_brief(lane)
        idle = self._idle.get(lane.key, [])
        if lane in idle:
            idle.remove(lane)

    def running(self) -> list[tuple[float, Demand]]:
        """What holds something: when each is thought to end, and what it holds; what ends first comes first."""
        return sorted(
            (lane.busy_since_s + sum(lane.expected.values()), lane.demand)
            for lane in self._lanes.values()
            if lane.tickets and not lane.is_waiting
        )

    def wait(self, lane: Lane) -> None:
        """The lane's attempt waits for a child run or an equal step: what it holds is free until `wake`."""
        if not lane.is_waiting:
            lane.is_waiting = True
            self.changes += 1
            self.pool.release(lane.demand)

    def wake(self, lane: Lane) -> bool:
        """Hold again what a waiting lane needs; False while there is no room for it."""
        if lane.is_waiting:
            if not self.pool.fits(lane.demand):
                return False
            self.pool.acquire(lane.demand)
            lane.is_waiting = False
        return True

    def can_wake(self, lane: Lane) -> bool:
        """Whether there is room for a waiting lane."""
        return not lane.is_waiting or self.pool.fits(lane.demand)

    @property
    def _take_back_after_s(self) -> float:
        return TAKE_BACK_AFTER_S * self.health.brief_s / BRIEF_S

    @property
    def needs_watching(self) -> bool:
        """Whether anything waits behind a running order, so that it may have to be taken back."""
        return any(len(lane.tickets) > 1 for lanes in self._brief.values() for lane in lanes)

    def overdue(self, now_s: float) -> list[Lane]:
        """Lanes that keep orders waiting behind one that takes long."""
        return [
            lane
            for lanes in self._brief.values()
            for lane in lanes
            if len(lane.tickets) > 1 and now_s - lane.busy_since_s > self._take_back_after_s and not lane.outgoing
        ]

    def send(self) -> None:
        """Submit what was assigned; called when it has been committed."""
        for lane in self._lanes.values():
            if lane.outgoing:
                orders, lane.outgoing = lane.outgoing, []
                self.executor.submit(lane.number, orders)

    def close_idle(self, bundle: str = "") -> None:
        """Close lanes that have nothing to do (of a bundle, or all)."""
        for (of_bundle, _, _), idle in self._idle.items():
            if not bundle or of_bundle == bundle:
                for lane in idle:
                    del self._lanes[lane.number]
                    self.executor.close_lane(lane.number)
                idle.clear()

    def __len__(self) -> int:
        return len(self._lanes)
