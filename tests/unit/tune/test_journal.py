"""Journals: appended by one, read by all, whole lines only."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita.errors import NotFoundError, StudyError
from partita.tune.journal import FolderJournals


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    journals = FolderJournals(tmp_path / "studies", is_durable=True)
    assert journals.names() == [] and journals.lines("one") == []
    for name, at in (("late", 2.0), ("early", 1.0)):
        with journals.hold(name) as journal:
            journal.append({"what": "study", "at": at, "name": "größer\n"})
            journal.append({"what": "end", "at": at})
    assert journals.names() == ["early", "late"]
    assert [line["what"] for line in journals.lines("late")] == ["study", "end"]
    assert journals.lines("late")[0]["name"] == "größer\n"


def test_half_a_line_counts_as_not_written(tmp_path: Path) -> None:
    journals = FolderJournals(tmp_path)
    with journals.hold("cut") as journal:
        journal.append({"number": 1})
    with (tmp_path / "cut.jsonl").open("ab") as file:
        file.write(b'{"number": 2, "text": "' + b"x" * 100_000)
    assert journals.lines("cut") == [{"number": 1}]
    with journals.hold("cut") as journal:
        journal.append({"number": 3})
    assert journals.lines("cut") == [{"number": 1}, {"number": 3}]


def test_one_at_a_time_holds_it(tmp_path: Path) -> None:
    journals = FolderJournals(tmp_path)
    with journals.hold("mine") as journal:
        journal.append({"number": 1})
        assert journals.is_held("mine")
        with pytest.raises(StudyError, match="another process is at the study"), journals.hold("mine"):
            pass
        with pytest.raises(StudyError):
            journals.remove("mine")
    assert not journals.is_held("mine")
    journals.remove("mine")
    with pytest.raises(NotFoundError, match="no study 'mine'"):
        journals.remove("mine")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 81, "a b"])
def test_a_name_that_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StudyError, match="cannot be the name of a study"):
        FolderJournals(tmp_path).lines(name)
