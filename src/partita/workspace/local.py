"""A workspace on this machine: its engine is asked over a local socket, and started when none is up."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.core.standing import said
from partita.errors import EngineError, NotFoundError, StoreError
from partita.protocol.advice import AdviceReport
from partita.protocol.plans import PlanRequest, PlanView
from partita.protocol.requests import (
    AttemptView,
    CacheEntryView,
    CacheExplanation,
    EngineView,
    EnvironmentView,
    ExecutorView,
    ExplanationView,
    HistoryView,
    LaunchRequest,
    LogChunk,
    ProbeView,
    RunView,
    StepView,
    WatchView,
)
from partita.protocol.waits import WaitView, only_wait
from partita.settings import Settings, find_project, load_settings
from partita.values import NOTEBOOK, pack
from partita.workspace.artifacts import LocalArtifacts
from partita.workspace.connection import Connection
from partita.workspace.images.request import ImageRequest, ImageView
from partita.workspace.models import LocalModels
from partita.workspace.naming import me, name_in_file, new_run_id
from partita.workspace.port import CatalogueView, CheckView, ConvertView
from partita.workspace.studies import LocalStudies

if TYPE_CHECKING:
    from partita.artifacts.blobs.folder import FolderBlobs
    from partita.artifacts.blobs.remote import RemoteBlobs

__all__ = ["LocalWorkspace", "open_workspace"]

_PAGE = 2000
#: Seconds that an engine may take to end.
_ENDING_S = 15.0


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


class LocalWorkspace(LocalArtifacts, LocalModels, LocalStudies):
    """The `Workspace` of a project's folder; see `partita.workspace.port`."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder.resolve()
        self.settings = settings
        self.state = (self.folder / settings.state_folder).resolve()
        self.database = settings.database
        self._connection = Connection(self.folder, self.state, self.database)
        self.ask = self._connection.ask

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
    ) -> str:
        standing = said({"owner": owner, "weight": weight, "priority": priority})
        request: LaunchRequest = {"flow": flow, "bundle": self.bundle(), "texts": texts or {}, "tags": list(tags)}
        if title := name_in_file(self.folder, flow):
            request["title"] = title
        if executor or self.settings.executor:
            request["executor"] = executor or self.settings.executor
        if key:
            request["key"] = key
        if refresh:
            request["refresh"] = True
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

    def runs(self, *, flow: str = "", states: Sequence[str] = (), limit: int = 50) -> list[RunView]:
        if not self.state.exists():
            return []
        from partita.workspace.tables import RunTable

        return RunTable(self._connection.ask("runs", flow=flow, states=list(states), limit=limit))

    def steps(self, run: str, *, after: int = -1, limit: int = 500) -> list[StepView]:
        views: list[StepView] = self._connection.ask("steps", run=run, after=after, limit=limit)
        return views

    def all_steps(self, run: str) -> list[StepView]:
        """Every step of a run, by id."""
        found: list[StepView] = []
        while page := self.steps(run, after=found[-1]["id"] if found else -1, limit=_PAGE):
            found.extend(page)
        return found

    def attempts(self, run: str, step: int | None = None) -> list[AttemptView]:
        views: list[AttemptView] = self._connection.ask("attempts", run=run, step=step)
        return views

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
    ) -> str:
        standing = said({"owner": owner, "weight": weight, "priority": priority})
        # What was typed into a session is not here to be bundled again: its run keeps the code that it had.
        is_typed = not same_code and self.run(run)["flow"].startswith(NOTEBOOK + ":")
        bundle = "" if same_code or is_typed else self.bundle()
        asked: dict[str, Any] = {"run": run, "bundle": bundle, "texts": texts, "executor": executor, "id": new_run_id()}
        started: str = self._connection.ask("rerun", **asked, **standing)
        return started

    def reports(self, run: str, step: int | None = None) -> list[list[Any]]:
        """What steps reported: [run, step, attempt, name, value, at_step, reported_at] each."""
        found: list[list[Any]] = self._connection.ask("reports", run=run, step=step)
        return found

    def waits(self, run: str = "") -> list[WaitView]:
        if not self.state.exists():
            return []
        found: list[WaitView] = self._connection.ask("waits", run=run)
        return found

    def send(
        self, run: str, event: str, data: Any = None, *, key: str | int | None = None, id: str = "", by: str = ""
    ) -> bool:
        from partita.workspace.runs import encoder_of

        self._need_state()
        packed = pack(encoder_of(self).encode(data, None))
        id = id or new_run_id()  # the connection asks again where an engine dies over it
        answer = self._connection.ask("send", run=run, name=event, data=packed, key=key, id=id, by=by)
        return not answer["is_duplicate"]

    def approve(self, run: str, step: int | None = None, *, comment: str = "", by: str = "") -> WaitView:
        return self._decide(run, step, True, comment, by)

    def reject(self, run: str, step: int | None = None, *, comment: str = "", by: str = "") -> WaitView:
        return self._decide(run, step, False, comment, by)

    def answer(self, value: Any, run: str, step: int | None = None, *, by: str = "") -> WaitView:
        self._need_state()
        step = only_wait(self.waits(run), "answer", run) if step is None else step
        view: WaitView = self._connection.ask("answer", run=run, step=step, value=value, by=by or me())
        return view

    def _decide(self, run: str, step: int | None, is_approved: bool, comment: str, by: str) -> WaitView:
        self._need_state()
        step = only_wait(self.waits(run), "approval", run) if step is None else step
        view: WaitView = self._connection.ask(
            "decide", run=run, step=step, approved=is_approved, comment=comment, by=by or me()
        )
        return view

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

    def engine(self) -> EngineView | None:
        with contextlib.suppress(EngineError):
            view: EngineView = self._connection.ask("engine", start=False)
            return view
        return None

    def be_engine(self) -> bool:
        from partita.workspace.composition import serve

        return serve(self.folder, self.settings, stays=True)

    def stop_engine(self) -> None:
        with contextlib.suppress(EngineError):
            self._connection.ask("stop", start=False)
        self._connection.close()

    def executors(self) -> list[ExecutorView]:
        from partita.workspace.probing import list_executors

        return list_executors(self)

    def probe_executor(self, name: str) -> ProbeView:
        from partita.workspace.probing import probe_executor

        return probe_executor(self, name)

    def build_image(self, request: ImageRequest, say: Callable[[str], None]) -> ImageView:
        from partita.workspace.images.building import build_image

        return build_image(self, request, say)

    def migrate_store(self) -> tuple[str, int]:
        from partita.store.opening import migrate

        with self._without_engine():
            return migrate(self.state, self.database)

    def copy_store(self, url: str, progress: Callable[[str, int], None]) -> tuple[str, dict[str, int]]:
        from partita.store.opening import copy_to

        if self.database:
            raise StoreError("the runs of this project lie in PostgreSQL already; `pg_dump` copies them elsewhere")
        self._need_state()
        with self._without_engine():
            return copy_to(self.state, url, progress)

    @contextlib.contextmanager
    def _without_engine(self) -> Iterator[None]:
        from partita.workspace.composition import sole_engine

        self.state.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + _ENDING_S
        while True:
            with sole_engine(self.state) as is_sole:
                if is_sole:
                    yield
                    return
            # One that answers no more is about to end.
            if self.engine() is not None or time.monotonic() > until:
                raise EngineError("an engine works on the store; end it first: `partita engine stop`")
            time.sleep(0.05)

    def close(self) -> None:
        self._connection.close()
