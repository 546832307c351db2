"""The laws of `partita.store.port.Store` as tests, to be run over every store.

    class TestMyStore(StoreContract):
        @pytest.fixture
        def make_store(self, tmp_path):
            return lambda: MyStore(tmp_path / "rows")

`make_store` opens the same rows each time it is called, as a restarted engine would.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from partita.core.states import Kind, State
from partita.errors import FencedError, StoreError
from partita.store.port import (
    AttemptEnd,
    AttemptRow,
    CacheRow,
    ProfileRow,
    ReportRow,
    RunUpdate,
    StepUpdate,
    Store,
    Turn,
)
from partita.testing.access_store_contract import AccessStoreContract
from partita.testing.model_store_contract import ModelStoreContract
from partita.testing.publication_store_contract import PublicationStoreContract
from partita.testing.secret_store_contract import SecretStoreContract
from partita.testing.store_rows import NOW as _NOW
from partita.testing.store_rows import StoreSearchContract, a_run, a_step
from partita.testing.wait_store_contract import WaitStoreContract
from partita.values import pack

__all__ = ["StoreContract", "a_run", "a_step"]

_FAR = 2**31

MakeStore = Callable[[], Store]


def _update(number: int, run: int = 1, **changes: Any) -> StepUpdate:
    return StepUpdate(State.SUCCEEDED, b"value", None, 1, 0, 0, None, number + 1, 0, run, number)._replace(**changes)


def _end(number: int, attempt: int = 1, run: int = 1, **changes: Any) -> AttemptEnd:
    end = AttemptEnd(
        "succeeded", _NOW + 1, _NOW + 2, 0.25, 1 << 40, b"\x00error\xff", "7-1.log:3:99", run, number, attempt, 1 << 41
    )
    return end._replace(**changes)


class StoreContract(
    StoreSearchContract,
    WaitStoreContract,
    ModelStoreContract,
    SecretStoreContract,
    AccessStoreContract,
    PublicationStoreContract,
):
    """Subclass it, and give a `make_store` fixture."""

    @pytest.fixture
    def make_store(self) -> MakeStore:
        """Opens the same rows at each call."""
        raise NotImplementedError("give a fixture `make_store`")

    @pytest.fixture
    def store(self, make_store: MakeStore) -> Store:
        """A store with the lease."""
        store = make_store()
        store.acquire("contract")
        return store

    def reopened(self, store: Store, make_store: MakeStore) -> Store:
        """The same rows, as a new process finds them."""
        store.close()
        return make_store()

    # Law 1: all of a turn, or nothing of it.

    def test_a_turn_with_a_key_that_is_there_already_writes_nothing(self, store: Store) -> None:
        store.commit(Turn(runs=[a_run()], steps=[a_step(0)]))
        with pytest.raises(StoreError):
            store.commit(Turn(steps=[a_step(1), a_step(0)], step_updates=[_update(0)]))
        assert store.steps(1) == [a_step(0)]

    def test_after_a_refused_turn_the_next_one_is_written(self, store: Store) -> None:
        store.commit(Turn(runs=[a_run()], steps=[a_step(0)]))
        with pytest.raises(StoreError):
            store.commit(Turn(runs=[a_run()]))
        store.commit(Turn(steps=[a_step(1)]))
        assert [step.id for step in store.steps(1)] == [0, 1]

    def test_an_empty_turn_is_allowed(self, store: Store) -> None:
        store.commit(Turn())
        assert Turn().is_empty()

    def test_a_turn_is_written_in_the_order_of_its_fields(self, store: Store) -> None:
        store.commit(
            Turn(
                runs=[a_run()],
                steps=[a_step(0), a_step(1), a_step(2)],
                dropped=[(1, 1, 2)],
                step_updates=[_update(0), _update(1)],
                attempts=[AttemptRow(1, 0, 1, "local", _NOW)],
                attempt_ends=[_end(0)],
                run_updates=[RunUpdate(State.SUCCEEDED, _NOW, _NOW, None, None, 1)],
            )
        )
        assert [(step.id, step.state) for step in store.steps(1)] == [(0, State.SUCCEEDED), (2, State.PENDING)]
        assert store.open_attempts(1) == []
        assert store.unfinished_runs() == []

    # Law 2: what was committed is there after a restart.

    def test_everything_is_there_after_reopening(self, store: Store, make_store: MakeStore) -> None:
        report = ReportRow(1, 0, 1, "loss", 0.5, 3, _NOW)
        attempt = AttemptRow(1, 0, 1, "local", _NOW)
        profile = ProfileRow(1, 0, b"\x00profile")
        store.commit(
            Turn(
                runs=[a_run()], profiles=[profile], steps=[a_step(0)], attempts=[attempt], attempt_ends=[_end(0)],
                reports=[report],
            )
        )  # fmt: skip
        again = self.reopened(store, make_store)
        assert again.run("run-1") == again.run_by_number(1) == a_run()
        assert again.profiles(1) == [profile]
        assert again.steps(1) == [a_step(0)]
        assert again.attempts(1) == [(attempt, _end(0))]
        assert again.reports(1) == [report]

    # Law 3: a stale owner's write is refused.

    def test_a_store_without_the_lease_may_not_commit(self, make_store: MakeStore) -> None:
        with pytest.raises(FencedError):
            make_store().commit(Turn(runs=[a_run()]))

    def test_an_engine_whose_lease_was_taken_writes_nothing(self, store: Store, make_store: MakeStore) -> None:
        other = make_store()
        other.acquire("another engine")
        with pytest.raises(FencedError):
            store.commit(Turn(runs=[a_run(1)]))
        with pytest.raises(FencedError):
            store.delete_run(1)
        other.commit(Turn(runs=[a_run(2)]))
        assert [row.number for row in other.runs()] == [2]

    def test_unfinished_runs_go_to_who_has_the_lease(self, store: Store, make_store: MakeStore) -> None:
        store.commit(Turn(runs=[a_run(1), a_run(2, state=State.SUCCEEDED), a_run(3)]))
        assert [row.number for row in store.owned_runs()] == [1, 3]
        other = make_store()
        other.acquire("other")
        assert [row.number for row in other.owned_runs()] == [1, 3] and other.owned_runs()[0] == a_run(1)

    def test_who_has_given_its_lease_back_leaves_its_runs_to_the_next(
        self, store: Store, make_store: MakeStore
    ) -> None:
        store.commit(Turn(runs=[a_run()]))
        store.release()
        other = make_store()
        other.acquire("other", place="elsewhere")
        assert [row.number for row in other.owned_runs()] == [1]
        other.commit(Turn(steps=[a_step(0)]))

    def test_epochs_grow(self, store: Store, make_store: MakeStore) -> None:
        first = store.acquire("first")
        assert make_store().acquire("second") > first

    def test_a_lease_can_be_taken_back(self, store: Store, make_store: MakeStore) -> None:
        make_store().acquire("another")
        store.acquire("contract")
        store.commit(Turn(runs=[a_run()]))
        assert store.run("run-1") == a_run()

    # Law 4: what is read back is what was written.

    def test_every_column_of_a_run_comes_back(self, store: Store) -> None:
        whole = a_run(
            7,
            options=pack({"tags": ["a"], "parent": ["run-1", 4]}),
            started_at=1.5,
            ended_at=2.5,
            error=b"\x00",
            notes=b"",
        )
        store.commit(Turn(runs=[a_run(1), whole]))
        assert store.run("run-7") == whole
        assert store.children(1) == [whole]
        assert store.children(7) == []

    def test_every_column_of_a_step_comes_back(self, store: Store) -> None:
        whole = a_step(
            2**32 - 1, run=2**30, parent=2**32 - 2, name="fit[é\n\U0001f600]", kind=Kind.GATHER, profile=-1,
            fallback_of=5, value=bytes(range(256)) * 100, error=b"", attempts=3, failures=2, crashes=1, due_at=1e9 / 3,
            finished=9, marks=1023, state=State.WAITING,
        )  # fmt: skip
        bare = a_step(0, run=2**30, arguments=None, inputs=None)
        store.commit(Turn(runs=[a_run(2**30)], steps=[whole, bare]))
        assert store.steps(2**30) == [bare, whole]
        assert store.step(2**30, 2**32 - 1) == whole
        assert store.arguments(2**30, 2**32 - 1) == whole.arguments
        assert store.arguments(2**30, 0) is None

    def test_an_update_changes_what_it_names(self, store: Store) -> None:
        store.commit(Turn(runs=[a_run()], steps=[a_step(0), a_step(1)]))
        store.commit(Turn(step_updates=[StepUpdate(State.WAITING, b"v", b"e", 4, 3, 2, 7.5, 8, 33, 1, 1)]))
        changed = a_step(
            1, state=State.WAITING, value=b"v", error=b"e", attempts=4, failures=3, crashes=2, due_at=7.5, finished=8,
            marks=33,
        )  # fmt: skip
        assert store.steps(1) == [a_step(0), changed]

    def test_an_update_without_value_or_error_leaves_those_that_are_there(self, store: Store) -> None:
        store.commit(Turn(runs=[a_run()], steps=[a_step(0)]))
        store.commit(Turn(step_updates=[_update(0, value=b"kept", error=b"also")]))
        store.commit(Turn(step_updates=[_update(0, value=None, error=None, due_at=None)]))
        step = store.step(1, 0)
        assert step is not None
        assert (step.value, step.error, step.due_at) == (b"kept", b"also", None)

    def test_the_later_of_two_updates_of_a_turn_holds(self, store: Store) -> None:
        store.commit(Turn(runs=[a_run()], steps=[a_step(0)]))
        store.commit(Turn(step_updates=[_update(0, state=State.READY), _update(0, state=State.RUNNING)]))
        assert store.counts(1) == {State.RUNNING: 1}

    def test_a_run_is_updated(self, store: Store) -> None:
        store.commit(Turn(runs=[a_run()]))
        store.commit(Turn(run_updates=[RunUpdate(State.FAILED, 1.0, 2.0, b"e", b"n", 1)]))
        assert store.run("run-1") == a_run(state=State.FAILED, started_at=1.0, ended_at=2.0, error=b"e", notes=b"n")

    # Runs.

    def test_runs_come_newest_first_a_page_at_a_time(self, store: Store) -> None:
        store.commit(Turn(runs=[a_run(number) for number in (1, 2, 3, 4, 5)]))
        first = store.runs(limit=2)
        assert [row.number for row in first] == [5, 4]
        assert [row.number for row in store.runs(before=first[-1].number, limit=2)] == [3, 2]

    def test_runs_are_chosen_by_flow_and_state(self, store: Store) -> None:
        other = a_run(2, flow="project.flows:score", title="score", state=State.FAILED)
        store.commit(Turn(runs=[a_run(1), other, a_run(3, state=State.SUCCEEDED)]))
        assert store.runs(flow="project.flows:score") == store.runs(flow="score") == [other]
        assert [row.number for row in store.runs(states=(State.FAILED, State.SUCCEEDED))] == [3, 2]
        assert store.runs(flow="nothing") == []

    def test_runs_are_chosen_by_time_and_text_and_come_either_way_round(self, store: Store) -> None:
        made = [a_run(number, title=f"Train_{number}%", created_at=100.0 * number) for number in (1, 2, 3, 4)]
        store.commit(Turn(runs=made))
        assert [row.number for row in store.runs(text="train_")] == [4, 3, 2, 1]
        assert [row.number for row in store.runs(text="_3%")] == [3]
        assert store.runs(text="T%_1") == []
        assert [row.number for row in store.runs(since=200.0, until=400.0)] == [3, 2]
        assert [row.number for row in store.runs(is_upwards=True, limit=2)] == [1, 2]
        assert [row.number for row in store.runs(is_upwards=True, before=2, text="train")] == [3, 4]

    def test_unfinished_runs_come_oldest_first(self, store: Store) -> None:
        states = [State.RUNNING, State.SUCCEEDED, State.PENDING, State.CANCELLED, State.FAILED, State.SKIPPED]
        store.commit(Turn(runs=[a_run(number, state=state) for number, state in enumerate(states, 1)]))
        assert [row.number for row in store.unfinished_runs()] == [1, 3]

    def test_run_numbers_are_never_given_twice(self, store: Store, make_store: MakeStore) -> None:
        first = store.next_run_number()
        second = store.next_run_number()
        store.commit(Turn(runs=[a_run(second)]))
        store.delete_run(second)
        third = store.next_run_number()
        again = self.reopened(store, make_store)
        assert 0 < first < second < third < again.next_run_number()

    def test_what_is_not_there_is_none_or_empty(self, store: Store) -> None:
        assert store.run("nothing") is None and store.run_by_number(9) is None and store.step(9, 0) is None
        assert not any((store.steps(9), store.profiles(9), store.attempts(9), store.reports(9), store.children(9)))
        assert not any((store.values(9, [1, 2]), store.values(9, [1]), store.values(9, []), store.counts(9)))
        assert store.arguments(9, 0) is None and list(store.all_steps(9)) == [] and store.open_attempts(9) == []

    def test_a_deleted_run_leaves_nothing_behind_and_others_alone(self, store: Store) -> None:
        for number in (1, 2):
            store.commit(
                Turn(
                    runs=[a_run(number)],
                    profiles=[ProfileRow(number, 0, b"p")],
                    steps=[a_step(0, run=number), a_step(2**32 - 1, run=number)],
                    attempts=[AttemptRow(number, 0, 1, "local", _NOW)],
                    reports=[ReportRow(number, 0, 1, "loss", 0.5, 3, _NOW)],
                )
            )
        store.delete_run(1)
        assert store.run("run-1") is None
        assert not any((store.steps(1), store.profiles(1), store.attempts(1), store.reports(1)))
        assert store.run("run-2") == a_run(2)
        assert (
            len(store.steps(2)) == 2 and len(store.attempts(2)) == len(store.reports(2)) == len(store.profiles(2)) == 1
        )

    # Law 5: pages.

    def test_steps_come_by_id_a_page_at_a_time(self, store: Store) -> None:
        numbers = [5, 0, 9, 3, 7]
        store.commit(Turn(runs=[a_run(), a_run(2)], steps=[a_step(n) for n in numbers] + [a_step(4, run=2)]))
        assert [step.id for step in store.steps(1, limit=2)] == [0, 3]
        assert [step.id for step in store.steps(1, after=3, limit=2)] == [5, 7]
        assert [step.id for step in store.steps(1, after=9)] == []
        assert [step.id for step in store.all_steps(1)] == [0, 3, 5, 7, 9]

    def test_all_steps_of_a_large_run_come_while_commits_go_on(self, store: Store) -> None:
        store.commit(Turn(runs=[a_run()], steps=[a_step(number) for number in range(2500)]))
        seen = []
        for step in store.all_steps(1):
            if step.id % 1000 == 0:
                store.commit(Turn(step_updates=[_update(step.id)]))
            seen.append(step.id)
        assert seen == list(range(2500))

    def test_values_of_many_steps_come_at_once(self, store: Store) -> None:
        steps = [a_step(number, value=b"%d" % number if number % 3 else None) for number in range(3000)]
        store.commit(Turn(runs=[a_run()], steps=steps))
        found = store.values(1, list(range(5000)))
        assert found == {number: b"%d" % number for number in range(3000) if number % 3}
        assert store.values(1, [4]) == {4: b"4"} and store.values(1, [3]) == {}

    def test_steps_are_counted_by_state(self, store: Store) -> None:
        states = [State.PENDING, State.RUNNING, State.PENDING, State.FAILED]
        store.commit(Turn(runs=[a_run()], steps=[a_step(n, state=state) for n, state in enumerate(states)]))
        assert store.counts(1) == {State.PENDING: 2, State.RUNNING: 1, State.FAILED: 1}

    def test_dropped_steps_take_their_attempts_and_reports_along(self, store: Store) -> None:
        attempts = [AttemptRow(1, number, 1, "local", _NOW) for number in range(6)]
        reports = [ReportRow(1, number, 1, "loss", 0.5, 3, _NOW) for number in range(6)]
        store.commit(Turn(runs=[a_run()], steps=[a_step(n) for n in range(6)], attempts=attempts, reports=reports))
        store.commit(Turn(dropped=[(1, 1, 3), (1, 4, 5)]))
        assert [step.id for step in store.steps(1)] == [0, 3, 5]
        assert [attempt.step for attempt, _ in store.attempts(1)] == [0, 3, 5]
        assert [report.step for report in store.reports(1)] == [0, 3, 5]

    # Attempts and reports.

    def test_attempts_come_by_step_and_number_with_their_ends(self, store: Store) -> None:
        rows = [
            AttemptRow(1, step, number, "local", _NOW + number, "local/é", number << 40)
            for step in (1, 0) for number in (2, 1, 300)
        ]  # fmt: skip
        store.commit(Turn(runs=[a_run()], attempts=rows, attempt_ends=[_end(0, 1), _end(1, 300, error=None, log="")]))
        found = store.attempts(1)
        assert [(row.step, row.number) for row, _ in found] == [(0, 1), (0, 2), (0, 300), (1, 1), (1, 2), (1, 300)]
        assert {row for row, _ in found} == set(rows)
        assert [end for _, end in found] == [_end(0, 1), None, None, None, None, _end(1, 300, error=None, log="")]
        assert store.attempts(1, 1) == found[3:] and store.attempts(1, limit=2) == found[:2]
        assert store.open_attempts(1) == [rows[3], rows[5], rows[1], rows[0]]

    def test_an_attempt_with_a_number_that_is_there_replaces_it(self, store: Store) -> None:
        first, second = AttemptRow(1, 0, 1, "local", 1.0), AttemptRow(1, 0, 1, "other", 2.0)
        store.commit(
            Turn(runs=[a_run()], steps=[a_step(0)], attempts=[first], attempt_ends=[_end(0, outcome="returned")])
        )
        store.commit(Turn(attempts=[second]))
        assert store.attempts(1) == [(second, None)]
        assert store.open_attempts(1) == [second]
        store.commit(Turn(attempt_ends=[_end(0, output_bytes=0)]))
        assert store.attempts(1) == [(second, _end(0, output_bytes=0))]

    def test_reported_values_that_are_no_numbers_come_back(self, store: Store) -> None:
        values = [math.inf, -math.inf, -0.0, math.nan]
        store.commit(Turn(runs=[a_run()], reports=[ReportRow(1, 0, 1, "loss", value, 0, _NOW) for value in values]))
        assert list(map(repr, (report.value for report in store.reports(1)))) == ["inf", "-inf", "-0.0", "nan"]

    def test_reports_come_by_step_in_the_order_in_which_they_came(self, store: Store) -> None:
        rows = [
            ReportRow(1, step, 1, name, float(i), i, _NOW + i)
            for i, (step, name) in enumerate([(1, "b"), (0, "z"), (1, "a")])
        ]
        store.commit(Turn(runs=[a_run()], reports=rows))
        assert store.reports(1) == [rows[1], rows[0], rows[2]]
        assert store.reports(1, 1) == [rows[0], rows[2]] and store.reports(1, limit=2) == [rows[0], rows[2]]

    # Cached values.

    def test_a_cached_value_is_there_until_it_is_forgotten(self, store: Store) -> None:
        store.commit(Turn(cached=[_cached(b"a"), _cached(b"b", expires_at=None, created_at=_NOW + 1)]))
        assert store.cached(b"a") == _cached(b"a") and store.cached(b"c") is None
        store.commit(Turn(cache_hits=[(_NOW + 5, b"a"), (_NOW + 6, b"a"), (_NOW, b"gone")]))
        assert store.cached(b"a") == _cached(b"a", hits=2, hit_at=_NOW + 6)
        assert [row.key for row in store.cache_entries()] == [b"b", b"a"]
        assert [row.key for row in store.cache_entries(function="fit", limit=1)] == [b"b"]
        assert [row.key for row in store.cache_entries(function="project.flows:fit")] == [b"b", b"a"]
        assert store.cache_entries(function="other") == []
        assert store.cache_maker(_cached(b"a").value) == _cached(b"a").run and store.cache_maker(b"other") == ""
        store.commit(Turn(uncached=[b"a", b"gone"], cached=[_cached(b"b", value=b"new")]))
        assert store.cached(b"a") is None and store.cached(b"b") == _cached(b"b", value=b"new")


def _cached(key: bytes, **changes: Any) -> CacheRow:
    row = CacheRow(
        key, "project.flows:fit", "fit", "run-1", 3, b"\x00value\xff", b"\x00parts", _NOW, _NOW + 60, 0, None
    )  # fmt: skip
    return row._replace(**changes)
