"""Lists of more than a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from partita.workspace.paging import read_chosen_steps, read_prunable, taken


class Listed:
    """Numbers from 1 up, of which an engine gives at most a thousand at once."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.asked: list[int] = []

    def page(self, last: int | None, limit: int) -> Sequence[int]:
        self.asked.append(limit)
        first = (last or 0) + 1
        return range(first, min(first + min(limit, 1000), self._count + 1))


@pytest.mark.parametrize("limit", [0, 1, 999, 1000, 1001, 2500, 1_000_000, None])
@pytest.mark.parametrize("count", [0, 1, 1000, 1001, 2999])
def test_as_many_as_asked_for_come_in_order(count: int, limit: int | None) -> None:
    found = taken(Listed(count).page, limit)
    assert found == list(range(1, (count if limit is None else min(count, limit)) + 1))


def test_a_short_list_is_asked_for_once() -> None:
    listed = Listed(7)
    taken(listed.page, 50)
    assert listed.asked == [50]


def test_chosen_steps_are_asked_for_a_page_at_a_time() -> None:
    """Each once, by id."""
    asked: list[list[int]] = []

    def ask(verb: str, *, run: str, ids: list[int], brief: bool) -> list[dict[str, Any]]:
        assert (verb, run, brief) == ("steps", "one", False)
        asked.append(ids)
        return [{"id": id} for id in ids if id % 2]

    found = read_chosen_steps(ask, "one", [*range(2500, 0, -1), 7])
    assert [step["id"] for step in found] == list(range(1, 2501, 2)) and list(map(len, asked)) == [1000, 1000, 500]
    assert read_chosen_steps(ask, "one", []) == [] and len(asked) == 3


@pytest.mark.parametrize(("limit", "expected"), [(None, range(10)), (1, range(1)), (4, range(4)), (99, range(10))])
def test_what_may_be_deleted_comes_in_pages_as_short_as_the_engine_likes(limit: int | None, expected: range) -> None:
    def ask(verb: str, *, flow: str, after: int, limit: int | None) -> dict[str, Any]:
        assert (verb, flow) == ("prunable", "f")
        end = min(after + 3, after + (limit or 3), 10)
        runs = [{"id": n} for n in range(after, end) if n % 2]
        held = [{"run": n, "reason": "it is even"} for n in range(after, end) if not n % 2]
        return {"runs": runs, "held": held, "looked": end - after, "next": end if end < 10 else None}

    found = read_prunable(ask, 0, limit, flow="f")
    assert [run["id"] for run in found["runs"]] == [n for n in expected if n % 2]
    assert [one["run"] for one in found["held"]] == [n for n in expected if not n % 2]
    assert found["next"] == (None if len(expected) == 10 else len(expected))
