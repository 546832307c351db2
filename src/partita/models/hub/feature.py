"""Vectors of texts as a step of scikit-learn's pipelines."""

from __future__ import annotations

from collections.abc import Sequence
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
        known: tuple[Sequence[str], Any] | None = None,
    ) -> None:
        """
        Args:
            address: as of `hub`.
            tokenizer: the address of one, if none is beside the model.
            sha256: of the model: another one is refused.
            length: tokens of a text that are looked at.
            batch: texts at a time.
            known: texts and their vectors, (texts, features), as `embed_texts` gave them with the same model and length: these
                texts are not embedded again, fold by fold. What is fitted is pickled without them.
        """
        self.address = address
        self.tokenizer = tokenizer
        self.sha256 = sha256
        self.length = length
        self.batch = batch
        self.known = known

    def fit(self, X: Any, y: Any = None) -> TextFeatures:  # noqa: N803
        """Find the model.

        Raises:
            HubError: it is not there.
            ValueError: there are not as many known vectors as texts.
        """
        self._found: Pretrained | None = hub(self.address, sha256=self.sha256, tokenizer=self.tokenizer)
        if self.known is not None:
            self._rows_of_known()
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
        texts = _texts_of(X)
        rows = self._rows_of_known()
        new = [text for text in dict.fromkeys(texts) if text not in rows]
        parts = [] if self.known is None else [np.asarray(self.known[1], dtype=np.float32)]
        if new or not parts:
            rows |= {text: at for at, text in enumerate(new, start=sum(len(part) for part in parts))}
            parts.append(embedder_of(self._found).embed(new, length=self.length, batch=self.batch, pooling="auto"))
        places = np.array([rows[text] for text in texts], dtype=np.int64)
        return np.asarray(np.concatenate(parts)[places])

    def _rows_of_known(self) -> dict[str, int]:
        if self.known is None:
            return {}
        texts, vectors = self.known
        if len(texts) != len(vectors):
            raise ValueError(
                f"known texts have a vector each, and there are {len(texts)} texts and {len(vectors)} vectors"
            )
        return {text: at for at, text in enumerate(texts)}

    def __getstate__(self) -> dict[str, Any]:
        state = {**super().__getstate__(), "_found": None}  # it is found anew where it is unpickled
        if getattr(self, "_found", None) is not None:
            state["known"] = None  # they have served to fit it
        return state

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
