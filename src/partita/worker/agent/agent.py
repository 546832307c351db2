"""The agent: takes orders from its post, has them worked on by a process beside it, and says what came of them.

It works on one order after the other. Which orders begin next is said before they do, so that the engine knows of each order
whether it may have begun, whatever dies.
"""

from __future__ import annotations

import os
import platform
import select
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import fields
from typing import Any

from partita.core.records import Demand, Profile
from partita.errors import PartitaError
from partita.executors.port import CLOSED, LOST, PREPARED, PREPARING, RETURNED, Executor, Launchable
from partita.protocol.messages import DONE, FAILED, LAID, ORDER, PROFILE, READY, REPLY, REQUEST, STOP, Order
from partita.protocol.packets import CANCEL
from partita.protocol.remote import ALIVE, ATTACH, BEGUN, HELD, LANE, TAKE_BACK
from partita.version import VERSION
from partita.worker.agent.checkpoints import Checkpoints
from partita.worker.agent.port import AgentPost
from partita.worker.agent.printed import Printed

__all__ = ["Agent"]

_TICK_S = 0.25
#: So many orders begin at most before the engine hears of them again, and only where they have been this brief so far.
_GROUP = 16
_BRIEF_S = 0.02
_ENDS = (DONE, FAILED, LAID, LOST)
_PROFILE_FIELDS = frozenset(field.name for field in fields(Profile))


class Agent:
    """One session; see `partita.executors.remote.port`."""

    def __init__(
        self,
        post: AgentPost,
        *,
        session: str,
        executor: Executor,
        workspace: str,
        project: str,
        artifacts: str,
        find_bundle: Callable[[str], str],
        checkpoints: Checkpoints,
        alive_s: float,
        idle_s: float,
        attempts: int = 0,
    ) -> None:
        """
        Args:
            executor: works on the orders; it is closed at the end.
            workspace: folder of the agent's own: logs and values that were fetched lie in it, and the key.
            project: working directory of attempts.
            artifacts: where large values lie, as it is called here.
            find_bundle: the folder of a bundle here; raises PartitaError.
            alive_s: at least so often the agent says something.
            idle_s: after so many seconds without an order it ends, whatever the engine does.
            attempts: after so many it ends; 0: never.
        """
        self._post = post
        self._session = session
        self._project, self._workspace, self._artifacts = project, workspace, artifacts
        self._find_bundle = find_bundle
        self._checkpoints = checkpoints
        self._alive_s, self._idle_s = alive_s, idle_s
        self._attempts_left = attempts or None
        self._executor = executor
        self._printed = Printed(os.path.join(workspace, "logs"), session)
        self._queue: deque[list[Any]] = deque()  # orders that have not begun
        self._tickets: dict[int, str] = {}  # of those that have begun, by the number that they have here
        self._numbers: dict[str, int] = {}
        self._orders: dict[str, list[Any]] = {}  # that have begun
        self._coming: list[list[Any]] = []  # of these, those that wait for their checkpoints
        self._fetching: list[Future[None]] = []
        self._keeping: Future[None] | None = None  # what was said is held back until a checkpoint is kept
        self._asked: dict[str, dict[int, list[Any]]] = {}  # requests that nobody has answered, by ticket
        self._profiles: dict[int, int] = {}  # numbers here by the engine's
        self._faults: dict[int, tuple[str, dict[str, Any]]] = {}  # why a profile's bundle is not here, and the profile
        self._bundle, self._demand = "", Demand()
        self._lane: int | None = None
        self._lane_bundle = ""
        self._is_lane_over = False  # orders that come were meant for a lane that has ended meanwhile
        self._count = 0
        self._group = 1
        self._outgoing: list[list[Any]] = []
        self._said_at = time.monotonic()
        self._looked_at = 0.0
        self._busy_at = time.monotonic()
        self._is_ending = False

    def serve(self) -> None:
        """Work until the engine says stop, nobody waits any more, or all attempts are used up."""
        about = {"python": platform.python_version(), "machine": platform.node(), "version": VERSION}
        self._say([READY, os.getpid(), about])
        files = [*self._executor.filenos(), *self._post.filenos(), self._checkpoints.fileno()]
        try:
            while not (self._is_ending and self._keeping is None) and not self._post.is_orphaned():
                self._flush()
                if select.select(files, [], [], _TICK_S)[0]:
                    self._checkpoints.clear()
                for message in self._post.receive():
                    self._take(message)
                for message in self._executor.receive(0):
                    self._pass_on(message)
                self._begin()
                self._look_around()
        finally:
            self._executor.close()
            self._checkpoints.close()
            self._flush()

    # From the engine

    def _take(self, message: list[Any]) -> None:
        tag = message[0]
        if tag == ORDER:
            self._take_order(message[1:])
        elif tag == PROFILE:
            self._take_profile(message[1], message[2])
        elif tag == LANE:
            self._bundle, self._demand = message[1], Demand(*message[2:])
            self._is_lane_over = False
        elif tag == CANCEL:
            self._cancel(*message[1:])
        elif tag == REPLY:
            _, ticket, request, is_ok, answer = message
            self._asked.get(ticket, {}).pop(request, None)
            if ticket in self._numbers:
                self._executor.reply(self._numbers[ticket], request, is_ok, answer)
        elif tag == TAKE_BACK:
            self._give_back()
        elif tag == ATTACH:
            self._profiles.clear()
            self._faults.clear()
            self._is_lane_over = False
            self._say([HELD, [*self._orders, *(order[0] for order in self._queue)]])
            self._outgoing += [asked for of_one in self._asked.values() for asked in of_one.values()]
        elif tag == STOP:
            self._is_ending = True

    def _take_order(self, order: list[Any]) -> None:
        """Queue an order, its profile by the number that it has here: the engine's numbers are another engine's later."""
        ticket, profile = order[:2]
        if self._is_lane_over:
            self._say([RETURNED, ticket])
            return
        if profile in self._faults:  # perhaps it can be fetched by now
            self._take_profile(profile, self._faults[profile][1])
        fault = self._faults[profile][0] if profile in self._faults else "the task was not introduced"
        if profile not in self._profiles:
            now = time.time()
            self._say([LOST, ticket, "died", f"the code is not there: {fault}", [now, now, 0.0, 0], None])
            return
        order[1] = self._profiles[profile]
        self._queue.append(order)

    def _take_profile(self, number: int, told: dict[str, Any] | None) -> None:
        here = self._profiles.pop(number, None)
        self._faults.pop(number, None)
        if told is None:
            if here is not None:
                self._executor.forget([here])
            return
        try:
            bundle = self._find_bundle(told["bundle"])
        except PartitaError as error:
            self._faults[number] = (str(error), told)
            return
        told["demand"] = self._demand
        profile = Profile(**{name: value for name, value in told.items() if name in _PROFILE_FIELDS})
        self._count += 1
        self._profiles[number] = self._count
        launchable = Launchable(profile, bundle, self._project, self._workspace, artifacts=self._artifacts)
        self._executor.introduce(self._count, launchable)

    def _cancel(self, ticket: str, reason: str, grace_s: float) -> None:
        number = self._numbers.get(ticket)
        if number is not None:
            self._executor.cancel(number, reason, grace_s)
            return
        for waiting in (self._queue, self._coming):
            for order in waiting:
                if order[0] == ticket:
                    waiting.remove(order)
                    self._orders.pop(ticket, None)
                    self._say([RETURNED, ticket])
                    return

    def _give_back(self) -> None:
        for number in self._executor.take_back(self._lane) if self._lane is not None else ():
            self._say([RETURNED, self._forget(number)])
        for order in self._queue:
            self._say([RETURNED, order[0]])
        self._queue.clear()

    # To the process beside

    def _begin(self) -> None:
        """Let the next orders begin when those before them have ended."""
        if self._fetching:
            self._begin_coming()
        if self._tickets or self._coming or not self._queue or self._is_keeping() or self._is_ending:
            return
        size = min(self._group, len(self._queue), self._attempts_left or self._group)
        group = [self._queue.popleft() for _ in range(size)]
        self._say([BEGUN, [order[0] for order in group]])
        self._flush(is_durable=True)
        if self._post.is_orphaned():
            return
        for order in group:
            self._orders[order[0]] = order
        self._coming = group
        fetching = [self._checkpoints.begin(*order[2:5]) for order in group]
        self._fetching = [each for each in fetching if each is not None]
        self._begin_coming()

    def _begin_coming(self) -> None:
        """Hand over what has begun, once its checkpoints are here."""
        if all(each.done() for each in self._fetching):
            group, self._coming, self._fetching = self._coming, [], []
            if group:
                self._executor.submit(self._open_lane(), [self._order(order) for order in group])

    def _order(self, order: list[Any]) -> Order:
        ticket, profile = order[:2]
        self._count += 1
        self._tickets[self._count], self._numbers[ticket] = ticket, self._count
        return Order(self._count, profile, *order[2:])

    def _open_lane(self) -> int:
        bundle = self._find_bundle(self._bundle)
        if self._lane is not None and self._lane_bundle != bundle:
            self._executor.close_lane(self._lane)
            self._lane = None
        if self._lane is None:
            self._lane_bundle = bundle
            self._lane = self._executor.open_lane(bundle, self._demand)
        return self._lane

    # To the engine

    def _pass_on(self, message: list[Any]) -> None:
        tag = message[0]
        if tag == CLOSED:
            self._lane = None
            self._give_back()
            self._is_lane_over = True
            self._say([CLOSED])
        elif tag == RETURNED:
            ticket = self._forget(message[1])
            self._say([RETURNED, ticket])
        elif tag in _ENDS:
            self._end(message)
        elif tag not in (PREPARING, PREPARED):
            ticket = self._tickets.get(message[1], "")
            message[1] = ticket
            if tag == REQUEST:
                self._asked.setdefault(ticket, {})[message[2]] = message
            self._say(message)

    def _end(self, message: list[Any]) -> None:
        order = self._orders[self._tickets[message[1]]]
        _, _, run, step, _ = order[:5]
        message[1] = ticket = self._forget(message[1])
        usage = message[-2]
        self._group = min(self._group * 2, _GROUP) if usage[1] - usage[0] < _BRIEF_S else 1
        printed, message[-1] = self._printed.ended(ticket, run, message[-1])
        has_value = message[0] in (DONE, LAID)
        keeping = self._checkpoints.end(run, step, has_value=has_value)
        if keeping is not None and not has_value:  # whoever hears of the end may begin the next attempt elsewhere
            self._keeping = keeping
        self._outgoing += printed
        self._say(message)
        if self._attempts_left is not None:
            self._attempts_left -= 1
            if self._attempts_left <= 0:
                self._give_back()
                self._is_ending = True

    def _forget(self, number: int) -> str:
        ticket = self._tickets.pop(number)
        del self._numbers[ticket]
        self._orders.pop(ticket, None)
        self._asked.pop(ticket, None)
        return ticket

    def _say(self, message: list[Any]) -> None:
        self._outgoing.append(message)

    def _is_keeping(self) -> bool:
        if self._keeping is not None and self._keeping.done():
            self._keeping = None
        return self._keeping is not None

    def _flush(self, *, is_durable: bool = False) -> None:
        now = time.monotonic()
        messages: list[list[Any]] = []
        if not self._is_keeping():
            messages, self._outgoing = self._outgoing, messages
        if not messages and now - self._said_at > self._alive_s:
            messages = [[ALIVE]]
        if messages:
            self._said_at = now
            self._post.send(messages, is_durable=is_durable)

    def _look_around(self) -> None:
        """What is to be done now and then while an attempt runs."""
        now = time.monotonic()
        if self._tickets or self._queue or self._coming:
            self._busy_at = now
        elif now - self._busy_at > self._idle_s:
            self._is_ending = True
        if not self._tickets or now - self._looked_at < _TICK_S:
            return
        self._looked_at = now
        for number, ticket in self._tickets.items():
            found = self._executor.printing(number)
            if found is not None:
                order = self._orders[ticket]
                self._outgoing += self._printed.begun(ticket, order[2], *found)
                self._checkpoints.look(order[2], order[3])
