"""What the hub has found: a component, its files, and what is known of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partita.errors import DamagedError

__all__ = ["Pretrained", "checked", "sha256_of", "sha256_of_folder"]


@dataclass(frozen=True)
class Pretrained:
    """A pretrained component."""

    address: str  # by which it is found again, with its revision pinned where it has one
    format: str  # "onnx", "safetensors", "tokenizer", "torch" or "file"
    path: Path  # of the file, or of the folder of a repository of PyTorch Hub
    sha256: str  # of that
    revision: str = ""  # the commit or the version that it is of; "": not known
    licence: str = ""  # as its origin names it; "": not known
    entry: str = ""  # of a repository of PyTorch Hub
    tokenizer: Pretrained | None = None  # of a model of texts

    def load(self, **options: Any) -> Any:
        """What it holds.

        ONNX: a function of arrays by name, see `OnnxFile`; safetensors: arrays by name (tensors of PyTorch, where
        NumPy has no such type); a tokenizer: a `tokenizers.Tokenizer`; PyTorch Hub: what its entry makes, given the options.

        Raises:
            DamagedError: the file has changed since it was found.
            MissingExtraError: a library for it is not installed.
        """
        from partita.models.hub.loading import loaded

        return loaded(self, options)

    def embed(self, texts: Sequence[str], *, length: int = 256, batch: int = 16, pooling: str = "auto") -> Any:
        """Vectors of texts, by an ONNX model of tokens with a tokenizer.

        Args:
            texts: any number of them.
            length: tokens of a text that are looked at.
            batch: texts at a time.
            pooling: "mean" of the vectors of tokens, that of the "first" one, or "auto": the model's own vector of a text if it
                gives one, else the mean.

        Returns:
            (texts, features) of float32, each of length 1.

        Raises:
            HubError: it is no such model, or has no tokenizer.
        """
        from partita.models.hub.embedding import embedder_of

        return embedder_of(self).embed(texts, length=length, batch=batch, pooling=pooling)

    def to_dict(self) -> dict[str, Any]:
        """What it is, as plain data."""
        told = {
            name: str(getattr(self, name)) for name in ("address", "format", "sha256", "revision", "licence", "entry")
        }
        return told | {"tokenizer": None if self.tokenizer is None else self.tokenizer.to_dict()}


def sha256_of(path: Path) -> str:
    """Of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_folder(folder: Path) -> str:
    """Of all files in it, by name; what Python and Git keep for themselves aside."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        own = path.relative_to(folder)
        if path.is_file() and not {"__pycache__", ".git"} & set(own.parts):
            found.update(f"{own.as_posix()}\0{sha256_of(path)}\n".encode())
    return found.hexdigest()


def checked(sha256: str, wanted: str | None, what: str) -> str:
    """The hash, if it is the one that is wanted.

    Raises:
        DamagedError: it is another.
    """
    if wanted and sha256 != wanted.lower().removeprefix("sha256:"):
        raise DamagedError(
            f"the SHA-256 of {what} is {sha256}, and not {wanted}; it was changed, or is another version: "
            "take the one that the hash is of, or look at what changed before giving the new hash"
        )
    return sha256
