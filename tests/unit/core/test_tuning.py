"""What the settings say of tasks, over what their code says."""

from __future__ import annotations

import pytest

from partita.core.records import Demand, Profile
from partita.core.tuning import tuned
from partita.settings_values import TaskSettings, as_tasks

FIT = Profile("flows:fit", "fit", demand=Demand(8.0, 2**30, 1.0, (("licence", 1),)), executor="here")


def test_what_is_said_counts_and_the_rest_is_as_the_code_says() -> None:
    found = tuned(FIT, {"fit": TaskSettings(cpu=2.0)})
    assert found.demand == Demand(2.0, 2**30, 1.0, (("licence", 1),))
    assert found.executor == "here"
    found = tuned(FIT, {"fit": TaskSettings(memory_bytes=0, gpu=0.0, executor="big")})
    assert (found.demand[:3], found.executor) == ((8.0, 0, 0.0), "big")


def test_a_reference_counts_for_more_than_a_name() -> None:
    assert tuned(FIT, {"fit": TaskSettings(cpu=2.0), "flows:fit": TaskSettings(cpu=3.0)}).demand.cpu == 3.0


def test_others_stay_as_they_are() -> None:
    assert tuned(FIT, {"load": TaskSettings(cpu=2.0)}) is FIT
    flow = Profile("flows:fit", "fit", body="flow")
    assert tuned(flow, {"fit": TaskSettings(cpu=2.0)}) is flow


def test_of_a_map_its_elements_are_meant() -> None:
    laid_out_later = Profile("flows:fit", "fit", body="map", elements=Demand(8.0))
    found = tuned(laid_out_later, {"fit": TaskSettings(cpu=2.0)})
    assert (found.demand.cpu, found.elements) == (1.0, Demand(2.0))


def test_tables_are_read_from_toml_and_from_the_environment() -> None:
    expected = {"fit": TaskSettings(cpu=2.0, memory_bytes=2**30)}
    assert (
        as_tasks({"fit": {"cpu": 2, "memory": "1GiB"}}) == as_tasks('{"fit": {"cpu": 2, "memory": "1GiB"}}') == expected
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (3, "tables by name"), ({"fit": 3}, "tables by name"), ({"fit": {"cpus": 1}}, "did you mean cpu"),
        ({"fit": {"cpu": -1}}, "as cpu of the task fit a number"), ({"fit": {"memory": "much"}}, "a size"),
        ({"fit": {"cache": True}}, "there are cpu, memory, gpu, executor"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(value: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        as_tasks(value)
