"""Who is asked."""

from __future__ import annotations

from typing import Any, cast

import pytest

from partita.protocol.waits import WaitView
from partita.values import BLOB, DICT, LIST, OBJECT, PLAIN, pack
from partita.views.inbox import evidence_of, is_for, why_not


def _wait(**changes: Any) -> WaitView:
    wait = {"kind": "approval", "by": [], "not_by": [], "outcome": "", "votes": [], **changes}
    return cast("WaitView", wait)


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({}, ""),
        ({"by": ["ann", "ben"]}, ""),
        ({"by": ["ben"]}, "named"),
        ({"not_by": ["ann"]}, "excluded"),
        ({"outcome": "approved"}, "closed"),
        ({"votes": [{"by": "ann", "verdict": "approved"}]}, "said"),
        ({"votes": [{"by": "ben", "verdict": "approved"}]}, ""),
    ],
)
def test_why_somebody_may_not_say(changes: dict[str, Any], reason: str) -> None:
    wait = _wait(**changes)
    assert why_not(wait, "ann") == reason and is_for(wait, "ann") is not bool(reason)


def test_an_administrator_is_one_by_role_and_not_by_name() -> None:
    wait = _wait(by=["administrator", "ben"])
    assert why_not(wait, "ann") == "named" and is_for(wait, "ann", is_administrator=True)
    assert why_not(wait, "administrator") == "named" and is_for(wait, "ben")
    assert why_not(_wait(by=["administrator"], not_by=["ann"]), "ann", is_administrator=True) == "excluded"


def test_times_and_events_ask_nobody() -> None:
    assert not is_for(_wait(kind="sleep"), "ann") and not is_for(_wait(kind="event"), "ann")


class _Records:
    """What is asked of a workspace here."""

    def __init__(self, record: Any) -> None:
        self._record = record

    def artifact_record(self, digest: str) -> Any:
        return self._record


@pytest.mark.parametrize(
    "show, told",
    [
        (pack([PLAIN, {"options": {}}]), [("options", "{}", [])]),
        (pack([PLAIN, {}]), [("", "{}", [])]),
        (pack([DICT, [], []]), [("", "dict of ", [])]),
        (pack([PLAIN, {"a": {"": 1}}]), [("a", "{'': 1}", [["", "1"]])]),
        (pack([PLAIN, {"a": {"b": 1}, "c": 2}]), [("a", "{'b': 1}", [["b", "1"]]), ("c", "2", [])]),
        (pack([DICT, ["a", "c"], [[BLOB], [PLAIN, 2]]]), [("a", "as it was", []), ("c", "2", [])]),
        (pack([OBJECT, "m:Found", ["rows", "by"], [[PLAIN, 2], [PLAIN, {"a": 1}]]]), [("rows", "2", []), ("by", "{'a': 1}", [["a", "1"]])]),
        (pack([DICT, ["a"], [[OBJECT, "m:Outer.Found", ["rows"], [[PLAIN, 2]]]]]), [("a", "Found of rows", [["rows", "2"]])]),
        (pack([PLAIN, {"gap": -0.010000000000000009, "x": 1234567.25}]), [("gap", "-0.01", []), ("x", "1.23457e+06", [])]),
        (pack([PLAIN, {"a": {"b": 0.123456789}}]), [("a", "{'b': 0.123457}", [["b", "0.123457"]])]),
        (pack([PLAIN, {"why": "it's 1.2.34567"}]), [("why", "it's 1.2.34567", [])]),
        (pack([DICT, ["gates"], [[LIST, [[PLAIN, {"gate": "tests", "told": "3 passed"}]]]]]),
         [("gates", "list of 1", [["tests", "3 passed"]])]),
        (pack([PLAIN, {"gates": [{"gate": "tests", "told": "3 passed"}]}]),
         [("gates", "[{'gate': 'tests', 'told': '3 passed'}]", [["tests", "3 passed"]])]),
        (pack([DICT, ["a"], []]), [("a", "as it was", [])]),
        (pack([]), [("a", "as it was", [])]), (b"\xc1", [("a", "as it was", [])]),
    ],
)  # fmt: skip
def test_whatever_is_shown_beside_a_question_is_told(show: bytes, told: list[Any]) -> None:
    wait = _wait(show=show, previews=[["a", "as it was"]], name="Good?")
    found = evidence_of(cast("Any", _Records(None)), wait)
    assert [(item["name"], item["text"], item["pairs"]) for item in found] == told
