"""Vectors of texts as a step of scikit-learn's pipelines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags

from partita.models.hub.embedding import embedder_of
from partita.models.hub.finding import hub
from partita.models.hub.pretrained import Pretrained

__all__ = ["TextFeatures"]


class TextFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Texts as vectors of a pretrained model, which is named by its address and found where the step runs.

    It learns nothing, and is pickled as its parameters.
    """

    def __init__(
        self,
        address: str,
        tokenizer: str | None = None,
        sha256: str | None = None,
        *,
        length: int = 256,
        batch: int = 16,
    ) -> None:
        """
        Args:
            address: as of `hub`.
            tokenizer: the address of one, if none is beside the model.
            sha256: of the model: another one is refused.
            length: tokens of a text that are looked at.
            batch: texts at a time.
        """
        self.address = address
        self.tokenizer = tokenizer
        self.sha256 = sha256
        self.length = length
        self.batch = batch

    def fit(self, X: Any, y: Any = None) -> TextFeatures:  # noqa: N803
        """Find the model."""
        self._found: Pretrained | None = hub(self.address, sha256=self.sha256, tokenizer=self.tokenizer)
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:  # noqa: N803
        """(texts, features).

        Args:
            X: texts: a list, a column, or a table of one column.

        Raises:
            HubError: the model is not there.
            ValueError: these are no texts.
        """
        if getattr(self, "_found", None) is None:  # once, as hashes of large files take their time
            self._found = hub(self.address, sha256=self.sha256, tokenizer=self.tokenizer)
        return embedder_of(self._found).embed(_texts_of(X), length=self.length, batch=self.batch, pooling="auto")

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_found": None}  # it is found anew where it is unpickled

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array, tags.input_tags.one_d_array = True, True, True
        tags.requires_fit = False
        return tags


def _texts_of(given: Any) -> list[str]:
    if isinstance(given, str):
        raise ValueError("texts are a list of texts")
    found = np.asarray(given, dtype=object)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1:
        raise ValueError(f"texts are a list, a column, or a table of one column, and these are {found.shape}")
    return list(found)
