"""Studies in YAML files: what stands below `tune:`."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

import yaml

from partita.errors import CheckError, OptionError, Problem
from partita.protocol.studies import TuneRequest
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


def read_study(file: Path) -> TuneRequest:
    """What a file asks for.

    Raises:
        CheckError: it cannot be read, or with everything that is wrong in it.
    """
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckError(
            [Problem(f"the file {file} cannot be read: {error.strerror}", "", "name a YAML file")]
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CheckError([Problem(f"the file {file} is not YAML: {error}")]) from error
    given = document.get("tune") if isinstance(document, dict) else None
    if not isinstance(given, dict):
        raise CheckError(
            [
                Problem(
                    f"the file {file} has no mapping `tune`", "", "write tune: with flow, space and objective below it"
                )
            ]
        )
    if "steps" in document:  # a flow that says how it is tuned
        given = {"flow": str(file), **given}
    problems = _problems(given, file.name)
    if problems:
        raise CheckError(problems)
    return _request(given, file.name)


def _problems(given: dict[str, Any], place: str) -> list[Problem]:
    found = []
    for name, value in given.items():
        types = _TYPES.get(name)
        if types is None:
            near = difflib.get_close_matches(str(name), _TYPES, 1)
            found.append(
                Problem(
                    f"`tune` has no {name!r}",
                    place,
                    f"did you mean {near[0]}?" if near else f"it has {', '.join(_TYPES)}",
                )
            )
        elif not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            found.append(Problem(f"{name} is {value!r}", place, f"give {' or '.join(_WORDS[kind] for kind in types)}"))
    if "flow" not in given:
        found.append(Problem("`tune` names no flow", place, "write flow: flows.py:train"))
    return found


def _request(given: dict[str, Any], place: str) -> TuneRequest:
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
        try:
            made["time_s"] = duration_s(given["time"], "time")
        except OptionError as error:
            raise CheckError([Problem(str(error), place)]) from error
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
