"""Modules of PyTorch with a new head."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from partita.components.extras import need
from partita.models.hub.addresses import HubError

__all__ = ["ModuleHead", "features_of"]


class ModuleHead(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A pretrained module whose last linear layer is fitted anew, to other classes; all before it stays as it is.

    The layer is a logistic regression on what the module gives it, which has one best solution: nothing depends on how long or
    from where it was trained.

    Attributes (once fitted):
        module_: the module with its new layer; softmax of what it gives are probabilities. `compile_onnx` exports it.
        classes_: the labels.
    """

    def __init__(self, module: Any, *, strength: float = 1.0, batch: int = 256) -> None:
        """
        Args:
            module: of PyTorch; it is copied.
            strength: of the regression (C): more follows the rows more closely.
            batch: rows at a time.
        """
        self.module = module
        self.strength = strength
        self.batch = batch

    def fit(self, X: Any, y: Any) -> ModuleHead:  # noqa: N803
        """
        Args:
            X: (rows, ...): what the module takes.
            y: (rows,) labels.

        Raises:
            HubError: the module does not end with a linear layer.
        """
        features = features_of(self.module, X, self.batch)
        head = LogisticRegression(C=self.strength, max_iter=5000, tol=1e-6).fit(features.astype(np.float64), y)
        self.with_head(head)
        return self

    def with_head(self, head: LogisticRegression) -> ModuleHead:
        """Take over a regression that was fitted on `features_of` the module."""
        torch = need("torch", "tensors", "a module of PyTorch")
        weights, shifts = head.coef_, head.intercept_
        if len(head.classes_) == 2:  # one line says both
            weights, shifts = np.vstack([-weights, weights]) / 2, np.concatenate([-shifts, shifts]) / 2
        self.classes_ = head.classes_
        self.module_ = copy.deepcopy(self.module).eval()
        layer = torch.nn.Linear(weights.shape[1], len(weights))
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weights))
            layer.bias.copy_(torch.from_numpy(shifts))
        name = _last_linear(self.module_)
        if name == "":
            self.module_ = layer.eval()
        else:
            parent, _, own = name.rpartition(".")
            setattr(self.module_.get_submodule(parent), own, layer.eval())
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """(rows, classes), in the order of `classes_`."""
        told = np.concatenate(_run(self.module_, X, self.batch)).astype(np.float64)
        raised = np.exp(told - told.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> Any:  # noqa: N803
        """(rows,) labels."""
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


def features_of(module: Any, rows: Any, batch: int = 256) -> NDArray[np.float32]:
    """(rows, features): what the last linear layer of a module is given.

    Raises:
        HubError: the module does not end with a linear layer.
    """
    module = copy.deepcopy(module)
    given: list[NDArray[np.float32]] = []
    made: list[NDArray[np.float32]] = []

    def seen(layer: Any, inputs: Any, output: Any) -> None:
        given.append(inputs[0].numpy())
        made.append(output.numpy())

    module.get_submodule(_last_linear(module)).register_forward_hook(seen)
    told = _run(module, rows, batch)
    if (
        len(told) != len(made)
        or any(not np.array_equal(a, b) for a, b in zip(told, made, strict=True))
        or given[0].ndim != 2
    ):
        raise HubError("the module does more after its last linear layer than that; give the part that ends with it")
    return np.concatenate(given)


def _last_linear(module: Any) -> str:
    torch = need("torch", "tensors", "a module of PyTorch")
    names = [name for name, part in module.named_modules() if isinstance(part, torch.nn.Linear)]
    if not names:
        raise HubError("the module has no linear layer, and so no head that could be fitted anew")
    return str(names[-1])


def _run(module: Any, rows: Any, batch: int) -> list[NDArray[np.float32]]:
    torch = need("torch", "tensors", "a module of PyTorch")
    module.eval()
    whole = torch.as_tensor(np.asarray(rows, dtype=np.float32))
    with torch.no_grad():
        return [module(part).numpy() for part in torch.split(whole, batch)]
