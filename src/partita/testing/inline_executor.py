"""An executor that runs attempts in this process, one at a time, with the workers' own code for attempts."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from partita.clock import Clock, SystemClock
from partita.core.records import Demand
from partita.executors.bound import BoundWorkers
from partita.executors.port import CLOSED, LOST, RETURNED, Capacity, Launchable, Message
from partita.protocol.messages import ORDER, Order
from partita.protocol.packets import pack_message
from partita.testing.inline_capture import InlineCapture
from partita.testing.inline_worker import InlineControl, InlineProfile, InlineWorker, Script
from partita.values import unpack
from partita.worker.attempt import Attempt
from partita.worker.loop import Worker
from partita.worker.profiles import WorkerProfile
from partita.worker.values import WorkerValues

__all__ = ["InlineExecutor"]

#: An order that has waited for a larger part of its timeout is ordered anew, since the timeout is that of its work.
_WAITED_PART = 1e-3
_CRASHED = "the worker died: the test said so"


@dataclass(slots=True)
class _Lane:
    orders: deque[Order] = field(default_factory=deque)  # that have not begun
    is_busy: bool = False


class InlineExecutor(BoundWorkers):
    """Runs orders in this process, one for each call of `receive`, oldest first.

    It keeps the laws of `partita.executors.port`, but for what only a process of its own can give: `receive` takes as
    long as the order that it runs, an attempt stops only where it looks (`should_stop()`, the answer to a request, a
    jump of the clock), it cannot be killed, and what kills its process kills the test.

    Args:
        capacity: what all lanes may hold together.
        workspace: folder for logs and checkpoints.
        values: the codecs; default: those of that folder, as workers have them.
        clock: dates what is reported; default: the machine's.
        script: what attempts are to do instead of what they would do.
    """

    def __init__(
        self,
        capacity: Capacity,
        *,
        workspace: Path,
        values: WorkerValues | None = None,
        clock: Clock | None = None,
        script: Script | None = None,
    ) -> None:
        self.capacity = capacity
        self.script = script if script is not None else Script()
        self.running: Attempt | None = None  # whose code is being run, and not the engine on its behalf
        self.engine_turns: Callable[[], bool] = self._no_engine
        self._workspace = workspace
        self._values = values if values is not None else WorkerValues(os.fspath(workspace), os.fspath(workspace))
        self._clock = clock if clock is not None else SystemClock()
        self._profiles: dict[int, WorkerProfile] = {}
        self._lanes: dict[int, _Lane] = {}
        self._controls: dict[int, InlineControl] = {}  # by ticket, of attempts that have begun
        self._begun: list[Attempt] = []  # each waits for what the next one belongs to
        self._runs: dict[str, int] = {}  # by id: how many came before
        self._submitted_s: dict[int, float] = {}  # by ticket, monotonic
        self._messages: list[Message] = []
        self._count = 0
        self._is_held = False
        self._signal = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def introduce(self, number: int, launchable: Launchable) -> None:
        """Make a profile known."""
        self._profiles[number] = InlineProfile(launchable, self.script)

    def forget(self, numbers: Sequence[int]) -> None:
        """These profiles will not be ordered again."""
        for number in numbers:
            self._profiles.pop(number, None)

    def reload(self) -> None:
        """The script has changed."""
        for profile in self._profiles.values():
            profile.is_loaded = False

    def prepare(self, environment: str, launchable: Launchable) -> bool:
        """Everything runs in this process, with what is installed here."""
        return True

    def open_lane(self, bundle: str, demand: Demand, environment: str = "") -> int:
        """A new lane."""
        self._count += 1
        self._lanes[self._count] = _Lane()
        return self._count

    def close_lane(self, lane: int) -> None:
        """The lane is not needed any more."""
        self._lanes.pop(lane, None)

    def submit(self, lane: int, orders: Sequence[Order]) -> None:
        """Queue orders on the lane."""
        found = self._lanes.get(lane)
        for order in orders:
            if found is None:
                self._messages.append([RETURNED, order.ticket])
                continue
            found.orders.append(order)
            self._runs.setdefault(order.run, len(self._runs) + 1)
            self._submitted_s[order.ticket] = self._clock.monotonic()
        self._ring()

    def take_back(self, lane: int) -> list[int]:
        """Take back the orders that the lane has not begun."""
        found = self._lanes.get(lane)
        if found is None:
            return []
        taken = [order.ticket for order in found.orders]
        for ticket in taken:
            del self._submitted_s[ticket]
        found.orders.clear()
        return taken

    def cancel(self, ticket: int, reason: str, grace_s: float) -> None:
        """Ask the attempt to stop."""
        control = self._controls.get(ticket)
        if control is not None:
            control.stop(reason)
            return
        for lane in self._lanes.values():
            for order in lane.orders:
                if order.ticket == ticket:
                    lane.orders.remove(order)
                    del self._submitted_s[ticket]
                    self._tell([RETURNED, ticket])
                    return

    def reply(self, ticket: int, request: int, is_ok: bool, answer: Any) -> None:
        """Answer a request of a running attempt."""
        control = self._controls.get(ticket)
        if control is not None:
            control.replies[request] = (is_ok, _sent(answer))

    def printing(self, ticket: int) -> tuple[str, int] | None:
        """Nobody can ask while an attempt runs."""
        return None

    @property
    def has_work(self) -> bool:
        """Whether `receive` has something to give or to do."""
        return bool(self._messages) or self._next() is not None

    def receive(self, timeout_s: float | None) -> list[Message]:
        """What has been said; if nothing has, the next order is run."""
        if not self._messages:
            lane = self._next()
            if lane is not None:
                self._run(lane)
            elif timeout_s is None:
                raise self._nothing()
            else:
                time.sleep(timeout_s)
        messages, self._messages = self._messages, []
        if not self.has_work:
            self._silence()
        return messages

    def filenos(self) -> list[int]:
        """A file descriptor that is readable when `receive(0)` would give something."""
        return [self._signal] if self._signal >= 0 else []

    def close(self) -> None:
        """Forget everything."""
        self._lanes.clear()
        self._messages.clear()
        if self._signal >= 0:
            os.close(self._signal)
            self._signal = -1

    @contextmanager
    def outside(self) -> Iterator[None]:
        """The engine works on behalf of the attempt that runs; then the attempt feels whether it is to stop."""
        attempt, self.running = self.running, None
        try:
            yield
        finally:
            self.running = attempt
        if attempt is not None:
            self._controls[attempt.ticket].heed()

    @contextmanager
    def held(self) -> Iterator[None]:
        """No order is begun inside; only what has been said already is given."""
        before, self._is_held = self._is_held, True
        try:
            yield
        finally:
            self._is_held = before

    @property
    def has_begun(self) -> bool:
        """Whether an attempt has begun and not ended."""
        return bool(self._begun)

    @property
    def is_running_here(self) -> bool:
        """Whether this is the thread of the attempt whose code is being run."""
        attempt = self.running
        return attempt is not None and self._controls[attempt.ticket].is_in_thread

    def lose_all(self) -> None:
        """The engine has died, and every order with it."""
        self._lanes.clear()
        self._profiles.clear()
        self._messages.clear()
        self._submitted_s.clear()

    def _next(self) -> int | None:
        """The lane of the order that was submitted first.

        While an attempt waits for a child run, only newer runs go on: what else waits would wait on top of it.
        """
        if self._is_held:
            return None
        oldest = self._runs[self._begun[-1].run] if self._begun else 0
        waiting = [
            (lane.orders[0].ticket, number)
            for number, lane in self._lanes.items()
            if lane.orders and not lane.is_busy and self._runs[lane.orders[0].run] > oldest
        ]
        return min(waiting)[1] if waiting else None

    def _run(self, number: int) -> None:
        lane = self._lanes[number]
        order = lane.orders.popleft()
        if self._is_stale(order):
            self._tell([RETURNED, order.ticket])
            return
        reference = self._profiles[order.profile].reference
        if self.script.crash(reference, is_late=False):
            self._lose(number, lane, order)
            return
        lane.is_busy = True
        began_at = self._clock.now()
        message = self._perform(order)
        lane.is_busy = False
        if self.script.crash(reference, is_late=True):
            self._lose(number, lane, order)
            return
        _, _, cpu_s, peak_bytes = message[-2]
        message[-2] = (began_at, self._clock.now(), cpu_s, peak_bytes)
        self._tell(message)

    def _is_stale(self, order: Order) -> bool:
        """Whether time has passed that counts towards the order's timeout, though it has not begun."""
        waited_s = self._clock.monotonic() - self._submitted_s.pop(order.ticket)
        timeout_s = self._profiles[order.profile].timeout_s
        return timeout_s is not None and waited_s > _WAITED_PART * timeout_s

    def _lose(self, number: int, lane: _Lane, order: Order) -> None:
        """The worker of the lane dies."""
        now = self._clock.now()
        self._tell([LOST, order.ticket, "died", _CRASHED, (now, now, 0.0, 0), None])
        for behind in lane.orders:
            del self._submitted_s[behind.ticket]
            self._tell([RETURNED, behind.ticket])
        self._lanes.pop(number, None)
        self._tell([CLOSED, number])

    def _perform(self, order: Order) -> list[Any]:
        self._count += 1
        capture = InlineCapture(self._workspace / "logs", f"inline-{self._count}")
        control = InlineControl(self._turn)
        workspace, now = os.fspath(self._workspace), self._clock.now
        worker = InlineWorker(self._profiles, self._values, capture, control, workspace, self._tell, now)
        attempt = _InlineAttempt(cast(Worker, worker), _sent([ORDER, *order]))
        self._controls[order.ticket] = control
        self._begun.append(attempt)
        outer, self.running = self.running, attempt
        try:
            message = _performed(attempt)
        finally:
            self.running = outer
            self._begun.pop()
            del self._controls[order.ticket]
        if attempt.end_of_test is not None:
            raise attempt.end_of_test
        return message

    def _turn(self) -> bool:
        attempt, self.running = self.running, None
        try:
            return self.engine_turns()
        finally:
            self.running = attempt

    def _tell(self, message: list[Any]) -> None:
        self._messages.append(_sent(message))
        self._ring()

    def _ring(self) -> None:
        if self._signal >= 0:
            os.eventfd_write(self._signal, 1)

    def _silence(self) -> None:
        try:
            os.eventfd_read(self._signal)
        except OSError:
            return  # it was silent, or has been closed

    def _no_engine(self) -> bool:
        return False

    def _nothing(self) -> RuntimeError:
        return RuntimeError("an inline executor that has nothing to do was told to wait for ever")


class _InlineAttempt(Attempt):
    """Lets through what is to end the whole test, such as Ctrl-C, or a `pytest.fail` by whoever watches its time."""

    __slots__ = ("end_of_test",)

    def __init__(self, worker: Worker, order: list[Any]) -> None:
        super().__init__(worker, order)
        self.end_of_test: BaseException | None = None

    def _failure(self, error: BaseException) -> list[Any]:
        outcomes = sys.modules.get("_pytest.outcomes")
        if isinstance(error, KeyboardInterrupt) or (outcomes and isinstance(error, outcomes.OutcomeException)):
            self.end_of_test = error
        return super()._failure(error)


def _sent(message: Any) -> Any:
    """The message as it would arrive from another process."""
    return unpack(pack_message(message))


def _performed(attempt: Attempt) -> list[Any]:
    """Work on the order; in another thread where this one has an event loop that runs, for tests that are async."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or asyncio._get_running_loop() is None:
        return attempt.perform()
    ends: list[list[Any]] = []
    surroundings = copy_context()
    thread = threading.Thread(target=lambda: ends.append(surroundings.run(attempt.perform)))
    thread.start()
    thread.join()
    return ends[0]
