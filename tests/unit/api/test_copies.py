"""How many copies there are at once."""

from __future__ import annotations

import pytest

from partita.api.copies import Copies
from partita.errors import BusyError


def test_nobody_has_all_copies_and_those_that_are_gone_count_no_more() -> None:
    copies = Copies(most=5, of_one=3)
    held = [copies.take("ann") for _ in range(3)]
    with pytest.raises(BusyError):
        copies.take("ann")
    others = [copies.take("bob") for _ in range(2)]
    with pytest.raises(BusyError):
        copies.take("eve")
    for give_back in (*held, *held, *others):
        give_back()
    assert len(copies) == 0
    assert [copies.take(f"u{number}") for number in range(5)]
