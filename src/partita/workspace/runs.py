"""Runs as Python code holds them, and how `flow.run(...)` starts them."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.errors import CancelledError, CheckError, Problem, RunError, Skip, StepError, StoreError
from partita.protocol.requests import ErrorView, LaunchRequest, RunView, StepView
from partita.protocol.waits import WaitView
from partita.values import pack, unpack
from partita.workspace.local import LocalWorkspace, open_workspace
from partita.workspace.naming import me

if TYPE_CHECKING:
    from partita.artifacts.code.fingerprint import Fingerprinter
    from partita.artifacts.codecs.encoder import Encoder
    from partita.flow.flow import Flow
    from partita.workspace.display import RunDisplay
    from partita.workspace.handles import Artifact
    from partita.workspace.tables import FlowGraph
    from partita.workspace.trials import LocalTrials

__all__ = ["LocalLauncher", "Run", "default_launcher", "flow_request", "raise_failure"]

_log = logging.getLogger("partita")

_FINAL = ("succeeded", "failed", "cancelled", "skipped")
_WAIT_S = 30.0


class Run:
    """One run. It goes on in the engine whatever becomes of this object."""

    def __init__(self, workspace: LocalWorkspace, id: str) -> None:
        self._workspace = workspace
        self.id = id
        self._view: RunView | None = None
        self._display: RunDisplay | None = None

    @property
    def view(self) -> RunView:
        """The run's record."""
        if self._view is None or self._view["state"] not in _FINAL:
            self._view = self._workspace.run(self.id)
        return self._view

    @property
    def state(self) -> str:
        """ "running", "succeeded", "failed", "cancelled" or "skipped"."""
        return self.view["state"]

    @property
    def steps(self) -> list[StepView]:
        """The run's steps, as records; a notebook shows them as a table."""
        from partita.workspace.tables import StepTable

        return StepTable(self._workspace.all_steps(self.id))

    @property
    def graph(self) -> FlowGraph:
        """The run's graph with the states of its steps; a notebook draws it, `print` tells it."""
        from partita.workspace.tables import FlowGraph

        return FlowGraph(self.view["title"], self._workspace.all_steps(self.id))

    def artifact(self, name: str) -> Artifact:
        """One value of a step or a part of it; a notebook shows it.

        Args:
            name: the step's path and the part: "fit[3].model".

        Raises:
            NotFoundError: there is none; names the nearest one.
        """
        from partita.workspace.handles import Artifact

        return Artifact(self._workspace, f"{self.id}:{name}")

    def show(self) -> None:
        """In a notebook, show how the run goes on below the current cell; elsewhere nothing happens."""
        from partita.workspace.cells import in_kernel

        if in_kernel():
            from partita.workspace.display import RunDisplay

            self._display = RunDisplay(self._workspace, self.id)
            if self.view["state"] in _FINAL:
                self._display.wait(0.0)

    def wait(self, timeout: float | None = None) -> Run:
        """Wait until the run has ended.

        Args:
            timeout: seconds; None: as long as it takes.

        Raises:
            TimeoutError: it has not ended by then; it goes on.
        """
        until = time.monotonic() + timeout if timeout is not None else None
        while True:
            left_s = _WAIT_S if until is None else until - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(f"run {self.id} has not ended within {timeout:g} s; it goes on")
            try:
                if self._is_over_within(min(left_s, _WAIT_S)):
                    return self
            except StoreError as error:
                # The engine itself waits until it can store again (a full disk, say); so do we, and say why.
                _log.warning("%s", error)
                time.sleep(1.0)

    def _is_over_within(self, timeout_s: float) -> bool:
        if self._view is not None and self._view["state"] in _FINAL:
            return True
        if self._display is not None:
            return self._display.wait(timeout_s)
        return self._workspace.wait(self.id, timeout_s)["is_final"]

    def result(self, timeout: float | None = None) -> Any:
        """The flow's value, waiting for it.

        Raises:
            StepError: a step failed; with the worker's report.
            CheckError: the flow or its inputs were refused.
            CancelledError: the run was cancelled.
            Skip: the flow itself found nothing to do.
        """
        self.wait(timeout)
        view = self._workspace.run(self.id, with_result=True)
        if view["state"] != "succeeded":
            raise_failure(view)
        packed = view.get("result")
        return None if packed is None else encoder_of(self._workspace).decode(unpack(packed))

    def cancel(self, *, force: bool = False) -> None:
        """Ask the run to stop; with `force`, kill what still runs of it."""
        self._workspace.cancel(self.id, force=force)

    def send(self, event: str, data: Any = None, *, key: str | int | None = None, id: str = "") -> bool:
        """Send the run an event that it waits for, now or later; False: one of this id was sent before."""
        return self._workspace.send(self.id, event, data, key=key, id=id)

    def waits(self) -> list[WaitView]:
        """What its steps wait for, and have waited for, besides other steps."""
        return self._workspace.waits(self.id)

    def approve(self, step: int | None = None, *, comment: str = "", by: str = "") -> None:
        """Approve what a step asks; default: the only one that asks.

        Raises:
            AnswerError: it is decided already, the time is over, or this person may not say.
        """
        self._workspace.approve(self.id, step, comment=comment, by=by)

    def reject(self, step: int | None = None, *, comment: str = "", by: str = "") -> None:
        """Reject what a step asks."""
        self._workspace.reject(self.id, step, comment=comment, by=by)

    def answer(self, value: Any, step: int | None = None, *, by: str = "") -> None:
        """Answer what a step asks: plain data of the form that it shows.

        Raises:
            CheckError: the answer does not fit the form.
            AnswerError: it is answered already, the time is over, or this person may not say.
        """
        self._workspace.answer(value, self.id, step, by=by)

    def explain(self, step: int = 0) -> list[str]:
        """Why a step, or the run, went as it went, in sentences."""
        return [fact["text"] for fact in self._workspace.explain(self.id, step)["facts"]]

    def logs(self) -> str:
        """What its steps printed and logged, step by step."""
        return "".join(chunk["text"] for chunk in self._workspace.logs(self.id))

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.state}>"

    def _repr_html_(self) -> str | None:
        if self._display is not None and self._display.is_in_this_cell():
            return None  # it is shown there already
        from partita.drawing.progress import Progress
        from partita.workspace.display import draw_run

        progress = Progress()
        progress.take(self.view, self.steps)
        return draw_run(self._workspace, progress)


def raise_failure(view: RunView) -> None:
    """Raise what a run ended with."""
    error: ErrorView = view["error"] or {}
    if view["state"] == "cancelled":
        said = view["notes"].get("events") or []
        stopped = (view["notes"].get("bounds") or {}).get("overrun") == "stop" and said
        raise CancelledError(f"run {view['id']} was cancelled" + (f": {said[-1]['message']}" if stopped else ""))
    if view["state"] == "skipped":
        raise Skip((view["error"] or {}).get("message", ""))
    if error.get("problems"):
        raise CheckError([Problem(**problem) for problem in error["problems"]])
    step = error.get("step", "")
    what = f"{error.get('type', 'Error')}: {error.get('message', '')}"
    message = f"{step} failed: {what}" if step else what
    raise StepError(
        message, kind=error.get("type", ""), report=error.get("traceback", ""), step=step, run=view["id"]
    ) from _Report(error.get("traceback", "")) if error.get("traceback") else None


class _Report(RunError):
    """The traceback of the worker, shown above the error that it caused here."""

    def __str__(self) -> str:
        return "in a worker:\n" + str(self.args[0])


def encoder_of(workspace: LocalWorkspace) -> Encoder:
    """The codecs with which this process reads and writes values of the workspace."""
    from partita.artifacts.codecs.encoder import Encoder
    from partita.artifacts.signing import signer_of
    from partita.flow.loading import load, locate
    from partita.flow.settle import make_outcome

    workspace.state.mkdir(parents=True, exist_ok=True)
    return Encoder(
        workspace.blobs, signer_of(workspace.state), outcome=make_outcome, locate=locate,
        # Of this project, whichever other one this process has looked into since.
        load=lambda reference: load(reference, workspace.folder),
        code_of=_Code(workspace.folder).of_all,
    )  # fmt: skip


class _Code:
    """The code that this process has, found when a value needs it."""

    def __init__(self, project: Path) -> None:
        self._project = project

    def of_all(self, items: Iterable[Any]) -> str:
        """Hash of the code of those of the classes and functions that are the project's; empty: none is."""
        return self._fingerprinter.of_all(items)

    @cached_property
    def _fingerprinter(self) -> Fingerprinter:
        from partita.artifacts.code.fingerprint import Fingerprinter
        from partita.workspace.cells import Cells

        is_typed = getattr(sys.modules["__main__"], "__file__", None) is None  # a notebook, a console
        return Fingerprinter(self._project, cells=Cells().sources() if is_typed else {})


def _environment_of(flow: Flow[..., Any]) -> str:
    """What the call says of it; empty, where it cannot be told here: the flow's layout does, and says what is wrong."""
    from partita.flow.environments import EnvironmentReader

    problems: list[str] = []
    reader = EnvironmentReader([Path.cwd()], lambda message, place, remedy: problems.append(message))
    text = reader.text(flow.options.environment, "", flow.name, flow.place)
    return text if not problems else ""


def flow_request(
    flow: Flow[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any], encoder: Encoder
) -> LaunchRequest:
    """What starts a run of the flow with these arguments, but for the bundle.

    Raises:
        CheckError: the arguments are not what the flow declares.
        ValueStoreError: one of them cannot be stored.
    """
    from partita.flow.inputs import convert_inputs
    from partita.flow.profiles import make_profile, profile_map
    from partita.workspace.cells import Cells

    place = Cells().place(flow.function) or flow.place
    arguments, keywords = convert_inputs(flow.signature, arguments, keywords, None, place)
    encode = encoder.encode
    nodes = [encode(value) for value in arguments]
    named = [encode(value) for value in keywords.values()]
    profile = make_profile(flow, encode, environment=_environment_of(flow))
    request: LaunchRequest = {
        "flow": flow.reference,
        "title": flow.name,
        "arguments": pack([nodes, list(keywords), named]),
        "profile": profile_map(profile),
        "tags": list(profile.tags),
    }
    if profile.executor:
        request["executor"] = profile.executor
    request.update(flow.options.standing)  # type: ignore[typeddict-item]
    return request


class LocalLauncher:
    """Starts the runs of flows that are called in Python. Satisfies `partita.flow.launching.Launcher`."""

    def __init__(self, workspace: LocalWorkspace) -> None:
        self.workspace = workspace
        self.by = ""  # in whose name the model registry is changed; empty: who is logged in here

    @property
    def encoder(self) -> Encoder:
        """The codecs of the workspace, with the code as it is now."""
        from partita.flow.loading import set_project

        set_project(self.workspace.folder)
        return encoder_of(self.workspace)

    def ask_registry(self, verb: str, fields: dict[str, Any]) -> Any:
        """Ask the model registry."""
        return self.workspace.ask(verb, **{"by": self.by or me(), **fields})

    def submit(
        self, flow: Flow[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any], options: dict[str, Any]
    ) -> Run:
        request = self._request(flow, arguments, keywords)
        if not request.get("executor") and self.workspace.settings.executor:
            request["executor"] = self.workspace.settings.executor
        request.update(options)  # type: ignore[typeddict-item]
        run = Run(self.workspace, self.workspace.start(request))
        if self.workspace.settings.notebook_display != "off":
            run.show()
        return run

    def graph(self, flow: Flow[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> FlowGraph:
        from partita.workspace.checking import check_view, lay_out
        from partita.workspace.tables import FlowGraph

        request = self._request(flow, arguments, keywords)
        laid = lay_out(
            self.workspace, request["flow"], {},
            executor=request.get("executor", ""), bundle=request["bundle"], arguments=request["arguments"],
        )  # fmt: skip
        found = check_view(laid)
        problems = [Problem(**problem) for problem in found["problems"]]
        if found["graph"] is None or any(not problem.is_warning for problem in problems):
            raise CheckError(problems)
        return FlowGraph(flow.name, found["graph"]["steps"], found["problems"])

    def trials(self) -> LocalTrials:
        """What a study starts and watches its runs by."""
        from partita.workspace.trials import LocalTrials

        return LocalTrials(self.workspace, self.encoder)

    def _request(self, flow: Flow[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> LaunchRequest:
        """What starts a run, with its code stored."""
        from partita.flow.loading import noting_typed, set_project

        set_project(self.workspace.folder)
        with noting_typed() as typed:
            request = flow_request(flow, arguments, keywords, self.encoder)
        request["bundle"] = self.workspace.bundle(typed)
        return request


_launchers: dict[str, LocalLauncher] = {}


def default_launcher() -> LocalLauncher:
    """The launcher of the project that the working directory lies in."""
    from partita.settings import find_project

    folder = str(find_project(None))
    if folder not in _launchers:
        _launchers[folder] = LocalLauncher(open_workspace())
    return _launchers[folder]
