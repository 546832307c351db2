"""Single models as graphs of ONNX, by the libraries that know how, each in several ways of which one may be right.

Exports are wrong at times without saying so: inputs of float32 put a row on the other side of a tree's threshold, and some
models are written down wrongly. So there are several candidates, and whoever takes one compares it with the model first.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from partita.compose.compiling.asked import endings, options_of
from partita.compose.compiling.forests import asks_for_missing
from partita.compose.compiling.graph import DOMAINS, needed, quiet
from partita.compose.compiling.rows import Columns
from partita.compose.compiling.steps import Asked

__all__ = ["Export", "Feed", "NotConverted", "exports_of"]


class NotConverted(ValueError):
    """The converter is not asked for what it is known not to manage."""


@dataclass(frozen=True)
class Feed:
    """What one input of an exported model is."""

    name: str  # of the input
    kind: str  # "float", "double", "int64" or "string"
    column: int | None = None  # None: all columns beside each other


@dataclass(frozen=True)
class Export:
    """A model as a graph."""

    model: Any  # a ModelProto
    feeds: tuple[Feed, ...]  # its inputs
    given: str | None  # the output of probabilities, values or features
    labels: str | None  # the output of labels
    how: str  # in words, what its inputs are


def exports_of(model: Any, columns: Columns, opset: int, is_precise: bool) -> Iterator[Callable[[], Export]]:
    """Ways to export a fitted model, the likeliest first; each may raise whatever it likes.

    Args:
        is_precise: double comes before float also for what predicts: trees on top of it may ask for that.
    """
    for is_kind, ways in _FAMILIES:
        if is_kind(model):
            yield from ways(model, columns, opset, is_precise)
            return


# scikit-learn, and what can be written down by its converter


def _by_scikit_learn(model: Any, columns: Columns, opset: int, is_precise: bool) -> Iterator[Callable[[], Export]]:
    precisions = ("float", "double") if hasattr(model, "predict") and not is_precise else ("double", "float")
    for feeds in _ways_to_feed(columns, precisions):
        yield lambda feeds=feeds: _converted(model, columns, feeds, opset)  # type: ignore[misc]


def _ways_to_feed(columns: Columns, precisions: tuple[str, ...]) -> Iterator[tuple[Feed, ...]]:
    if not columns.texts:
        yield from ((Feed("rows", precision),) for precision in precisions)
    if columns.names is not None:
        for precision in precisions:
            for whole in ("int64", precision) if "whole" in columns.kinds else (precision,):
                kinds = {"text": "string", "whole": whole, "number": precision}
                yield tuple(
                    Feed(name, kinds[kind], at)
                    for at, (name, kind) in enumerate(zip(columns.names, columns.kinds, strict=True))
                )
    elif not columns.numbers:
        yield (Feed("rows", "string"),)


def _converted(model: Any, columns: Columns, feeds: tuple[Feed, ...], opset: int) -> Export:
    is_of_classes = hasattr(model, "classes_")
    try:
        made, taken, how = _as_converted(model, columns, feeds, opset, {"zipmap": False} if is_of_classes else {})
    except NameError:  # it has nothing to unzip
        made, taken, how = _as_converted(model, columns, feeds, opset, {})
    outputs = [each.name for each in made.graph.output]
    return Export(
        made,
        taken,
        (outputs[1] if hasattr(model, "predict_proba") else None) if is_of_classes else outputs[0],
        outputs[0] if is_of_classes else None,
        how,
    )


def _as_converted(
    model: Any, columns: Columns, feeds: tuple[Feed, ...], opset: int, options: dict[str, Any]
) -> tuple[Any, tuple[Feed, ...], str]:
    """The graph that the converter makes, its inputs, and in words what these are.

    Raises:
        NotConverted: it would not come back.
    """
    if any(feed.kind == "double" for feed in feeds) and asks_for_missing(model):
        raise NotConverted(
            "its trees ask whether a value is missing, by a threshold that is infinite, which the converter cannot write "
            "down in double"
        )
    skl2onnx = needed("skl2onnx")
    types = needed("skl2onnx.common.data_types")
    kinds = {
        "float": types.FloatTensorType,
        "double": types.DoubleTensorType,
        "int64": types.Int64TensorType,
        "string": types.StringTensorType,
    }
    inputs = [(feed.name, kinds[feed.kind]([None, len(columns.kinds) if feed.column is None else 1])) for feed in feeds]
    _learn_boosters()
    with quiet():
        made = skl2onnx.convert_sklearn(
            model,
            initial_types=inputs,
            target_opset={"": opset, **DOMAINS},
            options={id(model): options} if options else None,
        )
    _unlocalise(made)
    named = {re.sub(r"[^\w+]", "_", feed.name): feed for feed in feeds}  # as the converter names them
    taken = tuple(replace(named[each.name], name=each.name) for each in made.graph.input)
    how = " and ".join(sorted({feed.kind for feed in feeds})) + (", by columns" if feeds[0].column is not None else "")
    return made, taken, how


def _unlocalise(model: Any) -> None:
    """Let texts be made lower case by rules that each Linux has: those of en_US, the default, are missing in slim images."""
    if sys.platform != "linux":
        return
    for node in model.graph.node:
        if node.op_type == "StringNormalizer":
            kept = [each for each in node.attribute if each.name != "locale"]
            del node.attribute[:]
            node.attribute.extend([*kept, needed("onnx").helper.make_attribute("locale", "C.UTF-8")])


@cache
def _learn_boosters() -> None:
    """Let the converter know XGBoost's and LightGBM's models, where both they and their converter are installed."""
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    options = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    with contextlib.suppress(ImportError), quiet():
        from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
        from xgboost import XGBClassifier, XGBRegressor

        shapes = calculate_linear_classifier_output_shapes
        update_registered_converter(XGBClassifier, "XGBClassifier", shapes, convert_xgboost, options=options)
        shapes = calculate_linear_regressor_output_shapes
        update_registered_converter(XGBRegressor, "XGBRegressor", shapes, convert_xgboost)
    with contextlib.suppress(ImportError), quiet():
        from lightgbm import LGBMClassifier, LGBMRegressor
        from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm

        shapes = calculate_linear_classifier_output_shapes
        update_registered_converter(LGBMClassifier, "LGBMClassifier", shapes, convert_lightgbm, options=options)
        shapes = calculate_linear_regressor_output_shapes
        regressors = {"split": None}
        update_registered_converter(LGBMRegressor, "LGBMRegressor", shapes, convert_lightgbm, options=regressors)


def _by_what_is_asked(asked: Any, columns: Columns, opset: int, is_precise: bool) -> Iterator[Callable[[], Export]]:
    """Each output that the converter makes of a model, for each thing that it can be told."""
    for feeds in _ways_to_feed(columns, ("double", "float") if is_precise else ("float", "double")):
        for options in options_of(asked.way):
            try:
                made, taken, how = _as_converted(asked.model, columns, feeds, opset, options)
            except Exception as error:
                yield partial(_raised, error)
                continue
            for ending, make in endings(made, asked):
                yield lambda make=make, taken=taken, how=f"{how}, {ending}": Export(make(), taken, "given", None, how)  # type: ignore[misc]


def _raised(error: Exception) -> Export:
    raise error


def _has_module(model: Any) -> bool:
    return hasattr(getattr(model, "module_", None), "state_dict")


def _by_torch(model: Any, columns: Columns, opset: int, is_precise: bool) -> Iterator[Callable[[], Export]]:
    from partita.compose.compiling.torch_modules import torch_exports

    yield from torch_exports(model, columns, opset)


#: Which models a family is of, and the ways to export them.
_FAMILIES: tuple[
    tuple[Callable[[Any], bool], Callable[[Any, Columns, int, bool], Iterator[Callable[[], Export]]]], ...
] = (
    (lambda model: isinstance(model, Asked), _by_what_is_asked),
    (_has_module, _by_torch),
    (lambda model: True, _by_scikit_learn),
)
