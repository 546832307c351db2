"""The port of models: whatever made it, a model has a signature, predicts, and says what it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from partita.errors import ModelError
from partita.models.signature import Signature

if TYPE_CHECKING:
    from partita.models.formats.port import Predictor

__all__ = ["Model"]


class _Opened:
    """What is not stored: the model's own library holds it."""

    __slots__ = ("_predictor",)

    _predictor: Predictor


@dataclass(slots=True, eq=False, repr=False)
class Model(_Opened):
    """A model of any library. It passes between steps as an artifact, and `partita.models.register` gives it a name.

    Laws:

    1. `predict` of a model that was stored and read again gives what it gave before.
    2. Rows are checked first: who gives what the model does not take gets a `SignatureError` and no number.
    3. What is stored is files of the model's own format, each under the hash of what it holds; a file that was changed is
       refused. Formats that can run code (pickle, skops) are signed as well, and opened only where the workspace's key vouches
       for them.
    4. It is opened when it first predicts. Whoever only asks what it is runs nothing of it.
    5. A model in memory is the one that was wrapped: what is done to it afterwards does not reach the files.
    """

    title: str  # what it is, in a line
    format: str  # of its files: "skops", "onnx", "safetensors", "xgboost", "lightgbm", "pickle" or "http"
    signature_data: dict[str, Any]  # Signature.plain()
    about: dict[str, Any]  # plain: kind, python, packages, notes, and what its format needs to open it
    files: dict[str, Any]  # bytes, sealed bytes, or what is pickled, by name
    example: Any  # some rows that it takes; None: none were given

    def __partita_runs__(self) -> Iterator[Any]:
        """The classes and functions that opening the files runs, beside those that are pickled."""
        for name in self.about.get("types", ()):
            with suppress(Exception):  # what cannot be found or imported here cannot be opened here either
                yield resolve_name(str(name))

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        return Signature.of(self.signature_data)

    @property
    def kind(self) -> str:
        """What made it: "sklearn", "pytorch", "onnx", "xgboost", "lightgbm", "partita", "python" or "http"."""
        return str(self.about["kind"])

    @property
    def wrapped(self) -> Any:
        """The estimator, module, session or booster itself."""
        return self._opened.wrapped

    def predict(self, rows: Any, *, check: bool = True) -> Any:
        """What the model gives for rows.

        Args:
            rows: as the signature says: a data frame, an array (rows, ...), a dict of arrays or a list of texts.
            check: whether the rows are checked first.

        Returns:
            (rows,) or (rows, ...), as the signature says.

        Raises:
            SignatureError: the rows do not fit.
        """
        return self._opened.predict(self.signature.check(rows) if check else rows)

    @property
    def predict_proba(self) -> Any:
        """`predict_proba(rows)`: (rows, classes), the probability of each of `signature.classes`, where the model has it."""
        if not self.signature.has_probabilities:
            raise AttributeError(f"{self.title} gives no probabilities")
        return self._predict_proba

    def _predict_proba(self, rows: Any, *, check: bool = True) -> Any:
        opened = self._opened
        if opened.predict_proba is None:
            raise ModelError(f"{self.title} was stored with probabilities, and gives none now")
        return opened.predict_proba(self.signature.check(rows) if check else rows)

    @property
    def classes_(self) -> Any:
        """(classes,), as scikit-learn's tools ask for them."""
        import numpy

        if self.signature.classes is None:
            raise AttributeError(f"{self.title} tells no classes apart")
        return numpy.asarray(self.signature.classes)

    @property
    def _opened(self) -> Predictor:
        try:
            return self._predictor
        except AttributeError:
            from partita.models.formats.choice import format_named

            return self.opened_as(format_named(self.format).open(self))

    def opened_as(self, predictor: Predictor) -> Predictor:
        """Have it predict so; for whoever has opened it already."""
        object.__setattr__(self, "_predictor", predictor)
        return predictor

    @classmethod
    def __from_text__(cls, text: str) -> Model:
        """The model that a text names: what a parameter of this type is given on the command line."""
        from partita.models.registry import load

        return load(text)

    def __repr__(self) -> str:
        return f"Model {self.title}"
