"""Studies in YAML files: what stands below `tune:`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from partita.errors import CheckError, OptionError, Problem
from partita.flow.yaml.problems import Problems, near
from partita.flow.yaml.source import Node, read_source
from partita.protocol.studies import TuneRequest
from partita.tune.dimensions import dimension_of
from partita.tune.objectives import DIRECTIONS
from partita.tune.proposing import PRUNERS, SAMPLERS
from partita.units import duration_s

__all__ = ["read_study"]

_TYPES: dict[str, tuple[type, ...]] = {
    "flow": (str,), "name": (str,), "inputs": (dict,), "space": (dict, list), "objective": (str, dict), "direction": (str,),
    "trials": (int,), "time": (str, int, float), "cost": (int, float), "target": (int, float), "parallel": (int,),
    "sampler": (str,), "pruner": (str,), "report": (str, dict), "seed": (int,), "failures": (int,), "executor": (str,),
    "refresh": (bool,),
}  # fmt: skip
_WORDS = {
    str: "a text",
    dict: "a mapping",
    list: "a list",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}
#: Names that there are no others of.
_NAMES = {"direction": DIRECTIONS, "sampler": SAMPLERS, "pruner": PRUNERS}


def read_study(file: Path) -> TuneRequest:
    """What a file asks for. It is read as flows are: by the rules of YAML 1.2.

    Raises:
        CheckError: it cannot be read, or with everything that is wrong in it, each with its line and column.
    """
    problems = Problems(file.name)
    root = read_source(_text(file), problems)
    problems.raise_if_any()
    root = root or Node({}, 1, 1)
    top = root.value if isinstance(root.value, dict) else {}
    given = top.get("tune", root)
    if given is root or not isinstance(given.value, dict):
        remedy = "write tune: with flow, space and objective below it"
        problems.add(given, "there is no mapping `tune`", remedy)
        raise CheckError(problems.all)
    _look(given, problems)
    if "flow" not in given.value and "steps" not in top:
        problems.add(root.keys["tune"], "`tune` names no flow", "write flow: flows.py:train")
    problems.raise_if_any()
    values = given.plain()
    if "steps" in top:  # a flow that says how it is tuned
        values = {"flow": str(file), **values}
    return _request(values)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        told = f"the file {file} cannot be read: {error.strerror}"
        raise CheckError([Problem(told, "", "name a YAML file")]) from error
    except UnicodeDecodeError as error:
        raise CheckError([Problem(f"the file {file} is not YAML: {error}")]) from error


def _look(given: Node, problems: Problems) -> None:
    """Note all that is wrong below `tune`."""
    for name, node in given.value.items():
        types = _TYPES.get(name)
        if types is None:
            problems.add(given.keys[name], f"`tune` has no {name!r}", near(name, _TYPES))
        elif not isinstance(node.value, types) or (isinstance(node.value, bool) and bool not in types):
            told = f"give {' or '.join(_WORDS[kind] for kind in types)}"
            problems.add(node, f"{name} is {node.plain()!r}", told)
        else:
            _look_closer(name, node, problems)


def _look_closer(name: str, node: Node, problems: Problems) -> None:
    """Note what is wrong with one of them, which has the right type."""
    if name == "time":
        try:
            duration_s(node.value, "time")
        except OptionError as error:
            problems.add(node, str(error))
    elif name == "space":
        _look_at_space(node, problems)
    elif name in _NAMES and node.value not in _NAMES[name]:
        problems.add(node, f"there is no {name} {node.value!r}", near(node.value, _NAMES[name]))
    elif name in ("objective", "report") and isinstance(node.value, dict):
        if name == "report" and len(node.value) != 1:
            problems.add(node, "report is not one name with a direction", "write report: {loss: minimize}")
        for way in node.value.values():
            if way.value not in DIRECTIONS:
                problems.add(way, f"there is no direction {way.plain()!r}", f"write {' or '.join(DIRECTIONS)}")


def _look_at_space(node: Node, problems: Problems) -> None:
    if isinstance(node.value, list):
        for item in node.value:
            if not isinstance(item.value, str):
                problems.add(item, f"the space lists {item.plain()!r}", "list names of inputs, or write what they take")
        return
    for name, told in node.value.items():
        try:
            if told.value is not True:
                dimension_of(told.plain())
        except ValueError as error:
            problems.add(told, f"the space of {name}: {error}")


def _request(given: dict[str, Any]) -> TuneRequest:
    made = TuneRequest(flow=given["flow"], study=given.get("name", ""))
    made["texts"] = {
        str(name): value if isinstance(value, str) else json.dumps(value)
        for name, value in given.get("inputs", {}).items()
    }
    space = given.get("space", {})
    made["space"] = dict.fromkeys(space, True) if isinstance(space, list) else space
    objective, direction = given.get("objective"), given.get("direction", "maximize")
    made["objectives"] = objective if isinstance(objective, dict) else {objective or "": direction}
    if isinstance(given.get("report"), dict):
        made["report"], made["report_direction"] = next(iter(given["report"].items()))
    elif "report" in given:
        made["report"] = given["report"]
    if "time" in given:
        made["time_s"] = duration_s(given["time"], "time")
    for name in (
        "trials",
        "cost",
        "target",
        "parallel",
        "sampler",
        "pruner",
        "seed",
        "failures",
        "executor",
        "refresh",
    ):
        if name in given:
            made[name] = given[name]
    return made
