"""Models: what they are, where they are kept, and how good they are.

model.py         the port: a signature, predict, what it is
signature.py     what a model takes and gives
making.py        wrapping what predicts
formats/         how models of each library become files and back
registry.py      names, versions, aliases: register, load, find
promotion.py     moving an alias, back too; gates.py what has to hold before
metric_losses.py which way a metric is better
evaluations.py   what was found out about a version
cards.py         what is known of a version, as a page
mlflow/          models in MLflow's format
evaluation/      metrics with intervals, slices, tests between two models, learning curves
hub/             pretrained components by one address
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partita.models.formats.remote import HttpModel
    from partita.models.latency import measure_latency
    from partita.models.making import model_of
    from partita.models.model import Model
    from partita.models.promotion import gates_of, judged, promote, rollback, set_gates
    from partita.models.registry import Version, evaluate_version, find, load, register
    from partita.models.signature import Field, Signature, infer_signature

__all__ = [
    "Field", "HttpModel", "Model", "Signature", "Version", "evaluate_version", "find", "gates_of", "infer_signature", "judged",
    "load", "measure_latency", "model_of", "promote", "register", "rollback", "set_gates",
]  # fmt: skip

_MODULE_OF = {
    "Field": "signature", "HttpModel": "formats.remote", "Model": "model", "Signature": "signature", "Version": "registry",
    "evaluate_version": "registry", "find": "registry", "infer_signature": "signature", "load": "registry",
    "model_of": "making", "register": "registry", "measure_latency": "latency", "gates_of": "promotion", "judged": "promotion",
    "promote": "promotion", "rollback": "promotion", "set_gates": "promotion",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'partita.models' has no attribute {name!r}")
    found = getattr(import_module(f"partita.models.{_MODULE_OF[name]}"), name)
    globals()[name] = found
    return found
