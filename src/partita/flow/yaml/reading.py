"""From the nodes of a file to its records, with everything that is wrong in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from partita.flow.options import FLOW_OPTIONS
from partita.flow.yaml.expressions import Expression, read_tree
from partita.flow.yaml.order import ordered
from partita.flow.yaml.problems import Problems, near
from partita.flow.yaml.records import (
    CALLS,
    COMMAND_KEYS,
    CONTAINER_KEYS,
    FLOW_KEYS,
    FOREACH_KEYS,
    INPUT_KEYS,
    OPTION_KEYS,
    STEP_KEYS,
    TARGETS,
    WAITS,
    Argument,
    Document,
    Each,
    Input,
    Step,
)  # fmt: skip
from partita.flow.yaml.source import Node

__all__ = ["read_document"]

_NAME = re.compile(r"[^\W\d][\w-]*\Z")
_INPUT_NAME = re.compile(r"[^\W\d]\w*\Z")
_MOST_STEPS = 20_000
_VERBS = "give it one of `task: module:name`, `run: command`, `flow: file.yaml`, `container:`, `wait:`, `approval:` and `ask:`"


def read_document(root: Node, stem: str, problems: Problems) -> Document:
    """The flow that the file says; what is wrong is left out and noted."""
    top = _mapping(root, "a flow", problems)
    known = {*FLOW_KEYS, *(FLOW_OPTIONS - {"name"})}
    _refuse_unknown(root, top, known, "a flow", problems)
    inputs = {
        name: _input(name, root_key, node, problems)
        for name, root_key, node in _named(top.get("inputs"), "inputs", _INPUT_NAME, problems)
    }
    if "steps" not in top:
        problems.add(root, "the flow has no steps", "write `steps:` with a mapping of names to steps")
    steps = {}
    for name, key, node in _named(top.get("steps"), "steps", _NAME, problems):
        step = _step(name, key, node, problems)
        if step is not None:
            steps[name] = step
    if len(steps) > _MOST_STEPS:
        problems.add(root, f"the flow has {len(steps):,} steps; at most {_MOST_STEPS:,} are read", "use foreach")
    outputs = _argument(top["outputs"], problems) if "outputs" in top else None
    options = {name: node for name, node in top.items() if name in FLOW_OPTIONS and name != "name"}
    name = _text(top["name"], "the name", problems) if "name" in top else stem
    description = _text(top["description"], "the description", problems) if "description" in top else ""
    names = list(_named_keys(top.get("steps")))
    document = Document(name, inputs, steps, outputs, options, description)
    return ordered(document, names, problems)


def _named_keys(node: Node | None) -> Mapping[str, Any]:
    return node.value if node is not None and isinstance(node.value, dict) else {}


def _mapping(node: Node, what: str, problems: Problems) -> dict[str, Node]:
    if isinstance(node.value, dict):
        return node.value
    problems.add(node, f"{what} is a mapping, and here stands {node.kind}", "write `key: value` lines")
    return {}


def _refuse_unknown(node: Node, given: Mapping[str, Node], known: set[str], what: str, problems: Problems) -> None:
    for key in given:
        if key not in known:
            problems.add(node.keys[key], f"{what} has no key {key!r}", near(key, sorted(known), "its keys"))


def _named(node: Node | None, what: str, pattern: re.Pattern[str], problems: Problems) -> list[tuple[str, Node, Node]]:
    if node is None or node.value is None:
        return []
    found = []
    for name, item in _mapping(node, f"`{what}:`", problems).items():
        if pattern.match(name):
            found.append((name, node.keys[name], item))
        else:
            remedy = "use letters, digits and _" + (" or -" if pattern is _NAME else "") + ", beginning with a letter"
            problems.add(node.keys[name], f"{name!r} cannot be a name in `{what}:`", remedy)
    return found


def _text(node: Node, what: str, problems: Problems) -> str:
    if isinstance(node.value, str):
        return node.value
    problems.add(node, f"{what} is a text, and here stands {node.kind}")
    return ""


def _argument(node: Node, problems: Problems) -> Argument:
    return Argument(node, read_tree(node, problems))


def _input(name: str, key: Node, node: Node, problems: Problems) -> Input:
    if isinstance(node.value, str):
        return Input(name, key, node, None, None)
    if not isinstance(node.value, dict):
        return Input(name, key, None, node if node.value is not None else None, None)
    _refuse_unknown(node, node.value, set(INPUT_KEYS), f"the input {name}", problems)
    given = node.value
    description = _text(given["description"], "the description", problems) if "description" in given else ""
    return Input(name, key, given.get("type"), given.get("default"), given.get("choices"), description)


def _step(name: str, key: Node, node: Node, problems: Problems) -> Step | None:
    given = _mapping(node, f"the step {name}", problems)
    if not isinstance(node.value, dict):
        return None
    verbs = [verb for verb in TARGETS if verb in given]
    is_wait = len(verbs) == 1 and verbs[0] in WAITS
    allowed = {*STEP_KEYS, *(() if is_wait else OPTION_KEYS), *(COMMAND_KEYS if verbs == ["run"] else ())}
    _refuse_unknown(node, given, allowed, f"the step {name}", problems)
    if len(verbs) != 1:
        told = f"the step {name} has {' and '.join(verbs)}" if verbs else f"the step {name} does not say what it does"
        problems.add(key, told, _VERBS)
        return None
    verb = verbs[0]
    arguments: dict[str, Argument] = {}
    keys: dict[str, Node] = {}
    if "with" in given and given["with"].value is not None:
        if verb not in CALLS:
            remedy = "write the values into the command: `run: python prepare.py ${{ inputs.path }}`"
            told = "runs a command" if verb == "run" else "waits"
            remedy = remedy if verb == "run" else f"write them under `{verb}:`"
            problems.add(node.keys["with"], f"the step {name} {told}, which takes no `with`", remedy)
        for label, item in _mapping(given["with"], f"`with:` of {name}", problems).items():
            arguments[label] = _argument(item, problems)
            keys[label] = given["with"].keys[label]
    return Step(
        name,
        key,
        verb,
        _target(given[verb], verb, problems),
        arguments,
        keys,
        _needs(given.get("needs"), problems),
        _when(given.get("when"), problems),
        _each(given.get("foreach"), problems),
        {option: item for option, item in given.items() if option in OPTION_KEYS},
        _statuses(given.get("allowed_statuses"), problems),
        _text(given["folder"], "the folder", problems) if "folder" in given else None,
    )


def _target(node: Node, verb: str, problems: Problems) -> Argument:
    argument = _argument(node, problems)
    if verb in WAITS:
        return argument
    if verb == "container":
        _check_container(node, problems)
        return argument
    if verb == "run":
        words = node.value if isinstance(node.value, list) else [node]
        if not words or not all(isinstance(word.value, (str, int, float)) and word.value != "" for word in words):
            problems.add(node, f"`run` is {TARGETS['run']}, and here stands {node.kind}")
    elif not isinstance(argument.tree, str) or not argument.tree.strip():
        told = "an expression, which is known too late" if isinstance(argument.tree, Expression) else node.kind
        problems.add(node, f"`{verb}` is {TARGETS[verb]}, and here stands {told}")
    return argument


def _check_container(node: Node, problems: Problems) -> None:
    given = _mapping(node, "`container:`", problems)
    _refuse_unknown(node, given, set(CONTAINER_KEYS), "`container:`", problems)
    if isinstance(node.value, dict) and "image" not in given:
        problems.add(node, "`container:` names no image", "give it `image:`, such as alpine:3.20")
    for item in node.walk():
        if isinstance(item.value, str) and "${{" in item.value:
            remedy = "declare an input, write {inputs.name} for it, and give its value in `with:`"
            problems.add(item, "what a container is takes no expression, which is known too late", remedy)


def _needs(node: Node | None, problems: Problems) -> tuple[tuple[str, Node], ...]:
    if node is None or node.value is None:
        return ()
    items = node.value if isinstance(node.value, list) else [node]
    for item in items:
        if not isinstance(item.value, str):
            problems.add(item, f"`needs` names steps, and here stands {item.kind}", "write a name, or a list of names")
    return tuple((item.value, item) for item in items if isinstance(item.value, str))


def _when(node: Node | None, problems: Problems) -> Argument | None:
    if node is None:
        return None
    argument = _argument(node, problems)
    if not isinstance(argument.tree, (bool, Expression)):
        problems.add(
            node, f"`when` is an expression, and here stands {node.kind}", "write `when: ${{ inputs.count > 3 }}`"
        )
        return None
    return argument


def _each(node: Node | None, problems: Problems) -> Each | None:
    if node is None:
        return None
    if not isinstance(node.value, dict):
        return Each(_items(node, problems))
    _refuse_unknown(node, node.value, set(FOREACH_KEYS), "`foreach:`", problems)
    given = node.value
    if "items" not in given:
        problems.add(node, "`foreach:` does not say over what", "give it `items:`, a list or an expression")
        return None
    at_least, settle = given.get("at_least"), given.get("settle")
    if at_least is not None and (type(at_least.value) is not int or at_least.value < 0):
        problems.add(at_least, f"at_least is a count, and here stands {at_least.kind}", "give 0, 1, 2, ...")
        at_least = None
    if settle is not None and not isinstance(settle.value, bool):
        problems.add(settle, f"settle is true or false, and here stands {settle.kind}")
        settle = None
    if at_least is not None and settle is not None and settle.value:
        problems.add(at_least, "settle takes every element as it ends", "leave out at_least")
    key = _argument(given["key"], problems) if "key" in given else None
    return Each(
        _items(given["items"], problems),
        key,
        at_least.value if at_least is not None else None,
        settle is not None and settle.value,
    )


def _items(node: Node, problems: Problems) -> Argument:
    argument = _argument(node, problems)
    if not isinstance(argument.tree, (list, Expression)):
        problems.add(
            node, f"`foreach` goes through a list, and here stands {node.kind}", "write a list or an expression"
        )
    return argument


def _statuses(node: Node | None, problems: Problems) -> tuple[int, ...]:
    if node is None:
        return (0,)
    items = node.value if isinstance(node.value, list) else [node]
    if all(type(item.value) is int for item in items):
        return tuple(item.value for item in items)
    problems.add(node, f"allowed_statuses are whole numbers, and here stands {node.kind}", "write [0, 1]")
    return (0,)
