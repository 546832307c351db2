"""Optuna is asked where it is installed, and named where it is not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from partita.errors import MissingExtraError
from partita.tune import Choice, Range
from partita.tune.proposing import Proposer, need_optuna
from partita.tune.record import Trial
from partita.tune.spaces import Space


def test_importing_what_flows_need_does_not_import_optuna() -> None:
    program = (
        "import sys, partita.tune; print([n for n in ('optuna', 'sklearn', 'numpy', 'sqlalchemy') if n in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.strip() == "[]"


def test_a_missing_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'partita\[tune\]'"):
        need_optuna()


pytest.importorskip("optuna")

SPACE = Space(
    {"x": Range(0.0, 1.0), "n": Range(1, 10, 4), "kind": Choice("a", "b"), "more": Range(1, 2, when={"kind": "b"})}
)


def proposer(pruner: str = "median", reported: str = "") -> Proposer:
    return Proposer(["maximize"], "random", pruner, 1, SPACE, reported)


def test_draws_keep_to_the_space() -> None:
    made = proposer()
    for number in range(40):
        drawn = made.ask(number)[0].drawn
        assert 0 <= float(drawn["x"] or 0) <= 1 and drawn["n"] in (1, 5, 9) and type(drawn["n"]) is int
        assert ("more" in drawn) == (drawn["kind"] == "b")
        made.tell(number, "succeeded", [1.0])


def test_a_draw_depends_on_the_seed_and_the_number_only() -> None:
    one, other = proposer(), proposer()
    drawn = [one.ask(number)[0].drawn for number in range(5)]
    other.restore([Trial(number, drawn[number], "r", 0.0, state="failed") for number in range(4)])
    assert other.ask(4)[0].drawn == drawn[4]


@pytest.mark.parametrize(("reported", "value", "is_hopeless"), [
    ("", 1.0, True), ("", 100.0, False), ("minimize", 1.0, False), ("minimize", 100.0, True),
])  # fmt: skip
def test_a_trial_that_reports_worse_than_most_is_hopeless(reported: str, value: float, is_hopeless: bool) -> None:
    made = proposer(reported=reported)
    for number in range(8):
        made.ask(number)
        for step in range(3):
            made.report(number, step, 10.0 + number)
        made.tell(number, "succeeded", [1.0])
    made.ask(8)
    made.report(8, 0, value)
    assert made.is_hopeless(8) is is_hopeless


def test_what_was_reported_before_counts_after_the_restart() -> None:
    made = proposer()
    trials = [
        Trial(number, {"x": 0.5, "n": 1, "kind": "a"}, "r", 0.0, state="succeeded", values=[1.0], reported=[[0, 5.0]])
        for number in range(6)
    ]
    made.restore([*trials, Trial(6, {"x": 0.5, "n": 1, "kind": "a"}, "r", 0.0)])
    made.report(6, 0, 1.0)
    assert made.is_hopeless(6)
