"""Plans to be drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from partita.core.records import Demand
from partita.protocol.plans import PlanRequest, PlanView
from partita.workspace.flow_instance import NoHistory, prepare
from partita.workspace.flow_planning import view_of
from partita.workspace.flow_tasks import FlowTask
from partita.workspace.what_if import Machines, PlannedNode

__all__ = ["CHEAP", "FAST", "made", "step"]

FAST = PlannedNode("fast", "", {"cpu": 2.0}, 2.0, {"cpu": 4.0})
CHEAP = PlannedNode("cheap", "", {"cpu": 2.0}, 1.0, {"cpu": 1.0})


def step(path: str, needs: Sequence[int] = (), kind: str = "task", place: str = "flows.py:7") -> FlowTask:
    title = path.rpartition("/")[2].partition("[")[0]
    return FlowTask(path, title, kind, place, Demand(), f"flows:{title}", "", "", tuple(needs))


def made(
    steps: Sequence[FlowTask],
    durations: Mapping[str, float] | None = None,
    nodes: Sequence[PlannedNode] = (FAST,),
    request: PlanRequest | None = None,
    title: str = "survey",
    beta: float = 0.0,
) -> PlanView:
    machines = Machines(tuple(nodes), beta=beta, durations=durations or {}, is_what_if=True)
    return view_of(prepare(title, steps, machines, NoHistory(), ""), {"samples": 20, **(request or {})})
