"""Clients that wait for news: of one run, or of the workspace."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from partita.engine.book import Book
from partita.engine.reading import Reading
from partita.engine.sharing import Asker
from partita.protocol.requests import NewsView, WatchView

__all__ = ["WATCH_PAUSE_S", "Watches"]

_log = logging.getLogger("partita.engine")

#: Seconds between two pieces of news to one watcher.
WATCH_PAUSE_S = 0.1
#: The same to one that many may stand behind: a server.
STATES_PAUSE_S = 0.15


@dataclass(slots=True)
class _Watch:
    """A client that waits."""

    number: int  # of its request
    run: str  # empty: for news of the workspace
    version: int
    not_before: float  # monotonic: so that a fast run does not flood who watches it
    until: float  # monotonic: when it is answered without news
    what: str  # "steps", "states", or "end": only the end of the run is news


class Watches:
    """Who waits, and what they are told."""

    def __init__(self, book: Book, reading: Reading) -> None:
        self._book = book
        self._reading = reading
        self._of: dict[Any, list[_Watch]] = {}  # by client
        #: What clients are told of the workspace; other engines hear of this one's own changes alone.
        self.told = book.news

    def __bool__(self) -> bool:
        return bool(self._of)

    def add(self, client: Hashable, number: int, run: str, fields: dict[str, Any]) -> None:
        """A client waits.

        Args:
            run: id of the run; empty: it waits for news of the workspace.
            fields: "version", "timeout_s", and for a run "only_end", or "what".
        """
        now = time.monotonic()
        until = now + min(float(fields.get("timeout_s", 10.0)), 60.0)
        what = "end" if fields.get("only_end") else str(fields.get("what", "steps"))
        pause_s = STATES_PAUSE_S if what == "states" else WATCH_PAUSE_S
        not_before = now if fields.get("at_once") else now + pause_s
        watch = _Watch(number, run, int(fields.get("version", 0)), not_before, until, what)
        self._of.setdefault(client, []).append(watch)

    def drop(self, client: Hashable) -> None:
        self._of.pop(client, None)

    def due(self, now: float) -> Iterator[tuple[Any, int, Any]]:
        """(client, number of its request, answer or an error) of those that are to be told something."""
        for client, waiting in list(self._of.items()):
            left = []
            for watch in waiting:
                answer: Any
                try:
                    answer = self._workspace(client, watch, now) if not watch.run else self._run(watch, now)
                except Exception as error:
                    # A row that cannot be read, or was deleted meanwhile, ends this watch, and not the engine.
                    _log.warning("run %s cannot be told to who watches it: %s", watch.run, error)
                    answer = error
                if answer is None:
                    left.append(watch)
                else:
                    yield client, watch.number, answer
            if left:
                self._of[client] = left
            else:
                del self._of[client]

    def _run(self, watch: _Watch, now: float) -> Any:
        live = self._book.live(watch.run)
        is_news = live is None or (watch.what != "end" and now >= watch.not_before)
        is_brief = watch.what == "states"
        look = self._reading.states if is_brief else self._reading.watch
        view = look(watch.run, watch.version) if is_news else None
        if view is None and now >= watch.until:
            if is_brief:
                return self._reading.still(watch.run, watch.version)
            return WatchView(version=watch.version, run=self._reading.run(watch.run), steps=[], is_final=False)
        return view

    def _workspace(self, client: Hashable, watch: _Watch, now: float) -> NewsView | None:
        news = self._book.news if isinstance(client, Asker) else self.told
        if news.version == watch.version and now < watch.until:
            return None
        if now < min(watch.not_before, watch.until):
            return None
        changes = news.since(watch.version)
        told = [list(change) for change in changes or ()]
        return NewsView(version=news.version, changes=told, is_whole=changes is not None)
