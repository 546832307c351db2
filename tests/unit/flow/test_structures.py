"""Random structures of refs and random flows: nodes, aliases, names, and the value that plain Python gives."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from partita.core.states import Kind, Need
from partita.flow.entry import lay_out
from partita.flow.flow import flow
from partita.flow.layout import Layout
from partita.flow.ref import Ref, parts_of
from partita.flow.task import task
from partita.values import INPUT, REF, navigate, refs_of, unpack


@dataclass
class Pair:
    left: Any
    right: Any


@task
def leaf(number: int) -> Any:
    return number


@task
def keep(value: Any) -> Any:
    return value


@task
def hold(value: Any) -> Any:
    return value


@flow
def passing(value: Ref[Any], often: int) -> Any:
    return keep(value) if often else value


class Hole:
    """Where a ref goes: the k-th leaf step."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __repr__(self) -> str:
        return f"Hole({self.number})"


constants = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3) | st.binary(max_size=3)
structures = st.recursive(
    constants | st.integers(0, 4).map(Hole),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
        st.tuples(inner, inner).map(lambda sides: Pair(*sides)),
    ),
    max_leaves=12,
)


def filled(structure: Any, leaves: list[Any]) -> Any:
    """The structure with its holes filled."""
    if isinstance(structure, Hole):
        return leaves[structure.number]
    if isinstance(structure, (list, tuple)):
        return type(structure)(filled(item, leaves) for item in structure)
    if isinstance(structure, dict):
        return {key: filled(item, leaves) for key, item in structure.items()}
    if isinstance(structure, Pair):
        return Pair(filled(structure.left, leaves), filled(structure.right, leaves))
    return structure


def holes(structure: Any) -> list[int]:
    """The leaves that the structure names, in order of appearance."""
    if isinstance(structure, Hole):
        return [structure.number]
    if isinstance(structure, (list, tuple)):
        return [number for item in structure for number in holes(item)]
    if isinstance(structure, dict):
        return [number for item in structure.values() for number in holes(item)]
    if isinstance(structure, Pair):
        return holes(structure.left) + holes(structure.right)
    return []


def input_nodes(node: Any) -> list[int]:
    """The inputs that a packed structure names, in order of appearance."""
    if isinstance(node, list):
        if len(node) == 2 and node[0] == INPUT and type(node[1]) is int:
            return [node[1]]
        return [number for item in node for number in input_nodes(item)]
    return []


@given(structures)
def test_every_ref_of_an_argument_is_an_input_once(encode, evaluation, structure: Any):
    @flow
    def outer() -> Any:
        return keep(filled(structure, [leaf(number) for number in range(5)]))

    layout = lay_out(outer, encode=encode)
    *_, packed, inputs, _, _, _ = layout.rows[5]
    assert inputs == list(dict.fromkeys(holes(structure)))
    if holes(structure):
        (node,), _, _ = unpack(packed)
        assert [inputs[number] for number in input_nodes(node)] == holes(structure)
    assert evaluation(layout).result() == filled(structure, list(range(5))) == outer()


@given(structures)
def test_the_alias_of_a_flow_names_what_it_returns(encode, evaluation, structure: Any):
    @flow
    def outer() -> Any:
        return filled(structure, [leaf(number) for number in range(5)])

    layout = lay_out(outer, encode=encode)
    assert [step for step, _ in refs_of(layout.value)] == holes(structure)
    assert evaluation(layout).result() == outer()

    @flow
    def around() -> Any:
        return keep(outer())

    nested = lay_out(around, encode=encode)
    assert [step - 1 for step, _ in refs_of(unpack(nested.rows[0][7]))] == holes(structure)
    assert evaluation(nested).result() == outer()


@given(structures)
def test_held_refs_are_not_awaited(encode, structure: Any):
    @flow
    def holder(value: Ref[Any], number: int) -> Any:
        return value

    @flow
    def outer() -> Any:
        leaves = [leaf(number) for number in range(5)]
        return holder(filled(structure, leaves), keep(1))

    layout = lay_out(outer, encode=encode)
    row = layout.rows[6]
    assert row[1] == Kind.FLOW and row[7] is None
    assert row[5] == [*([number, [], Need.HOLD] for number in dict.fromkeys(holes(structure))), 5]


@given(structures, st.lists(st.sampled_from([0, 1, "a"]), max_size=3))
def test_a_path_into_a_ref_is_the_path_of_its_input(encode, structure: Any, path: list[Any]):
    @flow
    def outer() -> Any:
        ref: Any = keep(filled(structure, [leaf(number) for number in range(5)]))
        for key in path:
            ref = ref[key]
        assert parts_of(ref).path == tuple(path)
        keep(ref)
        return ref

    layout = lay_out(outer, encode=encode)
    assert layout.rows[6][5] == [[5, path, Need.VALUE] if path else 5]
    assert layout.value == [REF, 5, path]
    assert navigate(layout.value, ("x",)) == (layout.value, ("x",))


@task
def add(left: int, right: int) -> int:
    return left + right


@task
def many(size: int) -> list[int]:
    return list(range(abs(size) % 4))


@task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@flow
def branch(number: int, depth: int, seed: int) -> int:
    return grown(number, depth, seed + (number % 3))


def grown(number: Any, depth: int, seed: int) -> Any:
    """A random body: the same calls for the same seed, with values or refs alike."""
    chance = random.Random(seed)
    values: list[Any] = [number, add(number, 1)]
    for _ in range(chance.randrange(4)):
        one, other = chance.choice(values), chance.choice(values)
        kind = chance.randrange(6)
        if kind == 0:
            values.append(add(one, other))
        elif kind == 1 and depth:
            values.append(branch(one, depth - 1, chance.randrange(100)))
        elif kind == 2:
            values.append(total(add.map(many(one), other)))
        elif kind == 3:
            values.append(total([one, other, add(one, other)]))
        elif kind == 4:
            values.append(total(add.map(add.map([one, other], 2), one)))
        elif kind == 5:
            values.append(passing(one, chance.randrange(2)))
    return values[-1]


@given(st.integers(0, 10_000), st.integers(0, 3))
@settings(max_examples=150)
def test_random_flows_give_what_plain_calls_give(encode, evaluation, seed: int, depth: int):
    layout = lay_out(branch, (seed % 7, depth, seed), encode=encode)
    assert evaluation(layout).result() == branch(seed % 7, depth, seed)
    names = [(row[3], row[0]) for row in layout.rows]
    assert len(set(names)) == len(names)
    for number, row in enumerate(layout.rows):
        assert row[3] < number
        for source in row[5]:
            assert (source if isinstance(source, int) else source[0]) < number


@given(st.integers(0, 10_000))
def test_laying_out_again_gives_the_same(encode, seed: int):
    first, again = (lay_out(branch, (seed % 7, 2, seed), encode=encode) for _ in range(2))
    assert first.rows == again.rows and first.value == again.value and first.profiles == again.profiles


@given(st.integers(0, 10_000))
def test_frames_put_together_are_the_layout(encode, seed: int):
    layout: Layout = lay_out(branch, (seed % 7, 3, seed), encode=encode)
    rows, profiles = [], 0
    for new, part in layout.frames():
        profiles += len(new)
        rows += part
        assert all(row[2] < profiles for row in part)
    assert rows == layout.rows and profiles == len(layout.profiles)
