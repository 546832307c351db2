"""Python flows as YAML; that random ones give the same result stands in tests/unit/flow/yaml/test_same_result.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from partita import CommandResult, Outcome, Ref, command, constant, flow, load_flow, settle, task
from partita.errors import CheckError
from partita.flow.yaml.convert.graph import graph_as_yaml
from partita.testing import memory_workspace

greet = command("printf '%s!' {name} '{{x}}'", timeout=5)


@task(retries=2, retry_on=ValueError)
def double(number: int) -> int:
    return number * 2


@task
def numbers(count: int) -> list[int]:
    return list(range(count))


@task
def pair(left: int, right: int) -> tuple[int, int]:
    return left, right


@task
def total(values: list[int], file: Path = Path("x")) -> int:
    return sum(values)


@task
def risky(number: int) -> int:
    if number > 1:
        raise ValueError("too much")
    return number


@task
def describe(outcome: Outcome[int]) -> str:
    return "fine" if outcome.ok else "not fine"


@task
def weigh(values: Any) -> float:
    return float(np.sum(values))


@flow
def quadruple(number: int) -> int:
    return double(double(number))


@flow
def bounded(number: Ref[int], size: int) -> int:
    return number if size < 10 else quadruple(number)


@flow
def everything(count: int) -> dict[str, Any]:
    """Most of what a flow can say. With more in the second sentence."""
    found = numbers(count)
    doubled = double.map(found)
    named = pair.map([1, 2, 3], constant(7), key=["a", "b", "c"])
    left, right = pair(count, 3)
    some = risky.map([0, 1, 2], at_least=2)
    last = total.with_options(name="last", retries=4, slots={"db": 2}, timeout="5m").after(doubled)([left, right])
    return {
        "doubled": doubled,
        "named": named,
        "sum": total(doubled, Path("a/b.txt")),
        "some": total(some),
        "last": last,
        "four": quadruple(right),
        "bounded": bounded(last, last),
        "told": describe(settle(risky(5))),
        "greeted": greet(name="it's $x")["stdout"],
        "${{ key": [quadruple(count), "${{ text }}"],
    }


def test_everything_gives_the_same_result(tmp_path: Path) -> None:
    text, notes = graph_as_yaml(everything, {"count": "3"})
    assert notes == []
    (tmp_path / "flow.yaml").write_text(text, encoding="utf-8")
    written = load_flow(tmp_path / "flow.yaml")
    with memory_workspace(slots={"db": 2}):
        expected = everything.run(3).result()
        assert written.run().result() == expected
    assert expected["greeted"] == "it's $x!{x}!"


def words_of(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def test_it_reads_as_a_person_would_write_it() -> None:
    text, _ = graph_as_yaml(everything, {"count": "3"})
    for part in (
        """
          numbers:
            task: tests.unit.flow.yaml.convert.test_graph:numbers
            with: {count: 3}
        """,
        """
          double:
            task: tests.unit.flow.yaml.convert.test_graph:double
            with: {number: '${{ item }}'}
            foreach: ${{ steps.numbers.output }}
        """,
        """
            foreach:
              items: [1, 2, 3]
              key: [a, b, c]
        """,
        """
            foreach:
              items: [0, 1, 2]
              at_least: 2
        """,
        """
            retries: 4
            timeout: 300.0
            slots: {db: 2}
            needs: [double]
        """,
        """
          named: ${{ steps.pair.output }}
        """,
        """
            with: {number: '${{ steps.last.output }}', size: '${{ steps.last.output }}'}
        """,
        """
            with: {outcome: '${{ steps.risky-3.outcome }}'}
        """,
    ):
        assert words_of(part) in words_of(text), part
    assert "description: Most of what a flow can say. With more in the second sentence." in text


@flow
def with_an_array() -> float:
    return weigh(np.arange(3))


@flow
def with_a_function() -> int:
    return double.with_options(retry_on=lambda error: True)(3)


@flow
def with_an_environment() -> int:
    return double.with_options(environment=["six==1.17.0"], environment_variables={"A": "1"}, cache=True)(3)


def test_options_are_written_as_they_are_read(tmp_path: Path) -> None:
    text, notes = graph_as_yaml(with_an_environment, {})
    assert notes == []
    assert "environment:\n      requirements: [six==1.17.0]" in text
    assert "environment_variables: {A: '1'}" in text and "cache: true" in text
    (tmp_path / "flow.yaml").write_text(text, encoding="utf-8")
    assert load_flow(tmp_path / "flow.yaml")() == 6


@flow
def with_two_lists(count: int) -> list[tuple[int, int]]:
    return pair.map(numbers(count), numbers(count))


def test_what_cannot_be_said_is_noted() -> None:
    text, notes = graph_as_yaml(with_an_array, {})
    assert notes == ["weigh: array([0, 1, 2]) is left out: make it in a task, or give it as an input"]
    assert "# ! array([0, 1, 2]) is left out" in text
    _, notes = graph_as_yaml(with_a_function, {})
    assert notes == ["double: its option retry_on is a function that no file can name, and is left out"]
    _, notes = graph_as_yaml(with_two_lists, {"count": "2"})
    assert "left, right are gone through side by side" in notes[0]


def test_a_flow_that_is_refused_is_not_written() -> None:
    with pytest.raises(CheckError, match="count"):
        graph_as_yaml(everything, {"count": "many"})


def test_the_result_of_a_command_is_declared() -> None:
    assert greet.signature.returns is CommandResult
