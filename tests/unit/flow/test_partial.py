"""Tasks and flows with arguments bound."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from partita import constant, flow, task
from partita.errors import CheckError, DefinitionError, OptionError
from partita.flow.entry import lay_out
from partita.flow.options import make_options
from partita.testing import memory_workspace


@task
def join(left: str, right: str, *, sign: str = "-", last: str = "") -> str:
    return f"{left}{sign}{right}{last}"


@task
def spread(first: str, *rest: str, sign: str = ",") -> str:
    return sign.join([first, *rest])


@task
def total(numbers: list[int], more: int = 0) -> int:
    return sum(numbers) + more


@task
def bad(left: str) -> str:
    raise ValueError(left)


join_a = join.partial(left="a")
join_plus = join_a.partial(sign="+").with_options(retries=2)


@flow
def day(name: str, times: int = 1, loud: bool = False) -> str:
    text = join_plus(name)
    for _ in range(times - 1):
        text = join_a(text)
    return text


twice = day.partial(times=2)


@flow
def several(names: list[str]) -> list[str]:
    return join_plus.map(names)


@flow
def outer(text: str) -> list[str]:
    first = join_a(text)
    bound = join.partial(left=first)
    return [bound("x"), bound.partial(right="y")(), twice(first)]


@flow
def over_unknown(text: str) -> Any:
    letters = letters_of(text)
    return join_plus.map(letters), total.partial(numbers=[1, 2]).map(more=[10, 20])


@task
def letters_of(text: str) -> list[str]:
    return list(text)


@flow
def handled(text: str) -> str:
    return bad.with_options(fallback=join.partial(right="safe"))(text)


def test_what_is_left_keeps_its_order() -> None:
    assert join_a("b") == "a-b"
    assert join_a(right="b", sign="/") == "a/b"
    assert join.partial(right="z")("b") == "b-z"
    assert join.partial(right="z", left="y")() == "y-z"
    assert join_a.partial(right="b")() == "a-b"
    assert join_plus("b") == "a+b" and join_plus.options.retries == 2


def test_a_call_may_give_a_bound_one_anew() -> None:
    assert join_a("b", left="c") == "c-b"
    assert join_a.partial(left="d")("b") == "d-b"


def test_the_signature_shows_what_is_bound_as_a_default() -> None:
    shown = [(p.name, p.is_positional, p.default) for p in join_a.signature.parameters]
    assert [name for name, *_ in shown] == ["right", "sign", "last", "left"]
    assert shown[0][1] and shown[3][1:] == (False, "a")
    assert join.signature.positional[0].name == "left"
    assert join_a.whole_signature.positional[0].name == "left"


@pytest.mark.parametrize("values", [{"lift": "a"}, {"left": 3}])
def test_what_does_not_fit_is_refused_where_it_is_bound(values: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError, match=r"join\.partial: .*(did you mean 'left'|'left' got)"):
        join.partial(**values)


def test_behind_a_bound_one_there_are_no_more_positions() -> None:
    with pytest.raises(DefinitionError, match=r"stands before \*rest"):
        spread.partial(first="a")
    assert spread.partial(sign="+")("a", "b", "c") == "a+b+c"
    with pytest.raises(TypeError):
        join_a("b", "c")


def test_in_a_run_they_are_arguments_of_the_steps() -> None:
    with memory_workspace():
        assert twice.run("b").result() == "a-a+b"
        assert twice.run("b", times=1).result() == "a+b"
        assert several.run(["x", "y"]).result() == ["a+x", "a+y"]
        assert outer.run("b").result() == ["a-b-x", "a-b-y", "a-a+a-b"]
        assert over_unknown.run("pq").result() == (["a+p", "a+q"], [13, 23])
        assert handled.run("t").result() == "t-safe"


def test_outside_of_a_run_it_is_the_same() -> None:
    assert twice("b") == "a-a+b"
    assert several(["x", "y"]) == ["a+x", "a+y"]
    assert outer("b") == ["a-b-x", "a-b-y", "a-a+a-b"]
    assert over_unknown("pq") == (["a+p", "a+q"], [13, 23])
    assert handled("t") == "t-safe"


def test_a_map_goes_through_what_a_call_gives_and_not_through_what_is_bound() -> None:
    bound = total.partial(numbers=[1, 2])
    assert bound.map(more=[10, 20]) == [13, 23]
    assert bound.map(more=[1, 2], numbers=constant([5])) == [6, 7]
    with pytest.raises(CheckError, match="nothing to go through"):
        bound.map(more=1)


def test_wrong_calls_are_told_by_what_is_left(encode: Any) -> None:
    @flow
    def wrong() -> Any:
        return join_a("b", "c"), join_a(), join_a(3)

    with pytest.raises(CheckError) as caught:
        lay_out(wrong, encode=encode)
    told = str(caught.value)
    assert "at most 1 positional argument, 2 were given" in told
    assert "missing its argument 'right'" in told
    assert "right takes str" in told


def test_texts_of_the_command_line_may_replace_what_is_bound(encode: Any) -> None:
    layout = lay_out(twice, encode=encode, texts={"name": "n"})
    assert len(layout.rows) == 2
    assert len(lay_out(twice, encode=encode, texts={"name": "n", "times": "3"}).rows) == 3


def test_a_task_and_its_partial_share_a_profile(encode: Any) -> None:
    cached = join.with_options(cache=True)

    @flow
    def both() -> Any:
        return cached.partial(left="a")("b"), cached("a", "b")

    [profile] = lay_out(both, encode=encode).profiles
    assert profile.parameters == ("left", "right")


def test_equal_steps_are_equal_however_their_arguments_came() -> None:
    calls: list[str] = []

    @task(cache=True)
    def noted(left: str, right: str) -> str:
        calls.append(left + right)
        return left + right

    @flow
    def ask(way: int) -> str:
        return noted("a", "b") if way == 0 else noted.partial(left="a")("b")

    with memory_workspace():
        assert [ask.run(way).result() for way in (1, 0)] == ["ab", "ab"]
    assert len(calls) == 1


def test_it_can_be_passed_on_to_another_process() -> None:
    opened = pickle.loads(pickle.dumps(plain))
    assert opened("b") == "a-b" and opened.signature.positional[0].name == "right"


def test_undoing_takes_no_partial() -> None:
    with pytest.raises(OptionError, match="what partial has bound would be lost"):
        make_options({"compensate": join_a}, "x")


def joined(left: str, right: str) -> str:
    return f"{left}-{right}"


plain = task(joined).partial(left="a")
