"""The memory that bodies of pushes may take before anybody knows who sends them."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from partita.api.webhooks import Room
from partita.errors import BusyError


def test_one_address_cannot_take_all_the_room() -> None:
    room = Room(most_bytes=100, most_of_one_bytes=50)
    with ExitStack() as stack:
        first, second = (stack.enter_context(room.body("192.0.2.1")) for _ in range(2))
        first.add(b"x" * 30)
        second.add(b"x" * 20)
        with pytest.raises(BusyError):
            second.add(b"x")
        other = stack.enter_context(room.body("192.0.2.2"))
        other.add(b"x" * 50)
        with pytest.raises(BusyError):
            stack.enter_context(room.body("192.0.2.3")).add(b"x")


def test_what_was_read_makes_room_again() -> None:
    room = Room(most_bytes=100, most_of_one_bytes=50)
    for _ in range(3):
        with pytest.raises(BusyError), room.body("192.0.2.1") as held:
            held.add(b"x" * 50)
            held.add(b"x")
    with room.body("192.0.2.1") as held:
        held.add(b"x" * 50)
        assert bytes(held.data) == b"x" * 50
