"""Refs that came into a flow as arguments: they learn their declared types from the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args, get_origin

from partita.flow.arguments import element_types
from partita.flow.mapped import Mapped
from partita.flow.ref import StepRef, retype
from partita.flow.signature import MISSING, Signature
from partita.flow.types import is_union, plain_form

__all__ = ["retype_inputs"]


def retype_inputs(signature: Signature, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
    """Tell the refs among the arguments what their values are declared to be."""
    for parameter, _, value in signature.pairs(args, keywords):
        if parameter.holding is not False:
            _retype(value, parameter.annotation)


def _retype(value: Any, annotation: Any) -> None:
    if type(value) is StepRef:
        if value._parts.kind is MISSING:
            retype(value, _inner(annotation))
        return
    if type(value) is Mapped:
        return
    if isinstance(value, (list, tuple)):
        for item, kind in zip(value, element_types(annotation, len(value)), strict=True):
            if kind is not None:
                _retype(item, kind)
    elif isinstance(value, dict) and len(get_args(annotation)) == 2:
        for item in value.values():
            _retype(item, get_args(annotation)[1])


def _inner(annotation: Any) -> Any:
    if is_union(annotation):
        held = [item for item in get_args(annotation) if get_origin(item) is StepRef]
        annotation = held[0] if len(held) == 1 else Any
    return plain_form(annotation)
