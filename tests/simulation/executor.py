"""A fake executor on a virtual clock that loses, delays, duplicates and returns what it is given."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from partita.core.records import Demand
from partita.executors.bound import BoundWorkers
from partita.executors.port import CLOSED, LOST, PREPARED, PREPARING, RETURNED, Capacity, Launchable
from partita.protocol.messages import DONE, FAILED, FRAME, LAID, REQUEST, Order
from partita.testing.clock import VirtualClock
from partita.values import PLAIN, pack
from tests.simulation.layout import lay_out, open_order
from tests.simulation.program import Program

__all__ = ["FaultPlan", "SimulatedExecutor"]


@dataclass
class FaultPlan:
    """What goes wrong, drawn from a seed; `struck` counts what did."""

    draw: random.Random
    rate: float = 0.12
    struck: dict[str, int] = field(default_factory=dict)
    deaths: dict[tuple[str, int], int] = field(default_factory=dict)  # by step, so that no step is killed for good

    def strikes(self, what: str, rate: float | None = None) -> bool:
        if self.draw.random() < (self.rate if rate is None else rate):
            self.struck[what] = self.struck.get(what, 0) + 1
            return True
        return False


@dataclass
class _Lane:
    demand: Demand
    environment: str
    orders: deque[Order] = field(default_factory=deque)
    is_busy: bool = False
    is_asking: bool = False  # what it holds is free until it is answered


class SimulatedExecutor(BoundWorkers):
    """Satisfies the executor's port; runs programs instead of code."""

    def __init__(
        self,
        clock: VirtualClock,
        program: Program,
        faults: FaultPlan,
        done: dict[tuple[str, int], int],
        capacity: Capacity,
        all_executors: list[SimulatedExecutor],
        speed: float = 1.0,
    ) -> None:
        """
        Args:
            all_executors: of the engine, this one added.
        """
        self.capacity = capacity
        self._speed = speed
        self._all = all_executors
        self._all.append(self)
        self._clock = clock
        self._program = program
        self._faults = faults
        self._committed = done  # steps whose success is stored: they must never be ordered again
        self._lanes: dict[int, _Lane] = {}
        self._profiles: dict[int, Launchable] = {}
        self._events: list[tuple[float, int, str, Any]] = []
        self._count = 0
        self._ended: set[int] = set()
        self._ready: set[str] = set()  # environments
        self._preparing: set[str] = set()
        self._refused: dict[str, int] = {}  # how often each could not be made
        self._tickets: dict[int, int] = {}  # lane by ticket
        self.executed: list[tuple[str, int, int]] = []  # (run, step, attempt) of every attempt that did its work
        self.undone: list[tuple[str, str]] = []
        self.failing: set[str] = set()  # runs of which it is stored that they fail

    def introduce(self, number: int, launchable: Launchable) -> None:
        self._profiles[number] = launchable

    def forget(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            del self._profiles[number]

    def prepare(self, environment: str, launchable: Launchable) -> bool:
        if not environment or environment in self._ready:
            return True
        if environment not in self._preparing:
            self._preparing.add(environment)
            takes_s = self._faults.draw.choice([0.01, 1.0, 20.0])
            self._at(takes_s * self._faults.draw.random(), "say", [PREPARING, environment, "resolving"])
            self._at(takes_s, "prepared", (environment,))
        return False

    def _prepared(self, messages: list[list[Any]], environment: str) -> None:
        """Made, or not for now: as often as the engine puts up with."""
        self._preparing.discard(environment)
        refused = self._refused.get(environment, 0)
        error = "the index is down" if refused < 3 and self._faults.strikes("no environment", 0.3) else ""
        self._refused[environment] = refused + 1
        if not error:
            self._ready.add(environment)
        messages.append([PREPARED, environment, error, bool(error), "/nowhere"])

    def open_lane(self, bundle: str, demand: Demand, environment: str = "") -> int:
        assert not environment or environment in self._ready, "a lane was opened in an environment that is not there"
        self._count += 1
        self._lanes[self._count] = _Lane(demand, environment)
        return self._count

    def close_lane(self, lane: int) -> None:
        assert not self._lanes.pop(lane).orders, "a lane with orders was closed"

    def submit(self, lane: int, orders: Sequence[Order]) -> None:
        if lane not in self._lanes:
            for order in orders:
                self._at(0.0, "say", [RETURNED, order.ticket])
            return
        for order in orders:
            assert (order.run, order.step) not in self._committed, f"finished step {order.step} was ordered again"
            is_undo = bool(order.extra and order.extra.get("undo"))
            assert is_undo or order.run not in self.failing, f"step {order.step} was ordered though its run fails"
            profile = self._profiles[order.profile].profile
            wanted = profile.environment if profile.body == "task" else ""
            assert self._lanes[lane].environment == wanted, "a step was ordered in another step's environment"
            self._tickets[order.ticket] = lane
            self._lanes[lane].orders.append(order)
        self._begin(lane)
        self._check_capacity()

    def _check_capacity(self) -> None:
        busy = self._busy()
        assert sum(demand.cpu for demand in busy) <= self.capacity.cpu + 1e-9, "CPUs are oversubscribed"
        assert sum(demand.memory_bytes for demand in busy) <= self.capacity.memory_bytes, "memory is oversubscribed"
        everywhere = [demand for each in self._all for demand in each._busy()]
        assert sum(dict(demand.slots).get("license", 0) for demand in everywhere) <= 1, "a slot is oversubscribed"

    def _busy(self) -> list[Demand]:
        return [lane.demand for lane in self._lanes.values() if lane.orders and not lane.is_asking]

    def _begin(self, number: int) -> None:
        lane = self._lanes[number]
        if lane.is_busy or not lane.orders:
            return
        lane.is_busy = True
        order = lane.orders[0]
        profile = self._profiles[order.profile].profile
        takes_s = 0.01
        if profile.body == "task":
            takes_s = self._program.traits(int(profile.function.split(":")[1]))["duration"]
        takes_s *= self._faults.draw.uniform(0.5, 1.5) / self._speed
        if self._may_hang(order, profile) and self._faults.strikes("hang", 0.3):
            return
        key = (order.run, order.step)
        if self._faults.deaths.get(key, 0) < 2 and self._faults.strikes("death"):
            self._faults.deaths[key] = self._faults.deaths.get(key, 0) + 1
            self._at(takes_s * self._faults.draw.random(), "die", (number, order))
            return
        self._at(takes_s, "end", (number, order))

    def _may_hang(self, order: Order, profile: Any) -> bool:
        """Only where the time-out counts as a failure that another attempt makes good."""
        is_flaky = profile.body == "task" and self._program.traits(int(profile.function.split(":")[1]))["flaky"]
        return profile.timeout_s is not None and profile.retries > 0 and order.attempt == 1 and not is_flaky

    def take_back(self, lane: int) -> list[int]:
        taken = []
        while len(self._lanes[lane].orders) > 1:
            order = self._lanes[lane].orders.pop()
            self._ended.add(order.ticket)
            taken.append(order.ticket)
        return taken

    def cancel(self, ticket: int, reason: str, grace_s: float) -> None:
        self._at(grace_s * self._faults.draw.random(), "kill", (ticket, reason))

    def reply(self, ticket: int, request: int, is_ok: bool, answer: Any) -> None:
        assert is_ok, answer
        if ticket not in self._ended:
            number = self._tickets[ticket]
            lane = self._lanes[number]
            lane.is_asking = False
            self._at(0.001, "answered", (number, lane.orders[0], answer))

    def printing(self, ticket: int) -> tuple[str, int] | None:
        return None

    def filenos(self) -> list[int]:
        return []

    def close(self) -> None:
        self._lanes.clear()

    def _at(self, after_s: float, what: str, about: Any) -> None:
        self._count += 1
        heapq.heappush(self._events, (self._clock.monotonic() + after_s, self._count, what, about))

    def receive(self, timeout_s: float | None) -> list[list[Any]]:
        """Lets the clock jump to the next thing that happens, or by the time-out."""
        self.wait(timeout_s)
        messages: list[list[Any]] = []
        while self._events and self._events[0][0] <= self._clock.monotonic():
            _, _, what, about = heapq.heappop(self._events)
            if what == "say":
                messages.append(about)
            else:
                getattr(self, f"_{what}")(messages, *about)
        return messages

    def wait(self, timeout_s: float | None) -> None:
        """Let the clock jump to the next thing that happens on any executor, or by the time-out."""
        now = self._clock.monotonic()
        until = now + timeout_s if timeout_s is not None else float("inf")
        soonest = min((each._events[0][0] for each in self._all if each._events), default=float("inf"))
        if soonest <= until and soonest < float("inf"):
            self._clock.jump(max(soonest - now, 0.0))
        elif timeout_s is not None:
            self._clock.jump(timeout_s)
        else:
            raise AssertionError("the engine waits for ever: something is lost")

    def _say_end(self, messages: list[list[Any]], number: int, order: Order, *said: list[Any]) -> None:
        self._ended.add(order.ticket)
        lane = self._lanes[number]
        assert lane.orders.popleft() is order
        lane.is_busy = False
        messages.extend(said)
        if said and self._faults.strikes("duplicate"):
            self._at(self._faults.draw.random(), "say", list(said[-1]))
        if not lane.orders and self._faults.strikes("wear", 0.02):
            del self._lanes[number]
            messages.append([CLOSED, number])
        else:
            self._begin(number)

    def _die(self, messages: list[list[Any]], number: int, order: Order) -> None:
        if order.ticket in self._ended:
            return
        frames = self._perform(order)
        reason = self._faults.draw.choice(["died", "memory"])
        if frames[-1][0] == LAID and self._faults.strikes("cut layout", 0.5):
            messages.extend(frames[:-1])
            self._at(0.01, "lose", (number, order, reason))
            return
        self._lose(messages, number, order, reason)
        if self._faults.strikes("late"):
            self._at(self._faults.draw.random(), "say", frames[-1])

    def _lose(self, messages: list[list[Any]], number: int, order: Order, reason: str) -> None:
        if order.ticket in self._ended:
            return
        lane = self._lanes.pop(number)
        self._ended.update(order.ticket for order in lane.orders)
        messages.append([LOST, order.ticket, reason, reason, None, None])
        messages.extend([RETURNED, behind.ticket] for behind in lane.orders if behind is not order)
        messages.append([CLOSED, number])

    def _kill(self, messages: list[list[Any]], ticket: int, reason: str) -> None:
        if ticket in self._ended:
            return
        number = self._tickets[ticket]
        order = next(order for order in self._lanes[number].orders if order.ticket == ticket)
        if self._lanes[number].orders[0] is not order:
            self._lanes[number].orders.remove(order)
            self._ended.add(ticket)
            messages.append([RETURNED, ticket])
        elif self._faults.strikes("obedient", 0.5):
            self._say_end(messages, number, order, [FAILED, ticket, {"type": "Stopped", "message": reason}, None, None])
        else:
            self._lose(messages, number, order, reason)

    def _end(self, messages: list[list[Any]], number: int, order: Order) -> None:
        if order.ticket in self._ended:
            return
        if self._profiles[order.profile].profile.has_cache_key and not (order.extra and order.extra.get("undo")):
            self._lanes[number].is_asking = True
            key = open_order(order.arguments, order.inputs)[0]
            messages.append([REQUEST, order.ticket, 1, "cached", {"key": key}])
            if self._faults.strikes("death while asking"):
                self._at(self._faults.draw.random(), "die", (number, order))
            return
        self._say_end(messages, number, order, *self._perform(order))

    def _answered(self, messages: list[list[Any]], number: int, order: Order, value: bytes | None) -> None:
        if order.ticket in self._ended:
            return
        if value is None:
            self._say_end(messages, number, order, *self._perform(order))
        else:
            now = self._clock.now()
            self._say_end(messages, number, order, [DONE, order.ticket, value, [now - 0.001, now, 0.0, 0], None])

    def _perform(self, order: Order) -> list[list[Any]]:
        profile = self._profiles[order.profile].profile
        kind, _, number = profile.function.partition(":")
        now = self._clock.now()
        usage = [now - 0.001, now, 0.0, 0]
        self.executed.append((order.run, order.step, order.attempt))
        if order.extra and order.extra.get("undo"):
            self.undone.append((order.run, order.name))
            return [[DONE, order.ticket, pack([PLAIN, None]), usage, None]]
        values, held, extra = open_order(order.arguments, order.inputs)
        if kind == "flow":
            return self._layout(order, int(number), values, held, extra.get("depth", 0), usage)
        traits = self._program.traits(int(number))
        if self._program.skips("task", int(number), values):
            return [_skipped(order, usage)]
        result = self._program.result(int(number), values)
        if traits["flaky"] and traits["retries"] and order.attempt == 1:
            return [[FAILED, order.ticket, {"type": "Flaky", "message": "again", "delay_s": 0.2}, usage, None]]
        if result is None:
            return [[FAILED, order.ticket, {"type": "Boom", "message": "boom", "retry": True}, usage, None]]
        return [[DONE, order.ticket, pack([PLAIN, result]), usage, None]]

    def _layout(
        self, order: Order, function: int, values: list[Any], held: list[Any], depth: int, usage: list[float]
    ) -> list[list[Any]]:
        if order.step and self._program.skips("flow", function, values):
            return [_skipped(order, usage)]
        profiles, steps, value = lay_out(self._program, function, values, held, max(depth, 0))
        size = self._faults.draw.choice([1, 3, 100])
        frames = [steps[i : i + size] for i in range(0, len(steps), size)]
        said: list[list[Any]] = [
            [FRAME, order.ticket, len(steps), profiles if not i else [], part] for i, part in enumerate(frames)
        ]
        return [*said, [LAID, order.ticket, value, [], usage, None]]


def _skipped(order: Order, usage: list[float]) -> list[Any]:
    return [FAILED, order.ticket, {"type": "Skip", "message": "nothing to do", "unmet": True}, usage, None]
