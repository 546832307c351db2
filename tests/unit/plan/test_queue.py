"""The ready queue: order, turns between runs and lines, and that nothing starves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.core.records import Demand
from partita.core.resources import Pool
from partita.plan.queue import Entry, Line, ReadyQueue

ONE, TWO = Demand(cpu=1), Demand(cpu=2)


class Machine:
    """A pool on which steps run for as long as it is said, whatever was expected of them."""

    def __init__(self, cpu: float, *, reserves: bool = True) -> None:
        self.pool = Pool(cpu, 0)
        self.queue = ReadyQueue(self.pool, reserves=reserves)
        self.running: list[tuple[float, float, Entry, Demand]] = []  # (its end, its expected end, what it is)
        self.started: list[Entry] = []

    def push(self, run: int, step: int, demand: Demand = ONE, *, at: float = 0.0, priority: int = 0, rank: float = 0.0,
             seconds: float = 1.0) -> None:  # fmt: skip
        self.queue.push(demand, priority, "", Entry(run, step, at, rank, seconds))

    def place(self, now: float, takes: Callable[[Entry], float] = lambda entry: entry.expected_s) -> list[Entry]:
        """Let end what ends, and start what can be started; what that is, in order."""
        for ended in [each for each in self.running if each[0] <= now]:
            self.running.remove(ended)
            self.pool.release(ended[3])
        begun: list[Entry] = []

        def start(line: Line[Demand], fits: bool) -> bool:
            if not fits:
                return False
            entry, demand = line.pop(), line.demand
            self.pool.acquire(demand)
            self.queue.charge(entry.run, demand, entry.expected_s)
            self.running.append((now + takes(entry), now + entry.expected_s, entry, demand))
            begun.append(entry)
            return True

        self.queue.place(now, start, lambda: sorted((expected, demand) for _, expected, _, demand in self.running))
        self.started += begun
        return begun


def test_steps_of_one_run_start_in_the_order_in_which_they_became_ready() -> None:
    machine = Machine(4)
    for number in range(6):
        machine.push(1, number)
    assert [entry.step for entry in machine.place(0.0)] == [0, 1, 2, 3]
    assert len(machine.queue) == 2


def test_of_one_run_what_has_most_behind_it_goes_first_also_between_lines() -> None:
    machine = Machine(2)
    machine.push(1, 0, rank=1.0)
    machine.push(1, 1, rank=7.0)
    machine.push(1, 2, Demand(cpu=0.5), rank=5.0)
    machine.push(1, 3, Demand(cpu=0.5), rank=9.0)
    assert [entry.step for entry in machine.place(0.0)] == [3, 1, 2]


def test_a_small_run_does_not_wait_for_a_large_one() -> None:
    machine = Machine(4)
    for number in range(1000):
        machine.push(1, number, rank=1000.0)
    machine.push(2, 0)
    assert 2 in {entry.run for entry in machine.place(0.0)}


def test_lines_of_other_demands_take_turns() -> None:
    machine = Machine(4)
    for number in range(1000):
        machine.push(1, number)
    machine.push(2, 0, Demand(cpu=0.5))
    assert 2 in {entry.run for entry in machine.place(0.0)}


def shares(machine: Machine, seconds: int) -> Counter[int]:
    """How often each run was served while all had something waiting."""
    found: Counter[int] = Counter()
    for second in range(seconds):
        found.update(entry.run for entry in machine.place(float(second)))
    return found


def test_runs_have_their_share_by_what_their_steps_take_and_hold() -> None:
    machine = Machine(2)
    for number in range(400):
        machine.push(1, number, seconds=1.0)
        machine.push(2, number, seconds=4.0)
    found = shares(machine, 200)
    assert abs(found[1] - 4 * found[2]) <= 8


@pytest.mark.parametrize(
    ("runs", "shares_of"),
    [
        ([("ann", 3.0), ("ben", 1.0)], [300, 100]),
        ([("ann", 3.0), ("ann", 1.0)], [300, 100]),
        ([("ann", 1.0), ("ann", 1.0), ("ben", 1.0)], [100, 100, 200]),
        ([("ann", 3.0), ("ann", 1.0), ("ben", 2.0)], [150, 50, 200]),  # ann counts by the mean, which is 2
    ],
    ids=["of_two_owners", "of_one_owner", "owners_share_alike", "by_the_mean"],
)
def test_runs_have_their_share_by_their_weight_and_owners_theirs_by_what_they_run(
    runs: list[tuple[str, float]], shares_of: list[int]
) -> None:
    machine = Machine(1)
    for run, (owner, weight) in enumerate(runs):
        machine.queue.join(run, owner, weight)
        for number in range(400):
            machine.push(run, number)
    found = shares(machine, 400)
    assert all(abs(found[run] - share) <= 3 for run, share in enumerate(shares_of))


def test_who_had_nothing_to_do_has_not_saved_up() -> None:
    machine = Machine(1)
    machine.queue.join(1, "ann")
    machine.queue.join(2, "ben")
    for number in range(300):
        machine.push(1, number)
    for second in range(100):
        machine.place(float(second))
    for number in range(300):
        machine.push(2, number, at=100.0)
    found: Counter[int] = Counter()
    for second in range(100, 140):
        found.update(entry.run for entry in machine.place(float(second)))
    assert abs(found[1] - found[2]) <= 2


def test_priority_goes_first_until_the_others_have_waited_long() -> None:
    machine = Machine(1)
    machine.push(1, 0)
    machine.push(2, 0, priority=1)
    assert machine.place(0.0)[0].run == 2
    for second in range(1, 60):
        machine.push(2, second, at=float(second), priority=1)
        if machine.place(float(second))[0].run == 1:
            return
    raise AssertionError("the line of lower priority starved")


def test_a_run_can_be_raised_and_lowered_again() -> None:
    machine = Machine(1)
    for number in range(9):
        machine.push(1, number)
        machine.push(2, number)
    machine.queue.raise_priority(2, 1)
    assert [machine.place(float(second))[0].run for second in range(3)] == [2, 2, 2]
    machine.queue.raise_priority(2, 0)
    assert machine.place(3.0)[0].run == 1


@pytest.mark.parametrize("lie", [1.0, 20.0], ids=["as_expected", "longer_than_expected"])
def test_a_wide_step_gets_its_turn_among_narrow_ones_that_never_cease(lie: float) -> None:
    machine = Machine(2)
    machine.push(1, 0)
    machine.place(0.0)
    machine.push(2, 0, TWO)
    for tick in range(1, 4000):
        machine.push(1, tick, at=tick / 4, rank=1e6)
        if any(entry.run == 2 for entry in machine.place(tick / 4, lambda entry: entry.expected_s * lie)):
            return
    raise AssertionError("the wide step starved")


def test_only_what_does_not_delay_it_goes_before_the_first_that_does_not_fit() -> None:
    machine = Machine(3)
    machine.push(1, 0, TWO, seconds=10.0)
    machine.place(0.0)
    machine.push(1, 1, TWO, rank=9.0)  # fits at 10
    machine.push(1, 2, rank=8.0, seconds=20.0)  # there is room for it beside
    machine.push(1, 3, rank=7.0, seconds=20.0)
    assert [entry.step for entry in machine.place(1.0)] == [2]
    machine = Machine(2)
    machine.push(1, 0, seconds=10.0)
    machine.place(0.0)
    machine.push(1, 1, TWO, rank=9.0)
    machine.push(1, 2, rank=8.0, seconds=20.0)  # would delay it
    machine.push(1, 3, rank=7.0, seconds=5.0)
    machine.push(1, 4, rank=6.0, seconds=0.0)  # nobody knows
    assert [entry.step for entry in machine.place(1.0)] == [3]
    assert len(machine.queue) == 3
    assert [entry.step for entry in machine.place(10.0)] == [1]
    assert [entry.step for entry in machine.place(11.0)] == [2, 4]


def test_without_reservations_whatever_fits_begins() -> None:
    machine = Machine(4, reserves=False)
    for step, (cpu, seconds) in enumerate([(3, 10.0), (4, 5.0), (1, 20.0)]):
        machine.push(1, step, Demand(cpu=cpu), rank=9.0 - step, seconds=seconds)
    assert [entry.step for entry in machine.place(0.0)] == [0, 2]


def test_a_step_that_waits_for_what_others_hold_elsewhere_keeps_nothing_free() -> None:
    """A limit that several engines share: nothing here brings it nearer."""
    pool = Pool(2, 0, slots={"api": 1})
    pool.held["slot api"] = 1.0
    queue, begun = ReadyQueue(pool), list[int]()
    queue.push(Demand(cpu=2, slots=(("api", 1),)), 5, "", Entry(1, 0, 0.0))
    for number in (1, 2):
        queue.push(ONE, 0, "", Entry(1, number, 0.0, 0.0, 50.0))

    def start(line: Line[Demand], fits: bool) -> bool:
        if fits:
            pool.acquire(line.demand)
            begun.append(line.pop().step)
        return fits

    queue.place(1.0, start)
    assert begun == [1, 2]


def test_what_a_run_has_waiting_can_be_dropped() -> None:
    machine = Machine(4)
    machine.push(1, 0)
    machine.push(2, 0)
    machine.queue.drop(1)
    assert [entry.run for entry in machine.place(0.0)] == [2]


def test_each_step_is_offered_once_where_there_is_no_room_and_what_may_join_a_lane_each_time() -> None:
    """What is cached needs no room, and what is brief may wait behind another step."""
    pool = Pool(1, 0)
    queue, offered, joinable = ReadyQueue(pool), list[int](), list[tuple[Demand, str]]()
    pool.acquire(ONE)
    done = {1, 3}

    def start(line: Line[Demand], fits: bool) -> bool:
        assert not fits
        offered.append(line.head.step)
        if line.head.step in done:
            line.pop()
            return True
        return False

    for step, demand in enumerate([ONE, Demand(cpu=0.5), Demand(cpu=0.5), Demand(cpu=0.25)]):
        queue.push(demand, 0, "", Entry(1, step, 0.0, -step))
    queue.place(0.0, start, joinable=lambda: joinable)
    assert offered == [0, 1, 2, 3] and len(queue) == 2
    offered.clear()
    queue.place(1.0, start, joinable=lambda: joinable)
    assert offered == [0]
    offered.clear()
    done.add(2)
    joinable.append((Demand(cpu=0.5), ""))
    queue.place(2.0, start, joinable=lambda: joinable)
    assert offered == [0, 2] and len(queue) == 1
    queue.push(Demand(cpu=0.5), 0, "", Entry(1, 4, 0.0, -4.0))
    queue.place(3.0, start, joinable=tuple)
    offered.clear()
    queue.renew(1)
    queue.place(4.0, start, joinable=tuple)
    assert offered == [0, 4]


def test_what_waits_would_take_so_long() -> None:
    machine = Machine(4)
    machine.push(1, 0, TWO, seconds=3.0)
    machine.push(1, 1, TWO, seconds=3.0)
    machine.push(2, 0, ONE, seconds=8.0)
    assert machine.queue.backlog_s() == pytest.approx(2 * 3.0 / 2 + 8.0 / 4)


class CountingPool(Pool):
    looks = 0

    def fits(self, demand: Demand) -> bool:
        self.looks += 1
        return super().fits(demand)


def test_not_all_lines_are_looked_at_whenever_something_ends() -> None:
    pool = CountingPool(4, 1000)
    queue, running = ReadyQueue(pool), list[tuple[float, Demand]]()

    def start(line: Line[Demand], fits: bool) -> bool:
        if fits:
            pool.acquire(line.demand)
            running.append((line.pop().expected_s, line.demand))
        return fits

    queue.push(Demand(cpu=4), 0, "", Entry(1, 0, 0.0, 1e6, 5.0))
    queue.place(0.0, start, lambda: running)
    for number in range(500):
        queue.push(
            Demand(cpu=1 + number % 4, memory_bytes=1 + number), 0, "", Entry(1, 1 + number, 0.0, float(number), 50.0)
        )
    for now in range(1, 50):
        queue.place(float(now), start, lambda: running)
        pool.release(running.pop(0)[1])
    assert pool.looks < 1000  # each line once, and some of them each time


def test_a_line_is_looked_at_again_only_where_who_joins_it_may_be_chosen() -> None:
    pool = CountingPool(4, 1000)
    queue, begun = ReadyQueue(pool), list[int]()

    def start(line: Line[Demand], fits: bool) -> bool:
        if fits:
            pool.acquire(line.demand)
            begun.append(line.pop().step)
        return fits

    queue.push(Demand(cpu=3), 0, "", Entry(1, 0, 0.0, 1e6, 5.0))
    queue.push(Demand(cpu=4), 0, "", Entry(1, 1, 0.0, 1e5, 5.0))
    for number in range(100):
        queue.push(Demand(cpu=1), 0, "", Entry(1, 10 + number, 0.0, 1e4 - number, 50.0))
    held = [(5.0, Demand(cpu=3))]
    queue.place(0.0, start, lambda: held)
    pool.looks = 0
    for number in range(20):
        queue.push(Demand(cpu=1), 0, "", Entry(1, 500 + number, 0.0, float(number), 1.0))
        queue.place(0.1, start, lambda: held)
    assert begun == [0]
    assert pool.looks == 20  # at the one of 4 CPUs, which is promised its room
    queue.push(Demand(cpu=1), 0, "", Entry(1, 2, 0.0, 2e4, 1.0))
    queue.place(0.2, start, lambda: held)
    assert begun == [0, 2]


@settings(deadline=None)
@given(st.data())
def test_one_run_begins_as_if_all_lines_were_gone_through(data: st.DataObject) -> None:
    """EASY backfilling as it is told, written plainly."""
    machine, steps = Machine(4), list[tuple[float, int, Demand, float]]()
    demands = [Demand(cpu=cpu) for cpu in (0.5, 1.0, 2.0, 3.0, 4.0)]
    for now in range(data.draw(st.integers(1, 9))):
        for _ in range(data.draw(st.integers(0, 4))):
            rank, demand = data.draw(st.integers(0, 20)), data.draw(st.sampled_from(demands))
            seconds, step = data.draw(st.integers(1, 9)), len(machine.started) + len(steps)
            machine.push(1, step, demand, at=float(now), rank=rank, seconds=seconds)
            steps.append((now / 100 - rank, step, demand, seconds))
        for ended in [each for each in machine.running if each[0] <= now]:
            machine.running.remove(ended)
            machine.pool.release(ended[3])
        wanted = plainly(steps, 4 - machine.pool.held["cpu"], now, [(each[1], each[3].cpu) for each in machine.running])
        begun = [entry.step for entry in machine.place(float(now))]
        assert begun == wanted
        steps = [each for each in steps if each[1] not in begun]


def plainly(
    steps: list[tuple[float, int, Demand, float]], free: float, now: float, running: list[tuple[float, float]]
) -> list[int]:
    """What begins, of (what is smaller goes first, step, demand, seconds)."""
    waiting, begun = sorted(steps), list[int]()
    while waiting and waiting[0][2].cpu <= free:
        _, step, demand, seconds = waiting.pop(0)
        begun.append(step)
        free -= demand.cpu
        running = [*running, (now + seconds, demand.cpu)]
    if not waiting:
        return begun
    spare, until = free, now
    for end, cpu in sorted(running):
        spare, until = spare + cpu, end
        if spare >= waiting[0][2].cpu:
            break
    spare -= waiting[0][2].cpu
    while True:
        lines = dict[Demand, list[tuple[float, int, Demand, float]]]()
        for each in waiting:
            lines.setdefault(each[2], []).append(each)
        for demand, line in lines.items():  # each stands where its first does
            fitting = [each for each in line if now + each[3] <= until]
            chosen = line[0] if spare >= demand.cpu else (fitting or [None])[0]
            if chosen is not None and demand.cpu <= free:
                break
        else:
            return begun
        if now + chosen[3] > until:
            spare -= demand.cpu
        waiting.remove(chosen)
        begun.append(chosen[1])
        free -= demand.cpu


@settings(deadline=None)  # machines that run much else
@given(st.data())
def test_everything_starts_once_and_nothing_is_held_beyond_what_there_is(data: st.DataObject) -> None:
    """Random demands, durations, errors, weights, priorities, arrivals and runs that are dropped."""
    cpu = data.draw(st.integers(1, 8))
    machine = Machine(cpu)
    count = data.draw(st.integers(1, 60))
    alive: set[tuple[int, int]] = set()
    now, number = 0.0, 0
    errors = data.draw(st.lists(st.floats(0.1, 10.0), min_size=1, max_size=5))
    for number in range(count):
        run = data.draw(st.integers(1, 4))
        machine.push(
            run, number, Demand(cpu=data.draw(st.sampled_from([0.5, 1.0, 2.0, 8.0])) * min(1.0, cpu / 8.0) or 1.0), at=now,
            priority=data.draw(st.integers(0, 2)), rank=data.draw(st.floats(0.0, 50.0)),
            seconds=data.draw(st.sampled_from([0.0, 0.5, 1.0, 30.0])),
        )  # fmt: skip
        alive.add((run, number))
        if data.draw(st.booleans()):
            now += data.draw(st.floats(0.0, 5.0))
            machine.place(now, lambda entry: 0.1 + entry.expected_s * errors[entry.step % len(errors)])
            assert machine.pool.held["cpu"] <= cpu + 1e-9
        if data.draw(st.integers(0, 30)) == 0:
            machine.queue.drop(run)
            begun = {(entry.run, entry.step) for entry in machine.started}
            alive = {each for each in alive if each[0] != run or each in begun}
    for _ in range(10 * count + 10):
        if not machine.running and not len(machine.queue):
            break
        now = min((each[0] for each in machine.running), default=now)
        begun = machine.place(now)
        assert machine.pool.held["cpu"] <= cpu + 1e-9
        assert begun or machine.running or not len(machine.queue), "something waits with nothing running"
    assert sorted((entry.run, entry.step) for entry in machine.started) == sorted(alive)
