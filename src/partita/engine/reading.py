"""What clients are told of runs: plain records made of what is in memory and of what is stored."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

from partita.core.graph import path_of
from partita.core.standing import standing_of
from partita.core.states import FINAL, Kind, Mark, State
from partita.engine.book import Book
from partita.engine.lanes import PLACE_MARK
from partita.engine.live import Live, unpack_inputs
from partita.engine.published import Published
from partita.engine.recovery import Recovery
from partita.errors import NotFoundError
from partita.protocol.models import model_text
from partita.protocol.publications import parse_publication
from partita.protocol.requests import AttemptView, LogChunk, RunView, StatesView, StepView, WatchView
from partita.protocol.retention import let_go_at
from partita.protocol.stored_files import stored_text
from partita.store.port import AttemptEnd, AttemptRow, RunRow, StepRow
from partita.values import BLOB, DICT, INLINE, LIST, OBJECT, OUTCOME, PLAIN, TUPLE, Node, unpack

__all__ = ["Reading", "node_parts", "node_text"]

LOG_CHUNK_BYTES = 256 << 10
WATCH_STEPS = 500
#: So many steps are told of at once.
STEPS_AT_ONCE = 2000
#: So many attempts are told of at once.
ATTEMPTS = 20_000
#: Steps of a run in memory that are counted one by one: 10,000 take half a millisecond.
COUNTED = 50_000
_state_of = attrgetter("state")
#: So many states are told of at once.
STATES_AT_ONCE = 5000
_STATE_NAMES = {state: state.name.lower() for state in State}
_SHOWN_MARKS = (
    (Mark.ADOPTED, "adopted"), (Mark.CRASHED, "crashed"), (Mark.COMPENSATED, "compensated"), (Mark.LOST, "lost"),
    (Mark.FAILING, "failing"), (Mark.CANCELLING, "cancelling"), (Mark.HANDLED, "handled"),
    (Mark.UNMET, "unmet"), (Mark.CACHED, "cached"),
)  # fmt: skip


class Reading:
    """Answers questions; changes nothing."""

    def __init__(self, book: Book, recovery: Recovery) -> None:
        self._book = book
        self._recovery = recovery
        self._paths: dict[int, dict[int, str]] = {}
        self._counted: dict[int, dict[str, int]] = {}  # steps by state, of runs that have ended

    def find(self, name: str) -> RunRow:
        """A run by its id, by the beginning of one that is unique, or "latest".

        Raises:
            NotFoundError: there is none, or there are several.
        """
        row = self._book.store.run(name)
        if row is not None:
            return row
        recent = self._book.store.runs(limit=2000)
        if name == "latest" and recent:
            return recent[0]
        found = [row for row in recent if name and row.id.startswith(name)]
        if len(found) == 1:
            return found[0]
        if found:
            some = ", ".join(row.id for row in found[:5])
            raise NotFoundError(f"{len(found)} runs begin with {name!r}: {some}; give more of the id")
        raise NotFoundError(f"there is no run {name!r}; `partita runs list` shows those there are")

    def run(self, name: str, with_result: bool = False) -> RunView:
        row = self.find(name)
        view = self._run_view(row, counts=True)
        if with_result:
            view["result"] = self._recovery.result(row.id) if view["state"] == "succeeded" else None
        return view

    def runs(
        self, flow: str, states: Sequence[str], before: int, limit: int, *, text: str = "", since: float = 0.0,
        until: float = 0.0, is_upwards: bool = False, publication: str = "",
    ) -> list[RunView]:  # fmt: skip
        which: dict[str, Any] = {
            "flow": flow, "states": [int(State[state.upper()]) for state in states], "before": before,
            "limit": min(limit, 1000), "text": text, "since": since, "until": until, "is_upwards": is_upwards,
        }  # fmt: skip
        if publication:
            asked = parse_publication(publication)
            number = asked.number
            if asked.stage:
                number = Published(self._book).find(asked, "").number
            rows = self._book.store.published_runs(asked.name, number, **which)
        else:
            rows = self._book.store.runs(**which)
        return [self._run_view(row, counts=len(rows) <= 50) for row in rows]

    def _run_view(self, row: RunRow, counts: bool) -> RunView:
        live = self._book.live(row.id)
        options = unpack(row.options) if row.options else {}
        state, error, notes = State(row.state), row.error, row.notes
        if live is not None:
            state = live.run.state if live.is_final else State.RUNNING
            error = live.run.root.error
        elif self._book.peers is not None and state not in FINAL:
            state = State.RUNNING  # another engine has it
        parent = options.get("parent")
        told = live.notes if live is not None else (unpack(notes) if notes else {})
        owner, weight, priority = standing_of(options, told.get("standing") or {})
        if live is not None and (held_by := self._book.waits.holding(live)):
            # Nobody knows when it goes on: a time of its finish would be made up.
            told = {**{name: note for name, note in told.items() if name != "forecast"}, "held_by": held_by}
        return RunView(
            id=row.id, number=row.number, flow=row.flow, title=row.title, state=state.name.lower(), bundle=row.bundle,
            tags=list(options.get("tags") or ()), created_at=row.created_at, started_at=row.started_at,
            ended_at=live.ended_at if live is not None else row.ended_at,
            error=unpack(error) if error and state != State.SUCCEEDED else None,
            notes=told,
            counts=self._counts(row, live) if counts else {},
            publication="{}@{}".format(*options["publication"]) if options.get("publication") else "",
            parent=parent[0] if parent else None, rerun_of=options.get("adopt"),
            owner=owner, weight=weight, priority=priority,
        )  # fmt: skip

    def _counts(self, row: RunRow, live: Live | None) -> dict[str, int]:
        if live is not None and len(live.run.steps) <= COUNTED:
            states = Counter(map(_state_of, live.run.steps.values()))
            return {_STATE_NAMES[state]: count for state, count in states.items()}
        known = self._counted.get(row.number)
        if known is not None:
            return known
        found = {State(state).name.lower(): count for state, count in self._book.store.counts(row.number).items()}
        if live is None and row.state in FINAL:
            # Counting a large run takes many milliseconds, in which every other run waits.
            self._counted[row.number] = found
        return found

    def steps(self, name: str, after: int, limit: int, *, is_brief: bool = False) -> list[StepView]:
        """A page of steps; brief ones without times and previews, which are looked up step by step."""
        row = self.find(name)
        rows = self._book.store.steps(row.number, after=after, limit=min(limit, STEPS_AT_ONCE))
        return [self._step_view(row, step, is_brief) for step in rows]

    def chosen_steps(self, name: str, ids: Sequence[int], *, is_brief: bool = False) -> list[StepView]:
        """Steps by their ids; those that are not there are left out."""
        row = self.find(name)
        rows = self._book.store.chosen_steps(row.number, ids[:STEPS_AT_ONCE])
        return [self._step_view(row, step, is_brief) for step in rows]

    def _step_view(self, run: RunRow, row: StepRow, is_brief: bool = False) -> StepView:
        live = self._book.live(run.id)
        step = live.run.steps.get(row.id) if live is not None else None
        state, marks = State(row.state), row.marks
        attempts, error, due_at = row.attempts, row.error, row.due_at
        started_at: float | None = None
        progress: list[Any] | None = None
        if step is not None and live is not None:
            state, marks, attempts = step.state, step.marks, step.attempts
            error, due_at = step.error or error, step.due_at
            started_at, progress = live.started.get(row.id), live.progress.get(row.id)
        ended_at: float | None = None
        if attempts and not is_brief and (state in FINAL or started_at is None):
            started_at, ended_at = self._times(run.number, row.id, started_at)
        preview = "" if is_brief else _preview(row)
        if row.kind == Kind.WAIT and not is_brief:
            wait = self._book.store.wait(run.number, row.id)
            started_at, ended_at = (wait.opened_at, wait.closed_at) if wait is not None else (None, None)
            preview = preview or (wait.name if wait is not None else "")
        shows_error = error is not None and state in (State.FAILED, State.CANCELLED, State.SKIPPED, State.WAITING)
        return StepView(
            id=row.id, parent=row.parent, name=row.name, path=self._path(run.number, row), kind=Kind(row.kind).name.lower(),
            state=state.name.lower(), marks=[word for mark, word in _SHOWN_MARKS if marks & mark], attempts=attempts,
            place=row.place, inputs=[source for source, _, _ in unpack_inputs(row.inputs)], fallback_of=row.fallback_of,
            started_at=started_at, ended_at=ended_at, due_at=due_at if state == State.WAITING else None,
            preview=preview, error=unpack(error) if error is not None and shows_error else None, progress=progress,
        )  # fmt: skip

    def _times(self, run: int, step: int, started_at: float | None) -> tuple[float | None, float | None]:
        attempts = self._book.store.attempts(run, step)
        if not attempts:
            return started_at, None
        last, end = attempts[-1]
        first = attempts[0][1].started_at if attempts[0][1] is not None and attempts[0][1].started_at else 0.0
        return first or attempts[0][0].started_at or last.started_at, end.ended_at if end is not None else None

    def _path(self, run: int, row: StepRow) -> str:
        live = self._book.lives.get(run)
        if live is not None and row.id in live.run.steps:
            return path_of(live.run, row.id)
        if row.parent < 0:
            return row.name
        paths = self._paths.setdefault(run, {})
        if len(self._paths) > 8:
            self._paths = {run: paths}
        names: list[str] = [row.name]
        parent = row.parent
        while parent > 0:
            if parent not in paths:
                above = self._book.store.step(run, parent)
                if above is None:
                    break
                paths[parent] = f"{above.parent} {above.name}"
            number, _, name = paths[parent].partition(" ")
            names.append(name)
            parent = int(number)
        names.reverse()
        if len(names) > 12:
            names = [*names[:3], f"…{len(names) - 6} more…", *names[-3:]]
        return "/".join(names)

    def attempts(self, name: str, step: int | None) -> list[AttemptView]:
        row = self.find(name)
        stored = self._book.store.attempts(row.number, step, limit=ATTEMPTS)
        return [_attempt_view(start, end) for start, end in stored]

    def watch(self, name: str, version: int) -> WatchView | None:
        """What has changed since; None where nothing has."""
        row = self.find(name)
        live = self._book.live(row.id)
        if live is None:
            if self._is_waiting(row):
                return None
            return WatchView(version=version, run=self._run_view(row, counts=True), steps=[], is_final=True)
        first = self._book.news.origin  # a version that an earlier engine gave lies below
        known = version - first if first <= version <= first + len(live.history) else 0
        if known >= len(live.history):
            return None
        part = live.history[known : known + 4 * WATCH_STEPS]
        numbers = list(dict.fromkeys(part))[:WATCH_STEPS]
        seen = set(numbers)
        taken = next((i for i, number in enumerate(part) if number not in seen), len(part))
        rows = [self._book.store.step(row.number, number) for number in numbers]
        steps = [self._step_view(row, step) for step in rows if step is not None]
        return WatchView(
            version=first + known + taken, run=self._run_view(row, counts=True), steps=steps, is_final=live.is_final
        )

    def states(self, name: str, version: int) -> StatesView | None:
        """What has changed since, as states; None where nothing has. It reads nothing from the store while the run goes on."""
        live = self._book.live(name)
        if live is None:
            row = self.find(name)
            if self._is_waiting(row):
                return None
            return StatesView(
                version=version, state=State(row.state).name.lower(), counts=self._counts(row, None), states=[],
                created=0, is_final=True, is_cut=True, origin=self._book.news.origin,
            )  # fmt: skip
        history = live.history
        if version > len(history):
            version = 0  # given by an engine that has ended since
        if version >= len(history):
            return None
        # Who is far behind looks at the run anew.
        is_far = len(history) - version > 4 * STATES_AT_ONCE
        steps = live.run.steps
        found = list(dict.fromkeys(reversed(history[-STATES_AT_ONCE:] if is_far else history[version:])))
        numbers = found[:STATES_AT_ONCE]
        return StatesView(
            version=len(history), state=(live.run.state if live.is_final else State.RUNNING).name.lower(),
            counts=self._counts(live.row, live),
            states=[[number, _STATE_NAMES[steps[number].state]] for number in numbers if number in steps],
            created=live.run.next_id, is_final=live.is_final, is_cut=is_far or len(found) > len(numbers),
            origin=self._book.news.origin,
        )  # fmt: skip

    def _is_waiting(self, row: RunRow) -> bool:
        """Whether the run waits for an engine that works: this one does not, and its own is gone."""
        return not self._book.limits.works and row.state not in FINAL

    def still(self, name: str, version: int) -> StatesView:
        """That nothing has changed since."""
        live, row = self._book.live(name), self.find(name)
        return StatesView(
            version=version, state="running", counts=self._counts(row, live), states=[],
            created=live.run.next_id if live is not None else 0, is_final=False, is_cut=False,
            origin=self._book.news.origin,
        )  # fmt: skip

    def log(self, name: str, step: int, attempt: int | None, offset: int) -> LogChunk:
        """The next piece of an attempt's log; without a number, of the last attempt."""
        row = self.find(name)
        stored = self._book.store.attempts(row.number, step)
        chosen = [pair for pair in stored if attempt is None or pair[0].number == attempt]
        if not chosen:
            return LogChunk(step=step, attempt=attempt or 0, path="", text="", next_offset=offset, is_complete=True)
        start, end = chosen[-1]
        found = self._book.store.step(row.number, step)
        path = self._path(row.number, found) if found is not None else ""
        text, next_offset, is_complete = "", offset, end is not None
        span = self._span(row, start, end)
        if span is not None:
            segment, first, last = span
            text, next_offset = self._read(row.id, segment, first + offset, last)
            next_offset -= first
            is_complete = end is not None and (last is None or next_offset >= last - first)
        return LogChunk(
            step=step, attempt=start.number, path=path, text=text, next_offset=next_offset, is_complete=is_complete
        )

    def _span(self, run: RunRow, start: AttemptRow, end: AttemptEnd | None) -> tuple[str, int, int | None] | None:
        """Where an attempt's output lies: segment, first byte, and one past the last where it has ended."""
        if end is not None:
            segment, _, rest = end.log.rpartition(":")[0].rpartition(":")
            return (segment, int(rest), int(end.log.rpartition(":")[2])) if end.log else None
        live = self._book.live(run.id)
        ticket = live.running.get(start.step) if live is not None else None
        flight = self._book.flights.get(ticket) if ticket is not None else None
        if ticket is None or flight is None:
            return None
        place = flight.executor.executor.printing(ticket)
        return (*place, None) if place is not None else None

    def _read(self, run: str, segment: str, first: int, last: int | None) -> tuple[str, int]:
        file = Path(self._book.workspace) / "logs" / run / segment
        limit = first + LOG_CHUNK_BYTES if last is None else min(last, first + LOG_CHUNK_BYTES)
        try:
            with file.open("rb") as stream:
                stream.seek(first)
                data = stream.read(max(limit - first, 0))
        except FileNotFoundError as error:
            return f"({self._absence(run) or f'the log cannot be read: {error}'})\n", limit
        except OSError as error:
            return f"(the log cannot be read: {error})\n", limit
        return data.decode("utf-8", "replace"), first + len(data)

    def has_log(self, row: RunRow, step: int, attempt: int | None) -> bool:
        """Whether the log of an attempt can be read here; so it counts where nothing was written."""
        stored = [p for p in self._book.store.attempts(row.number, step) if attempt is None or p[0].number == attempt]
        span = self._span(row, *stored[-1]) if stored else None
        is_written_elsewhere = bool(stored) and stored[-1][1] is None and self._book.live(row.id) is None
        return not is_written_elsewhere and (
            span is None or (Path(self._book.workspace) / "logs" / row.id / span[0]).exists()
        )

    def _absence(self, run: str) -> str:
        """Where a log is that is not here; empty: it should be here."""
        peers, row = self._book.peers, self._book.store.run(run)
        gone_at = let_go_at(unpack(row.notes), "logs") if row is not None and row.notes else None
        if gone_at is not None:
            return f"the log was removed on {datetime.fromtimestamp(gone_at):%Y-%m-%d}, as the setting retention says"
        owner = peers.owner_of(row.number) if peers is not None and row is not None else None
        if peers is None or owner is None:
            return ""
        if owner.id == peers.id:
            return "the log lies on another machine, whose engine worked on the run before"
        return f"the log lies where the engine {owner.owner} worked on the run; start one there to read it"


def _attempt_view(start: AttemptRow, end: AttemptEnd | None) -> AttemptView:
    return AttemptView(
        step=start.step, number=start.number, executor=start.executor.partition(PLACE_MARK)[0],
        outcome=end.outcome if end is not None else "running",
        started_at=end.started_at if end is not None and end.started_at else start.started_at,
        ended_at=end.ended_at if end is not None else None,
        cpu_s=end.cpu_s if end is not None else 0.0, peak_bytes=end.peak_bytes if end is not None else 0,
        node=start.node, input_bytes=start.input_bytes, output_bytes=end.output_bytes if end is not None else 0,
        error=unpack(end.error) if end is not None and end.error else None,
    )  # fmt: skip


def _preview(row: StepRow) -> str:
    if row.value is None or len(row.value) > 65536:
        return ""
    return node_text(unpack(row.value))[:200]


def node_text(node: Node) -> str:
    """A value as a short text, without opening it."""
    tag = node[0]
    if tag == PLAIN:
        return repr(node[1])[:200]
    if tag == INLINE:
        return str(node[3])
    if tag == BLOB:
        return str(node[4])
    if tag == OUTCOME:
        return "ok" if node[1] else f"error: {(node[3] or {}).get('message', '')}"
    text = stored_text(node) or model_text(node)
    if text:
        return text
    if tag == LIST:
        return f"list of {len(node[1])}"
    if tag == TUPLE:
        return f"tuple of {len(node[1])}"
    if tag in (DICT, OBJECT):
        kind, keys = ("dict", node[1]) if tag == DICT else (re.split("[:.]", node[1])[-1], node[2])
        return f"{kind} of {', '.join(map(str, keys[:8]))}"
    return ""


def node_parts(node: Node) -> list[tuple[str, Node]]:
    """What a map or a dataclass holds, by name; nothing of other values."""
    tag = node[0]
    if tag in (DICT, OBJECT):
        names, parts = (node[1], node[2]) if tag == DICT else (node[2], node[3])
        return [(str(name), part) for name, part in zip(names, parts, strict=True)]
    if tag == PLAIN and isinstance(node[1], dict):
        return [(str(name), [PLAIN, part]) for name, part in node[1].items()]
    return []
