"""The table `retention`, and what goes by it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from partita.settings_retention import RetentionRule, as_retention

DAY_S = 86400.0


def test_flows_say_otherwise_what_they_say_and_nothing_else() -> None:
    found = as_retention(
        {
            "runs": "90d", "failed_runs": "180d", "keep_runs": 5, "logs": "30d", "artifacts": 3600, "every": "10m",
            "flows": {"train": {"runs": "never", "keep_runs": 0}},
        }
    )  # fmt: skip
    rule = RetentionRule(90 * DAY_S, 180 * DAY_S, 5, 30 * DAY_S, 3600.0)
    assert (found.rule, found.every_s, found.is_empty) == (rule, 600.0, False)
    assert found.rule_of("flows.py:other", "other") == rule
    train = RetentionRule(math.inf, 180 * DAY_S, 0, 30 * DAY_S, 3600.0)
    assert found.rule_of("flows.py:train", "train") == train
    assert as_retention('{"logs": "1h"}').rule == RetentionRule(logs_s=3600.0)


@pytest.mark.parametrize(
    ("rule", "gone"),
    [
        ({}, ""),
        ({"runs": 100}, "old oldfail"),
        ({"runs": 100, "keep_runs": 3}, "oldfail"),  # the two old ones have places 3 and 4
        ({"keep_runs": 2}, "old oldfail"),
        ({"keep_runs": 0}, ""),
        ({"runs": 100, "failed_runs": 1000}, "old"),
        ({"failed_runs": 5}, "fail oldfail"),
        ({"failed_runs": 5, "keep_runs": 2}, "oldfail"),
        ({"runs": 5, "failed_runs": "never"}, "new old"),
    ],
)
def test_what_goes(rule: dict[str, Any], gone: str) -> None:
    made = as_retention(rule).rule
    runs = {"new": (10, True, 1), "fail": (10, False, 2), "old": (500, True, 3), "oldfail": (600, False, 4)}
    assert [name for name, run in runs.items() if made.deletes(*run)] == gone.split()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (3, "a table such as"),
        ("90d", "a table such as"),
        ({"run": "90d"}, "no 'run' to retention; did you mean runs?"),
        ({"runs": "soon"}, 'as runs of retention a duration such as "90d", or "never"'),
        ({"keep_runs": -1}, "as keep_runs of retention a whole number that is not negative"),
        ({"every": 0}, "as every of retention a duration above 0"),
        ({"flows": {"train": 3}}, "tables by the names of flows"),
        ({"flows": {"train": {"every": 3}}}, "no 'every' to retention of the flow train"),
    ],
)
def test_what_is_wrong_is_told(given: Any, reason: str) -> None:
    with pytest.raises(ValueError) as refused:
        as_retention(given)
    assert reason in str(refused.value)
