"""The thread that creates and deletes in the cluster, at a measured pace."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from partita.executors.kubernetes.cluster import Cluster
from partita.executors.kubernetes.facts import Created, Fact, Hindered, Removed
from partita.executors.kubernetes.fates import NO_WAIT, Trouble
from partita.executors.kubernetes.names import Identity, sessions_selector
from partita.executors.kubernetes.refusals import ApiError, trouble_of

__all__ = ["Errands"]

_log = logging.getLogger("partita.engine")

_TOGETHER = 100  # sessions that one call deletes at most
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0
_IDLE_S = 3600.0


class Errands:
    """What is asked is done soon, deletions first; what fails and may yet pass is tried again."""

    def __init__(
        self, cluster: Cluster, identity: Identity, calls_per_s: float, tell: Callable[[list[Fact]], None]
    ) -> None:
        """
        Args:
            tell: is called in the thread with what has come of errands.
        """
        self._cluster = cluster
        self._identity = identity
        self._pause_s = 1 / calls_per_s
        self._tell = tell
        self._changed = threading.Condition()
        self._secret: dict[str, Any] | None = None  # that is to be there before the next Job
        self._creations: deque[str] = deque()
        self._manifests: dict[str, dict[str, Any]] = {}  # of what is to be created
        self._tries: dict[str, int] = {}
        self._later: list[tuple[float, int, str]] = []  # heap of (when, number, session): creations to try again
        self._removals: deque[tuple[str, float]] = deque()  # (session, grace)
        self._removals_after = 0.0  # when deletions may be tried again
        self._failed_removals = 0
        self._number = itertools.count()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="partita-kubernetes-errands", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def put_secret(self, manifest: dict[str, Any]) -> None:
        """Have the Secret of all workers there before the next Job."""
        with self._changed:
            self._secret = manifest
            self._changed.notify()

    def create(self, session: str, manifest: dict[str, Any]) -> None:
        """Have a Job created; Created or Hindered tells."""
        with self._changed:
            self._manifests[session] = manifest
            self._creations.append(session)
            self._changed.notify()

    def remove(self, session: str, grace_s: float) -> None:
        """Have a Job and its pods deleted; Removed tells. What was not created yet will not be."""
        with self._changed:
            if self._manifests.pop(session, None) is not None and not self._tries.pop(session, 0):
                self._tell([Removed((session,))])  # nothing was ever asked of the cluster
                return
            self._removals.append((session, grace_s))
            self._changed.notify()

    def close(self, timeout_s: float) -> None:
        """Do what deletions are to be done, for so long at most, and end."""
        with self._changed:
            self._is_closed = True
            self._manifests.clear()
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    # In the thread

    def _run(self) -> None:
        while True:
            with self._changed:
                while (work := self._next()) is None:
                    if self._is_closed:
                        return
                    self._changed.wait(self._until_next_s())
            started = time.monotonic()
            try:
                work()
            except Exception as error:  # which must not end the thread, lest nothing be done any more
                _log.error("an errand to Kubernetes failed", exc_info=error)
            if (left := started + self._pause_s - time.monotonic()) > 0:
                time.sleep(left)

    def _next(self) -> Callable[[], None] | None:
        now = time.monotonic()
        if self._removals and now >= self._removals_after:
            grace = self._removals[0][1]
            batch: list[str] = []
            while self._removals and self._removals[0][1] == grace and len(batch) < _TOGETHER:
                batch.append(self._removals.popleft()[0])
            return lambda: self._remove(tuple(dict.fromkeys(batch)), grace)
        while self._later and (self._later[0][0] <= now or self._later[0][2] not in self._manifests):
            self._creations.append(heapq.heappop(self._later)[2])
        while self._creations:
            session = self._creations.popleft()
            if (manifest := self._manifests.get(session)) is not None:
                self._tries[session] = self._tries.get(session, 0) + 1
                return lambda: self._create(session, manifest)
        return None

    def _until_next_s(self) -> float:
        due = [entry[0] for entry in self._later[:1]] + ([self._removals_after] if self._removals else [])
        return max(0.0, min(due, default=time.monotonic() + _IDLE_S) - time.monotonic())

    def _create(self, session: str, manifest: dict[str, Any]) -> None:
        try:
            if (secret := self._secret) is not None:
                self._cluster.put_secret(secret)
                if self._secret is secret:
                    self._secret = None
            self._cluster.create_job(manifest)
        except ApiError as error:
            if not (error.status == 409 and "already exists" in str(error)):  # the answer to an earlier try was lost
                self._hindered(session, trouble_of(error), error.retry_after_s)
                return
        except Exception as error:
            told = f"it cannot be asked for: {type(error).__name__}: {error}"
            self._hindered(session, Trouble("fault", told, NO_WAIT), 0.0)
            raise
        with self._changed:
            self._tries.pop(session, None)
            is_wanted = self._manifests.pop(session, None) is not None
        if is_wanted:
            self._tell([Created(session)])

    def _hindered(self, session: str, trouble: Trouble, retry_after_s: float) -> None:
        with self._changed:
            if session not in self._manifests:
                return
            if trouble.patience == NO_WAIT:
                self._manifests.pop(session)
            else:
                pause = max(retry_after_s, _pause_s(self._tries.get(session, 1)))
                heapq.heappush(self._later, (time.monotonic() + pause, next(self._number), session))
        self._tell([Hindered(session, trouble)])

    def _remove(self, sessions: tuple[str, ...], grace_s: float) -> None:
        selector = sessions_selector(self._identity, sessions)
        try:
            self._cluster.delete_jobs(selector)  # first, lest another pod be made in the place of the first
            time.sleep(self._pause_s)
            self._cluster.delete_pods(selector, grace_s)
        except ApiError as error:
            self._failed_removals += 1
            pause = max(error.retry_after_s, _pause_s(self._failed_removals))
            with self._changed:
                self._removals.extend((session, grace_s) for session in sessions)
                self._removals_after = time.monotonic() + pause
                if self._is_closed:
                    self._removals.clear()  # the Jobs' own time to live remains
            return
        self._failed_removals = 0
        self._tell([Removed(sessions)])


def _pause_s(tries: int) -> float:
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(tries - 1, 10))
