"""Pages of artifacts: nothing twice, nothing left out, and an end where few of many fit."""

from __future__ import annotations

from typing import Any

import pytest

from partita.errors import RequestError
from partita.views.artifact_list import Wanted, artifact_page, checked_place

#: Number of a run -> how many artifacts each of its steps has, step 0 first.
RUNS = {3: [1, 2, 5], 2: [0, 0], 1: [1, 1, 1, 1]}


class Engine:
    """Answers as the engine does, two steps a page."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, verb: str, **fields: Any) -> Any:
        if verb == "run":
            return {"number": int(fields["run"])}
        self.asked += 1
        number, after = fields["cursor"] or [3, -1]
        steps = list(range(after + 1, len(RUNS[number])))[:2]
        views = [
            {
                "run": str(number), "step": step, "part": f"[{part}]", "codec": "npy", "type": "npy", "size_bytes": part,
                "made_at": number * 10.0 + step,
            }
            for step in steps
            for part in range(RUNS[number][step])
        ]  # fmt: skip
        older = [each for each in RUNS if each < number]
        cursor = [number, steps[-1]] if len(steps) == 2 else [older[0], -1] if older else None
        return {"artifacts": views, "cursor": cursor}


def named(views: list[Any]) -> list[str]:
    return [f"{view['run']}/{view['step']}{view['part']}" for view in views]


def all_of(wanted: Wanted, limit: int) -> list[str]:
    engine, place, found = Engine(), None, []
    for _ in range(50):
        page = artifact_page(engine, wanted, place, limit)
        assert len(page.items) <= limit and page.is_whole
        found += named(page.items)
        place = page.place
        if place is None:
            return found
    raise AssertionError("the list has no end")


@pytest.mark.parametrize("limit", range(1, 14))
@pytest.mark.parametrize("wanted", [Wanted(), Wanted(least_bytes=1), Wanted(since=12.0, until=32.0)])
def test_pages_of_any_size_are_the_whole_list(limit: int, wanted: Wanted) -> None:
    whole = [
        f"{run}/{step}[{part}]"
        for run, steps in RUNS.items()
        for step, parts in enumerate(steps)
        for part in range(parts)
        if part >= wanted.least_bytes and run * 10 + step >= wanted.since and (not wanted.until or run * 10 + step < wanted.until)
    ]  # fmt: skip
    assert all_of(wanted, limit) == whole


def test_a_page_ends_when_its_time_is_up() -> None:
    clock = iter(range(100))
    page = artifact_page(Engine(), Wanted(kind="none of it"), None, 10, clock=lambda: float(next(clock)))
    assert page.items == [] and page.place == [3, 1, 0] and not page.is_whole


@pytest.mark.parametrize("place", [[1, 2], [1, 2, -1], ["1", 2, 3], [1, True, 3], {}, [1, 2, 1 << 60]])
def test_a_place_of_another_list_is_refused(place: Any) -> None:
    with pytest.raises(RequestError, match="no cursor"):
        checked_place(place)
