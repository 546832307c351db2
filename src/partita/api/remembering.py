"""Answers that are given again while nothing has changed, and made once for all who ask meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Future, wait
from typing import Any

__all__ = ["Kept", "Remembered"]

#: Seconds that a thread waits for another one that makes what it asks for.
_PATIENCE_S = 30.0


class _Flights:
    """What threads are making now: one makes it, the others who ask for it wait (single flight)."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._making: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()

    def join(self, key: Hashable, make: Callable[[], Any], keep: Callable[[Any], None], find: Callable[[], Any]) -> Any:
        """The answer, made by this thread or by the one that makes it already; what fails, fails for all who wait.

        Args:
            keep: is given what was made, before anybody can ask anew.
            find: gives what was kept meanwhile, or None.
        """
        with self._lock:
            making = self._making.get(key)
            if making is None and (found := find()) is not None:
                return found
            if making is None:
                own = self._making[key] = Future[Any]()
        if making is not None:
            # Whoever makes it may hang: then each makes its own, as if nobody did.
            return making.result() if wait([making], self._patience_s).done else make()
        try:
            answer = make()
            keep(answer)
            own.set_result(answer)
            return answer
        except BaseException as error:
            own.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._making[key]


class Remembered:
    """The newest answers by what was asked, each with the version of the workspace that it is of."""

    def __init__(self, at_most: int = 512, age_s: float = 0.25, patience_s: float = _PATIENCE_S) -> None:
        """
        Args:
            age_s: seconds after which an answer is made anew though no change was heard of: steps change without one.
            patience_s: seconds that a thread waits for what another one makes.
        """
        self._at_most = at_most
        self._age_s = age_s
        self._answers: OrderedDict[Any, tuple[Hashable, float, Any]] = OrderedDict()
        self._making: dict[Any, asyncio.Future[Any]] = {}  # of the event loop
        self._flights = _Flights(patience_s)
        self._lock = threading.Lock()

    def get(self, key: Hashable, version: Hashable, make: Callable[[], Any]) -> Any:
        found = self.peek(key, version)
        if found is not None:
            return found
        began = time.monotonic()
        # What was begun before a change is not what is asked for after it.
        return self._flights.join(
            (key, version),
            make,
            lambda answer: self._keep(key, version, began, answer),
            lambda: self.peek(key, version),
        )

    def _keep(self, key: Hashable, version: Hashable, began: float, answer: Any) -> None:
        with self._lock:
            known = self._answers.get(key)
            if known is not None and known[1] > began:
                return  # a newer one was ready sooner
            self._answers[key] = (version, began, answer)
            while len(self._answers) > self._at_most:
                self._answers.popitem(last=False)

    def peek(self, key: Hashable, version: Hashable) -> Any:
        """The answer, where it counts still; else None."""
        with self._lock:
            found = self._answers.get(key)
            if found is None or found[0] != version or time.monotonic() - found[1] >= self._age_s:
                return None
            self._answers.move_to_end(key)
            return found[2]

    async def find(self, key: Hashable, version: Hashable, make: Callable[[], Awaitable[Any]]) -> Any:
        """The answer, made once for all who ask for it meanwhile, and without a thread where it is known."""
        found = self.peek(key, version)
        if found is not None:
            return found
        making = (key, version)
        waiting = self._making.get(making)
        if waiting is None:
            began = time.monotonic()
            waiting = self._making[making] = asyncio.ensure_future(make())
            waiting.add_done_callback(lambda done: self._made(key, version, began, done))
        return await asyncio.shield(waiting)

    def _made(self, key: Hashable, version: Hashable, began: float, done: asyncio.Future[Any]) -> None:
        self._making.pop((key, version), None)
        if not done.cancelled() and done.exception() is None:
            self._keep(key, version, began, done.result())


class Kept:
    """Answers whose keys hold all that they depend on, such as the hash of the code that they are read from."""

    def __init__(self, at_most: int = 128, patience_s: float = _PATIENCE_S) -> None:
        """
        Args:
            patience_s: seconds that a thread waits for what another one makes.
        """
        self._at_most = at_most
        self._answers: OrderedDict[Any, Any] = OrderedDict()
        self._flights = _Flights(patience_s)
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The answer, made once for all who ask for it meanwhile."""

        def find() -> Any:
            return self._peek(key)

        found = find()
        return (
            found if found is not None else self._flights.join(key, make, lambda answer: self._keep(key, answer), find)
        )

    def _peek(self, key: Hashable) -> Any:
        with self._lock:
            if key not in self._answers:
                return None
            self._answers.move_to_end(key)
            return self._answers[key]

    def _keep(self, key: Hashable, answer: Any) -> None:
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > self._at_most:
                self._answers.popitem(last=False)
