"""An event loop's connection to the engine: many questions at once over one socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack

from partita.errors import EngineError
from partita.workspace.connection import HEADER, error_of, socket_path

__all__ = ["Line"]


class Line:
    """Asks the engine without a thread for each question. The engine answers in whatever order it is ready to."""

    def __init__(self, state: Path, start: Callable[[], Any]) -> None:
        """
        Args:
            state: the workspace's folder.
            start: called in a thread where no engine answers; it starts one.
        """
        self._state = state
        self._start = start
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._number = 0

    async def ask(self, verb: str, **fields: Any) -> Any:
        """Ask; raises what the engine refused with.

        Raises:
            EngineError: it cannot be reached, or ended while it was asked.
        """
        writer = self._writer or await self._open()
        self._number += 1
        number = self._number
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        body = msgpack.packb([number, verb, fields], use_bin_type=True)
        try:
            writer.write(HEADER.pack(len(body)) + body)
            await writer.drain()
            return await answer
        except (ConnectionError, OSError) as error:
            self._drop(writer)
            raise EngineError(f"the engine ended while it was asked for {verb!r}: {error}") from None
        finally:
            self._asked.pop(number, None)

    async def _open(self) -> asyncio.StreamWriter:
        async with self._opening:
            if self._writer is not None:
                return self._writer
            path = str(socket_path(self._state))
            try:
                reader, writer = await asyncio.open_unix_connection(path)
            except OSError:
                await asyncio.to_thread(self._start)
                try:
                    reader, writer = await asyncio.open_unix_connection(path)
                except OSError as error:
                    raise EngineError(f"the engine cannot be reached: {error}; see {self._state}/engine.log") from None
            self._writer = writer
            self._reading = asyncio.create_task(self._read(reader, writer))
            return writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                size = HEADER.unpack(await reader.readexactly(HEADER.size))[0]
                body = await reader.readexactly(size)
                number, is_ok, told = msgpack.unpackb(body, raw=False, strict_map_key=False)
                answer = self._asked.get(number)
                if answer is None or answer.done():
                    continue  # whoever asked has gone
                if is_ok:
                    answer.set_result(told)
                else:
                    answer.set_exception(error_of(told))
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            pass
        finally:
            self._drop(writer)

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        if self._writer is not writer:
            return
        self._writer = None
        writer.close()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(EngineError("the engine ended while it was asked"))

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        if self._writer is not None:
            self._drop(self._writer)
