"""Promotions: at once where nothing has to hold, else by a run that checks the gates and moves the stage when they are met."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from partita.errors import GateError
from partita.protocol.publications import (
    GateStateView,
    GateView,
    PromotionView,
    PublicationView,
    StageMoveView,
    checked_stage,
)
from partita.protocol.requests import NO_KEY, LaunchKey, LaunchRequest
from partita.protocol.waits import ADMINISTRATOR
from partita.publishing.gates import gates_of, plan_of, settings_of
from partita.settings_publishing import GateSettings
from partita.values import PLAIN, pack

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["Asker", "begin_check", "check_gates", "gate_state", "promote"]

_FLOW = "partita.publishing.checking:check_gates"


class Asker(NamedTuple):
    """Who asks for something in a name that no user has, such as a login at a Git service.

    Where it is not known who that is, only those approve whom the gate names, or, where it names none, administrators.
    """

    users: tuple[str, ...] = ()  # who it is or may be: they do not approve it
    is_known: bool = False


def promote(
    workspace: LocalWorkspace, name: str, version: int | str, stage: str, *, why: str, by: str,
    gates: GateSettings | None = None, force: bool = False, once: LaunchKey = NO_KEY, asker: Asker | None = None,
) -> PromotionView:  # fmt: skip
    """Let a stage have a version, now or when its gates are met; `asker` as for `begin_check`.

    What was asked with the key of `once` before is answered as it was then, whatever became of the stage since.

    Raises:
        ConflictError: the key was given to something else before.
        GateError: it is forced without a reason, has not passed its gates on publishing, or the stage was moved meanwhile.
        NotFoundError: there is no such version or stage, or it is retired.
    """
    if force and not why:
        raise GateError("what is forced needs a reason: give --why")
    key, of_what = once
    if key and (made := workspace.ask("stage_move_of_key", name=name, key=key, asked=of_what)) is not None:
        return _moved(name, stage, made)
    view = workspace.publication(f"{name}@{version}")
    held = {item["stage"]: item["number"] for item in workspace.ask("stages", name=name)}
    before = held.get(stage, 0)
    has_it = before == view["number"]
    if has_it and not key:
        return PromotionView(version=view["version"], stage=stage, is_moved=True, run="", move=None)
    asked = gates if gates is not None else settings_of(workspace.settings.gates, name, stage)
    if asked and not force and not has_it:
        run = begin_check(workspace, view, stage, asked, why=why, by=by, before=before, once=once, asker=asker)
        return PromotionView(version=view["version"], stage=stage, is_moved=False, run=run, move=None)
    record = {"forced": True} if force and asked else {}
    move: StageMoveView = workspace.ask(
        "stage_move", name=name, stage=stage, before=before, after=view["number"], why=why, by=by, record=record,
        key=key, asked=of_what,
    )  # fmt: skip
    return _moved(name, stage, move)


def _moved(name: str, stage: str, move: StageMoveView) -> PromotionView:
    is_change = move["before"] != move["after"]
    return PromotionView(
        version=f"{name}@{move['after']}", stage=stage, is_moved=True, run="", move=move if is_change else None
    )


def begin_check(
    workspace: LocalWorkspace, view: PublicationView, stage: str, asked: GateSettings, *, why: str, by: str,
    before: int = 0, once: LaunchKey = NO_KEY, asker: Asker | None = None,
) -> str:  # fmt: skip
    """Start the run that checks the gates of a version; gives its id.

    Args:
        by: who asked for it, as it is kept.
        asker: who that is where `by` is no user; None: it is one.
    """
    gates = gates_of(asked)
    title = f"gates of {view['version']}" + (f" before {stage}" if stage else "")
    plan: dict[str, Any] = {
        **plan_of(asked), "version": view["version"], "stage": stage, "by": by, "why": why,
        "not_by": [by, *(asker.users if asker is not None else ())],
        "question": f"Give {stage} {view['version']}?" if stage else f"Publish {view['version']}?",
    }  # fmt: skip
    if asker is not None and not asker.is_known:
        plan["approvers"] = plan["approvers"] or [ADMINISTRATOR]
        plan["question"] += f" It is not known which user {by} is, who asks for it."
    request: LaunchRequest = {
        "flow": _FLOW, "title": title, "bundle": view["bundle"], "tags": ["gates", view["version"], *filter(None, [stage])],
        "arguments": pack([[], ["plan"], [[PLAIN, plan]]]),
        "checks": {
            "name": view["name"], "number": view["number"], "stage": stage, "before": before, "why": why,
            "gates": [list(gate) for gate in gates],
        },
    }  # fmt: skip
    if by:
        request["user"] = by
    if once.key:
        request["key"], request["asked"] = once
    return workspace.start(request)


def check_gates(
    workspace: LocalWorkspace, name_at_version: str, stage: str, *, by: str, once: LaunchKey = NO_KEY
) -> str:
    """Check the gates of a version again: before a stage ("": on publishing), which is not moved by it.

    Raises:
        NotFoundError: there is no such version.
    """
    view = workspace.publication(name_at_version)
    asked = settings_of(workspace.settings.gates, view["name"], stage)
    if not asked:
        return ""
    return begin_check(workspace, view, stage, asked, why="checked again", by=by, before=-1, once=once)


def gate_state(workspace: LocalWorkspace, name_at_version: str, stage: str) -> GateStateView:
    """How a version stands before a stage, with the gates that the settings ask where none were checked yet."""
    settings = workspace.settings
    if stage:
        checked_stage(stage, settings.stages)
    state: GateStateView = workspace.ask("gates", name=name_at_version, stage=stage, default=settings.stages[-1])
    if not state["gates"]:
        asked = settings_of(settings.gates, state["version"].partition("@")[0], stage)
        state["gates"] = [
            GateView(gate=gate, asks=asks, is_met=None, told="", run="", step=-1, found_at=None)
            for gate, asks in (gates_of(asked) if asked else ())
        ]
    return state
