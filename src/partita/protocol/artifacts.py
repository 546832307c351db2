"""What the engine tells of artifacts, as plain records."""

from __future__ import annotations

from typing import Any, TypedDict

from partita.protocol.requests import RunView

__all__ = ["ArtifactView", "BlobFault", "FoundArtifact", "HeldRun", "LineageNode", "LineageView", "PrunableView"]


class ArtifactView(TypedDict):
    """A value that a step made, or a part of it."""

    name: str  # "RUN:train/fit[3].model"
    run: str
    flow: str  # the flow's name
    step: int
    path: str  # of the step
    part: str  # of the step's value: ".model"; empty: all of it
    kind: str  # "blob", "inline" (in the step's row) or "parts" (a structure of several artifacts)
    codec: str  # "npy", "text", ...; "plain" where it lies in the row as it is
    type: str  # the name of its Python type where it is known, or the codec
    hash: str  # of a blob; empty: it is none
    size_bytes: int
    preview: str
    made_at: float | None
    made_from: list[str]  # paths of the steps that its step took values of, at most 20
    marks: list[str]  # of its step: "adopted", "cached"


class FoundArtifact(TypedDict):
    """One artifact, whole."""

    view: ArtifactView
    node: bytes  # packed node; large leaves are named by their hash
    parts: list[ArtifactView]  # of a structure


class LineageNode(TypedDict):
    """A step in a lineage."""

    number: int  # in this lineage
    run: str
    flow: str
    step: int
    path: str
    state: str
    marks: list[str]
    is_start: bool


class LineageView(TypedDict):
    """What an artifact came from, and what came of it."""

    name: str
    nodes: list[LineageNode]
    edges: list[
        list[Any]
    ]  # [from, to, how]: "value", "layout", or across runs "adopted", "cached", "same blob", "launched"
    is_cut: bool  # there is more than was asked for


class BlobFault(TypedDict):
    """A blob that is not what its hash says."""

    hash: str
    fault: str  # "missing", "empty", "truncated", "damaged" or "unreadable (...)"
    size_bytes: int  # that it has
    wanted_bytes: int  # that it had, 0: not known
    artifacts: list[str]  # names of those that hold it, at most 20
    is_repaired: bool  # it was moved away, so that a rerun makes it again, or sent to the URL again


class HeldRun(TypedDict):
    """A run that is kept though it was chosen to be deleted."""

    run: str
    reason: str


class PrunableView(TypedDict):
    """A page of the runs that may be deleted."""

    runs: list[RunView]
    held: list[HeldRun]  # those that fit and cannot be deleted now
    next: str | None  # the cursor of the next page; null: there is none
