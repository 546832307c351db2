"""What a YAML flow says, as records: the one place that knows its keys. The JSON Schema is made from them too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from partita.flow.options import FLOW_OPTIONS, RUN_OPTIONS, TASK_OPTIONS
from partita.flow.yaml.expressions import Expression, Template
from partita.flow.yaml.source import Node

__all__ = [
    "CALLS", "COMMAND_KEYS", "CONTAINER_KEYS", "FLOW_KEYS", "FOREACH_KEYS", "INPUT_KEYS", "OPTION_KEYS", "STEP_KEYS",
    "TARGETS", "WAITS", "Argument", "Document", "Each", "Input", "Step", "expressions_in",
]  # fmt: skip

#: A tree of constants, Expressions, Templates, lists and dicts.
Tree = Any

#: What a step does -> what the value is.
TARGETS = {
    "task": 'a task or flow, "package.module:name" or "file.py:name"',
    "run": "a command: a text for a shell, or a list of arguments",
    "flow": 'a flow, "package.module:name", "file.py:name" or "file.yaml"',
    "container": "a mapping with `image` and more: a command that runs in a container, with the values of `with`",
    "wait": "a wait: `sleep`, `until` or `event` with `key`, `type`, `timeout`, `on_timeout`, `default`, `scope`",
    "approval": "a question that persons approve or reject, or a mapping with `question` and more",
    "ask": "a question that a person answers, or a mapping with `question`, `type` and more",
}
#: Those that take arguments by name.
CALLS = frozenset({"task", "flow", "container"})
#: Those that wait, and run nothing.
WAITS = frozenset({"wait", "approval", "ask"})
STEP_KEYS = {
    **TARGETS,
    "with": "its arguments, by name",
    "needs": "steps that must have succeeded before, though nothing of them is used",
    "when": "the step is skipped where this is false",
    "foreach": "the step is made for each element of this list, which `item` stands for",
}
COMMAND_KEYS = {
    "allowed_statuses": "exit statuses that are no failure",
    "folder": "the working directory",
}
CONTAINER_KEYS = {
    "image": "the image",
    "command": "instead of the image's entrypoint: a text for a shell, or a list of arguments, with {inputs.name} and "
    "{outputs.name}",
    "arguments": "further words behind the command or the image's entrypoint",
    "inputs": "name -> file, folder, text, int, float, bool, list[...], or a default value",
    "outputs": "name -> file, folder, text, int, float, bool, list[...] or module:Class; stdout is what it prints",
    "file_names": "name of an output -> name of its file",
    "network": "as `docker run --network` takes it",
    "user": "who it is; image: that of the image",
    "folder": "the working directory in the container",
    "mounts": 'further folders, "/data:/data:ro"',
    "pull": "when the image is fetched: missing, always or never",
    "allowed_statuses": "exit statuses that are no failure",
}
FOREACH_KEYS = {
    "items": "the list",
    "key": "names the elements: an expression of `item`, or a list of names",
    "at_least": "how many must succeed; otherwise all must",
    "settle": "true: the result holds an outcome for each element, and no failure fails the flow",
}
INPUT_KEYS = {
    "type": "its type; default: that of the default value",
    "default": "its value where none is given; without one it must be given",
    "description": "what it is for",
    "choices": "the values that it can have",
}
FLOW_KEYS = {
    "name": "its name; default: that of the file",
    "inputs": "its inputs, by name",
    "steps": "its steps, by name",
    "outputs": "what it gives: a value, or values by name",
    "tune": "what `partita tune` searches of its inputs, and how",
}
#: Options of a step and of the flow itself; a step is named by its key.
OPTION_KEYS = TASK_OPTIONS - {"name"}
assert FLOW_OPTIONS <= TASK_OPTIONS | RUN_OPTIONS


@dataclass(frozen=True)
class Argument:
    """A value in the file."""

    node: Node  # where it stands
    tree: Tree  # what it is


@dataclass(frozen=True)
class Input:
    """One input of the flow."""

    name: str
    node: Node  # where its name stands
    kind: Node | None  # its type, as written; None: that of its default
    default: Node | None  # None: it must be given
    choices: Node | None
    description: str = ""


@dataclass(frozen=True)
class Each:
    """What a step is repeated over."""

    items: Argument
    key: Argument | None = None  # None: 0, 1, 2, ...
    at_least: int | None = None
    settle: bool = False


@dataclass(frozen=True)
class Step:
    """One step of the flow."""

    name: str
    node: Node  # where its name stands
    verb: str  # of TARGETS
    target: Argument
    arguments: dict[str, Argument]
    keys: dict[str, Node] = field(default_factory=dict)  # where the arguments' names stand
    needs: tuple[tuple[str, Node], ...] = ()
    when: Argument | None = None
    each: Each | None = None
    options: dict[str, Node] = field(default_factory=dict)
    allowed_statuses: tuple[int, ...] = (0,)
    folder: str | None = None

    def expressions(self) -> Iterator[tuple[Expression, str]]:
        """Every expression with the part that it stands in: "when", "foreach", or "" for the arguments and the command."""
        for argument in (*self.arguments.values(), *([] if self.verb in CALLS else [self.target])):
            yield from ((expression, "") for expression in expressions_in(argument.tree))
        if self.when is not None:
            yield from ((expression, "when") for expression in expressions_in(self.when.tree))
        if self.each is not None:
            yield from ((expression, "foreach") for expression in expressions_in(self.each.items.tree))
            if self.each.key is not None:
                yield from ((expression, "key") for expression in expressions_in(self.each.key.tree))


@dataclass(frozen=True)
class Document:
    """A whole flow. Its steps stand in an order in which each comes after what it needs."""

    name: str
    inputs: dict[str, Input]
    steps: dict[str, Step]
    outputs: Argument | None
    options: dict[str, Node]
    description: str = ""


def expressions_in(tree: Tree) -> Iterator[Expression]:
    """Every expression in a tree."""
    if isinstance(tree, Expression):
        yield tree
    elif isinstance(tree, Template):
        yield from (part for part in tree.parts if isinstance(part, Expression))
    elif isinstance(tree, list):
        for item in tree:
            yield from expressions_in(item)
    elif isinstance(tree, dict):
        for item in tree.values():
            yield from expressions_in(item)
