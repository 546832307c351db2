"""Following what changes: the engine is asked once for each thing, however many clients look at it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from partita.errors import EngineError, NotFoundError
from partita.protocol.requests import LogChunk, NewsView, StatesView, WatchView
from partita.views.line import Line
from partita.views.mailing import Inbox, Subscribers
from partita.views.plain import to_json

__all__ = ["Following", "LogNews", "StatesNews"]

_log = logging.getLogger("partita.server")

#: Seconds between two looks at a log that somebody follows.
_LOG_PAUSE_S = 0.2
#: Seconds after which a question that brings no news is asked again.
_PATIENCE_S = 20.0
#: So many states of steps are told one by one.
_STATES_TOLD = 300
#: Characters of a log that are kept for a client that does not take them.
_KEPT_CHARACTERS = 1 << 18
#: Seconds to wait where the engine cannot be reached.
_AGAIN_S = 0.5


@dataclass(slots=True, eq=False)
class _Thread:
    """One thing that is followed while anybody looks at it."""

    subscribers: Subscribers = field(default_factory=Subscribers)
    task: asyncio.Task[None] | None = None
    last: Any = None  # what was told last


class StatesNews:
    """How the states of a run's steps have changed, written once for all who are told of it."""

    def __init__(self, view: StatesView) -> None:
        self.view = view

    @cached_property
    def json(self) -> bytes:
        """As clients get it. Where very many have changed, only that: they look at the whole anew, as they would anyway."""
        states = self.view["states"]
        is_cut = self.view["is_cut"] or len(states) > _STATES_TOLD
        return to_json({**self.view, "states": [] if is_cut else states, "is_cut": is_cut})


@dataclass(frozen=True, slots=True)
class LogNews:
    """A piece of a log that is followed."""

    chunk: LogChunk
    offset: int  # where its text begins


class Following:
    """Tells clients of an event loop what changes in the workspace, in a run and in a log."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._workspace = Subscribers()
        self._runs: dict[str, _Thread] = {}
        self._logs: dict[Hashable, _Thread] = {}
        self._news: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0  # in which the loop runs
        #: Grows with every change of the workspace; what was read at one version is what would be read again.
        self.version = 0
        #: Whether changes are heard of now: else nothing that was read before counts.
        self.is_up = False

    def start(self) -> None:
        """Begin to follow the workspace."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._news = asyncio.create_task(self._follow_workspace(), name="partita-news")

    async def close(self) -> None:
        tasks = [self._news, *(thread.task for thread in [*self._runs.values(), *self._logs.values()])]
        for task in filter(None, tasks):
            task.cancel()
        for task in filter(None, tasks):
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._workspace.close()

    def announce(self, topic: str, key: str = "") -> None:
        """Tell of a change that the engine knows nothing of, such as one of the project's code. May be called by any thread."""
        if self._loop is not None and threading.get_ident() != self._thread:
            with contextlib.suppress(RuntimeError):  # the server has ended meanwhile
                self._loop.call_soon_threadsafe(self.announce, topic, key)
            return
        self.version += 1
        self._workspace.tell((topic, key), [topic, key])

    async def watch(self, run: str, version: int, timeout_s: float) -> WatchView:
        """What has changed of a run since a version, waited for: no thread is held meanwhile."""
        view: WatchView = await self._line.ask("watch", run=run, version=version, timeout_s=timeout_s)
        return view

    @property
    def is_looked_at(self) -> bool:
        """Whether any client follows the workspace."""
        return len(self._workspace) > 0

    async def workspace(self, heartbeat_s: float) -> AsyncIterator[list[list[str]]]:
        """Changes of the workspace as they come, [topic, key] each; an empty list now and then, and as soon as it listens."""
        inbox = Inbox(instead=["all", ""])
        self._workspace.add(inbox)
        try:
            yield []
            while (told := await inbox.take(heartbeat_s)) is not None:
                yield told
        finally:
            self._workspace.discard(inbox)

    async def _follow_workspace(self) -> None:
        version = -1
        while True:
            try:
                news: NewsView = await self._line.ask("news", version=version, timeout_s=_PATIENCE_S)
            except Exception as error:
                self.is_up = False
                _tell_trouble("the workspace", error)
                await asyncio.sleep(_AGAIN_S)
                version = -1
                continue
            if not news["is_whole"]:
                self.announce("all")
            version = news["version"]
            self.is_up = True
            for topic, key in news["changes"]:
                self.announce(topic, key)

    async def run(self, run: str, heartbeat_s: float) -> AsyncIterator[StatesNews | None]:
        """How the states of a run's steps change, until it has ended; None now and then."""
        inbox = Inbox(_merged)
        thread = self._runs.setdefault(run, _Thread())
        thread.subscribers.add(inbox)
        if thread.task is None or thread.task.done():
            thread.task = asyncio.create_task(self._follow_run(run, thread), name=f"partita-run-{run}")
        elif thread.last is not None:
            # Who comes later may have missed what the others were told.
            last: StatesView = thread.last
            inbox.put(run, StatesNews({**last, "states": [], "is_cut": True}))
        try:
            while (told := await inbox.take(heartbeat_s)) is not None:
                for news in told or [None]:
                    yield news
                    if news is not None and news.view["is_final"]:
                        return
        finally:
            self._leave(self._runs, run, thread, inbox)

    def told_of(self, run: str) -> tuple[int, int] | None:
        """Which news of a run was told last: what was read before it may be old. None: nobody follows the run."""
        thread = self._runs.get(run)
        last: StatesView | None = thread.last if thread is not None else None
        return (last["origin"], last["version"]) if last is not None else None

    async def _follow_run(self, run: str, thread: _Thread) -> None:
        version, is_first = 0, True
        while True:
            try:
                # The first answer comes at once, though nothing changes: what was known before may be of another engine.
                fields = {
                    "run": run,
                    "version": version,
                    "timeout_s": 0.0 if is_first else _PATIENCE_S,
                    "what": "states",
                }
                view: StatesView = await self._line.ask("watch", **fields, at_once=is_first)
            except NotFoundError:
                break
            except Exception as error:
                _tell_trouble(f"run {run}", error)
                await asyncio.sleep(_AGAIN_S)
                version, is_first = 0, True
                continue
            if is_first and (len(view["states"]) < view["created"] if thread.last is None else _is_other(thread, view)):
                view = {**view, "is_cut": True}  # an engine names only what has changed since it began
            version, is_first = view["version"], False
            if (
                view["states"]
                or view["is_cut"]
                or view["is_final"]
                or view["counts"] != (thread.last or {}).get("counts")
            ):
                thread.subscribers.tell(run, StatesNews(view))
            thread.last = view
            if view["is_final"]:
                break
        thread.subscribers.close()
        self._runs.pop(run, None)

    async def log(
        self, run: str, step: int, attempt: int | None, offset: int, heartbeat_s: float
    ) -> AsyncIterator[LogChunk]:
        """An attempt's log from an offset on, as it grows, until the attempt has ended; an empty piece now and then.

        Args:
            attempt: None: the last one of now; when the step is tried again, that is another log.
        """
        if attempt is None:
            first = await self._look((run, step, None), offset)
            if first is None:
                return
            if not first["attempt"]:
                yield first
                return
            attempt = first["attempt"]
        key = (run, step, attempt)
        inbox = Inbox(_joined)
        thread = self._logs.setdefault(key, _Thread())
        thread.subscribers.add(inbox)
        try:
            async for chunk in self._rest(key, offset):
                offset = chunk["next_offset"]
                yield chunk
                if chunk["is_complete"]:
                    return
            if thread.task is None or thread.task.done():
                thread.task = asyncio.create_task(self._follow_log(key, thread, offset), name="partita-log")
            while (told := await inbox.take(heartbeat_s)) is not None:
                if not told:
                    yield LogChunk(step=step, attempt=attempt, path="", text="", next_offset=offset, is_complete=False)
                for news in told:
                    if news.offset == offset:
                        offset = news.chunk["next_offset"]
                        yield news.chunk
                        if news.chunk["is_complete"]:
                            return
                    elif news.chunk["next_offset"] > offset or news.chunk["is_complete"]:
                        # This client was behind or before the others, and reads by itself up to where they are.
                        async for chunk in self._rest(key, offset):
                            offset = chunk["next_offset"]
                            yield chunk
                            if chunk["is_complete"]:
                                return
        finally:
            self._leave(self._logs, key, thread, inbox)

    async def _rest(self, key: tuple[str, int, int | None], offset: int) -> AsyncIterator[LogChunk]:
        """What a log has from an offset on."""
        while (chunk := await self._look(key, offset)) is not None:
            if chunk["next_offset"] > offset or chunk["is_complete"]:
                yield chunk
            if chunk["is_complete"] or chunk["next_offset"] <= offset:
                return
            offset = chunk["next_offset"]

    async def _look(self, key: tuple[str, int, int | None], offset: int) -> LogChunk | None:
        """A piece of a log, as soon as an engine gives it; None: there is no such run any more."""
        run, step, attempt = key
        while True:
            try:
                chunk: LogChunk = await self._line.ask("log", run=run, step=step, attempt=attempt, offset=offset)
                return chunk
            except NotFoundError:
                return None
            except Exception as error:
                _tell_trouble(f"the log of run {run}", error)
                await asyncio.sleep(_AGAIN_S)

    async def _follow_log(self, key: tuple[str, int, int | None], thread: _Thread, offset: int) -> None:
        while (chunk := await self._look(key, offset)) is not None:
            if chunk["text"] or chunk["is_complete"]:
                thread.subscribers.tell(key, LogNews(chunk, offset))
            if chunk["is_complete"]:
                break
            is_more = chunk["next_offset"] > offset
            offset = chunk["next_offset"]
            if not is_more:
                await asyncio.sleep(_LOG_PAUSE_S)
        thread.subscribers.close()
        self._logs.pop(key, None)

    def _leave(self, threads: dict[Any, _Thread], key: Hashable, thread: _Thread, inbox: Inbox) -> None:
        thread.subscribers.discard(inbox)
        if not len(thread.subscribers):
            if thread.task is not None:
                thread.task.cancel()
            if threads.get(key) is thread:
                del threads[key]


def _tell_trouble(what: str, error: Exception) -> None:
    """An engine that is away comes back, and is no news; anything else is noted, and tried again."""
    if not isinstance(error, EngineError):
        _log.warning("%s cannot be followed for the moment: %s: %s", what, type(error).__name__, error)


def _is_other(thread: _Thread, view: StatesView) -> bool:
    """Whether another engine tells this than told the last."""
    return bool(thread.last["origin"] != view["origin"])


def _merged(earlier: StatesNews, later: StatesNews) -> StatesNews:
    """Two pieces of news of a run as one; the states of very many would not be told anyway."""
    states = dict([*earlier.view["states"], *later.view["states"]])
    is_cut = earlier.view["is_cut"] or later.view["is_cut"] or len(states) > _STATES_TOLD
    named = [] if is_cut else [[step, state] for step, state in states.items()]
    return StatesNews({**later.view, "states": named, "is_cut": is_cut})


def _joined(earlier: LogNews, later: LogNews) -> LogNews:
    """Two pieces of a log as one; where that would be long, the client reads on by itself."""
    is_long = len(earlier.chunk["text"]) > _KEPT_CHARACTERS
    if is_long or later.offset != earlier.chunk["next_offset"]:
        return later
    return LogNews({**later.chunk, "text": earlier.chunk["text"] + later.chunk["text"]}, earlier.offset)
