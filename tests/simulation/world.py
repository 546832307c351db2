"""One simulated world: a program run by the real engine on a fake executor, a virtual clock and a store that crashes."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from partita.core.resources import PartPool, Pool
from partita.core.states import FINAL, Kind, Mark, State
from partita.engine import intake
from partita.engine.book import Book, Limits
from partita.engine.lanes import Lanes
from partita.engine.loop import Engine
from partita.engine.reading import Reading
from partita.engine.values import ValueCache
from partita.engine.wait_requests import WaitRequests
from partita.errors import AnswerError, StoreError
from partita.executors.port import Capacity
from partita.store.port import Turn
from partita.testing.clock import VirtualClock
from partita.testing.memory_store import MemoryStore
from partita.values import PLAIN, pack, unpack
from tests.simulation.executor import FaultPlan, SimulatedExecutor
from tests.simulation.layout import decode
from tests.simulation.program import Program
from tests.simulation.sequential import UnsureError, evaluate, value_of

__all__ = ["World"]

#: So that much can happen while a layout is revealed.
intake.REVEAL_STEPS = 2

TURN_LIMIT = 20_000

#: Name, what it has, how fast it is said to be, what a second costs.
EXECUTORS = (("simulated", Capacity(3, 500), 1.0, 0.0), ("other", Capacity(2, 500), 3.0, 0.5))


class EngineDied(BaseException):
    """The simulated kill -9 of the engine."""


class CrashingStore:
    """Passes everything on to a store; now and then the engine dies before or after a commit, or the disk is full."""

    def __init__(self, store: MemoryStore, faults: FaultPlan, world: World) -> None:
        self._store = store
        self._faults = faults
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, turn: Turn) -> None:
        rate = self._faults.rate / 6
        if self._faults.strikes("full disk", rate):
            raise StoreError("the disk is full")
        if self._faults.strikes("killed before commit", rate):
            raise EngineDied
        self._store.commit(turn)
        self._world.note(turn)
        if self._faults.strikes("killed after commit", rate):
            raise EngineDied


@dataclass
class World:
    """Everything that one seed decides."""

    seed: int
    runs: int = 1
    clock: VirtualClock = field(default_factory=VirtualClock)
    done: dict[tuple[str, int], int] = field(default_factory=dict)  # turn in which a step's success was stored
    failing: set[str] = field(default_factory=set)  # runs of which it is stored that they fail
    commits: int = 0
    cancelled_at: dict[str, float] = field(default_factory=dict)  # monotonic, by run
    ended_at: dict[str, float] = field(default_factory=dict)
    ids: dict[int, str] = field(default_factory=dict)
    executed: list[tuple[str, int, int]] = field(default_factory=list)
    undone: list[tuple[str, str]] = field(default_factory=list)
    deviated: bool = False
    unsure: bool = False

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.runs = 2 if self.draw.random() < 0.25 else 1
        self.program = Program(self.seed, depth=self.draw.choice([1, 2, 2, 3]), failing=self.draw.choice([0, 40, 10]))
        self.program.skipping = random.Random(self.seed + 2).choice([0, 0, 12, 6])
        self.program.waiting = random.Random(self.seed + 4).random() < 0.3
        self.program.caching = random.Random(self.seed + 3).random() < 0.3
        self.faults = FaultPlan(random.Random(self.seed + 1), rate=self.draw.choice([0.05, 0.15, 0.3]))
        self.program.choosing = random.Random(self.seed + 6).random() < 0.25
        self.answers = random.Random(self.seed + 5)
        self.store = MemoryStore()
        self.cancels = self._planned_cancels()
        self.reruns = self._planned_reruns()

    def _planned_reruns(self) -> int:
        return int(self.draw.random() < 0.2)

    def _planned_cancels(self) -> dict[int, tuple[int, int, bool]]:
        """By turn: which run and step somebody cancels, and whether by force."""
        if self.draw.random() > 0.25:
            return {}
        plans: dict[int, tuple[int, int, bool]] = {}
        for _ in range(self.draw.choice([1, 2, 20])):
            step = self.draw.choice([0, self.draw.randint(1, 12), self.draw.randint(1, 4), self.draw.randint(1, 25)])
            plan = (self.draw.randrange(self.runs), step, self.draw.random() < 0.3)
            first = self.draw.randint(1, 30)
            plans[first] = plan
            plans[first + self.draw.choice([1, 4])] = plan
        return plans

    def engine(self) -> Engine:
        store: Any = CrashingStore(self.store, self.faults, self)
        store.acquire("simulated")
        lanes: dict[str, Lanes] = {}
        slots = Pool(0, 0, 0, {"license": 1})
        self.executors: list[SimulatedExecutor] = []
        truth = random.Random(self.seed + 7)  # of how fast they are
        for name, capacity, speed, price in EXECUTORS if self.program.choosing else EXECUTORS[:1]:
            executor = SimulatedExecutor(
                self.clock, self.program, self.faults, self.done, capacity, self.executors, truth.choice([1.0, speed])
            )
            executor.executed, executor.undone, executor.failing = self.executed, self.undone, self.failing
            pool = PartPool(*capacity, slots) if self.program.choosing else Pool(*capacity, {"license": 1})
            lanes[name] = Lanes(name, executor, pool, prefetch=4, speed=speed, price=price)
        book = Book(
            store, self.clock, lanes, "simulated", lambda hash: f"/bundles/{hash}", "/p", "/p/.partita",
            ValueCache(store, limit_bytes=self.draw.choice([0, 50, 1 << 20])),
            Limits(rows_a_turn=self.draw.choice([1, 3, 2000]), forecasts=self.draw.random() < 0.02),
        )  # fmt: skip
        book.is_strict = True
        return Engine(book, self.clock.jump, lambda: f"r{self.draw.randrange(10**9)}")

    def note(self, turn: Turn) -> None:
        """A turn is stored."""
        self.commits += 1
        self.ids.update({row.number: row.id for row in turn.runs})
        for update in turn.step_updates:
            run = self.ids[update.run]
            if update.state == State.SUCCEEDED:
                self.done.setdefault((run, update.id), self.commits)
            if update.id == 0 and update.marks & Mark.FAILING:
                self.failing.add(run)
            if update.id == 0 and update.marks & Mark.CANCELLING:
                self.cancelled_at.setdefault(run, self.clock.monotonic())
            if update.id == 0 and update.state in FINAL:
                self.ended_at[run] = self.clock.monotonic()

    def play(self) -> World:
        """Run to the end, through all faults."""
        turns = 0
        engine: Engine | None = None
        while not self._is_over() or len(self.store.runs(limit=10)) < self.runs + self.reruns:
            try:
                if engine is None:
                    engine = self.engine()
                    engine.start()
                    self._launch(engine)
                    continue  # what was taken up may have ended at once
                turns += 1
                assert turns < TURN_LIMIT, "the runs do not end: something is lost"
                if self._is_over():
                    self._launch_rerun(engine)
                    continue
                if turns in self.cancels:
                    self._cancel(engine, *self.cancels[turns])
                if not self._answer(engine):
                    engine.turn(self._pass_time(engine.wait_s()))
            except EngineDied:
                self._bury(engine)
                engine = None
        if engine is not None:
            self.check_returned(engine)
        return self

    def _pass_time(self, timeout_s: float | None) -> float | None:
        """How long the engine waits for its executor; where it has several, it is awaited here that one has something."""
        if len(self.executors) == 1:
            return timeout_s
        self.executors[0].wait(timeout_s)
        return 0.0

    def _bury(self, engine: Engine | None) -> None:
        self.clock.jump(self.draw.random())
        if self.faults.strikes("clock set back", 0.2):
            self.clock.set_back(3600.0)

    def _launch(self, engine: Engine) -> None:
        for number in range(self.runs):
            arguments = pack([[[PLAIN, number]], ["depth"], [[PLAIN, self.program.depth]]])
            engine.launch.launch(
                {"flow": "flow:0", "title": "main", "bundle": "b", "arguments": arguments, "key": f"run {number}"}
            )
        engine.finish_turn()

    def _launch_rerun(self, engine: Engine) -> None:
        """Run the first run again when it has ended: what is unchanged must not be executed again."""
        row = self.store.runs(limit=10)[-1]
        engine.launch.launch(
            {"flow": "flow:0", "title": "main", "bundle": "b", "arguments": row.inputs, "adopt": row.id, "key": "again"}
        )
        engine.finish_turn()

    def _cancel(self, engine: Engine, number: int, step: int, force: bool) -> None:
        lives = sorted(engine.book.lives.values(), key=lambda live: live.run.number)
        if number >= len(lives):
            return
        live = lives[number]
        target = live.run.steps.get(step)
        if target is not None and (step == 0 or target.waiting <= 0):
            self.deviated = True
            engine.cancel(live, step, force=force)

    def _answer(self, engine: Engine) -> bool:
        """Send events and decide, now or later, twice or too late; says whether it did."""
        book = engine.book
        open_waits = [row for row in self.store.open_waits() if row.run in book.lives]
        if not open_waits or (self.answers.random() < 0.5 and engine.wait_s() is not None):
            return False
        verbs = WaitRequests(book, engine.recovery, Reading(book, engine.recovery)).verbs
        row = self.answers.choice(open_waits)
        run = book.lives[row.run].run
        step = run.steps[row.step]
        fields: dict[str, Any] = {"run": run.id, "step": row.step, "by": "ann"}
        try:
            if row.kind == "event" and row.name != "never":
                event = {"name": row.name, "data": pack([PLAIN, 42]), "id": f"{self.answers.random()}"}
                verbs["send"]({**fields, **event})
                assert verbs["send"]({**fields, **event})["is_duplicate"]
            elif row.kind == "approval" and row.due_at is None:
                rejects = self.program.waits_for(int(step.name.partition("#")[0].removeprefix("wait")))["rejects"]
                verbs["decide"]({**fields, "approved": not rejects})
                verbs["decide"]({**fields, "approved": rejects})
        except AnswerError:
            pass  # decided already, or cancelled
        engine.finish_turn()
        return self.answers.random() < 0.5 or engine.wait_s() is None or self._is_over()

    def _is_over(self) -> bool:
        rows = self.store.runs(limit=10)
        return len(rows) >= self.runs and all(row.state in FINAL for row in rows)

    # What must hold at the end.

    def check_returned(self, engine: Engine) -> None:
        for lanes in engine.book.executors.values():
            assert not any(lanes.pool.held.values()), f"held after the end: {lanes.pool.held}"
            assert not len(lanes.queue), "steps wait after the end"
        assert not engine.book.flights, "orders are in flight after the end"
        assert not engine.book.lives, "runs are in memory after the end"

    def check(self) -> None:
        for row in self.store.runs(limit=10):
            steps = list(self.store.all_steps(row.number))
            if any(step.marks & Mark.LOST for step in steps) or any(step.crashes > 3 for step in steps):
                self.deviated = True
        for row in self.store.runs(limit=10):
            steps = list(self.store.all_steps(row.number))
            self._check_steps(row, steps)
            self._check_attempts(row, steps)
            if row.id in self.cancelled_at and not any(step.kind == Kind.UNDO for step in steps):
                took_s = self.ended_at[row.id] - self.cancelled_at[row.id]
                assert took_s < 60, f"the run ended {took_s} s after it was cancelled"
            self._check_adopted(row, steps)
            self._check_undone(row, steps)
            if not self.deviated:
                self._check_value(row)

    def _check_steps(self, row: Any, steps: list[Any]) -> None:
        for step in steps:
            assert step.state in FINAL, f"{step.name} of a finished run is {State(step.state).name}"
        assert not self.store.open_attempts(row.number), "an attempt is open after the end"
        numbers = [step.id for step in steps]
        assert len(numbers) == len(set(numbers))
        names = [(step.parent, step.name) for step in steps if step.kind != Kind.UNDO]
        assert len(names) == len(set(names)), "two steps have one name"

    def _check_attempts(self, row: Any, steps: list[Any]) -> None:
        """What is not idempotent has begun once, and again only after an attempt that is known to have failed."""
        profiles = [unpack(profile.packed) for profile in self.store.profiles(row.number)]
        for step in steps:
            if step.kind == Kind.TASK and not profiles[step.profile]["is_idempotent"]:
                begun = sum(run == row.id and number == step.id for run, number, _ in self.executed)
                assert begun <= 1 + step.failures, f"{step.name} is not idempotent and began {begun} times"

    def _check_adopted(self, row: Any, steps: list[Any]) -> None:
        # What a failure says (a crash, say) may be another in the rerun, and so the inputs of who looks at it.
        has_failed = any(step.state == State.FAILED for step in steps)
        # What persons decide anew is another input.
        is_same = not self.program.waiting
        if self.reruns and row.number == 1 and is_same and not self.deviated and not has_failed:
            again = next(other for other in self.store.runs(limit=10) if other.number > self.runs)
            then, now = _finished(steps), _finished(list(self.store.all_steps(again.number)))
            for path in then.keys() & now.keys():
                if not then[path].marks & Mark.COMPENSATED:
                    assert now[path].marks & (Mark.ADOPTED | Mark.CACHED), f"{path} had finished and ran again"

    def _check_undone(self, row: Any, steps: list[Any]) -> None:
        by_id = {step.id: step for step in steps}
        profiles = [unpack(profile.packed) for profile in self.store.profiles(row.number)]
        undos = sorted((s for s in steps if s.kind == Kind.UNDO), key=lambda s: s.id)
        targets = [unpack(undo.inputs)[0][0] for undo in undos]
        assert len(targets) == len(set(targets)), "a step was undone twice"
        for undo, target in zip(undos, targets, strict=True):
            assert undo.state == State.SUCCEEDED, f"{undo.name} ended as {State(undo.state).name}"
            assert by_id[target].marks & Mark.COMPENSATED
        for scope in {undo.parent for undo in undos}:
            order = [self.done[row.id, t] for u, t in zip(undos, targets, strict=True) if u.parent == scope]
            assert order == sorted(order, reverse=True), "undone in the wrong order"
        if row.state in (State.FAILED, State.CANCELLED):
            for step in steps:
                can = step.kind == Kind.TASK and profiles[step.profile]["compensate"] is not None
                if can and step.state == State.SUCCEEDED and not step.marks & (Mark.ADOPTED | Mark.CACHED):
                    assert step.id in targets, f"{step.name} was not undone"
        else:
            assert not by_id[0].marks & Mark.UNDOING

    def _check_value(self, row: Any) -> None:
        number = unpack(row.inputs)[0][0][1]
        try:
            expected = evaluate(self.program, 0, [number], self.program.depth)
            value = value_of(expected) if expected.state == "ok" else None
        except UnsureError:
            self.unsure = True
            return
        if expected.state != "ok":
            assert row.state == State.FAILED, f"the run ended as {State(row.state).name}, but it fails sequentially"
            return
        error = unpack(row.error) if row.error else None
        assert row.state == State.SUCCEEDED, (
            f"the run ended as {State(row.state).name} ({error}), sequentially: {value}"
        )
        engine = self.quiet_engine()
        result = engine.recovery.result(row.id)
        assert result is not None
        assert decode(unpack(result)) == value

    def quiet_engine(self) -> Engine:
        """An engine on the same store without faults, to read with."""
        self.faults.rate = 0.0
        return self.engine()


def _finished(steps: list[Any]) -> dict[tuple[str, ...], Any]:
    """The finished task steps of a run by their paths."""
    paths: dict[int, tuple[str, ...]] = {}
    for step in steps:
        paths[step.id] = (*paths.get(step.parent, ()), step.name)
    return {paths[s.id]: s for s in steps if s.kind == Kind.TASK and s.state == State.SUCCEEDED}
