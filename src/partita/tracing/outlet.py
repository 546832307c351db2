"""The engine's end of the socket by which spans leave: it never waits, and counts what there is no room for."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress

import msgpack

from partita.protocol.metrics import SpanCounts
from partita.protocol.spans import SpanRecord

__all__ = ["HELD_SPANS", "ProcessOutlet", "environment_for"]

_log = logging.getLogger("partita.tracing")

#: Spans that wait for the process to take them; more are dropped.
HELD_SPANS = 20_000
#: So many spans go in one packet, and fewer where they are large.
_PACKET_SPANS = 50
_PACKET_BYTES = 120_000
#: Seconds before a process that has ended is started again.
_AGAIN_S = 10.0
_CLOSING_S = 1.0


class ProcessOutlet:
    """Hands spans to a process of its own, which sends them; the engine imports nothing for it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """
        Args:
            environment: of the process: the variables OTEL_* say where to and how.
        """
        self._environment = dict(environment)
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: deque[SpanRecord] = deque()
        self._packet: bytes | None = None  # made and not yet taken
        self._packed = 0  # spans in it
        self._made = self._dropped = 0
        self._sent_before = self._dropped_before = 0  # what processes that have ended told last
        self._told = (0, 0)  # what the process has sent and dropped
        self._handed = 0  # spans that this process has taken
        self._not_before_s = 0.0

    def take(self, spans: list[SpanRecord]) -> None:
        """Have spans sent; also without any, what waits is handed on."""
        self._made += len(spans)
        room = HELD_SPANS - len(self._waiting)
        self._waiting.extend(spans[:room])
        self._dropped += max(len(spans) - room, 0)
        if self._waiting or self._packet is not None:
            self._hand_over()

    def counts(self) -> SpanCounts:
        """What became of them."""
        self._hear()
        sent, dropped = self._told
        return SpanCounts(
            made=self._made, sent=self._sent_before + sent, dropped=self._dropped + self._dropped_before + dropped
        )

    def close(self) -> None:
        """Hand over what waits; the process sends it and ends."""
        until = time.monotonic() + _CLOSING_S
        while (self._waiting or self._packet is not None) and self._socket is not None and time.monotonic() < until:
            self._hand_over()
            time.sleep(0.01)
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _hand_over(self) -> None:
        if self._socket is None and not self._start():
            return
        assert self._socket is not None
        try:
            while self._packet is not None or self._waiting:
                if self._packet is None:
                    self._pack()
                if self._packet is None:
                    continue
                self._socket.send(self._packet)
                self._handed += self._packed
                self._packet = None
        except (BlockingIOError, InterruptedError):
            pass  # it has enough for the moment
        except OSError as error:
            self._lost(error)

    def _pack(self) -> None:
        count = min(_PACKET_SPANS, len(self._waiting))
        while True:
            spans = [self._waiting[place] for place in range(count)]
            packed = msgpack.packb(spans, use_bin_type=True, unicode_errors="surrogatepass")
            if len(packed) <= _PACKET_BYTES:
                break
            if count == 1:
                self._waiting.popleft()
                self._dropped += 1
                return
            count //= 2
        for _ in range(count):
            self._waiting.popleft()
        self._packet, self._packed = packed, count

    def _start(self) -> bool:
        now_s = time.monotonic()
        if now_s < self._not_before_s:
            return False
        self._not_before_s = now_s + _AGAIN_S
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "partita.tracing", str(theirs.fileno())], pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True, cwd="/",
                    env=self._environment,
                )  # fmt: skip
            except OSError as error:
                ours.close()
                _log.error("no traces are sent: their process cannot be started: %s", error)
                return False
        with suppress(OSError):
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        ours.setblocking(False)
        self._socket, self._handed, self._told = ours, 0, (0, 0)
        return True

    def _hear(self) -> None:
        """What the process has told since of what became of the spans."""
        with suppress(OSError, ValueError):
            while self._socket is not None and (data := self._socket.recv(1024)):
                sent, dropped = msgpack.unpackb(data)
                self._told = (sent, dropped)

    def _lost(self, error: OSError) -> None:
        self._hear()
        status = self._process.poll() if self._process is not None else None
        _log.error("the process that sends traces has ended (status %s, %s); another one is started", status, error)
        sent, _ = self._told
        self._sent_before += sent
        self._dropped_before += self._handed - sent  # what it had and did not send is lost with it
        self._told, self._handed = (0, 0), 0
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def environment_for(endpoint: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a process that sends to an endpoint; empty: to where the variables say.

    Args:
        endpoint: address of a receiver; without a path, "/v1/traces" is meant.
    """
    made = dict(environment)
    if endpoint:
        scheme, _, rest = endpoint.partition("://")
        host, slash, path = rest.partition("/")
        made["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = f"{scheme}://{host}/{path if slash and path else 'v1/traces'}"
    return made
