"""A server's workspace as a `Workspace`: what the command line does here it does there, by the same words."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from partita.client.client import Client, connect
from partita.client.remote_parts import RemoteAccess, RemoteArtifacts, RemoteModels, RemoteStudies, cannot
from partita.client.remote_publications import RemoteBackups, RemotePublications, RemoteSecrets
from partita.errors import CheckError, Problem
from partita.protocol.advice import AdviceReport
from partita.protocol.plans import EstimateView, PlanRequest, PlanView
from partita.protocol.requests import (
    AttemptView,
    CacheEntryView,
    CacheExplanation,
    EngineView,
    EnvironmentView,
    ExecutorView,
    ExplanationView,
    HistoryView,
    LogChunk,
    ProbeView,
    ReportView,
    RunView,
    StepView,
    WatchView,
)
from partita.protocol.waits import WaitView, only_wait
from partita.settings import Settings
from partita.workspace.images.request import ImageRequest, ImageView
from partita.workspace.port import CatalogueView, CheckView, ConvertView
from partita.workspace.settings_shown import SettingView

__all__ = ["RemoteWorkspace", "open_remote"]


def open_remote(url: str) -> RemoteWorkspace:
    """The workspace of a server, with the token of the variable PARTITA_TOKEN, or the one that `partita login` keeps."""
    return RemoteWorkspace(connect(url))


class RemoteWorkspace(
    RemoteAccess, RemoteArtifacts, RemoteBackups, RemoteModels, RemotePublications, RemoteSecrets, RemoteStudies
):
    """The `Workspace` of a server; see `partita.workspace.port`. Who asks is who the token is of, whatever `by` says."""

    is_remote = True

    def __init__(self, client: Client) -> None:
        self.client = client
        color = os.environ.get("PARTITA_COLOR", "")
        # Settings of the project are the server's; how things look here is said here.
        self.settings = replace(Settings(), color=color) if color in ("always", "never") else Settings()

    @property
    def folder(self) -> Path:
        raise cannot("what needs the project's files", f"they lie where {self.client.url} runs")

    def shown_settings(self) -> list[SettingView]:
        return self.client.settings()

    def launch(
        self,
        flow: str,
        *,
        texts: dict[str, str] | None = None,
        executor: str = "",
        tags: Sequence[str] = (),
        key: str = "",
        refresh: bool = False,
        owner: str = "",
        weight: float | None = None,
        priority: int | None = None,
    ) -> str:
        view = self.client.launch(
            flow, texts, executor=executor, tags=tags, key=key, refresh=refresh, owner=owner, weight=weight, priority=priority,
        )  # fmt: skip
        return view["id"]

    def check(self, flow: str, texts: dict[str, str], *, executor: str = "") -> CheckView:
        return self.client.check(flow, texts, executor=executor)

    def plan(self, flow: str, texts: dict[str, str], request: PlanRequest) -> PlanView:
        asked: dict[str, Any] = {
            name: value for name, value in request.items() if name != "nodes" and value is not None
        }
        file, machines = request.get("nodes", ""), ""
        if file:
            try:
                machines = Path(file).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                told = f"{file} cannot be read: {getattr(error, 'strerror', None) or error}"
                raise CheckError([Problem(told, "", "give a file of machines that lies here")]) from None
        return self.client.plan(flow, texts, machines=machines, **asked)

    def advise(self, flow: str = "", *, apply: bool = False) -> AdviceReport:
        return self.client.advise(flow, apply=apply)

    def convert(self, flow: str, texts: dict[str, str]) -> ConvertView:
        return self.client.convert(flow, texts)

    def run(self, run: str, *, with_result: bool = False) -> RunView:
        view = self.client.run(run)
        if with_result and view["state"] == "succeeded":
            view["result"] = self.client.packed_result(view["id"])
        return view

    def runs(
        self, *, flow: str = "", states: Sequence[str] = (), limit: int = 50, before: int = 0, text: str = "",
        since: float = 0.0, until: float = 0.0, is_upwards: bool = False, publication: str = "",
    ) -> list[RunView]:  # fmt: skip
        order = "oldest" if is_upwards else "newest"
        found = self.client.runs(
            flow=flow, states=states, text=text, since=since, until=until, order=order, limit=limit, before=before,
            publication=publication,
        )  # fmt: skip
        return list(found)

    def steps(self, run: str, *, after: int = -1, limit: int = 500, is_brief: bool = False) -> list[StepView]:
        return self.client.steps_after(run, after, limit, is_brief=is_brief)

    def run_plan(self, run: str, steps: Sequence[StepView] = ()) -> PlanView | None:
        return self.client.run_plan(run)

    def run_estimates(self, run: str) -> list[EstimateView]:
        return self.client.run_estimates(run)

    def attempts(self, run: str, step: int | None = None) -> list[AttemptView]:
        return self.client.attempts(run, step)

    def reports(self, run: str, step: int | None = None) -> list[ReportView]:
        return self.client.reports(run, step)

    def logs(self, run: str, *, step: int | None = None, attempt: int | None = None) -> Iterator[LogChunk]:
        run = self.client.run(run)["id"]
        for view in self.attempts(run, step):
            if attempt is None or view["number"] == attempt:
                yield from self._log(run, view["step"], view["number"])

    def _log(self, run: str, step: int, attempt: int, offset: int = 0) -> Iterator[LogChunk]:
        while True:
            chunk = self.client.log_chunk(run, step, attempt, offset)
            if chunk["text"]:
                yield chunk
            if chunk["next_offset"] <= offset:
                return
            offset = chunk["next_offset"]

    def follow_logs(self, run: str, *, step: int | None = None) -> Iterator[LogChunk]:
        run = self.client.run(run)["id"]
        offsets: dict[tuple[int, int], int] = {}
        done: set[tuple[int, int]] = set()
        version, is_final = 0, False
        while not is_final:
            news = self.client.watch(run, version, timeout_s=0.5)
            version, is_final = news["version"], news["is_final"]
            for view in self.attempts(run, step):
                key = (view["step"], view["number"])
                if key in done:
                    continue
                for chunk in self._log(run, *key, offset=offsets.get(key, 0)):
                    offsets[key] = chunk["next_offset"]
                    yield chunk
                if view["outcome"] != "running":
                    done.add(key)

    def watch(self, run: str, version: int = 0, timeout_s: float = 10.0) -> WatchView:
        return self.client.watch(run, version, timeout_s)

    def cancel(self, run: str, *, step: int | None = None, force: bool = False) -> None:
        self.client.cancel(run, step=step, force=force)

    def resume(self, run: str) -> RunView:
        return self.client.resume(run)

    def rerun(
        self,
        run: str,
        *,
        same_code: bool = False,
        texts: dict[str, str] | None = None,
        executor: str = "",
        owner: str = "",
        weight: float | None = None,
        priority: int | None = None,
        afresh: Sequence[int] = (),
        key: str = "",
    ) -> str:
        view = self.client.rerun(
            run, inputs=texts, same_code=same_code, executor=executor, owner=owner, weight=weight, priority=priority,
            afresh=afresh, key=key,
        )  # fmt: skip
        return view["id"]

    def waits(self, run: str = "", *, kinds: Sequence[str] = (), limit: int = 10_000) -> list[WaitView]:
        return self.client.waits(run, kinds=kinds, limit=limit)

    def closed_waits(self, *, before: tuple[int, int] = (0, 0), limit: int = 50) -> list[WaitView]:
        return self.client.closed_waits(before=before, limit=limit)

    def send(
        self, run: str, event: str, data: Any = None, *, key: str | int | None = None, id: str = "", by: str = ""
    ) -> bool:
        return self.client.send(event, data, run=run, key=key, id=id)

    def approve(self, run: str, step: int | None = None, *, comment: str = "", by: str = "") -> WaitView:
        step = only_wait(self.waits(run), "approval", run) if step is None else step
        return self.client.approve(run, step, comment=comment)

    def reject(self, run: str, step: int | None = None, *, comment: str = "", by: str = "") -> WaitView:
        step = only_wait(self.waits(run), "approval", run) if step is None else step
        return self.client.reject(run, step, comment=comment)

    def answer(self, value: Any, run: str, step: int | None = None, *, by: str = "") -> WaitView:
        step = only_wait(self.waits(run), "answer", run) if step is None else step
        return self.client.answer(run, step, value)

    def cache_entries(self, *, task: str = "", limit: int = 100) -> list[CacheEntryView]:
        return self.client.cache_entries(task=task, limit=limit)

    def clear_cache(self, *, task: str = "", before: float | None = None, expired: bool = False) -> int:
        return self.client.clear_cache(task=task, before=before, expired=expired)

    def history(self, task: str = "") -> list[HistoryView]:
        return self.client.history(task)

    def forget_history(self, task: str) -> int:
        return self.client.forget_history(task)

    def explain_cache(self, run: str, step: int) -> CacheExplanation:
        return self.client.explain_cache(run, step)

    def environments(self) -> list[EnvironmentView]:
        return self.client.environments()

    def environment_log(self, key: str) -> str:
        return self.client.environment_log(key)

    def prune_environments(self, unused_s: float) -> list[EnvironmentView]:
        return self.client.prune_environments(unused_s)

    def explain(self, run: str, step: int = 0) -> ExplanationView:
        return self.client.explain(run, step)

    def flows(self) -> list[str]:
        return self.client.flows()

    def components(self, words: str = "", name: str = "") -> CatalogueView:
        return self.client.components(words, name)

    def engine(self) -> EngineView | None:
        return self.client.engine()

    def executors(self) -> list[ExecutorView]:
        return self.client.executors()

    def probe_executor(self, name: str) -> ProbeView:
        return self.client.probe_executor(name)

    def build_image(self, request: ImageRequest, say: Callable[[str], None]) -> ImageView:
        raise cannot("building an image", "it is made of the project's files by the Docker of this machine")

    def be_engine(self) -> bool:
        raise cannot("being the engine", "an engine works on the store itself")

    def stop_engine(self) -> None:
        self.client.stop_engine()

    def migrate_store(self) -> tuple[str, int]:
        raise cannot("migrating the store", "that is done while no engine and no server works on it")

    def copy_store(self, url: str, progress: Callable[[str, int], None]) -> tuple[str, dict[str, int]]:
        raise cannot("copying the store", "that is done while no engine works on it")

    def close(self) -> None:
        self.client.close()
