"""What long requests leave of the server's threads and places to others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from partita.api.long_requests import LongRequests
from partita.errors import BusyError
from tests.waiting import wait_until


@contextmanager
def waiting(requests: LongRequests, *names: str) -> Iterator[list[str]]:
    """Threads that ask, and what came of them once they have ended."""
    outcomes: list[str] = []

    def ask(who: str) -> None:
        try:
            with requests.one(who):
                outcomes.append(f"{who} done")
        except BusyError:
            outcomes.append(f"{who} busy")

    threads = [threading.Thread(target=ask, args=(who,)) for who in names]
    for thread in threads:
        thread.start()
    yield outcomes
    for thread in threads:
        thread.join(20)


def test_of_long_requests_a_few_wait_and_the_others_hold_no_thread() -> None:
    requests = LongRequests(1, 1, waiting=2, patience_s=20.0)
    with ExitStack() as held:
        held.enter_context(requests.one("ann"))
        with waiting(requests, "bob", "eve") as outcomes:
            wait_until(lambda: requests.waiting == 2)
            with pytest.raises(BusyError, match="many long requests already"), requests.one("joe"):
                pass  # at once: it would be the third that waits
            assert not outcomes
            held.close()
    assert sorted(outcomes) == ["bob done", "eve done"] and len(requests) == requests.waiting == 0


def test_one_identity_leaves_places_to_others() -> None:
    requests = LongRequests(patience_s=0.0)
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(requests.one("ann"))
        with pytest.raises(BusyError, match="3 long requests of yours already"), requests.one("ann"):
            pass
        for number in range(9):
            held.enter_context(requests.one(f"other {number % 3}"))
        assert len(requests) == 12
        with pytest.raises(BusyError, match="many long requests already"), requests.one("eve"):
            pass
    assert len(requests) == 0
    with requests.one("ann"), requests.one("ann"):
        assert len(requests) == 2


def test_one_identity_leaves_threads_to_others_that_wait() -> None:
    requests = LongRequests(2, 1, waiting=4, patience_s=20.0)
    with ExitStack() as held:
        held.enter_context(requests.one("ann"))
        with waiting(requests, "ann", "ann") as outcomes:
            wait_until(lambda: requests.waiting == 2)
            with pytest.raises(BusyError, match="1 long requests of yours"), requests.one("ann"):
                pass
            with requests.one("bob"):  # past those that wait for one of their own to end
                assert len(requests) == 2
            held.close()
    assert outcomes == ["ann done", "ann done"]


def test_what_fails_gives_its_place_back() -> None:
    requests = LongRequests(1, 1, patience_s=0.0)
    for _ in range(3):
        with pytest.raises(ValueError, match="no"), requests.one("ann"):
            raise ValueError("no")
