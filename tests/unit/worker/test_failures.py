"""Whatever a task raises becomes a report, and making the report raises nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from partita.errors import CheckError, Problem
from partita.worker.failures import error_map, full_text


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class OddError(Exception):
    def __str__(self) -> Any:
        return 7


class ViciousError(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


def _raised(function: Callable[[], Any]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("it raised nothing")


def _throw(error: BaseException) -> Callable[[], Any]:
    def throw() -> Any:
        raise error

    return throw


def _recurse() -> int:
    return _recurse() + 1


def _group() -> BaseException:
    return BaseExceptionGroup(
        "several", [ValueError("one"), KeyboardInterrupt(), ExceptionGroup("x", [OSError("two")])]
    )


@pytest.mark.parametrize(
    ("error", "type_name", "part"),
    [
        (ValueError("wrong"), "ValueError", "wrong"),
        (SystemExit(2), "SystemExit", "exit with status 2"),
        (KeyboardInterrupt(), "KeyboardInterrupt", ""),
        (GeneratorExit(), "GeneratorExit", ""),
        (StopIteration(5), "StopIteration", "5"),
        (MemoryError(), "MemoryError", "not enough memory"),
        (UnprintableError(), "UnprintableError", "cannot be had"),
        (OddError(), "OddError", "cannot be had"),
        (ViciousError(), "ViciousError", "cannot be had"),
        (_group(), "BaseExceptionGroup", "several"),
        (ValueError("\ud800"), "ValueError", "\\ud800"),
    ],
)
def test_every_exception_has_a_report(error: BaseException, type_name: str, part: str) -> None:
    found = error_map(_raised(_throw(error)))
    assert found["type"].endswith(type_name)
    assert part in found["message"]
    assert "throw" in found["traceback"]
    found["traceback"].encode()


def test_endless_recursion_has_a_short_report() -> None:
    found = error_map(_raised(_recurse))
    assert found["type"] == "RecursionError"
    assert len(found["traceback"]) < 70_000


def test_a_long_message_is_cut_and_says_so() -> None:
    error = ValueError("x" * 10_000_000)
    found = error_map(error)
    assert len(found["message"]) < 17_000
    assert "9,984,000 characters left out" in found["message"]
    assert len(full_text(error)) == 10_000_000
    assert full_text(ValueError("short")) == ""


def test_the_cause_is_told() -> None:
    def fail() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    found = error_map(_raised(fail))
    assert "inner" in found["traceback"] and "direct cause" in found["traceback"]


def test_secrets_are_masked_everywhere() -> None:
    found = error_map(_raised(_throw(ValueError("token hunter2"))), lambda text: text.replace("hunter2", "***"))
    assert "hunter2" not in str(found)


def test_problems_of_a_check_are_told() -> None:
    found = error_map(CheckError([Problem("wrong edge", "flow.py:3", "turn it")]))
    assert found["problems"] == [
        {"message": "wrong edge", "place": "flow.py:3", "remedy": "turn it", "is_warning": False}
    ]
