"""Workers in a Ray cluster: the launcher and the post of remote executors, as one object.

A session is a detached actor, named as the session, in a namespace of the executor's. What is to be known of sessions is kept
here; the process that speaks with Ray (`client`) may end at any time and is told all again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from partita.errors import MissingExtraError, ProtocolError
from partita.executors.bell import Bell
from partita.executors.port import Capacity, Message
from partita.executors.ray import frames
from partita.executors.ray.actor import AGENT_KEY
from partita.executors.ray.agent_post import attach_place, from_place, to_place
from partita.executors.ray.line import Line
from partita.executors.ray.local import LocalRay, RayUnavailableError, local_folder
from partita.executors.remote.port import GONE, PENDING, UP, AgentCommand, News, WorkerOrder
from partita.protocol.remote import open_batch, seal_batch
from partita.settings_ray import RaySettings
from partita.version import VERSION

__all__ = ["RayWorkers"]

#: A process that has lost Ray, or does not find it, soon says so and ends; the next one tries again.
_IMPATIENCE = {"RAY_gcs_rpc_server_reconnect_timeout_s": "5", "RAY_NUM_REDIS_GET_RETRIES": "3"}
_MARGIN_S = 5.0  # after the lease, within which orphaned agents end


@dataclass(slots=True)
class _Session:
    order: WorkerOrder | None = None  # None: it is not to be started by us
    asked_at: float = 0.0  # when we began to wait for it
    is_made: bool = False  # Ray has it, or had
    is_up: bool = False
    is_gone: bool = False
    said: str = ""  # why it was last PENDING
    stop_grace_s: float | None = None  # it is to be stopped
    sent: int = 0  # batches
    kept: deque[tuple[int, bytes]] = field(default_factory=deque)  # batches that its agent is not known to have
    came: int = 0  # number of its last batch that came
    unread: list[Message] = field(default_factory=list)
    given: int = 0  # number of its last batch that was given to who uses the post
    acknowledged: int = 0

    def take(self) -> list[Message]:
        """What is unread."""
        found, self.unread = self.unread, []
        self.given = self.came
        return found


class RayWorkers:
    """Satisfies `Launcher` and `Post`."""

    def __init__(
        self,
        settings: RaySettings,
        command: AgentCommand,
        *,
        capacity: Capacity,
        origin: str,
        lease_s: float,
        agent: str = "partita.worker.agent.serving:serve",
        log: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            command: its secrets have the executor's key.
            capacity: what a local Ray that is started hands out.
            origin: names the executor of the workspace.
            lease_s: how long workers go on without an engine.
            agent: "module:function" that an actor's thread runs, see `AgentActor`.
            log: a file for what Ray's library prints; None: nowhere.

        Raises:
            MissingExtraError: Ray is not installed.
        """
        if importlib.util.find_spec("ray") is None:
            raise MissingExtraError("an executor of kind \"ray\" needs the extra 'ray': pip install 'partita[ray]'")
        self._settings, self._command, self._capacity = settings, command, capacity
        self._key = bytes.fromhex(command.secrets[AGENT_KEY])
        self._lease_s, self._clock, self._agent = lease_s, clock, agent
        self._speaker = uuid.uuid4().hex
        self._namespace = f"partita-{hashlib.sha256(origin.encode()).hexdigest()[:16]}"
        self._local = LocalRay(local_folder(origin)) if not settings.address else None
        self._lock = threading.RLock()
        self._bell = Bell()
        self._sessions: dict[str, _Session] = {}
        self._unread: dict[str, None] = {}  # sessions with something unread, in the order in which it came
        self._given: set[str] = set()  # sessions that were given something since the last acknowledgement
        self._ending: set[str] = set()  # gone for us, and to be ended when Ray is reached
        self._news: list[News] = []
        self._found: list[str] | None = None
        self._is_surveying = False
        self._refusals = self._told_refusals = 0  # of Ray to be reached
        self._reached_at = clock()
        self._is_closed = False
        self._log = (log or Path(os.devnull)).open("ab")
        variables = dict(self._local.variables()) if self._local else _variables_of_ray()
        variables |= _IMPATIENCE
        self._line = Line(self._lock, self, self._log, variables)

    # The launcher

    def start(self, worker: WorkerOrder) -> None:
        """Have an actor made."""
        with self._lock:
            session = self._sessions.setdefault(worker.session, _Session())
            session.order, session.asked_at = worker, self._clock()
            self._tell_all(worker.session, session)

    def stop(self, session: str, grace_s: float = 0.0) -> None:
        """End a worker: it is asked to, and killed after the grace."""
        with self._lock:
            known = self._sessions.get(session)
            if known is None or known.is_gone:
                return
            known.stop_grace_s = grace_s
            if known.is_made or self._line.is_up:
                self._line.say([frames.STOP_WORKER, session, grace_s])
            else:
                self._end(session, known, "ended", "it was stopped before it was started")

    def survey(self) -> list[str] | None:
        """Actors in the executor's namespace.

        Raises:
            RayUnavailableError: Ray is not reached at present.
        """
        if self._local is not None and not self._local.address():
            return []
        with self._lock:
            found, self._found = self._found, None
            if found is None:
                if not self._is_surveying:
                    self._is_surveying, self._told_refusals = True, self._refusals
                    self._line.say([frames.SURVEY])
                    self._line.want()
                if self._refusals > self._told_refusals:
                    self._told_refusals = self._refusals
                    raise RayUnavailableError(f"Ray cannot be asked: {self._line.why}")
                return None
        for name in found:
            self.attach(name)
        return found

    def news(self) -> list[News]:
        """What has happened since, oldest first."""
        with self._lock:
            found, self._news = self._news, []
            self._quieten()
            return found

    # The post

    @property
    def trouble(self) -> str:
        """Why Ray is not reached; empty: it is."""
        return "" if self._line.is_connected or not self._line.was_wanted else self._line.why

    def open(self, session: str) -> None:
        """Begin to talk to a session that is about to be started."""
        with self._lock:
            self._sessions.setdefault(session, _Session())

    def attach(self, session: str) -> None:
        """Go on talking to a session that an earlier engine opened."""
        with self._lock:
            if session not in self._sessions:
                known = self._sessions[session] = _Session(asked_at=self._clock(), is_made=True)
                self._tell_all(session, known)

    def keep_only(self, sessions: Collection[str]) -> None:
        """Nothing is kept of actors that are gone."""

    def send(self, session: str, messages: Sequence[Message]) -> None:
        """Send messages, soon."""
        with self._lock:
            known = self._sessions.get(session)
            if known is None or known.is_gone or not messages:
                return
            known.sent += 1
            data = seal_batch(self._key, to_place(session, self._speaker, known.sent), messages)
            known.kept.append((known.sent, data))
            if known.order is not None or known.is_made:
                self._line.say([frames.LETTERS, session, known.sent, data])

    def receive(self) -> list[tuple[str, list[Message]]]:
        """What has come since, by session. What was given before is thereby acknowledged."""
        with self._lock:
            for given in self._given:
                known = self._sessions[given]
                known.acknowledged = known.given
                self._line.say([frames.ACKNOWLEDGED, given, known.given])
            self._given = set(self._unread)
            found = [(name, self._sessions[name].take()) for name in self._unread]
            self._unread.clear()
            self._quieten()
            return found

    def drain(self, session: str) -> list[Message]:
        """The last that a session which is gone has said."""
        with self._lock:
            known = self._sessions.get(session)
            self._unread.pop(session, None)
            self._quieten()
            return known.take() if known is not None else []

    def release(self, session: str, farewell: Sequence[Message] = ()) -> None:
        """The session has ended; nothing of it is kept."""
        with self._lock:
            known = self._sessions.pop(session, None)
            if known is not None and not known.is_gone and known.stop_grace_s is not None:
                self._ending.add(session)
            self._unread.pop(session, None)
            self._given.discard(session)
            self._quieten()

    # Both

    def filenos(self) -> list[int]:
        """A file descriptor that is readable when there is news, or something to receive."""
        return [self._bell.fileno()]

    def close(self) -> None:
        """Leave the workers as they are. A local Ray in which none is left ends."""
        if self._is_closed:
            return
        self._is_closed = True
        self._line.close()
        is_left = any(not known.is_gone and (known.is_made or known.order) for known in self._sessions.values())
        if self._local is not None and self._line.was_wanted and not is_left:
            self._local.stop()
        self._log.close()
        self._bell.close()

    # What the line asks and tells, in its thread, under the lock

    def is_needed(self) -> bool:
        """Whether there is something to say to Ray."""
        alive = any(not known.is_gone and (known.is_made or known.order) for known in self._sessions.values())
        return alive or self._is_surveying or bool(self._ending)

    def beginning(self) -> list[Any]:
        """The frames that a new process is told first."""
        command, size = (
            self._command,
            (math.ceil(self._capacity.cpu), self._capacity.memory_bytes, math.ceil(self._capacity.gpu)),
        )
        told: list[Any] = [{
            "address": self._settings.address, "folder": str(self._local.folder) if self._local else "", "size": size,
            "namespace": self._namespace, "resources": dict(self._settings.resources), "version": VERSION,
            "runtime_env": self._settings.runtime_env_map(), "agent": self._agent, "arguments": list(command.arguments),
            "variables": command.variables, "secrets": command.secrets, "lease_s": self._lease_s, "speaker": self._speaker,
        }]  # fmt: skip
        for name, known in self._sessions.items():
            if not known.is_gone:
                told += self._frames_of(name, known)
        for name in self._ending:
            told += [[frames.RESUME, name, self._seal(name)], [frames.STOP_WORKER, name, 0.0]]
        return told + ([[frames.SURVEY]] if self._is_surveying else [])

    def hear(self, frame: list[Any]) -> None:
        """Take what the process tells."""
        match frame:
            case [frames.CONNECTED]:
                self._reached_at = self._clock()
            case [frames.UNREACHABLE, words, is_final]:
                self._line.why = words
                self._refusals += 1
                self._bell.ring()
                for refused, one in list(self._sessions.items()) if is_final else []:
                    if not one.is_made and one.order:
                        self._end(refused, one, "refused", words)
            case [frames.FOUND, names]:
                self._found, self._is_surveying = names, False
                self._bell.ring()
            case [frames.LOST, name, *_] if name in self._ending:
                self._ending.discard(name)
            case [_, name, *told] if (known := self._sessions.get(name)) is not None and not known.is_gone:
                self._hear_of(name, known, frame[0], told)

    def look(self, is_reached: bool) -> None:
        """Called about once a second: what has been waited for for too long."""
        now = self._clock()
        if is_reached:
            self._reached_at = now
        if is_reached and self._local is not None and not self._local.address():
            self._line.restart()  # its library would wait for it
        is_away = now - self._reached_at > self._lease_s + _MARGIN_S
        is_local_gone = not is_reached and self._local is not None and not self._local.address()
        for name, known in list(self._sessions.items()):
            if known.is_gone or not (known.is_made or known.order):
                continue
            if known.is_made and (is_away or is_local_gone):
                words = (
                    "the local Ray has ended"
                    if is_local_gone
                    else f"Ray was out of reach for too long: {self._line.why}"
                )
                self._end(name, known, "evicted", words)
            elif not known.is_up and now - known.asked_at > self._settings.pending_timeout_s:
                self._end(
                    name, known, "refused", f"no worker within {self._settings.pending_timeout_s:g} s: {known.said}"
                )
            elif not known.is_up and not is_reached:
                self._wait(name, known, self._line.why)

    def _hear_of(self, name: str, known: _Session, tag: int, told: list[Any]) -> None:
        match tag, told:
            case frames.MADE, _:
                known.is_made = True
            case frames.WAITING, [words]:
                self._wait(name, known, words)
            case frames.STANDS, _ if not known.is_up:
                known.is_up = True
                self._say(News(name, UP))
            case frames.RECEIVED, [number]:
                while known.kept and known.kept[0][0] <= number:
                    known.kept.popleft()
            case frames.SAID, [batches]:
                for number, data in batches:
                    if number > known.came and not known.is_gone:
                        self._read(name, known, number, data)
            case frames.LOST, [reason, words, exit_status]:
                if known.stop_grace_s is not None and reason == "died" and exit_status is None:
                    reason = "ended"
                self._ending.discard(name)
                known.is_gone = True
                self._say(News(name, GONE, reason, words, exit_status))

    def _read(self, name: str, known: _Session, number: int, data: bytes) -> None:
        try:
            messages = open_batch(self._key, from_place(name, number), data)
        except ProtocolError as error:
            self._end(name, known, "died", str(error))
            return
        known.came = number
        known.unread += messages
        self._unread[name] = None
        self._bell.ring()

    def _wait(self, name: str, known: _Session, words: str) -> None:
        if words != known.said:
            known.said = words
            self._say(News(name, PENDING, "", words))

    def _end(self, name: str, known: _Session, reason: str, words: str) -> None:
        """It is gone for us; what there may be of it in Ray is ended."""
        known.is_gone = True
        self._ending.add(name)
        self._line.say([frames.STOP_WORKER, name, 0.0])
        self._say(News(name, GONE, reason, words))

    def _say(self, news: News) -> None:
        self._news.append(news)
        self._bell.ring()

    def _quieten(self) -> None:
        if not self._news and not self._unread:
            self._bell.silence()

    def _tell_all(self, name: str, known: _Session) -> None:
        for frame in self._frames_of(name, known):
            self._line.say(frame)
        self._line.want()

    def _frames_of(self, name: str, known: _Session) -> list[list[Any]]:
        """All that the process must know of a session."""
        if known.is_made:
            told: list[list[Any]] = [[frames.RESUME, name, self._seal(name)]]
        elif known.order is not None:
            demand, attempts = known.order.demand, known.order.attempts
            about = "/".join(known.order.labels.values()) or f"partita {name}"
            wanted = [demand.cpu, demand.memory_bytes, demand.gpu, attempts, about]
            told = [[frames.START, name, *wanted, self._seal(name)]]
        else:
            return []
        told += [[frames.LETTERS, name, number, data] for number, data in known.kept]
        told += [[frames.ACKNOWLEDGED, name, known.acknowledged]] if known.acknowledged else []
        return told + ([[frames.STOP_WORKER, name, known.stop_grace_s]] if known.stop_grace_s is not None else [])

    def _seal(self, name: str) -> bytes:
        return seal_batch(self._key, attach_place(name, self._speaker), [])


def _variables_of_ray() -> dict[str, str]:
    """How this process was told to reach clusters."""
    return {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
