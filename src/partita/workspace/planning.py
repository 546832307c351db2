"""Planning from files and over pipes: what `partita plan --json` and `--stdio` do."""

from __future__ import annotations

import gc
import gzip
import json
from pathlib import Path
from typing import Any

from partita.errors import NotFoundError, PlanningError
from partita.plan.documents import plan_document, read_instance
from partita.plan.planner import make_plan

__all__ = ["plan_file"]


def plan_file(source: Path, target: Path | None, time_limit_s: float | None, must_prove: bool) -> dict[str, Any]:
    """Plan the instance of a file, and write the plan.

    Args:
        source: the instance as JSON, also compressed by gzip.
        target: where the plan goes; None: it is only given back.
        time_limit_s: how long to look for better plans; None: only what takes next to no time.
        must_prove: use the solver that can prove that nothing is better.
    """
    gc.disable()  # the data are trees of many small objects and no circles; looking for some takes half the time
    instance = read_instance(read_document(source))
    plan = make_plan(instance)
    document = plan_document(
        instance,
        plan.schedule,
        planner=f"partita: {plan.planner}",
        bound=min(plan.bound, plan.value.objective),
        status="optimal" if plan.is_optimal else "feasible",
    )
    if target is not None:
        target.write_text(json.dumps(document), encoding="utf-8")
    return document


def read_document(path: Path) -> Any:
    """What a JSON file holds, which may be compressed by gzip.

    Raises:
        NotFoundError: there is no such file.
        PlanningError: it is not JSON.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}") from None
    try:
        return json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    except (ValueError, EOFError, OSError) as error:
        raise PlanningError(f"{path} is not JSON: {error}") from None
