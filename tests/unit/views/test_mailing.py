"""What waits for a client that does not take it."""

from __future__ import annotations

import asyncio

from partita.views.mailing import Inbox, Subscribers


def test_the_newest_of_each_thing_is_told_once() -> None:
    async def test() -> None:
        inbox, all_ = Inbox(), Subscribers()
        all_.add(inbox)
        for number in range(3):
            all_.tell("one", number)
            all_.tell("other", -number)
        assert await inbox.take(60) == [2, -2] and await inbox.take(0) == []

    asyncio.run(test())


def test_of_too_many_things_it_is_told_that_there_are_many() -> None:
    """Whatever comes then, until the client has taken it."""

    async def test() -> None:
        inbox = Inbox(at_most=3, instead="many")
        for key in range(3):
            inbox.put(key, key)
        inbox.put(1, "newer")
        assert await inbox.take(60) == [0, "newer", 2]
        for key in range(10_000):
            inbox.put(key, key)
        assert await inbox.take(60) == ["many"]
        inbox.put(5, 5)
        assert await inbox.take(60) == [5]

    asyncio.run(test())


def test_what_was_told_before_the_end_is_taken_before_it() -> None:
    async def test() -> None:
        inbox = Inbox()
        inbox.put("key", "last")
        inbox.close()
        assert [await inbox.take(60), await inbox.take(60), await inbox.take(60)] == [["last"], None, None]

    asyncio.run(test())
