"""Runs, steps and attempts as tables and as JSON."""

from __future__ import annotations

import difflib
import time

from partita.cli.failures import all_steps, tell_error, tell_failures, tell_problems
from partita.cli.output import STATE_STYLES, Cell, Output
from partita.cli.session import Session
from partita.drawing.cells import clean
from partita.drawing.progress import Group, Progress, left_text, planned_text, warnings_of
from partita.drawing.reported import series_of
from partita.drawing.results import result_json, result_text
from partita.errors import NotFoundError
from partita.protocol.paths import WHOLE, closeness, several
from partita.protocol.requests import AttemptView, RunView, StepView, is_refused
from partita.units import duration_text, size_text, whole_number

__all__ = ["find_step", "tell_run", "tell_runs", "tell_step"]


def tell_runs(output: Output, runs: list[RunView]) -> None:
    """One row a run."""
    if not runs:
        output.note("There are no runs here; `partita run FLOW` starts one.")
        return
    has_others = len({run["owner"] for run in runs}) > 1
    rows: list[list[Cell | str]] = [
        [Cell(run["id"], "bold"), _run_cell(output, run), run["title"], *([run["owner"]] * has_others),
         _clock(run["created_at"]), _took(run["started_at"], run["ended_at"]), _counts(run["counts"]), " ".join(run["tags"])]
        for run in runs
    ]  # fmt: skip
    head = ["RUN", "STATE", "FLOW", *(["OWNER"] * has_others), "CREATED", "TOOK", "STEPS", "TAGS"]
    output.table(head, rows, flexible=2)


def _run_cell(output: Output, run: RunView) -> Cell:
    if is_refused(run):
        return Cell(f"{output.symbol('skipped')} refused", "warn")
    return _state_cell(output, run["state"])


def _state_cell(output: Output, state: str) -> Cell:
    return Cell(f"{output.symbol(state)} {state}", STATE_STYLES.get(state, ""))


def _clock(seconds: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds is not None else ""


def _took(started: float | None, ended: float | None) -> str:
    if started is None:
        return ""
    return duration_text((ended if ended is not None else time.time()) - started)


def _counts(counts: dict[str, int]) -> str:
    total = sum(counts.values())
    bad = [f"{counts[state]:,} {state}" for state in ("failed", "cancelled", "skipped") if counts.get(state)]
    done = sum(counts.get(state, 0) for state in ("succeeded", "failed", "cancelled", "skipped"))
    head = f"{total:,}" if done == total else f"{done:,}/{total:,}"
    return ", ".join([head, *bad]) if total else ""


def tell_run(session: Session, run: RunView, states: list[str], *, is_whole: bool) -> None:
    """A run with its steps."""
    output = session.output
    steps = (step for step in all_steps(session, run["id"]) if not states or step["state"] in states)
    if output.is_json:
        output.document({**run, "result": result_json(run.get("result")), "steps": list(steps)})
        return
    _tell_head(output, run)
    if is_whole or states:
        _tell_steps(output, [step for step in steps if step["parent"] >= 0])
    else:
        progress = Progress()
        progress.take(run, steps)
        _tell_groups(output, sorted(progress.groups.values(), key=lambda group: group.order))
    output.flush()
    if run["state"] == "failed":
        tell_failures(session, run)
    text = result_text(run.get("result"), output.columns(output.out) or 100)
    if text:
        output.line()
        output.line("result", "dim")
        output.line(text)


def _tell_head(output: Output, run: RunView) -> None:
    state = output.paint(f"{output.symbol(run['state'])} {run['state']}", STATE_STYLES.get(run["state"], ""))
    output.line(f"{output.paint(clean(run['title']), 'bold')}  {state}")
    about = [
        ("run", run["id"]),
        ("flow", run["flow"]),
        ("version", run["publication"]),
        ("owner", run["owner"]),
        ("weight", f"{run['weight']:g}" if run["weight"] != 1 else ""),
        ("priority", f"{run['priority']:,}" if run["priority"] else ""),
        ("created", _clock(run["created_at"])),
        ("took", _took(run["started_at"], run["ended_at"])),
        ("planned", planned_text(run)),
        ("to go", left_text(run, time.time())),
        ("cost", f"{run['notes']['cost']:.4g}" if run["notes"].get("cost") else ""),
        ("bounds", _bounds(run)),
        ("but", "; ".join(warnings_of(run))),
        ("steps", _counts(run["counts"])),
        ("tags", " ".join(run["tags"])),
        ("launched by", run["parent"] or ""),
        ("rerun of", run["rerun_of"] or ""),
        ("taken over", str(run["notes"].get("adopted") or "")),
        ("no more there", ", ".join(run["notes"].get("vanished") or ())),
    ]
    for name, told in about:
        if told:
            output.line(f"  {output.paint(f'{name:<13}', 'dim')} {clean(told)}")
    warnings = run["notes"].get("warnings") or []
    if warnings:
        output.flush()
        tell_problems(output, [{**problem, "is_warning": True} for problem in warnings if isinstance(problem, dict)])
    output.line()


def _bounds(run: RunView) -> str:
    found = run["notes"].get("bounds") or {}
    parts = []
    if found.get("deadline") is not None:
        parts.append(f"done by {_clock(found['deadline'])}")
    if found.get("budget") is not None:
        parts.append(f"cost at most {found['budget']:g}")
    return " and ".join(parts) + (", or it is stopped" if parts and found.get("overrun") == "stop" else "")


def _tell_groups(output: Output, groups: list[Group]) -> None:
    rows: list[list[Cell | str]] = []
    now = time.time()
    for group in groups:
        elapsed = group.elapsed_s(now)
        many = f"{group.done:,}/{group.total:,}" if group.total > 1 else ""
        failed = f"{group.counts['failed']:,} failed" if group.total > 1 and group.counts.get("failed") else ""
        preview = group.latest["preview"] if group.total == 1 and group.latest is not None else ""
        took = duration_text(elapsed) if elapsed is not None else "cached" if group.is_cached else ""
        rows.append([_state_cell(output, group.state), group.title, many, took, failed or preview])
    if rows:
        output.table(["STATE", "STEP", "DONE", "TOOK", "VALUE"], rows)


def _tell_steps(output: Output, steps: list[StepView]) -> None:
    rows: list[list[Cell | str]] = [
        [str(step["id"]), _state_cell(output, step["state"]), step["path"], str(step["attempts"] or ""),
         _took(step["started_at"], step["ended_at"]) if step["started_at"] is not None else "",
         (step["error"] or {}).get("message", "").split("\n")[0] or step["preview"]]
        for step in steps
    ]  # fmt: skip
    if rows:
        output.table(["NUMBER", "STATE", "STEP", "ATTEMPTS", "TOOK", "VALUE"], rows)
    else:
        output.note("No step is in such a state.")


def find_step(session: Session, run: str, word: str) -> StepView:
    """A step by its number, its path, or the end of its path.

    Raises:
        NotFoundError: there is none, or several have such a path.
    """
    near: list[str] = []
    if word.isdecimal():
        number = whole_number(word, (1 << 32) - 1)
        page = session.workspace.steps(run, after=number - 1, limit=1) if number is not None else []
        if page and page[0]["id"] == number:
            return page[0]
        raise NotFoundError(f"the run {run} has no step number {word[:40]}; `partita runs show {run} --all` lists them")
    found: dict[int, list[StepView]] = {}
    for step in all_steps(session, run):
        close = closeness(word, step["path"])
        if close == WHOLE:
            return step
        if close is not None:
            found.setdefault(close, []).append(step)
        if len(near) < 5000:
            near.append(step["path"])
    fitting = found[min(found)] if found else []
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise NotFoundError(f"in run {run} {several(word, [step['path'] for step in fitting])}")
    alike = difflib.get_close_matches(word, near, n=1)
    hint = f"did you mean {alike[0]}?" if alike else f"`partita runs show {run} --all` lists them"
    raise NotFoundError(f"the run {run} has no step {word!r}; {hint}")


def tell_step(session: Session, run: RunView, word: str) -> None:
    """A step with its attempts, and what it reported."""
    output = session.output
    step = find_step(session, run["id"], word)
    attempts = session.workspace.attempts(run["id"], step["id"])
    reports = session.workspace.reports(run["id"], step["id"])
    if output.is_json:
        output.document({**step, "attempts": attempts, "reports": reports})
        return
    state = output.paint(f"{output.symbol(step['state'])} {step['state']}", STATE_STYLES.get(step["state"], ""))
    output.line(f"{output.paint(clean(step['path']), 'bold')}  {state}")
    for name, told in (
        ("number", str(step["id"])), ("kind", step["kind"]), ("called at", step["place"]),
        ("marks", ", ".join(step["marks"])), ("inputs", ", ".join(map(str, step["inputs"]))),
        ("value", step["preview"]),
    ):  # fmt: skip
        if told:
            output.line(f"  {output.paint(f'{name:<9}', 'dim')} {clean(told)}")
    if attempts:
        output.line()
        _tell_attempts(output, attempts)
    if reports:
        output.line()
        rows: list[list[Cell | str]] = [
            [clean(one.name), f"{one.last:.6g}", str(one.at_step), str(one.amount)] for one in series_of(reports)
        ]
        output.table(["REPORTED", "LAST", "AT STEP", "VALUES"], rows)
    output.flush()
    if step["error"] is not None:
        output.note()
        tell_error(output, step["error"])


def _tell_attempts(output: Output, attempts: list[AttemptView]) -> None:
    rows: list[list[Cell | str]] = [
        [str(item["number"]), item["outcome"], item["executor"], _clock(item["started_at"]),
         _took(item["started_at"], item["ended_at"]), duration_text(item["cpu_s"]), size_text(item["peak_bytes"]),
         (item["error"] or {}).get("message", "").split("\n")[0]]
        for item in attempts
    ]  # fmt: skip
    output.table(["ATTEMPT", "OUTCOME", "EXECUTOR", "STARTED", "TOOK", "CPU", "MEMORY", "ERROR"], rows)
