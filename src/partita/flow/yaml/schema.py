"""The JSON Schema of YAML flows, made from the records that reading goes by: for editors, which complete and check."""

from __future__ import annotations

import typing
from dataclasses import fields
from typing import Any, get_args

from partita.core.standing import MOST_PRIORITY, MOST_WEIGHT
from partita.flow.containers.declaration import PULLS
from partita.flow.options import FLOW_OPTIONS, REFERENCES, Options
from partita.flow.types import is_union
from partita.flow.yaml.kinds import KINDS
from partita.flow.yaml.records import (
    COMMAND_KEYS,
    CONTAINER_KEYS,
    FLOW_KEYS,
    FOREACH_KEYS,
    INPUT_KEYS,
    OPTION_KEYS,
    STEP_KEYS,
    TARGETS,
)
from partita.flow.yaml.waiting import WAIT_KEYS

__all__ = ["flow_schema"]

_ID = "https://json-schema.org/draft/2020-12/schema"
_TEXT = {"type": "string"}
_SECONDS = {"type": ["number", "string"], "description": 'seconds, or a text such as "90s" or "5m"'}
_EXPRESSION = {"type": "string", "pattern": r"\$\{\{"}
_STATUSES = {"oneOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}, "minItems": 1}]}
_TEXTS = {"oneOf": [_TEXT, {"type": "array", "items": _TEXT}]}

_COUNT = {"type": "integer", "minimum": 0}
_AMOUNT = {"type": "number", "minimum": 0}

#: Options whose form in a file cannot be seen from the type that they are kept as.
_FORMS: dict[str, Any] = {
    "retry_delay": {"anyOf": [_SECONDS, {"type": "array", "items": _SECONDS, "minItems": 1}]},
    "retry_on": {"oneOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]},
    "retries": _COUNT,
    "crash_retries": _COUNT,
    "backoff": {"type": "number", "minimum": 1},
    "jitter": {"type": "number", "minimum": 0, "maximum": 1},
    "cpu": _AMOUNT,
    "gpu": _AMOUNT,
    "timeout": _SECONDS,
    "grace": _SECONDS,
    "expect": _SECONDS,
    "deadline": _SECONDS,
    "budget": _AMOUNT,
    "overrun": {"enum": ["warn", "stop"]},
    "weight": {"type": "number", "minimum": 1 / MOST_WEIGHT, "maximum": MOST_WEIGHT},
    "priority": {"type": "integer", "minimum": -MOST_PRIORITY, "maximum": MOST_PRIORITY},
    "memory": {"type": ["integer", "string"], "description": 'bytes, or a text such as "512MiB"'},
    "executor": {"oneOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]},
    "slots": {"anyOf": [_TEXTS, {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}]},
    "environment": {"anyOf": [_TEXTS, {"type": ["boolean", "null"]}, {"type": "object"}]},
    "environment_variables": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
    "cache": {"anyOf": [{"type": "boolean"}, _SECONDS]},
    "version": {"type": ["string", "number"]},
}


def flow_schema() -> dict[str, Any]:
    """The schema, as JSON Schema draft 2020-12."""
    options = _options()
    flow: dict[str, Any] = {name: {"description": told} for name, told in FLOW_KEYS.items()}
    flow["name"] |= _TEXT
    flow["inputs"] |= {
        "type": ["object", "null"],
        "propertyNames": {"pattern": r"^[^\W\d]\w*$"},
        "additionalProperties": {"$ref": "#/$defs/input"},
    }
    flow["steps"] |= {
        "type": "object",
        "propertyNames": {"pattern": r"^[^\W\d][\w-]*$"},
        "additionalProperties": {"$ref": "#/$defs/step"},
    }
    flow["tune"] |= {"type": "object"}
    return {
        "$schema": _ID,
        "title": "A flow of Partita",
        "type": "object",
        "required": ["steps"],
        "additionalProperties": False,
        "properties": flow | {name: options[name] for name in sorted(FLOW_OPTIONS - {"name"})},
        "$defs": {
            "input": _input(),
            "step": _step(options),
            "container": _container(),
            "foreach": _foreach(),
            **_waits(),
        },
    }


def _options() -> dict[str, Any]:
    hints = typing.get_type_hints(Options)
    return {field.name: _option(field.name, hints[field.name]) for field in fields(Options)}


def _option(name: str, kind: Any) -> dict[str, Any]:
    if name in REFERENCES:
        return {"type": ["string", "null"], "description": 'a task or function: "module:name"'}
    if name in _FORMS:
        return dict(_FORMS[name])
    kinds = [item for item in get_args(kind) if item is not type(None)] if is_union(kind) else [kind]
    form = _SIMPLE.get(kinds[0]) if len(kinds) == 1 else None
    return dict(form) if form is not None else {}


_SIMPLE: dict[Any, Any] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    str: _TEXT,
    tuple[str, ...]: _TEXTS,
}


def _described(keys: dict[str, str], forms: dict[str, Any]) -> dict[str, Any]:
    return {name: {"description": told, **forms.get(name, {})} for name, told in keys.items()}


def _input() -> dict[str, Any]:
    kind = {"type": ["string", "null"], "examples": [*sorted(set(KINDS) - {"null"}), "list[int]", "text | None"]}
    forms = {"type": kind, "description": _TEXT, "choices": {"type": "array", "minItems": 1}}
    full = {"type": "object", "additionalProperties": False, "properties": _described(INPUT_KEYS, forms)}
    told = "a type, a default value, or both with a description"
    return {"description": told, "anyOf": [kind, {"type": ["number", "boolean", "array"]}, full]}


def _step(options: dict[str, Any]) -> dict[str, Any]:
    forms = {
        "task": {"type": "string", "examples": ["package.module:name", "file.py:name"]},
        "run": {"oneOf": [_TEXT, {"type": "array", "minItems": 1, "items": {"type": ["string", "number"]}}]},
        "flow": {"type": "string", "examples": ["package.module:name", "file.yaml"]},
        "container": {"$ref": "#/$defs/container"},
        "wait": {"$ref": "#/$defs/wait"},
        "approval": {"$ref": "#/$defs/approval"},
        "ask": {"$ref": "#/$defs/ask"},
        "with": {"type": ["object", "null"]},
        "needs": {"anyOf": [_TEXTS, {"type": "null"}]},
        "when": {"anyOf": [_EXPRESSION, {"type": "boolean"}]},
        "foreach": {"$ref": "#/$defs/foreach"},
        "allowed_statuses": _STATUSES,
        "folder": _TEXT,
    }
    keys = _described({**STEP_KEYS, **COMMAND_KEYS}, forms)
    return {
        "type": "object",
        "additionalProperties": False,
        "oneOf": [{"required": [verb]} for verb in TARGETS],
        "dependentRequired": {name: ["run"] for name in COMMAND_KEYS},
        "properties": keys | {name: options[name] for name in sorted(OPTION_KEYS)},
    }


def _container() -> dict[str, Any]:
    words = {"type": "array", "items": {"type": ["string", "number"]}}
    names = {"type": "object", "additionalProperties": _TEXT}
    forms = {
        **dict.fromkeys(("image", "network", "user", "folder"), _TEXT),
        "command": {"oneOf": [_TEXT, {**words, "minItems": 1}]},
        "arguments": words,
        "inputs": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
        "outputs": names,
        "file_names": names,
        "mounts": {"type": "array", "items": _TEXT},
        "pull": {"enum": list(PULLS)},
        "allowed_statuses": _STATUSES,
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["image"],
        "properties": _described(CONTAINER_KEYS, forms),
    }


def _foreach() -> dict[str, Any]:
    items = {"anyOf": [_EXPRESSION, {"type": "array"}]}
    forms = {
        "items": items,
        "key": {"anyOf": [_EXPRESSION, {"type": "array"}]},
        "at_least": {"type": "integer", "minimum": 0},
        "settle": {"type": "boolean"},
    }
    full = {
        "type": "object",
        "additionalProperties": False,
        "required": ["items"],
        "properties": _described(FOREACH_KEYS, forms),
    }
    return {"description": STEP_KEYS["foreach"], "anyOf": [*items["anyOf"], full]}


def _waits() -> dict[str, Any]:
    """The forms of the steps that wait."""
    found = {}
    for verb, keys in WAIT_KEYS.items():
        form: dict[str, Any] = {
            "type": "object",
            "additionalProperties": False,
            "properties": {key: dict(_WAIT_FORMS.get(key, {})) for key in keys},
        }
        form["properties"]["on_timeout"] = _choice(*_ENDINGS, *(("approve", "reject") if verb == "approval" else ()))
        form |= {"oneOf": [{"required": [key]} for key in ("sleep", "until", "event")]} if verb == "wait" else {}
        form |= {"required": ["question"]} if verb != "wait" else {}
        found[verb] = form if verb == "wait" else {"anyOf": [_TEXT, form]}
    return found


def _choice(*words: str) -> dict[str, Any]:
    return {"anyOf": [{"enum": list(words)}, _EXPRESSION]}


_ENDINGS = ("fail", "skip")
_WAIT_FORMS: dict[str, Any] = {
    "sleep": _SECONDS,
    "until": _TEXT,
    "event": _TEXT,
    "question": _TEXT,
    "timeout": _SECONDS,
    "on_reject": _choice(*_ENDINGS, "continue"),
    "scope": _choice("run", "workspace"),
    "type": _TEXT,
    "choices": {"type": "array", "minItems": 1},
    "approvers": _TEXTS,
    "by": _TEXTS,
    "required": {"anyOf": [{"type": "integer", "minimum": 1}, _EXPRESSION]},
}
