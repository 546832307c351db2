"""The steps of runs as pages draw them: read once, and then only what has changed."""

from __future__ import annotations

import heapq
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from partita.drawing.progress import FINAL_STATES
from partita.protocol.requests import AttemptView, RunView, StatesView, StepView
from partita.workspace.local import LocalWorkspace

__all__ = ["RunAttempts", "RunSteps"]

#: So many steps of runs are kept in memory together.
_STEPS_KEPT = 200_000
#: Of so many steps that have changed, more than the state is read at a time; of the others with the next looks.
_READ_AT_ONCE = 300


@dataclass(slots=True)
class _Known:
    """The steps of one run as they were last read."""

    steps: list[StepView] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)  # of a step's id in the list
    behind: set[int] = field(default_factory=set)  # steps of which only the state is that of now
    version: int = 0  # of the states
    created: int = -1  # steps that had been laid out
    origin: int = -1  # of the engine that told the version
    is_final: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class RunSteps:
    """The steps of runs, brief."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, workspace: LocalWorkspace, run: RunView) -> list[StepView]:
        """Every step of a run with the state that it has now, by id."""
        with self._lock:
            known = self._known.pop(run["id"], None) or _Known()
            self._known[run["id"]] = known
            held = sum(len(each.steps) for each in self._known.values())
            while held > _STEPS_KEPT and len(self._known) > 1:
                held -= len(self._known.popitem(last=False)[1].steps)
        with known.lock:
            if known.is_final and run["state"] in FINAL_STATES:
                return known.steps
            if run["state"] in FINAL_STATES:
                self._read(workspace, run["id"], known)
                known.is_final = True
                return known.steps
            # Before the steps are read: what changes in between is told again, which harms nothing.
            view: StatesView = workspace.ask(
                "watch", run=run["id"], version=known.version, timeout_s=0.0, what="states", at_once=True
            )
            is_strange = known.created != view["created"] or known.origin != view["origin"]
            if is_strange or view["is_cut"] or view["is_final"] or not self._change(known, view):
                self._read(workspace, run["id"], known)
                known.created, known.origin = view["created"], view["origin"]
            known.version = view["version"]
            if known.behind:
                self._catch_up(workspace, run["id"], known)
            return known.steps

    def _read(self, workspace: LocalWorkspace, run: str, known: _Known) -> None:
        known.steps = workspace.all_steps(run, is_brief=True)
        known.places = {step["id"]: place for place, step in enumerate(known.steps)}
        known.behind = set()

    def _change(self, known: _Known, view: StatesView) -> bool:
        """Take the states; False: some are of steps that were not read, since their layout was still arriving."""
        steps = list(known.steps)  # whoever draws the earlier ones in another thread must not see them change
        for id, state in view["states"]:
            place = known.places.get(id)
            if place is None:
                return False
            steps[place] = {**steps[place], "state": state}
            known.behind.add(id)
        known.steps = steps
        return True

    def _catch_up(self, workspace: LocalWorkspace, run: str, known: _Known) -> None:
        """Read what else has changed: attempts, marks, progress, errors. What failed comes first."""

        def is_later(id: int) -> bool:
            return known.steps[known.places[id]]["state"] != "failed"

        chosen = heapq.nsmallest(_READ_AT_ONCE, known.behind, is_later)
        steps = list(known.steps)
        for step in workspace.chosen_steps(run, chosen, is_brief=True):
            steps[known.places[step["id"]]] = step
        known.steps = steps
        known.behind.difference_update(chosen)


class RunAttempts:
    """The attempts of runs. Those of a run that goes on are read again only now and then: there may be ten thousand."""

    def __init__(self, at_most: int = 16, age_s: float = 2.0) -> None:
        self._at_most = at_most
        self._age_s = age_s
        self._known: OrderedDict[str, tuple[float, list[AttemptView]]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, workspace: LocalWorkspace, run: RunView) -> list[AttemptView]:
        """The attempts of all its steps."""
        now, is_over = time.monotonic(), run["state"] in FINAL_STATES
        with self._lock:
            known = self._known.get(run["id"])
        if known is not None and (known[0] < 0 if is_over else known[0] >= 0 and now - known[0] < self._age_s):
            return known[1]
        began = time.monotonic()
        found = workspace.attempts(run["id"])
        # What takes long to read is read less often; what is over is read once.
        read_at = -1.0 if is_over else time.monotonic() + 5 * (time.monotonic() - began)
        with self._lock:
            self._known[run["id"]] = (read_at, found)
            while len(self._known) > self._at_most:
                self._known.popitem(last=False)
        return found
