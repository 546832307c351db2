"""Giving models names: register, load, find, and say what was found out about them.

In a task, what is done to the registry counts when the step has succeeded, and once: with its outcome. Outside of a run it is
done at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from partita.artifacts.previews.preview import preview
from partita.errors import ModelError, NotFoundError
from partita.models.access import ask, change, encoder, running_attempt
from partita.models.evaluations import metrics_of, plain_evaluation
from partita.models.making import model_of
from partita.models.model import Model
from partita.protocol.models import DATA, ModelName, VersionView, checked_name, model_digest, parse_name, stored_model
from partita.values import BLOB, DICT, INLINE, PLAIN, Node, blobs_of, pack, size_of, unpack
from partita.worker.attempt_context import AttemptContext

__all__ = ["Version", "evaluate_version", "find", "load", "register"]

#: So many of the blobs that a step was given are named in the record of a version that it makes.
_DATA = 50


@dataclass(frozen=True)
class Version:
    """A version of a model; it passes between steps."""

    model: str
    number: int

    def __str__(self) -> str:
        return f"{self.model}:{self.number}"


def register(
    model: Any,
    name: str,
    *,
    metrics: Mapping[str, float] | None = None,
    evaluation: Any = None,
    losses: Any = None,
    tags: Mapping[str, str] | None = None,
    description: str = "",
    example: Any = None,
    data: str = DATA,
) -> Version:
    """Make a model the next version of a name.

    An equal model is registered once: of one that the name has already, the version that is there is given, and what is said of
    it now is added.

    Args:
        model: a `Model`, or what `model_of` takes, with `example`.
        metrics: numbers by name.
        evaluation: what was found out about it, see `partita.models.evaluations`; its metrics are added to `metrics`.
        losses: (rows,) a loss for each row of the evaluation's data, by which versions are compared row by row.
        data: the name of the data that the evaluation, and `metrics`, were made on; see `evaluate_version`.

    Raises:
        ModelError: it is no model.
        NotFoundError: the name is none.
    """
    checked_name(name)
    made = model if isinstance(model, Model) else model_of(model, example=example)
    found = (
        None
        if evaluation is None and losses is None
        else plain_evaluation(evaluation or {"metrics": metrics or {}}, losses)
    )
    numbers = _numbers({**(metrics_of(found) if found else {}), **(metrics or {})})
    texts = {str(key): str(text) for key, text in (tags or {}).items()}
    attempt, codecs = running_attempt(), encoder()
    node = codecs.encode(made, Model, **({"mask": attempt.mask} if attempt is not None else {}))
    record = _record(made, node, attempt)
    fields = {
        "name": name, "value": pack(node), "record": record, "metrics": numbers, "data": data, "tags": texts,
        "description": description,
    }  # fmt: skip
    if attempt is None:
        given = change("version", {**fields, "number": 0})
    else:
        given = _given(attempt, name, model_digest(node))
        if given["is_new"]:
            attempt.keep(["version", {**fields, "number": given["number"]}])
    version = Version(name, given["number"])
    if not given["is_new"] and (numbers or texts or description):
        _do("note", {**_key(version), "metrics": numbers, "data": data, "tags": texts, "description": description})
    if found is not None:
        _do("evaluation", {**_key(version), "title": data, "value": pack(codecs.encode(found, dict))})
    return version


def evaluate_version(version: Version | str, evaluation: Any, *, losses: Any = None, data: str = DATA) -> Version:
    """Keep what was found out about a version.

    Its metrics become those of the version, by which gates judge it: the ones that it lacks, and the ones that it has of the same
    data. What was found on other data before stays; so evaluate it first on the data that gates are to go by.

    Args:
        evaluation: see `partita.models.evaluations`.
        losses: (rows,) a loss for each row.
        data: the name of the data that it was made on; a later evaluation on the same data takes the place of the first.
    """
    chosen = _version(version)
    found = plain_evaluation(evaluation, losses)
    _do("evaluation", {**_key(chosen), "title": data, "value": pack(encoder().encode(found, dict))})
    numbers = _numbers(metrics_of(found))
    if numbers:
        _do("note", {**_key(chosen), "metrics": numbers, "data": data, "tags": {}, "description": ""})
    return chosen


def load(name: str | Version) -> Model:
    """The model of a name: "churn" (its latest version), "churn:3" or "churn@champion".

    In a step, which version it was is kept with the run.

    Raises:
        NotFoundError: there is none.
        DamagedError: what is stored is not what was written.
    """
    attempt = running_attempt()
    own = _kept_version(attempt, parse_name(str(name))) if attempt is not None else None
    packed = (
        own["value"] if own is not None else ask("model_load" if attempt else "model_find", name=str(name))["value"]
    )
    model = encoder().decode(unpack(packed))
    if not isinstance(model, Model):
        raise ModelError(f"what is stored of {name} is no model but {type(model).__name__}")
    return model


def find(name: str | Version) -> VersionView:
    """What is known of a version, without opening it.

    Raises:
        NotFoundError: there is none.
    """
    view: VersionView = ask("model_load" if running_attempt() else "model_find", name=str(name))["version"]
    return view


def _do(what: str, fields: dict[str, Any]) -> None:
    attempt = running_attempt()
    if attempt is not None:
        attempt.keep([what, fields])
    else:
        change(what, fields)


def _key(version: Version) -> dict[str, Any]:
    return {"name": version.model, "number": version.number}


def _given(attempt: AttemptContext, name: str, digest: str) -> dict[str, Any]:
    """The number of a version that this attempt registers."""
    before = [fields for what, fields in attempt.kept if what == "version" and fields["name"] == name]
    for fields in before:
        if _digest_of(fields["value"]) == digest:
            return {"number": fields["number"], "is_new": False}
    given: dict[str, Any] = attempt.ask("model_number", {"name": name, "digest": digest, "before": len(before)})
    return given


@lru_cache(maxsize=1000)
def _digest_of(value: bytes) -> str:
    return model_digest(unpack(value))


def _kept_version(attempt: AttemptContext, asked: ModelName) -> dict[str, Any] | None:
    """What this attempt has registered itself, which nobody else can see yet."""
    found: list[dict[str, Any]] = [
        fields for what, fields in attempt.kept if what == "version" and fields["name"] == asked.name
    ]
    if asked.alias or not found:
        return None
    if not asked.number:
        return found[-1]
    return next((fields for fields in found if fields["number"] == asked.number), None)


def _version(version: Version | str) -> Version:
    if isinstance(version, Version):
        return version
    attempt, asked = running_attempt(), parse_name(version)
    own = _kept_version(attempt, asked) if attempt is not None else None
    if own is not None:
        return Version(asked.name, own["number"])
    view = find(version)
    return Version(view["model"], view["number"])


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    made = {}
    for name, value in metrics.items():
        try:
            made[str(name)] = float(value)
        except (TypeError, ValueError, OverflowError):
            raise ModelError(f"the metric {name} is {value!r}, and is to be a number") from None
    return made


def _record(model: Model, node: Node, attempt: AttemptContext | None) -> dict[str, Any]:
    """What is told of a version without opening it."""
    about = {name: value for name, value in model.about.items() if name not in ("names", "types")}
    fields = stored_model(node)
    if fields is None:
        raise NotFoundError(
            f"{model.title} was not stored as a model: it shares objects with what it is made of; copy it first"
        )
    record: dict[str, Any] = {
        "title": model.title, "format": model.format, **about, "signature": _shortened(model.signature_data),
        "files": _files(fields["files"]), "example": preview(model.example) if model.example is not None else "",
    }  # fmt: skip
    if attempt is not None:
        profile = attempt.profile
        record |= {
            "task": profile.title, "function": profile.reference, "bundle": Path(profile.bundle).name, "data": _data(attempt),
        }  # fmt: skip
    return record


def _shortened(signature: dict[str, Any]) -> dict[str, Any]:
    """The signature, of which the model itself has the whole: of very wide tables, the first columns."""
    most = 200
    return {
        name: value[:most] if isinstance(value, list) and name in ("inputs", "outputs", "classes") else value
        for name, value in signature.items()
    }


def _files(node: Node) -> list[list[Any]]:
    """[name, codec, hash, bytes] of each file."""
    if node[0] == PLAIN:
        return [[name, "bytes", "", len(data)] for name, data in node[1].items()]
    names, nodes = (node[1], node[2]) if node[0] == DICT else ([], [])
    return [
        [name, item[1] if item[0] in (INLINE, BLOB) else "parts", item[2] if item[0] == BLOB else "", _size(item)]
        for name, item in zip(names, nodes, strict=True)
    ]


def _size(node: Node) -> int:
    return int(node[3]) if node[0] == BLOB else len(node[2]) if node[0] == INLINE else size_of(pack(node))


def _data(attempt: AttemptContext) -> list[list[Any]]:
    """[codec, hash, bytes, preview] of the large values that the step was given."""
    found: dict[str, list[Any]] = {}
    for packed in attempt.inputs:
        nodes = unpack(packed)
        stack = [nodes] if nodes and isinstance(nodes[0], int) else [node for part in nodes for node in part]
        for node in stack:
            if isinstance(node, list) and blobs_of(node):
                for leaf in _leaves(node):
                    found.setdefault(leaf[2], [leaf[1], leaf[2], leaf[3], str(leaf[4])])
    return list(found.values())[:_DATA]


def _leaves(node: Node) -> list[Node]:
    found, stack = [], [node]
    while stack:
        current = stack.pop()
        if current[0] == BLOB:
            found.append(current)
        elif current[0] not in (PLAIN, INLINE):
            stack.extend(
                item for part in current[1:] if isinstance(part, list) for item in part if isinstance(item, list)
            )
    return found
