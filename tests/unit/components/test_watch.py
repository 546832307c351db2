"""Waiting for files; the clock moves where the tasks would wait."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from partita.components import folder_changes, wait_for_changes, wait_for_file
from partita.flow.context import LocalContext, attempting


class Clock:
    """Moves on when somebody sleeps, and does then what a test says."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.events: list[tuple[float, Callable[[], object]]] = []

    def at(self, seconds: float, act: Callable[[], object]) -> None:
        self.events.append((1000.0 + seconds, act))
        self.events.sort(key=lambda event: event[0])

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        while self.events and self.events[0][0] <= self.now:
            self.events.pop(0)[1]()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("partita.components.watch.time.sleep", made.sleep)
    monkeypatch.setattr("partita.components.watch.time.monotonic", lambda: made.now)
    return made


def test_a_file_counts_when_it_has_stopped_growing(clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    clock.at(10, lambda: path.write_text("a"))
    clock.at(12, lambda: path.write_text("ab"))
    clock.at(14, lambda: path.write_text("abc"))
    found = wait_for_file(path, settled_s=5)
    assert (found.path, found.size_bytes) == (path, 3)
    assert found.modified_at == pytest.approx(path.stat().st_mtime)
    assert clock.now == pytest.approx(1019, abs=1.1)


def test_a_file_that_is_too_small_does_not_count(clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.touch()
    clock.at(5, lambda: path.write_bytes(b"x" * 100))
    assert wait_for_file(path, minimum_bytes=100).size_bytes == 100


def test_a_pattern_takes_what_comes(clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "other.txt").touch()
    clock.at(3, (tmp_path / "b.csv").touch)
    assert wait_for_file(tmp_path / "*.csv").path.name == "b.csv"


def test_a_folder_is_no_file(clock: Clock, tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        wait_for_file(tmp_path, timeout_s=5)


def test_nothing_comes_in_time(clock: Clock, tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match=r"never has not come and settled within 60 s"):
        wait_for_file(tmp_path / "never", timeout_s=60)
    assert clock.now == pytest.approx(1060, abs=0.1)


def test_a_wait_that_is_stopped_ends(clock: Clock, tmp_path: Path) -> None:
    class Stopped(LocalContext):
        def should_stop(self) -> bool:
            return clock.now > 1010

    with attempting(Stopped()), pytest.raises(TimeoutError, match="within 1"):
        wait_for_file(tmp_path / "never")
    assert clock.now < 1013


def test_what_changed_between_two_looks(tmp_path: Path) -> None:
    for name in ("a", "b", "deep/c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    first = folder_changes(tmp_path)
    assert (first.added, first.changed, first.removed) == (["a", "b", "deep/c"], [], [])
    assert folder_changes(tmp_path, first.state).is_empty
    (tmp_path / "a").unlink()
    (tmp_path / "b").write_text("longer")
    (tmp_path / "d").touch()
    second = folder_changes(tmp_path, first.state)
    assert (second.added, second.changed, second.removed) == (["d"], ["b"], ["a"])
    assert not second.is_empty
    assert folder_changes(tmp_path, pattern="*.csv").is_empty
    assert folder_changes(tmp_path / "nothing").is_empty


def test_changes_are_waited_for_until_no_more_come(clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    clock.at(5, (tmp_path / "a").touch)
    clock.at(7, (tmp_path / "b").touch)
    found = wait_for_changes(tmp_path, settled_s=3)
    assert found.added == ["a", "b"]
    assert clock.now == pytest.approx(1010, abs=1.1)
    assert wait_for_changes(tmp_path, {}, settled_s=0).added == ["a", "b", "old"]


def test_no_change_in_time(clock: Clock, tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match="nothing has changed"):
        wait_for_changes(tmp_path, timeout_s=30)


def test_waiting_takes_no_core() -> None:
    assert wait_for_file.options.cpu == 0 and wait_for_changes.options.cpu == 0
