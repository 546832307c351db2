"""Starts workers as Jobs of Kubernetes, and watches them: the launcher of the executor `kubernetes`."""

from __future__ import annotations

import logging
import time
from typing import Any

from partita.errors import EngineError
from partita.executors.inbox import Inbox
from partita.executors.kubernetes.cluster import Cluster
from partita.executors.kubernetes.errands import Errands
from partita.executors.kubernetes.facts import Fact
from partita.executors.kubernetes.manifest import Image, secret_manifest, worker_manifest
from partita.executors.kubernetes.names import Identity, session_of
from partita.executors.kubernetes.refusals import ApiError, trouble_of
from partita.executors.kubernetes.sessions import Sessions
from partita.executors.kubernetes.watching import EventWatch, PodWatch, Watch
from partita.executors.remote.asking import Question
from partita.executors.remote.port import AgentCommand, News, WorkerOrder
from partita.executors.timer import Timer
from partita.settings_kubernetes import KubernetesSettings

__all__ = ["KubernetesLauncher"]

_log = logging.getLogger("partita.engine")

_TICK_S = 1.0  # how exactly time-outs are kept
_CLOSING_S = 10.0


class KubernetesLauncher:
    """The port's Launcher, with a Job for each session.

    Its state changes only where `start`, `stop` and `news` are called; its threads make the calls and do the waiting, and put
    what they learn into a queue. There are two watches, whatever the number of sessions, and `calls_per_second` calls that
    create or delete.

    The variables in `AgentCommand.secrets` lie in one Secret, which is written before the first Job. It stays for as long
    as there are workers: `close` removes it where none is left. One that the settings name is never removed: other engines
    may use it too.
    """

    def __init__(
        self, command: AgentCommand, image: Image, settings: KubernetesSettings, *, workspace: str, executor: str
    ) -> None:
        """
        Args:
            workspace: names whose workers they are: what `survey` of a later launcher goes by.
            executor: its name in the settings.

        Raises:
            MissingExtraError: the client library is not installed.
        """
        self._command = command
        self._image = image
        self._settings = settings
        self._identity = Identity(workspace, executor)
        self._secret_name = settings.secret or self._identity.secret_name
        self._cluster = Cluster(settings.context, settings.namespace)
        self._sessions = Sessions(settings.pending_timeout_s, settings.start_timeout_s)
        self._facts: Inbox[Fact] = Inbox()
        self._left = Question(self._ask_what_was_left, self._facts.bell)
        self._timer = Timer()
        self._errands = Errands(self._cluster, self._identity, settings.calls_per_s, self._facts.put)
        self._pods = PodWatch(self._cluster, self._identity.selector, self._facts.put)
        self._watches: list[Watch] = [self._pods, EventWatch(self._cluster, self._facts.put)]
        self._is_begun = False
        self._is_closed = False

    @property
    def trouble(self) -> str:
        """Why nothing is heard of the cluster at present; empty: all is well. Workers stay as they are meanwhile."""
        return self._sessions.server_trouble

    def start(self, worker: WorkerOrder) -> None:
        """Have a worker started."""
        self._begin()
        self._sessions.start(worker.session)
        manifest = worker_manifest(worker, self._command, self._image, self._identity, self._settings)
        self._errands.create(worker.session, manifest)

    def stop(self, session: str, grace_s: float = 0.0) -> None:
        """End a worker: its pod is deleted with this grace, which `termination_grace` limits."""
        self._sessions.stop(session, grace_s)
        self._send_removals()

    def survey(self) -> list[str] | None:
        """Sessions whose Jobs or pods are there, also those that have ended meanwhile: `news` tells how.

        Raises:
            EngineError: the cluster cannot be asked.
        """
        left = self._left.answer()
        if left is None:
            return None
        found = {session: is_over for session, is_over in left.items() if not self._sessions.has_had(session)}
        for session, is_over in found.items():
            self._sessions.found(session, time.monotonic(), is_over=is_over)
        if found and self._is_begun:
            self._pods.list_again()  # what was listed before was heard as of nobody's
        elif found:
            self._begin()
        return list(found)

    def news(self) -> list[News]:
        """What has happened since, oldest first."""
        facts = self._facts.take()
        self._timer.clear()
        now, before = time.monotonic(), self.trouble
        for fact in facts:
            self._sessions.hear(fact, now)
        self._sessions.due(now)
        if self.trouble != before:
            _log.warning("executor %s: %s", self._identity.executor, self.trouble or "the cluster answers again")
        self._send_removals()
        news = self._sessions.take_news()
        if self._sessions.is_waiting:
            self._timer.set(_TICK_S)
        return news

    def filenos(self) -> list[int]:
        """File descriptors, one of which is readable when there is news."""
        return [self._facts.bell.fileno(), self._timer.fileno()]

    def close(self) -> None:
        """Stop watching and release everything here; workers are left as they are."""
        if self._is_closed:
            return
        if self._is_begun:
            until = time.monotonic() + _CLOSING_S
            self._errands.close(_CLOSING_S)
            for watch in self._watches:
                watch.close(max(0.1, until - time.monotonic()))
            if self._command.secrets and not self._settings.secret and not len(self._sessions):
                self._cluster.delete_secret(self._secret_name)
        self._is_closed = True
        self._facts.close()
        self._timer.close()

    def _begin(self) -> None:
        if self._is_begun:
            return
        self._is_begun = True
        if self._command.secrets:
            self._errands.put_secret(secret_manifest(self._command, self._identity, self._secret_name))
        self._errands.start()
        for watch in self._watches:
            watch.start()

    def _send_removals(self) -> None:
        for removal in self._sessions.take_removals():
            self._errands.remove(removal.session, removal.grace_s)

    def _ask_what_was_left(self) -> dict[str, bool]:
        """Sessions of which something is there, and whether their Jobs have ended. Called in a thread."""
        try:
            jobs = self._cluster.list_jobs(self._identity.selector)
            pods, _ = self._cluster.list_pods(self._identity.selector)
        except ApiError as error:
            raise EngineError(trouble_of(error).detail) from None
        found = {session_of(pod): False for pod in pods}  # also of one whose Job somebody has deleted
        return found | {session_of(job): _is_over(job) for job in jobs if not job["metadata"].get("deletionTimestamp")}


def _is_over(job: dict[str, Any]) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in conditions)
