"""Options, units and the rule of retries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.core.records import Demand
from partita.errors import CheckError, OptionError, RefError
from partita.flow.flow import flow
from partita.flow.options import TASK_OPTIONS, make_options, merge_options
from partita.flow.profiles import make_profile, profile_map
from partita.flow.retries import retry_decision
from partita.flow.task import task
from partita.units import duration_s, size_bytes
from partita.values import pack, unpack


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (90, 90),
        (0.5, 0.5),
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("250ms", 0.25),
        ("1.5h", 5400),
        ("2d", 172800),
        ("10", 10),
        (timedelta(minutes=2), 120),
    ],
)
def test_durations(written: Any, seconds: float):
    assert duration_s(written) == seconds


@pytest.mark.parametrize("written", ["", "5x", "m5", "5m garbage", -1, True, None, float("nan"), "-5s", [], "inf"])
def test_wrong_durations_are_refused(written: Any):
    with pytest.raises(OptionError, match="is not a duration; give seconds"):
        duration_s(written, "timeout")


@pytest.mark.parametrize(
    ("written", "size"),
    [
        (512, 512),
        ("512", 512),
        ("512MiB", 512 * 2**20),
        ("2GB", 2 * 10**9),
        ("1.5 GiB", 3 * 2**29),
        ("1k", 1000),
        ("100B", 100),
        ("1TiB", 2**40),
    ],
)
def test_sizes(written: Any, size: int):
    assert size_bytes(written) == size


@pytest.mark.parametrize("written", ["", "5x", -1, True, None, 1.5, "5 i", "MiB"])
def test_wrong_sizes_are_refused(written: Any):
    with pytest.raises(OptionError, match="is not a size; give bytes"):
        size_bytes(written, "memory")


@given(st.floats(0, 1e6, allow_nan=False))
def test_a_number_of_seconds_is_itself(seconds: float):
    assert duration_s(seconds) == seconds
    assert duration_s(f"{seconds!r}") == seconds


WRONG = [
    ("retries", -1),
    ("retries", True),
    ("retries", 1.5),
    ("retry_delay", []),
    ("retry_delay", "soon"),
    ("backoff", 0.5),
    ("backoff", "x"),
    ("jitter", 2),
    ("retry_on", "ValueError"),
    ("retry_on", [1]),
    ("retry_on", int),
    ("timeout", 0),
    ("timeout", "x"),
    ("cpu", -1),
    ("cpu", float("nan")),
    ("memory", "big"),
    ("gpu", "1"),
    ("slots", {"db": 0}),
    ("slots", 3),
    ("idempotent", "no"),
    ("compensate", 3),
    ("priority", "high"),
    ("executor", 3),
    ("environment", 3),
    ("environment", ["six=1.16"]),
    ("environment", "six==1.16"),
    ("environment", {"requirement": ["six"]}),
    ("environment_variables", {"A": 1}),
    ("secrets", 3),
    ("description", 3),
    ("tags", [1]),
    ("version", None),
    ("fallback", len),
    ("crash_retries", -1),
    ("grace", -1),
    ("cache", 0),
    ("cache_key", 3),
    ("expect", 0),
    ("name", "a/b"),
    ("name", ""),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused_by_name(name: str, value: Any):
    with pytest.raises(OptionError, match=f"fit: {name}="):
        make_options({name: value}, "fit")


def test_every_option_is_checked():
    assert {name for name, _ in WRONG} == TASK_OPTIONS


def test_an_unknown_option_is_answered_with_a_near_one():
    with pytest.raises(OptionError, match=r"fit: there is no option 'retrys'; did you mean 'retries'?"):
        make_options({"retrys": 1}, "fit")
    with pytest.raises(OptionError, match="a flow has no option 'gpu'; give it to the tasks"):
        flow(gpu=1)(_body)  # type: ignore[call-overload]


def _body() -> None: ...


def undo(result: int) -> None: ...


@task(
    retries=3,
    retry_delay=[1, "5s"],
    backoff=2,
    jitter=0.1,
    retry_on=[ValueError],
    timeout="5m",
    cpu=2,
    memory="1GiB",
    gpu=0.5,
    slots=["db", "api"],
    idempotent=False,
    compensate=undo,
    priority=5,
    executor="big",
    environment_variables={"B": "2", "A": "1"},
    secrets=["TOKEN"],
    description="Fits.",
    tags=["x"],
    version=2,
    crash_retries=1,
    grace="20s",
)
def fit(number: int) -> int:
    """Never shown."""
    return number


def test_options_become_a_profile(encode):
    profile = make_profile(fit, encode, lambda function: f"hash of {function.__name__}")
    assert profile.function == f"{__name__}:fit" and profile.title == "fit" and profile.body == "task"
    assert profile.demand == Demand(2.0, 2**30, 0.5, (("api", 1), ("db", 1)))
    assert (profile.retries, profile.crash_retries, profile.timeout_s, profile.grace_s) == (3, 1, 300, 20)
    assert (profile.priority, profile.executor, profile.is_idempotent) == (5, "big", False)
    assert profile.compensate == f"{__name__}:undo"
    assert profile.fingerprint == "hash of fit" and profile.version == "2"
    assert profile.environment_variables == {"A": "1", "B": "2"} and profile.secrets == ("TOKEN",)
    assert profile.description == "Fits." and profile.tags == ("x",)
    assert profile.worker_options
    assert unpack(pack(profile_map(profile)))["demand"] == [2.0, 2**30, 0.5, [["api", 1], ["db", 1]], 0]


def test_the_docstring_describes():
    @task
    def described() -> None:
        """Cleans the table.

        In place.
        """

    assert make_profile(described, lambda value, declared=None: [0, value]).description == "Cleans the table."
    assert make_profile(described, lambda value, declared=None: [0, value]).worker_options == b""


def test_merging_keeps_what_is_not_named():
    options = make_options({"retries": 2, "cpu": 3}, "fit")
    merged = merge_options(options, {"cpu": 1}, "fit")
    assert (merged.retries, merged.cpu) == (2, 1)
    assert fit.with_options(retries=0).options.timeout == 300
    assert fit.options.retries == 3


def half() -> float:
    return 0.5


@pytest.mark.parametrize(
    ("rule", "error", "admitted"),
    [
        ({}, ValueError(), True),
        ({}, SystemExit(), True),
        ({}, RefError(), False),
        ({}, CheckError([]), False),
        ({"retry_on": (ValueError,)}, ValueError(), True),
        ({"retry_on": (OSError,)}, ConnectionError(), True),
        ({"retry_on": [ValueError]}, KeyError(), False),
        ({"retry_on": ValueError}, ValueError(), True),
        ({"retry_on": lambda error: "again" in str(error)}, ValueError("again"), True),
        ({"retry_on": lambda error: "again" in str(error)}, ValueError("no"), False),
    ],
)
def test_which_errors_are_tried_again(rule: dict[str, Any], error: BaseException, admitted: bool):
    assert retry_decision(rule, error, 1, half)[0] is admitted


@pytest.mark.parametrize(
    ("rule", "attempt", "delay"),
    [
        ({}, 1, 0),
        ({"retry_delay": 2.0}, 3, 2),
        ({"retry_delay": (1.0, 5.0)}, 1, 1),
        ({"retry_delay": (1.0, 5.0)}, 9, 5),
        ({"retry_delay": 2.0, "backoff": 3.0}, 3, 18),
        ({"backoff": 2.0}, 4, 8),
        ({"retry_delay": lambda n: f"{n}m"}, 2, 120),
        ({"retry_delay": 10.0, "jitter": 0.5}, 1, 10),
    ],
)
def test_the_delay_before_the_next_attempt(rule: dict[str, Any], attempt: int, delay: float):
    assert retry_decision(rule, ValueError(), attempt, half) == (True, delay)


@given(st.floats(0, 1), st.floats(0, 100), st.integers(1, 10_000), st.floats(1, 10), st.floats(0, 1))
def test_jitter_stays_within_its_fraction(jitter: float, delay: float, attempt: int, backoff: float, chance: float):
    rule = {"retry_delay": delay, "backoff": backoff}
    _, plain = retry_decision(rule, ValueError(), attempt, lambda: chance)
    _, varied = retry_decision({**rule, "jitter": jitter}, ValueError(), attempt, lambda: chance)
    assert plain * (1 - jitter) <= varied * (1 + 1e-9) and varied <= plain * (1 + jitter) * (1 + 1e-9)


def test_a_rule_that_fails_admits_nothing_and_says_so():
    error = ValueError("x")
    assert retry_decision({"retry_on": lambda error: 1 / 0}, error, 1, half) == (False, 0)
    assert "The retry rule itself failed" in error.__notes__[0]
