"""Calls about flows, studies, and what a workspace keeps besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from partita.client.calls import LONG_S, Calls
from partita.client.transport import quoted
from partita.protocol.advice import AdviceReport
from partita.protocol.plans import PlanView
from partita.protocol.requests import (
    CacheEntryView,
    CacheExplanation,
    EngineView,
    EnvironmentView,
    ExecutorView,
    HistoryView,
    ProbeView,
)
from partita.protocol.studies import StudyView
from partita.workspace.port import CatalogueView, CheckView, ConvertView
from partita.workspace.settings_shown import SettingView

__all__ = ["FlowCalls", "MachineCalls", "StudyCalls", "UpkeepCalls"]


class FlowCalls(Calls):
    """Flows that the server has."""

    def flows(self) -> list[str]:
        """References of the flows in the project's files."""
        return [item["flow"] for item in self._get("/flows")]

    def check(self, flow: str, inputs: Mapping[str, Any] | None = None, *, executor: str = "") -> CheckView:
        """Lay a flow out and check it, without running anything."""
        body = {"flow": flow, "inputs": dict(inputs or {}), "executor": executor}
        return cast("CheckView", self._post("/flows/check", body, timeout_s=LONG_S, is_repeatable=True))

    def plan(
        self, flow: str, inputs: Mapping[str, Any] | None = None, *, machines: str = "", **request: Any
    ) -> PlanView:
        """Say what of a flow would run when and where.

        Args:
            machines: text of a file of machines that might be had.
            request: fields of `partita.protocol.plans.PlanRequest`, but `nodes`.
        """
        body = {"flow": flow, "inputs": dict(inputs or {}), "machines": machines, **request}
        return cast("PlanView", self._post("/flows/plan", body, timeout_s=LONG_S, is_repeatable=True))

    def convert(self, flow: str, inputs: Mapping[str, Any] | None = None) -> ConvertView:
        """Lay a flow out and write its graph as YAML."""
        body = {"flow": flow, "inputs": dict(inputs or {})}
        return cast("ConvertView", self._post("/flows/convert", body, timeout_s=LONG_S, is_repeatable=True))

    def components(self, words: str = "", name: str = "") -> CatalogueView:
        """Tasks and flows of installed packages and of the project."""
        return cast("CatalogueView", self._get("/components", words=words or None, name=name or None))

    def advise(self, flow: str = "", *, apply: bool = False) -> AdviceReport:
        """What the last runs give reason to propose; with `apply` it is written into the project's settings."""
        if apply:
            return cast("AdviceReport", self._post("/advice/apply", {"flow": flow}, timeout_s=LONG_S))
        return cast("AdviceReport", self._transport.json("GET", "/advice", {"flow": flow or None}, timeout_s=LONG_S))


class StudyCalls(Calls):
    """Studies."""

    def studies(self) -> list[StudyView]:
        """All studies, the oldest first, without their trials."""
        return cast("list[StudyView]", self._get("/studies"))

    def study(self, name: str, *, importance: bool = False) -> StudyView:
        """A study with its trials."""
        return cast("StudyView", self._get(f"/studies/{quoted(name)}", importance=importance))

    def tune(self, flow: str = "", inputs: Mapping[str, Any] | None = None, **request: Any) -> StudyView:
        """Begin a study on the server, or go on with one; how it stands at its beginning.

        Args:
            request: fields of `partita.protocol.studies.TuneRequest`, but `texts`.
        """
        body = {"flow": flow, "inputs": dict(inputs or {}), **request}
        return cast("StudyView", self._post("/studies", body, timeout_s=LONG_S))

    def stop_study(self, name: str) -> StudyView:
        """Begin no more trials of a study that the server is at."""
        return cast("StudyView", self._post(f"/studies/{quoted(name)}/stop", is_repeatable=True))

    def remove_study(self, name: str) -> None:
        """Forget a study; its runs stay."""
        self._delete(f"/studies/{quoted(name)}")


class UpkeepCalls(Calls):
    """The cache, what was learned of tasks, and environments."""

    def cache_entries(self, *, task: str = "", limit: int = 100) -> list[CacheEntryView]:
        """What is cached, the newest first; 500 at most."""
        return cast("list[CacheEntryView]", self._get("/cache", task=task or None, limit=min(limit, 500)))

    def clear_cache(self, *, task: str = "", before: float | None = None, expired: bool = False) -> int:
        """Forget cached values; gives how many."""
        return int(self._post("/cache/clear", {"task": task, "before": before, "expired": expired})["count"])

    def explain_cache(self, run: str, step: int) -> CacheExplanation:
        """Why a step was or was not taken from the cache."""
        return cast("CacheExplanation", self._get(f"/runs/{quoted(run)}/steps/{step}/cache"))

    def history(self, task: str = "") -> list[HistoryView]:
        """What was learned of a task, or of all."""
        return cast("list[HistoryView]", self._get("/history", task=task or None))

    def forget_history(self, task: str) -> int:
        """Forget what was learned of a task."""
        return int(self._post("/history/forget", {"task": task})["count"])

    def environments(self) -> list[EnvironmentView]:
        """The environments of tasks, the one that was used last first."""
        return cast("list[EnvironmentView]", self._get("/environments"))

    def environment_log(self, key: str) -> str:
        """What was said when an environment was made."""
        return str(self._get(f"/environments/{quoted(key)}/log")["log"])

    def prune_environments(self, unused_s: float) -> list[EnvironmentView]:
        """Remove environments that nobody has used for so many seconds; gives what was removed."""
        return cast(
            "list[EnvironmentView]", self._post("/environments/prune", {"unused_s": unused_s}, timeout_s=LONG_S)
        )


class MachineCalls(Calls):
    """Executors, the engine, the settings."""

    def executors(self) -> list[ExecutorView]:
        """The executors that the settings name."""
        return cast("list[ExecutorView]", self._get("/executors"))

    def probe_executor(self, name: str) -> ProbeView:
        """Send a step through an executor and tell how it went."""
        return cast("ProbeView", self._post(f"/executors/{quoted(name)}/probe", timeout_s=LONG_S))

    def engine(self) -> EngineView | None:
        """The engine's own account; None: none is up."""
        return cast("EngineView | None", self._get("/engine"))

    def stop_engine(self) -> None:
        """End the engine; it starts again when it is needed."""
        self._post("/engine/stop")

    def settings(self) -> list[SettingView]:
        """Every setting with its value, where that comes from, and what it means."""
        return cast("list[SettingView]", self._get("/settings"))
