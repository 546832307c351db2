"""What a client asks to be tuned, made a search: the flow is loaded in a worker, which says what is searched."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from partita.core.records import Profile
from partita.errors import CheckError, EngineError, Problem
from partita.executors.port import LOST
from partita.protocol.messages import DONE, FAILED
from partita.protocol.requests import as_problem
from partita.protocol.studies import TuneRequest
from partita.tune.budgets import Budgets
from partita.tune.dimensions import dimension_of
from partita.tune.loop import Plan
from partita.tune.objectives import WHOLE, objectives_of
from partita.tune.opening import Search, again, budgets_of, read_record
from partita.tune.proposing import need_optuna
from partita.tune.spaces import Space
from partita.values import PLAIN, pack, unpack
from partita.workspace.checking import working
from partita.workspace.runs import encoder_of

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace
    from partita.workspace.trials import LocalTrials

__all__ = ["asked"]


def asked(workspace: LocalWorkspace, trials: LocalTrials, request: TuneRequest) -> Search:
    """What a request comes to.

    Raises:
        CheckError: the flow or its space are refused.
        NotFoundError: no flow is named, and there is no such study.
        MissingExtraError: Optuna is not installed.
    """
    need_optuna()
    budgets = Budgets(request.get("trials"), request.get("time_s"), request.get("cost"), request.get("target"))
    parallel, failures = request.get("parallel"), request.get("failures", 5)
    if not request.get("flow"):
        record = read_record(trials.journals, request.get("study", ""))
        budgets = budgets.over(budgets_of(record))
        kept = request.get("failures", record.definition["failures"])
        return again(record, trials, Plan(objectives_of(), budgets, parallel, failures=kept))
    texts = request.get("texts", {})
    space = _space(workspace, request["flow"], request.get("space", {}), texts)
    objectives = {name or WHOLE: way for name, way in request.get("objectives", {"": "maximize"}).items()}
    plan = Plan(objectives_of(objectives), budgets.or_usual(), parallel, request.get("report", ""), failures)
    starter = trials.text_starter(request["flow"], texts, request.get("executor", ""), request.get("refresh", False))
    return Search(
        starter, space, plan, request.get("sampler", "tpe"), request.get("pruner", "median"), request.get("seed"),
        request.get("report_direction", ""),
    )  # fmt: skip


def _space(workspace: LocalWorkspace, flow: str, given: dict[str, Any], constants: dict[str, str]) -> Space:
    """What is searched, as a worker says that loads the flow.

    Raises:
        CheckError: with everything that is wrong.
    """
    profile = Profile("partita.tune.described:described", "described", timeout_s=workspace.settings.layout_timeout_s)
    arguments = pack([[[PLAIN, flow], [PLAIN, given], [PLAIN, constants]], [], []])
    until = time.monotonic() + workspace.settings.layout_timeout_s
    with working(workspace, profile, arguments, None) as worker:
        while time.monotonic() < until:
            for message in worker.receive(0.25):
                if message[0] == DONE:
                    node = unpack(message[2])
                    found = encoder_of(workspace).decode(node)
                    return Space({name: dimension_of(plain) for name, plain in found.items()})
                if message[0] == FAILED:
                    problems = message[2].get("problems") or [as_problem(message[2])]
                    raise CheckError([Problem(**problem) for problem in problems])
                if message[0] == LOST:
                    raise CheckError([Problem(f"loading {flow} ended its worker: {message[3]}")])
    raise EngineError(f"{flow} was not loaded within {workspace.settings.layout_timeout_s:g} s")
