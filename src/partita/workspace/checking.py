"""Checking a flow: its layout is made in a worker of its own, and nothing of it is run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from partita.artifacts.blobs.placing import place_of
from partita.core.placing import misplaced, misplaced_rows
from partita.core.records import Demand, Profile
from partita.core.resources import Pool
from partita.core.states import Kind
from partita.core.tuning import tuned
from partita.engine.live import profile_from
from partita.executors.machine import machine_capacity
from partita.executors.port import LOST, Executor, Launchable
from partita.executors.process import ProcessExecutor
from partita.protocol.messages import FAILED, FRAME, LAID, Order
from partita.protocol.requests import StepView, as_problem
from partita.workspace.executors import pools_of
from partita.workspace.port import CheckView

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["Laid", "check_view", "laid_step", "lay_out", "working"]


class Laid(NamedTuple):
    """What a layout made."""

    problems: list[dict[str, Any]]  # fields of Problem, warnings included
    rows: (
        list[list[Any]] | None
    )  # its steps, as `protocol.messages` describes them; None where it could not be laid out
    profiles: list[Profile]  # which rows name by number


def check_view(laid: Laid) -> CheckView:
    """Every problem of a layout, and its graph."""
    if laid.rows is None:
        return CheckView(problems=laid.problems, graph=None)
    return CheckView(
        problems=laid.problems, graph={"steps": [laid_step(number, row) for number, row in enumerate(laid.rows)]}
    )


def lay_out(
    workspace: LocalWorkspace,
    flow: str,
    texts: dict[str, str],
    *,
    executor: str = "",
    bundle: str = "",
    arguments: bytes | None = None,
) -> Laid:
    """The steps of the flow with these inputs, as far as they are known before it runs, and every problem.

    Args:
        executor: where steps run that name none; default: the setting.
        bundle: hash of its code; default: the project's as it is now.
        arguments: packed inputs, instead of the texts.
    """
    profile = Profile(flow, flow.rpartition(":")[2], body="flow", timeout_s=workspace.settings.layout_timeout_s)
    pools, executor = pools_of(workspace.settings), executor or workspace.settings.executor
    if refused := misplaced(profile, pools, executor):
        return Laid([asdict(problem) for problem in refused], None, [])
    extra: dict[str, Any] = {"pools": {name: pool.describe() for name, pool in pools.items()}, "executor": executor}
    extra["environment"] = workspace.settings.environment
    if arguments is None:
        extra["texts"] = texts
    with working(workspace, profile, arguments, extra, bundle) as worker:
        return _collect(worker, workspace, pools, executor)


@contextmanager
def working(
    workspace: LocalWorkspace,
    profile: Profile,
    arguments: bytes | None,
    extra: dict[str, Any] | None,
    bundle: str = "",
    executor: Callable[[], Executor] | None = None,
) -> Iterator[Executor]:
    """An executor with a worker of its own, which works on one order: user code is loaded there and nowhere else."""
    folder = workspace.state / "bundles" / (bundle or workspace.bundle())
    (workspace.state / "spill").mkdir(exist_ok=True)
    launchable = Launchable(
        profile, str(folder), str(workspace.folder), str(workspace.state),
        artifacts=place_of(workspace.folder, workspace.settings.artifacts),
    )  # fmt: skip
    made: Executor = (
        executor() if executor is not None else ProcessExecutor(machine_capacity(), workspace=workspace.state, spare=0)
    )
    try:
        made.introduce(1, launchable)
        lane = made.open_lane(launchable.bundle, Demand())
        made.submit(lane, [Order(1, 1, "check", 0, 1, profile.title, arguments, None, extra)])
        yield made
    finally:
        made.close()


def _collect(worker: Executor, workspace: LocalWorkspace, pools: Mapping[str, Pool], executor: str) -> Laid:
    profiles: list[Profile] = []
    rows: list[list[Any]] = []
    until = time.monotonic() + workspace.settings.layout_timeout_s
    while time.monotonic() < until:
        for message in worker.receive(0.25):
            if message[0] == FRAME:
                profiles.extend(tuned(profile_from(given), workspace.settings.tasks) for given in message[3])
                rows.extend(message[4])
            elif message[0] == LAID:
                return Laid(
                    [*message[3], *map(asdict, misplaced_rows(rows, profiles, pools, executor))], rows, profiles
                )
            elif message[0] == FAILED:
                return Laid(_problems(message[2]), None, [])
            elif message[0] == LOST:
                return Laid([{"message": f"the layout ended its worker: {message[3]}"}], None, [])
    limit = workspace.settings.layout_timeout_s
    remedy = "a flow's body only calls tasks; move the work into a task, or raise layout_timeout"
    return Laid([{"message": f"the layout took longer than {limit:g} s", "remedy": remedy}], None, [])


def _problems(error: dict[str, Any]) -> list[dict[str, Any]]:
    if error.get("problems"):
        return list(error["problems"])
    return [as_problem(error)]  # type: ignore[arg-type]


def laid_step(number: int, row: list[Any]) -> StepView:
    """A step of a layout as the record of one that has not run."""
    name, kind, _, parent, _, inputs, fallback_of, _, place = row
    return StepView(
        id=number, parent=parent, name=name, path=name, kind=Kind(kind).name.lower(), state="pending", marks=[], attempts=0,
        place=place or "", inputs=[item if isinstance(item, int) else item[0] for item in inputs],
        fallback_of=-1 if fallback_of is None else fallback_of, started_at=None, ended_at=None, due_at=None, preview="",
        error=None, progress=None,
    )  # fmt: skip
