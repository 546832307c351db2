"""Compositions and estimators that are written as plain data: in YAML, or as arguments of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from sklearn.pipeline import make_pipeline

__all__ = ["composition_of"]

#: The place of a class: "sklearn.linear_model.Ridge", "models:Ridge".
_CLASS = re.compile(r"[A-Za-z_]\w*([.][A-Za-z_]\w*)*[.:][A-Z]\w*")


def composition_of(described: Any) -> Any:
    """The estimator that plain data describe.

    A class is named by its place, those of `partita.compose` by their name in small letters; below it stands what it is made of:
    `{blend: {members: {line: {sklearn.linear_model.Ridge: {alpha: 0.1}}, near: sklearn.neighbors.KNeighborsRegressor}}}`.
    `{pipeline: [...]}` is a pipeline of scikit-learn. Members are a mapping from names, or a list.

    Raises:
        ValueError: a class is not there, or does not take what is given.
    """
    made = _made(described)
    if not hasattr(made, "fit"):
        raise ValueError(
            f"{described!r} describes no estimator; write {{blend: {{members: ...}}}}, or the place of a class, as in "
            "sklearn.linear_model.Ridge"
        )
    return made


def _made(described: Any) -> Any:
    if isinstance(described, str) and _CLASS.fullmatch(described):
        return _called(described, {})
    if isinstance(described, (list, tuple)):
        return [_made(each) for each in described]
    if not isinstance(described, Mapping):
        return described
    if len(described) == 1:
        ((name, given),) = described.items()
        if name == "pipeline":
            if not isinstance(given, (list, tuple)):
                raise ValueError(f"a pipeline is a list of estimators, and not {given!r}")
            return make_pipeline(*(_made(each) for each in given))
        if name in _compositions() or (isinstance(name, str) and _CLASS.fullmatch(name)):
            return _called(name, given)
    return {name: _made(each) for name, each in described.items()}


def _called(name: str, given: Any) -> Any:
    """An object of the class that is named."""
    found = _compositions().get(name) or _class_at(name)
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise ValueError(f"what {name} is made of is a mapping of its parameters, and not {given!r}")
    parameters = {key: _made(each) for key, each in given.items()}
    for key in ("members", "further"):
        if isinstance(parameters.get(key), Mapping):
            parameters[key] = list(parameters[key].items())
    if isinstance(parameters.get("further"), list):
        parameters["further"] = [
            list(layer.items()) if isinstance(layer, Mapping) else layer for layer in parameters["further"]
        ]
    try:
        return found(**parameters)
    except TypeError as error:
        raise ValueError(f"{name} cannot be made of {', '.join(map(str, given)) or 'nothing'}: {error}") from error


def _compositions() -> dict[str, Any]:
    from partita import compose

    return {name.lower(): getattr(compose, name) for name in compose.__all__ if hasattr(getattr(compose, name), "fit")}


def _class_at(place: str) -> Any:
    module, _, name = place.rpartition(":" if ":" in place else ".")
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        raise ValueError(f"{place} is not there: {error}") from error
    except AttributeError:
        raise ValueError(f"{module} has no class {name}") from None
