"""When the steps of a run ran and when they were planned to: as rows of a chart, with the critical path that came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush, nlargest
from typing import NamedTuple

from partita.drawing.cells import plain
from partita.protocol.paths import short_path
from partita.protocol.plans import PlannedStepView, PlanView
from partita.protocol.requests import AttemptView, RunView, StepView

__all__ = ["RunTimes", "Span", "TimeRow", "critical_steps", "run_times"]

#: Rows of a chart that shows each machine; what runs beside so many on one is summed.
_LANES = 40
#: Clocks of machines differ by so much.
_CLOCKS_S = 0.01


class Span(NamedTuple):
    """An attempt in time, or a wait."""

    start_at: float
    end_at: float  # of what goes on: now
    state: str  # of the attempt, in the words of steps
    step: int
    number: int = 0  # of the attempt; 0: it is none
    place: str = ""  # node or executor
    size: int = 1  # how many attempts it stands for


@dataclass(slots=True, eq=False)
class TimeRow:
    """One row of a chart."""

    label: str
    step: StepView | None  # None: a lane of a machine, or a step that is planned and not laid out yet
    spans: list[Span] = field(default_factory=list)
    planned: PlannedStepView | None = None
    is_critical: bool = False

    @property
    def start_at(self) -> float | None:
        return min(span.start_at for span in self.spans) if self.spans else None

    @property
    def end_at(self) -> float | None:
        return max(span.end_at for span in self.spans) if self.spans else None


@dataclass(frozen=True, slots=True)
class RunTimes:
    """What a chart shows."""

    begin_at: float
    end_at: float  # of the axis
    now: float | None  # None: the run is over
    rows: Sequence[TimeRow]
    others: Sequence[Span]  # of steps that have no row
    hidden: int  # steps, or lanes, that have no row
    critical: Sequence[int]  # steps of the critical path in order of time
    planned_s: float | None  # how long the run was planned to take
    forecast: Mapping[str, float] | None  # of the finish: "p10", "p50", "p90", in seconds since the epoch
    held_by: str = ""  # "person" or "event": all that is left stands behind it, and there is no forecast


def run_times(
    run: RunView,
    steps: Sequence[StepView],
    attempts: Sequence[AttemptView],
    *,
    now: float,
    plan: PlanView | None = None,
    by: str = "step",
    at_most: int = 300,
) -> RunTimes:
    """The rows of a chart.

    Args:
        by: "step", "node" or "executor": what has a row.
        at_most: rows; of more steps those on the critical path are kept, what failed or runs, and the longest.
    """
    begin_at = run["started_at"] or run["created_at"]
    is_over = run["ended_at"] is not None
    spans = _spans(steps, attempts, now, by)
    critical = critical_steps(steps, spans)
    rows, others, hidden = (
        _step_rows(steps, spans, set(critical), plan, at_most)
        if by == "step"
        else _lanes(spans, set(critical), at_most)
    )
    forecast = None if is_over else run["notes"].get("forecast")
    planned = run["notes"].get("planned")
    planned_s = plan["makespan_s"] if plan is not None else planned["p50"] - begin_at if planned else None
    end_at = max(
        [run["ended_at"] or now, begin_at + 1e-3, begin_at + (planned_s or 0.0), *(span.end_at for span in spans)]
        + ([forecast["p90"]] if forecast else [])
    )  # fmt: skip
    return RunTimes(
        begin_at,
        end_at,
        None if is_over else now,
        rows,
        others,
        hidden,
        critical,
        planned_s,
        forecast,
        run["notes"].get("held_by", ""),
    )


def critical_steps(steps: Sequence[StepView], spans: Sequence[Span]) -> list[int]:
    """The steps that the run's length came from: back from what ended last to whatever each had to wait for.

    Of what goes on, the step that has run for longest counts as the last.
    """
    ends: dict[int, float] = {}
    starts: dict[int, float] = {}
    for span in spans:
        number = span.step
        ends[number] = max(span.end_at, ends.get(number, span.end_at))
        starts[number] = min(span.start_at, starts.get(number, span.start_at))
    if not ends:
        return []
    by_number = {step["id"]: step for step in steps}
    inside: dict[int, list[int]] = {}
    for step in steps:
        inside.setdefault(step["parent"], []).append(step["id"])
    running = [span for span in spans if span.state in ("running", "waiting")]
    last = min(running).step if running else max(ends, key=lambda number: (ends[number], number))
    path, seen = [last], {last}
    while True:
        start_at = starts[path[-1]] + _CLOCKS_S
        found = [
            number
            for number in _causes(path[-1], by_number, inside, seen, ends)
            if ends.get(number, start_at + 1) <= start_at
        ]
        if not found:
            return path[::-1]
        path.append(max(found, key=lambda number: (ends[number], number)))
        seen.add(path[-1])


def _causes(
    number: int,
    steps: Mapping[int, StepView],
    inside: Mapping[int, Sequence[int]],
    done: set[int],
    ends: Mapping[int, float],
) -> list[int]:
    """The steps that one had to wait for: its inputs, and the layout of the flow that it lies in."""
    step = steps.get(number)
    if step is None:
        return []
    needed = [*step["inputs"], step["fallback_of"]]
    around = steps.get(step["parent"])
    while around is not None:
        if around["id"] in ends:
            needed.append(around["id"])
            break
        needed += around["inputs"]  # it was laid out with the flow around it, or nothing is known of its layout
        around = steps.get(around["parent"])
    found: list[int] = []
    seen = set(done)
    is_around = around["id"] if around is not None else -1
    while needed:
        source = needed.pop()
        if source in seen or source not in steps:
            continue
        seen.add(source)
        found.append(source)
        kind = steps[source]["kind"]
        if kind in ("gather", "settle"):
            needed += steps[source]["inputs"]
        elif kind == "flow" and source != is_around:
            needed += inside.get(source, ())
    return found


_STATES = {"running": "running", "waiting": "waiting", "succeeded": "succeeded", "cancelled": "cancelled"}


def _spans(steps: Sequence[StepView], attempts: Sequence[AttemptView], now: float, by: str) -> list[Span]:
    spans = []
    for attempt in attempts:
        if attempt["started_at"]:
            end_at = attempt["ended_at"]
            place = attempt["node"] if by == "node" else attempt["executor"]
            spans.append(Span(
                attempt["started_at"], max(now if end_at is None else end_at, attempt["started_at"]),
                _STATES.get(attempt["outcome"], "failed"), attempt["step"], attempt["number"], place,
            ))  # fmt: skip
    known = {span.step for span in spans}
    for step in steps:
        started_at = step["started_at"]
        if started_at and step["kind"] in ("task", "undo", "wait") and step["id"] not in known:
            if step["kind"] == "wait" and by != "step":
                continue  # it is on no machine
            end_at = step["ended_at"]
            state = step["state"] if end_at is not None else "waiting" if step["kind"] == "wait" else "running"
            spans.append(Span(started_at, max(now if end_at is None else end_at, started_at), state, step["id"]))
    return spans


def _step_rows(
    steps: Sequence[StepView], spans: Sequence[Span], critical: set[int], plan: PlanView | None, at_most: int
) -> tuple[list[TimeRow], list[Span], int]:
    of_step: dict[int, list[Span]] = {}
    for span in spans:
        of_step.setdefault(span.step, []).append(span)
    planned = {_same(view["path"]): view for view in plan["steps"]} if plan is not None else {}
    laid_out = {step["parent"] for step in steps} if planned else set()
    rows = []
    for step in steps:
        found = of_step.get(step["id"])
        told = planned.pop(_same(step["path"]), None) if planned else None
        if told is not None and step["kind"] == "flow" and step["id"] in laid_out:
            told = None  # planned for all that it would be, which has rows of its own by now
        if found or told is not None:
            rows.append(TimeRow("", step, found or [], told, step["id"] in critical))
    rows += [TimeRow("", None, [], view) for view in planned.values()]
    kept = set(rows) if len(rows) <= at_most else set(nlargest(at_most, rows, key=_weight))
    others = [span for row in rows if row not in kept for span in row.spans]
    ordered = sorted((row for row in rows if row in kept), key=_begin)
    for row in ordered:
        known = row.step or row.planned
        assert known is not None
        row.label = plain(_same(known["path"]))
    return ordered, others, len(rows) - len(kept)


def _same(path: str) -> str:
    return short_path(path) if "[]" in path else path


def _weight(row: TimeRow) -> tuple[bool, bool, float]:
    spans = row.spans
    is_news = any(span.state in ("failed", "running", "waiting") for span in spans)
    seconds = sum(span.end_at - span.start_at for span in spans)
    return row.is_critical, is_news, seconds or (row.planned["seconds"] if row.planned is not None else 0.0)


def _begin(row: TimeRow) -> tuple[bool, float]:
    start_at = row.start_at
    if start_at is not None:
        return False, start_at
    return True, row.planned["start_s"] if row.planned is not None else 0.0


def _lanes(spans: Sequence[Span], critical: set[int], at_most: int) -> tuple[list[TimeRow], list[Span], int]:
    """For each machine as many rows as it had attempts at once."""
    by_place: dict[str, list[Span]] = {}
    for span in sorted(spans):
        by_place.setdefault(span.place, []).append(span)
    rows: list[TimeRow] = []
    others: list[Span] = []
    hidden = 0
    for place in sorted(by_place):
        lanes: list[TimeRow] = []
        free: list[tuple[float, int]] = []
        for span in by_place[place]:
            if free and free[0][0] <= span.start_at:
                _, number = heappop(free)
            else:
                number = len(lanes)
                lanes.append(TimeRow(f"{plain(place) or '?'} · {number + 1}", None))
            lanes[number].spans.append(span)
            lanes[number].is_critical = lanes[number].is_critical or span.step in critical
            heappush(free, (span.end_at, number))
        room = max(min(_LANES, at_most - len(rows)), 0)
        rows += lanes[:room]
        others += [span for lane in lanes[room:] for span in lane.spans]
        hidden += len(lanes[room:])
    return rows, others, hidden
