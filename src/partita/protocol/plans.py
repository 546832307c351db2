"""A plan of a flow, for people and programs: plain data, as `partita plan FLOW --json` prints it."""

from __future__ import annotations

from typing import Any, TypedDict

from partita.protocol.requests import StepView

__all__ = [
    "BottleneckView", "EstimateView", "FinishView", "FrontierView", "MoreView", "PlanRequest", "PlanView", "PlannedNodeView",
    "PlannedStepView",
]  # fmt: skip


class PlanRequest(TypedDict, total=False):
    """What a plan is to be like; what is left out is as the settings have it."""

    executor: str  # where steps run that name none
    nodes: str  # path of a what-if file; empty: the executors of the settings
    alpha: float | None  # what a second of the makespan counts
    beta: float | None  # what a unit of the cost counts
    deadline_s: float | None  # seconds in which everything is to be done, as cheaply as possible
    budget: float | None  # what it may cost, as fast as possible
    with_frontier: bool  # time against cost, too
    must_prove: bool  # use the constraint solver
    time_limit_s: float | None  # how long to look for better plans; None: next to no time
    samples: int  # of the finish, at most; 0: as many as take little time. The plan tells how many there were
    simulated_steps: (
        int  # samples times steps, at most, whatever `samples` says; over a server it is the server's to say
    )
    simulate_s: float  # seconds after which the finish is told of the samples that there are; likewise
    seed: int  # of what is drawn


class PlannedStepView(TypedDict):
    """A step, when and where it runs."""

    path: str  # "train/fit[3]"
    title: str  # of its task
    kind: str  # "task", "flow" (laid out when its inputs are known), "wait"
    place: str  # "file.py:12" of the call
    needs: list[int]  # positions among the steps
    node: str
    start_s: float  # from the beginning of the run
    seconds: float  # there
    low_s: float  # a tenth of cases takes less
    high_s: float  # a tenth takes more
    basis: str  # what the duration was taken from: "guess", "said", or what the history says
    demand: dict[str, float]
    cost: float
    is_critical: bool


class PlannedNodeView(TypedDict):
    """A node, and what a plan uses of it."""

    id: str
    capacity: dict[str, float]  # by resource; memory in bytes; what is without a limit is left out
    speed: float
    price: dict[str, float]  # a unit of a resource and a second
    rent: float  # a second from the first start to the last finish
    steps: int
    busy: dict[str, float]  # by resource: how much of what there is until the end is held, 0 to 1
    cost: float


class FinishView(TypedDict):
    """When everything will be done: makespans of simulated runs, in seconds."""

    p10: float
    p50: float
    p90: float
    samples: int
    chance: float | None  # of keeping the deadline, where there is one


class EstimateView(TypedDict):
    """When a run that went on was thought to be done, in seconds since the epoch."""

    made_at: float
    p10: float
    p50: float
    p90: float


class BottleneckView(TypedDict):
    """What a plan's makespan is for."""

    node: str  # empty: the critical path, which only faster nodes shorten
    resource: str
    share: float  # how much of the makespan the path takes, or of the resource is held


class MoreView(TypedDict):
    """What something more would bring: planned anew with it."""

    node: str
    resource: str  # of which the node would have one more; empty: another node like it
    makespan_s: float
    cost: float


class FrontierView(TypedDict):
    """A plan of which no other one is both faster and cheaper."""

    makespan_s: float
    cost: float
    nodes: dict[str, int]  # steps by node
    is_chosen: bool


class PlanView(TypedDict):
    """A plan of a flow."""

    title: str
    steps: list[PlannedStepView]
    nodes: list[PlannedNodeView]
    alpha: float
    beta: float
    makespan_s: float
    cost: float
    objective: float  # alpha * makespan + beta * cost
    bound: float  # no plan's objective is less
    least_s: float  # no plan's makespan is less
    least_cost: float  # no plan's cost is less
    is_optimal: bool
    planner: str  # what found it
    finish: FinishView
    critical: list[int]  # positions of the steps of the critical path, in order
    critical_s: float
    bottleneck: BottleneckView
    more: list[MoreView]
    frontier: list[FrontierView]  # empty where it was not asked for
    guessed: int  # steps whose duration nobody has measured or said
    unknown: list[str]  # paths of what is not known before it runs, and counted as nothing or as a guess
    from_past: list[str]  # paths of what is laid out later, in whose place stand the steps of a usual earlier run
    past_runs: int  # earlier runs from whose steps in these places the finish is drawn; 0: there are no such places
    deadline_s: float | None
    budget: float | None
    refusal: str  # why no plan keeps deadline and budget; empty: this one does
    graph: list[StepView]  # all steps of the layout, with those that take no time: what `partita graph` draws
    problems: list[dict[str, Any]]  # warnings of the check
