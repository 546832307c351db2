"""Threads that hear what becomes of pods, and what the cluster says of them.

Each lists once, and watches from there on. A watch that ends is begun again where it ended; one whose place the server has
forgotten (410 Gone) lists again. A server that does not answer is tried again, ever more seldom up to 15 s, and is told of.
"""

from __future__ import annotations

import logging
import random
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from partita.executors.kubernetes.cluster import Cluster, Stream
from partita.executors.kubernetes.facts import Fact, Heard, Listed, Said, Server, Vanished
from partita.executors.kubernetes.fates import event_trouble, pod_state, removal_told
from partita.executors.kubernetes.refusals import ApiError, trouble_of

__all__ = ["EventWatch", "PodWatch", "Watch"]

_log = logging.getLogger("partita.engine")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 15.0
_GONE = 410

#: Events of every pod's ordinary life, and what pods' own documents say better.
_ORDINARY = (
    "Scheduled", "FailedScheduling", "Pulling", "Pulled", "Created", "Started", "Killing", "SuccessfulCreate", "SuccessfulDelete",
    "Completed", "BackOff", "Failed",
)  # fmt: skip
_FIELDS = ",".join(f"reason!={reason}" for reason in _ORDINARY)
_OF_SESSION = re.compile(r"partita-([a-z0-9]{16})(?:-|$)")


class Watch:
    """A thread that watches one kind of thing."""

    _name = ""

    def __init__(self, cluster: Cluster, tell: Callable[[list[Fact]], None]) -> None:
        self._cluster = cluster
        self._tell = tell
        self._closed = threading.Event()
        self._is_to_list = threading.Event()
        self._stream: Stream | None = None
        self._thread = threading.Thread(target=self._run, name=f"partita-kubernetes-{self._name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def list_again(self) -> None:
        """List once more, for who did not know before what the list is about."""
        self._is_to_list.set()
        if self._stream is not None:
            self._stream.close()

    def close(self, timeout_s: float) -> None:
        """End."""
        self._closed.set()
        if self._stream is not None:
            self._stream.close()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        version, failures = "", 0
        while not self._closed.is_set():
            try:
                if not version or self._is_to_list.is_set():
                    self._is_to_list.clear()
                    version = self._list()
                if failures:
                    failures = 0
                    self._told_server("")
                version = self._follow(version)
            except Exception as error:
                if isinstance(error, ApiError) and (error.status == _GONE or self._is_to_list.is_set()):
                    version = ""
                    continue
                failures += 1
                self._failed(error if isinstance(error, ApiError) else _unforeseen(error), failures)

    def _failed(self, error: ApiError, failures: int) -> None:
        if not self._closed.is_set():
            self._told_server(trouble_of(error).detail)
        pause = max(error.retry_after_s, min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(failures, 10)))
        self._closed.wait(pause * random.uniform(0.5, 1.0))  # not all engines at the same moment

    def _follow(self, version: str) -> str:
        """Watch until the server ends it; gives the version from which on to go on."""
        self._stream = stream = self._begin(version)
        if self._closed.is_set() or self._is_to_list.is_set():
            stream.close()
        try:
            for event in stream:
                kind, document = event["type"], event["object"]
                if kind == "ERROR":
                    raise ApiError(int(document.get("code") or 0), str(document.get("message") or ""))
                version = str((document.get("metadata") or {}).get("resourceVersion") or version)
                if kind != "BOOKMARK" and (facts := self._facts(kind, document)):
                    self._tell(facts)
        finally:
            stream.close()
        return version

    def _told_server(self, trouble: str) -> None:
        pass

    def _list(self) -> str:
        raise NotImplementedError

    def _begin(self, version: str) -> Stream:
        raise NotImplementedError

    def _facts(self, kind: str, document: Mapping[str, Any]) -> list[Fact]:
        raise NotImplementedError


def _unforeseen(error: Exception) -> ApiError:
    """A fault that must not end the thread, lest nothing be heard any more."""
    _log.error("a watch of Kubernetes failed", exc_info=error)
    return ApiError(0, f"{type(error).__name__}: {error}")


class PodWatch(Watch):
    """Of the pods that a selector finds."""

    _name = "pods"

    def __init__(self, cluster: Cluster, selector: str, tell: Callable[[list[Fact]], None]) -> None:
        super().__init__(cluster, tell)
        self._selector = selector

    def _list(self) -> str:
        pods, version = self._cluster.list_pods(self._selector)
        pods.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp")))
        self._tell([Listed(tuple(pod_state(pod) for pod in pods))])
        return version

    def _begin(self, version: str) -> Stream:
        return self._cluster.watch_pods(self._selector, version)

    def _facts(self, kind: str, document: Mapping[str, Any]) -> list[Fact]:
        state = pod_state(document)
        return [Vanished(state) if kind == "DELETED" else Heard(state)]

    def _told_server(self, trouble: str) -> None:
        self._tell([Server(trouble)])


class EventWatch(Watch):
    """Of what the cluster says of workers."""

    _name = "events"

    def _list(self) -> str:
        events, version = self._cluster.list_events(_FIELDS)
        if facts := [fact for event in events for fact in self._facts("ADDED", event)]:
            self._tell(facts)
        return version

    def _begin(self, version: str) -> Stream:
        return self._cluster.watch_events(_FIELDS, version)

    def _facts(self, kind: str, document: Mapping[str, Any]) -> list[Fact]:
        about = document.get("involvedObject") or {}
        found = _OF_SESSION.match(str(about.get("name") or ""))
        if kind == "DELETED" or found is None:
            return []
        trouble, taken_by = event_trouble(document), removal_told(document)
        return [Said(found[1], trouble, taken_by)] if trouble or taken_by else []
