"""Executors on a virtual clock whose attempts take the times that a test says, and an engine on them."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from partita.core.resources import Pool
from partita.core.states import FINAL, Kind, State
from partita.engine.book import Book, Limits
from partita.engine.lanes import Lanes
from partita.engine.live import Live
from partita.engine.loop import Engine
from partita.engine.values import ValueCache
from partita.executors.bound import BoundWorkers
from partita.executors.port import CLOSED, LOST, Capacity, Launchable
from partita.protocol.messages import DONE, FRAME, LAID, Order
from partita.testing.clock import VirtualClock
from partita.testing.memory_store import MemoryStore
from partita.values import PLAIN, pack

__all__ = ["Machine", "Steps", "TimedEngine"]

#: A step of a flow: name, profile, the steps whose values it needs.
Steps = Sequence[tuple[str, dict[str, Any], Sequence[int]]]


@dataclass
class Machine:
    """An executor as the settings and the truth have it."""

    cpu: float = 1.0
    said_speed: float = 1.0
    speed: float = 1.0
    price: float = 0.0
    bandwidth: float = 0.0
    overhead_s: float = 0.0  # that a worker needs for an attempt beside its work
    way_s: float = 0.0  # that an order takes to get there, and its outcome back, both together
    loses: float = 0.0  # share of attempts


class _Timed(BoundWorkers):
    """Satisfies the executor's port."""

    def __init__(self, machine: Machine, world: TimedEngine, name: str) -> None:
        self.capacity = Capacity(machine.cpu, 1 << 40)
        self._machine, self._world, self._name = machine, world, name
        self._lanes: dict[int, list[Order]] = {}
        self._events: list[tuple[float, int, int, Order]] = []
        self._profiles: dict[int, Launchable] = {}
        self._free_s: dict[int, float] = {}
        self._count = 0

    def introduce(self, number: int, launchable: Launchable) -> None:
        self._profiles[number] = launchable

    def forget(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            del self._profiles[number]

    def prepare(self, environment: str, launchable: Launchable) -> bool:
        return True

    def open_lane(self, bundle: str, demand: Any, environment: str = "") -> int:
        self._count += 1
        self._lanes[self._count] = []
        return self._count

    def close_lane(self, lane: int) -> None:
        del self._lanes[lane]

    def submit(self, lane: int, orders: Sequence[Order]) -> None:
        for order in orders:
            self._lanes[lane].append(order)
            profile, now_s = self._profiles[order.profile].profile, self._world.clock.monotonic()
            start_s = max(now_s + self._machine.way_s / 2, self._free_s.get(lane, 0.0))
            end_s = start_s + self._machine.overhead_s
            if profile.body == "task":
                end_s += self._world.seconds(order.name) / self._machine.speed
                self._world.started[order.ticket] = (order.name, self._name, start_s)
            self._free_s[lane] = end_s
            self._count += 1
            heapq.heappush(self._events, (end_s + self._machine.way_s / 2, self._count, lane, order))
        self._world.most_in_a_lane = max(self._world.most_in_a_lane, len(self._lanes[lane]))

    def take_back(self, lane: int) -> list[int]:
        now_s = self._world.clock.monotonic()
        taken = [
            order.ticket for order in self._lanes[lane]
            if order.ticket in self._world.started and self._world.started[order.ticket][2] > now_s
        ]  # fmt: skip
        self._world.taken_back += len(taken)
        for ticket in taken:
            del self._world.started[ticket]
        self._lanes[lane] = [order for order in self._lanes[lane] if order.ticket not in taken]
        self._events = [event for event in self._events if event[3].ticket not in taken]
        heapq.heapify(self._events)
        self._free_s[lane] = max((event[0] for event in self._events if event[2] == lane), default=0.0)
        return taken

    def next_s(self) -> float:
        return self._events[0][0] if self._events else float("inf")

    def receive(self, timeout_s: float | None) -> list[list[Any]]:
        now, messages = self._world.clock.monotonic(), list[list[Any]]()
        while self._events and self._events[0][0] <= now:
            _, _, lane, order = heapq.heappop(self._events)
            profile = self._profiles[order.profile].profile
            if profile.body == "task" and self._world.draw.random() < self._machine.loses:
                del self._lanes[lane]
                messages += [[LOST, order.ticket, "died", "it died", None, None], [CLOSED, lane]]
                continue
            self._lanes[lane].remove(order)
            took_s = self._world.seconds(order.name) / self._machine.speed if profile.body == "task" else 0.0
            usage = [self._world.clock.now() - took_s, self._world.clock.now(), 0.0, 0]
            if profile.body == "task":
                messages.append([DONE, order.ticket, self._world.value(order.name), usage, None])
            else:
                profiles, steps = self._world.layout(order.run)
                messages.append([FRAME, order.ticket, len(steps), profiles, steps])
                messages.append([LAID, order.ticket, pack([PLAIN, None]), [], usage, None])
        return messages

    def cancel(self, ticket: int, reason: str, grace_s: float) -> None:
        raise AssertionError("nothing is cancelled here")

    def reply(self, ticket: int, request: int, is_ok: bool, answer: Any) -> None:
        raise AssertionError("nothing is asked here")

    def printing(self, ticket: int) -> tuple[str, int] | None:
        return None

    def filenos(self) -> list[int]:
        return []

    def close(self) -> None:
        self._lanes.clear()


class TimedEngine:
    """An engine that plays flows through on a virtual clock."""

    def __init__(
        self,
        machines: Mapping[str, Machine],
        seconds: Callable[[str], float],
        value: Callable[[str], bytes] = lambda name: pack([PLAIN, 1]),
        *,
        forecasts: bool = False,
    ) -> None:
        """
        Args:
            seconds: how long a step of a name takes at speed 1.
            value: what it gives.
        """
        self.clock = VirtualClock()
        self.seconds, self.value = seconds, value
        self.started: dict[int, tuple[str, str, float]] = {}  # (step, executor, monotonic time) by ticket
        self.taken_back = self.most_in_a_lane = 0  # orders
        self.draw = random.Random(0)
        self._steps: dict[str, Steps] = {}  # by run
        self.executors = {name: _Timed(machine, self, name) for name, machine in machines.items()}
        lanes = {
            name: Lanes(
                name, self.executors[name], Pool(machine.cpu, 1 << 40), price=machine.price, speed=machine.said_speed,
                bandwidth=machine.bandwidth,
            )
            for name, machine in machines.items()
        }  # fmt: skip
        store = MemoryStore()
        store.acquire("timed")
        book = Book(
            store,
            self.clock,
            lanes,
            next(iter(lanes)),
            str,
            "/p",
            "/p/.partita",
            ValueCache(store),
            Limits(forecasts=forecasts),
        )
        book.is_strict = True
        self.engine = Engine(book, self.clock.jump, iter(map(str, range(10**6))).__next__)
        self.engine.start()

    @property
    def began(self) -> list[tuple[str, str, float]]:
        """Attempts that have begun: (step, executor, monotonic time)."""
        now_s = self.clock.monotonic()
        return sorted((each for each in self.started.values() if each[2] <= now_s), key=lambda each: each[2])

    @property
    def book(self) -> Book:
        return self.engine.book

    def layout(self, run: str) -> tuple[list[dict[str, Any]], list[list[Any]]]:
        """Profiles and rows of a run's steps."""
        profiles: list[dict[str, Any]] = []
        steps: list[list[Any]] = []
        for name, profile, needs in self._steps[run]:
            made = {
                "function": f"m:{name.partition('#')[0]}",
                "title": name.partition("#")[0],
                "body": "task",
                **profile,
            }
            if made not in profiles:
                profiles.append(made)
            number = profiles.index(made)
            steps.append([name, int(Kind.TASK), number, -1, pack([[], [], []]), list(needs), None, None, "p.py:1"])
        return profiles, steps

    def launch(self, steps: Steps, **options: Any) -> str:
        """Start a run of a flow with these steps; its id."""
        asked = {"flow": "m:flow", "title": "flow", "bundle": "b", "arguments": pack([[], [], []])}
        live = self.engine.launch.launch({**asked, "key": f"run {len(self._steps)}", **options})
        assert isinstance(live, Live)
        run = live.run.id
        self._steps[run] = steps
        self.engine.finish_turn()
        return run

    def pass_time(self, until_s: float = float("inf")) -> None:
        """Go on to the next thing that happens, or by the engine's own wait."""
        wait_s = self.engine.wait_s()
        now = self.clock.monotonic()
        at = min(min(each.next_s() for each in self.executors.values()), now + wait_s if wait_s is not None else 1e18)
        assert at < 1e18, "the engine waits for ever: something is lost"
        self.clock.jump(max(min(at, until_s) - now, 0.0))
        self.engine.turn(0.0)

    def play(self, steps: Steps, **options: Any) -> float:
        """Run a flow to its end; how long it took."""
        self.started.clear()
        run = self.launch(steps, **options)
        started = self.clock.monotonic()
        for _ in range(100_000):
            row = self.book.store.run(run)
            if row is not None and row.state in FINAL:
                assert row.state == State.SUCCEEDED, row
                return self.clock.monotonic() - started
            self.pass_time()
        raise AssertionError("the run does not end")

    def places(self) -> dict[str, str]:
        """The executor on which each step began last."""
        return {name: executor for name, executor, _ in self.began}
