"""What is told of a step: by its own attempts, else by the next best, and which it was."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.plan.history import OWN_COUNT, Attempted, History, Record, Subject
from partita.values import pack, unpack

FIT = Subject("m:fit", "", "desk", "m:train", "fit", "train")


def attempted(duration_s: float, **changes: Any) -> Attempted:
    return Attempted(1e6, duration_s, duration_s * 2, 2e8, 5e4, 1.7e9)._replace(**changes)


def taught(*cases: tuple[Subject, float, int]) -> History:
    history = History()
    for subject, duration_s, times in cases:
        for _ in range(times):
            history.observe(subject, attempted(duration_s))
    return history


def copied(records: list[Record]) -> list[Record]:
    return [record._replace(state=unpack(pack(record.state))) for record in records]


def duration(history: History, subject: Subject, hint_s: float | None = None) -> tuple[float, str]:
    estimate = history.expect(subject, 1e6, hint_s).duration
    return estimate.median, estimate.basis


def test_the_next_best_is_asked_where_a_step_has_no_attempts() -> None:
    history = History()
    assert duration(history, FIT)[1] == "nothing"
    history.observe(Subject("m:load", "", "desk", "m:other"), attempted(3.0))
    assert duration(history, FIT) == (pytest.approx(3.0), "all")
    history.observe(Subject("m:load", "", "desk", "m:train"), attempted(5.0))
    assert duration(history, FIT) == (pytest.approx(5.0), "flow")
    assert duration(history, FIT, 120.0) == (pytest.approx(120.0), "hint")
    history.observe(FIT._replace(version="0"), attempted(60.0))
    assert duration(history, FIT, 120.0) == (pytest.approx(60.0), "function")
    for _ in range(OWN_COUNT):
        history.observe(FIT, attempted(10.0))
    assert duration(history, FIT, 120.0) == (pytest.approx(10.0, rel=0.01), "step")


@given(st.sets(st.sampled_from(["step", "function", "hint", "flow", "all"])))
def test_the_order_of_what_is_asked_holds_whatever_is_known(known: set[str]) -> None:
    cases = {
        "step": (FIT, 1.0, OWN_COUNT), "function": (FIT._replace(node="cloud", flow="m:x"), 2.0, 1),
        "flow": (FIT._replace(function="m:load"), 3.0, 1), "all": (FIT._replace(function="m:load", flow="m:x"), 4.0, 1),
    }  # fmt: skip
    history = taught(*(case for name, case in cases.items() if name in known))
    estimate = history.expect(FIT, 1e6, 5.0 if "hint" in known else None).duration
    # A step teaches about its flow, and about all.
    implied = known | ({"all"} if known & {"function", "flow"} else set())
    assert estimate.basis == next(name for name in ("step", "function", "hint", "flow", "all", "nothing")
                                  if name in implied or name == "nothing")  # fmt: skip
    assert 0 < estimate.p10 < estimate.median < estimate.p90 < math.inf


def test_memory_and_output_fall_back_too_and_no_hint_is_about_them() -> None:
    history = taught((FIT._replace(function="m:load"), 1.0, 3))
    expected = history.expect(FIT, 1e6, 60.0)
    assert [each.basis for each in expected] == ["hint", "flow", "flow"]
    assert history.duration(FIT, 1e6, 60.0) == expected.duration
    assert expected.memory.median == pytest.approx(2e8) and expected.output.median == pytest.approx(5e4)


def test_of_several_versions_the_likest_and_latest_is_asked() -> None:
    history = History()
    for node, version, duration_s, at in (
        ("cloud", "2", 1.0, 9),
        ("desk", "1", 2.0, 1),
        ("desk", "0", 4.0, 2),
        ("x", "2", 8.0, 5),
    ):
        history.observe(FIT._replace(node=node, version=version), attempted(duration_s, ended_at=1e9 + at))
    asked = FIT._replace(version="3")
    assert duration(history, asked) == (pytest.approx(4.0), "function")
    assert duration(history, asked._replace(node="new")) == (pytest.approx(1.0), "function")
    assert duration(history, FIT._replace(version="2")) == (pytest.approx(1.0), "function")


def test_what_another_version_taught_is_spread_wider() -> None:
    history = taught((FIT, 10.0, 50))
    own, other = history.expect(FIT, 1e6).duration, history.expect(FIT._replace(version="2"), 1e6).duration
    assert other.median == own.median and other.p10 < own.p10 * 0.8 and other.p90 > own.p90 * 1.2


def test_few_attempts_of_its_own_are_drawn_to_what_was_known_before() -> None:
    history = taught((FIT._replace(version="1"), 10.0, 30), (FIT, 20.0, 1))
    first = duration(history, FIT)
    assert 12.0 < first[0] < 19.0 and first[1] == "step"
    history.observe(FIT, attempted(20.0))
    assert first[0] < duration(history, FIT)[0] < 20.0
    hinted = taught((FIT, 20.0, 1))
    assert duration(hinted, FIT, 5.0)[0] == pytest.approx(10.0, rel=0.05)


def test_one_function_under_several_names_is_learned_apart_and_told_for_a_new_one() -> None:
    shell = FIT._replace(function="components:shell#unpack")
    history = taught((shell, 100.0, 9), (FIT._replace(function="components:shell#list"), 1.0, 9))
    assert duration(history, shell) == (pytest.approx(100.0, rel=0.01), "step")
    assert duration(history, FIT._replace(function="components:shell#other"))[1] == "function"


def test_what_is_stored_gives_the_same_history_again() -> None:
    history = taught((FIT, 10.0, 20), (FIT._replace(version="2", flow="m:x"), 3.0, 5))
    assert history.changed == {("task", "m:fit"), ("flow", "m:train"), ("flow", "m:x"), ("all", "")}
    records = copied(history.take_changed())
    assert {record[:4] for record in records} == {
        ("task", "m:fit", "", "desk"), ("task", "m:fit", "2", "desk"), ("flow", "m:train", "", ""),
        ("flow", "m:x", "", ""), ("all", "", "", ""),
    }  # fmt: skip
    assert sorted((record.title, record.seen) for record in records) == [
        ("", 25),
        ("fit", 5),
        ("fit", 20),
        ("train", 5),
        ("train", 20),
    ]
    assert not history.changed and history.take_changed() == []
    again = History()
    again.load(records)
    for subject in (
        FIT,
        FIT._replace(version="2"),
        FIT._replace(function="m:y"),
        FIT._replace(function="m:y", flow="m:z"),
    ):
        assert again.expect(subject, 5e5) == history.expect(subject, 5e5)
    assert [(key, known.seen, known.cores, known.most_bytes) for key, known in again.known()] == [
        (("m:fit", "", "desk"), 20, 2.0, 2e8), (("m:fit", "2", "desk"), 5, 2.0, 2e8),
    ]  # fmt: skip
    again.observe(FIT, attempted(10.0))
    history.observe(FIT, attempted(10.0))
    assert copied(again.take_changed()) == copied(history.take_changed())


def test_what_two_have_learned_at_once_comes_together() -> None:
    """Each writes over the other's row, having taken it in before."""
    one, other = taught((FIT, 10.0, 4)), History()
    stored = {record[:4]: record for record in copied(one.take_changed())}
    other.load(stored.values())
    for history, times in ((one, 3), (other, 2), (one, 1), (other, 1)):
        for _ in range(times):
            history.observe(FIT, attempted(10.0, ended_at=1.7e9 + times))
    for history in (other, one, other):
        history.load(stored.values())
        stored.update((record[:4], record) for record in copied(history.take_changed()))
    assert {record.seen for record in stored.values()} == {11}
    one.load(stored.values())
    assert one.expect(FIT, 1e6) == other.expect(FIT, 1e6)


def test_what_another_engine_has_forgotten_is_not_written_again() -> None:
    history = taught((FIT, 10.0, 4), (FIT._replace(function="m:load"), 2.0, 1))
    stored = {record[:4]: record for record in copied(history.take_changed())}
    for key in (("task", "m:fit", "", "desk"), ("flow", "m:train", "", "")):
        del stored[key]
    history.observe(FIT, attempted(7.0))
    history.forget_others(stored.keys(), "task", "m:load")
    assert {key[0]: known.seen for key, known in history.known()} == {"m:fit": 5, "m:load": 1}
    history.forget_others(stored.keys())
    assert {key[0]: known.seen for key, known in history.known()} == {"m:fit": 1, "m:load": 1}
    assert duration(history, FIT) == (pytest.approx(7.0), "step")
    history.take_changed()
    history.forget_others(())
    assert list(history.known()) == [] and duration(history, FIT)[1] == "nothing"
    history.observe(FIT, attempted(3.0))
    assert duration(history, FIT) == (pytest.approx(3.0), "step")


def test_a_row_that_was_not_changed_by_others_is_not_taken_in_again() -> None:
    history = taught((FIT, 10.0, 4))
    stored = copied(history.take_changed())
    history.observe(FIT, attempted(10.0))
    history.load(stored)
    assert next(known.seen for _, known in history.known()) == 5


def test_a_function_is_forgotten_with_all_its_versions() -> None:
    history = taught((FIT, 10.0, 4), (FIT._replace(version="2"), 1.0, 1), (FIT._replace(function="m:load"), 2.0, 1))
    history.forget("m:fit")
    history.forget("m:unknown")
    assert [key for key, _ in history.known()] == [("m:load", "", "desk")]
    assert duration(history, FIT)[1] == "flow" and ("task", "m:fit") not in history.changed
    history.observe(FIT, attempted(7.0))
    assert duration(history, FIT) == (pytest.approx(7.0), "step")


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
@pytest.mark.parametrize("field", Attempted._fields[:-1])
def test_what_no_attempt_can_have_taken_is_refused_whole(field: str, wrong: float) -> None:
    history = taught((FIT, 10.0, 2))
    before = history.expect(FIT, 1e6)
    with pytest.raises(ValueError, match="cannot have taken"):
        history.observe(FIT, attempted(1.0)._replace(**{field: wrong}))
    assert history.expect(FIT, 1e6) == before


AMOUNT = st.floats(0.0, 1e18)


@given(st.lists(st.builds(Attempted, AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT), max_size=20), AMOUNT)
def test_whatever_was_seen_predictions_are_finite_and_positive(seen: list[Attempted], size: float) -> None:
    history = History()
    for each in seen:
        history.observe(FIT, each)
    for subject in (
        FIT,
        FIT._replace(version="2"),
        FIT._replace(function="m:x"),
        FIT._replace(function="m:x", flow="m:x"),
    ):
        for estimate in history.expect(subject, size):
            assert 0 < estimate.p10 <= estimate.median <= estimate.p90 < math.inf
