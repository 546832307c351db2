"""Brief steps wait behind others in the lanes of their like, and are taken back from one that takes long."""

from __future__ import annotations

from tests.timed_executors import Machine, Steps, TimedEngine


def fan(count: int) -> Steps:
    return [(f"work#{number}", {}, ()) for number in range(1, count + 1)]


def test_what_waits_behind_a_step_that_takes_long_is_taken_back_once() -> None:
    """Not again and again: the lane is left alone until it has ended."""
    engine = TimedEngine({"one": Machine(1)}, lambda name: 10.0 if name == "work#30" else 0.001)
    engine.play(fan(60))
    assert 0 < engine.taken_back <= 30


def test_steps_that_were_learned_to_be_brief_go_many_at_a_time_from_the_first_on() -> None:
    engine = TimedEngine({"one": Machine(1)}, lambda name: 0.001)
    engine.play(fan(40))
    engine.most_in_a_lane = 0
    engine.play(fan(16))
    assert len(engine.began) == 16
    assert engine.most_in_a_lane > 8


def test_steps_shorter_than_the_way_to_them_wait_where_they_run() -> None:
    """The way takes 100 ms, a step 30 ms: while one is worked on, the next ones are on their way."""
    engine = TimedEngine({"near": Machine(1), "far": Machine(2, way_s=0.1)}, lambda name: 0.03)
    steps = [(f"work#{number}", {"executor": "far"}, ()) for number in range(1, 101)]
    took_s = engine.play(steps)
    assert engine.most_in_a_lane > 1
    assert took_s < 100 * 0.13 / 2 * 0.6  # of what it would take one after the other in both lanes
