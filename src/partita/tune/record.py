"""A study as its journal tells it: what is searched, its trials, and how it went.

Lines, by "what":

    study   all that it was defined by
    begin   somebody is at it: "at", "budgets"
    ask     a trial begins: "number", "at", "parameters", "run" (id of the run to be), "same_as", "system"
    prune   its run is about to be cancelled, because it is hopeless
    tell    it has ended: "number", "at", "state", "values", "reported", "cost", "error", "system"
    end     nobody is at it any more: "at", "state", "reason"
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from partita.protocol.studies import TRIAL_STATES, StudyView, TrialView
from partita.tune.dimensions import Label, dimension_of
from partita.tune.spaces import Space

__all__ = ["StudyRecord", "Trial", "beats", "key_of"]


@dataclass(slots=True)
class Trial:
    """One trial."""

    number: int
    parameters: dict[str, Label]
    run: str
    started_at: float
    same_as: int | None = None
    state: str = "running"
    values: list[float] = field(default_factory=list)  # in the order of the objectives
    reported: list[list[float]] = field(default_factory=list)  # [step, value]
    ended_at: float | None = None
    cost: float = 0.0
    error: str = ""
    is_hopeless: bool = False  # its run is, or was, cancelled for that
    system: dict[str, Any] = field(default_factory=dict)  # what the sampler notes of it
    space: dict[str, Any] = field(default_factory=dict)  # plain dimensions of parameters that the study does not list


def key_of(parameters: Mapping[str, Label]) -> str:
    """The same for the same parameters."""
    return json.dumps(sorted(parameters.items()))


def beats(directions: Iterable[str], one: Iterable[float], other: Iterable[float]) -> bool:
    """Whether the one is nowhere worse and somewhere better."""
    gains = [
        (a - b) * (1 if direction == "maximize" else -1) for direction, a, b in zip(directions, one, other, strict=True)
    ]
    return min(gains) >= 0 and max(gains) > 0


class StudyRecord:
    """What the lines come to."""

    def __init__(self, lines: Iterable[dict[str, Any]] = ()) -> None:
        self.definition: dict[str, Any] = {}
        self.trials: list[Trial] = []
        self.state, self.reason = "stopped", ""
        self.budgets: dict[str, float] = {}
        self.took_s = 0.0  # of the sessions that have ended
        self.began_at: float | None = None  # of the session that goes on
        self.seen_at = 0.0
        self.cost = 0.0
        self.failures_in_a_row = 0  # of those that ended last
        self._firsts: dict[str, int] = {}  # parameters -> number of the first trial that had them
        self._best: list[Trial] = []
        self._space: Space | None = None
        for line in lines:
            self.take(line)

    def take(self, line: Mapping[str, Any]) -> None:
        """One more line."""
        at = float(line.get("at", self.seen_at))
        what = line["what"]
        if what == "study":
            self.definition = dict(line)
        elif what == "begin":
            self._close(self.seen_at)
            self.began_at, self.budgets = at, dict(line["budgets"])
            self.state, self.reason = "running", ""
        elif what == "ask":
            trial = Trial(line["number"], line["parameters"], line["run"], at, line.get("same_as"))
            trial.system, trial.space = dict(line.get("system") or {}), dict(line.get("space") or {})
            self.trials.append(trial)
            self._space = None if trial.space else self._space
            self._firsts.setdefault(key_of(trial.parameters), trial.number)
        elif what == "prune":
            self.trials[line["number"]].is_hopeless = True
        elif what == "tell":
            trial = self.trials[line["number"]]
            trial.state, trial.ended_at = line["state"], at
            trial.values, trial.reported = list(line["values"]), list(line["reported"])
            trial.cost, trial.error = float(line["cost"]), line["error"]
            trial.system |= line.get("system") or {}
            self._reckon(trial)
        elif what == "end":
            self._close(at)
            self.state, self.reason = line["state"], line["reason"]
        self.seen_at = max(self.seen_at, at)

    def _close(self, at: float) -> None:
        if self.began_at is not None:
            self.took_s += max(at - self.began_at, 0.0)
            self.began_at = None

    @property
    def directions(self) -> list[str]:
        return list(self.definition["objectives"].values())

    def space(self) -> Space:
        """What is searched, with what trials of a function of them have asked for."""
        if self._space is not None:
            return self._space
        found = dict(self.definition["space"])
        for trial in self.trials:
            found |= trial.space
        self._space = Space({name: dimension_of(plain) for name, plain in found.items()})
        return self._space

    def twin(self, parameters: Mapping[str, Label]) -> Trial | None:
        """The first trial that had these parameters, if it has not come to nothing."""
        number = self._firsts.get(key_of(parameters))
        found = self.trials[number] if number is not None else None
        return found if found is not None and found.state in ("running", "succeeded") else None

    @property
    def different(self) -> int:
        """How many combinations of parameters have been tried."""
        return len(self._firsts)

    def spent_s(self, now: float) -> float:
        """Time for which somebody was at it."""
        return self.took_s + (max(now - self.began_at, 0.0) if self.began_at is not None else 0.0)

    def best(self) -> list[Trial]:
        """The best trial, of equal ones the first; with several objectives those that no other beats."""
        return self._best

    def _reckon(self, trial: Trial) -> None:
        self.cost += trial.cost
        if trial.same_as is not None:
            return
        self.failures_in_a_row = self.failures_in_a_row + 1 if trial.state == "failed" else 0
        if trial.state != "succeeded":
            return
        directions = self.directions
        if len(directions) == 1:
            is_better = not self._best or beats(directions, trial.values, self._best[0].values)
            self._best = [trial] if is_better else self._best
        elif not any(beats(directions, other.values, trial.values) for other in self._best):
            kept = [other for other in self._best if not beats(directions, trial.values, other.values)]
            self._best = [*kept, trial]

    def trial_view(self, trial: Trial) -> TrialView:
        return TrialView(
            number=trial.number, state=trial.state, parameters=trial.parameters,
            values=dict(zip(self.definition["objectives"], trial.values, strict=False)), run=trial.run,
            same_as=trial.same_as, reported=trial.reported, started_at=trial.started_at, ended_at=trial.ended_at,
            cost=trial.cost, error=trial.error,
        )  # fmt: skip

    def view(self, now: float, *, is_held: bool, with_trials: bool = False) -> StudyView:
        """For people and programs.

        Args:
            is_held: somebody is at it; whoever says so in the lines may have died.
        """
        given = self.definition
        state = "running" if is_held else "stopped" if self.state == "running" else self.state
        reason = self.reason or ("" if is_held else "whoever was at it has ended")
        view = StudyView(
            name=given["name"], flow=given["flow"], title=given["title"], state=state, reason=reason,
            objectives=given["objectives"], space=self.space().plain(), budgets=self.budgets, sampler=given["sampler"],
            pruner=given["pruner"], seed=given["seed"], counts=self.counts(),
            again=sum(trial.same_as is not None for trial in self.trials),
            best=[self.trial_view(trial) for trial in self.best()], created_at=given["at"],
            took_s=self.spent_s(now if is_held else self.seen_at), cost=self.cost,
            left_s=self.left_s(now) if is_held else None,
        )  # fmt: skip
        if with_trials:
            view["trials"] = [self.trial_view(trial) for trial in self.trials]
        return view

    def counts(self) -> dict[str, int]:
        states = [trial.state for trial in self.trials]
        return {state: states.count(state) for state in TRIAL_STATES if state in states}

    def left_s(self, now: float) -> float | None:
        """How long it may yet take, by the pace so far: the least that a budget of trials, time or cost leaves."""
        ended = sum(trial.ended_at is not None for trial in self.trials)
        pace_s = self.spent_s(now) / ended if ended else None
        if pace_s is None and "trials" in self.budgets:
            return None  # they may end it long before the time does
        lefts = []
        if "time_s" in self.budgets:
            lefts.append(self.budgets["time_s"] - self.spent_s(now))
        if "trials" in self.budgets and pace_s is not None:
            lefts.append((self.budgets["trials"] - ended) * pace_s)
        if "cost" in self.budgets and self.cost > 0:
            lefts.append((self.budgets["cost"] / self.cost - 1) * self.spent_s(now))
        return max(min(lefts), 0.0) if lefts else None
