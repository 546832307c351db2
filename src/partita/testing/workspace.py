"""A workspace in memory: the real engine on a store in memory, in this process, with a clock that jumps."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from partita.artifacts.codecs.encoder import Encoder
from partita.core.records import Demand
from partita.core.resources import Pool
from partita.engine.book import Book, Limits
from partita.engine.explaining import Explaining
from partita.engine.lanes import Lanes
from partita.engine.live import Live
from partita.engine.loop import Engine
from partita.engine.reading import Reading
from partita.engine.values import ValueCache
from partita.engine.wait_requests import WaitRequests
from partita.errors import DefinitionError, EngineError, NotFoundError, StoreError
from partita.executors.port import Capacity
from partita.flow.definition import Definition
from partita.flow.entry import lay_out
from partita.flow.flow import Flow
from partita.flow.launching import launching
from partita.flow.loading import allow_local_functions, load, locate
from partita.flow.settle import make_outcome
from partita.protocol.requests import AttemptView, ExplanationView, LaunchRequest, LogChunk, RunView, StepView
from partita.protocol.waits import WaitView, only_wait
from partita.store.port import ReportRow, Turn
from partita.testing.clock import VirtualClock
from partita.testing.inline_executor import InlineExecutor
from partita.testing.inline_worker import Script
from partita.testing.memory_artifacts import MemoryArtifacts
from partita.testing.memory_blobs import MemoryBlobs
from partita.testing.memory_store import MemoryStore
from partita.testing.memory_trials import MemoryStudies
from partita.units import size_bytes
from partita.values import pack, unpack
from partita.worker.values import WorkerValues
from partita.workspace.checking import laid_step
from partita.workspace.local import LocalWorkspace
from partita.workspace.runs import Run, flow_request, raise_failure
from partita.workspace.tables import FlowGraph

__all__ = ["MemoryRun", "MemoryWorkspace", "memory_workspace"]

_PAGE = 2000

#: Times that lie no further apart are the same: they are sums of fractions.
_INSTANT_S = 1e-6


@contextmanager
def memory_workspace(
    *, cpu: float = 8.0, memory: int | str = "16GiB", gpu: float = 0.0, slots: Mapping[str, int] | None = None
) -> Iterator[MemoryWorkspace]:
    """Have flows that are started inside run in this process, on the real engine, with nothing left behind.

    Args:
        cpu: cores that steps may ask for together.
        memory: bytes that they may ask for together, or a text such as "16GiB".
        gpu: devices likewise.
        slots: named limits.
    """
    capacity = Capacity(cpu, size_bytes(memory, "memory"), gpu)
    with (
        TemporaryDirectory(prefix="partita-memory-", ignore_cleanup_errors=True) as folder,
        allow_local_functions(stays_here=True),
    ):
        workspace = MemoryWorkspace(Path(folder), capacity, dict(slots or {}))
        try:
            with launching(workspace):
                yield workspace
        finally:
            workspace.close()


class MemoryRun(Run):
    """A run in memory. Nothing of it happens until somebody waits for it, or lets the workspace work."""

    def __init__(self, workspace: MemoryWorkspace, id: str) -> None:
        super().__init__(cast(LocalWorkspace, workspace), id)
        self._memory = workspace

    def wait(self, timeout: float | None = None) -> MemoryRun:
        """Work until the run has ended; the clock jumps over every wait.

        Args:
            timeout: seconds on the workspace's clock; None: as long as it takes.

        Raises:
            TimeoutError: it has not ended by then.
            EngineError: nothing that is left to do would end it.
        """
        self._memory.finish(self.id, timeout)
        return self

    def result(self, timeout: float | None = None) -> Any:
        """The flow's value, waiting for it.

        Raises:
            StepError: a step failed; with the attempt's report.
            CheckError: the flow or its inputs were refused.
            CancelledError: the run was cancelled.
        """
        self.wait(timeout)
        view = self._memory.run(self.id, with_result=True)
        if view["state"] != "succeeded":
            raise_failure(view)
        packed = view.get("result")
        return None if packed is None else self._memory.encoder.decode(unpack(packed))


class MemoryWorkspace(MemoryArtifacts, MemoryStudies):
    """Starts and reads runs, and lets tests say what goes wrong. Satisfies `partita.flow.launching.Launcher`."""

    def __init__(self, folder: Path, capacity: Capacity, slots: dict[str, int]) -> None:
        self.folder = folder  # logs and checkpoints, as in ".partita"
        self.clock: VirtualClock = _WorkspaceClock(self._time_has_passed)
        self._project = Path.cwd()
        values = WorkerValues(os.fspath(folder), os.fspath(self._project))
        blobs, key = MemoryBlobs(folder / "blobs"), os.urandom(32)
        self.encoder = Encoder(blobs, key, outcome=make_outcome, locate=locate, load=load, code_of=values.code_of)
        self._slots = slots
        self._numbers = itertools.count(1)
        self._store = _FallibleStore()
        self._script = Script()
        values.encoder = self.encoder
        self.executor = InlineExecutor(capacity, workspace=folder, values=values, clock=self.clock, script=self._script)
        self.executor.engine_turns = self._turn
        self._begin()

    def _begin(self) -> None:
        """An engine begins, and takes up what an earlier one has left."""
        self._store.acquire("memory")
        project, folder = os.fspath(self._project), os.fspath(self.folder)
        pool = _InlinePool(self.executor, self._slots)
        # It goes by the name of what it stands for, and no order waits in a lane behind one that has not begun.
        lanes = Lanes("process", self.executor, pool, prefetch=1)
        book = Book(
            self._store, self.clock, {"process": lanes}, "process", lambda bundle: project, project, folder,
            ValueCache(self._store), Limits(forecasts=False),
        )  # fmt: skip
        book.is_strict = True
        self.engine = Engine(book, self._let_pass, lambda: f"run{next(self._numbers)}")
        self._reading = Reading(book, self.engine.recovery)
        self.engine.start()

    # Runs

    def submit(
        self, flow: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], options: dict[str, Any]
    ) -> MemoryRun:
        """Start a run of the flow; asked by `flow.submit(...)` and `flow.run(...)`."""
        request = flow_request(flow, arguments, keywords, self.encoder)
        request.update(options)  # type: ignore[typeddict-item]
        return self._launch(request)

    def graph(self, flow: Flow[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> FlowGraph:
        """Lay the flow out and run nothing of it: what `flow.graph(...)` gives.

        Raises:
            CheckError: the flow or its inputs were refused.
        """
        layout = lay_out(flow, arguments, keywords, encode=self.encoder.encode, project=self._project)
        steps = [laid_step(number, row) for number, row in enumerate(layout.rows)]
        return FlowGraph(flow.name, steps, [asdict(problem) for problem in layout.warnings])

    def ask_registry(self, verb: str, fields: dict[str, Any]) -> Any:
        """Ask the model registry, or change it."""
        with self._engine_at_rest():
            answer = self.engine.registry.verbs[verb](fields)
        return answer() if callable(answer) else answer

    def rerun(self, run: str = "latest") -> MemoryRun:
        """Start a run that adopts what has not changed since an earlier one."""
        row = self._reading.find(run)
        options = unpack(row.options) if row.options else {}
        request: LaunchRequest = {"flow": row.flow, "title": row.title, "arguments": row.inputs, "adopt": row.id}
        request["tags"] = list(options.get("tags") or ())
        request.update({name: options.get(name) for name in ("owner", "weight", "priority")})  # type: ignore[typeddict-item]
        return self._launch(request)

    def _launch(self, request: LaunchRequest) -> MemoryRun:
        request["bundle"] = "memory"
        with self._engine_at_rest():
            launched = self.engine.launch.launch(request)
        return MemoryRun(self, launched.run.id if isinstance(launched, Live) else launched.id)

    def cancel(self, run: str = "latest", *, step: int | None = None, force: bool = False) -> None:
        """Ask a run, or a step of it, to stop.

        Raises:
            NotFoundError: there is no such run or step, or the run has ended.
        """
        with self._engine_at_rest():
            row = self._reading.find(run)
            live = self.engine.book.live(row.id)
            if live is None:
                raise NotFoundError(f"run {row.id} has ended already: {self.run(row.id)['state']}")
            if (step or 0) not in live.run.steps:
                raise NotFoundError(f"run {row.id} has no step {step}")
            self.engine.cancel(live, step or 0, force=force)

    def waits(self, run: str = "") -> list[WaitView]:
        """The open waits of all runs, oldest first; or all waits of one run."""
        found: list[WaitView] = self._ask("waits", run=run)
        return found

    def send(
        self, run: str, event: str, data: Any = None, *, key: str | int | None = None, id: str = "", by: str = "test"
    ) -> bool:
        """Send an event to a run, or, for the run "", to whichever waits for it; False: one of this id was sent before."""
        packed = pack(self.encoder.encode(data, None))
        return not self._ask("send", run=run, name=event, data=packed, key=key, id=id, by=by)["is_duplicate"]

    def approve(self, run: str = "latest", step: int | None = None, *, comment: str = "", by: str = "test") -> WaitView:
        """Approve what the step asks; default: the only open approval of the run."""
        return self._decide(run, step, True, comment, by)

    def reject(self, run: str = "latest", step: int | None = None, *, comment: str = "", by: str = "test") -> WaitView:
        """Reject what the step asks."""
        return self._decide(run, step, False, comment, by)

    def answer(self, value: Any, run: str = "latest", step: int | None = None, *, by: str = "test") -> WaitView:
        """Answer what the step asks, with plain data."""
        step = self._open_wait(run, step, "answer")
        view: WaitView = self._ask("answer", run=run, step=step, value=value, by=by, is_administrator=True)
        return view

    def _decide(self, run: str, step: int | None, is_approved: bool, comment: str, by: str) -> WaitView:
        step = self._open_wait(run, step, "approval")
        said = {"approved": is_approved, "comment": comment, "by": by, "is_administrator": True}
        view: WaitView = self._ask("decide", run=run, step=step, **said)
        return view

    def _open_wait(self, run: str, step: int | None, kind: str) -> int:
        return step if step is not None else only_wait(self.waits(run), kind, run)

    def explain(self, run: str = "latest", step: int = 0) -> ExplanationView:
        """Why a step, or the run (0), went as it went."""
        told: ExplanationView = self._ask("explain", run=run, step=step)
        return told

    def _ask(self, verb: str, **fields: Any) -> Any:
        self.work()
        with self._engine_at_rest():
            shared = (self.engine.book, self.engine.recovery, self._reading)
            return (WaitRequests(*shared).verbs | Explaining(*shared).verbs)[verb](fields)

    def run(self, run: str = "latest", *, with_result: bool = False) -> RunView:
        """A run's record."""
        return self._reading.run(run, with_result)

    def runs(self, *, flow: str = "", states: Sequence[str] = (), limit: int = 50) -> list[RunView]:
        """Newest first."""
        return self._reading.runs(flow, list(states), 0, limit)

    def all_steps(self, run: str = "latest") -> list[StepView]:
        """Every step of a run, by id."""
        found: list[StepView] = []
        while page := self._reading.steps(run, found[-1]["id"] if found else -1, _PAGE):
            found.extend(page)
        return found

    def attempts(self, run: str = "latest", step: int | None = None) -> list[AttemptView]:
        """The attempts of a run, or of one step."""
        return self._reading.attempts(run, step)

    def reports(self, run: str = "latest", step: int | None = None) -> list[ReportRow]:
        """What steps reported, by step, in the order in which it came."""
        return self._store.reports(self._reading.find(run).number, step)

    def logs(self, run: str = "latest", *, step: int | None = None, attempt: int | None = None) -> Iterator[LogChunk]:
        """What steps printed and logged, attempt by attempt."""
        for view in self.attempts(run, step):
            if attempt is None or view["number"] == attempt:
                offset, is_complete = 0, False
                while not is_complete:
                    chunk = self._reading.log(run, view["step"], view["number"], offset)
                    is_complete = chunk["is_complete"] or chunk["next_offset"] <= offset
                    offset = chunk["next_offset"]
                    if chunk["text"]:
                        yield chunk

    # Time

    def finish(self, run: str, timeout: float | None = None) -> None:
        """Work until a run has ended; see `MemoryRun.wait`."""
        run = self._reading.find(run).id
        until_s = None if timeout is None else self.clock.monotonic() + timeout
        with self.executor.outside():
            while self.engine.book.live(run) is not None:
                if not self._turn(until_s):
                    break
        if self.engine.book.live(run) is None:
            return
        if until_s is not None:
            raise TimeoutError(f"run {run} has not ended within {timeout:g} s")
        waiting = [step["path"] for step in self.all_steps(run) if step["state"] in ("ready", "running", "waiting")]
        raise EngineError(f"run {run} cannot end: nothing is left to do here that {', '.join(waiting[:5])} waits for")

    def work(self) -> None:
        """Do everything that can be done before the clock has to move."""
        self.advance(0.0)

    def advance(self, seconds: float) -> None:
        """Let time pass, and do everything when it is due, such as the next attempt after a delay."""
        until_s = self.clock.monotonic() + seconds
        with self.executor.outside():
            while self._turn(until_s):
                pass
            self._let_pass(max(until_s - self.clock.monotonic(), 0.0))

    def _turn(self, until_s: float | None = None) -> bool:
        """One turn of the engine, or one jump to the next timer; False: there is nothing to do until then."""
        if self.engine.turn(0.0) or self.executor.has_work:
            return True
        timers = self.engine.book.timers
        now_s = self.clock.monotonic()
        if not timers or (until_s is not None and timers[0][0] > until_s + _INSTANT_S):
            self._let_pass(0.0 if until_s is None else max(until_s - now_s, 0.0))
            return False
        self._let_pass(max(timers[0][0] - now_s, 0.0))
        return True

    def _let_pass(self, seconds: float) -> None:
        """Move the clock; the engine, which asks for it, looks at its timers itself."""
        VirtualClock.jump(self.clock, seconds)

    def _time_has_passed(self) -> None:
        """Somebody has moved the clock; if an attempt has, it may have run out of time by that."""
        if self.executor.is_running_here:
            with self._engine_at_rest():
                pass

    @contextmanager
    def _engine_at_rest(self) -> Iterator[None]:
        """Between two turns, at the present time, whoever asks for it; what is done there is committed."""
        with self.executor.outside():
            with self.executor.held():
                self.engine.turn(0.0)
            yield
            self.engine.finish_turn()

    # What tests say

    def fake(self, task: Any, value: Any) -> None:
        """Replace what a task does in its next attempts.

        Args:
            task: a task, or a function that some task has as `compensate=`. A task with other options by `with_options`
                is the same task.
            value: a function, called with the step's arguments, `async` if need be; or what the task is to return.

        Raises:
            DefinitionError: it is a flow, which has no work of its own.
        """
        if isinstance(task, Definition) and task.body == "flow":
            raise DefinitionError(f"{task.name} is a flow; fake the tasks that it calls")
        self._script.fakes[_reference(task)] = value
        self.executor.reload()

    def crash(self, task: Any, times: int = 1, *, late: bool = False) -> None:
        """Let the next attempts of a task, or layouts of a flow, die with their worker.

        Args:
            times: how many of them.
            late: the work is done before, and only its outcome is lost.
        """
        self._script.crashes.setdefault(_reference(task), []).extend([late] * times)

    def fail_commits(self, times: int = 1) -> None:
        """Let the store refuse the next commits, as on a full disk; the engine waits and tries again."""
        self._store.failures += times

    def restart(self) -> None:
        """Let another engine go on from what is stored, as after the death of this one.

        Raises:
            EngineError: an attempt asks for it, which would die too.
        """
        if self.executor.has_begun:
            raise EngineError("an attempt that runs inline cannot restart its engine; do it in the test")
        self.executor.lose_all()
        self._store = self._store.again()
        self._begin()

    def close(self) -> None:
        """Forget everything."""
        self.executor.close()


class _WorkspaceClock(VirtualClock):
    """A clock that says when it has been moved."""

    def __init__(self, has_passed: Callable[[], None]) -> None:
        super().__init__()
        self._has_passed = has_passed

    def jump(self, seconds: float) -> None:
        super().jump(seconds)
        self._has_passed()


class _InlinePool(Pool):
    """Has room for everything while an attempt waits for a child run: nothing runs beside that child."""

    def __init__(self, executor: InlineExecutor, slots: dict[str, int]) -> None:
        capacity = executor.capacity
        super().__init__(capacity.cpu, capacity.memory_bytes, capacity.gpu, slots)
        self._executor = executor

    def free(self) -> dict[str, float]:
        return dict.fromkeys(self.capacity, math.inf) if self._executor.has_begun else super().free()

    def fits(self, demand: Demand) -> bool:
        return self._executor.has_begun or super().fits(demand)

    def lacks(self, demand: Demand, reserved: Demand | None = None) -> list[str]:
        return [] if self._executor.has_begun else super().lacks(demand, reserved)


class _FallibleStore(MemoryStore):
    """A store that refuses as many commits as it is told to."""

    failures = 0

    def again(self) -> _FallibleStore:
        other = _FallibleStore()
        other._shared = self._shared
        other.failures = self.failures
        return other

    def commit(self, turn: Turn) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreError("the store cannot be written: the test said so")
        super().commit(turn)


def _reference(task: Any) -> str:
    return task.reference if isinstance(task, Definition) else locate(task)
