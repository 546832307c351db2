"""The runs of a workspace in memory as studies see them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from partita.errors import EngineError
from partita.tune.journal import FolderJournals
from partita.tune.port import Ending, Report
from partita.tune.spaces import Space
from partita.values import Node
from partita.workspace.trials import NodeStarter, RunsByName, node_starter

if TYPE_CHECKING:
    from partita.flow.flow import Flow
    from partita.testing.workspace import MemoryWorkspace

__all__ = ["MemoryStudies", "MemoryTrials"]

_numbers = itertools.count(1)


class MemoryStudies:
    """What `tune(flow, ...)` asks for."""

    def trials(self) -> MemoryTrials:
        """What a study starts and watches its runs by."""
        return MemoryTrials(cast("MemoryWorkspace", self))


class MemoryTrials(RunsByName):
    """Satisfies `partita.tune.port.TrialRuns`: work is done while ends are waited for, on the workspace's clock."""

    def __init__(self, workspace: MemoryWorkspace) -> None:
        self._workspace: MemoryWorkspace = workspace
        self.journals = FolderJournals(workspace.folder / "studies")

    def now(self) -> float:
        return self._workspace.clock.now()

    def new_id(self) -> str:
        return f"trial{next(_numbers):06d}"

    def room(self) -> int:
        return int(self._workspace.executor.capacity.cpu)

    def display(self) -> None:
        return None

    def is_priced(self) -> bool:
        return any(lanes.price > 0 for lanes in self._workspace.engine.book.executors.values())

    def ended(self, runs: Sequence[str], timeout_s: float) -> list[Ending]:
        workspace = self._workspace
        until_s = workspace.clock.monotonic() + timeout_s
        is_stuck = False
        with workspace.executor.outside():
            while not (found := [run for run in runs if workspace.engine.book.live(run) is None]):
                if (is_stuck := not workspace._turn()) or workspace.clock.monotonic() >= until_s:
                    break
        if is_stuck and not found:
            raise EngineError(
                f"the trials' runs cannot end: nothing is left to do here that {', '.join(runs[:5])} wait for"
            )
        return [Ending(workspace.run(run, with_result=True), self.reports(run)) for run in found]

    def reports(self, run: str) -> list[Report]:
        return [(row.name, row.value, row.at_step) for row in self._workspace.reports(run)]

    def open_leaf(self, node: Node) -> Any:
        return self._workspace.encoder.decode(node)

    def flow_starter(
        self, flow: Flow[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any], space: Space, into: str
    ) -> NodeStarter:
        return self.starter(node_starter(flow, args, keywords, space, into, self._workspace.encoder))

    def starter(self, plain: Mapping[str, Any]) -> NodeStarter:
        return NodeStarter(plain, "memory", self._workspace._launch)
