"""What is ready, in the order in which it should start.

Steps of one demand and priority wait in a line of their own; a line takes turns between runs, and lines take turns
with each other. They are tried by priority, raised with the time for which nothing of them was started, so that no line
starves for want of priority. A wide step cannot starve for want of room either: once its line has waited
`RESERVE_AFTER_S`, what it asks for is kept free of others until it fits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from partita.core.records import Demand
from partita.core.resources import Pool

__all__ = ["RESERVE_AFTER_S", "Entry", "Line", "ReadyQueue"]

#: Seconds after which a step that does not fit keeps its resources free of others.
RESERVE_AFTER_S = 2.0
#: Seconds of waiting that count as one step of priority.
AGE_OF_ONE_PRIORITY_S = 10.0


class Entry(NamedTuple):
    """A ready step."""

    run: int
    step: int
    since_s: float  # monotonic time at which it became ready


@dataclass(slots=True)
class Line:
    """Ready steps with one demand and one priority; `key` is whatever else they must share to use one lane."""

    demand: Demand
    priority: int
    key: str
    runs: dict[int, deque[Entry]] = field(default_factory=dict)
    turn: deque[int] = field(default_factory=deque)  # runs, the next one first
    length: int = 0
    served_s: float = 0.0  # monotonic time at which a step of it was last started

    def unserved_s(self, now_s: float) -> float:
        """Seconds for which the line has waited in vain."""
        return now_s - max(self.head.since_s, self.served_s)

    def push(self, entry: Entry) -> None:
        waiting = self.runs.get(entry.run)
        if waiting is None:
            waiting = self.runs[entry.run] = deque()
            self.turn.append(entry.run)
        waiting.append(entry)
        self.length += 1

    @property
    def head(self) -> Entry:
        return self.runs[self.turn[0]][0]

    def pop(self) -> Entry:
        run = self.turn[0]
        waiting = self.runs[run]
        entry = waiting.popleft()
        self.length -= 1
        if waiting:
            self.turn.rotate(-1)
        else:
            self.turn.popleft()
            del self.runs[run]
        return entry

    def drop(self, run: int) -> None:
        waiting = self.runs.pop(run, None)
        if waiting is not None:
            self.length -= len(waiting)
            self.turn.remove(run)


class ReadyQueue:
    """All lines of one executor."""

    def __init__(self) -> None:
        self._lines: dict[tuple[Demand, int, str], Line] = {}

    def __len__(self) -> int:
        return sum(line.length for line in self._lines.values())

    def push(self, demand: Demand, priority: int, key: str, entry: Entry) -> None:
        line = self._lines.get((demand, priority, key))
        if line is None:
            line = self._lines[demand, priority, key] = Line(demand, priority, key)
        line.push(entry)

    def drop(self, run: int) -> None:
        """Forget what the run has waiting."""
        for line in self._lines.values():
            line.drop(run)

    def place(self, pool: Pool, now_s: float, start: Callable[[Line, bool], bool]) -> None:
        """Offer steps to `start`, best first, until nothing more can be started.

        `start(line, fits)` takes the first step of the line (by `pop`) and starts it, or leaves it there and says
        False. `fits` says whether the line's demand is free now; if it is not, the step may still be queued behind
        another one in a lane that holds the same demand.
        """
        reserved: Demand | None = None
        lines = self._in_order(now_s)
        while lines:
            served = []
            for line in lines:
                fits = pool.fits(line.demand) if reserved is None else not pool.lacks(line.demand, reserved)
                if start(line, fits):
                    line.served_s = now_s
                    if line.length:
                        served.append(line)
                elif not fits and reserved is None and line.unserved_s(now_s) >= RESERVE_AFTER_S:
                    reserved = line.demand
            lines = served
        if len(self._lines) > 64:
            self._lines = {key: line for key, line in self._lines.items() if line.length}

    def _in_order(self, now_s: float) -> list[Line]:
        waiting = [line for line in self._lines.values() if line.length]
        if len(waiting) > 1:
            waiting.sort(key=lambda line: -line.priority - line.unserved_s(now_s) / AGE_OF_ONE_PRIORITY_S)
        return waiting
