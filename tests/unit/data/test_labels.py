"""Labels that persons give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas
import pytest

from partita import data
from partita.data import label_rows, read_labels
from partita.errors import CheckError, DataError, MissingExtraError
from partita.testing import memory_workspace

ROWS = [{"text": f"text {n}", "from": "ann"} for n in range(5)]


def test_partial_labels_are_kept_and_the_rest_is_asked_for() -> None:
    with memory_workspace() as workspace:
        run = label_rows.submit(ROWS, ["spam", "ham"], columns=["text"], batch=3)
        wait = open_wait(workspace, run)
        assert wait["name"] == "Which label? (0 of 5 rows are labelled)"
        assert wait["previews"] == [["row_0", "'text 0'"], ["row_1", "'text 1'"], ["row_2", "'text 2'"]]
        run.answer({"row_1": "spam"})
        assert [name for name, _ in open_wait(workspace, run)["previews"]] == ["row_0", "row_2", "row_3"]
        run.answer({"row_0": "ham", "row_2": "ham", "row_3": "ham"})
        run.answer({"row_4": "spam"})
        assert [row["label"] for row in run.result()] == ["ham", "spam", "ham", "ham", "spam"]


def open_wait(workspace: Any, run: Any) -> Any:
    return next(wait for wait in workspace.waits(run.id) if not wait["outcome"])


def test_wrong_labels_are_refused_with_all_that_are_wrong() -> None:
    with memory_workspace() as workspace:
        run = label_rows.submit(ROWS[:2], ["spam", "ham"])
        with pytest.raises(CheckError) as caught:
            run.answer({"row_0": "spaam", "row_1": "ham", "row_7": "ham"})
        assert str(caught.value).splitlines() == [
            "there is no field 'row_7'; did you mean 'row_1'?", "row_0: 'spaam' is none of spam, ham",
        ]  # fmt: skip
        assert open_wait(workspace, run)["name"].startswith("Which label? (0 of 2")
        run.answer({"row_0": "spam", "row_1": "ham"})
        assert [row["label"] for row in run.result()] == ["spam", "ham"]


def test_events_bring_labels_and_wrong_ones_are_left_out() -> None:
    with memory_workspace() as workspace:
        table = pandas.DataFrame({"id": ["a", "b", "c"], "text": ["x", "y", "z"]})
        run = label_rows.submit(table, [0, 1], key="id", into="class", way="event")
        run.send("labels", {"a": 1, "b": 7, "q": 0})
        assert open_wait(workspace, run)["name"] == "labels"
        run.send("labels", "nonsense")
        run.send("labels", [{"row": "b", "label": "0"}, {"row": "c", "label": 1}])
        assert run.result()["class"].tolist() == [1, 0, 1]


def test_rows_that_have_a_label_are_not_asked_for() -> None:
    with memory_workspace():
        run = label_rows.submit([{"t": 1, "label": "a"}, {"t": 2, "label": None}], ["a", "b"])
        run.answer({"row_1": "b"})
        assert run.result() == [{"t": 1, "label": "a"}, {"t": 2, "label": "b"}]
        assert label_rows.run([{"t": 1, "label": "a"}], ["a", "b"]).result() == [{"t": 1, "label": "a"}]


def test_rows_need_names_of_their_own_and_labels_to_choose_from() -> None:
    with memory_workspace():
        for given, message in (
            (
                {"table": [{"id": 1}, {"id": 1}, {"id": None}], "labels": ["a"], "key": "id"},
                "rows 0 and 1 have the same id",
            ),
            ({"table": [{"id": 1}], "labels": []}, "give different labels"),
            ({"table": [{"id": 1}], "labels": ["a", "a"]}, "give different labels"),
            ({"table": [{"id": 1}], "labels": ["a"], "batch": 0}, "batch=0"),
        ):
            with pytest.raises(Exception, match=message):
                label_rows.run(**given).result()


def test_labels_of_files(tmp_path: Path) -> None:
    sheet = tmp_path / "labels.csv"
    sheet.write_text("row,shown,label\nrow_0,a text,spam\nrow_1,another,\nrow_2,more, ham\n")
    assert read_labels(sheet) == {"row_0": "spam", "row_2": "ham"}
    (tmp_path / "labels.json").write_text('{"row_0": 1, "row_1": null}')
    assert read_labels(tmp_path / "labels.json") == {"row_0": 1}
    (tmp_path / "labels.json").write_text("[1]")
    with pytest.raises(ValueError, match="holds no labels"):
        read_labels(tmp_path / "labels.json")


def test_what_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "scipy", None)
    monkeypatch.delitem(vars(data), "table_drift", raising=False)
    with pytest.raises(MissingExtraError, match=r"table_drift needs scipy.*'partita\[data\]'"):
        _ = data.table_drift
    with pytest.raises(AttributeError, match="nonsense"):
        _ = data.nonsense


def test_two_rows_of_one_name_are_told_before_anybody_is_asked() -> None:
    from partita.data.labels import _names

    with pytest.raises(DataError, match="row 2 has no id\nrows 0 and 1 have the same id, 1"):
        _names([{"id": 1}, {"id": 1}, {"id": None}], "id")
