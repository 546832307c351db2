"""What the option and the setting `executor` may say."""

from __future__ import annotations

from typing import Any

import pytest

from partita import flow, task
from partita.choices import allowed, choice_of, named
from partita.core.placing import able, misplaced
from partita.core.records import Demand, Profile
from partita.core.resources import ENVIRONMENTS, Pool
from partita.errors import OptionError
from partita.settings_values import as_executor, as_executors, as_tasks


@pytest.mark.parametrize(
    ("said", "kept"),
    [("big", "big"), ("big, small", "big,small"), (["big", "small", "big"], "big,small"), (("any",), "any"), ("", "")],
)
def test_one_name_or_several(said: Any, kept: str) -> None:
    @task(executor=said)
    def work() -> int:
        return 1

    @flow(executor=said)
    def main() -> int:
        return work()

    assert (work.options.executor, main.options.executor) == (kept, kept)
    if kept:
        assert as_executor(said if isinstance(said, str) else list(said)) == kept


@pytest.mark.parametrize("said", [["big", ""], [], "big,,small", 3, ["big", 3], ",", {"big": 1}])
def test_what_names_no_executor_is_refused(said: Any) -> None:
    with pytest.raises(OptionError, match='the name of an executor, a list of names to choose from, or "any"'):

        @task(executor=said)
        def work() -> int:
            return 1

    with pytest.raises(ValueError, match="the name of an executor"):
        as_executor(said)


def test_any_is_every_executor_the_named_ones_first() -> None:
    executors = ("process", "big", "small")
    assert allowed("any", executors) == executors
    assert allowed("small,any", executors) == ("small", "process", "big")
    assert allowed("small,gone", executors) == ("small", "gone")
    assert named(" a , b,a") == ("a", "b")
    assert choice_of([" a", "b "]) == "a,b"


def test_no_executor_may_be_called_what_says_that_there_is_a_choice() -> None:
    for name in ("any", "a,b"):
        with pytest.raises(ValueError, match=f"another name than '{name}'"):
            as_executors({name: {"cpu": 1}})


def test_a_task_may_be_given_several_by_the_settings() -> None:
    assert as_tasks({"fit": {"executor": ["process", "heavy"]}})["fit"].executor == "process,heavy"


POOLS = {"small": Pool(2, 1 << 30), "large": Pool(8, 1 << 34)}


def profile(executor: str, cpu: float = 1.0, **fields: Any) -> Profile:
    return Profile("m:work", "work", executor=executor, demand=Demand(cpu), **fields)


def test_one_of_them_that_can_run_it_is_enough() -> None:
    assert misplaced(profile("small,large", 4.0), POOLS, "small") == []
    assert misplaced(profile("", 4.0), POOLS, "any") == []
    assert able(profile("any", 4.0), POOLS, "small") == ("large",)
    assert able(profile("large,small"), POOLS, "small") == ("large", "small")


def test_where_none_can_run_it_each_says_why() -> None:
    told = [problem.message for problem in misplaced(profile("small,large", 16.0), POOLS, "small")]
    assert told == [
        "work can never run on the executor small: cpu: 16 asked, 2 in all",
        "work can never run on the executor large: cpu: 16 asked, 8 in all",
    ]


def test_a_name_that_is_not_there_is_told_though_others_are() -> None:
    (problem,) = misplaced(profile("small,lrge"), POOLS, "small")
    assert problem.message == "work asks for the executor 'lrge'; there is none"
    assert problem.remedy.startswith("did you mean 'large'?")


def test_what_an_executor_has_not_at_all_is_had_elsewhere() -> None:
    bare = Pool(64, 1 << 40)
    bare.remedies = {ENVIRONMENTS: "put it into the image"}
    made = profile("bare,small", environment="{}")
    assert misplaced(made, {**POOLS, "bare": bare}, "small") == []
    assert able(made, {**POOLS, "bare": bare}, "small") == ("small",)
