from __future__ import annotations

import json

import pytest

from tests.unit.cli.conftest import Partita
from tests.unit.cli.fake import FakeWorkspace, make_step


def test_list_shows_a_row_a_run(partita: Partita, workspace: FakeWorkspace) -> None:
    workspace.add_failed("0bad")
    told = partita("runs", "list")
    assert told.status == 0
    head, first, second = told.out.splitlines()
    assert head.split() == ["RUN", "STATE", "FLOW", "CREATED", "TOOK", "STEPS", "TAGS"]
    assert first.startswith("0bad") and "failed" in first and "5, 2 failed, 1 skipped" in first
    assert second.startswith("0run1") and "nightly" in second
    assert [run["id"] for run in json.loads(partita("runs", "list", "--json").out)] == ["0bad", "0run1"]


def test_list_filters(partita: Partita, workspace: FakeWorkspace) -> None:
    partita("runs", "list", "--flow", "news", "--state", "failed", "--limit", "5")
    assert workspace.asked == [("runs", "flows.py:news", ["failed"], 5)]
    told = partita("runs", "list", "--state", "faild")
    assert told.status == 2
    assert "did you mean failed?" in told.err


def test_an_empty_list_says_what_to_do(partita: Partita, workspace: FakeWorkspace) -> None:
    workspace.views.clear()
    told = partita("runs", "list")
    assert (told.status, told.out) == (0, "")
    assert "partita run FLOW" in told.err
    assert json.loads(partita("runs", "list", "--json").out) == []


def test_show_groups_the_elements_of_maps(partita: Partita) -> None:
    told = partita("runs", "show", "0run1")
    assert told.status == 0
    assert "news  ✓ succeeded" in told.out
    assert any(line.split()[:4] == ["✓", "succeeded", "fit[]", "2/2"] for line in told.out.splitlines())
    assert "{'accuracy': 0.83, 'loss': nan}" in told.out
    assert "fit[1]" in partita("runs", "show", "0run1", "--all").out


def test_show_of_a_failed_run_tells_why(partita: Partita, workspace: FakeWorkspace) -> None:
    workspace.add_failed("0bad", notes={"warnings": [{"message": "try around a task call"}], "vanished": ["old/step"]})
    told = partita("runs", "show")
    assert told.status == 0
    assert "fit[1] failed" in told.err
    assert "warning: try around a task call" in told.err
    assert "old/step" in told.out
    only = partita("runs", "show", "0bad", "--state", "skipped").out
    assert "report" in only and "load" not in only


def test_show_as_json_has_all_steps(partita: Partita) -> None:
    document = json.loads(partita("runs", "show", "0run1", "--json").out)
    assert [step["path"] for step in document["steps"]] == ["news", "load", "fit[0]", "fit[1]", "report"]
    assert document["result"]["accuracy"] == 0.83


@pytest.mark.parametrize("word", ["fit[1]", "3"])
def test_show_of_a_step_lists_its_attempts(partita: Partita, workspace: FakeWorkspace, word: str) -> None:
    workspace.add_failed("0bad")
    told = partita("runs", "show", "0bad", word)
    assert told.out.startswith("fit[1]  ✗ failed")
    assert "3.0 MiB" in told.out
    assert "line 9, in fit" in told.err
    rows = [line.split() for line in told.out.splitlines()]
    assert ["loss", "0.25", "1", "2"] in rows and ["accuracy", "0.812346", "1", "1"] in rows
    document = json.loads(partita("runs", "show", "0bad", word, "--json").out)
    assert [attempt["outcome"] for attempt in document["attempts"]] == ["failed", "succeeded"]
    assert [report["value"] for report in document["reports"]] == [0.5, 0.8123456789, 0.25]


def test_unknown_runs_and_steps_are_told(partita: Partita) -> None:
    told = partita("runs", "show", "nope")
    assert told.status == 2
    assert "there is no run 'nope'" in told.err
    assert "did you mean fit[1]?" in partita("runs", "show", "0run1", "fitt[1]").err
    assert "no step number 99" in partita("runs", "show", "0run1", "99").err


def test_logs_join_pieces_and_drop_escape_sequences(partita: Partita) -> None:
    told = partita("runs", "logs", "0run1")
    assert told.out == "── step1\nloading red\n── step3\nhalf a \n── step4\nlast line\n"
    assert partita("runs", "logs", "0run1", "load").out == "loading red\n"


def test_logs_as_json_are_lines(partita: Partita) -> None:
    chunks = [json.loads(line) for line in partita("runs", "logs", "latest", "--json").out.splitlines()]
    assert [chunk["step"] for chunk in chunks] == [1, 1, 3, 3, 4, 4]


def test_logs_can_be_followed(partita: Partita, workspace: FakeWorkspace) -> None:
    assert partita("runs", "logs", "0run1", "-f").status == 0
    assert workspace.asked[0] == ("follow", None)
    told = partita("runs", "logs", "0run1", "-f", "--attempt", "1")
    assert told.status == 2
    assert "give one" in told.err


def test_cancel_stops_a_run_or_a_step(partita: Partita, workspace: FakeWorkspace) -> None:
    assert partita("runs", "cancel", "0run1", "fit[1]", "--force").status == 0
    assert workspace.asked == [("cancel", "0run1", 3, True)]
    assert json.loads(partita("runs", "cancel", "0run1", "--json").out)["state"] == "cancelled"
    assert partita("runs", "cancel").status == 2


def test_resume_watches_the_run(partita: Partita, workspace: FakeWorkspace) -> None:
    told = partita("runs", "resume", "0run1")
    assert told.status == 0
    assert workspace.asked == [("resume", "0run1")]
    assert "news succeeded" in told.err
    assert partita("runs", "resume", "--detach", "--quiet").out == "0run1\n"


def test_rerun_takes_other_inputs(partita: Partita, workspace: FakeWorkspace) -> None:
    told = partita("runs", "rerun", "0run1", "--n", "4", "rate=1", "--same-code")
    assert told.status == 0
    assert workspace.asked == [("rerun", "0run1", True, {"n": "4", "rate": "1"}, "")]
    assert "3 taken over from 0run1" in told.err
    workspace.asked.clear()
    partita("runs", "rerun", "n=4")
    assert workspace.asked == [("rerun", "0again", False, {"n": "4"}, "")]
    document = json.loads(partita("runs", "rerun", "0run1", "--detach", "--json").out)
    assert document == {"id": "0again", "is_detached": True}


def test_what_steers_a_terminal_is_not_printed(partita: Partita, workspace: FakeWorkspace) -> None:
    workspace.add("0evil", "succeeded", [make_step(1, "a\x1b[2Jb", preview="\x1b]0;x\x07line\nline")], title="t\x1b[2J")
    told = partita("runs", "show", "0evil")
    assert "\x1b" not in told.out + partita("runs", "list").out
    assert "line line" in told.out


@pytest.mark.parametrize("group", ["runs", "engine", "artifacts", "cache"])
def test_a_group_alone_prints_its_help_and_is_no_error(partita: Partita, group: str) -> None:
    told = partita(group)
    assert told.status == 0
    assert "Usage: partita" in told.out and not told.err


def test_cancelling_a_step_names_the_step(partita: Partita, workspace: FakeWorkspace) -> None:
    workspace.add("0run2", "running")
    told = partita("runs", "cancel", "0run2", "fit[1]")
    assert "The step fit[1] of run 0run2 is being cancelled" in told.out
    assert ("cancel", "0run2", 3, False) in workspace.asked


def test_a_refused_launch_is_listed_as_refused_and_no_failure(partita: Partita, workspace: FakeWorkspace) -> None:
    problem = {"message": "fit takes int", "place": "flows.py:8", "remedy": "", "is_warning": False}
    workspace.add("0run2", "failed", [], error={"type": "CheckError", "message": "no", "problems": [problem]})
    workspace.add_failed("0run3")
    lines = {line.split()[0]: line for line in partita("runs", "list").out.splitlines()[1:]}
    assert "refused" in lines["0run2"] and "failed" not in lines["0run2"].split("refused")[0]
    assert "refused" not in lines["0run3"] and "failed" in lines["0run3"]


def test_a_step_is_named_by_the_end_of_its_path(partita: Partita, workspace: FakeWorkspace) -> None:
    paths = [
        "first/fit[]",
        "first/fit[]/fit[a]",
        "first/fit[]/fit[b]",
        "second/fit[]",
        "second/fit[]/fit[b]",
        "fit[b]/load",
    ]
    workspace.add("0maps", "succeeded", [make_step(number, path) for number, path in enumerate(paths, 1)])
    assert json.loads(partita("runs", "show", "0maps", "fit[a]", "--json").out)["id"] == 2
    assert json.loads(partita("runs", "show", "0maps", "first/fit[b]", "--json").out)["id"] == 3
    assert json.loads(partita("runs", "show", "0maps", "load", "--json").out)["id"] == 6
    told = partita("runs", "show", "0maps", "fit[b]")
    assert told.status == 2 and "may be first/fit[]/fit[b], second/fit[]/fit[b]; write one of them whole" in told.err
