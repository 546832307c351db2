"""A workspace on this machine: its engine is asked over a local socket, and started when none is up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.core.standing import said
from partita.errors import NotFoundError
from partita.protocol.advice import AdviceReport
from partita.protocol.plans import EstimateView, PlanRequest, PlanView
from partita.protocol.requests import (
    AttemptView,
    CacheEntryView,
    CacheExplanation,
    EnvironmentView,
    ExecutorView,
    ExplanationView,
    HistoryView,
    LaunchRequest,
    LogChunk,
    ProbeView,
    ReportView,
    RunView,
    StepView,
    WatchView,
    report_view,
)
from partita.settings import Settings, find_project, load_settings
from partita.values import NOTEBOOK
from partita.workspace.access import LocalAccess
from partita.workspace.artifacts import LocalArtifacts
from partita.workspace.backups import LocalBackups
from partita.workspace.connection import Connection
from partita.workspace.engine import LocalEngine
from partita.workspace.images.request import ImageRequest, ImageView
from partita.workspace.models import LocalModels
from partita.workspace.naming import me, name_in_file, new_run_id
from partita.workspace.paging import read_chosen_steps, read_runs, read_steps
from partita.workspace.port import CatalogueView, CheckView, ConvertView
from partita.workspace.publications import LocalPublications
from partita.workspace.secrets import LocalSecrets
from partita.workspace.settings_shown import SettingView, shown_settings
from partita.workspace.studies import LocalStudies
from partita.workspace.trace_context import own_traceparent
from partita.workspace.waits import LocalWaits

if TYPE_CHECKING:
    from partita.artifacts.blobs.folder import FolderBlobs
    from partita.artifacts.blobs.remote import RemoteBlobs

__all__ = ["LocalWorkspace", "open_workspace"]


def open_workspace(folder: Path | None = None, settings: Settings | None = None) -> LocalWorkspace:
    """The workspace of a project.

    Args:
        folder: any folder in the project; the project's own is found upwards. Default: the working directory.
        settings: instead of those that the project's files and the environment give.

    Raises:
        SettingsError: a setting is unknown or wrong.
    """
    project = find_project(folder)
    return LocalWorkspace(project, settings if settings is not None else load_settings(project))


class LocalWorkspace(
    LocalAccess, LocalArtifacts, LocalBackups, LocalEngine, LocalModels, LocalPublications, LocalSecrets, LocalStudies,
    LocalWaits,
):  # fmt: skip
    """The `Workspace` of a project's folder; see `partita.workspace.port`."""

    is_remote = False

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder.resolve()
        self.settings = settings
        self.state = (self.folder / settings.state_folder).resolve()
        self.database = settings.database
        self._connection = Connection(self.folder, self.state, self.database)
        self.ask = self._connection.ask

    def shown_settings(self) -> list[SettingView]:
        return shown_settings(self.settings)

    @cached_property
    def blobs(self) -> FolderBlobs | RemoteBlobs:
        """Where large values are kept."""
        from partita.artifacts.blobs.placing import open_blobs, place_of

        place = place_of(self.folder, self.settings.artifacts)
        return open_blobs(place, self.state, is_durable=self.settings.durability == "full")

    def bundle(self, typed: Iterable[str] = ()) -> str:
        """Store the project's code as it is now; gives its hash.

        Args:
            typed: names of definitions of this process's session (a notebook, a console) that travel along.
        """
        from partita.artifacts.code.bundles import make_bundle

        self.state.mkdir(parents=True, exist_ok=True)
        notebook = b""
        if typed:
            from partita.workspace.snapshot import snapshot

            notebook = snapshot(sorted(typed), self.folder, self.state)
        settings = self.settings
        made = make_bundle(self.folder, self.state, settings.bundle_include, settings.bundle_exclude, notebook)
        if self.database and settings.artifacts:
            # Whichever engine goes on with the run finds its code there. It is sent from here: an engine must not wait for it.
            from partita.artifacts.blobs.placing import place_of
            from partita.artifacts.code.archive import put_archive

            put_archive(place_of(self.folder, settings.artifacts), made.hash, made.folder)
        return made.hash

    def start(self, request: LaunchRequest) -> str:
        """Start a run by a whole request; gives its id."""
        # The connection asks again where an engine dies over it.
        request = {"id": new_run_id(), "user": me(), **request}
        if traceparent := own_traceparent():
            request.setdefault("traceparent", traceparent)
        run: str = self._connection.ask("launch", **request)
        return run

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
        asked: str = "",
        by: str = "",
    ) -> str:
        standing = said({"owner": owner, "weight": weight, "priority": priority})
        request: LaunchRequest = {"flow": flow, "bundle": self.bundle(), "texts": texts or {}, "tags": list(tags)}
        if title := name_in_file(self.folder, flow):
            request["title"] = title
        if executor or self.settings.executor:
            request["executor"] = executor or self.settings.executor
        if key:
            request["key"] = key
        if key and asked:
            request["asked"] = asked
        if refresh:
            request["refresh"] = True
        if by:
            request["user"] = by
        request.update(standing)  # type: ignore[typeddict-item]
        return self.start(request)

    def check(self, flow: str, texts: dict[str, str], *, executor: str = "") -> CheckView:
        from partita.workspace.checking import check_view, lay_out

        return check_view(lay_out(self, flow, texts, executor=executor))

    def plan(self, flow: str, texts: dict[str, str], request: PlanRequest) -> PlanView:
        from partita.workspace.flow_planning import plan_flow

        return plan_flow(self, flow, texts, request, title=name_in_file(self.folder, flow))

    def advise(self, flow: str = "", *, apply: bool = False) -> AdviceReport:
        from partita.workspace.advising import advise

        self._need_state()
        return advise(self, flow, apply)

    def convert(self, flow: str, texts: dict[str, str]) -> ConvertView:
        from partita.workspace.converting import convert_flow

        return convert_flow(self, flow, texts)

    def run(self, run: str, *, with_result: bool = False) -> RunView:
        self._need_state()
        view: RunView = self._connection.ask("run", run=run, with_result=with_result)
        return view

    def _need_state(self) -> None:
        """Looking must not make a workspace of any folder where somebody happens to look."""
        if not self.state.exists():
            raise NotFoundError(f"there are no runs in {self.folder} yet; `partita run` starts one")

    def runs(
        self, *, flow: str = "", states: Sequence[str] = (), limit: int = 50, before: int = 0, text: str = "",
        since: float = 0.0, until: float = 0.0, is_upwards: bool = False, publication: str = "",
    ) -> list[RunView]:  # fmt: skip
        if not self.state.exists():
            return []
        from partita.workspace.tables import RunTable

        which: dict[str, Any] = {"flow": flow, "states": list(states), "text": text, "since": since, "until": until}
        return RunTable(
            read_runs(self._connection.ask, limit, before, **which, upwards=is_upwards, publication=publication)
        )

    def steps(self, run: str, *, after: int = -1, limit: int = 500, is_brief: bool = False) -> list[StepView]:
        return read_steps(self._connection.ask, run, after=after, limit=limit, is_brief=is_brief)

    def all_steps(self, run: str, *, is_brief: bool = False) -> list[StepView]:
        """Every step of a run, by id."""
        return read_steps(self._connection.ask, run, is_brief=is_brief)

    def chosen_steps(self, run: str, ids: Iterable[int], *, is_brief: bool = False) -> list[StepView]:
        """Steps of a run by their ids, by id; those that are not there are left out."""
        return read_chosen_steps(self._connection.ask, run, ids, is_brief=is_brief)

    def attempts(self, run: str, step: int | None = None) -> list[AttemptView]:
        views: list[AttemptView] = self._connection.ask("attempts", run=run, step=step)
        return views

    def run_plan(self, run: str, steps: Sequence[StepView] = ()) -> PlanView | None:
        from partita.workspace.run_plans import run_plan

        view = self.run(run)
        times = self._connection.ask("run_plan", run=view["id"])
        return run_plan(view, steps or self.all_steps(view["id"], is_brief=True), times) if times else None

    def run_estimates(self, run: str) -> list[EstimateView]:
        found: list[EstimateView] = self._connection.ask("run_estimates", run=run)
        return found

    def logs(self, run: str, *, step: int | None = None, attempt: int | None = None) -> Iterator[LogChunk]:
        run = self.run(run)["id"]
        for view in self.attempts(run, step):
            if attempt is None or view["number"] == attempt:
                yield from self._log(run, view["step"], view["number"])

    def _log(self, run: str, step: int, attempt: int, offset: int = 0) -> Iterator[LogChunk]:
        while True:
            chunk: LogChunk = self._connection.ask("log", run=run, step=step, attempt=attempt, offset=offset)
            if chunk["text"]:
                yield chunk
            if chunk["next_offset"] <= offset:
                return
            offset = chunk["next_offset"]

    def follow_logs(self, run: str, *, step: int | None = None) -> Iterator[LogChunk]:
        run = self.run(run)["id"]
        offsets: dict[tuple[int, int], int] = {}
        done: set[tuple[int, int]] = set()
        version, is_final = 0, False
        while not is_final:
            news = self.watch(run, version, timeout_s=0.5)
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
        view: WatchView = self._connection.ask("watch", run=run, version=version, timeout_s=timeout_s)
        return view

    def wait(self, run: str, timeout_s: float) -> WatchView:
        """Wait until the run has ended, at most so many seconds."""
        view: WatchView = self._connection.ask("watch", run=run, timeout_s=timeout_s, only_end=True)
        return view

    def cancel(self, run: str, *, step: int | None = None, force: bool = False) -> None:
        self._connection.ask("cancel", run=run, step=step, force=force)

    def resume(self, run: str) -> RunView:
        view: RunView = self._connection.ask("resume", run=run)
        return view

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
        asked: str = "",
        by: str = "",
    ) -> str:
        standing = said({"owner": owner, "weight": weight, "priority": priority})
        # What was typed into a session is not here to be bundled again: its run keeps the code that it had.
        # A published flow is no part of what lies here, or is another version of it.
        view = self.run(run) if not same_code else None
        has_own = view is not None and (view["flow"].startswith(NOTEBOOK + ":") or bool(view["publication"]))
        bundle = "" if same_code or has_own else self.bundle()
        request: dict[str, Any] = {
            "run": run,
            "bundle": bundle,
            "texts": texts,
            "executor": executor,
            "id": new_run_id(),
            "key": key,
        }
        request |= {"asked": asked, "by": by, "traceparent": own_traceparent()}
        started: str = self._connection.ask("rerun", afresh=list(afresh), **request, **standing)
        return started

    def reports(self, run: str, step: int | None = None) -> list[ReportView]:
        return [report_view(row) for row in self._connection.ask("reports", run=run, step=step)]

    def cache_entries(self, *, task: str = "", limit: int = 100) -> list[CacheEntryView]:
        if not self.state.exists():
            return []
        found: list[CacheEntryView] = self._connection.ask("cache_entries", task=task, limit=limit)
        return found

    def clear_cache(self, *, task: str = "", before: float | None = None, expired: bool = False) -> int:
        if not self.state.exists():
            return 0
        count: int = self._connection.ask("cache_clear", task=task, before=before, expired=expired)
        return count

    def history(self, task: str = "") -> list[HistoryView]:
        if not self.state.exists():
            return []
        found: list[HistoryView] = self._connection.ask("history", task=task)
        return found

    def forget_history(self, task: str) -> int:
        self._need_state()
        count: int = self._connection.ask("history_forget", task=task)
        return count

    def explain_cache(self, run: str, step: int) -> CacheExplanation:
        self._need_state()
        told: CacheExplanation = self._connection.ask("cache_explain", run=run, step=step)
        return told

    @property
    def _environments(self) -> Path:
        from partita.workspace.environments import environments_folder

        return environments_folder(self.folder, self.state, self.settings)

    def environments(self) -> list[EnvironmentView]:
        from partita.workspace.environments import list_environments

        return list_environments(self._environments)

    def environment_log(self, key: str) -> str:
        from partita.workspace.environments import read_log

        return read_log(self._environments, key)

    def prune_environments(self, unused_s: float) -> list[EnvironmentView]:
        from partita.workspace.environments import prune

        return prune(self._environments, unused_s)

    def explain(self, run: str, step: int = 0) -> ExplanationView:
        self._need_state()
        told: ExplanationView = self._connection.ask("explain", run=run, step=step)
        return told

    def flows(self) -> list[str]:
        from partita.workspace.discovery import find_flows

        return find_flows(self.folder)

    def components(self, words: str = "", name: str = "") -> CatalogueView:
        from partita.workspace.catalogue import find_components

        return find_components(self.folder, words, name)

    def executors(self) -> list[ExecutorView]:
        from partita.workspace.probing import list_executors

        return list_executors(self)

    def probe_executor(self, name: str) -> ProbeView:
        from partita.workspace.probing import probe_executor

        return probe_executor(self, name)

    def build_image(self, request: ImageRequest, say: Callable[[str], None]) -> ImageView:
        from partita.workspace.images.building import build_image

        return build_image(self, request, say)

    def close(self) -> None:
        self._connection.close()
