"""Which executor a step goes to that may run on several."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.core.states import State
from partita.values import PLAIN, pack
from tests.timed_executors import Machine, Steps, TimedEngine

ANY = {"executor": "any"}


def fan(count: int, **profile: Any) -> Steps:
    return [(f"work#{number + 1}", {**ANY, **profile}, ()) for number in range(count)]


def test_steps_go_to_the_faster_executor_as_long_as_waiting_for_it_is_worth_it() -> None:
    engine = TimedEngine({"slow": Machine(1), "fast": Machine(1, 3.0, 3.0)}, lambda name: 3.0)
    took_s = engine.play(fan(8, expect_s=3.0))
    assert Counter(engine.places().values()) == {"fast": 6, "slow": 2}  # both are done after 6 s
    assert took_s < 6.2


def test_a_step_waits_for_the_full_executor_where_it_ends_sooner_there_and_says_so() -> None:
    engine = TimedEngine({"slow": Machine(1), "fast": Machine(1, 10.0, 10.0)}, lambda name: 10.0)
    engine.launch(fan(2, expect_s=10.0))
    engine.pass_time()
    assert [place for _, place, _ in engine.began] == ["fast"]
    (live,) = engine.book.lives.values()
    waiting = next(step for step in live.run.steps if engine.book.choosing.why(live.run.number, step))
    best, other = engine.book.choosing.why(live.run.number, waiting)
    assert (best.executor, other.executor) == ("fast", "slow")
    assert best.end_s < other.end_s
    assert best.start_s > engine.clock.monotonic()


def test_a_step_does_not_wait_for_what_takes_longer_than_was_thought() -> None:
    """The fast executor is busy with something that was thought to be over soon."""
    engine = TimedEngine(
        {"slow": Machine(1), "fast": Machine(1, 2.0, 2.0)}, lambda name: 1000.0 if name == "long" else 4.0
    )
    first = [("long", {"executor": "fast", "expect_s": 2.0}, ()), ("short", {"executor": "slow"}, ())]
    engine.play([*first, ("work#1", {**ANY, "expect_s": 4.0}, (1,))])
    began = {name: (place, at) for name, place, at in engine.began}
    assert began["work#1"][0] == "slow"
    assert began["work#1"][1] - began["long"][1] < 30


def test_what_was_learned_on_an_executor_counts_more_than_what_is_said() -> None:
    """The executor that is said to be fast is slow."""
    engine = TimedEngine({"process": Machine(1), "fast": Machine(1, 5.0, 0.1)}, lambda name: 5.0)
    engine.play(fan(4, expect_s=5.0))
    for _ in range(2):
        engine.play(fan(3))
    assert set(engine.places().values()) == {"process"}


def test_a_price_is_paid_only_for_what_it_saves() -> None:
    """A second there is worth five seconds of waiting: 1 s there costs 6 s, so that 5 s here are less."""
    machines = {"process": Machine(1), "rented": Machine(4, 5.0, 5.0, price=5.0)}
    engine = TimedEngine(machines, lambda name: 5.0)
    engine.play(fan(1, expect_s=5.0))
    assert engine.places() == {"work#1": "process"}
    engine.play(fan(8, expect_s=5.0))  # the later ones would wait for longer than they cost
    assert Counter(engine.places().values())["rented"] >= 6


def test_steps_run_near_their_data() -> None:
    size = 1_000_000
    machines = {"process": Machine(2, bandwidth=1e5), "far": Machine(2, bandwidth=1e5)}
    engine = TimedEngine(machines, lambda name: 2.0, lambda name: pack([PLAIN, bytes(size)]))
    steps = [("made", {"executor": "far"}, ()), ("used", {**ANY, "expect_s": 2.0}, (0,))]
    engine.play(steps)
    assert engine.places() == {"made": "far", "used": "far"}
    engine = TimedEngine({"process": Machine(2), "far": Machine(2)}, lambda name: 2.0)
    engine.play(steps)
    assert engine.places() == {"made": "far", "used": "process"}  # of equals, the first


def test_what_an_executor_adds_to_attempts_is_learned() -> None:
    engine = TimedEngine({"far": Machine(4, overhead_s=30.0), "near": Machine(1)}, lambda name: 1.0)
    engine.play(fan(2, expect_s=1.0))
    engine.play(fan(4, expect_s=1.0))
    assert set(engine.places().values()) == {"near"}


def test_an_executor_that_loses_its_attempts_is_left_alone() -> None:
    engine = TimedEngine({"broken": Machine(2, loses=1.0), "sound": Machine(1)}, lambda name: 1.0)
    engine.play(fan(12, expect_s=1.0, crash_retries=5))
    lost = sum(place == "broken" for _, place, _ in engine.began)
    assert lost <= 5
    assert sum(place == "sound" for _, place, _ in engine.began) == 12


def test_a_demand_that_exceeds_one_executor_goes_to_the_other() -> None:
    engine = TimedEngine({"small": Machine(1, 9.0, 9.0), "large": Machine(4)}, lambda name: 1.0)
    engine.play(fan(3, demand=[4, 0, 0, []], expect_s=1.0))
    assert set(engine.places().values()) == {"large"}


def test_brief_steps_are_dealt_out_to_all_and_many_at_a_time() -> None:
    engine = TimedEngine({"one": Machine(1), "two": Machine(2)}, lambda name: 0.001)
    took_s = engine.play(fan(3000, expect_s=0.001))
    shares = Counter(place for _, place, _ in engine.began)
    assert shares["one"] > 700
    assert shares["two"] > 1400
    assert took_s < 1.5


def test_a_priority_counts_also_among_steps_that_choose() -> None:
    engine = TimedEngine({"one": Machine(1), "two": Machine(1)}, lambda name: 1.0)
    urgent = [(f"urgent#{number + 1}", {**ANY, "expect_s": 1.0, "priority": 5}, ()) for number in range(4)]
    engine.play([*fan(10, expect_s=1.0), *urgent])
    at = {name: when for name, _, when in engine.began}
    assert max(when for name, when in at.items() if name.startswith("urgent")) < 3.0 + min(at.values())


@given(
    cpus=st.lists(st.integers(1, 4), min_size=2, max_size=3),
    speeds=st.lists(st.sampled_from([0.5, 1.0, 4.0]), min_size=3, max_size=3),
    said=st.lists(st.sampled_from([0.5, 1.0, 4.0]), min_size=3, max_size=3),
    seconds=st.lists(st.sampled_from([0.001, 0.5, 3.0, 60.0]), min_size=1, max_size=25),
    demands=st.lists(st.integers(1, 2), min_size=25, max_size=25),
    chosen=st.lists(st.sampled_from(["any", "m0,m1", "m1", ""]), min_size=25, max_size=25),
)
@settings(max_examples=60, deadline=None)
def test_everything_ends_and_nothing_idles_for_long(
    cpus: list[int], speeds: list[float], said: list[float], seconds: list[float], demands: list[int], chosen: list[str]
) -> None:
    """Whatever is said of the executors: it takes no longer than everything one after the other where it is slowest."""
    machines = {f"m{n}": Machine(max(cpu, 2), said[n], speeds[n]) for n, cpu in enumerate(cpus)}
    durations = {f"s{n}#1": each for n, each in enumerate(seconds)}
    engine = TimedEngine(machines, durations.__getitem__)
    steps = [
        (name, {"executor": chosen[n], "demand": [demands[n], 0, 0, []], "expect_s": 1.0}, ())
        for n, name in enumerate(durations)
    ]
    took_s = engine.play(steps)
    assert len(engine.began) == len(steps)
    assert took_s <= sum(seconds) / min(speeds[: len(cpus)]) + 2.0


@pytest.mark.parametrize("count", [60, 900])
def test_a_forecast_knows_that_steps_may_choose(count: int) -> None:
    """Also where alike steps are taken together, as they are when there are many."""
    machines = {"slow": Machine(1), "fast": Machine(3, 2.0, 2.0)}
    engine = TimedEngine(machines, lambda name: 4.0, forecasts=True)
    engine.play(fan(12, expect_s=4.0))
    run = engine.launch(fan(count))
    began_s = engine.clock.monotonic()
    live = engine.book.live(run)
    assert live is not None
    for _ in range(100_000):
        if live.is_final:
            break
        engine.pass_time(engine.clock.monotonic() + 0.5)
    took_s = engine.clock.monotonic() - began_s
    planned = live.notes["planned"]
    assert planned["p50"] - live.started_at == pytest.approx(took_s, rel=0.2)


def test_steps_of_which_nothing_is_known_fill_all_executors_at_once() -> None:
    engine = TimedEngine({"one": Machine(2), "two": Machine(2)}, lambda name: 10.0)
    took_s = engine.play(fan(4))
    assert Counter(place for _, place, _ in engine.began) == {"one": 2, "two": 2}
    assert took_s < 10.1


def test_what_is_cancelled_while_it_waits_is_not_kept() -> None:
    engine = TimedEngine({"one": Machine(1), "two": Machine(1)}, lambda name: 10.0)
    run = engine.launch(fan(8, expect_s=10.0))
    engine.pass_time(1.0)
    live = engine.book.live(run)
    assert live is not None
    assert len(engine.book.choosing) == 6
    for step in [step for step in live.run.steps.values() if step.state == State.READY]:
        engine.engine.cancel(live, step.id)
    for _ in range(4):
        engine.pass_time(engine.clock.monotonic() + 1.5)
    assert not live.is_final
    assert len(engine.book.choosing) == 0
    assert engine.book.choosing.is_idle
