"""The port of workspaces: what clients (command line, Python, notebook, server) can ask for, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypedDict

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
from partita.settings import Settings
from partita.workspace.access import Access
from partita.workspace.artifacts import Artifacts
from partita.workspace.backups import Backups
from partita.workspace.images.request import ImageRequest, ImageView
from partita.workspace.models import Models
from partita.workspace.publications import Publications
from partita.workspace.secrets import Secrets
from partita.workspace.settings_shown import SettingView
from partita.workspace.studies import Studies
from partita.workspace.waits import Waits

__all__ = ["CatalogueView", "CheckView", "ConvertView", "GraphView", "Workspace"]


class GraphView(TypedDict):
    """A graph as far as it is known before it runs."""

    steps: list[StepView]  # inputs and parents are its edges; a flow without children is laid out later


class CheckView(TypedDict):
    """What a check found."""

    problems: list[dict[str, Any]]  # fields of Problem, warnings included
    graph: GraphView | None  # None where it could not be laid out


class ConvertView(TypedDict):
    """A YAML flow that was made of something else."""

    text: str  # the file
    notes: list[str]  # what it does not say, and what is to be looked at


class CatalogueView(TypedDict):
    """Components, the best first where words were given, else by name."""

    components: list[dict[str, Any]]  # fields of Component, with name, import_line and example
    broken: list[dict[str, Any]]  # package, entry and reason of what cannot be listed
    near: list[str]  # names that may be meant where nothing was found


class Workspace(Access, Artifacts, Backups, Models, Publications, Secrets, Studies, Waits, Protocol):
    """A project's workspace.

    Laws: asking never changes anything; `launch`, `cancel`, `resume` and `rerun` return once their effect is stored;
    a run is named by its id, the beginning of its id, or "latest". The client's end harms no run.
    """

    @property
    def folder(self) -> Path:
        """The project's folder; `.partita` lies in it."""
        ...

    @property
    def settings(self) -> Settings: ...

    @property
    def is_remote(self) -> bool:
        """Whether it is a server's: its project's files do not lie on this machine."""
        ...

    def shown_settings(self) -> list[SettingView]:
        """Every setting as it is shown to people, with where it was set."""
        ...

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
        """Start a run; gives its id. With `refresh` it computes what the cache has, and keeps the new values.

        `owner`, `weight` and `priority` say how it stands beside others; default: whoever asks, and as its flow says.
        """
        ...

    def check(self, flow: str, texts: dict[str, str], *, executor: str = "") -> CheckView:
        """Lay the flow out and check it, without running anything; `executor` is where steps run that name none."""
        ...

    def plan(self, flow: str, texts: dict[str, str], request: PlanRequest) -> PlanView:
        """Lay the flow out and say what of it runs when and where, without running anything."""
        ...

    def advise(self, flow: str = "", *, apply: bool = False) -> AdviceReport:
        """What the last runs (of a flow) give reason to propose; with `apply` it is written into the settings."""
        ...

    def convert(self, flow: str, texts: dict[str, str]) -> ConvertView:
        """Lay the flow out and write its graph as YAML."""
        ...

    def run(self, run: str, *, with_result: bool = False) -> RunView: ...

    def runs(
        self, *, flow: str = "", states: Sequence[str] = (), limit: int = 50, before: int = 0, text: str = "",
        since: float = 0.0, until: float = 0.0, is_upwards: bool = False, publication: str = "",
    ) -> list[RunView]:  # fmt: skip
        """Newest first, or with `is_upwards` oldest first.

        Args:
            flow: only of this reference or title.
            states: only in one of these.
            before: number of the last run of the page before.
            text: a part of the title, the id or the reference.
            publication: only of a published flow, or of one version of it ("train@3").
            since: only launched then or later, in seconds since the epoch; `until`: only before.
        """
        ...

    def steps(self, run: str, *, after: int = -1, limit: int = 500, is_brief: bool = False) -> list[StepView]:
        """A page of a run's steps, by id; brief ones come without times and previews, and much faster."""
        ...

    def attempts(self, run: str, step: int | None = None) -> list[AttemptView]: ...

    def reports(self, run: str, step: int | None = None) -> list[ReportView]:
        """The last 10,000 numbers that steps of a run reported, by step in the order in which they came."""
        ...

    def run_plan(self, run: str, steps: Sequence[StepView] = ()) -> PlanView | None:
        """When the steps of a run were first thought to begin and end; None: nothing was forecast of it.

        Args:
            steps: all of its steps, for who has read them already.
        """
        ...

    def run_estimates(self, run: str) -> list[EstimateView]:
        """How the estimate of the run's finish went, the oldest first; of very many some are kept."""
        ...

    def logs(self, run: str, *, step: int | None = None, attempt: int | None = None) -> Iterator[LogChunk]:
        """What has been logged so far."""
        ...

    def follow_logs(self, run: str, *, step: int | None = None) -> Iterator[LogChunk]:
        """What is logged, until the run has ended."""
        ...

    def watch(self, run: str, version: int = 0, timeout_s: float = 10.0) -> WatchView:
        """Wait until something has changed since the version, at most so many seconds."""
        ...

    def cancel(self, run: str, *, step: int | None = None, force: bool = False) -> None: ...

    def resume(self, run: str) -> RunView:
        """Let an unfinished run go on."""
        ...

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
        """A new run that adopts what is unchanged; gives its id. What is not said of it is as it was of the first one.

        The steps `afresh` of the first run are done again with all that came of them, whatever has changed. A second rerun with
        a `key` gives the first one.
        """
        ...

    def cache_entries(self, *, task: str = "", limit: int = 100) -> list[CacheEntryView]:
        """What is cached, the newest first."""
        ...

    def clear_cache(self, *, task: str = "", before: float | None = None, expired: bool = False) -> int:
        """Forget cached values: of a task, from before a moment, or expired; gives how many."""
        ...

    def history(self, task: str = "") -> list[HistoryView]:
        """What was learned of a task, or of all: how long attempts take, and what they need."""
        ...

    def forget_history(self, task: str) -> int:
        """Forget what was learned of a task; gives of how many versions and node classes."""
        ...

    def explain_cache(self, run: str, step: int) -> CacheExplanation:
        """Why a step was or was not taken from the cache."""
        ...

    def environments(self) -> list[EnvironmentView]:
        """The environments of tasks, the one that was used last first."""
        ...

    def environment_log(self, key: str) -> str:
        """What was said when an environment was made."""
        ...

    def prune_environments(self, unused_s: float) -> list[EnvironmentView]:
        """Remove environments that nobody has used for so many seconds; gives what was removed."""
        ...

    def explain(self, run: str, step: int = 0) -> ExplanationView:
        """Why a step, or the run (0), went as it went."""
        ...

    def flows(self) -> list[str]:
        """References of the flows in the project's files, found without importing them."""
        ...

    def components(self, words: str = "", name: str = "") -> CatalogueView:
        """Tasks and flows of installed packages and of the project, read from their source and not imported.

        Args:
            words: only those that these words describe.
            name: only the one of this name ("package/name", or "name"), or with this reference.
        """
        ...

    def engine(self) -> EngineView | None:
        """The engine's own account; None: none is up."""
        ...

    def executors(self) -> list[ExecutorView]:
        """The executors that the settings name, the one that every workspace has first."""
        ...

    def probe_executor(self, name: str) -> ProbeView:
        """Send a step through an executor and tell how it went."""
        ...

    def build_image(self, request: ImageRequest, say: Callable[[str], None]) -> ImageView:
        """Make an image of the project, telling each line of progress; or tell what it would be made of."""
        ...

    def be_engine(self) -> bool:
        """Be the engine of this workspace, in this process, until it is told to end; False: there is one already."""
        ...

    def stop_engine(self) -> None: ...

    def migrate_store(self) -> tuple[str, int]:
        """Bring the store's tables up to date; where they lie, and their version now."""
        ...

    def copy_store(self, url: str, progress: Callable[[str, int], None]) -> tuple[str, dict[str, int]]:
        """Copy the rows of the SQLite file into a PostgreSQL database; where, and how many of each table."""
        ...

    def close(self) -> None: ...
