"""Going on with a study: trials are begun as there is room, watched, and told of when they have ended.

What is to happen is written before it does: a trial is in the journal before its run is started, under the id that the run will
have. So whoever goes on after a crash finds the run, or starts it, and counts nothing twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from partita.errors import CheckError, Problem
from partita.protocol.requests import RunView
from partita.protocol.studies import StudyView
from partita.tune.budgets import Budgets, Verdict, spent, too_dear, verdict
from partita.tune.journal import Appender
from partita.tune.objectives import Objectives
from partita.tune.port import Report, Starter, TrialRuns
from partita.tune.proposing import Proposer, Suggestions
from partita.tune.record import StudyRecord, Trial
from partita.values import PLAIN, unpack

__all__ = ["Plan", "Show", "go_on"]

#: Seconds between two looks at what running trials report, and between two pieces of news.
_LOOK_S = 0.25
_MOST_REPORTED = 500
_MOST_AT_ONCE = 64

#: Is told how the study stands; False: stop beginning trials, and leave those that run alone.
Show = Callable[[StudyView], bool | None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a study is gone on with."""

    objectives: Objectives
    budgets: Budgets
    parallel: int | None = None  # runs at once; None: as many as there is room for
    report: str = ""  # name of what is reported that trials are pruned by; empty: that of the objective
    failures: int = 5  # so many in a row end it; 0: none do
    reuse: bool = True  # trials with the same parameters take the values of the first
    at_end: str = "wait"  # or "cancel": what becomes of running trials when the time or the cost is used up
    draw: Callable[[Suggestions], None] | None = None  # what is drawn; None: the space


def go_on(
    runs: TrialRuns,
    starter: Starter,
    record: StudyRecord,
    journal: Appender,
    proposer: Proposer,
    plan: Plan,
    show: Show,
) -> None:
    """Go on until a budget is used up.

    Args:
        journal: of the study, held.
        show: is told how it stands, now and then.

    Raises:
        CheckError: the flow or its inputs are refused.
    """
    _Session(runs, starter, record, journal, proposer, plan, show).run()


class _Session:
    def __init__(
        self,
        runs: TrialRuns,
        starter: Starter,
        record: StudyRecord,
        journal: Appender,
        proposer: Proposer,
        plan: Plan,
        show: Show,
    ) -> None:
        self.runs, self.starter, self.record, self.journal = runs, starter, record, journal
        self.proposer, self.plan, self.show = proposer, plan, show
        self.size = record.space().size if plan.draw is None else None
        self.flying: dict[str, Trial] = {}  # by run
        self.heard: dict[str, float] = {}  # by run, the last step whose report was passed on
        self.stops: Verdict | None = None
        self.refusal: CheckError | None = None
        self.shown_at = 0.0
        self.room = plan.parallel or 0

    def run(self) -> None:
        self._write({"what": "begin", "at": self.runs.now(), "budgets": self.plan.budgets.plain()})
        end = Verdict("stopped", "it was interrupted")
        try:
            self.proposer.restore(self.record.trials)
            self._take_up()
            while self._turn():
                pass
            end = self.stops or end
            if self.refusal is not None:
                raise self.refusal
        finally:
            self._write({"what": "end", "at": self.runs.now(), "state": end.state, "reason": end.reason})
            self.show(self.record.view(self.runs.now(), is_held=False))

    def _take_up(self) -> None:
        """What was begun before: runs are found again, or started if they never were."""
        for trial in self.record.trials:
            if trial.state == "running" and trial.same_as is not None:
                first = self.record.trials[trial.same_as]
                if first.state != "running":
                    self._end(trial, first.state, first.values, error=first.error)
            elif trial.state == "running":
                if self.runs.is_known(trial.run):
                    self.flying[trial.run] = trial
                else:
                    self._start(trial)

    def _turn(self) -> bool:
        now = self.runs.now()
        while self.stops is None and len(self.flying) < self._most():
            self.stops = verdict(self.record, self.plan.budgets, now, failures=self.plan.failures, size=self.size)
            if self.stops is None and not self._has_begun_one():
                break
        used_up = spent(self.record, self.plan.budgets, now)
        if self.stops is None or (used_up is not None and not self.stops.is_urgent and self.plan.at_end == "cancel"):
            self.stops = used_up or self.stops  # what runs is to be cancelled, also where no more was to begin
        if self.stops is not None and (self.stops.is_urgent or (self.stops.is_spent and self.plan.at_end == "cancel")):
            for run in self.flying:
                self.runs.cancel(run)
        if not self.flying:
            return self.stops is None
        for ending in self.runs.ended(list(self.flying), _LOOK_S):
            self._told(self.flying.pop(ending.run["id"]), ending.run, ending.reports)
        self._prune()
        return self._tell_news()

    def _has_begun_one(self) -> bool:
        """Begin a trial, unless it would cost too much; where others run, they may yet cost less than is thought."""
        dear = too_dear(self.record, self.plan.budgets, len(self.flying))
        if dear is None:
            self._begin()
        elif not self.flying:
            self.stops = dear
        return dear is None

    def _most(self) -> int:
        if not self.room:
            self.room = max(1, min(self.runs.room(), _MOST_AT_ONCE))
        return self.room

    def _write(self, line: dict[str, Any]) -> None:
        self.journal.append(line)
        self.record.take(line)

    def _begin(self) -> None:
        number = len(self.record.trials)
        suggestions, system = self.proposer.ask(number, self.plan.draw)
        twin = self.record.twin(suggestions.drawn) if self.plan.reuse else None
        line: dict[str, Any] = {"what": "ask", "number": number, "at": self.runs.now(), "parameters": suggestions.drawn}
        line["run"] = twin.run if twin is not None else self.runs.new_id()
        if twin is not None:
            line["same_as"] = twin.number
        if system:
            line["system"] = system
        if self.plan.draw is not None:
            line["space"] = {name: dimension.plain() for name, dimension in suggestions.dimensions.items()}
        self._write(line)
        trial = self.record.trials[number]
        if twin is None:
            self._start(trial)
        elif twin.state == "succeeded":
            self._end(trial, "succeeded", twin.values)

    def _start(self, trial: Trial) -> None:
        tags = [f"study:{self.record.definition['name']}", f"trial:{trial.number}"]
        try:
            self.starter.start(trial.run, trial.parameters, tags)
        except CheckError as error:
            self._end(trial, "failed", [], error=str(error))
            self._refuse(error)
            return
        self.flying[trial.run] = trial

    def _told(self, trial: Trial, view: RunView, reports: list[Report]) -> None:
        """Its run has ended."""
        curve = self._curve(reports)
        self._pass_on(trial, curve)
        state, values, error = self._judged(trial, view)
        cost = float(view["notes"].get("cost") or 0.0)
        self._end(trial, state, values, _kept(curve), cost, error)
        for other in self.record.trials:
            if other.same_as == trial.number and other.state == "running":
                self._end(other, state, values, error=error)
        problems = (view["error"] or {}).get("problems")
        if state == "failed" and problems and not any(t.state == "succeeded" for t in self.record.trials):
            self._refuse(CheckError([Problem(**problem) for problem in problems]))

    def _refuse(self, error: CheckError) -> None:
        """Nothing can come of it: what runs besides is refused as well, or is not wanted."""
        self.refusal = self.refusal or error
        self.stops = Verdict("stopped", f"the flow was refused: {error}", True)

    def _judged(self, trial: Trial, view: RunView) -> tuple[str, list[float], str]:
        """State, values and error of a trial whose run has ended."""
        if view["state"] == "cancelled":
            return ("pruned", [], "") if trial.is_hopeless else ("cancelled", [], "its run was cancelled")
        if view["state"] != "succeeded":
            error: Any = view["error"] or {}
            told = f"{error.get('type', '')}: {error.get('message', '')}".strip(": ").split("\n")[0]
            return "failed", [], told or f"its run was {view['state']}"
        packed = view.get("result")
        try:
            node = [PLAIN, None] if packed is None else unpack(packed)
            return "succeeded", self.plan.objectives.read(node, self.runs.open_leaf), ""
        except Exception as error:  # of the user's own objective, too
            return "failed", [], f"{type(error).__name__}: {error}" if not isinstance(error, ValueError) else str(error)

    def _end(
        self, trial: Trial, state: str, values: list[float], reported: list[list[float]] | None = None,
        cost: float = 0.0, error: str = "",
    ) -> None:  # fmt: skip
        system = self.proposer.tell(trial.number, state, values)
        line: dict[str, Any] = {
            "what": "tell", "number": trial.number, "at": self.runs.now(), "state": state, "values": values,
            "reported": reported or [], "cost": cost, "error": error,
        }  # fmt: skip
        if system:
            line["system"] = system
        self._write(line)

    def _curve(self, reports: list[Report]) -> list[list[float]]:
        """[step, value] of the report that counts, by step."""
        name = self.plan.report or next(iter(self.plan.objectives.directions))
        found = {float(step): value for told, value, step in reports if told == name}
        return [[step, value] for step, value in sorted(found.items())]

    def _pass_on(self, trial: Trial, curve: list[list[float]]) -> bool:
        """Whether there was something new in it."""
        heard = self.heard.get(trial.run, -math.inf)
        news = [(step, value) for step, value in curve if step > heard]
        for step, value in news:
            self.proposer.report(trial.number, int(step), value)
        self.heard[trial.run] = news[-1][0] if news else heard
        return bool(news)

    def _prune(self) -> None:
        if not self.proposer.prunes:
            return
        for run, trial in self.flying.items():
            if (
                not trial.is_hopeless
                and self._pass_on(trial, self._curve(self.runs.reports(run)))
                and self.proposer.is_hopeless(trial.number)
            ):
                self._write({"what": "prune", "number": trial.number})
                self.runs.cancel(run)

    def _tell_news(self) -> bool:
        now = self.runs.now()
        if now - self.shown_at < _LOOK_S:
            return True
        self.shown_at = now
        if self.show(self.record.view(now, is_held=True)) is False:
            self.stops = Verdict("stopped", "it was left")
            return False
        return True


def _kept(curve: list[list[float]]) -> list[list[float]]:
    """Of a curve what is recorded: of many points so many that its shape is kept, with the last; none that is not finite."""
    curve = [point for point in curve if math.isfinite(point[1])]
    every = -(-len(curve) // _MOST_REPORTED) or 1
    kept = curve[::every]
    return kept if not kept or kept[-1] is curve[-1] else [*kept, curve[-1]]
