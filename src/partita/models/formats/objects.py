"""Any object with `predict`: pickled by the workspace's codec, signed, and opened in workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partita.models.formats.port import Packed, Predictor

if TYPE_CHECKING:
    from partita.models.model import Model

__all__ = ["FORMAT", "PICKLE_FILE", "pickled", "predictor_of"]

PICKLE_FILE = "model.pickle"


class Objects:
    """Satisfies `Format`."""

    names = ("pickle",)

    def matches(self, wrapped: Any) -> bool:
        """Whether it predicts."""
        return callable(getattr(wrapped, "predict", None)) and not isinstance(wrapped, type)

    def predictor(self, wrapped: Any, options: dict[str, Any]) -> Predictor:
        """How it predicts."""
        return predictor_of(wrapped)

    def pack(self, wrapped: Any, options: dict[str, Any]) -> Packed:
        """The object itself: whoever stores it pickles it."""
        top = type(wrapped).__module__.partition(".")[0]
        notes = ("pickled: no other format holds any Python object",)
        return pickled(wrapped, "python", type(wrapped).__name__, _distributions(top), notes)

    def open(self, model: Model) -> Predictor:
        """The object."""
        return predictor_of(model.files[PICKLE_FILE])


def predictor_of(wrapped: Any) -> Predictor:
    """How an object with scikit-learn's methods predicts."""
    return Predictor(
        wrapped, wrapped.predict, getattr(wrapped, "predict_proba", None), getattr(wrapped, "classes_", None)
    )


def pickled(wrapped: Any, kind: str, title: str, packages: tuple[str, ...], notes: tuple[str, ...]) -> Packed:
    """The object to be pickled."""
    kept = tuple(name for name in packages if name != "skops")
    return Packed("pickle", kind, title, {PICKLE_FILE: wrapped}, (*kept, "cloudpickle"), {}, notes)


def _distributions(module: str) -> tuple[str, ...]:
    from importlib.metadata import packages_distributions

    return tuple(dict.fromkeys(packages_distributions().get(module, ())))


FORMAT = Objects()
