"""Where running attempts print, noted in a file beside what they print.

Only the engine knows it until they end, and an engine that is killed could not tell the next one what they had printed by then.

The file `running` of a run's logs has a line for each attempt that was still running a second after the last look:
"step attempt segment start".
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

from partita.engine.book import Book

__all__ = ["LeftLogs", "Whereabouts"]

_log = logging.getLogger("partita.engine")

_FILE = "running"
#: Seconds between two looks: what is over sooner has little to tell.
_PAUSE_S = 1.0


class Whereabouts:
    """Notes where attempts print."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._due_s = 0.0
        self._noted: set[int] = set()  # by ticket
        self._is_failing = False

    def note(self) -> None:
        """Look at what runs, if it is time to."""
        book = self._book
        if book.now_s < self._due_s:
            return
        self._due_s = book.now_s + _PAUSE_S
        self._noted &= book.flights.keys()
        for ticket, flight in book.flights.items():
            if ticket in self._noted:
                continue
            place = flight.executor.executor.printing(ticket)
            live = book.lives.get(flight.run)
            if place is not None and live is not None:
                self._noted.add(ticket)
                self._write(live.run.id, f"{flight.step} {flight.attempt} {place[0]} {place[1]}\n")

    def _write(self, run: str, line: str) -> None:
        folder = os.path.join(self._book.workspace, "logs", run)
        try:
            os.makedirs(folder, exist_ok=True)  # segments of other machines come here later
            with open(os.path.join(folder, _FILE), "a", encoding="utf-8") as file:
                file.write(line)
            self._is_failing = False
        except OSError as error:  # the attempts go on; this is for bad times only
            if not self._is_failing:
                _log.warning(
                    "where the attempts of run %s print could not be noted: %s", run, error, extra={"run": run}
                )
            self._is_failing = True


class LeftLogs:
    """Where the attempts of one run printed that an earlier engine left."""

    def __init__(self, workspace: str, run: str) -> None:
        self._folder = Path(workspace, "logs", run)
        self._places: dict[tuple[int, int], tuple[str, int]] = {}  # by (step, attempt)
        with suppress(OSError):
            for line in (self._folder / _FILE).read_text("utf-8", "replace").splitlines():
                with suppress(ValueError):  # it was not written to its end
                    step, attempt, segment, start = line.split(" ")
                    self._places[int(step), int(attempt)] = segment, int(start)

    def log(self, step: int, attempt: int) -> str:
        """The attempt's log, as its row tells it; empty: it printed nothing, or nobody knows where."""
        segment, start = self._places.get((step, attempt), ("", 0))
        file = self._folder / segment
        try:
            if not segment or file.parent != self._folder or not file.is_file():
                return ""
            end = file.stat().st_size
        except (OSError, ValueError):
            return ""
        return f"{segment}:{start}:{end}" if 0 <= start < end else ""
