"""`container:` of a step: the task that its mapping declares."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from partita.errors import DefinitionError
from partita.flow.containers.definition import container
from partita.flow.containers.kinds import input_kind
from partita.flow.loading import load
from partita.flow.task import Task
from partita.flow.yaml.functions import shown_text
from partita.flow.yaml.kinds import KindError, read_kind
from partita.flow.yaml.problems import Problems
from partita.flow.yaml.records import Step
from partita.flow.yaml.source import Node

__all__ = ["container_task"]

_LISTS = frozenset({"arguments", "mounts", "allowed_statuses"})
_MAPPINGS = frozenset({"inputs", "outputs", "file_names"})
_WORDS = frozenset({"command", "arguments"})


def container_task(step: Step, file: Path, problems: Problems) -> Task[..., Any] | None:
    """The task; None: something is wrong, and noted."""
    node = step.target.node
    if not isinstance(node.value, dict) or "image" not in node.value:
        return None  # which was noted when it was read
    given = {key: _value(key, item, problems) for key, item in node.value.items() if item.value is not None}
    if any(value is _WRONG for value in given.values()):
        return None
    try:
        made = container(re.sub(r"\W", "_", step.name), **given)
    except DefinitionError as error:
        message, _, remedy = str(error).partition(": ")[2].partition("; ")
        problems.add(node, message, remedy)
        return None
    function: Any = made.function
    function.source_file = file
    function.__qualname__ = f"{step.name}.container"
    function.place = problems.place(step.node)
    return made


_WRONG: Any = object()


def _value(key: str, node: Node, problems: Problems) -> Any:
    value = node.value
    if key in _MAPPINGS:
        if not isinstance(value, dict):
            problems.add(node, f"`{key}` is a mapping, and here stands {node.kind}", "write `name: value` lines")
            return _WRONG
        read = _output if key == "outputs" else _plain
        found = {name: read(name, item, problems) for name, item in value.items()}
        return _WRONG if any(item is _WRONG for item in found.values()) else found
    if isinstance(value, list) and (key in _LISTS or key in _WORDS):
        return [shown_text(item.value) if key in _WORDS else item.plain() for item in value]
    if key in _LISTS:
        return [node.plain()]
    if isinstance(value, str):
        return value
    problems.add(node, f"`{key}` is a text, and here stands {node.kind}")
    return _WRONG


def _plain(name: str, node: Node, problems: Problems) -> Any:
    return node.plain()


def _output(name: str, node: Node, problems: Problems) -> Any:
    if isinstance(node.value, str) and input_kind(node.value) is not None:
        return node.value
    try:
        return read_kind(node.value, load) if isinstance(node.value, str) else _refuse(node, problems)
    except KindError as error:
        problems.add(node, f"the output {name}: {error}", "write one such as file, folder, text, int or dict")
        return _WRONG


def _refuse(node: Node, problems: Problems) -> Any:
    problems.add(node, f"a type is a text, and here stands {node.kind}", "write one such as file, folder, text or int")
    return _WRONG
