"""Who waits for news: one whose run cannot be read is told so, and the others are told theirs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from partita import approval, flow, sleep, task
from partita.engine.book import Book
from partita.engine.reading import Reading
from partita.engine.values import ValueCache
from partita.engine.watches import Watches
from partita.errors import NotFoundError, StoreError
from partita.store.port import RunRow
from partita.testing import memory_workspace
from partita.testing.clock import VirtualClock
from partita.testing.memory_store import MemoryStore

LATER = float("inf")


@task
def one(n: int) -> int:
    return n


@task
def late(n: int) -> int:
    return n


@flow
def talk(n: int) -> int:
    first = late.after(sleep("30s"))(1)
    one.after(first).map(list(range(n)))
    return one.after(approval("Go?"))(2)


class Torn(MemoryStore):
    """A store of which a row cannot be read."""

    broken: BaseException

    def run(self, id: str) -> RunRow | None:
        if id == "torn":
            raise self.broken
        return super().run(id)


@pytest.fixture
def watches() -> tuple[Watches, Torn]:
    store = Torn()
    store.acquire("one")
    book = Book(store, VirtualClock(), {}, "process", lambda bundle: bundle, "", "", ValueCache(store))
    return Watches(book, Reading(book, SimpleNamespace())), store  # type: ignore[arg-type]


@pytest.mark.parametrize("what", ["steps", "states"])
@pytest.mark.parametrize(
    "broken", [StoreError("the disk cannot be read"), KeyError("a name"), ValueError("no map"), RuntimeError("odd")]
)
def test_a_run_that_cannot_be_read_ends_one_watch_and_no_other(
    watches: tuple[Watches, Torn], what: str, broken: Exception
) -> None:
    found, store = watches
    store.broken = broken
    found.add("ann", 1, "torn", {"what": what, "at_once": True})
    found.add("ann", 2, "", {"at_once": True, "version": -1})
    found.add("bob", 3, "torn", {"what": what, "at_once": True})
    told = {(client, number): answer for client, number, answer in found.due(LATER)}
    assert told["ann", 1] is broken and told["bob", 3] is broken and told["ann", 2]["changes"] == []
    assert not found, "whoever was told so does not wait any more"


def test_a_run_that_was_deleted_while_somebody_watched_it_is_told_as_such(watches: tuple[Watches, Torn]) -> None:
    found, _ = watches
    found.add("ann", 1, "deleted", {"what": "steps"})
    ((client, number, answer),) = found.due(LATER)
    assert (client, number) == ("ann", 1) and isinstance(answer, NotFoundError)


def test_whoever_saw_little_of_an_earlier_engine_is_told_all_that_a_later_one_did() -> None:
    with memory_workspace() as workspace:
        run = talk.submit(30)
        workspace.work()
        version = 0
        while (news := workspace._reading.watch(run.id, version)) is not None:
            version = news["version"]
        workspace.advance(1.0)
        workspace.restart()
        workspace.advance(60.0)
        seen = {}
        while (news := workspace._reading.watch(run.id, version)) is not None:
            version = news["version"]
            seen |= {step["name"]: step["state"] for step in news["steps"]}
        assert seen["late"] == "succeeded"
