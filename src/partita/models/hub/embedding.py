"""Vectors of texts, by models of tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partita.models.hub.addresses import HubError
from partita.models.hub.loading import OnnxFile
from partita.models.hub.pretrained import Pretrained

__all__ = ["Embedder", "embedder_of"]

_POOLINGS = ("auto", "mean", "first")


@lru_cache(maxsize=4)
def embedder_of(pretrained: Pretrained) -> Embedder:
    """The embedder of a component, which is kept for further calls."""
    if pretrained.format != "onnx":
        raise HubError(f"texts are embedded by an ONNX model, and {pretrained.address} is {pretrained.format}")
    if pretrained.tokenizer is None:
        raise HubError(f"{pretrained.address} has no tokenizer beside it; give hub(..., tokenizer=) the address of one")
    return Embedder(pretrained.load(), pretrained.tokenizer.load())


class Embedder:
    """A model of tokens with its tokenizer."""

    def __init__(self, model: OnnxFile, tokenizer: Any) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._padding = (tokenizer.padding or {}).get("pad_id", 0)
        tokenizer.no_padding()
        unknown = model.inputs.keys() - {"input_ids", "attention_mask", "token_type_ids"}
        if unknown or "input_ids" not in model.inputs:
            raise HubError(
                f"a model of tokens takes input_ids and attention_mask, and this one {', '.join(model.inputs)}"
            )

    def embed(self, texts: Sequence[str], *, length: int, batch: int, pooling: str) -> NDArray[np.float32]:
        """See `Pretrained.embed`."""
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise ValueError("texts are a list of texts")
        if pooling not in _POOLINGS or length < 1 or batch < 1:
            raise ValueError(
                f"pooling is one of {', '.join(_POOLINGS)}; length and batch are whole numbers of 1 or more"
            )
        self._tokenizer.enable_truncation(length)
        tokens = [each.ids for each in self._tokenizer.encode_batch(list(texts))]
        order = np.argsort([len(each) for each in tokens], kind="stable")  # alike lengths together: little padding
        found: NDArray[np.float32] | None = None
        for start in range(0, len(order), batch):
            places = order[start : start + batch]
            vectors = self._vectors([tokens[at] for at in places], pooling)
            if found is None:
                found = np.zeros((len(texts), vectors.shape[1]), dtype=np.float32)
            found[places] = vectors
        if found is None:
            return np.zeros((0, self._vectors([[self._padding]], pooling).shape[1]), dtype=np.float32)
        return found

    def embed_words(self, sentences: Sequence[Sequence[str]], *, length: int, batch: int) -> NDArray[np.float32]:
        """See `embed_words` of the hub's tasks."""
        if isinstance(sentences, str) or any(isinstance(sentence, str) for sentence in sentences):
            raise ValueError("sentences are lists of words; split texts into words first")
        self._tokenizer.enable_truncation(length)
        coded = self._tokenizer.encode_batch([list(sentence) for sentence in sentences], is_pretokenized=True)
        order = np.argsort([len(each.ids) for each in coded], kind="stable")
        ends = np.cumsum([0, *(len(sentence) for sentence in sentences)])
        found: NDArray[np.float32] | None = None
        for start in range(0, len(order), batch):
            places = order[start : start + batch]
            told, _ = self._told([coded[at].ids for at in places])
            hidden = _of_tokens(told)
            if found is None:
                found = np.zeros((ends[-1], hidden.shape[2]), dtype=np.float32)
            for row, at in enumerate(places):
                words = coded[at].word_ids
                seen = [place for place, word in enumerate(words) if word is not None]
                np.add.at(found, [ends[at] + words[place] for place in seen], hidden[row, seen])
        if found is None:
            return np.zeros((0, _of_tokens(self._told([[self._padding]])[0]).shape[2]), dtype=np.float32)
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12), dtype=np.float32)

    def _told(self, tokens: Sequence[Sequence[int]]) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
        """What the model says of some texts, and which of the tokens are theirs, and not padding."""
        longest = max(len(each) for each in tokens)
        ids = np.full((len(tokens), longest), self._padding, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, each in enumerate(tokens):
            ids[row, : len(each)], mask[row, : len(each)] = each, 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return self._model(**{name: given[name] for name in self._model.inputs}), mask

    def _vectors(self, tokens: Sequence[Sequence[int]], pooling: str) -> NDArray[np.float32]:
        told, mask = self._told(tokens)
        whole = [each for each in told.values() if each.ndim == 2]
        if pooling == "auto" and whole:
            pooled = whole[0]
        else:
            hidden = _of_tokens(told)
            pooled = hidden[:, 0] if pooling == "first" else _mean(hidden, mask)
        norms = np.linalg.norm(pooled, axis=1, keepdims=True)
        return np.asarray(pooled / np.maximum(norms, 1e-12), dtype=np.float32)


def _of_tokens(told: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """(texts, tokens, features)."""
    hidden = next((each for each in told.values() if each.ndim == 3), None)
    if hidden is None:
        raise HubError(f"the model gives no vectors of tokens but {', '.join(told)}")
    return hidden


def _mean(hidden: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any]:
    weights = mask[..., None].astype(np.float32)
    return np.asarray((hidden * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9))
