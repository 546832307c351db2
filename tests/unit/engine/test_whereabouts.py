"""Where attempts printed that an earlier engine left."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita.engine.whereabouts import LeftLogs


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs" / "r1"
    folder.mkdir(parents=True)
    (folder / "7-a-1.log").write_text("one\ntwo\n")
    return folder


def left(logs: Path) -> LeftLogs:
    return LeftLogs(str(logs.parents[1]), logs.name)


def test_an_attempt_printed_from_its_beginning_to_the_end_of_the_segment(logs: Path) -> None:
    (logs / "running").write_text("1 1 7-a-1.log 0\n2 3 7-a-1.log 4\n")
    assert left(logs).log(1, 1) == "7-a-1.log:0:8"
    assert left(logs).log(2, 3) == "7-a-1.log:4:8"
    assert left(logs).log(2, 2) == ""


@pytest.mark.parametrize(
    "noted",
    [
        "", "\n\n", "1 1 7-a-1.log", "1 1 7-a-1.log 8\n", "1 1 gone.log 0\n", "1 1 ../r1/7-a-1.log 0\n", "x 1 7-a-1.log 0\n",
        "1 1  0\n", "1 1 . 0\n", "1 1 .. 0\n", "1 1 7-a-1.log -4\n", "1 1 a\x00b 0\n", "\x001 1 7-a-1.log 0\n",
    ],
)  # fmt: skip
def test_what_was_not_noted_or_is_not_there_is_no_log(logs: Path, noted: str) -> None:
    (logs / "running").write_text(noted)
    assert left(logs).log(1, 1) == ""


def test_what_follows_a_line_that_was_not_written_to_its_end_is_read(logs: Path) -> None:
    (logs / "running").write_text("1 1 7-a\n2 1 7-a-1.log 4\n")
    assert left(logs).log(1, 1) == ""
    assert left(logs).log(2, 1) == "7-a-1.log:4:8"


def test_no_file_at_all_is_no_log(tmp_path: Path) -> None:
    assert LeftLogs(str(tmp_path), "r2").log(1, 1) == ""
