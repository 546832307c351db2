"""How runs stand beside each other: what can be said, and what counts."""

from __future__ import annotations

from typing import Any

import pytest

from partita.core.standing import Standing, said, standing_of
from partita.errors import OptionError


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"weight": 0}, "weight=0 is not a weight; give a number from 0.001 to 1000"),
        ({"weight": -1.0}, "weight=-1.0 is not a weight"),
        ({"weight": float("nan")}, "weight=nan is not a weight"),
        ({"weight": float("inf")}, "weight=inf is not a weight"),
        ({"weight": True}, "weight=True is not a weight"),
        ({"weight": "2"}, "weight='2' is not a weight"),
        ({"priority": 1.5}, "priority=1.5 is not a priority; give a whole number from -1,000 to 1,000"),
        ({"priority": 1001}, "priority=1001 is not a priority"),
        ({"priority": False}, "priority=False is not a priority"),
        ({"owner": 7}, "owner=7 is not a name"),
        ({"owner": " ann"}, "owner=' ann' is not a name"),
        ({"owner": "a\nb"}, "is not a name"),
        ({"owner": "x" * 101}, "is not a name"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionError) as caught:
        said(given)
    assert told in str(caught.value)


def test_only_what_is_said_is_kept() -> None:
    assert said({"owner": "", "weight": None, "priority": None, "tags": []}) == {}
    assert said({"owner": "ann", "weight": 2, "priority": 0}) == {"owner": "ann", "weight": 2.0, "priority": 0}


def test_what_is_said_of_a_run_counts_before_what_its_flow_says() -> None:
    assert standing_of({}, {}) == Standing("", 1.0, 0)
    assert standing_of({"user": "ann"}, {}) == Standing("ann", 1.0, 0)
    assert standing_of({"user": "ann"}, {"owner": "reports", "weight": 3.0, "priority": 5}) == ("reports", 3.0, 5)
    launched = {"user": "ann", "owner": "ben", "weight": 2.0, "priority": 0}
    assert standing_of(launched, {"owner": "reports", "weight": 3.0, "priority": 5}) == ("ben", 2.0, 0)
