"""Pictures of studies, and their trials as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any
from xml.etree import ElementTree

import pytest

from partita.drawing.studies import PICTURES, counts_text, study_csv, study_html, study_picture
from partita.errors import DefinitionError
from partita.protocol.studies import StudyView, TrialView


def trial(number: int, parameters: dict[str, Any], *values: float, **more: Any) -> TrialView:
    state = "succeeded" if values else "failed"
    made = TrialView(
        number=number, state=state, parameters=parameters, values=dict(zip(("score", "cost"), values, strict=False)),
        run=f"r{number}", same_as=None, reported=[], started_at=1.0, ended_at=2.0, cost=0.0, error="",
    )  # fmt: skip
    made.update(more)  # type: ignore[typeddict-item]
    return made


def study(*trials: TrialView, two: bool = True) -> StudyView:
    return StudyView(
        name="a<b", flow="f.py:f", title="f", state="ended", reason="all 4 trials were made",
        objectives={"score": "maximize", **({"cost": "minimize"} if two else {})},
        space={"rate": {"low": 0.001, "high": 1.0, "log": True}, "kind": {"choices": ["line", "<b>"]},
               "depth": {"low": 1, "high": 9, "when": {"kind": ["<b>"]}}},
        budgets={"trials": 4}, sampler="tpe", pruner="median", seed=1, counts={"succeeded": 3, "failed": 1}, again=1,
        best=[trials[0]] if trials else [], created_at=0.0, took_s=10.0, cost=0.0, left_s=None, trials=list(trials),
        importance={"rate": 0.7, "kind": 0.3},
    )  # fmt: skip


WHOLE = study(
    trial(0, {"rate": 0.01, "kind": "line"}, 0.5, 3.0),
    trial(1, {"rate": 0.1, "kind": "<b>", "depth": 3}, 0.75, 5.0),
    trial(2, {"rate": 0.5, "kind": "line"}),
    trial(3, {"rate": 0.1, "kind": "<b>", "depth": 3}, 0.75, 5.0, same_as=1),
)


@pytest.mark.parametrize("kind", PICTURES)
def test_each_picture_is_sound_and_names_what_it_shows(kind: str) -> None:
    drawn = study_picture(WHOLE, kind)
    ElementTree.fromstring(drawn)
    assert "a&lt;b" in drawn and ("score" in drawn or kind == "importance")


def test_a_slice_has_its_own_axis() -> None:
    drawn = study_picture(WHOLE, "slices", "rate")
    assert "0.01<" in drawn and "kind" not in drawn
    assert "&lt;b&gt;" in study_picture(WHOLE, "slices", "kind")
    with pytest.raises(DefinitionError, match="no parameter 'x'; it has rate, kind, depth"):
        study_picture(WHOLE, "slices", "x")


def test_what_cannot_be_drawn_is_told() -> None:
    with pytest.raises(DefinitionError, match="no picture 'pie'"):
        study_picture(WHOLE, "pie")
    with pytest.raises(DefinitionError, match="no trial of the study"):
        study_picture(study(), "history")
    with pytest.raises(DefinitionError, match="has one objective"):
        study_picture(study(WHOLE["trials"][0], two=False), "front")
    with pytest.raises(DefinitionError, match="too few trials"):
        study_picture({**WHOLE, "importance": {}}, "importance")


def test_one_trial_can_be_drawn() -> None:
    for kind in PICTURES:
        ElementTree.fromstring(study_picture(study(WHOLE["trials"][0]), kind))


def test_all_trials_are_lines() -> None:
    rows = list(csv.DictReader(io.StringIO(study_csv(WHOLE))))
    assert [row["number"] for row in rows] == ["0", "1", "2", "3"]
    assert rows[0]["depth"] == "" and rows[1]["depth"] == "3" and rows[2]["score"] == "" and rows[3]["same_as"] == "1"


def test_a_notebooks_page_is_safe() -> None:
    page = study_html(WHOLE)
    assert "<b>a&lt;b</b>" in page and "score 0.5" in page
    assert counts_text(WHOLE) == "3 succeeded, 1 failed, 1 of them as before"


SVG = "{http://www.w3.org/2000/svg}"


def told_at(drawn: str, kind: str = "small middle") -> dict[str, float]:
    """Where texts stand across."""
    texts = ElementTree.fromstring(drawn).iter(f"{SVG}text")
    return {text.text or "": float(text.get("x", 0)) for text in texts if text.get("class") == kind}


def dots_at(drawn: str) -> list[list[float]]:
    path = next(path for path in ElementTree.fromstring(drawn).iter(f"{SVG}path") if path.get("class") == "dots")
    return [list(map(float, dot.removesuffix("h0").split())) for dot in str(path.get("d")).split("M")[1:]]


def test_categories_stand_inside_the_picture() -> None:
    places = told_at(study_picture(WHOLE, "slices", "kind"))
    assert 120 < places["line"] < places["<b>"] < 560


def test_a_slice_shows_all_that_is_searched() -> None:
    places = told_at(study_picture(WHOLE, "slices", "depth"))
    assert places["2"] < places["8"] and places["8"] - places["2"] > 300  # trials had 3 alone
    few = {**WHOLE, "space": {"rate": {"low": 0.002, "high": 0.6, "log": True}}}
    places = told_at(study_picture(few, "slices"))  # type: ignore[arg-type]
    assert list(places)[:4] == ["0.002", "0.01", "0.1", "0.6"]


def test_no_dot_lies_on_the_edge() -> None:
    for across, down in dots_at(study_picture(WHOLE, "history")):
        assert 75 < across < 615 and 53 < down < 363


def test_a_front_says_what_is_better() -> None:
    drawn = study_picture(WHOLE, "front")
    assert "cost against score" in drawn and "score (maximized)" in drawn and "cost (minimized)" in drawn


def test_trials_that_came_to_nothing_stand_in_the_history() -> None:
    told = study(
        trial(0, {"rate": 0.01, "kind": "line"}, 0.5, 3.0), trial(1, {"rate": 0.5, "kind": "line"}, state="pruned"),
        trial(2, {"rate": 0.5, "kind": "line"}), trial(3, {"rate": 0.5, "kind": "line"}),
    )  # fmt: skip
    told["counts"] = {"succeeded": 1, "pruned": 1, "failed": 2}
    drawn = study_picture(told, "history")
    assert "1 pruned, 2 failed" in drawn and "3" in told_at(drawn)
