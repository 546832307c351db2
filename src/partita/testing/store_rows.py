"""Rows for tests of stores, and the laws of finding rows by what they hold and of what was learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.core.states import Kind, Mark, State
from partita.store.port import (
    AttemptEnd,
    AttemptRow,
    CacheRow,
    LearnedRow,
    PlanRow,
    RunRow,
    StepRow,
    Store,
    Turn,
    WaitRow,
    WaitUpdate,
)
from partita.values import BLOB, pack

__all__ = ["NOW", "StoreSearchContract", "a_run", "a_step"]

NOW = 1_700_000_000.123456


def a_run(number: int = 1, **changes: Any) -> RunRow:
    """A run as it is launched."""
    row = RunRow(
        number, f"run-{number}", "project.flows:train", "train", State.RUNNING, "b" * 64, b"\x00\xffinputs", pack({}),
        NOW + number, None, None, None, None,
    )  # fmt: skip
    return row._replace(**changes)


def a_step(number: int, run: int = 1, **changes: Any) -> StepRow:
    """A step as a layout makes it."""
    row = StepRow(
        run, number, number - 1, f"fit[{number}]", Kind.TASK, 0, b"\x00arguments\xff", b"\x00inputs\xff", -1,
        "flows.py:12", State.PENDING, None, None, 0, 0, 0, None, 0, 0,
    )  # fmt: skip
    return row._replace(**changes)


def _end(step: int, number: int, ended_at: float) -> AttemptEnd:
    return AttemptEnd("succeeded", NOW, ended_at, 0.0, 0, None, "", 1, step, number)


def _learned(scope: str, function: str, **changes: Any) -> LearnedRow:
    row = LearnedRow(scope, function, "", "process", "fit", 7, b"\x00state\xff", NOW)
    return row._replace(**changes)


class StoreSearchContract:
    """A part of `StoreContract`."""

    def test_the_last_ends_of_attempts_are_found_by_step(self, store: Store) -> None:
        """Of steps in a range that have an attempt that ended; the latest of several."""
        attempts = [AttemptRow(1, step, number, "process", NOW) for step, number in ((1, 1), (1, 2), (2, 1), (9, 1))]
        ends = [_end(1, 1, NOW), _end(1, 2, NOW + 5), _end(9, 1, NOW + 9)]
        store.commit(
            Turn(runs=[a_run()], steps=[a_step(1), a_step(2), a_step(9)], attempts=attempts, attempt_ends=ends)
        )
        assert store.ended(1, 1, 9) == {1: NOW + 5}
        assert store.durations(1, 1, 9) == {1: 5.0}

    def test_what_was_planned_of_a_run_goes_with_it(self, store: Store) -> None:
        """Part by part; a part that is written again is replaced."""
        parts = [
            PlanRow(1, 2, b"\x00late"),
            PlanRow(1, 0, b"one"),
            PlanRow(1, 1, b"\xffsteps"),
            PlanRow(2, 0, b"other"),
        ]
        store.commit(Turn(runs=[a_run(1), a_run(2)], plans=parts))
        store.commit(Turn(plans=[PlanRow(1, 0, b"two")]))
        assert store.plan(1) == [PlanRow(1, 0, b"two"), parts[2], parts[0]]
        store.delete_run(1)
        assert store.plan(1) == [] and store.plan(2) == parts[3:]

    def test_steps_are_found_by_their_names(self, store: Store) -> None:
        """In their run only, by id."""
        store.commit(Turn(runs=[a_run(1), a_run(2)], steps=[a_step(1), a_step(2), a_step(3), a_step(1, run=2)]))
        assert [(row.run, row.id) for row in store.named_steps(1, ["fit[3]", "fit[1]", "none"])] == [(1, 1), (1, 3)]

    def test_steps_are_found_by_their_ids(self, store: Store) -> None:
        """In their run only, each once, by id; those that are not there are left out."""
        steps = [a_step(1), a_step(2), a_step(3), a_step(7), a_step(2, run=2), a_step(1, run=3)]
        store.commit(Turn(runs=[a_run(1), a_run(2), a_run(3)], steps=steps))
        assert store.chosen_steps(1, [7, 3, 2, 5, 3, -1]) == steps[1:4] and store.chosen_steps(1, []) == []
        assert store.chosen_steps(2, [1, 2, 1 << 32 | 1]) == steps[4:5], (
            "a number that is no id found another run's step"
        )

    def test_steps_are_found_by_the_hash_in_their_values(self, store: Store) -> None:
        """By its beginning, over all runs, a number of rows at a time."""
        value = pack([BLOB, "npy", "ab" + "0" * 62, 5, "ab0000"])
        steps = [a_step(1, value=value), a_step(2, value=b"ab"), a_step(3), a_step(1, run=7, value=value)]
        store.commit(Turn(runs=[a_run(1), a_run(7)], steps=steps))
        assert store.naming("ab0", 0, -1, 100) == ([(1, 1), (7, 1)], None)
        assert store.naming("b0", 0, -1, 100) == ([], None)
        first, cursor = store.naming("ab", 0, -1, 2)
        assert first == [(1, 1)] and cursor == (1, 2)
        assert store.naming("ab", *cursor, 2) == ([(7, 1)], (7, 1))
        assert store.naming("ab", 7, 1, 2) == ([], None)

    def test_what_was_learned_is_replaced_and_forgotten_by_its_key(
        self, store: Store, make_store: Callable[[], Store]
    ) -> None:
        """The rows of one key are one row."""
        rows = [
            _learned("all", ""), _learned("flow", "f"), _learned("task", "f", version="1", node="a/é"),
            _learned("task", "f", version="2"), _learned("task", "g"),
        ]  # fmt: skip
        store.commit(Turn(learned=rows[::-1]))
        assert store.learned() == rows
        assert store.learned(scope="task", function="f") == rows[2:4] and store.learned(function="f") == rows[1:4]
        newer = rows[2]._replace(title="new", seen=1 << 40, state=b"more", updated_at=NOW + 1)
        store.commit(Turn(learned=[newer]))
        assert not Turn(learned=[newer]).is_empty() and not Turn(unlearned=[("task", "f")]).is_empty()
        assert store.learned(scope="task") == [newer, *rows[3:]]
        kept = _learned("task", "f", version="3")
        store.commit(Turn(unlearned=[("task", "f"), ("task", "unknown")], learned=[kept]))
        assert make_store().learned() == [*rows[:2], kept, rows[4]]

    def test_what_a_run_has_taught_stays_when_it_is_deleted(self, store: Store) -> None:
        """That is what it is kept apart for."""
        store.commit(Turn(runs=[a_run()], learned=[_learned("task", "f")]))
        store.delete_run(1)
        assert store.learned() == [_learned("task", "f")]

    def test_runs_are_counted_by_flow_from_one_on(self, store: Store) -> None:
        states = [State.SUCCEEDED, State.FAILED, State.RUNNING, State.SUCCEEDED, State.FAILED]
        runs = [a_run(n, flow=f"f:{n % 2}", title=f"t{n % 2}", state=state) for n, state in enumerate(states, 1)]
        store.commit(Turn(runs=runs))
        assert store.runs_above(0) == {"f:1": 3, "f:0": 2} and store.runs_above(5) == {}
        assert store.runs_above(2, states=[State.SUCCEEDED, State.FAILED]) == {"f:0": 1, "f:1": 1}
        assert store.runs_above(1, flow="t1") == store.runs_above(1, flow="f:1") == {"f:1": 2}

    def test_who_made_what_a_run_took_from_the_cache_is_found(self, store: Store) -> None:
        """Of its own steps alone, and only where they took the value."""
        taken: dict[str, Any] = {"value": b"v\x00", "marks": Mark.CACHED | Mark.CRASHED, "state": State.SUCCEEDED}
        steps = [
            a_step(0),
            a_step(1, **taken),
            a_step(2, run=2, value=b"w"),
            a_step(1, run=3, **{**taken, "value": b"w"}),
        ]
        cached = [
            CacheRow(key, "f:fit", "fit", run, 3, value, b"", NOW, None, 0, None)
            for key, run, value in ((b"a", "one", b"v\x00"), (b"b", "two", b"w"), (b"c", "one", b"v\x00"))
        ]
        store.commit(Turn(runs=[a_run(n) for n in (1, 2, 3)], steps=steps, cached=cached))
        assert store.cache_makers(1) == ["one"] and store.cache_makers(3) == ["two"]
        assert store.cache_makers(2) == store.cache_makers(9) == []

    def test_what_persons_have_said_is_told_by_run(self, store: Store) -> None:
        asked = [_wait(step, run, "approval") for run, step in ((1, 4), (2, 1), (2, 3), (3, 0))]
        store.commit(Turn(runs=[a_run(), a_run(2), a_run(3)], waits=[*asked, _wait(9, 1, "sleep")]))
        over = [*asked[:3], _wait(9, 1, "sleep")]
        store.commit(Turn(wait_updates=[WaitUpdate(None, NOW + row.run, "approved", *row[:2]) for row in over]))
        assert [row[:2] for row in store.closed_waits()] == [(2, 3), (2, 1), (1, 4)]
        assert [row[:2] for row in store.closed_waits(before=(2, 3), limit=1)] == [(2, 1)]
        assert store.closed_waits()[0].outcome == "approved" and store.closed_waits(before=(1, 4)) == []


def _wait(step: int, run: int, kind: str) -> WaitRow:
    return WaitRow(run, step, kind, "paid?", None, NOW, NOW + 60, b"\x00spec", None, None, "")
