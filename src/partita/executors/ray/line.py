"""The engine's end of the process that speaks with Ray: a thread starts it, again when it has ended, and moves frames."""

from __future__ import annotations

import os
import select
import selectors
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import IO, Any, Protocol

from partita.executors.bell import Bell
from partita.executors.ray.frames import CONNECTED, UNREACHABLE, FrameReader, pack_frame
from partita.executors.ray.local import bare_variables

__all__ = ["Line"]

_FIRST_AGAIN_S = 0.2
_LONGEST_AGAIN_S = 10.0
_CLOSING_S = 5.0
_AWAY = "Failed to connect to Ray: see that it runs, and that the executor's address is right"


class Caller(Protocol):
    """Whose line it is. Its methods are called in the line's thread, under the lock."""

    def is_needed(self) -> bool:
        """Whether a process is to be started."""
        ...

    def beginning(self) -> list[Any]:
        """The frames that a new process is told first."""
        ...

    def hear(self, frame: list[Any]) -> None:
        """Take what the process tells."""
        ...

    def look(self, is_reached: bool) -> None:
        """Called about once a second."""
        ...


class Line:
    """A process and the thread that keeps it."""

    def __init__(self, lock: threading.RLock, caller: Caller, log: IO[bytes], variables: dict[str, str]) -> None:
        """
        Args:
            log: takes what the process prints.
            variables: beside those of this process, without Ray's.
        """
        self._lock, self._caller, self._log, self._variables = lock, caller, log, variables
        self._bell = Bell()
        self._out = bytearray()  # under the lock, as all that follows
        self._is_closing = False
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._is_told = False  # why it did not reach Ray
        self.is_up = False  # what is said goes to a process
        self.is_connected = False  # which reaches Ray
        self.why = "Ray is being reached"  # why it is not reached

    @property
    def was_wanted(self) -> bool:
        """Whether there has been something to say."""
        return self._thread is not None

    def want(self) -> None:
        """There is something to say from now on."""
        if self._thread is None and not self._is_closing:
            self._thread = threading.Thread(target=self._keep, name="partita-ray", daemon=True)
            self._thread.start()
        self._bell.ring()

    def say(self, frame: list[Any]) -> None:
        """Tell the process, if there is one; `begin` tells the next one."""
        if self.is_up:
            is_first = not self._out
            self._out += pack_frame(frame)
            if is_first:
                self._bell.ring()  # after the frame is there: the thread looks without the lock

    def restart(self) -> None:
        """End the process; another one is started."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Say what is still to be said, and end the process."""
        with self._lock:
            self._is_closing = True
            self._bell.ring()
            thread = self._thread
        if thread is not None:
            thread.join()
        self._bell.close()

    def _keep(self) -> None:
        again_s = _FIRST_AGAIN_S
        while not self._is_closing:
            with self._lock:
                is_needed = self._caller.is_needed()
            if not is_needed:
                self._rest(1.0)
                continue
            self._serve()
            again_s = _FIRST_AGAIN_S if self.is_connected else min(2 * again_s, _LONGEST_AGAIN_S)
            self.is_connected = False
            until = time.monotonic() + again_s
            while not self._is_closing and (left := until - time.monotonic()) > 0:
                with self._lock:
                    self._caller.look(False)
                time.sleep(min(left, 0.5))

    def _rest(self, at_most_s: float) -> None:
        select.select([self._bell], [], [], at_most_s)
        self._bell.silence()

    def _serve(self) -> None:
        """One process from its start to its end."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "partita.executors.ray.client", str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, pass_fds=[theirs.fileno()], start_new_session=True,
                env={**bare_variables(), **self._variables},
            )  # fmt: skip
            theirs.close()
            ours.setblocking(False)
            with self._lock:
                self._process, self._is_told = process, False
                self._out[:] = b"".join(map(pack_frame, self._caller.beginning()))
                self.is_up = True
            try:
                self._move(ours)
            finally:
                with self._lock:
                    self.is_up = False
                    self._process = None
                    self._out.clear()
                ours.close()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_CLOSING_S if self._is_closing else 0.5)
                process.kill()
                process.wait()
        if not (self.is_connected or self._is_told or self._is_closing):
            with self._lock:  # Ray's library has ended it
                self._caller.hear([UNREACHABLE, _AWAY, False])

    def _move(self, stream: socket.socket) -> None:
        """Move frames both ways until the stream ends, or until we are closing and all is said."""
        reader = FrameReader()
        looked_at = time.monotonic()
        closing_at: float | None = None
        with selectors.DefaultSelector() as selector:
            selector.register(self._bell, selectors.EVENT_READ)
            selector.register(stream, selectors.EVENT_READ)
            while True:
                selector.modify(stream, selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0))
                ready = {key.fileobj: events for key, events in selector.select(1.0)}
                if self._bell in ready:
                    self._bell.silence()
                events = ready.get(stream, 0)
                if events & selectors.EVENT_READ and not self._read(stream, reader):
                    return
                if self._out and not self._write(stream):
                    return
                now = time.monotonic()
                if now - looked_at > 1.0:
                    looked_at = now
                    with self._lock:
                        self._caller.look(self.is_connected)
                if self._is_closing:
                    closing_at = closing_at or now
                    if not self._out or now - closing_at > _CLOSING_S:
                        return

    def _read(self, stream: socket.socket, reader: FrameReader) -> bool:
        try:
            data = stream.recv(1 << 20)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        with self._lock:
            for frame in reader.feed(data):
                self.is_connected = self.is_connected or frame[0] == CONNECTED
                self._is_told = self._is_told or frame[0] == UNREACHABLE
                self._caller.hear(frame)
        return bool(data)

    def _write(self, stream: socket.socket) -> bool:
        with self._lock:
            try:
                sent = stream.send(memoryview(self._out)[: 1 << 20])
            except BlockingIOError:
                return True
            except ConnectionError:
                return False
            del self._out[:sent]
        return True
