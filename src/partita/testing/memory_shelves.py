"""What a store in memory holds, run by run, and what several stores opened on it share."""

from __future__ import annotations

from dataclasses import dataclass, field

from partita.store.port import (
    AttemptEnd,
    AttemptRow,
    CacheRow,
    EventRow,
    LearnedRow,
    PlanRow,
    ProfileRow,
    ReportRow,
    RunRow,
    StepRow,
    WaitRow,
)
from partita.testing.memory_access import AccessShelf
from partita.testing.memory_models import ModelShelf
from partita.testing.memory_publications import PublicationShelf
from partita.testing.memory_secrets import SecretShelf

__all__ = ["Shared", "Shelf"]


@dataclass(slots=True)
class Shelf:
    """All of one run."""

    row: RunRow
    profiles: dict[int, ProfileRow] = field(default_factory=dict)
    steps: dict[int, StepRow] = field(default_factory=dict)
    attempts: dict[int, dict[int, tuple[AttemptRow, AttemptEnd | None]]] = field(default_factory=dict)
    reports: dict[int, list[ReportRow]] = field(default_factory=dict)
    waits: dict[int, WaitRow] = field(default_factory=dict)
    plans: dict[int, PlanRow] = field(default_factory=dict)


class Shared:
    """What several stores opened on the same memory have in common."""

    def __init__(self) -> None:
        self.shelves: dict[int, Shelf] = {}
        self.numbers: dict[str, int] = {}  # run numbers by id
        self.last_number = 0
        self.events: dict[int, EventRow] = {}
        self.last_event = 0
        self.cached: dict[bytes, CacheRow] = {}
        self.learned: dict[tuple[str, str, str, str], LearnedRow] = {}
        self.registry = ModelShelf()
        self.secrets = SecretShelf()
        self.access = AccessShelf()
        self.published = PublicationShelf()
        self.epoch = 0
        self.owner = ""
