"""Laying out in a test, and a plain evaluation of what was laid out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle
import pytest

from partita.core.states import Kind, Need
from partita.flow.entry import lay_out
from partita.flow.layout import Layout
from partita.flow.loading import allow_local_functions, load
from partita.flow.settle import make_outcome
from partita.values import DICT, INLINE, INPUT, LIST, OBJECT, PLAIN, REF, TUPLE, Node, is_plain, unpack


def encode_value(value: Any, declared: Any = None) -> Node:
    """The codecs in small: plain nodes, and cloudpickle for the rest."""
    return [PLAIN, value] if is_plain(value) else [INLINE, "pickle", cloudpickle.dumps(value), ""]


class Evaluation:
    """Runs what a layout holds one step after the other, deferred flows and maps included."""

    def __init__(self, layout: Layout, outer: Evaluation | None = None) -> None:
        self.layout = layout
        self.outer = outer
        self.values: dict[int, Any] = {}
        self.errors: dict[int, Exception] = {}

    def result(self) -> Any:
        return self.open(self.layout.value)

    def value(self, number: int) -> Any:
        if number < 0:
            assert self.outer is not None
            return self.outer.value(-number - 1)
        if number not in self.values and number not in self.errors:
            try:
                self.values[number] = self._run(number)
            except Exception as error:
                fallback = next((i for i, row in enumerate(self.layout.rows) if row[6] == number), None)
                if fallback is None:
                    self.errors[number] = error
                else:
                    self.values[number] = self.value(fallback)
        if number in self.errors:
            raise self.errors[number]
        return self.values[number]

    def at(self, number: int, path: Any) -> Any:
        found = self.value(number)
        for key in path:
            found = found[key]
        return found

    def open(self, node: Node, inputs: list[Any] | None = None, ref: Callable[..., Any] | None = None) -> Any:
        tag = node[0]
        if tag == INPUT:
            assert inputs is not None
            entry = inputs[node[1]]
            number, path, need = (entry, [], Need.VALUE) if isinstance(entry, int) else entry
            if need == Need.HOLD:
                assert ref is not None
                return ref(number, path)
            return self.at(number, path)
        if tag == PLAIN:
            return node[1]
        if tag == INLINE:
            return cloudpickle.loads(node[2])
        if tag == REF:
            return self.at(node[1], node[2])
        if tag == LIST:
            return [self.open(item, inputs, ref) for item in node[1]]
        if tag == TUPLE:
            return tuple(self.open(item, inputs, ref) for item in node[1])
        if tag == DICT:
            return dict(zip(node[1], [self.open(item, inputs, ref) for item in node[2]], strict=True))
        assert tag == OBJECT
        names = [self.open(item, inputs, ref) for item in node[3]]
        return load(node[1])(**dict(zip(node[2], names, strict=True)))

    def _run(self, number: int) -> Any:
        _, kind, profile, _, packed, inputs, _, alias, _ = self.layout.rows[number]
        if kind == Kind.SETTLE:
            return self._outcome(inputs[0])
        if kind == Kind.GATHER:
            return self._gathered(unpack(packed), inputs)
        if alias is not None:
            return self.open(unpack(alias))
        target = load(self.layout.profiles[profile].function)
        nodes, names, named = unpack(packed)
        if kind == Kind.FLOW:
            inner = Layout(encode_value)

            def ref(step: int, path: Any) -> Any:
                return inner.outer_ref(step, path)

            args = [self.open(node, inputs, ref) for node in nodes]
            keywords = {name: self.open(node, inputs, ref) for name, node in zip(names, named, strict=True)}
            return Evaluation(lay_out(target, args, keywords, layout=inner), self).result()
        keywords = {name: self.open(node, inputs) for name, node in zip(names, named, strict=True)}
        keywords.pop("__check__", None)
        return getattr(target, "function", target)(*[self.open(node, inputs) for node in nodes], **keywords)

    def _outcome(self, source: Any) -> Any:
        number, path = (source, []) if isinstance(source, int) else source[:2]
        try:
            return make_outcome(True, self.at(number, path), None)
        except Exception as error:
            return make_outcome(False, None, {"type": type(error).__name__, "message": str(error)})

    def _gathered(self, policy: list[Any], inputs: list[Any]) -> list[Any]:
        if policy[0] == "settle":
            return [self._outcome(source) for source in inputs]
        if policy[0] == "all":
            return [self.at(*((source, []) if isinstance(source, int) else source[:2])) for source in inputs]
        outcomes = [self._outcome(source) for source in inputs]
        good = [outcome.value for outcome in outcomes if outcome.ok]
        if len(good) < policy[1]:
            raise RuntimeError(f"only {len(good)} of {policy[1]}")
        return good


@pytest.fixture(autouse=True)
def local_functions() -> Iterator[None]:
    with allow_local_functions():
        yield


@pytest.fixture
def lay() -> Callable[..., Layout]:
    def lay(flow: Any, *args: Any, **keywords: Any) -> Layout:
        return lay_out(flow, args, keywords, encode=encode_value)

    return lay


@pytest.fixture
def evaluate() -> Callable[[Layout], Any]:
    return lambda layout: Evaluation(layout).result()


@pytest.fixture(scope="session")
def evaluation() -> type[Evaluation]:
    return Evaluation


@pytest.fixture(scope="session")
def encode() -> Callable[..., Node]:
    return encode_value
