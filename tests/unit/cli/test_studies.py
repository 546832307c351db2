"""`partita tune` and `partita studies`, for people and programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partita.errors import NotFoundError
from partita.protocol.studies import StudyView, TrialView, TuneRequest
from tests.unit.cli.fake import NOW, FakeWorkspace


def make_trial(number: int, state: str = "succeeded", **more: Any) -> TrialView:
    made = TrialView(
        number=number, state=state, parameters={"rate": 0.25 * (number + 1), "kind": "line"},
        values={"score": 0.5 + number / 10} if state == "succeeded" else {}, run=f"0run{number}", same_as=None, reported=[],
        started_at=NOW, ended_at=NOW + 2.0, cost=0.0, error="",
    )  # fmt: skip
    made.update(more)  # type: ignore[typeddict-item]
    return made


def make_study(name: str = "news-1", **more: Any) -> StudyView:
    trials = [
        make_trial(0), make_trial(1), make_trial(2, "failed", error="ValueError: [red]no\nmore"), make_trial(3, "pruned"),
        make_trial(4, same_as=1, values={"score": 0.6}),
    ]  # fmt: skip
    made = StudyView(
        name=name, flow="flows.py:news", title="news", state="ended", reason="all 5 trials were made",
        objectives={"score": "maximize"},
        space={"rate": {"low": 0.001, "high": 1.0, "log": True}, "kind": {"choices": ["line", "forest"]},
               "depth": {"low": 1, "high": 9, "step": 2, "when": {"kind": ["forest"]}}},
        budgets={"trials": 5, "time_s": 600.0}, sampler="tpe", pruner="median", seed=7,
        counts={"succeeded": 3, "pruned": 1, "failed": 1}, again=1, best=[trials[1]], created_at=NOW, took_s=12.0, cost=0.0,
        left_s=None, trials=trials,
    )  # fmt: skip
    made.update(more)  # type: ignore[typeddict-item]
    return made


class Studying(FakeWorkspace):
    """Knows a study, and tunes by the script."""

    known: list[StudyView]
    requests: list[TuneRequest]
    answer: bool | None = None

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.known, self.requests = [make_study()], []

    def studies(self) -> list[StudyView]:
        return self.known

    def study(self, name: str, *, importance: bool = False) -> StudyView:
        for view in self.known:
            if view["name"] == name:
                return {**view, "importance": {"rate": 0.75, "kind": 0.25}} if importance else view
        raise NotFoundError(f"there is no study {name!r}; there are news-1")

    def remove_study(self, name: str) -> None:
        self.known.remove(self.study(name))

    def study_file(self, file: Path) -> TuneRequest:
        return TuneRequest(flow="weather", study="of file", texts={"rows": "3"}, space={"rate": "1..2"}, trials=9)

    def tune(self, request: TuneRequest, show: Callable[[StudyView], bool | None]) -> StudyView:
        self.requests.append(request)
        self.answer = show(make_study(state="running", left_s=30.0))
        return self.known[0]


@pytest.fixture
def workspace(project: Path) -> Studying:
    return Studying(project)


def test_what_is_said_is_asked_for(partita: Any, workspace: Studying) -> None:
    told = partita(
        "tune", "flows.py:news", "--rows", "10", "--space", "rate=0.001..1:log", "--space", "fast", "--objective", "score",
        "--objective", "seconds:minimize", "--trials", "5", "--time", "10m", "--parallel", "2", "--seed", "7", "--report",
        "loss:minimize", "--study", "mine",
    )  # fmt: skip
    assert told.status == 0
    assert workspace.requests == [{
        "flow": "flows.py:news", "texts": {"rows": "10"}, "study": "mine", "space": {"rate": "0.001..1:log", "fast": True},
        "objectives": {"score": "maximize", "seconds": "minimize"}, "report": "loss", "report_direction": "minimize",
        "trials": 5, "time_s": 600.0, "parallel": 2, "seed": 7,
    }]  # fmt: skip
    assert told.out == "trial 1: score 0.6\n  rate = 0.5, kind = line   run 0run1\n"
    assert "best so far: score 0.6 in trial 1" in told.err and "news-1 ended in 12" in told.err


def test_a_name_alone_goes_on(partita: Any, workspace: Studying) -> None:
    assert partita("tune", "--study", "news-1", "--trials", "50").status == 0
    assert workspace.requests == [{"study": "news-1", "trials": 50}]
    told = partita("tune", "--study", "news-1", "rows=3")
    assert told.status == 2 and "has its inputs already" in told.err


def test_a_file_says_it_all_and_words_go_before(partita: Any, workspace: Studying, project: Path) -> None:
    (project / "study.yaml").write_text("tune: {flow: weather}")
    assert partita("tune", "study.yaml", "--trials", "3", "rows=4").status == 0
    assert workspace.requests == [{
        "flow": "flows.py:weather", "study": "of file", "texts": {"rows": "4"}, "space": {"rate": "1..2"}, "trials": 3,
        "objectives": {"": "maximize"},
    }]  # fmt: skip


def test_programs_get_the_whole_study(partita: Any) -> None:
    told = partita("tune", "flows.py:news", "--json")
    found = json.loads(told.out)
    assert found["name"] == "news-1" and len(found["trials"]) == 5 and found["exit_status"] == 0 and not told.err


def test_no_success_is_a_failure(partita: Any, workspace: Studying) -> None:
    workspace.known = [
        make_study(best=[], state="stopped", reason="5 trials in a row have failed, the last one with: no")
    ]
    told = partita("tune", "flows.py:news")
    assert told.status == 1 and "No trial has succeeded" in told.err and "5 trials in a row" in told.err
    assert partita("studies", "best", "news-1").status == 1


def test_studies_are_listed(partita: Any, workspace: Studying) -> None:
    workspace.known.append(make_study("weather-1", best=[]))
    lines = partita("studies", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["STUDY", "weather-1", "news-1"] and "score 0.6" in lines[2]
    assert [view["name"] for view in json.loads(partita("studies", "list", "--json").out)] == ["weather-1", "news-1"]
    workspace.known = []
    assert "There are no studies" in partita("studies", "list").err


def test_a_study_is_shown_with_its_trials(partita: Any) -> None:
    told = partita("studies", "show", "news-1", "--importance")
    assert told.status == 0
    for text in (
        "score (maximized)", "rate 0.001..1:log; kind line|forest; depth 1..9:2 when kind=forest", "seed 7", "5 trials, 10m",
        "rate 75%, kind 25%", "1*", "as trial 1", "ValueError: [red]no", "3 succeeded, 1 pruned, 1 failed, 1 of them as before",
    ):  # fmt: skip
        assert text in told.out, text
    rows = partita("studies", "show", "news-1", "--sort", "--limit", "2").out.splitlines()[-2:]
    assert [row.split()[0] for row in rows] == ["1*", "4"]
    assert (
        partita("studies", "show", "other").status == 2
        or "there is no study" in partita("studies", "show", "other").err
    )


def test_a_picture_is_named_by_its_file(partita: Any, project: Path) -> None:
    for kind in ("history", "slices", "parallel", "importance"):
        told = partita("studies", "show", "news-1", "--picture", f"{kind}.svg")
        assert told.status == 0 and f"{kind} of news-1" in told.err
        assert (project / f"{kind}.svg").read_text().startswith("<svg")
    assert partita(
        "studies", "show", "news-1", "--picture", "-", "--kind", "slices", "--parameter", "rate"
    ).out.startswith("<svg")
    told = partita("studies", "show", "news-1", "--picture", "x.svg", "--kind", "front")
    assert told.status != 0 and "has one objective" in told.err


def test_trials_are_written(partita: Any, project: Path) -> None:
    assert partita("studies", "export", "news-1").out.splitlines()[0].startswith("number,state,rate,kind,depth,score")
    assert json.loads(partita("studies", "export", "news-1", "--json").out)["name"] == "news-1"
    assert partita("studies", "export", "news-1", "-o", "all.json").status == 0
    assert len(json.loads((project / "all.json").read_text())["trials"]) == 5


def test_the_best_is_told(partita: Any) -> None:
    assert partita("studies", "best", "news-1").out.startswith("trial 1: score 0.6\n")
    assert json.loads(partita("studies", "best", "news-1", "--json").out)[0]["number"] == 1


def test_without_a_name_it_is_the_newest(partita: Any, workspace: Studying) -> None:
    (*_, newest) = workspace.studies()
    assert newest["name"] in partita("studies", "show").out
    assert partita("studies", "best").out == partita("studies", "best", newest["name"]).out
    assert partita("studies", "export", "latest").out == partita("studies", "export", newest["name"]).out


def test_a_study_is_forgotten(partita: Any, workspace: Studying) -> None:
    assert json.loads(partita("studies", "remove", "news-1", "--json").out) == {"removed": "news-1"}
    assert workspace.known == [] and partita("studies", "remove", "news-1").status != 0


def test_why_no_trial_has_succeeded_is_told(partita: Any, workspace: Studying) -> None:
    failed = [make_trial(n, "failed", error=f"the result has no 'scor' [{n}]\nmore") for n in range(3)]
    workspace.known = [make_study(best=[], trials=failed, counts={"failed": 3}, reason="all 3 trials were made")]
    told = partita("tune", "flows.py:news")
    assert told.status == 1 and "No trial has succeeded; trial 2 failed: the result has no 'scor' [2]" in told.err
    assert "more" not in told.err
    told_before = "3 trials in a row have failed, the last one with: the result has no 'scor' [2]"
    workspace.known = [make_study(best=[], trials=failed, counts={"failed": 3}, reason=told_before)]
    assert partita("tune", "flows.py:news").err.count("the result has no") == 1


@pytest.mark.parametrize("name", ["history.png", "history.jpg"])
def test_a_picture_is_svg(partita: Any, project: Path, name: str) -> None:
    told = partita("studies", "show", "news-1", "--picture", name)
    assert told.status == 2 and "SVG" in told.err and "history.svg" in told.err and not (project / name).exists()
    told = partita("studies", "show", "news-1", "--picture", "none/history.svg")
    assert told.status == 4 and "none/history.svg: No such file" in told.err


def test_what_failed_beside_the_best_is_told(partita: Any, workspace: Studying) -> None:
    told = partita("tune", "flows.py:news")
    assert told.status == 0 and "trial 2 failed: ValueError: [red]no\n" in told.err
    assert "failed:" not in partita("tune", "flows.py:news", "--quiet").err


def test_one_that_stopped_says_how_it_goes_on(partita: Any, workspace: Studying) -> None:
    workspace.known = [make_study(state="stopped", reason="5 trials in a row have failed, the last one with: no")]
    told = partita("tune", "flows.py:news")
    assert "✓" not in told.err and "partita tune --study news-1 --failures 0" in told.err


def test_a_front_is_listed_by_its_size(partita: Any, workspace: Studying) -> None:
    trials = [make_trial(n, values={"score": n / 10, "seconds": float(n)}) for n in range(3)]
    workspace.known = [make_study(objectives={"score": "maximize", "seconds": "minimize"}, best=trials, trials=trials)]
    assert "3 that no other beats" in partita("studies", "list").out
