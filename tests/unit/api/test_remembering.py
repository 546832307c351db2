"""Answers that are given again: made once, however many ask at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from partita.api.remembering import Kept, Remembered

READERS = 6
Get = Callable[[Callable[[], Any]], Any]


@pytest.fixture(params=["kept", "remembered"])
def get(request: pytest.FixtureRequest) -> Get:
    """Asks for one and the same answer, and makes it as is said."""
    if request.param == "kept":
        kept = Kept()
        return lambda make: kept.get("key", make)
    remembered = Remembered(age_s=3600.0)
    return lambda make: remembered.get("key", 1, make)


class Making:
    """Makes an answer, and goes on when it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.count = 0
        self.has_begun = threading.Event()
        self.may_end = threading.Event()
        self._error = error

    def __call__(self) -> object:
        self.count += 1
        self.has_begun.set()
        assert self.may_end.wait(60)
        if self._error is not None:
            raise self._error
        return object()


def ask_while_it_is_made(threads: ThreadPoolExecutor, get: Get, making: Making) -> list[Future[Any]]:
    """One reader whose answer is being made, and others that ask meanwhile."""
    first = threads.submit(get, making)
    assert making.has_begun.wait(60)
    others = threading.Barrier(READERS)

    def ask() -> Any:
        others.wait(60)  # all of them are there at once
        return get(making)

    asked = [first, *(threads.submit(ask) for _ in range(READERS - 1))]
    others.wait(60)
    return asked


def test_one_makes_it_and_all_who_ask_meanwhile_get_it(get: Get) -> None:
    making = Making()
    with ThreadPoolExecutor(READERS) as threads:
        asked = ask_while_it_is_made(threads, get, making)
        making.may_end.set()
        answers = {id(each.result(60)) for each in asked}
    assert making.count == 1 and len(answers) == 1


def test_what_failed_is_told_and_not_kept(get: Get) -> None:
    """Who asks later has it made anew."""
    making = Making(ValueError("no engine"))
    with ThreadPoolExecutor(READERS) as threads:
        asked = ask_while_it_is_made(threads, get, making)
        making.may_end.set()
        errors = [each.exception(60) for each in asked]
    assert all(isinstance(error, ValueError) for error in errors)
    assert get(lambda: "made anew") == "made anew" == get(lambda: "not asked for")


def test_other_answers_do_not_wait() -> None:
    kept, making = Kept(), Making()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(kept.get, "slow", making)
        assert making.has_begun.wait(60)
        assert threads.submit(kept.get, "quick", lambda: 7).result(60) == 7
        making.may_end.set()
        first.result(60)


def test_nobody_waits_for_ever() -> None:
    """Who has waited long makes it alone: whoever makes it may hang."""
    kept, making = Kept(patience_s=0.0), Making()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(kept.get, "key", making)
        assert making.has_begun.wait(60)
        assert kept.get("key", lambda: "own") == "own"
        making.may_end.set()
        assert first.result(60) != "own"


def test_an_answer_of_an_earlier_version_is_not_what_is_asked_for() -> None:
    remembered, making = Remembered(age_s=3600.0), Making()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(remembered.get, "key", 1, making)
        assert making.has_begun.wait(60)
        assert remembered.get("key", 2, lambda: "newer") == "newer"
        making.may_end.set()
        first.result(60)
    assert remembered.get("key", 2, lambda: "made again") == "newer", "an older answer took the place of a newer one"


def test_the_least_used_is_forgotten() -> None:
    kept = Kept(at_most=2)
    for key in (1, 2, 1, 3):
        kept.get(key, lambda: "first")
    assert [kept.get(key, lambda: "again") for key in (1, 3, 2)] == ["first", "first", "again"]
