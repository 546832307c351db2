"""What a study needs of a workspace: to start runs, to hear of their ends, and a place for its journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from partita.flow.flow import Flow
from partita.protocol.requests import RunView
from partita.protocol.studies import StudyView
from partita.tune.journal import Journals
from partita.tune.spaces import Space
from partita.values import Node

__all__ = ["Ending", "Report", "Starter", "TrialRuns"]


#: What a step has reported: name, value, step of a curve.
Report = tuple[str, float, int]


class Ending(NamedTuple):
    """A run that has ended."""

    run: RunView  # with its result
    reports: list[Report]  # in the order in which they came


class Starter(Protocol):
    """Starts runs of one flow that differ in what a study searches."""

    @property
    def flow(self) -> str:
        """The flow's reference."""
        ...

    @property
    def title(self) -> str:
        """Its name."""
        ...

    def plain(self) -> dict[str, Any]:
        """What another process makes the same starter of."""
        ...

    def start(self, run: str, labels: Mapping[str, Any], tags: Sequence[str]) -> None:
        """Start a run with this id and these parameters; asked again with the same id, it starts nothing more.

        Raises:
            CheckError: the flow or its inputs are refused.
        """
        ...


class TrialRuns(Protocol):
    """The runs of a workspace, as a study sees them.

    Laws: asking changes nothing; what `cancel` asks for comes later; a run goes on whatever becomes of who asks.
    """

    @property
    def journals(self) -> Journals: ...

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def new_id(self) -> str:
        """An id for a run to be."""
        ...

    def room(self) -> int:
        """How many runs can do something at once."""
        ...

    def display(self) -> Callable[[StudyView], None] | None:
        """What shows a study here while it goes on; None: nothing does."""
        ...

    def is_priced(self) -> bool:
        """Whether runs may cost something."""
        ...

    def is_known(self, run: str) -> bool:
        """Whether there is such a run."""
        ...

    def ended(self, runs: Sequence[str], timeout_s: float) -> list[Ending]:
        """Those of the runs that have ended, as soon as there are any; none after so many seconds."""
        ...

    def reports(self, run: str) -> list[Report]:
        """What its steps have reported so far."""
        ...

    def cancel(self, run: str) -> None:
        """Ask a run to end; nothing happens where it has."""
        ...

    def open_leaf(self, node: Node) -> Any:
        """The value of a node.

        Raises:
            ValueError: only a worker may open it.
        """
        ...

    def flow_starter(
        self, flow: Flow[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any], space: Space, into: str
    ) -> Starter:
        """The starter of a flow with inputs that are the same in each run.

        Args:
            into: the input that takes what is searched as one dictionary; empty: each has an input of its name.

        Raises:
            CheckError: the inputs are refused.
        """
        ...

    def starter(self, plain: Mapping[str, Any]) -> Starter:
        """The starter of what `Starter.plain` gave.

        Raises:
            StudyError: it can only be started in the process that made it.
        """
        ...
