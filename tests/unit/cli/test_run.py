from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from partita.errors import EngineError, SettingsError, StoreError
from tests.unit.cli.conftest import Partita
from tests.unit.cli.fake import ERROR, FakeWorkspace, make_step


def test_a_run_that_succeeds_tells_its_steps_beside_its_result(partita: Partita) -> None:
    told = partita("run", "flows.py:news")
    assert told.status == 0
    assert told.out == "{'accuracy': 0.83, 'loss': nan}\n"
    assert "succeeded  load  1.5 s" in told.err
    assert "fit[]  2 of 2 done" in told.err
    assert "news succeeded in 3.2 s (5 steps)   run 0new" in told.err


def test_a_pipe_gets_no_escape_sequences(partita: Partita, workspace: FakeWorkspace) -> None:
    workspace.add_failed("0new")
    told = partita("run", "news")
    assert "\x1b" not in told.out + told.err


def test_inputs_reach_the_flow_as_texts(partita: Partita, workspace: FakeWorkspace, project: Path) -> None:
    (project / "inputs.json").write_text('{"n": 3, "names": ["é"], "rate": null, "city": "Graz"}')
    words = ["run", "news", "a=b=c", "--rate", "-0.5", "--fast", "--no-cache", "--learning-rate=1e3"]
    told = partita(
        *words, "--inputs", "inputs.json", "--tag", "t1", "--tag", "t2", "--executor", "process", "--key", "k"
    )
    assert told.status == 0
    texts = {
        "n": "3", "names": '["é"]', "rate": "-0.5", "city": "Graz", "fast": "true", "cache": "false", "a": "b=c",
        "learning_rate": "1e3",
    }  # fmt: skip
    assert workspace.asked == [("launch", "flows.py:news", texts, "process", ["t1", "t2"], "k")]


def test_an_input_may_have_the_name_of_an_option(partita: Partita, workspace: FakeWorkspace) -> None:
    partita("run", "news", "key=mine", "--quiet")
    assert workspace.asked[0][2] == {"key": "mine"}


def test_all_wrong_words_are_told_at_once(partita: Partita, workspace: FakeWorkspace) -> None:
    told = partita("run", "news", "--n", "1", "stray", "--n", "2", "-z")
    assert told.status == 2
    assert "'stray' belongs to no input" in told.err
    assert "the input n is given twice: '1' and '2'" in told.err
    assert "there is no option '-z'" in told.err
    assert not workspace.asked


@pytest.mark.parametrize(
    ("content", "reason"),
    [('{"a": NaN}', "NaN is not JSON"), ("[1]", "holds a list"), ("{", "is not JSON"), (None, "cannot be read")],
)
def test_a_wrong_inputs_file_is_refused(partita: Partita, project: Path, content: str | None, reason: str) -> None:
    if content is not None:
        (project / "inputs.json").write_text(content)
    told = partita("run", "news", "--inputs", "inputs.json")
    assert told.status == 2
    assert reason in told.err


def test_what_the_checks_refuse_is_wrong_use(partita: Partita) -> None:
    told = partita("run", "news", "unknown=1")
    assert told.status == 2
    assert "flows.py:3: news has no input 'unknown'" in told.err
    assert "it has n and rate" in told.err


def test_a_run_whose_own_checks_refuse_it_is_wrong_use(partita: Partita, workspace: FakeWorkspace) -> None:
    problems = [{"message": "n is 'x', not a whole number", "place": "flows.py:3", "remedy": "give an int"}]
    error = {"type": "CheckError", "message": "refused", "problems": problems}
    workspace.add("0new", "failed", [], error=error)
    told = partita("run", "news")
    assert told.status == 2
    assert "flows.py:3: n is 'x', not a whole number" in told.err


def test_a_failed_run_tells_where_and_why(partita: Partita, workspace: FakeWorkspace) -> None:
    workspace.add_failed("0new")
    told = partita("run", "news")
    assert told.status == 1
    assert told.out == ""
    assert "fit[1] failed, after 3 attempts  (flows.py:7)" in told.err
    assert 'File "flows.py", line 9, in fit' in told.err
    assert told.err.count("no [bold] letters in 'x'") == 2  # in its line, and in its traceback
    assert "  | half a" in told.err
    assert "partita runs rerun 0new" in told.err


@pytest.mark.parametrize("folder", ["/home/me/p", "/home/me/my project"])
def test_files_are_named_as_in_the_project(partita: Partita, workspace: FakeWorkspace, folder: str) -> None:
    bundle = f"{folder}/.partita/bundles/" + "0f" * 32
    message = "not in /home/me/p/.partita/bundles/" + "0f" * 32
    error = {**ERROR, "traceback": f'File "{bundle}/flows.py", line 9', "message": message}
    workspace.add("0new", "failed", [make_step(1, "fit", "failed", error=error)], error=error)
    told = partita("run", "news")
    assert 'File "flows.py", line 9' in told.err
    assert "not in .\n" in told.err


def test_of_many_failures_some_are_shown(partita: Partita, workspace: FakeWorkspace) -> None:
    steps = [make_step(1 + i, f"fit[{i}]", "failed", error=ERROR) for i in range(20)]
    workspace.add("0new", "failed", steps, error=ERROR)
    told = partita("run", "news")
    assert "and 17 more failed steps: partita runs show 0new --state failed" in told.err
    assert told.err.count("ValueError: no [bold] letters in 'x'\n") == 5 + 3
    assert "fit[]  20 of 20 done, 20 failed" in told.err


def test_a_cancelled_run_has_its_own_status(partita: Partita, workspace: FakeWorkspace) -> None:
    workspace.add("0new", "cancelled")
    assert partita("run", "news").status == 3


def test_json_is_one_document(partita: Partita, workspace: FakeWorkspace) -> None:
    told = partita("run", "news", "--json")
    document = json.loads(told.out)
    assert (document["id"], document["state"], document["exit_status"]) == ("0new", "succeeded", 0)
    assert document["result"] == {"accuracy": 0.83, "loss": "NaN"}
    assert told.err == ""
    workspace.add_failed("0new")
    told = partita("run", "news", "--json")
    assert told.status == json.loads(told.out)["exit_status"] == 1


def test_errors_are_json_too(partita: Partita) -> None:
    told = partita("run", "news", "--json", "unknown=1")
    document = json.loads(told.out)
    assert told.status == document["exit_status"] == 2
    assert document["error"]["type"] == "CheckError"
    assert document["error"]["problems"][0]["place"] == "flows.py:3"


def test_quiet_prints_the_result_only(partita: Partita) -> None:
    told = partita("run", "news", "--quiet")
    assert told.out.startswith("{'accuracy'")
    assert told.err == ""


def test_a_detached_run_prints_its_id(partita: Partita) -> None:
    told = partita("run", "news", "--detach")
    assert (told.status, told.out) == (0, "0new\n")
    assert "partita runs resume 0new" in told.err
    assert json.loads(partita("run", "news", "--detach", "--json").out)["id"] == "0new"


@pytest.mark.parametrize(
    ("words", "flow"),
    [
        (["news"], "flows.py:news"), (["news_late"], "more/late.py:news_late"), (["flows.py:news"], "flows.py:news"),
        (["./flows.py:weather"], "flows.py:weather"), (["flows:news"], "flows:news"), (["elsewhere.mod:f"], "elsewhere.mod:f"),
    ],
)  # fmt: skip
def test_flows_are_found(partita: Partita, workspace: FakeWorkspace, words: list[str], flow: str) -> None:
    assert partita("run", *words).status == 0
    assert workspace.asked[0][1] == flow


def test_the_only_flow_needs_no_name(partita: Partita, workspace: FakeWorkspace) -> None:
    workspace.known_flows = ["flows.py:news"]
    assert partita("run", "--n", "3").status == 0
    assert workspace.asked[0][1:3] == ("flows.py:news", {"n": "3"})
    assert partita("run", "flows.py").status == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["newz"], "there is no flow 'newz'"), (["newz"], "did you mean flows.py:news?"),
        ([], "there are 3 flows"), (["flows.py"], "there are 2 flows in flows.py; name one of them"),
        (["flows.py:newz"], "did you mean flows.py:news?"), (["flows:newz"], "did you mean flows.py:news?"),
        (["flowz.py:news"], "there is no file flowz.py; did you mean flows.py?"), (["/etc/hosts.py:x"], "there is no file"),
    ],
)  # fmt: skip
def test_an_unknown_flow_is_told_with_what_is_near(partita: Partita, words: list[str], told: str) -> None:
    result = partita("run", *words)
    assert result.status == 2
    assert told in result.err


def test_of_a_file_that_does_not_parse_nothing_is_said_to_be_missing(
    partita: Partita, workspace: FakeWorkspace, project: Path
) -> None:
    (project / "broken.py").write_text("def fetch() -> int\n    return 1\n")
    partita("run", "broken.py:news")
    assert workspace.asked[0][1] == "broken.py:news"  # whoever imports it says where it is broken


def test_a_file_outside_the_project_is_refused(partita: Partita, project: Path, tmp_path_factory: Any) -> None:
    other = tmp_path_factory.mktemp("other") / "flows.py"
    other.write_text("")
    told = partita("run", f"{other}:news")
    assert told.status == 2
    assert "lies outside the project's folder" in told.err


def test_a_file_is_named_from_the_folder_below(
    partita: Partita, workspace: FakeWorkspace, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "more").mkdir()
    (project / "more" / "late.py").write_text("def news_late(): ...")
    monkeypatch.chdir(project / "more")
    partita("run", "late.py:news_late")
    assert workspace.asked[0][1] == "more/late.py:news_late"


def test_ctrl_c_in_a_pipe_leaves_the_run(partita: Partita, workspace: FakeWorkspace) -> None:
    def interrupt(version: int) -> bool:
        os.kill(os.getpid(), signal.SIGINT)
        return True

    workspace.before_end = interrupt
    told = partita("run", "news")
    assert told.status == 130
    assert "The run 0new goes on." in told.err
    assert "partita runs resume 0new" in told.err
    assert not [asked for asked in workspace.asked if asked[0] == "cancel"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_two_ctrl_c_leave_at_once(partita: Partita, workspace: FakeWorkspace) -> None:
    def interrupt(version: int) -> bool:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the second one has to be felt")

    workspace.before_end = interrupt
    assert partita("run", "news").status == 130


@pytest.mark.parametrize(
    ("error", "status"), [(EngineError("no"), 4), (StoreError("no"), 4), (SettingsError("no"), 2), (OSError("no"), 4)]
)
def test_trouble_is_told_in_a_paragraph(partita: Partita, error: Exception, status: int) -> None:
    def refuse(arguments: Any) -> Any:
        raise error

    told = partita("run", "news", opener=refuse)
    assert told.status == status
    assert told.err == "error: no\n"


def test_an_engine_that_ends_leaves_the_way_back(partita: Partita, workspace: FakeWorkspace) -> None:
    def end(version: int) -> None:
        raise EngineError("the engine ended")

    workspace.before_end = end
    told = partita("run", "news")
    assert told.status == 4
    assert "`partita runs resume 0new` lets it go on" in told.err


def test_a_fault_of_ours_shows_its_traceback_only_when_asked(partita: Partita, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(arguments: Any) -> Any:
        raise ZeroDivisionError("ours")

    told = partita("run", "news", opener=fail)
    assert told.status == 4
    assert "Traceback" not in told.err
    assert "PARTITA_DEBUG=1" in told.err
    monkeypatch.setenv("PARTITA_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        partita("run", "news", opener=fail)


def test_owner_weight_and_priority_reach_the_run(partita: Partita, workspace: FakeWorkspace) -> None:
    partita("run", "news", "--owner", "ann", "--weight", "2.5", "--priority", "-3", "--quiet")
    partita("runs", "rerun", "latest", "--weight", "2", "--quiet")
    partita("run", "news", "--quiet")
    assert workspace.standings == [("ann", 2.5, -3), ("", 2.0, None), ("", None, None)]


def test_a_run_is_shown_with_how_it_stands_beside_others(partita: Partita, workspace: FakeWorkspace) -> None:
    workspace.add("0mine", "succeeded", weight=2.0, priority=5)
    told = partita("runs", "show", "0mine")
    assert "owner         ann" in told.out and "weight        2\n" in told.out and "priority      5\n" in told.out
    assert "OWNER" not in partita("runs", "list").out  # all are of one
    workspace.add("0other", "succeeded", owner="ben")
    listed = partita("runs", "list").out
    assert "OWNER" in listed and "ben" in listed
