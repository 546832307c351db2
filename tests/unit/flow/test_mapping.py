"""Maps: over what is known and what is not, with keys and policies."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.core.states import Kind, Need
from partita.errors import CheckError, OptionError, RefError
from partita.flow.entry import lay_out
from partita.flow.flow import flow
from partita.flow.mapped import constant
from partita.flow.settle import Outcome
from partita.flow.task import task
from partita.values import PLAIN, unpack


@task
def add(number: int, more: int = 1) -> int:
    return number + more


@task
def odd(number: int) -> int:
    if number % 2 == 0:
        raise ValueError(f"{number} is even")
    return number


@task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@task
def count(outcomes: list[Outcome[int]]) -> int:
    return sum(outcome.ok for outcome in outcomes)


@task
def numbers(size: int) -> list[int]:
    return list(range(size))


@task
def weigh(number: int, weights: list[float]) -> float:
    return number * sum(weights)


@flow
def plus_two(number: int) -> int:
    return add(add(number))


def kinds(layout: Any) -> list[tuple[str, int]]:
    return [(row[0], int(row[1])) for row in layout.rows]


def test_a_map_over_a_list_is_a_step_an_element(lay, evaluate):
    @flow
    def outer() -> int:
        return total(add.map([1, 2], key=["a", "b"]))

    layout = lay(outer)
    assert kinds(layout) == [("add[a]", Kind.TASK), ("add[b]", Kind.TASK), ("add[]", Kind.GATHER), ("total", Kind.TASK)]
    assert layout.rows[2][5] == [0, 1] and unpack(layout.rows[2][4]) == ["all"]
    assert evaluate(layout) == 5 == outer()


def test_maps_of_maps_go_element_by_element(lay, evaluate):
    @flow
    def outer() -> list[int]:
        return add.map(add.map([1, 2]))

    layout = lay(outer)
    assert [row[5] for row in layout.rows] == [[], [], [0], [1]]
    assert evaluate(layout) == [3, 4] == outer()


def test_the_whole_of_a_map_is_gathered_once(lay):
    @flow
    def outer() -> None:
        mapped = add.map([1, 2])
        total(mapped)
        total(mapped)

    assert [kind for _, kind in kinds(lay(outer))].count(Kind.GATHER) == 1


def test_a_map_over_the_unknown_is_laid_out_later(lay, evaluate):
    @flow
    def outer() -> int:
        return total(add.map(numbers(3), more=10))

    layout = lay(outer)
    assert kinds(layout) == [("numbers", Kind.TASK), ("add[]", Kind.FLOW), ("total", Kind.TASK)]
    assert layout.profiles[1].body == "map"
    assert layout.rows[1][5] == [0]
    names, nodes = unpack(layout.rows[1][4])[1:]
    mapping = nodes[names.index("__mapping__")]
    assert mapping[0] == PLAIN and mapping[1]["mapped"] == ["number"]
    assert evaluate(layout) == 33 == outer()


def test_a_map_over_an_unknown_map_waits_for_its_shape_only(lay, evaluate):
    @flow
    def outer() -> list[int]:
        return add.map(add.map(numbers(3)))

    layout = lay(outer)
    assert layout.rows[2][5] == [[1, [], Need.SHAPE]]
    assert evaluate(layout) == [2, 3, 4] == outer()


def test_a_map_over_what_a_deferred_flow_returns_waits_for_its_shape_only(lay):
    @flow
    def several(size: int) -> list[int]:
        return add.map(list(range(size)))

    @flow
    def outer() -> list[int]:
        return add.map(several(add(2)))

    assert lay(outer).rows[2][5] == [[1, [], Need.SHAPE]]


def test_constants_of_an_unknown_map_are_held(lay, evaluate):
    @flow
    def outer() -> list[int]:
        return add.map(numbers(3), add(1))

    layout = lay(outer)
    assert layout.rows[2][5] == [0, [1, [], Need.HOLD]]
    assert evaluate(layout) == [2, 3, 4] == outer()


def test_known_and_unknown_lists_zip(lay, evaluate):
    @flow
    def outer() -> list[int]:
        return add.map(numbers(3), add.map([10, 20, 30]))

    assert evaluate(lay(outer)) == [11, 22, 33] == outer()


def test_options_of_a_map_over_the_unknown_reach_its_elements(lay, encode, evaluation):
    @flow
    def outer() -> list[int]:
        return add.with_options(retries=5).map(numbers(3))

    layout = lay(outer)
    opened = evaluation(layout)
    row = layout.rows[1]
    nodes, names, named = unpack(row[4])
    args = [opened.open(node, row[5]) for node in nodes]
    keywords = {name: opened.open(node, row[5]) for name, node in zip(names, named, strict=True)}
    assert lay_out(add, args, keywords, encode=encode).profiles[0].retries == 5


def test_an_empty_list_gives_an_empty_result(lay, evaluate):
    @flow
    def outer(size: int) -> tuple[int, list[int], int]:
        return total(add.map([])), add.map(add.map(range(0))), total(add.map(numbers(size)))

    assert evaluate(lay(outer, 0)) == (0, [], 0) == outer(0)


def test_lists_of_unequal_length_are_refused(lay):
    @flow
    def outer() -> None:
        add.map([1, 2, 3], more=[1, 2])

    with pytest.raises(CheckError, match=r"unequal length: number has 3, more has 2"):
        lay(outer)
    with pytest.raises(CheckError, match=r"unequal length"):
        outer()


def test_lists_of_unequal_length_are_refused_when_they_become_known(lay, evaluate):
    @flow
    def outer() -> Any:
        return add.map(numbers(3), more=[1, 2])

    with pytest.raises(CheckError, match=r"unequal length: number has 3, more has 2"):
        evaluate(lay(outer))


def test_duplicate_keys_are_refused_by_name(lay):
    @flow
    def outer() -> None:
        add.map([1, 2, 3, 4], key=["a", "b", "a", "b"])

    with pytest.raises(CheckError, match=r"several elements with the key 'a', 'b'"):
        lay(outer)


def test_keys_may_be_computed_from_the_element(lay):
    @flow
    def outer() -> None:
        add.map([1, 2], [10, 20], key=lambda number, more: f"{number}-{more}")

    assert [row[0] for row in lay(outer).rows] == ["add[1-10]", "add[2-20]"]


def test_keys_of_what_is_not_known_are_computed_later(lay, evaluate):
    @flow
    def outer() -> list[int]:
        return add.map(numbers(2), key=lambda number: f"n{number}")

    assert evaluate(lay(outer)) == [1, 2]

    @flow
    def wrong() -> list[int]:
        return add.map(add.map([1, 2]), key=lambda number: f"n{number + 1}")

    with pytest.raises(CheckError, match="key function needs values that are not known yet"):
        lay(wrong)


def test_keys_are_inherited(lay):
    @flow
    def outer() -> None:
        add.map(add.map([1, 2], key=["a", "b"]), [3, 4])

    assert [row[0] for row in lay(outer).rows][2:] == ["add[a]#2", "add[b]#2"]


def test_what_declares_nothing_is_gone_through(lay, evaluate):
    @task
    def untyped(size):  # type: ignore[no-untyped-def]
        return list(range(size))

    @task
    def weigh_untyped(number, weights: list[float]):  # type: ignore[no-untyped-def]
        return number * sum(weights)

    @flow
    def outer() -> list[list[float]]:
        weights: list[float] = untyped(3)
        return [add.map(untyped(3)), weigh_untyped.map([1, 2], weights)]

    assert evaluate(lay(outer)) == [[1, 2, 3], [3, 6]] == outer()

    @flow
    def zipped() -> list[int]:
        number: int = untyped(3)
        return add.map(number, [1, 2, 3])

    assert evaluate(lay(zipped)) == [1, 3, 5] == zipped()

    @task
    def unchanged(value):  # type: ignore[no-untyped-def]
        return value

    @flow
    def same_for_all() -> list[int]:
        more: int = unchanged(5)
        return add.map([1, 2, 3], more)

    assert evaluate(lay(same_for_all)) == [6, 7, 8] == same_for_all()


def test_what_is_no_list_when_it_becomes_known_is_refused(lay, evaluate):
    @task
    def untyped(size):  # type: ignore[no-untyped-def]
        return size

    @flow
    def outer() -> list[int]:
        return add.map(untyped(3))

    with pytest.raises(CheckError, match=r"add.map got nothing to go through: number is no list"):
        evaluate(lay(outer))


def test_too_few_keys_are_refused(lay):
    @flow
    def outer() -> None:
        add.map([1, 2], key=["a"])

    with pytest.raises(CheckError, match="2 elements, and 1 keys"):
        lay(outer)


def test_nothing_to_go_through_is_refused(lay):
    @flow
    def outer() -> None:
        add.map(1)

    with pytest.raises(CheckError, match=r"add.map got nothing to go through"):
        lay(outer)


def test_a_list_that_the_parameter_takes_is_the_same_for_every_element(lay, evaluate):
    @flow
    def outer() -> list[float]:
        return weigh.map([1, 2, 3], [0.5, 0.5])

    assert evaluate(lay(outer)) == [1, 2, 3] == outer()


def test_constant_passes_a_list_whole(lay, evaluate):
    @task
    def pick(index: int, anything: Any) -> Any:
        return anything[index]

    @flow
    def outer() -> list[Any]:
        return pick.map([1, 0], constant(["a", "b"]))

    assert evaluate(lay(outer)) == ["b", "a"] == outer()


def test_at_least_so_many_must_succeed(lay, evaluate):
    @flow
    def outer(needed: int) -> int:
        return total(odd.map([1, 2, 3], at_least=needed))

    layout = lay(outer, 2)
    gather = layout.rows[3]
    assert unpack(gather[4]) == ["at_least", 2] and gather[5][0] == [0, [], Need.FINAL]
    assert evaluate(layout) == 4 == outer(2)
    with pytest.raises(ValueError, match="2 is even"):
        outer(3)


def test_what_goes_through_a_map_that_may_lose_elements_may_lose_them_too(lay, evaluate):
    @flow
    def outer() -> int:
        return total(add.map(odd.map([1, 2, 3], at_least=2)))

    assert evaluate(lay(outer)) == 6 == outer()


def test_settled_elements_are_outcomes(lay, evaluate):
    @task
    def is_ok(outcome: Outcome[int]) -> bool:
        return outcome.ok

    @flow
    def outer(size: int) -> tuple[int, list[bool], int]:
        settled = odd.map([1, 2, 3], settle=True)
        return count(settled), is_ok.map(settled), count(odd.map(numbers(size), settle=True))

    layout = lay(outer, 5)
    assert evaluate(layout) == (2, [True, False, True], 2) == outer(5)


def test_a_policy_is_checked():
    with pytest.raises(OptionError, match="at_least=-1 is not a count"):
        add.map([1], at_least=-1)
    with pytest.raises(OptionError, match="leave out at_least"):
        add.map([1], at_least=1, settle=True)


def test_flows_map_too(lay, evaluate):
    @flow
    def outer(size: int) -> tuple[list[int], list[int]]:
        return plus_two.map([1, 2]), plus_two.map(numbers(size))

    assert evaluate(lay(outer, 3)) == ([3, 4], [2, 3, 4]) == outer(3)


def test_elements_are_checked_against_the_parameter(lay):
    @task
    def words() -> list[str]:
        return []

    @flow
    def outer() -> None:
        add.map([1, "x"])
        add.map(words())
        words.map([1])
        total(odd.map([1], settle=True))

    with pytest.raises(CheckError) as caught:
        lay(outer)
    text = str(caught.value)
    assert "add's number takes int, and got 'x' (str), not int" in text
    assert "add's number takes int, and step words (called at" in text or "and step words gives str" in text
    assert "words takes at most 0 positional arguments, 1 were given" in text
    assert "total's numbers takes list[int], and step odd[0]" in text and "list[Outcome[int]]" in text


def test_a_mapped_result_is_no_list():
    caught: list[str] = []

    @flow
    def outer() -> None:
        mapped = add.map([1, 2])
        assert repr(mapped).startswith("<Mapped add, 2 elements")
        for use in (len, list, bool, str, sum, lambda m: m == [], lambda m: [*m], lambda m: m.append, hash):
            with pytest.raises(RefError):
                use(mapped)
            caught.append("refused")
        add(mapped[0])
        with pytest.raises(IndexError):
            mapped[2]

    from partita.flow.layout import Layout

    lay_out(outer, layout=Layout(lambda value, declared=None: [PLAIN, value]))
    assert len(caught) == 9


def test_a_part_of_an_unknown_map(lay, evaluate):
    @flow
    def outer() -> int:
        return add(add.map(numbers(3))[2])

    assert evaluate(lay(outer)) == 4


@given(st.lists(st.integers(0, 5), max_size=6), st.booleans(), st.integers(0, 3))
def test_maps_give_what_plain_python_gives(encode, evaluation, sizes: list[int], is_known: bool, depth: int):
    @task
    def given_sizes() -> list[int]:
        return sizes

    @flow
    def outer() -> int:
        mapped: Any = sizes if is_known else given_sizes()
        for _ in range(depth):
            mapped = add.map(mapped, add(1))
        return total(mapped)

    layout = lay_out(outer, encode=encode)
    assert evaluation(layout).result() == sum(size + 2 * depth for size in sizes) == outer()
    names = [(row[3], row[0]) for row in layout.rows]
    assert len(set(names)) == len(names)
