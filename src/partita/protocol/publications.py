"""Published flows: their names, and what is told of them.

A version is named "train" (what its last stage has, or the newest), "train@3", "train@staging" or "train@latest" (the newest).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, TypedDict

from partita.errors import NotFoundError
from partita.protocol.requests import StepView
from partita.units import whole_number

__all__ = [
    "LATEST", "CiFlowView", "CiReport",
    "FlowDiffView", "FunctionDiff", "GateStateView", "GateView", "ParameterDiff", "ParameterView", "PromotionView",
    "PublicationName", "PublicationView", "PublishedGraph", "SourceView", "StageMoveView", "StageView", "StepDiff", "TypeView",
    "checked_flow_name", "checked_stage", "names_publication", "parse_publication",
]  # fmt: skip

#: Names the newest version that is not retired; no stage is called so.
LATEST = "latest"

_NAME = re.compile(r"[^\W_][\w.+-]{0,99}")
_WHOLE = 2**31


class PublicationName(NamedTuple):
    """What a text asks for."""

    name: str
    number: int = 0  # 0: no number was given
    stage: str = ""  # without either, what the last stage has, or the newest

    def __str__(self) -> str:
        tail = self.stage or (str(self.number) if self.number else "")
        return f"{self.name}@{tail}" if tail else self.name


class TypeView(TypedDict, total=False):
    """A type, so that a form can be made for it; "type" and "kind" are always there."""

    type: str  # as it is written: "list[int]"
    kind: (
        str  # "text", "integer", "number", "boolean", "null", "date", "datetime", "duration", "path", "choice", "list",
    )
    # "map", "record", "union", "any" or "other" (only another step can make it)
    choices: list[Any]  # of a choice: plain values
    items: TypeView  # of a list, and the values of a map
    fields: list[ParameterView]  # of a record
    options: list[TypeView]  # of a union
    is_optional: bool  # null is a value too


class ParameterView(TypedDict, total=False):
    """One parameter of a flow, or a field of a record."""

    name: str
    type: TypeView
    is_required: bool
    has_default: bool
    default: Any  # plain data; None where it has no such form
    default_text: str  # as it would be written on the command line
    description: str


class SourceView(TypedDict):
    """Where the code was when it was published; texts are empty where there was no repository."""

    commit: str
    branch: str
    tag: str
    repository: str  # its URL, without a password
    is_clean: bool  # nothing in it was changed since the commit


class PublishedGraph(TypedDict):
    """The steps of a flow with the defaults of its parameters, as far as they are known before it runs."""

    steps: list[StepView]
    profiles: list[dict[str, Any]]  # what they are: "function", "title", "fingerprint" and the options that were given
    profile_of: list[int]  # by step: its profile, -1: none
    total: int  # how many steps there are; not all of them are told where they are many


class PublicationView(TypedDict):
    """A version of a published flow, for people and programs."""

    name: str
    number: int
    version: str  # "train@3"
    flow: str  # reference of the flow in the bundle
    title: str  # its own name
    bundle: str  # hash of its code
    code: str  # fingerprint of what the flow's function reaches
    summary: str  # first sentence of its docstring
    description: str
    parameters: list[ParameterView]
    returns: TypeView
    graph: PublishedGraph | None  # None: not asked for, or it cannot be laid out without inputs
    warnings: list[dict[str, Any]]  # fields of Problem: what the check found
    source: SourceView
    note: str
    by: str
    published_at: float
    retired_at: float | None  # since when no run is started of it
    stages: list[str]  # that have it
    lacks: list[str]  # gates that were asked on publishing and are not met: no run is started of it until they are
    is_new: bool  # false where what was published is equal to the newest version


class StageView(TypedDict):
    """A stage of a flow."""

    stage: str
    number: int  # of the version that it has; 0: none
    version: str  # "train@3"; empty: none
    moved_at: float | None
    by: str  # who moved it there
    why: str


class StageMoveView(TypedDict):
    """A move of a stage."""

    id: int
    stage: str
    before: int  # 0: it had none
    after: int  # 0: it has none since
    by: str
    why: str
    moved_at: float
    record: dict[str, Any]  # "run": of the gates, "gates": what they found, "rollback", "forced", "refused"


class GateView(TypedDict):
    """What one gate has found of a version."""

    gate: str  # "tests", "sample", "floor accuracy", "approvals"
    asks: str  # what it asks for, in words
    is_met: bool | None  # None: it has not said yet
    told: str  # what it found
    run: str
    step: int
    found_at: float | None


class GateStateView(TypedDict):
    """How a version stands before a stage."""

    version: str  # "train@3"
    stage: str  # empty: before it was published
    has_stage: bool  # the stage has this version
    gates: list[GateView]
    run: str  # id of the run that checks, or checked last; empty: none did
    state: str  # of that run; empty: none
    by: str  # who asked for it
    why: str
    asked_at: float | None


class PromotionView(TypedDict):
    """What became of a promotion."""

    version: str
    stage: str
    is_moved: bool  # the stage has the version
    run: str  # id of the run that checks the gates, and moves the stage when they are met; empty: there are none
    move: StageMoveView | None  # where it was moved at once


class StepDiff(TypedDict):
    """What became of a step."""

    path: str
    change: str  # "added", "removed", "renamed" or "changed"
    was: str  # path before, of a renamed one
    function: str
    options: dict[str, list[Any]]  # [before, after] by option
    inputs: list[list[str]]  # [paths before, paths after], where they differ


class ParameterDiff(TypedDict):
    """What became of a parameter."""

    name: str
    change: str  # "added", "removed" or "changed"
    is_breaking: bool  # a call that was right is not any more
    told: list[str]  # what differs, in words


class FunctionDiff(TypedDict):
    """What became of the code of a function or class."""

    name: str  # "train.py:fit"
    change: str  # "added", "removed" or "changed"
    is_used: bool  # a step of either graph runs it


class FlowDiffView(TypedDict):
    """What a version of a flow changes against another one."""

    name: str
    before: str  # "train@2"
    after: str  # "train@3"
    is_same: bool
    flow: list[str]  # [reference before, reference after], where they differ
    parameters: list[ParameterDiff]
    returns: list[str]  # [type before, type after], where they differ
    has_graphs: bool  # both could be laid out without inputs: what follows is known
    steps: list[StepDiff]
    edges_added: list[list[str]]  # [path from, path to]
    edges_removed: list[list[str]]
    functions: list[FunctionDiff]
    files: list[list[str]]  # [path, "added", "removed" or "changed"] of what is no Python code
    is_breaking: bool  # a call that was right is not any more


class CiFlowView(TypedDict):
    """What became of one flow."""

    flow: str  # its reference
    version: str  # "train@3"; empty: it was not published
    is_new: bool  # false where it was published before
    stage: str  # that was to get it; empty: none
    is_moved: bool  # the stage has it
    run: str  # that checks gates; empty: none does
    state: str  # in which that run ended, or "waiting" for persons
    gates: list[GateView]
    error: str  # empty: all is well


class CiReport(TypedDict):
    """What `partita ci` or a push did."""

    system: str  # "github", "gitlab", "gitea" or "git"
    commit: str
    branch: str
    tag: str
    is_proposal: bool  # a pull or merge request: only checked
    rule: str  # that fitted: "branch main -> dev"; empty: none, flows were only checked
    flows: list[CiFlowView]
    is_good: bool
    summary_file: str  # to which a summary in Markdown is added; empty: none


def parse_publication(text: str) -> PublicationName:
    """What a text asks for.

    Raises:
        NotFoundError: no published flow is named so.
    """
    name, at, version = text.partition("@")
    checked_flow_name(name)
    if not at or not version:
        return PublicationName(name)
    if version.isdecimal():
        number = whole_number(version, _WHOLE - 1)
        if not number:
            raise NotFoundError(
                f"{text[:200]!r} asks for a version that there cannot be; versions count from 1: {name}@3"
            )
        return PublicationName(name, number)
    if version == LATEST:
        return PublicationName(name, stage=LATEST)
    return PublicationName(name, stage=checked_stage(version))


def names_publication(word: str) -> bool:
    """Whether a word can only mean a published flow: "train@3"."""
    name, at, version = word.partition("@")
    return bool(at and version and _NAME.fullmatch(name))


def checked_flow_name(name: Any) -> str:
    """The name.

    Raises:
        NotFoundError: nothing can be named so.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise NotFoundError(
            f"{name!r} cannot be the name of a published flow: give letters, digits, dots, dashes and underscores, 100 at most, "
            "of which the first is a letter or a digit"
        )
    return name


def checked_stage(stage: Any, known: Sequence[str] = ()) -> str:
    """The stage.

    Raises:
        NotFoundError: nothing can be named so, or it is none of those known.
    """
    if not isinstance(stage, str) or not _NAME.fullmatch(stage) or stage.isdecimal() or stage == LATEST:
        raise NotFoundError(
            f"{stage!r} cannot be the name of a stage: give letters, digits, dots, dashes and underscores, not digits only, and "
            f"not {LATEST!r}"
        )
    if known and stage not in known:
        raise NotFoundError(f"there is no stage {stage!r}; the setting `stages` has {', '.join(known)}")
    return stage
