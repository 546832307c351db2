"""Rows of published flows, and how they are read: a part of the port of stores.

A publication is never changed but for being retired. A stage names one version of its flow at a time, which is there and not
retired, and every move of one is kept. A move says which version the stage had when it was decided, and is refused where that
is another by then: so of two engines that move a stage at once, one has to decide anew. The bundle that a publication names is
needed as long as the publication is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from partita.store.port import RunRow

__all__ = [
    "GateCheckRow", "GateFindingRow", "PublicationRow", "PublicationStore", "PublishedRunRow", "Publishing", "StageMoveRow",
    "StageRow",
]  # fmt: skip


class PublicationRow(NamedTuple):
    """One version of a published flow."""

    name: str
    number: int  # from 1, increasing
    digest: str  # of the flow's reference and its bundle: what is equal has the same
    flow: str  # reference of the flow in the bundle
    bundle: str  # hash of its code
    record: bytes  # packed map: signature, graph, code, source
    note: str
    author: str
    created_at: float
    retired_at: float | None  # since when no run is started of it


class StageRow(NamedTuple):
    """Which version of a flow a stage has."""

    name: str
    stage: str
    number: int
    moved_at: float


class StageMoveRow(NamedTuple):
    """A stage was moved, or could not be."""

    id: int  # given by the store, in their order
    name: str
    stage: str
    before: int  # number of the version that it had, 0: none
    after: int  # that it has since, 0: none
    author: str
    why: str
    moved_at: float
    # Packed map: run of the gates, verdicts, whether it was forced or rolled back; "refused": nothing was moved; "key" with which
    # it was asked, and "asked", a hash of what that was.
    record: bytes

    @property
    def is_done(self) -> bool:
        """Whether the stage has another version since."""
        return self.before != self.after


class GateCheckRow(NamedTuple):
    """The gates of a version before a stage were begun to be checked, by a run."""

    run: str  # id of the run that checks
    name: str
    number: int
    stage: str
    author: str  # who asked for it
    why: str
    asked_at: float


class GateFindingRow(NamedTuple):
    """What a gate has found; what it finds later takes its place. The first four fields are the key."""

    name: str
    number: int
    stage: str
    gate: str  # "tests", "sample", "floor accuracy", "approvals"
    is_met: bool
    told: str  # what was found, in words
    run: str  # id of the run that checked
    step: int
    found_at: float


class PublishedRunRow(NamedTuple):
    """Which version a run is of."""

    run: int
    name: str
    number: int


@dataclass(slots=True)
class Publishing:
    """What one turn of the engine writes of published flows, in the order of the fields."""

    publications: list[PublicationRow] = field(default_factory=list)
    retired: list[tuple[float, str, int]] = field(default_factory=list)  # (when, name, number)
    moves: list[StageMoveRow] = field(default_factory=list)  # one whose `before` and `after` differ moves the stage
    checks: list[GateCheckRow] = field(default_factory=list)
    findings: list[GateFindingRow] = field(default_factory=list)
    runs: list[PublishedRunRow] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(
            self.publications or self.retired or self.moves or self.checks or self.findings or self.runs
        )  # fmt: skip


class PublicationStore(Protocol):
    """Reads published flows."""

    def next_publication_number(self, name: str) -> int:
        """A number that no version of this flow was ever given."""
        ...

    def next_stage_move_number(self) -> int:
        """A number never given before, increasing."""
        ...

    def publications(self, name: str, *, before: int = 0, limit: int = 50) -> list[PublicationRow]:
        """Versions of a flow, the newest first; `before` is the number after which to go on (0: from the newest)."""
        ...

    def newest_publications(self, *, after: str = "", limit: int = 50) -> list[PublicationRow]:
        """The newest version of each flow, by name; `after` is the name after which to go on."""
        ...

    def publication(self, name: str, number: int) -> PublicationRow | None: ...

    def stages(self, name: str = "") -> list[StageRow]:
        """Stages of a flow, or of all (empty), by name and stage."""
        ...

    def stage_moves(self, name: str, *, stage: str = "", before: int = 0, limit: int = 100) -> list[StageMoveRow]:
        """What was done to a flow's stages, the latest first; `before` is the id after which to go on (0: from the latest)."""
        ...

    def gate_checks(self, name: str, number: int, *, stage: str = "", limit: int = 20) -> list[GateCheckRow]:
        """Checks of a version before a stage, or before any (empty), the latest first."""
        ...

    def gate_check(self, run: str) -> GateCheckRow | None:
        """What a run checks."""
        ...

    def gate_findings(self, name: str, number: int) -> list[GateFindingRow]:
        """What gates have found of a version, by stage and gate."""
        ...

    def published_runs(
        self, name: str, number: int = 0, *, states: Sequence[int] = (), before: int = 0, limit: int = 50, flow: str = "",
        text: str = "", since: float = 0.0, until: float = 0.0, is_upwards: bool = False,
    ) -> list[RunRow]:  # fmt: skip
        """Runs of a flow's version, or of all of its versions (0); the rest is as `Store.runs` has it."""
        ...
