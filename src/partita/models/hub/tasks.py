"""Ready tasks: vectors of texts, and classifiers that are fine-tuned from a pretrained model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from partita.components.extras import need
from partita.flow.task import task
from partita.models.hub.addresses import HubError
from partita.models.hub.embedding import embedder_of
from partita.models.hub.finding import hub

__all__ = ["FineTuned", "embed_texts", "embed_words", "fine_tune", "fine_tune_module"]

_STRENGTHS = (0.1, 1.0, 10.0, 100.0)
_FOLDS = 5


@dataclass(frozen=True)
class FineTuned:
    """A classifier that was made of a pretrained model."""

    model: Any  # an estimator of scikit-learn; of texts a pipeline, which predicts from lists of them
    accuracy: float  # of what was left out, by the cross-validation that has chosen the strength
    standard_error: float  # of that
    rows: int  # or texts that it was fitted on
    strength: float | None  # of the head's regularisation (C), which was chosen; None: a head was given


@task(tags=("model", "text", "embedding", "features"))
def embed_texts(
    texts: list[str],
    address: str,
    *,
    tokenizer: str | None = None,
    sha256: str | None = None,
    length: int = 256,
    batch: int = 16,
) -> Any:
    """Make vectors of texts with a pretrained model.

    Args:
        texts: any number of them.
        address: of an ONNX model of tokens, as of `partita.models.hub.hub`.
        tokenizer: the address of one, if none is beside the model.
        sha256: of the model: another one is refused.
        length: tokens of a text that are looked at.
        batch: texts at a time.

    Returns:
        (texts, features) of float32, each row of length 1: their products are cosines.
    """
    return hub(address, sha256=sha256, tokenizer=tokenizer).embed(texts, length=length, batch=batch)


@task(tags=("model", "text", "words", "embedding", "features"))
def embed_words(
    sentences: list[list[str]],
    address: str,
    *,
    tokenizer: str | None = None,
    sha256: str | None = None,
    length: int = 256,
    batch: int = 16,
) -> Any:
    """Make vectors of words where they stand with a pretrained model: one word has others in other sentences.

    Args:
        sentences: any number of them, each as its words.
        address: of an ONNX model of tokens, as of `partita.models.hub.hub`.
        tokenizer: the address of one, if none is beside the model.
        sha256: of the model: another one is refused.
        length: tokens of a sentence that are looked at.
        batch: sentences at a time.

    Returns:
        (words, features) of float32, the words of all sentences one behind the other: each row is the mean of a word's tokens,
        scaled to length 1; zeros where a word lies behind `length`.

    Raises:
        HubError: the model is not there, has no tokenizer, or gives no vectors of tokens.
        ValueError: a sentence is a text.
    """
    found = hub(address, sha256=sha256, tokenizer=tokenizer)
    return embedder_of(found).embed_words(sentences, length=length, batch=batch)


@task(tags=("model", "text", "fit", "fine-tune"))
def fine_tune(
    texts: list[str],
    labels: list[Any],
    address: str,
    *,
    tokenizer: str | None = None,
    sha256: str | None = None,
    head: Any = None,
    length: int = 256,
) -> FineTuned:
    """Fine-tune a pretrained model of texts to classes: its body stays as it is, and a new head is fitted on its vectors.

    Args:
        texts: two at least of each label.
        labels: of the texts.
        address: of an ONNX model of tokens, as of `partita.models.hub.hub`.
        tokenizer: the address of one, if none is beside the model.
        sha256: of the model: another one is refused.
        head: a classifier of scikit-learn; default: a logistic regression whose strength is chosen by cross-validation.
        length: tokens of a text that are looked at.

    Returns:
        The classifier, and its accuracy on texts that were left out.
    """
    need("sklearn", "compose", "fine_tune")
    from sklearn.pipeline import Pipeline

    from partita.models.hub.feature import TextFeatures

    if len(texts) != len(labels):
        raise ValueError(f"each text has a label, and there are {len(texts)} texts and {len(labels)} labels")
    found = hub(address, sha256=sha256, tokenizer=tokenizer)
    vectors = embedder_of(found).embed(texts, length=length, batch=16, pooling="auto")
    fitted, accuracy, error, strength = _headed(vectors, labels, head)
    own = found.tokenizer.address if found.tokenizer is not None else None
    features = TextFeatures(found.address, own, found.sha256, length=length)
    return FineTuned(Pipeline([("features", features), ("head", fitted)]), accuracy, error, len(texts), strength)


@task(tags=("model", "pytorch", "fit", "fine-tune"))
def fine_tune_module(
    rows: Any, labels: list[Any], address: str, *, trust: bool = False, sha256: str | None = None
) -> FineTuned:
    """Fine-tune a module of PyTorch Hub to classes: its last linear layer is fitted anew, all before it stays as it is.

    Args:
        rows: (rows, ...): an array of what the module takes.
        labels: of the rows, two at least of each.
        address: "torch://owner/name:entry@revision".
        trust: that code of the repository may run here.
        sha256: of the repository: another one is refused.

    Returns:
        The classifier, whose strength was chosen by cross-validation, and its accuracy on rows that were left out.
    """
    need("sklearn", "compose", "fine_tune_module")
    from partita.models.hub.module_head import ModuleHead, features_of

    if len(rows) != len(labels):
        raise ValueError(f"each row has a label, and there are {len(rows)} rows and {len(labels)} labels")
    found = hub(address, sha256=sha256, trust=trust)
    if found.format != "torch":
        raise HubError(f"a module of PyTorch is fine-tuned so, and {found.address} is {found.format}")
    module = found.load()
    fitted, accuracy, error, strength = _headed(features_of(module, rows), labels, None)
    model = ModuleHead(module, strength=strength or 1.0).with_head(fitted)
    return FineTuned(model, accuracy, error, len(rows), strength)


def _headed(vectors: Any, labels: Sequence[Any], head: Any) -> tuple[Any, float, float, float | None]:
    """A fitted head, its accuracy out of fold with the standard error, and the strength that was chosen."""
    import numpy as np
    from sklearn.base import clone
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from threadpoolctl import threadpool_limits

    truth = np.asarray(labels)
    names, counts = np.unique(truth, return_counts=True)
    if len(names) < 2 or counts.min() < 2:
        raise ValueError("a classifier needs two labels at least, and two texts of each")
    folds = StratifiedKFold(min(_FOLDS, int(counts.min())), shuffle=True, random_state=0)
    heads: dict[float | None, Any] = {None: head}
    if head is None:
        heads = {each: LogisticRegression(C=each, max_iter=2000) for each in _STRENGTHS}
    with threadpool_limits(1):  # matrices are so small that threads wait for each other more than they work
        right = {key: cross_val_predict(clone(each), vectors, truth, cv=folds) == truth for key, each in heads.items()}
        best = max(right, key=lambda key: float(right[key].mean()))  # of equally good ones the most cautious
        fitted = clone(heads[best]).fit(vectors, truth)
    accuracy = float(right[best].mean())
    error = float(np.sqrt(accuracy * (1.0 - accuracy) / len(truth)))
    return fitted, accuracy, error, best
