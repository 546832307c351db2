"""What must reach an attempt while it runs: the wish that it stops, and answers to what it asked."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
from collections.abc import Callable
from typing import Any

from partita.protocol.messages import REPLY
from partita.protocol.packets import CANCEL, PACKET_BYTES, Spill

__all__ = ["Control", "StopAttempt"]

#: Another thread may take our answer off the socket, which does not wake us.
_LOOK_AGAIN_MS = 50


class StopAttempt(BaseException):
    """Raised in the main thread of an attempt that is to stop; `finally` blocks run."""


class Control:
    """The control socket. A signal makes the main thread look at it between two steps of the interpreter."""

    def __init__(self, control: socket.socket) -> None:
        self._socket = control
        self.spill: Spill | None = None  # known once the worker is bound
        self.current = 0  # ticket of the attempt that runs
        self.reason = ""  # why the attempt of `_stopped` is to stop
        self.is_interruptible = False  # user code runs in the main thread, and StopAttempt may be raised
        self.has_polled = False  # the attempt asks `should_stop()` and needs no exception
        self.stop_gently: Callable[[], object] | None = None  # instead of the exception, for a running event loop
        self._stopped = 0  # the last ticket that was to stop
        self._replies: dict[int, tuple[bool, Any]] = {}

    def listen(self) -> None:
        """From now on, the engine's signal is understood."""
        signal.signal(signal.SIGUSR1, self._on_signal)

    @property
    def should_stop(self) -> bool:
        """Whether the attempt that runs was asked to stop."""
        return self._stopped == self.current

    def is_stopped(self, ticket: int) -> bool:
        """Whether this attempt was asked to stop."""
        return self._stopped == ticket

    def begin(self, ticket: int) -> None:
        """An attempt begins."""
        self.current = ticket
        self.has_polled = False

    def end(self) -> None:
        """The attempt has ended."""
        self.is_interruptible = False
        self.stop_gently = None
        if self._replies:
            self._replies.clear()

    def close(self) -> None:
        """Release the socket, in a forked child."""
        self._socket.close()

    def wait_reply(self, request: int) -> tuple[bool, Any]:
        """Wait for the answer to a request of this attempt."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while request not in self._replies:
            poll.poll(_LOOK_AGAIN_MS)
            self._read()
        return self._replies.pop(request)

    def _on_signal(self, *_: object) -> None:
        self._read()
        if not (self.is_interruptible and self.should_stop) or self.has_polled:
            return
        if self.stop_gently is not None:
            self.stop_gently()
            return
        self.is_interruptible = False
        raise StopAttempt(self.reason)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while packet := self._socket.recv(PACKET_BYTES, socket.MSG_DONTWAIT):
                self._take(packet)

    def _take(self, packet: bytes) -> None:
        if self.spill is None:
            return
        message = self.spill.open(packet)
        if message[0] == CANCEL:
            self._stopped, self.reason = message[1], message[2]
        elif message[0] == REPLY and message[1] == self.current:
            self._replies[message[2]] = (message[3], message[4])
