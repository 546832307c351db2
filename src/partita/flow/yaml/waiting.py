"""Waits as steps of a file: `wait:`, `approval:` and `ask:`, which make the calls of `partita.flow.waits`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import FrameType
from typing import Any, Literal

from partita.flow.ambient import Caller, calling
from partita.flow.definition import Definition
from partita.flow.layout import Layout
from partita.flow.waits import Decision, approval, ask, sleep, until, wait_for
from partita.flow.yaml.expressions import Expression, Template
from partita.flow.yaml.kinds import KINDS, KindError, read_kind
from partita.flow.yaml.problems import Problems, near
from partita.flow.yaml.records import WAITS, Step, expressions_in
from partita.flow.yaml.source import Node
from partita.flow.yaml.targets import load_named

__all__ = ["WAIT_KEYS", "check_wait", "make_wait", "wait_form", "wait_returns"]


def _keys(call: Any, first: str) -> tuple[str, ...]:
    return (first, *(name for name in list(inspect.signature(call).parameters)[1:] if name != "after"))


#: Form -> (its call, what its first argument is called there, its keys in a file). The first key tells a form of `wait:`.
_FORMS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "sleep": (sleep, _keys(sleep, "sleep")),
    "until": (until, _keys(until, "until")),
    "event": (wait_for, _keys(wait_for, "event")),
    "approval": (approval, _keys(approval, "question")),
    "ask": (ask, (*_keys(ask, "question"), "choices")),
}
_OF_WAIT = ("sleep", "until", "event")

#: Verb -> every key that it takes.
WAIT_KEYS: dict[str, tuple[str, ...]] = {
    "wait": tuple(dict.fromkeys(key for form in _OF_WAIT for key in _FORMS[form][1])),
    "approval": _FORMS["approval"][1],
    "ask": _FORMS["ask"][1],
}
assert WAIT_KEYS.keys() == WAITS


def wait_form(step: Step) -> str:
    """Which wait the step is: "sleep", "until", "event", "approval" or "ask"."""
    tree = step.target.tree
    return next((form for form in _OF_WAIT if form in tree), "event") if step.verb == "wait" else step.verb


def wait_returns(step: Step) -> Any:
    """The declared type of what it gives."""
    form = wait_form(step)
    return Decision if form == "approval" else type(None) if form in ("sleep", "until") else Any


def check_wait(step: Step, file: Any, problems: Problems) -> None:
    """Note what is wrong with the step's keys and its type."""
    node, tree = step.target.node, step.target.tree
    if not isinstance(tree, dict):
        if not isinstance(tree, (str, Expression, Template)) or step.verb == "wait":
            remedy = "write `wait: {sleep: 5m}`" if step.verb == "wait" else f"write `{step.verb}: Shall it go on?`"
            problems.add(node, f"`{step.verb}` is a mapping, and here stands {node.kind}", remedy)
        return
    told = [form for form in _OF_WAIT if form in tree]
    if step.verb == "wait" and len(told) != 1:
        found = f"has {' and '.join(told)}" if told else "does not say for what"
        problems.add(
            node, f"`wait` of {step.name} {found}", "give it one of `sleep: 5m`, `until: TIME` and `event: NAME`"
        )
        return
    known = _FORMS[wait_form(step)][1]
    for key in tree:
        if key not in known:
            problems.add(node.keys[key], f"{wait_form(step)} has no key {key!r}", near(key, known, "its keys"))
    if known[0] not in tree:
        problems.add(node, f"`{step.verb}` of {step.name} does not say what is asked", "give it `question:`")
    for key in ("type", "choices"):
        if key in tree and any(expressions_in(tree[key])):
            problems.add(node.value[key], f"{key} takes no expression", "write a type such as int")
    if not problems:
        _kind(node.value, file, problems)


def _kind(given: Mapping[str, Node], file: Any, problems: Problems) -> Any:
    """The type that is waited for; None: it is not said."""
    if "choices" in given:
        values = given["choices"].plain()
        if isinstance(values, list) and values and all(isinstance(value, (str, int)) for value in values):
            return Literal[tuple(values)]
        problems.add(given["choices"], "choices is a list of texts or numbers")
    if "type" not in given:
        return None
    try:
        return read_kind(str(given["type"].value), lambda text: load_named(text, given["type"], file, problems))
    except KindError as error:
        problems.add(given["type"], str(error), near(error.name, KINDS, "types") if error.name else "")
        return None


class _Placed:
    """Takes the calls that a wait makes for a layout, and gives them the name and place of the step."""

    def __init__(self, layout: Layout, name: str, place: str) -> None:
        self._layout, self._name, self._place = layout, name, place

    def wait(self, spec: Any, show: Any, after: tuple[Any, ...], type_: Any, name: str, frame: FrameType) -> Any:
        return self._layout.add_wait(spec, show, after, type_, self._name, self._place)

    def call(self, target: Definition[..., Any], args: Any, keywords: Mapping[str, Any], frame: FrameType) -> Any:
        named = target.with_options(name=self._name) if target.body == "flow" else target
        return self._layout.add_call(named, args, keywords, self._place, named.name)

    def map(self, target: Any, args: Any, keywords: Any, key: Any, policy: Any, frame: FrameType) -> Any:
        raise AssertionError("a wait maps nothing")

    def settle(self, value: Any, frame: FrameType) -> Any:
        raise AssertionError("a wait settles nothing")


def make_wait(
    step: Step, arguments: Any, before: tuple[Any, ...], caller: Caller, place: str, file: Any, problems: Problems
) -> Any:
    """Make the call that the step stands for; gives its promise.

    Raises:
        OptionError: one of its arguments is not what it takes.
        DefinitionError: nobody can be asked for that type.
    """
    form = wait_form(step)
    call, keys = _FORMS[form]
    given = dict(arguments) if isinstance(arguments, dict) else {keys[0]: arguments}
    first = given.pop(keys[0])
    kind = _kind(step.target.node.value, file, problems) if isinstance(arguments, dict) else None
    given.pop("choices", None)
    given.pop("type", None)
    if kind is not None:
        given["type"] = kind
    taker: Any = _Placed(caller, step.name, place) if isinstance(caller, Layout) else caller
    with calling(taker):
        return call(first, **given, after=before)
