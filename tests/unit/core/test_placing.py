"""What is said of steps that can never run where they are to run."""

from __future__ import annotations

from typing import Any

import pytest

from partita.core.placing import misplaced, misplaced_rows
from partita.core.records import Demand, Profile
from partita.core.resources import CONTAINERS, ENVIRONMENTS, Pool
from partita.core.states import Kind


@pytest.fixture
def pools() -> dict[str, Pool]:
    boxes = Pool(2, 1 << 30)
    boxes.remedies = {ENVIRONMENTS: "put the packages into the image", CONTAINERS: "use processes"}
    return {"process": Pool(4, 4 << 30, 1, {"licence": 2}), "boxes": boxes}


def told(profile: Profile, pools: dict[str, Pool], default: str = "process") -> list[str]:
    return [f"{problem.message} | {problem.remedy}" for problem in misplaced(profile, pools, default, "flows.py:3")]


def test_what_fits_is_not_misplaced(pools: dict[str, Pool]) -> None:
    fits = Profile(
        "f:fit", "fit", demand=Demand(4, 4 << 30, 1, (("licence", 2),)), environment="{}", runs_container=True
    )
    assert told(fits, pools) == []


def test_the_nearest_name_is_told_where_there_is_one(pools: dict[str, Pool]) -> None:
    (near,) = told(Profile("f:fit", "fit", executor="box"), pools)
    assert near == (
        "fit asks for the executor 'box'; there is none | did you mean 'boxes'? The settings have process, boxes"
    )
    (far,) = told(Profile("f:fit", "fit"), pools, default="moon")
    assert far == "fit asks for the executor 'moon'; there is none | The settings have process, boxes"


def test_each_resource_that_is_lacking_is_told_once_also_for_the_elements_of_a_map(pools: dict[str, Pool]) -> None:
    large = Demand(3, 0, 0, (("seat", 1),))
    for profile in (
        Profile("f:fit", "fit", demand=large, executor="boxes"),
        Profile("f:fit", "fit", body="map", elements=large, executor="boxes"),
        Profile("f:fit", "fit", body="map", demand=large, elements=large, executor="boxes"),
    ):
        assert told(profile, pools) == [
            "fit can never run on the executor boxes: cpu: 3 asked, 2 in all | ask for less, or give the executor boxes more in "
            "the settings (cpu, memory, gpu)",
            "fit can never run on the executor boxes: slot seat: no such limit is set | ask for less, or give the workspace more "
            "in its settings (cpu, memory, gpu, slots)",
        ]


def test_what_an_executor_does_not_have_is_told_of_tasks_and_of_maps_of_tasks(pools: dict[str, Pool]) -> None:
    elsewhere: dict[str, Any] = {"executor": "boxes", "environment": "{}"}
    want = ["fit has an environment of its own, and the executor boxes makes none | put the packages into the image"]
    assert told(Profile("f:fit", "fit", **elsewhere), pools) == want
    assert told(Profile("f:fit", "fit", body="map", elements=Demand(), **elsewhere), pools) == want
    assert told(Profile("f:train", "train", body="flow", **elsewhere), pools) == []  # its tasks have it, not its layout
    assert told(Profile("f:train", "train", body="map", **elsewhere), pools) == []
    contained = Profile("f:count", "count", executor="boxes", runs_container=True)
    assert told(contained, pools) == ["count runs a container, and the executor boxes starts none | use processes"]


def test_rows_are_told_once_a_profile_and_only_where_something_will_be_attempted(pools: dict[str, Pool]) -> None:
    profiles = [Profile(f"f:{name}", name, demand=Demand(9)) for name in ("laid_out", "later", "fit", "unused")]

    def row(kind: Kind, profile: int, place: str, value: bytes | None = None) -> list[Any]:
        return ["x", kind, profile, -1, b"", [], None, value, place]

    rows = [
        row(Kind.FLOW, 0, "f.py:1", b"alias"), row(Kind.GATHER, -1, "f.py:2"), row(Kind.FLOW, 1, "f.py:3"),
        row(Kind.TASK, 2, "f.py:4"), row(Kind.TASK, 2, "f.py:5"),
    ]  # fmt: skip
    found = misplaced_rows(rows, profiles, pools, "process")
    assert [(problem.message.split()[0], problem.place) for problem in found] == [
        ("later", "f.py:3"),
        ("fit", "f.py:4"),
    ]


def test_a_pool_that_was_described_says_the_same(pools: dict[str, Pool]) -> None:
    again = {name: Pool.of(pool.describe()) for name, pool in pools.items()}
    profile = Profile("f:fit", "fit", demand=Demand(64), executor="boxes", environment="{}", runs_container=True)
    assert len(told(profile, pools)) == 3 and told(profile, again) == told(profile, pools)
