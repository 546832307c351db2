"""Hearing of the ends of several runs at once, on one connection."""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from typing import Any

import msgpack

from partita.errors import EngineError
from partita.workspace.connection import HEADER, Connection, error_of

__all__ = ["Endings"]

#: Seconds after which the engine answers in any case.
_WAIT_S = 60.0
_TRIES = 3


class Endings(Connection):
    """A connection on which the engine is asked for the ends of many runs, and answers in its own order."""

    _asked: dict[int, str]
    _incoming: bytearray

    def among(self, runs: Sequence[str], timeout_s: float) -> list[str]:
        """Those of the runs that have ended, as soon as there are any; none after so many seconds.

        Raises:
            NotFoundError: there is no such run.
            EngineError: the engine cannot be reached.
        """
        until = time.monotonic() + timeout_s
        with self._lock:
            for attempt in range(_TRIES):
                try:
                    return self._hear(runs, until)
                except (ConnectionError, EOFError) as error:
                    self._disconnect()
                    if attempt == _TRIES - 1:
                        raise EngineError(f"the engine ended while runs were waited for: {error}") from None
        return []

    def _hear(self, runs: Sequence[str], until: float) -> list[str]:
        if self._socket is None:
            self._socket = self._connect() or self._start()
            self._asked, self._incoming = {}, bytearray()
        try:
            return self._ended(set(runs), until)
        except (ConnectionError, EOFError):
            raise
        except BaseException:  # a message may have been cut in two
            self._disconnect()
            raise

    def _ended(self, runs: set[str], until: float) -> list[str]:
        assert self._socket is not None
        found: list[str] = []
        while not found:
            for run in sorted(runs - set(self._asked.values())):
                self._number += 1
                self._asked[self._number] = run
                question = {"run": run, "timeout_s": _WAIT_S, "only_end": True}
                body = msgpack.packb([self._number, "watch", question], use_bin_type=True)
                self._socket.sendall(HEADER.pack(len(body)) + body)
            readable, _, _ = select.select([self._socket], [], [], max(until - time.monotonic(), 0.0))
            if not readable:
                return []
            data = self._socket.recv(1 << 18)
            if not data:
                raise EOFError("the connection was closed")
            self._incoming += data
            for number, is_ok, answer in self._messages():
                run = self._asked.pop(number, "")
                if not is_ok:
                    raise error_of(answer)
                if run in runs and answer["is_final"]:
                    found.append(run)
        return found

    def _messages(self) -> list[list[Any]]:
        found = []
        while len(self._incoming) >= HEADER.size:
            end = HEADER.size + HEADER.unpack_from(self._incoming)[0]
            if len(self._incoming) < end:
                break
            found.append(msgpack.unpackb(bytes(self._incoming[HEADER.size : end]), raw=False, strict_map_key=False))
            del self._incoming[:end]
        return found
