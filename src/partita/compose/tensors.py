"""Models of PyTorch whose weights are averaged or shared. It needs the extra `tensors`."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["average_states", "is_module", "share", "states_of", "with_state"]

State = Mapping[str, Any]


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise ImportError("weights of PyTorch models need it: pip install 'partita[tensors]'") from error
    return torch


def is_module(model: Any) -> bool:
    """Whether it is a module of PyTorch; without PyTorch nothing is."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def states_of(models: Sequence[Any]) -> list[State]:
    """The tensors of each by their names, which are alike in all.

    Raises:
        ValueError: a tensor is missing somewhere, or has another shape: the first such is named.
    """
    states = [model.state_dict() if is_module(model) else model for model in models]
    for number, state in enumerate(states[1:], start=1):
        for name in [*states[0], *(name for name in state if name not in states[0])]:
            if name not in state or name not in states[0]:
                has, lacks = (0, number) if name in states[0] else (number, 0)
                raise ValueError(
                    f"model {has} has the tensor {name}, and model {lacks} has not; take models of one shape"
                )
            shapes = tuple(states[0][name].shape), tuple(state[name].shape)
            if shapes[0] != shapes[1]:
                raise ValueError(
                    f"the tensor {name} is {shapes[0]} in model 0 and {shapes[1]} in model {number}; take models of one shape"
                )
    return states


def average_states(states: Sequence[State], shares: Sequence[float]) -> dict[str, Any]:
    """The mean of tensors by name; what counts, and is no number with a fraction, is that of the first.

    Sums are made in double precision, and come out in the type that they had.

    Args:
        shares: of each state, with the sum 1.
    """
    torch = _torch()
    found = {}
    for name, first in states[0].items():
        if not (first.is_floating_point() or first.is_complex()):
            found[name] = first.detach().clone()
            continue
        wide = torch.complex128 if first.is_complex() else torch.float64
        total = torch.zeros_like(first, dtype=wide)
        for state, share_of_it in zip(states, shares, strict=True):
            total += state[name].detach().to(device=first.device, dtype=wide) * share_of_it
        found[name] = total.to(first.dtype)
    return found


def with_state(model: Any, state: State, statistics: Iterable[Any] | None = None) -> Any:
    """A copy of a model with these tensors; a mere state, where the model is one.

    Args:
        statistics: batches of inputs: what normalisation layers know of the means and variances of what they see is of other
            weights, and is found anew by them.

    Raises:
        ValueError: statistics are given without a model to find them with.
    """
    if not is_module(model):
        if statistics is not None:
            raise ValueError(
                "statistics are found by a model, and these are mere tensors; give the models, or leave them out"
            )
        return dict(state)
    made = copy.deepcopy(model)
    made.load_state_dict(state)
    if statistics is not None:
        _find_statistics(made, statistics)
    return made


def _find_statistics(model: Any, batches: Iterable[Any]) -> None:
    torch = _torch()
    layers = [
        layer
        for layer in model.modules()
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm) and layer.running_mean is not None
    ]
    was = {module: module.training for module in model.modules()}
    momenta = [layer.momentum for layer in layers]
    model.eval()  # but for the layers themselves: what drops out, or is drawn, would be seen in the statistics
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # all batches count alike
        layer.train()
    with torch.no_grad():
        for batch in batches:
            model(batch[0] if isinstance(batch, (list, tuple)) else batch)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    for module, training in was.items():
        module.training = training


def share(models: Sequence[Any], parts: Sequence[str]) -> int:
    """Tie parts of several PyTorch models to one: all use, and train, those of the first.

    Args:
        models: modules; those after the first are changed.
        parts: names of submodules, as `named_modules()` has them: "encoder", "encoder.layers.0".

    Returns:
        How many numbers are no longer held several times.

    Raises:
        ValueError: a part is missing, or has tensors of another shape; then nothing is changed.
    """
    if len(models) < 2 or not all(is_module(model) for model in models):
        raise ValueError("parts are shared between two models of PyTorch at least")
    if isinstance(parts, str):
        raise ValueError(f"parts is a list of names, as [{parts!r}]")
    for part in parts:
        found = [_part(model, part, number) for number, model in enumerate(models)]
        try:
            states_of(found)
        except ValueError as error:
            raise ValueError(f"the part {part} cannot be shared: {error}") from error
    saved = 0
    for part in parts:
        first = models[0].get_submodule(part)
        above, _, name = part.rpartition(".")
        for model in models[1:]:
            held = model.get_submodule(part)
            if held is not first:
                saved += sum(tensor.numel() for tensor in held.parameters())
                setattr(model.get_submodule(above), name, first)
    return saved


def _part(model: Any, part: str, number: int) -> Any:
    try:
        if not part:
            raise AttributeError
        return model.get_submodule(part)
    except AttributeError:
        near = ", ".join(name for name, _ in model.named_children())
        raise ValueError(f"model {number} has no part {part!r}; it has {near}") from None
