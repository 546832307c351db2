"""Waits as steps of a file have them."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from partita.errors import DefinitionError
from partita.flow.loading import locate
from partita.flow.types import is_union, plain_form, type_name
from partita.flow.yaml.convert.constants import CannotWrite, written_constant
from partita.flow.yaml.convert.draft import literal
from partita.flow.yaml.kinds import KINDS
from partita.protocol.forms import Form
from partita.protocol.waits import WaitSpec
from partita.values import Node

__all__ = ["DEFERRED", "RECEIVED", "deferred_entries", "form_entries", "kind_entries", "wait_entries"]

_MODULE = "partita.flow.waits"

#: The task behind a wait that makes its value one of the type: a file says that type with the wait.
RECEIVED = f"{_MODULE}:received"

#: Flows that make a wait once its arguments are known -> the verb in a file, and the key of the first argument.
DEFERRED = {
    f"{_MODULE}:_sleep_known": ("wait", "sleep"),
    f"{_MODULE}:_until_known": ("wait", "until"),
    f"{_MODULE}:_wait_for_known": ("wait", "event"),
    f"{_MODULE}:_approval_known": ("approval", "question"),
    f"{_MODULE}:_ask_known": ("ask", "question"),
}

#: What a wait is where a file does not say it.
_DEFAULTS: dict[str, Any] = {
    "key": None, "scope": "run", "required": 1, "on_reject": "fail", "on_timeout": "fail", "timeout": None, "show": None,
    "approvers": [], "by": [],
}  # fmt: skip

_VERBS = {"event": ("wait", "event"), "approval": ("approval", "question"), "answer": ("ask", "question")}


def wait_entries(spec: WaitSpec, kind: Mapping[str, Any], show: Any, tree_of: Callable[[Node], Any]) -> dict[str, Any]:
    """The entries of the step.

    Args:
        kind: those that say the type of the wait's value.
        show: what is shown, as the file has it.
        tree_of: gives what a node is in the file.
    """
    if spec["kind"] == "sleep":
        return {"wait": {"sleep": spec["seconds"]}}
    if spec["kind"] == "until":
        return {"wait": {"until": datetime.fromtimestamp(spec["at"], UTC).isoformat()}}
    verb, first = _VERBS[spec["kind"]]
    told = {first: literal(spec["name"]), **kind, "show": show, "timeout": spec.get("timeout_s")}
    told["approvers" if verb == "approval" else "by"] = spec.get("by", [])
    for name in ("key", "scope", "required", "on_reject"):
        told[name] = spec.get(name)
    how = spec.get("on_timeout") or ["fail"]
    if how[0] == "value":
        told["default"] = tree_of(how[1])
    else:
        told["on_timeout"] = how[0]
    return {verb: _needed(told)}


def deferred_entries(reference: str, kind: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a wait whose arguments steps give.

    Args:
        arguments: by the names of the call's parameters, as the file has them.
    """
    verb, first = DEFERRED[reference]
    own = {"sleep": "duration", "until": "moment"}.get(first, first)
    others = {name: value for name, value in arguments.items() if name != own}
    return {verb: _needed({first: arguments[own], **kind, **others})}


def _needed(told: dict[str, Any]) -> dict[str, Any]:
    """Without what a file need not say."""
    return {
        name: value for name, value in told.items() if name not in _DEFAULTS or value not in (None, _DEFAULTS[name])
    }


def kind_entries(kind: Any) -> dict[str, Any]:
    """A type as `type` or `choices`.

    Raises:
        CannotWrite: no file can name it.
    """
    plain = plain_form(kind)
    if get_origin(plain) is Literal:
        return {"choices": written_constant(list(get_args(plain)))}
    try:
        return {} if plain is Any else {"type": _written(plain)}
    except (CannotWrite, DefinitionError, AttributeError):
        raise CannotWrite(type_name(kind)) from None


_NAMES = {
    KINDS[name]: name for name in ("text", "int", "float", "bool", "list", "dict", "path", "date", "datetime", "any")
}


def _written(kind: Any) -> str:
    plain = plain_form(kind)
    if plain in _NAMES:
        return _NAMES[plain]
    if plain is NoneType or plain is None:
        return "None"
    given = get_args(plain)
    if is_union(plain):
        return " | ".join(_inner(item) for item in given)
    if get_origin(plain) in (list, dict):
        return f"{typing.cast('type', get_origin(plain)).__name__}[{', '.join(_inner(item) for item in given)}]"
    return locate(plain)


def _inner(kind: Any) -> str:
    written = _written(kind)
    if ":" in written:  # a class's place stands alone in a file
        raise CannotWrite(written)
    return written


_FORMS = {"text": "text", "integer": "int", "number": "float", "boolean": "bool", "any": "any"}


def form_entries(form: Form) -> dict[str, Any]:
    """The type of plain data, from the form that asks for them."""
    if form["type"] == "choice":
        return {"choices": form["choices"]}
    name = _form_name(form)
    return {} if name == "text" else {"type": name}


def _form_name(form: Form) -> str:
    name = f"list[{_form_name(form['items'])}]" if form["type"] == "list" else _FORMS.get(form["type"], "any")
    return f"{name} | None" if form.get("is_optional") else name
