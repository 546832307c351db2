"""A run shown in a notebook: one output that is drawn anew while the run goes on, and stays as it ended."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

from partita.drawing.graph import build_graph
from partita.drawing.pages import run_html, run_text
from partita.drawing.progress import FINAL_STATES, Progress, first_failures
from partita.drawing.results import result_line
from partita.errors import PartitaError
from partita.protocol.requests import StepView
from partita.workspace.cells import interactive_shell
from partita.workspace.local import LocalWorkspace

__all__ = ["RunDisplay", "draw_run"]

_POLL_S = 0.25
_PAGE = 2000
_STEPS = 20_000  # of a larger run only the beginning is shown
_GRAPH_STEPS = 2_000
_LOG_LINES = 30


class RunDisplay:
    """The output of one run. Drawn by a thread of its own, or by whoever waits for the run."""

    def __init__(self, workspace: LocalWorkspace, run: str) -> None:
        from IPython.display import display

        self.cell = _cell()  # in which it is shown
        self._workspace = workspace
        self._run = run
        self._progress = Progress()
        self._version = 0
        self._drawing = threading.Lock()
        self._is_left = threading.Event()
        show: Any = display  # which has no types
        self._handle = show(_bundle(self._progress, run_html(self._progress)), raw=True, display_id=True)
        self._thread = threading.Thread(target=self._draw_behind, name=f"partita run {run}", daemon=True)
        self._thread.start()

    def is_in_this_cell(self) -> bool:
        """Whether it is shown below the cell that runs now."""
        return self.cell == _cell()

    def wait(self, timeout_s: float | None) -> bool:
        """Draw until the run has ended, at most so long; gives whether it has."""
        self._take_over()
        until = time.monotonic() + timeout_s if timeout_s is not None else None
        try:
            with self._drawing:
                while not self._draw(
                    self._workspace, _POLL_S if until is None else min(_POLL_S, until - time.monotonic())
                ):
                    if until is not None and time.monotonic() >= until:
                        return False
                return True
        except KeyboardInterrupt:
            with contextlib.suppress(PartitaError, KeyboardInterrupt):
                self._update(draw_run(self._workspace, self._progress, note=_going_on(self._run)))
            raise

    def _take_over(self) -> None:
        self._is_left.set()
        self._thread.join(5.0)

    def _draw_behind(self) -> None:
        """For a run that nobody waits for."""
        workspace = LocalWorkspace(self._workspace.folder, self._workspace.settings)  # a connection of its own
        try:
            self._is_left.wait(_POLL_S)  # most are waited for at once
            with self._drawing, contextlib.suppress(PartitaError):  # whoever asks for the run will be told
                while not self._is_left.is_set() and not self._draw(workspace, _POLL_S):
                    continue
        finally:
            workspace.close()

    def _draw(self, workspace: LocalWorkspace, timeout_s: float) -> bool:
        # Waiting for the end only, and asking for the rest then: a run of many brief steps is not drawn for each.
        workspace.wait(self._run, max(timeout_s, 0.0))
        view = workspace.watch(self._run, self._version, 0.0)
        self._version = view["version"]
        self._progress.take(view["run"], view["steps"])
        if view["is_final"]:
            self._catch_up(workspace)
        self._update(draw_run(workspace, self._progress))
        return view["is_final"]

    def _catch_up(self, workspace: LocalWorkspace) -> None:
        after = -1
        while self._progress.is_behind() and after < _STEPS and self._progress.run is not None:
            page = workspace.steps(self._run, after=after, limit=_PAGE)
            if not page:
                return
            self._progress.take(self._progress.run, page)
            after = page[-1]["id"]

    def _update(self, drawn: str) -> None:
        self._handle.update(_bundle(self._progress, drawn), raw=True)


def draw_run(workspace: LocalWorkspace, progress: Progress, note: str = "") -> str:
    """The run as HTML, with what is only asked for once it has ended."""
    run = progress.run
    if run is None or run["state"] not in FINAL_STATES:
        return run_html(progress, note=note)
    graph = None
    if sum(run["counts"].values()) <= _GRAPH_STEPS:
        graph = build_graph(run["title"], workspace.all_steps(run["id"]))
    failures: list[StepView] = []
    if run["state"] == "failed":
        failures = first_failures(progress.failures.values())
    result = workspace.run(run["id"], with_result=True).get("result") if run["state"] == "succeeded" else None

    def log(step: int) -> str:
        told = ""
        for chunk in workspace.logs(run["id"], step=step):
            told = (told + chunk["text"])[-16_384:]
        return "\n".join(told.rstrip().split("\n")[-_LOG_LINES:])

    return run_html(progress, failures=failures, log=log, graph=graph, result=result_line(result), note=note)


def _bundle(progress: Progress, drawn: str) -> dict[str, str]:
    return {"text/html": drawn, "text/plain": run_text(progress.run) if progress.run is not None else "starting ..."}


def _cell() -> int:
    return int(getattr(interactive_shell(), "execution_count", 0))


def _going_on(run: str) -> str:
    return (
        "This cell was interrupted; the run goes on in the engine. To come back to it: "
        f'<pre>run = partita.Run(partita.open_workspace(), "{run}")\nrun.wait()      # watch it again\n'
        "run.cancel()    # or stop it</pre>"
    )
