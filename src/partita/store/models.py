"""Rows of the model registry, and how they are read: a part of the port of stores.

A version is never changed but for what people say of it; an alias names one version of its model at a time, which is there, and
every move of one is kept. A move says which version the alias named when it was judged, and is refused where that is another by
then: so of two engines that move an alias at once, one has to judge anew. What a version holds is the packed node of its
`Model`, so that its blobs count as needed as long as it is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from partita.protocol.models import added_metrics
from partita.values import pack, unpack

__all__ = [
    "AliasRow",
    "EvaluationRow",
    "ModelRow",
    "ModelStore",
    "ModelUseRow",
    "MoveRow",
    "VersionCount",
    "VersionRow",
    "VersionUpdate",
    "added_tags",
]


class ModelRow(NamedTuple):
    """One name in the registry."""

    name: str
    description: str
    tags: bytes  # packed map of texts
    created_at: float


class VersionRow(NamedTuple):
    """One version of a model."""

    name: str
    number: int  # from 1, increasing; one that a failed step was given is left out
    digest: str  # of what the model is: equal models have the same
    value: bytes  # packed node of the Model
    record: bytes  # packed map: format, kind, signature, packages, code, data, ...
    metrics: bytes  # packed map of [number, name of the data that it was found on] by name
    tags: bytes  # packed map of texts
    description: str
    run: str  # id of the run that registered it; empty: no run did
    step: int
    author: str
    created_at: float

    def noted(self, update: VersionUpdate) -> VersionRow:
        """The version with what is said of it now; every store adds it so, to what is there when it writes."""
        return self._replace(
            metrics=pack(added_metrics(unpack(self.metrics), unpack(update.metrics), update.data)),
            tags=pack(added_tags(unpack(self.tags), unpack(update.tags))),
            description=update.description or self.description,
        )


class VersionCount(NamedTuple):
    """How many versions of a model there are."""

    name: str
    versions: int
    newest: int  # its number


class VersionUpdate(NamedTuple):
    """What is said of a version beside what was said before. It is added to what is there when it is written, so that two
    engines that write at once do not take each other's metrics away, and both keep to what `added_metrics` says."""

    name: str
    number: int
    metrics: bytes  # packed map of numbers by name
    data: str  # name of the data that they were found on
    tags: bytes  # packed map of texts; an empty one takes the tag away
    description: str  # empty: as it was


class AliasRow(NamedTuple):
    """A name for one version of a model."""

    name: str
    alias: str
    number: int
    moved_at: float


class MoveRow(NamedTuple):
    """An alias was moved, or could not be."""

    id: int  # given by the store, in their order
    name: str
    alias: str
    before: int  # number of the version that it named, 0: it was new
    after: int  # that it names since, 0: it was taken away
    author: str
    why: str
    moved_at: float
    record: bytes  # packed map: verdicts of gates, whether it was forced, an approval; "refused": nothing was moved

    @property
    def is_done(self) -> bool:
        """Whether the alias names another version since."""
        return self.before != self.after


class EvaluationRow(NamedTuple):
    """What was found out about a version on some data; a later one of the same title takes its place."""

    name: str
    number: int
    title: str
    value: bytes  # packed node of a map
    run: str
    step: int
    made_at: float


class ModelUseRow(NamedTuple):
    """A step was given a version by name."""

    run: int
    step: int
    name: str
    number: int
    alias: str  # by which it was asked for; empty: by its number
    used_at: float


def added_tags(tags: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Tags with more of them; a tag of no text is taken away."""
    return {key: str(text) for key, text in {**tags, **more}.items() if text}


class ModelStore(Protocol):
    """Reads the registry."""

    def next_version_number(self, name: str) -> int:
        """A number that no version of this model was ever given."""
        ...

    def next_move_number(self) -> int:
        """A number never given before, increasing."""
        ...

    def models(self, *, name: str = "", limit: int = 1000) -> list[ModelRow]:
        """Models by name: one, or all (empty)."""
        ...

    def versions(self, name: str, *, before: int = 0, limit: int = 100) -> list[VersionRow]:
        """Versions of a model, the newest first; `before` is the number after which to go on (0: from the newest)."""
        ...

    def version_counts(self, name: str = "") -> list[VersionCount]:
        """How many versions there are of a model, or of each (empty), by model; not of one without any."""
        ...

    def model_version(self, name: str, number: int) -> VersionRow | None: ...

    def equal_version(self, name: str, digest: str) -> VersionRow | None:
        """The first version of the model with this digest."""
        ...

    def versions_made(self, run: str) -> list[VersionRow]:
        """Versions that steps of the run registered, by step."""
        ...

    def aliases(self, name: str = "") -> list[AliasRow]:
        """Aliases of a model, or of all (empty), by model and alias."""
        ...

    def moves(self, name: str, *, alias: str = "", limit: int = 100) -> list[MoveRow]:
        """What was done to a model's aliases, the latest first; to one of them, or to all (empty)."""
        ...

    def evaluations(self, name: str, number: int) -> list[EvaluationRow]:
        """What was found out about a version, by title."""
        ...

    def evaluation_titles(self, name: str, first: int, last: int) -> list[tuple[int, str]]:
        """Number and title of evaluations of versions from `first` up to and with `last`, in that order."""
        ...

    def model_uses(self, *, run: int = 0, name: str = "", number: int = 0) -> list[ModelUseRow]:
        """The versions that a run's steps were given; or the steps that were given a version. By run and step."""
        ...
