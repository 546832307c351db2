"""What the lines of a journal come to."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from partita.tune.budgets import Budgets, verdict
from partita.tune.record import StudyRecord, beats


def record(*directions: str) -> StudyRecord:
    objectives = {f"o{number}": way for number, way in enumerate(directions)}
    return StudyRecord([
        {"what": "study", "at": 100.0, "name": "s", "flow": "f.py:f", "title": "f", "objectives": objectives,
         "space": {"x": {"low": 0, "high": 9}}, "sampler": "tpe", "pruner": "none", "seed": 1},
        {"what": "begin", "at": 100.0, "budgets": {"trials": 4}},
    ])  # fmt: skip


def ask(into: StudyRecord, x: int, at: float = 101.0, **more: Any) -> int:
    number = len(into.trials)
    into.take({"what": "ask", "number": number, "at": at, "parameters": {"x": x}, "run": f"r{number}", **more})
    return number


def tell(
    into: StudyRecord, number: int, *values: float, at: float = 102.0, state: str = "succeeded", cost: float = 0.0
) -> None:
    into.take({
        "what": "tell", "number": number, "at": at, "state": state, "values": list(values), "reported": [], "cost": cost,
        "error": "no" * (state == "failed"),
    })  # fmt: skip


def test_the_best_is_the_first_of_equal_ones() -> None:
    made = record("minimize")
    for value in (3.0, 1.0, 2.0, 1.0):
        tell(made, ask(made, int(value)), value)
    assert [trial.number for trial in made.best()] == [1]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30))
def test_the_front_is_what_nothing_beats(pairs: list[tuple[int, int]]) -> None:
    made = record("maximize", "minimize")
    for pair in pairs:
        tell(made, ask(made, 0), *pair)
    wanted = [
        n for n, pair in enumerate(pairs) if not any(beats(["maximize", "minimize"], other, pair) for other in pairs)
    ]
    assert [trial.number for trial in made.best()] == wanted


def test_an_earlier_trial_with_the_same_parameters_is_found() -> None:
    made = record("maximize")
    first = ask(made, 3)
    found = made.twin({"x": 3})
    assert found is not None and found.number == first and made.twin({"x": 4}) is None
    tell(made, first, state="failed")
    assert made.twin({"x": 3}) is None  # it may succeed the next time


def test_time_is_that_of_all_sessions_and_ends_with_the_last_line_of_one_that_died() -> None:
    made = record("maximize")
    tell(made, ask(made, 1, at=105.0), 1.0, at=110.0)
    assert made.spent_s(130.0) == 30.0  # somebody is at it
    made.take({"what": "begin", "at": 500.0, "budgets": {"trials": 9}})
    assert made.took_s == 10.0 and made.spent_s(503.0) == 13.0
    made.take({"what": "end", "at": 505.0, "state": "ended", "reason": "enough"})
    assert made.spent_s(900.0) == 15.0
    view = made.view(900.0, is_held=False)
    assert view["state"] == "ended" and view["reason"] == "enough" and view["budgets"] == {"trials": 9}


def test_one_that_died_is_told_as_stopped() -> None:
    made = record("maximize")
    view = made.view(200.0, is_held=False)
    assert view["state"] == "stopped" and "has ended" in view["reason"]


def test_what_is_left_is_told_by_the_pace() -> None:
    made = record("maximize")
    assert made.left_s(101.0) is None
    tell(made, ask(made, 1), 1.0, at=110.0)
    assert made.left_s(110.0) == 30.0  # three more, ten seconds each


def test_nothing_is_said_of_what_is_left_while_trials_may_end_it_and_nobody_knows_when() -> None:
    made = record("maximize")
    made.take({"what": "begin", "at": 100.0, "budgets": {"trials": 4, "time_s": 600.0}})
    assert made.left_s(110.0) is None
    tell(made, ask(made, 1), 1.0, at=110.0)
    assert made.left_s(110.0) == 30.0
    made.take({"what": "begin", "at": 110.0, "budgets": {"time_s": 600.0}})
    assert made.left_s(110.0) == 590.0


def given_up(made: StudyRecord, budgets: Budgets, now: float = 150.0, size: int | None = None) -> str:
    found = verdict(made, budgets, now, failures=3, size=size)
    return found.reason if found is not None else ""


def test_each_budget_ends_it() -> None:
    made = record("maximize")
    assert not given_up(made, Budgets(trials=1))
    for value in (1.0, 5.0):
        tell(made, ask(made, int(value)), value, cost=2.0)
    assert given_up(made, Budgets(trials=2)) == "all 2 trials were made"
    assert given_up(made, Budgets(trials=1)) == "2 trials were made, and 1 was to be made in all"
    assert "time of 50" in given_up(made, Budgets(time_s=50.0))
    assert "cost of 4 is used up" in given_up(made, Budgets(cost=4.0))
    assert "target of 5 was reached: trial 1" in given_up(made, Budgets(trials=9, target=5.0))
    assert given_up(made, Budgets(trials=9), size=2) == "all 2 combinations were tried"
    assert not given_up(made, Budgets(trials=9, time_s=60.0, cost=5.0, target=6.0), size=3)


def test_failures_count_only_in_a_row() -> None:
    made = record("maximize")
    for state in ("failed", "failed", "succeeded", "failed", "failed"):
        tell(made, ask(made, 1), *([1.0] if state == "succeeded" else []), state=state)
    assert made.failures_in_a_row == 2 and not given_up(made, Budgets(trials=99))
    tell(made, ask(made, 1), state="failed")
    assert given_up(made, Budgets(trials=99)) == "3 trials in a row have failed, the last one with: no"
