"""Hearing of the ends of several runs at once, on one connection."""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from typing import Any

import msgpack

from partita.errors import EngineError
from partita.protocol.requests import RunView
from partita.workspace.connection import HEADER, Connection, error_of

__all__ = ["Endings"]

#: Seconds after which the engine answers in any case.
_WAIT_S = 60.0
_TRIES = 3


class Endings(Connection):
    """A connection on which the engine is asked for the ends of many runs, and answers in its own order."""

    _asked: dict[int, str]  # number of a question -> run whose end it is about
    _incoming: bytearray

    def among(self, runs: Sequence[str], timeout_s: float) -> list[tuple[RunView, list[list[Any]]]]:
        """Those of the runs that have ended, as soon as there are any, with results, and what they reported; none after so long.

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

    def _hear(self, runs: Sequence[str], until: float) -> list[tuple[RunView, list[list[Any]]]]:
        if self._socket is None:
            self._socket = self._connect() or self._start()
            self._asked, self._incoming = {}, bytearray()
        try:
            ended = self._ended(set(runs), until)
            questions = [("run", {"run": run, "with_result": True}) for run in ended]
            told = self._answers([*questions, *(("reports", {"run": run, "step": None}) for run in ended)])
            return list(zip(told[: len(ended)], told[len(ended) :], strict=True))
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
                self._asked[self._send("watch", {"run": run, "timeout_s": _WAIT_S, "only_end": True})] = run
            readable, _, _ = select.select([self._socket], [], [], max(until - time.monotonic(), 0.0))
            if not readable:
                return []
            self._read()
            for number, is_ok, answer in self._messages():
                run = self._asked.pop(number, "")
                if not is_ok:
                    raise error_of(answer)
                if run in runs and answer["is_final"]:
                    found.append(run)
        return found

    def _answers(self, questions: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        """All asked at once; what is told of other runs meanwhile is asked for anew."""
        numbers = [self._send(verb, fields) for verb, fields in questions]
        found: dict[int, Any] = {}
        while not found.keys() >= set(numbers):
            self._read()
            for number, is_ok, answer in self._messages():
                self._asked.pop(number, None)
                if not is_ok:
                    raise error_of(answer)
                found[number] = answer
        return [found[number] for number in numbers]

    def _read(self) -> None:
        assert self._socket is not None
        data = self._socket.recv(1 << 18)
        if not data:
            raise EOFError("the connection was closed")
        self._incoming += data

    def _messages(self) -> list[list[Any]]:
        found = []
        while len(self._incoming) >= HEADER.size:
            end = HEADER.size + HEADER.unpack_from(self._incoming)[0]
            if len(self._incoming) < end:
                break
            found.append(msgpack.unpackb(bytes(self._incoming[HEADER.size : end]), raw=False, strict_map_key=False))
            del self._incoming[:end]
        return found
