"""The laws of stores that are about waits and events: a part of the contract of stores."""

from __future__ import annotations

from typing import Any

from partita.store.port import EventRow, Store, Turn, WaitRow, WaitUpdate
from partita.testing.store_rows import NOW as _NOW
from partita.testing.store_rows import a_run, a_step

__all__ = ["WaitStoreContract"]


class WaitStoreContract:
    """A part of `StoreContract`."""

    def test_waits_are_open_until_they_are_closed(self, store: Store) -> None:
        first, second = _wait(3, opened_at=_NOW), _wait(1, opened_at=_NOW + 1, due_at=None, key=None)
        store.commit(Turn(runs=[a_run(), a_run(2)], waits=[second, first, _wait(0, run=2, opened_at=_NOW + 2)]))
        assert store.waits(1) == [second, first] and store.wait(1, 3) == first and store.wait(1, 2) is None
        assert [(row.run, row.step) for row in store.open_waits()] == [(1, 3), (1, 1), (2, 0)]
        store.commit(Turn(wait_updates=[WaitUpdate(b"votes", None, "", 1, 3), WaitUpdate(None, _NOW, "done", 1, 1)]))
        store.commit(Turn(wait_updates=[WaitUpdate(None, _NOW + 9, "approved", 1, 3)]))
        assert store.wait(1, 3) == first._replace(votes=b"votes", closed_at=_NOW + 9, outcome="approved")
        assert [(row.run, row.step) for row in store.open_waits()] == [(2, 0)]
        assert store.open_waits(limit=0) == []

    def test_open_waits_are_found_by_their_kinds_and_page_by_page(self, store: Store) -> None:
        kinds = ["event", "approval", "timer", "answer", "approval", "event"]
        waits = [_wait(step, opened_at=_NOW + step // 2)._replace(kind=kind) for step, kind in enumerate(kinds)]
        store.commit(Turn(runs=[a_run()], waits=waits))
        assert store.open_waits(kinds=["approval"]) == [waits[1], waits[4]]
        assert store.open_waits(kinds=["approval", "answer"]) == [waits[1], waits[3], waits[4]]
        assert store.open_waits(kinds=["nothing"]) == [] and store.open_waits(kinds=sorted(set(kinds))) == waits
        seen: list[WaitRow] = []
        after = (-1.0, 0, 0)
        while page := store.open_waits(after=after, limit=2):
            seen += page
            after = (page[-1].opened_at, page[-1].run, page[-1].step)
        assert seen == waits
        assert store.open_waits(kinds=["event"], after=(_NOW, 1, 0)) == [waits[5]]

    def test_an_event_waits_until_it_is_taken(self, store: Store) -> None:
        numbers = [store.next_event_number() for _ in range(3)]
        assert numbers == sorted(set(numbers))
        events = [_event(number, key=None if number == numbers[1] else "k") for number in numbers]
        anyone = _event(store.next_event_number(), run=0)
        store.commit(Turn(runs=[a_run()], events=[*events, anyone]))
        assert store.pending_events(1) == events and store.pending_events(0) == [anyone]
        store.commit(Turn(event_takes=[(1, 2**31, numbers[0]), (1, 7, anyone.number)]))
        assert store.pending_events(1) == events[1:] and store.pending_events(0) == []
        taken = store.event(1, events[0].id)
        assert taken is not None and taken.taken_by == (1, 2**31)
        assert store.event(1, "unknown") is None and store.event(0, events[0].id) is None

    def test_a_deleted_run_takes_its_waits_and_events_along(self, store: Store) -> None:
        waits = [_wait(0), _wait(0, run=2)]
        store.commit(Turn(runs=[a_run(), a_run(2)], waits=waits, events=[_event(1), _event(2, run=2)]))
        store.delete_run(1)
        assert store.open_waits() == waits[1:] and store.waits(1) == []
        assert store.pending_events(1) == [] and len(store.pending_events(2)) == 1

    def test_dropped_steps_take_their_waits_along(self, store: Store) -> None:
        store.commit(Turn(runs=[a_run()], steps=[a_step(n) for n in range(3)], waits=[_wait(n) for n in range(3)]))
        store.commit(Turn(dropped=[(1, 1, 3)]))
        assert [row.step for row in store.waits(1)] == [0]


def _wait(step: int, run: int = 1, **changes: Any) -> WaitRow:
    row = WaitRow(run, step, "event", "paid", "k", _NOW, _NOW + 60, b"\x00spec", None, None, "")
    return row._replace(**changes)


def _event(number: int, run: int = 1, **changes: Any) -> EventRow:
    row = EventRow(number, run, "paid", "k", f"id-{number}", b"\x00data\xff", "ann", _NOW, None)
    return row._replace(**changes)
