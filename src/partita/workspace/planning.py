"""Planning from files and over pipes: what `partita plan --json` and `--stdio` do."""

from __future__ import annotations

import gc
import gzip
import json
import os
import random
import time
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from partita.errors import NotFoundError, PlanningError
from partita.plan.conversation import Conversation
from partita.plan.documents import plan_document, read_instance
from partita.plan.frontier import weighed
from partita.plan.instance import Instance
from partita.plan.planner import Means, Plan, make_plan

__all__ = ["answer_events", "plan_file", "plan_within"]

#: Seconds for which a proof is looked for where no limit is given.
_PROOF_S = 10.0


def plan_file(
    source: Path,
    target: Path | None,
    *,
    time_limit_s: float = 0.0,
    must_prove: bool = False,
    seed: int = 0,
    alpha: float | None = None,
    beta: float | None = None,
) -> dict[str, Any]:
    """Plan the instance of a file, and write the plan.

    Args:
        source: the instance as JSON, also compressed by gzip.
        target: where the plan goes; None: it is only given back.
        time_limit_s: how long to look for better plans; 0: only what takes next to no time.
        must_prove: use the solver that can prove that nothing is better.
        seed: of what is left to chance.
        alpha: what a second counts; None: what the file says.
        beta: what the cost counts; None: what the file says.

    Raises:
        NotFoundError: there is no such file.
        PlanningError: it holds no instance, or one that cannot be.
        MissingExtraError: it has to be proved, and the solver is not installed.
    """
    gc.disable()  # many small objects and no circles among them: looking for some would take half the time
    try:
        instance = read_instance(read_document(source))
        instance = weighed(
            instance, instance.alpha if alpha is None else alpha, instance.beta if beta is None else beta
        )
        plan = plan_within(instance, time_limit_s or (_PROOF_S if must_prove else 0.0), must_prove, seed)
        document = plan_document(
            instance,
            plan.schedule,
            planner=f"partita, {plan.planner}",
            bound=plan.bound,
            status="optimal" if plan.is_optimal else "feasible",
        )
        if target is not None:
            target.write_text(json.dumps(document), encoding="utf-8")
    finally:
        gc.enable()
    value = plan.value
    told = {"objective": value.objective, "makespan": value.makespan, "cost": value.cost, "gap": plan.gap}
    return {**document, **told}


def plan_within(instance: Instance, limit_s: float, must_prove: bool, seed: int) -> Plan:
    """The best plan that is found in so many seconds; 0: that of quick rules."""
    if not limit_s:
        return make_plan(instance)
    clock = time.perf_counter
    with ThreadPoolExecutor(1) as threads:
        means = Means(
            clock,
            clock() + limit_s,
            random.Random(seed),
            aside=threads.submit,
            workers=max(1, min(8, os.cpu_count() or 1)),
            must_prove=must_prove,
        )
        return make_plan(instance, means)


def answer_events(lines: Iterable[str]) -> Iterator[str]:
    """Say what begins after each event, line by line: the protocol of `partita plan --stdio`.

    Raises:
        PlanningError: a line is no event, or tells of something that cannot be.
    """
    conversation = Conversation()
    for line in lines:
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise PlanningError(f"an event should be a line of JSON: {error}") from None
        yield json.dumps(conversation.answer(event))


def read_document(path: Path) -> Any:
    """What a JSON file holds, which may be compressed by gzip.

    Raises:
        NotFoundError: there is no such file.
        PlanningError: it cannot be read, or is not JSON.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}") from None
    except OSError as error:
        raise PlanningError(f"{path} cannot be read: {error}") from None
    try:
        return json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    except (ValueError, EOFError, OSError, RecursionError, zlib.error) as error:
        raise PlanningError(f"{path} is not JSON: {error}") from None
