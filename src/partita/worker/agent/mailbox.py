"""The agent's end of the mailbox; see `partita.executors.remote.mailbox`."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from partita.errors import PartitaError, ProtocolError
from partita.executors.bell import Bell
from partita.executors.remote.mailbox import LEASE_PARTS, Pace, object_name
from partita.protocol.objects import Objects
from partita.protocol.remote import lease_name, open_batch, seal_batch

__all__ = ["MailboxPost"]

_LONGEST_PAUSE_S = 5.0
_FAREWELL_S = 10.0


class MailboxPost:
    """Satisfies `partita.worker.agent.port.AgentPost`."""

    def __init__(self, objects: Objects, session: str, key: bytes, *, lease_s: float, pace: Pace) -> None:
        self._objects, self._session, self._key, self._pace = objects, session, key, pace
        self._lease_s = lease_s
        self._next_order = self._next_said = 0
        self._arrived: deque[list[Any]] = deque()
        self._outgoing: list[Sequence[Any]] = []
        self._said = self._written = 0  # messages so far
        self._lease = b""
        self._renewed_at = time.monotonic()
        self._is_usurped = self._is_forsaken = self._is_closed = False
        self._wake = threading.Condition()
        self._is_ending = threading.Event()
        self._bell = Bell()
        self._threads = [
            threading.Thread(target=work, name=f"partita-mailbox-{work.__name__}", daemon=True)
            for work in (self._read, self._write, self._watch)
        ]
        for thread in self._threads:
            thread.start()

    def receive(self) -> list[list[Any]]:
        """What has come."""
        with self._wake:
            found = list(self._arrived)
            self._arrived.clear()
            self._bell.silence()
        return found

    def send(self, messages: Sequence[Sequence[Any]], *, is_durable: bool = False) -> None:
        """Say something."""
        with self._wake:
            self._outgoing.extend(messages)
            self._said += len(messages)
            upto = self._said
            self._pace.news()
            self._wake.notify_all()
            while is_durable and self._written < upto and not self.is_orphaned() and not self._is_closed:
                self._wake.wait(1.0)

    def is_orphaned(self) -> bool:
        """Whether nobody waits for what this agent does any more."""
        if time.monotonic() - self._renewed_at > self._lease_s:
            self._is_forsaken = True  # for good: the engine may have given it up by now
        return self._is_usurped or self._is_forsaken

    def filenos(self) -> list[int]:
        """Readable when something has come."""
        return [self._bell.fileno()]

    def close(self) -> None:
        """Say what is still to be said."""
        with self._wake:
            self._is_closed = True
            self._wake.notify_all()
        self._is_ending.set()
        for thread in self._threads:
            thread.join(_FAREWELL_S)

    def _read(self) -> None:
        pause_s = 0.1
        while not self._is_closed:
            try:
                name = object_name("orders", self._session, self._next_order)
                data = self._objects.get(name)
                if data is not None:
                    self._take(name, data)
                    continue
                wait_s = self._pace.pause_s()
                pause_s = 0.1
            except PartitaError as error:
                print(error, file=sys.stderr)
                wait_s = pause_s
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            with self._wake:
                if not self._is_closed:
                    self._wake.wait(wait_s)

    def _take(self, name: str, data: bytes) -> None:
        try:
            messages = open_batch(self._key, name, data)
        except ProtocolError as error:
            print(error, file=sys.stderr)
            messages = []
        before = self._next_order - 1
        self._next_order += 1
        self._renewed_at = time.monotonic()
        self._pace.news()
        with self._wake:
            self._arrived.extend(messages)
            self._bell.ring()
        if before >= 0:  # the last one stays, so that a later engine knows how far the numbers have come
            self._objects.remove([object_name("orders", self._session, before)])

    def _watch(self) -> None:
        """Look at the lease, in a thread of its own: a look for orders that hangs must not make this agent an orphan."""
        pause_s = 0.1
        while not self._is_closed:
            try:
                self._look_at_lease()
                wait_s, pause_s = self._lease_s / LEASE_PARTS, 0.1
            except PartitaError as error:
                print(error, file=sys.stderr)
                wait_s, pause_s = pause_s, min(pause_s * 2, _LONGEST_PAUSE_S)
            self._is_ending.wait(wait_s)

    def _look_at_lease(self) -> None:
        name = lease_name(self._key)
        data = self._objects.get(name)
        if data is None or data == self._lease:
            return
        try:
            open_batch(self._key, name, data)
        except ProtocolError as error:
            print(error, file=sys.stderr)
            return
        self._lease = data
        self._renewed_at = time.monotonic()

    def _write(self) -> None:
        pause_s = 0.1
        while True:
            with self._wake:
                while not self._outgoing and not self._is_closed:
                    self._wake.wait()
                if not self._outgoing:
                    return
                batch = list(self._outgoing)
            name = object_name("said", self._session, self._next_said)
            data = seal_batch(self._key, name, batch)
            try:
                is_ours = self._objects.create(name, data) or self._objects.get(name) == data
            except PartitaError as error:
                print(error, file=sys.stderr)
                with self._wake:
                    if self.is_orphaned():
                        return
                    self._wake.wait(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                continue
            pause_s = 0.1
            self._next_said += 1
            with self._wake:
                if not is_ours:
                    print(f"another process speaks for the session {self._session}; this one ends", file=sys.stderr)
                    self._is_usurped = True
                    self._bell.ring()
                del self._outgoing[: len(batch)]
                self._written += len(batch)
                self._wake.notify_all()
            if not is_ours:
                return
