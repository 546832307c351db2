from __future__ import annotations

import pytest

from partita.drawing.progress import Progress, group_name
from tests.unit.cli.fake import NOW, make_run, make_step


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("load", "load"), ("fit[3]", "fit[]"), ("train[0]/fit[7]", "train[]/fit[]"),
        ("fit[]/fit[7]", "fit[]"), ("a/fit[]/fit[7]/score", "a/fit[]/score"), ("loop/loop/…97 more…/loop", "loop"),
        ("loop/loop/fit", "loop/fit"), ("a/loop/loop/…9 more…/loop/fit[2]", "a/loop/fit[]"), ("loop/loops", "loop/loops"),
        ("fit[]#2/fit[7]/score", "fit[]#2/score"), ("fit[]#2", "fit[]#2"),
        ("bad[0]/good[0]", "bad[]/good[]"), ("refit[]/fit[0]", "refit[]/fit[]"),
    ],
)  # fmt: skip
def test_what_steps_of_a_row_have_in_common(path: str, name: str) -> None:
    assert group_name(path) == name


def test_ten_thousand_elements_are_one_row() -> None:
    progress = Progress()
    steps = [make_step(i + 2, f"fit[]/fit[{i}]", "succeeded" if i < 2500 else "running") for i in range(10_000)]
    mapping = make_step(1, "fit[]", "running", kind="flow")
    progress.take(make_run("r", "running", counts={"succeeded": 2500, "running": 7502}), [mapping, *steps])
    (row,) = progress.rows()
    assert (row.title, row.done, row.total, row.state) == ("fit[]", 2500, 10_000, "running")
    assert progress.done() == (2500, 10_002)


def test_a_step_that_changes_is_counted_once() -> None:
    progress = Progress()
    run = make_run("r", "running", counts={"running": 1})
    assert len(progress.take(run, [make_step(1, "load", "running")])) == 1
    assert progress.take(run, [make_step(1, "load", "running")]) == []
    ((group, step),) = progress.take(run, [make_step(1, "load", "failed")])
    assert (group.total, group.done, group.counts["running"], step["state"]) == (1, 1, 0, "failed")
    assert list(progress.failures) == [1]


def test_running_rows_come_first_and_the_newest_of_those_that_are_done() -> None:
    progress = Progress()
    steps = [
        make_step(1, "old", ended_at=NOW + 1), make_step(2, "new", ended_at=NOW + 9), make_step(3, "waits", "pending"),
        make_step(4, "broken", "failed"), make_step(5, "busy", "running"), make_step(6, "again", "waiting"),
    ]  # fmt: skip
    progress.take(make_run("r"), steps)
    assert [row.name for row in progress.rows()] == ["busy", "again", "broken", "waits", "new", "old"]


def test_elapsed_time_runs_until_all_have_ended() -> None:
    progress = Progress()
    run = make_run("r", "running")
    progress.take(run, [make_step(1, "fit[0]"), make_step(2, "fit[1]", "running", started_at=NOW + 1, ended_at=None)])
    (row,) = progress.rows()
    assert row.elapsed_s(NOW + 10) == 10
    progress.take(run, [make_step(2, "fit[1]", started_at=NOW + 1, ended_at=NOW + 4)])
    assert row.elapsed_s(NOW + 10) == 4


def test_an_ended_run_is_behind_until_every_step_is_told() -> None:
    progress = Progress()
    progress.take(make_run("r", "running", counts={"running": 2}), [make_step(1, "load", "running")])
    assert not progress.is_behind()
    progress.take(make_run("r", counts={"succeeded": 2}), [])
    assert progress.is_behind()
    progress.take(make_run("r", counts={"succeeded": 2}), [make_step(0, "news", parent=-1), make_step(1, "load")])
    assert not progress.is_behind()
