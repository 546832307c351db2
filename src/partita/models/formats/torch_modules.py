"""PyTorch's modules: weights in the safetensors format, and how the module around them is built.

It is built by a function that the user names (`build=`, with `arguments=`), which runs no pickle at all; or its skeleton, with
weights of no size, is pickled and signed. Weights that are tied stay tied.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterator
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from partita.errors import ModelError
from partita.models.formats.port import Packed, Predictor

if TYPE_CHECKING:
    from partita.models.model import Model

__all__ = ["FORMAT", "WEIGHTS_FILE"]

WEIGHTS_FILE = "model.safetensors"
_SKELETON = "module.pickle"


class TorchModules:
    """Satisfies `Format`."""

    names = ("safetensors",)

    def matches(self, wrapped: Any) -> bool:
        """Whether it is a module."""
        torch = sys.modules.get("torch")
        return torch is not None and isinstance(wrapped, torch.nn.Module)

    def predictor(self, wrapped: Any, options: dict[str, Any]) -> Predictor:
        """How it predicts: in evaluation mode, without gradients."""
        return _predictor(wrapped, options.get("classes"))

    def pack(self, wrapped: Any, options: dict[str, Any]) -> Packed:
        """Weights, and a builder or a skeleton."""
        from partita.artifacts.codecs.port import codec_named

        weights, names = _weights(wrapped)
        codec = codec_named("tensors")
        assert codec is not None
        files: dict[str, Any] = {WEIGHTS_FILE: b"".join(codec.encode(weights))} if weights else {}
        about: dict[str, Any] = {"names": names}
        if options.get("classes") is not None:
            about["classes"] = [one.item() if hasattr(one, "item") else one for one in options["classes"]]
        notes: tuple[str, ...] = ()
        if options.get("build") is not None:
            about["build"] = _reference(options["build"])
            about["arguments"] = dict(options.get("arguments") or {})
            _fill(_built(about), weights, names)  # it fits, or this says so now
        else:
            files[_SKELETON] = _skeleton(wrapped)
            notes = ("the module without its weights is pickled; with build= no pickle is needed",)
        count = sum(tensor.numel() for tensor in weights.values())
        title = f"{type(wrapped).__name__}, {count:,} weights"
        return Packed("safetensors", "pytorch", title, files, ("torch", "numpy"), about, notes)

    def open(self, model: Model) -> Predictor:
        """The module with its weights."""
        from partita.artifacts.codecs.port import codec_named

        codec = codec_named("tensors")
        assert codec is not None
        data = model.files.get(WEIGHTS_FILE)
        weights = codec.decode(memoryview(data)) if data else OrderedDict()
        module = _built(model.about) if "build" in model.about else deepcopy(model.files[_SKELETON])
        _fill(module, weights, model.about["names"])
        module.eval()
        return _predictor(module, model.about.get("classes"))


def _tensors(module: Any) -> Iterator[tuple[str, Any, str, Any]]:
    """(name, module that has it, its name there, tensor) of every parameter and buffer, tied ones again."""
    for prefix, owner in module.named_modules():
        for group in (owner._parameters, owner._buffers):
            for name, tensor in group.items():
                if tensor is not None:
                    yield f"{prefix}.{name}" if prefix else name, owner, name, tensor


def _weights(module: Any) -> tuple[OrderedDict[str, Any], dict[str, str]]:
    """Each tensor once, and under which name the tensor of each name lies."""
    first: dict[int, str] = {}
    weights: OrderedDict[str, Any] = OrderedDict()
    names: dict[str, str] = {}
    for name, _, _, tensor in _tensors(module):
        own = names[name] = first.setdefault(id(tensor), name)
        if own == name:
            weights[name] = tensor.detach().to("cpu").contiguous().clone()
    return weights, names


def _skeleton(module: Any) -> Any:
    """A copy of the module whose tensors hold nothing."""
    memo: dict[int, Any] = {}
    torch = sys.modules["torch"]
    for _, _, _, tensor in _tensors(module):
        if id(tensor) not in memo:
            empty = torch.empty_like(tensor, device="meta")
            is_parameter = isinstance(tensor, torch.nn.Parameter)
            memo[id(tensor)] = torch.nn.Parameter(empty, requires_grad=tensor.requires_grad) if is_parameter else empty
    return deepcopy(module, memo)


def _fill(module: Any, weights: Any, names: dict[str, str]) -> None:
    torch = sys.modules["torch"]
    made: dict[str, Any] = {}
    for name, owner, own, tensor in list(_tensors(module)):
        if name not in names or names[name] not in weights:
            raise ModelError(f"what builds the module gives it a weight {name!r}, which was not stored")
        stored = weights[names[name]]
        if tuple(stored.shape) != tuple(tensor.shape):
            raise ModelError(
                f"what builds the module gives {name!r} the shape {tuple(tensor.shape)}, and {tuple(stored.shape)} was stored; "
                "give it the same arguments"
            )
        if names[name] not in made:
            is_parameter = isinstance(tensor, torch.nn.Parameter)
            made[names[name]] = (
                torch.nn.Parameter(stored, requires_grad=tensor.requires_grad) if is_parameter else stored
            )
        group = owner._parameters if own in owner._parameters else owner._buffers
        group[own] = made[names[name]]
    missing = set(names) - {name for name, _, _, _ in _tensors(module)}
    if missing:
        raise ModelError(f"what builds the module has no weight {sorted(missing)[0]!r}, which was stored")


def _reference(build: Any) -> str:
    from partita.flow.loading import locate

    return locate(build)


def _built(about: dict[str, Any]) -> Any:
    import torch  # noqa: F401

    from partita.flow.loading import load

    return load(about["build"])(**about["arguments"])


def _predictor(module: Any, classes: Any) -> Predictor:
    import numpy
    import torch

    def forward(rows: Any) -> Any:
        was_training = module.training
        module.eval()
        try:
            with torch.no_grad():
                if isinstance(rows, dict):
                    return module(**{name: _tensor(item) for name, item in rows.items()})
                return module(_tensor(rows))
        finally:
            module.train(was_training)

    def predict(rows: Any) -> Any:
        found = forward(rows)
        if classes is not None:
            return numpy.asarray(classes)[found.argmax(-1).numpy()]
        return {name: item.numpy() for name, item in found.items()} if isinstance(found, dict) else found.numpy()

    def predict_proba(rows: Any) -> Any:
        return torch.softmax(forward(rows), -1).numpy()

    return Predictor(module, predict, predict_proba if classes is not None else None, classes)


def _tensor(rows: Any) -> Any:
    import numpy
    import torch

    if isinstance(rows, torch.Tensor):
        return rows
    found = numpy.asarray(rows.to_numpy() if hasattr(rows, "to_numpy") else rows)
    return torch.as_tensor(found.astype("float32") if found.dtype.kind == "f" else found)


FORMAT = TorchModules()
