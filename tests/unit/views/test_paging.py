from __future__ import annotations

import re

import pytest

from partita.errors import RequestError
from partita.views.paging import cursor_of, cursor_pattern, page, read_cursor, read_place


@pytest.mark.parametrize("place", [0, -1, 7, 10**15 - 1])
def test_a_number_is_read_back(place: int) -> None:
    assert read_cursor(cursor_of(place)) == place


def test_several_numbers_are_read_back() -> None:
    assert read_place(cursor_of([3, -1, 0]), 3) == (3, -1, 0)


@pytest.mark.parametrize("cursor", ["", "x", "-2", "1.", "1.2", "1.2.3", str(10**15), "٣", "1\n", "9" * 5000])
def test_what_is_no_cursor_of_the_list_is_refused_as_the_document_says(cursor: str) -> None:
    with pytest.raises(RequestError):
        read_cursor(cursor)
    assert not cursor or not re.search(cursor_pattern().replace("$", r"\Z"), cursor)


def test_a_page_says_where_the_next_one_goes_on() -> None:
    assert page([1, 2, 3], 2, lambda item: [item, 0]) == {"items": [1, 2], "next": "2.0"}
    assert page(["a", "b"], 1, str)["next"] == "a"
    assert page([1, 2], 2, int)["next"] is None
