"""One end of a packet socket that is written to without ever waiting."""

from __future__ import annotations

import socket
from collections import deque

__all__ = ["Channel", "channel_pair"]

_BUFFER_BYTES = 1 << 20


def channel_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends: packets keep their borders and their order. Ours does not block, the worker's does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    ours.setblocking(False)
    return ours, theirs


class Channel:
    """Packets that the kernel's buffer does not take wait in an outbox until the socket is writable."""

    def __init__(self, ours: socket.socket) -> None:
        self.socket = ours
        self.outbox: deque[bytes] = deque()
        self._send = ours.send

    def send(self, packet: bytes) -> bool:
        """Send the packet now or later; whether everything has left."""
        if not self.outbox:
            try:
                self._send(packet)
                return True
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                return True  # the worker has died; its pidfd tells
        self.outbox.append(packet)
        return False

    def flush(self) -> bool:
        """Send what waits, as far as possible; whether everything has left."""
        while self.outbox:
            try:
                self._send(self.outbox[0])
            except BlockingIOError:
                return False
            except (BrokenPipeError, ConnectionResetError):
                self.outbox.clear()
                return True
            self.outbox.popleft()
        return True
