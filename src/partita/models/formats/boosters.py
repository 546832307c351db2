"""Boosters of XGBoost and LightGBM as such, in the files that these libraries define. What wraps one for scikit-learn is an
estimator."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from partita.errors import MissingExtraError
from partita.models.formats.port import Packed, Predictor

if TYPE_CHECKING:
    from partita.models.model import Model

__all__ = ["FORMAT"]

_XGBOOST_FILE, _LIGHTGBM_FILE = "model.ubj", "model.txt"


class Boosters:
    """Satisfies `Format`."""

    names = ("xgboost", "lightgbm")

    def matches(self, wrapped: Any) -> bool:
        """Whether it is one."""
        return any(_is_from(wrapped, name) for name in self.names)

    def predictor(self, wrapped: Any, options: dict[str, Any]) -> Predictor:
        """How it predicts: probabilities of the second class, or values, as it was trained for."""
        return _of_xgboost(wrapped) if _is_from(wrapped, "xgboost") else Predictor(wrapped, wrapped.predict)

    def pack(self, wrapped: Any, options: dict[str, Any]) -> Packed:
        """The library's own file."""
        if _is_from(wrapped, "xgboost"):
            files: dict[str, Any] = {_XGBOOST_FILE: bytes(wrapped.save_raw("ubj"))}
            return Packed(
                "xgboost", "xgboost", f"xgboost Booster, {wrapped.num_boosted_rounds()} rounds", files, ("xgboost",)
            )
        files = {_LIGHTGBM_FILE: wrapped.model_to_string().encode()}
        return Packed("lightgbm", "lightgbm", f"lightgbm Booster, {wrapped.num_trees()} trees", files, ("lightgbm",))

    def open(self, model: Model) -> Predictor:
        """The booster."""
        try:
            if model.format == "xgboost":
                import xgboost

                return _of_xgboost(xgboost.Booster(model_file=bytearray(model.files[_XGBOOST_FILE])))
            import lightgbm

            booster = lightgbm.Booster(model_str=model.files[_LIGHTGBM_FILE].decode())
            return Predictor(booster, booster.predict)
        except ImportError as error:
            raise MissingExtraError(f"this model needs {model.format} ({error}): pip install {model.format}") from error


def _is_from(wrapped: Any, library: str) -> bool:
    kind = getattr(sys.modules.get(library), "Booster", None)
    return kind is not None and isinstance(wrapped, kind)


def _of_xgboost(booster: Any) -> Predictor:
    def predict(rows: Any) -> Any:
        import numpy
        import xgboost

        given = rows if hasattr(rows, "columns") or hasattr(rows, "toarray") else numpy.asarray(rows)
        names = None if hasattr(rows, "columns") else booster.feature_names
        return booster.predict(xgboost.DMatrix(given, feature_names=names))

    return Predictor(booster, predict)


FORMAT = Boosters()
