"""Splits and samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from partita import flow
from partita.data import sample_rows, split_indices, split_rows
from partita.testing import memory_workspace
from tests.unit.data.tables import LIBRARIES, made

SHARES = {"train": 0.7, "valid": 0.1, "test": 0.2}


@settings(max_examples=60, deadline=None)
@given(st.integers(10, 300), st.integers(0, 99))
def test_every_row_is_in_one_part_and_sizes_are_as_asked(rows: int, seed: int) -> None:
    found = split_indices(rows, SHARES, seed=seed)
    assert sorted(np.concatenate(list(found.values())).tolist()) == list(range(rows))
    assert all(abs(len(found[name]) - share * rows) < 1 for name, share in SHARES.items())
    assert all((np.diff(part) > 0).all() for part in found.values())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(3, 40), min_size=2, max_size=6), st.integers(0, 99))
def test_stratified_parts_have_each_class_as_often_as_all(counts: list[int], seed: int) -> None:
    classes = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    assume(len(classes) >= 10)
    found = split_indices(len(classes), SHARES, stratify=classes, seed=seed)
    assert sorted(np.concatenate(list(found.values())).tolist()) == list(range(len(classes)))
    for name, share in SHARES.items():
        assert abs(len(found[name]) - share * len(classes)) < 1
        own = np.bincount(classes[found[name]], minlength=len(counts))
        assert (np.abs(own - share * np.array(counts)) < 2).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=4, max_size=40), st.booleans(), st.integers(0, 99))
def test_groups_never_cross(counts: list[int], is_stratified: bool, seed: int) -> None:
    groups = np.repeat(np.arange(len(counts)), counts)
    assume(len(groups) >= 10)
    classes = np.random.default_rng(seed).integers(0, 2, len(groups)) if is_stratified else None
    found = split_indices(len(groups), SHARES, groups=groups, stratify=classes, seed=seed)
    seen = [set(groups[part]) for part in found.values()]
    assert sum(map(len, seen)) == len(counts) and all(seen)
    assert sum(len(part) for part in found.values()) == len(groups)


def test_stratified_groups_keep_sizes_and_classes() -> None:
    draw = np.random.default_rng(0)
    groups = draw.integers(0, 300, 3000)
    classes = (draw.random(300) < 0.2)[groups].astype(int)  # a whole group is of a class
    found = split_indices(3000, SHARES, groups=groups, stratify=classes)
    for name, share in SHARES.items():
        assert len(found[name]) == pytest.approx(3000 * share, rel=0.05)
        assert classes[found[name]].mean() == pytest.approx(classes.mean(), abs=0.02)


def test_by_time_the_past_trains_and_one_time_stays_together() -> None:
    days = np.repeat(np.arange(10), 7)
    order = np.random.default_rng(0).permutation(70)
    found = split_indices(70, {"train": 0.65, "test": 0.35}, time=days[order])
    train, test = (days[order][found[name]] for name in ("train", "test"))
    assert train.max() < test.min() and len(train) == 49  # 45.5 rows are nearest to seven days or six and a half


def test_numbers_of_rows_are_kept_to_where_groups_stay_together() -> None:
    groups = np.repeat(np.arange(100), 10)
    found = split_indices(1000, {"train": 80, "test": 20}, groups=groups)
    assert {name: len(part) for name, part in found.items()} == {"train": 80, "test": 20}
    assert not set(groups[found["train"]]) & set(groups[found["test"]])
    classes = groups % 2
    found = split_indices(1000, {"train": 400, "test": 100}, groups=groups, stratify=classes)
    assert {name: len(part) for name, part in found.items()} == {"train": 400, "test": 100}
    assert classes[found["train"]].mean() == pytest.approx(0.5, abs=0.05)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=4, max_size=40), st.integers(0, 99))
def test_groups_that_are_left_out_never_cross(counts: list[int], seed: int) -> None:
    groups = np.repeat(np.arange(len(counts)), counts)
    assume(len(groups) >= 10)
    wanted = {"train": len(groups) // 2, "test": len(groups) // 5}
    found = split_indices(len(groups), wanted, groups=groups, seed=seed)
    kept = np.concatenate(list(found.values()))
    assert not set(groups[found["train"]]) & set(groups[found["test"]])
    assert not set(groups[kept]) & set(np.delete(groups, kept))
    for name, size in wanted.items():
        assert len(found[name]) and abs(len(found[name]) - size) <= 2 * max(counts)


def test_by_time_numbers_of_rows_are_of_the_latest() -> None:
    order = np.random.default_rng(0).permutation(1000)
    found = split_indices(1000, {"train": 80, "test": 20}, time=order)
    assert order[found["train"]].tolist() == list(range(900, 980))
    assert order[found["test"]].tolist() == list(range(980, 1000))
    days = np.repeat(np.arange(10), 7)
    found = split_indices(70, {"train": 12, "test": 7}, time=days)
    assert set(days[found["train"]]) == {7, 8} and set(days[found["test"]]) == {9}
    with pytest.raises(ValueError, match="only 10 different times"):
        split_indices(70, {"train": 2, "test": 1}, time=days)


@pytest.mark.parametrize("name", ["stratify", "groups", "time"])
def test_what_rows_are_split_by_has_to_be_of_each_row(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} has 10 entries, and there are 1,000 rows"):
        split_indices(1000, {"train": 80, "test": 20}, **{name: [0, 1] * 5})


@pytest.mark.parametrize("library", LIBRARIES)
def test_tables_of_any_library_are_split_by_names_of_columns(library: str) -> None:
    table = made(library, {"who": ["a", "a", "b", "b", "c", "c"], "n": [1, 2, 3, 4, 5, 6]})
    parts = split_rows(table, {"train": 4, "test": 2}, groups="who")
    sizes = {name: part.num_rows if library == "arrow" else len(part) for name, part in parts.items()}
    assert sizes == {"train": 4, "test": 2}
    with pytest.raises(ValueError, match="there is no column 'wo'; there are who, n"):
        split_rows(table, groups="wo")


def test_one_seed_gives_one_split() -> None:
    first, again, other = (split_indices(50, seed=seed)["test"].tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"parts": {"a": 0.5, "b": 0.4}}, "add up to 0.9"),
        ({"parts": {"a": 8, "b": 3}}, "ask for 11 rows, and there are 10"),
        ({"parts": {"a": 8, "b": 0.2}}, "mix shares and numbers"),
        ({"parts": {"a": 0.99, "b": 0.01}}, "the part 'b' would be empty"),
        ({"parts": {"a": 1.0, "b": 0}}, "above 0"),
        ({"stratify": ["x"] * 9 + ["y"]}, "'y' has 1 rows, too few for 2 parts"),
        ({"groups": ["x"] * 10}, "there are 1 groups, too few for 2 parts"),
        ({"time": [1] * 10}, "only 1 different times"),
        ({"time": range(10), "groups": range(10)}, "cannot be stratified or grouped"),
    ],
)
def test_what_is_impossible_says_why(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        split_indices(10, **given)


def test_a_row_without_a_group_cannot_be_placed() -> None:
    with pytest.raises(ValueError, match="who is missing in row 1"):
        split_rows([{"who": "a"}, {"who": None}, {"who": "b"}], groups="who")


@pytest.mark.parametrize("library", LIBRARIES)
def test_samples(library: str) -> None:
    table = made(library, {"kind": ["a"] * 80 + ["b"] * 20, "w": [0.0] * 50 + [1.0] * 50})

    def kinds(found: Any) -> list[str]:
        return (
            found.column("kind").to_pylist()
            if library == "arrow"
            else [r["kind"] for r in found]
            if library == "rows"
            else list(found["kind"])
        )

    assert len(kinds(sample_rows(table, 0.3))) == 30
    assert kinds(sample_rows(table, 10, stratify="kind")) == ["a"] * 8 + ["b"] * 2
    assert kinds(sample_rows(table, 50, weights="w")) == ["a"] * 30 + ["b"] * 20
    assert len(kinds(sample_rows(table, 300, with_replacement=True))) == 300
    for wrong, message in (
        ({"size": 101}, "asks for 101 of 100"), ({"size": 51, "weights": "w"}, "only 50 rows have a weight"),
        ({"size": 5, "stratify": "kind", "weights": "w"}, "takes neither"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            sample_rows(table, **wrong)


@flow
def sizes(rows: list[dict[str, int]]) -> Any:
    parts = split_rows(rows, {"train": 0.75, "test": 0.25})
    return parts["test"]


def test_in_a_flow_a_part_is_taken_by_its_name() -> None:
    with memory_workspace():
        assert len(sizes.run([{"n": n} for n in range(8)]).result()) == 2
