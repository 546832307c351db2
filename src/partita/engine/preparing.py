"""Steps whose environment is being made: they wait outside of the queue, and hold nothing meanwhile."""

from __future__ import annotations

import os
import shutil
from typing import Any

from partita.core.environment import Declaration
from partita.core.events import Event, Happening
from partita.core.graph import Step, path_of
from partita.core.states import State
from partita.engine.book import Book
from partita.engine.lanes import Lanes
from partita.engine.live import Live, environment_of
from partita.store.port import AttemptEnd, AttemptRow
from partita.values import pack

__all__ = ["Preparing"]

#: Seconds before it is tried again to make an environment, doubled each time up to the limit.
_PAUSE_S, _LONGEST_PAUSE_S = 2.0, 60.0


class Preparing:
    """Who waits for which environment."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._waiting: dict[tuple[str, str], list[tuple[int, int]]] = {}  # (run, step) by executor and environment
        self._failures: dict[tuple[str, str], int] = {}  # in succession, by executor and environment
        self._preludes: dict[tuple[int, int], str] = {}  # what was said when the environment was made, by (run, step)

    def admits(self, lanes: Lanes, live: Live, step: Step, number: int) -> bool:
        """Whether the step can start as far as its environment goes; else it is queued again once that is ready.

        Args:
            number: the engine-wide number of its profile.
        """
        environment = environment_of(live.run.profiles[step.profile])
        if lanes.executor.prepare(environment, self._book.launchables[number]):
            return True
        self._waiting.setdefault((lanes.name, environment), []).append((live.run.number, step.id))
        live.progress[step.id] = [0, None, f"making its environment ({Declaration.from_text(environment).title})"]
        live.history.append(step.id)
        return False

    def prelude(self, live: Live, step: Step) -> str:
        """The file with what was said when the step's environment was made, once, for the first that waited for it."""
        return self._preludes.pop((live.run.number, step.id), "")

    def tell(self, lanes: Lanes, message: list[Any]) -> None:
        """PREPARING: something is going on."""
        _, environment, note = message
        for live, step in self._awaiting(lanes, environment):
            live.progress[step.id] = [0, None, f"making its environment: {note}"]
            live.history.append(step.id)

    def end(self, lanes: Lanes, message: list[Any]) -> None:
        """PREPARED: the environment is ready, or could not be made."""
        _, environment, error, may_pass, log = message
        key = (lanes.name, environment)
        awaiting = self._awaiting(lanes, environment)
        self._waiting.pop(key, None)
        failures = self._failures.pop(key, 0) + 1
        again_s = min(_PAUSE_S * 2 ** (failures - 1), _LONGEST_PAUSE_S)
        for live, step in awaiting:
            live.history.append(step.id)
            live.progress.pop(step.id, None)
            if not error:
                self._book.enqueue(live, step.id)
            elif may_pass and failures <= (live.run.profiles[step.profile].crash_retries or 0):
                self._failures[key] = failures
                live.progress[step.id] = [0, None, f"its environment could not be made, tried again in {again_s:g} s"]
                self._book.set_timer(again_s, "prepare", live.run.number, step.id)
            else:
                self._fail(lanes, live, step, environment, error, may_pass, log)
        if awaiting and not error:
            live, step = awaiting[0]
            self._preludes[live.run.number, step.id] = log

    def _awaiting(self, lanes: Lanes, environment: str) -> list[tuple[Live, Step]]:
        found = []
        for run, number in self._waiting.get((lanes.name, environment), ()):
            live = self._book.lives.get(run)
            step = live.run.steps.get(number) if live is not None else None
            if live is not None and step is not None and step.state == State.READY:
                found.append((live, step))
        return found

    def _fail(
        self, lanes: Lanes, live: Live, step: Step, environment: str, told: str, may_pass: bool, log: str
    ) -> None:
        """An attempt that failed before it could begin."""
        book, run = self._book, live.run.number
        attempt = step.attempts + 1
        title = Declaration.from_text(environment).title
        message = f"the environment of {step.name} ({title}) could not be made: {told}"
        error = {"type": "EnvironmentNotMade", "message": message, "origin": "machine"}
        packed = pack({**error, "step": path_of(live.run, step.id)})
        book.turn.attempts.append(AttemptRow(run, step.id, attempt, lanes.name, book.now, lanes.node))
        shown = self._keep_log(live, log)
        book.turn.attempt_ends.append(
            AttemptEnd("failed", book.now, book.now, 0.0, 0, packed, shown, run, step.id, attempt)
        )
        book.advance(live, Event(Happening.STARTED, step.id, attempt))
        event = Event(Happening.FAILED, step.id, attempt, error=packed, may_retry=may_pass, delay_s=_LONGEST_PAUSE_S)
        book.advance(live, event)

    def _keep_log(self, live: Live, log: str) -> str:
        """What was said becomes the attempt's log; "segment:start:end", or empty where there is none."""
        segment = f"environment-{self._book.next()}-{os.urandom(3).hex()}.log"
        folder = os.path.join(self._book.workspace, "logs", live.run.id)
        try:
            os.makedirs(folder, exist_ok=True)
            path = shutil.copyfile(log, os.path.join(folder, segment))
            return f"{segment}:0:{os.path.getsize(path)}"
        except OSError:
            return ""
