"""What the parts of the engine share: the runs in memory, what is in flight, and the turn being written."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from partita.clock import Clock
from partita.core.events import Commands, Event
from partita.core.graph import Step
from partita.core.machine import advance
from partita.core.placing import able
from partita.core.records import Demand
from partita.core.resources import Pool
from partita.core.states import FINAL, Kind, State
from partita.engine.caching import Caching
from partita.engine.choosing import Choosing
from partita.engine.counters import Counters
from partita.engine.expecting import SIZED_S, Expecting, Typical
from partita.engine.lanes import Flight, Lanes
from partita.engine.learning import Learning
from partita.engine.live import Live, step_row, step_update
from partita.engine.news import News
from partita.engine.overruns import Overruns
from partita.engine.slots import Shares
from partita.engine.tracing import Tracing
from partita.engine.values import ValueCache
from partita.engine.waits import Waits
from partita.errors import IllegalTransitionError, PartitaError
from partita.executors.port import Launchable
from partita.plan.queue import Entry
from partita.settings_values import TaskSettings
from partita.store.peers import Peers
from partita.store.port import AttemptEnd, Store, Turn
from partita.values import pack

__all__ = ["Book", "Limits"]


_log = logging.getLogger("partita.engine")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the engine's settings bound."""

    grace_s: float = 10.0  # seconds between asking an attempt to stop and killing it, where its task does not say
    crash_retries: int = 3  # attempts after a failure of the machinery, where the task does not say
    layout_timeout_s: float = 300.0  # seconds that laying out a flow may take, where the flow does not say
    rows_a_turn: int = 2000  # rows of layouts handled in one turn
    seconds_a_turn: float = 0.02  # seconds spent on layouts in one turn
    tasks: Mapping[str, TaskSettings] = field(default_factory=dict)  # what is said of tasks over what their code says
    environment: Any = None  # of tasks that declare none: the option environment= in plain data
    is_planned: bool = True  # ready steps start by what lies behind them; else as they came
    forecasts: bool = True  # whether it is forecast when runs will be done
    idle_s: float = 60.0  # seconds without runs and clients after which the engine ends
    works: bool = True  # False: what is launched here goes on to the engines of other machines


@dataclass(slots=True)
class Book:
    """The engine's memory."""

    store: Store
    clock: Clock
    executors: dict[str, Lanes]
    default_executor: str
    bundle_folder: Callable[[str], str]  # the folder of a bundle by its hash
    folder: str  # the project's folder
    workspace: str  # the workspace's folder
    values: ValueCache
    limits: Limits = Limits()
    peers: Peers | None = None  # the other engines of the store; None: there are none
    shares: Shares | None = None  # of named limits that engines keep together
    artifacts: str = ""  # folder or URL of large values; empty: in the workspace's folder
    secrets_key: str = field(
        default="", repr=False
    )  # keys of secrets, as the variable has them; empty: a file has them
    lives: dict[int, Live] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)  # run numbers in memory by id
    flights: dict[int, Flight] = field(default_factory=dict)  # by ticket
    forsaken: dict[int, Flight] = field(default_factory=dict)  # by ticket: not awaited, and still holding their lanes
    launchables: dict[int, Launchable] = field(default_factory=dict)  # by engine-wide profile number
    turn: Turn = field(default_factory=Turn)
    has_blob: Callable[[str], bool] = lambda digest: (
        True
    )  # whether there is a blob of this hash; keeps it from a collection
    is_strict: bool = False  # a fault of the machine is raised: for tests
    touched: dict[int, Live] = field(default_factory=dict)  # runs with something to be gathered this turn
    timers: list[tuple[float, int, str, int, int]] = field(default_factory=list)  # (monotonic, order, what, run, id)
    now_s: float = 0.0  # monotonic, as of this turn
    now: float = 0.0  # seconds since the epoch, as of this turn
    versions_forgotten: int = 0  # how often versions of models were forgotten here, as far as that is committed
    versions_changed: int = 0  # how often versions of models were registered or forgotten here
    news: News = field(init=False)  # what has changed, for servers
    answers: list[Callable[[], None]] = field(default_factory=list)  # to be said once the turn is committed
    large: list[tuple[Live, int]] = field(
        default_factory=list
    )  # steps whose arguments are kept until they are committed
    told: dict[int, Live] = field(default_factory=dict)  # runs of which something was noted that is to be stored
    finals: list[Live] = field(default_factory=list)  # runs that ended in this turn
    returned: dict[tuple[int, int, int], AttemptEnd] = field(default_factory=dict)  # ends of attempts that never began
    resumed: list[tuple[Flight, int, Callable[[], None]]] = field(default_factory=list)  # (flight, ticket, its answer)
    waiters: dict[str, list[tuple[int, int, bool]]] = field(default_factory=dict)  # by run id: (ticket, request, holds)
    counters: Counters = field(default_factory=Counters)
    tracing: Tracing | None = None  # None: no traces are made
    caching: Caching = field(init=False)
    waits: Waits = field(init=False)
    learning: Learning = field(init=False)
    expecting: Expecting = field(init=False)
    choosing: Choosing = field(init=False)
    overruns: Overruns = field(init=False)
    _counter: int = 0

    def __post_init__(self) -> None:
        self.news = News(self.clock.now())
        self.caching = Caching(self)
        self.waits = Waits(self)
        self.learning = Learning(self)
        self.expecting = Expecting(self)
        self.choosing = Choosing(self)

    def next(self) -> int:
        """A number never given before in this process: for tickets, profiles and the order of timers."""
        self._counter += 1
        return self._counter

    def advance(self, live: Live, event: Event) -> None:
        self.touched[live.run.number] = live
        try:
            advance(live.run, event, live.out)
        except IllegalTransitionError as error:
            if self.is_strict:
                raise
            # A fault of ours in one run must not stop the others.
            _log.exception("run %s is given up", live.run.id, extra={"run": live.run.id})
            self.give_up(live, str(error))

    def give_up(self, live: Live, message: str) -> None:
        """End a run that cannot go on, whatever its steps are doing."""
        root = live.run.root
        root.state, root.error = State.FAILED, pack({"type": "IllegalTransitionError", "message": message})
        live.out = Commands()
        live.out.changed[0] = root
        live.out.is_final = True
        live.out.stops.extend((step, "stopped") for step in live.running)
        live.backlog.clear()

    def answer(self, reply: Callable[[bool, Any], None], given: Any) -> None:
        """Reply once the turn is committed: with `given`, or with what it gives or raises then, where it is a function."""

        def say() -> None:
            try:
                told = given() if callable(given) else given
            except PartitaError as error:
                reply(False, {"type": type(error).__name__, "message": str(error)})
            else:
                reply(True, told)

        self.answers.append(say)

    def set_timer(self, after_s: float, what: str, run: int, number: int) -> None:
        heapq.heappush(self.timers, (self.now_s + after_s, self.next(), what, run, number))

    def live(self, run_id: str) -> Live | None:
        number = self.numbers.get(run_id)
        return self.lives.get(number) if number is not None else None

    def gather(self, live: Live) -> None:
        """Turn what the machine asked for into rows, timers and places in queues."""
        out = live.out
        if out.is_final and live.ended_at is None:
            live.ended_at = self.now
            self.finals.append(live)
        run, changed = live.run, out.changed
        for first, end in out.discarded:
            self.turn.dropped.append((run.number, first, end))
        for step in out.created:
            self.turn.steps.append(step_row(run.number, step, None, ""))
        for number in out.waits:
            self.waits.open(live, run.steps[number])
        for delay_s, number in out.timers:
            step = run.steps[number]
            step.due_at = self.now + delay_s
            self.set_timer(delay_s, "due", run.number, number)
        computing = self.caching.keys
        for number, step in changed.items():
            if number in run.steps:
                value = out.values.get(number)
                self.turn.step_updates.append(step_update(run.number, step, value))
                if step.finished > live.finished:
                    self._count_end(live, step)
                if value is not None:
                    self.values.put(run.number, number, value)
                if step.kind == Kind.WAIT and step.state in FINAL:
                    self.waits.closed(live, step)
                if step.kind == Kind.FLOW and step.state == State.SUCCEEDED and number in live.opened and number:
                    self.learning.expanded(live, step, self.now - live.opened.pop(number))
                if computing and step.state in FINAL and (run.number, number) in computing:
                    self.caching.ended(live, step, value)
        live.finished = run.finished
        live.history.extend(changed)
        if 0 in changed or out.is_final:
            self.news.add("run", run.id)
        for number in out.ready:
            self.enqueue(live, number)
        live.out = Commands()

    def _count_end(self, live: Live, step: Step) -> None:
        ended = self.counters.steps_ended
        ended[step.state] = ended.get(step.state, 0) + 1
        if self.tracing is not None:
            self.tracing.step_ended(live, step, self.now)

    def end_attempt(self, flight: Flight, end: AttemptEnd, log_bytes: int = 0) -> Live | None:
        """Write how an attempt ended; gives its run, if that is still in memory."""
        self.turn.attempt_ends.append(end)
        self.counters.attempt_ended(flight.executor.name, end.outcome)
        self.counters.log_bytes += log_bytes
        live = self.lives.get(flight.run)
        if live is not None and self.tracing is not None:
            self.tracing.attempt_ended(live, flight, end)
        return live

    def enqueue(self, live: Live, number: int) -> None:
        step = live.run.steps.get(number)
        if step is None:
            return
        profile = live.run.profiles[step.profile]
        typical = self.expecting.typical(live, step.profile)
        demand = self.demand(live, step, typical)
        places = self.places(live, step.profile, demand)
        expected_s = self.expecting.seconds(live, step) if typical.mean_s >= SIZED_S else 0.0
        rank_s = live.ranks.pop(number, 0.0) if self.limits.is_planned else 0.0
        entry = Entry(live.run.number, number, self.now_s, rank_s, expected_s, typical)
        if len(places) > 1:
            self.choosing.offer(live, step, demand, entry, places)
        else:
            places[0].queue.push(demand, profile.priority, live.bundle + profile.environment, entry)

    def demand(self, live: Live, step: Step, typical: Typical | None = None) -> Demand:
        """What the step's next attempt is to have: more memory than its task declares where others ran out of it."""
        demand, raised = live.run.profiles[step.profile].demand, live.memory.get(step.id)
        if raised:
            return demand._replace(memory_bytes=raised)
        learned = (typical or self.expecting.typical(live, step.profile)).memory_bytes
        return demand._replace(learned_bytes=learned) if learned else demand

    def pools(self) -> dict[str, Pool]:
        """What each executor has."""
        return {name: lanes.pool for name, lanes in self.executors.items()}

    def default_of(self, live: Live) -> str:
        """Where steps of the run go that name no executor: a name, or several to choose from."""
        return live.options.get("executor") or self.default_executor

    def places(self, live: Live, number: int, demand: Demand | None = None) -> tuple[Lanes, ...]:
        """The executors that may run steps of the run's profile of this number, the one first that is named first.

        Args:
            demand: of an attempt; where it exceeds what some of them have, the others.
        """
        found = live.allowed.get(number)
        if found is None:
            names = able(live.run.profiles[number], self.pools(), self.default_of(live))
            found = live.allowed[number] = tuple(self.executors[name] for name in names)
        if demand is not None and len(found) > 1:
            return tuple(lanes for lanes in found if not lanes.pool.lacks_for_ever(demand)) or found
        return found

    def forget(self, live: Live) -> None:
        """Drop a run that has ended from memory."""
        number = live.run.number
        self.lives.pop(number, None)
        self.numbers.pop(live.run.id, None)
        self.values.forget(number)
        self.caching.forget(number)
        self.waits.forget(number)
        self.learning.forget(live)
        self.expecting.forget(live)
        self.choosing.drop(number)
        for lanes in self.executors.values():
            lanes.queue.drop(number)
            lanes.forget(live.numbers)
        for profile in live.numbers:
            self.launchables.pop(profile, None)

    def describe(self) -> dict[str, Any]:
        return {
            "runs": sum(not live.is_final for live in self.lives.values()),
            "steps": sum(len(live.run.steps) for live in self.lives.values()),
        }
