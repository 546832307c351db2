"""What an estimator consists of, as plain data: its parameters, and the members of a composition with theirs."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["anatomy_of"]

_DEEPEST, _MEMBERS, _PARAMETERS, _TEXT = 5, 40, 60, 160


def anatomy_of(wrapped: Any) -> dict[str, Any]:
    """ "parameters": by name, as plain data or in words; "members": of each its "name", "title", "weight" and the same of it."""
    return _anatomy(wrapped, 0)


def _anatomy(wrapped: Any, depth: int) -> dict[str, Any]:
    members = _members(wrapped) if depth < _DEEPEST else []
    found: dict[str, Any] = {}
    if parameters := _parameters(wrapped):
        found["parameters"] = parameters
    if members:
        weights = _weights(wrapped, len(members))
        found["members"] = [
            {
                "name": name, "title": type(member).__name__ if not isinstance(member, str) else member,
                **({"weight": weights[place]} if weights else {}), **_anatomy(member, depth + 1),
            }
            for place, (name, member) in enumerate(members[:_MEMBERS])
        ]  # fmt: skip
    return found


def _members(wrapped: Any) -> list[tuple[str, Any]]:
    """Named estimators in it: of Partita's compositions, pipelines, and what is made of estimators in scikit-learn."""
    fitted, names = getattr(wrapped, "members_", None), getattr(wrapped, "names_", None)
    if isinstance(fitted, (list, tuple)) and names is not None and len(names) == len(fitted):
        return [(str(name), member) for name, member in zip(names, fitted, strict=True)]
    for attribute in ("steps", "estimators", "transformers", "transformer_list"):
        pairs = getattr(wrapped, attribute, None)
        if isinstance(pairs, list) and pairs and all(isinstance(pair, tuple) and len(pair) >= 2 for pair in pairs):
            return [(str(pair[0]), pair[1]) for pair in pairs]
    inner = vars(wrapped).get("estimator") if hasattr(wrapped, "__dict__") else None
    is_given = hasattr(inner, "get_params") and hasattr(inner, "fit") and "estimator" in _names(wrapped)
    return [("estimator", inner)] if is_given else []


def _names(wrapped: Any) -> list[str]:
    """Of its parameters; those of an ensemble of its own kind have no name."""
    names = getattr(type(wrapped), "_get_param_names", None)
    return list(names()) if names is not None else []


def _weights(wrapped: Any, count: int) -> list[float]:
    given = getattr(wrapped, "weights_", None)
    if given is None:
        given = getattr(wrapped, "weights", None)
    try:
        found = [float(weight) for weight in given]  # type: ignore[union-attr]
    except (TypeError, ValueError):
        return []
    return found if len(found) == count and all(map(math.isfinite, found)) else []


def _parameters(wrapped: Any) -> dict[str, Any]:
    if not hasattr(wrapped, "get_params") or isinstance(wrapped, type):
        return {}
    try:
        given = wrapped.get_params(deep=False)
    except (AttributeError, TypeError, ValueError, RuntimeError):  # an estimator that does not keep to the rules
        return {}
    told = {str(name): value for name, value in given.items() if not _is_made_of(value)}
    return {name: _plain(told[name]) for name in sorted(told)[:_PARAMETERS]}


def _is_made_of(value: Any) -> bool:
    """Whether a parameter is, or holds, estimators: they are members."""
    if hasattr(value, "get_params"):
        return True
    if isinstance(value, (list, tuple)):
        return any(_is_made_of(item) for item in value[:_MEMBERS])
    return False


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return repr(float(value))
    if value is None or type(value) in (bool, int, float):
        return value if type(value) is not int or abs(value) < 2**63 else repr(value)
    if type(value) is str:
        return value[:_TEXT]
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        return _plain(value.item()) if type(value.item()) in (bool, int, float, str) else repr(value)[:_TEXT]
    if callable(value) and hasattr(value, "__qualname__"):  # its repr would say where it lies in memory
        return f"{getattr(value, '__module__', '')}.{value.__qualname__}"[:_TEXT]
    text = repr(value)
    return type(value).__name__ if " at 0x" in text else text[:_TEXT]
