"""Models as engine, workers and clients speak of them: how one is named, what a stored one holds, and plain records.

A model is named "churn" (its latest version), "churn:3" or "churn@champion"; "models:/" may stand before it, and the path
that MLflow knows, "models:/churn/3", is understood.

What a step does to the registry travels with its outcome, as a list of effects, each `[what, map]`:

    ["version", {"name", "number", "value", "record", "metrics", "data", "tags", "description"}]
                                                                      value: packed node of the Model
    ["evaluation", {"name", "number", "title", "value"}]              value: packed node of a map
    ["note", {"name", "number", "metrics", "data", "tags", "description"}]    metrics and tags are added
    ["move", {"name", "alias", "before", "after", "why", "record"}]   before: as it was when it was judged

"data" names what the metrics were found on. A metric is kept with it, since one that was found on other data does not take its
place: a model that was evaluated on what it was trained on as well is not judged by that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple, TypedDict

from partita.errors import NotFoundError
from partita.units import whole_number
from partita.values import OBJECT, PLAIN, Node, identity, is_plain, is_value, pack, unpack

__all__ = [
    "DATA", "MODEL", "EvaluationView", "ModelName", "ModelView", "MoveView", "VersionView", "added_metrics", "checked_effect",
    "checked_name", "metric_numbers", "model_digest", "model_text", "parse_name", "stored_model",
]  # fmt: skip

#: How nodes name the class.
MODEL = "partita.models.model:Model"

#: The data that metrics are of where nobody says.
DATA = "test"

_FIELDS = {"title", "format", "signature_data", "about", "files", "example"}
_NAME = re.compile(r"[^\W_][\w.+-]{0,99}")
_PREFIX = "models:/"
_WHOLE = 2**31
_TEXT = 10_000  # characters of a description
_RECORD_BYTES = 256 << 10


class ModelName(NamedTuple):
    """What a text asks for."""

    name: str
    number: int = 0  # 0: no number was given
    alias: str = ""  # without either, the latest version is meant

    def __str__(self) -> str:
        return f"{self.name}@{self.alias}" if self.alias else f"{self.name}:{self.number}" if self.number else self.name


class VersionView(TypedDict):
    """A version of a model, for people and programs."""

    model: str
    number: int
    name: str  # "churn:3"
    aliases: list[str]
    title: str  # what it is, in a line
    description: str
    tags: dict[str, str]
    metrics: dict[str, float]
    record: dict[str, Any]  # format, kind, signature, python, packages, files, task, code, data, notes
    size_bytes: int
    run: str  # id of the run that registered it; empty: no run did
    step: int
    author: str
    created_at: float
    evaluations: list[str]  # titles


class ModelView(TypedDict):
    """A model of the registry, for people and programs."""

    name: str
    description: str
    tags: dict[str, str]
    aliases: dict[str, int]
    latest: int  # number of its newest version, 0: it has none
    versions: int  # how many there are, as far as that was counted
    created_at: float


class MoveView(TypedDict):
    """A move of an alias, for people and programs."""

    id: int
    alias: str
    before: int  # 0: it was new
    after: int  # 0: it was taken away
    author: str
    why: str
    moved_at: float
    record: dict[str, Any]  # "gates": verdicts, "forced", "refused", "rollback"


class EvaluationView(TypedDict):
    """An evaluation of a version."""

    title: str
    value: bytes  # packed node of a map
    run: str
    step: int
    made_at: float


def parse_name(text: str) -> ModelName:
    """What a text asks for.

    Raises:
        NotFoundError: no model is named so.
    """
    told = text.removeprefix(_PREFIX)
    if text != told and "/" in told:
        told = told.replace("/", ":", 1)
    name, at, alias = told.partition("@")
    if at:
        return ModelName(checked_name(name), alias=checked_name(alias, "an alias"))
    name, colon, version = told.partition(":")
    if colon and version not in ("", "latest"):
        number = whole_number(version, _WHOLE - 1) if version.isdecimal() else None
        if not number:
            raise NotFoundError(
                f"{text[:200]!r} asks for a version that is no number; write {name}:3, or {name}@champion"
            )
        return ModelName(checked_name(name), number)
    return ModelName(checked_name(name))


def checked_name(name: Any, what: str = "a model") -> str:
    """The name.

    Raises:
        NotFoundError: nothing can be named so.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise NotFoundError(
            f"{name!r} cannot be the name of {what}: give letters, digits, dots, dashes and underscores, 100 at most, of which "
            "the first is a letter or a digit"
        )
    return name


def added_metrics(kept: Mapping[str, Any], found: Mapping[str, float], data: str) -> dict[str, Any]:
    """Metrics with what was found on some data: what the version has of the same data is replaced, of other data it stays.

    Args:
        kept: [number, data] by name; a number alone, as it was kept before, is one of `DATA`.
    """
    added = dict(kept)
    for name, number in found.items():
        known = kept.get(name)
        if known is None or data == (known[1] if isinstance(known, list) else DATA):
            added[name] = [number, data]
    return added


def metric_numbers(kept: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of what `added_metrics` keeps."""
    return {name: known[0] if isinstance(known, list) else known for name, known in kept.items()}


def stored_model(node: Node) -> dict[str, Node] | None:
    """The fields of the `Model` that the node is; None: it is none."""
    if node[0] != OBJECT or node[1] != MODEL:
        return None
    fields = dict(zip(node[2], node[3], strict=True))
    return fields if fields.keys() >= _FIELDS else None


def model_text(node: Node) -> str:
    """The model in a line; empty: it is none."""
    fields = stored_model(node)
    if fields is None or fields["title"][0] != PLAIN:
        return ""
    signature = fields["signature_data"]
    told = signature[1].get("inputs") if signature[0] == PLAIN else None
    takes = (
        f": takes {len(told)} {'columns' if signature[1]['kind'] == 'table' else 'inputs'}"
        if told and len(told) > 1
        else ""
    )
    return f"Model {fields['title'][1]}{takes}"[:200]


def model_digest(node: Node) -> str:
    """The same for models that hold the same files, take the same data and say the same of themselves."""
    fields = stored_model(node) or {}
    told = [identity(fields[name]) for name in ("format", "signature_data", "about", "files") if name in fields]
    return blake2b(pack(told), digest_size=20).hexdigest()


def checked_effect(effect: Any) -> tuple[str, dict[str, Any]] | None:
    """What an effect is, if it is of the form that the module's docstring says: any worker may have sent it."""
    if type(effect) is not list or len(effect) != 2 or type(effect[1]) is not dict or effect[0] not in _FORMS:
        return None
    form, fields = _FORMS[effect[0]], effect[1]
    if set(fields) != set(form) or not all(check(fields[name]) for name, check in form.items()):
        return None
    return effect[0], fields


def _is_name(part: Any) -> bool:
    return type(part) is str and _NAME.fullmatch(part) is not None


def _is_number(part: Any) -> bool:
    return type(part) is int and 0 < part < _WHOLE


def _is_count(part: Any) -> bool:
    return type(part) is int and 0 <= part < _WHOLE


def _is_text(part: Any) -> bool:
    return type(part) is str and len(part) <= _TEXT


def _is_title(part: Any) -> bool:
    return type(part) is str and 0 < len(part) <= 200


def _are_texts(part: Any) -> bool:
    return type(part) is dict and all(_is_title(key) and _is_text(text) for key, text in part.items())


def _are_metrics(part: Any) -> bool:
    return type(part) is dict and all(
        _is_title(key) and type(number) in (int, float) and not (type(number) is int and abs(number) >= 2**63)
        for key, number in part.items()
    )


def _is_record(part: Any) -> bool:
    return type(part) is dict and is_plain(part) and len(pack(part)) <= _RECORD_BYTES


def _is_node(part: Any) -> bool:
    return type(part) is bytes and is_value(part)


def _is_model(part: Any) -> bool:
    return _is_node(part) and stored_model(unpack(part)) is not None


_FORMS: dict[str, dict[str, Any]] = {
    "version": {
        "name": _is_name, "number": _is_number, "value": _is_model, "record": _is_record, "metrics": _are_metrics,
        "data": _is_title, "tags": _are_texts, "description": _is_text,
    },
    "evaluation": {"name": _is_name, "number": _is_number, "title": _is_title, "value": _is_node},
    "note": {
        "name": _is_name, "number": _is_number, "metrics": _are_metrics, "data": _is_title, "tags": _are_texts,
        "description": _is_text,
    },
    "move": {
        "name": _is_name, "alias": _is_name, "before": _is_count, "after": _is_count, "why": _is_text, "record": _is_record,
    },
}  # fmt: skip
