"""What undoes a step is called with its result and with those of its arguments that it names."""

from __future__ import annotations

from typing import Any

from partita.values import PLAIN, pack
from partita.worker.undo import undo_arguments


def book(hotel: str, nights: int, *, guest: str = "nobody") -> str:
    return f"{hotel}{nights}{guest}"


def test_the_result_comes_first_and_arguments_by_name() -> None:
    def cancel(booking: str, guest: str, hotel: str) -> None: ...

    assert undo_arguments(cancel, book, "b1", ["Ritz", 2], {}) == (["b1"], {"guest": "nobody", "hotel": "Ritz"})


def test_a_name_of_the_first_parameter_is_the_results() -> None:
    def cancel(hotel: str, nights: int) -> None: ...

    assert undo_arguments(cancel, book, "b1", ["Ritz"], {"nights": 2}) == (["b1"], {"nights": 2})


def test_it_may_take_nothing() -> None:
    def cancel() -> None: ...

    assert undo_arguments(cancel, book, "b1", ["Ritz", 2], {}) == ([], {})


def test_a_worker_undoes(bench: Any) -> None:
    bench.write(
        "def book(hotel, nights):\n    raise RuntimeError('not again')\n"
        "def cancel(booking, nights):\n    return f'{booking}-{nights}'\n"
        "async def cancel_later(booking):\n    return booking + '!'\n"
    )
    extra = {"result": pack([PLAIN, "b1"])}
    assert bench.result("book", "Ritz", 3, extra=extra, compensate="module1:cancel") == "b1-3"
    assert bench.result("book", "Ritz", 3, extra=extra, compensate="module1:cancel_later") == "b1!"
