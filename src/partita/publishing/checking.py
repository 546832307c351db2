"""The flow that checks gates: its steps are ready tasks, so that logs, results and lineage are those of any run.

A gate that is not met fails its step, after it has said what it found. Nothing of the bundle runs in the engine: tests run in a
process of their own, and the sample is a run of the version.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from partita.errors import EngineError, GateError
from partita.flow.context import context
from partita.flow.flow import flow
from partita.flow.loading import project_folder
from partita.flow.task import task
from partita.flow.waits import Decision, approval
from partita.models.gates import Bound, Candidate, parse_gate
from partita.publishing.gates import APPROVALS, SAMPLE, TESTS, floor_gate
from partita.values import unpack
from partita.worker.attempt_context import AttemptContext

__all__ = ["check_gates", "keep_decision", "measure_floor", "move_stage", "run_sample", "run_tests"]

_NO_TESTS = 5  # the exit status of pytest that found none
_TAIL = 3  # lines of its output that are told


@flow(name="check gates")
def check_gates(plan: dict[str, Any]) -> dict[str, Any]:
    """Check the gates of a published flow, and move the stage when all are met.

    Args:
        plan: the version, who asked for it, and what has to hold.
    """
    found: list[Any] = []
    not_by = plan.get("not_by") or [plan["by"]]
    if plan["tests"]:
        found.append(run_tests(plan["tests"], plan["tests_timeout_s"]))
    sample = None
    if plan["has_sample"]:
        sample = run_sample(plan["version"], plan["sample"], plan["within_s"])
        found.append(sample)
    for floor in plan["floors"]:
        found.append(
            measure_floor.with_options(name=f"floor {floor}".replace("/", "-"))(plan["version"], floor, sample)
        )
    if plan["approvals"]:
        timeout_s = plan["approval_timeout_s"]
        shown = {"gates": list(found), "why": plan["why"]}
        decision = approval(
            plan["question"], show={name: value for name, value in shown.items() if value} or None, approvers=plan["approvers"],
            not_by=not_by, required=plan["approvals"], on_reject="continue", after=list(found),
            timeout=timeout_s, on_timeout="reject" if timeout_s else "fail",
        )  # fmt: skip
        found.append(keep_decision(decision))
    return move_stage(plan["version"], plan["stage"], list(found))


@task(cache=False)
def run_tests(words: list[str], timeout_s: float) -> dict[str, Any]:
    """Run tests of the bundle by pytest, in a copy of it."""
    with tempfile.TemporaryDirectory(prefix="partita-tests-", ignore_cleanup_errors=True) as place:
        folder = Path(place) / "project"
        shutil.copytree(project_folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))
        status, lines = _pytest(folder, words, timeout_s)
    told = " ".join(" ".join(lines[-_TAIL:]).split()).strip("= ") or f"pytest ended with {status}"
    if status == _NO_TESTS:
        told = "there are no such tests in the bundle"
    elif status is None:
        told = f"the tests took longer than {timeout_s:g} s"
    elif status == 0:
        told = lines[-1].strip("= ") if lines else "passed"
    return _say(TESTS, status == 0, told)


def _pytest(folder: Path, words: list[str], timeout_s: float) -> tuple[int | None, list[str]]:
    """Its exit status, None: it took too long; and its last lines."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PARTITA_")}
    roots = [str(folder), str(folder / "src")]
    environment["PYTHONPATH"] = os.pathsep.join([*roots, *filter(None, [environment.get("PYTHONPATH", "")])])
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no", *words]
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", start_new_session=True,
    )  # fmt: skip
    is_late = threading.Event()

    def end() -> None:
        is_late.set()
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(timeout_s, end)
    timer.start()
    lines: list[str] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="")
            if line.strip():
                lines = [*lines[-_TAIL:], line.strip()]
        status = process.wait()
    finally:
        timer.cancel()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return None if is_late.is_set() else status, lines


@task(cache=False)
def run_sample(version: str, texts: dict[str, str], within_s: float | None) -> dict[str, Any]:
    """Run the version on sample inputs."""
    profile = {"deadline_s": within_s, "overrun": "stop"} if within_s is not None else {}
    request = {
        "flow": version, "publication": version, "texts": texts, "profile": profile, "tags": ["sample"],
        "key": f"{_attempt().idempotency_key}/sample",
    }  # fmt: skip
    run = str(_attempt().ask("launch", request))
    print(f"run {run} of {version}")
    ending = _attempt().ask("wait", {"run": run})
    facts = _attempt().ask("gate_facts", {"run": run})
    is_late = within_s is not None and facts["took_s"] > within_s
    error = (ending.get("error") or {}).get("message", "")
    if is_late:
        told = f"run {run} took {facts['took_s']:.3g} s, more than {within_s:g} s"
    else:
        reason = f": {error}" if error else ""
        told = f"run {run} {ending['state']} in {facts['took_s']:.3g} s{reason}"
    result = _numbers(ending.get("result"))
    return _say(
        SAMPLE, ending["state"] == "succeeded" and not is_late, told, run=run, metrics={**facts["metrics"], **result}
    )


def _numbers(packed: bytes | None) -> dict[str, float]:
    """The numbers of a result that is a map of them."""
    try:
        value = _attempt().decode(unpack(packed)) if packed else None
    except Exception as error:  # of the user's own classes
        print(f"the result cannot be opened here: {error}")
        return {}
    items = value.items() if isinstance(value, Mapping) else ()
    return {
        str(name): float(number) for name, number in items
        if isinstance(number, (int, float)) and not isinstance(number, bool)
    }  # fmt: skip


@task(cache=False)
def measure_floor(version: str, floor: str, sample: dict[str, Any] | None) -> dict[str, Any]:
    """Compare a metric of the sample's run, or of the last run of the version that succeeded, with a number."""
    bound = parse_gate(floor)
    assert isinstance(bound, Bound)
    facts = sample if sample is not None else _attempt().ask("gate_facts", {})
    if not facts["run"]:
        return _say(floor_gate(floor), False, f"no run of {version} has succeeded yet; give a sample to be run")
    metrics: dict[str, float] = facts["metrics"]
    if bound.metric not in metrics:
        known = ", ".join(sorted(metrics)[:20]) or "none"
        told = f"run {facts['run']} tells no {bound.metric}; it tells {known}"
        return _say(floor_gate(floor), False, told)
    is_met, told = bound.judge(Candidate(version, metrics, 0), None)
    return _say(floor_gate(floor), is_met, f"{told} in run {facts['run']}")


@task(cache=False)
def keep_decision(decision: Decision) -> dict[str, Any]:
    """Keep what persons have said."""
    said = f": {decision.comment}" if decision.comment else ""
    if decision.approved:
        return _say(APPROVALS, True, f"approved by {decision.by}{said}")
    return _say(APPROVALS, False, (f"rejected by {decision.by}" if decision.by else "nobody approved in time") + said)


@task(cache=False)
def move_stage(version: str, stage: str, found: list[Any]) -> dict[str, Any]:
    """Let the stage have the version, now that every gate is met."""
    move = _attempt().ask("gates_passed", {})
    what = f"{stage} has {version} now" if move else f"{version} has passed"
    print(what)
    return {"version": version, "stage": stage, "found": [item["told"] for item in found]}


def _say(gate: str, is_met: bool, told: str, **more: Any) -> dict[str, Any]:
    """Keep what a gate has found with the version.

    Raises:
        GateError: it is not met.
    """
    _attempt().ask("gate_found", {"gate": gate, "is_met": is_met, "told": told})
    print(f"{gate}: {'met' if is_met else 'NOT met'}: {told}")
    if not is_met:
        raise GateError(f"{gate} is not met: {told}")
    return {"gate": gate, "told": told, **more}


def _attempt() -> AttemptContext:
    current = context()
    if not isinstance(current, AttemptContext):
        raise EngineError("gates are checked in a run; `partita flows promote` starts one")
    return current
