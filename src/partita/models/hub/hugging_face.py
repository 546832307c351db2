"""Files of repositories of Hugging Face, by its own library and from its cache where they are there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from partita.components.extras import need
from partita.models.hub.addresses import Address, HubError
from partita.models.hub.packages import format_of
from partita.models.hub.pretrained import Pretrained, sha256_of

__all__ = ["find_in_repository"]

_LICENCE = re.compile(r"^license:\s*(\S+)\s*$", re.MULTILINE)


def find_in_repository(address: Address) -> Pretrained:
    """A file, downloaded where it is not in the cache, with its tokenizer if it has one.

    Raises:
        HubError: there is no such repository, revision or file, or the hub cannot be reached and the file is not in the cache.
    """
    library = need("huggingface_hub", "hub", "the hub")
    errors = need("huggingface_hub.errors", "hub", "the hub")

    def fetched(file: str, revision: str) -> Path:
        return Path(library.hf_hub_download(address.place, file, revision=revision or None))

    try:
        path = fetched(address.file, address.revision)
    except Exception as error:
        raise _in_words(error, errors, address) from error
    commit = _commit_of(path, address)
    pinned = Address("hf", address.place, address.file, commit)
    tokenizer = None
    if format_of(path) in ("onnx", "safetensors"):
        tokenizer = _tokenizer(pinned, fetched, errors)
    card = _beside(pinned, "README.md", fetched, errors)
    told = _LICENCE.search(card.read_text(encoding="utf-8", errors="replace")[:4000]) if card is not None else None
    licence = told.group(1) if told else ""
    return Pretrained(str(pinned), format_of(path), path, sha256_of(path), commit, licence, tokenizer=tokenizer)


def _commit_of(path: Path, address: Address) -> str:
    """The commit that a file of the cache is of."""
    parts = path.parts
    return parts[parts.index("snapshots") + 1] if "snapshots" in parts else address.revision


def _tokenizer(pinned: Address, fetched: Callable[[str, str], Path], errors: Any) -> Pretrained | None:
    """Beside the model, or at the top of the repository."""
    beside = str(PurePosixPath(pinned.file).parent / "tokenizer.json")
    for name in dict.fromkeys((beside, "tokenizer.json")):
        path = _beside(pinned, name, fetched, errors)
        if path is not None:
            own = Address("hf", pinned.place, name, pinned.revision)
            return Pretrained(str(own), "tokenizer", path, sha256_of(path), pinned.revision)
    return None


def _beside(pinned: Address, name: str, fetched: Callable[[str, str], Path], errors: Any) -> Path | None:
    """A file that may be there; without network only if it is in the cache."""
    try:
        return fetched(name, pinned.revision)
    except (errors.EntryNotFoundError, errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled):
        return None
    except Exception as error:
        raise _in_words(error, errors, pinned) from error


def _in_words(error: Exception, errors: Any, address: Address) -> Exception:
    if isinstance(error, errors.GatedRepoError):
        return HubError(
            f"{address.place} is given to who has asked for it only; ask there, and log in by `hf auth login`"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return HubError(f"Hugging Face knows no repository {address.place}, or you may not read it: check {address}")
    if isinstance(error, errors.RevisionNotFoundError):
        return HubError(f"{address.place} has no revision {address.revision!r}: check {address}")
    if isinstance(error, (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled)):
        return HubError(
            f"{address} is not in the cache, and Hugging Face cannot be reached (no network, or HF_HUB_OFFLINE is set); "
            "fetch it where there is network and bring the cache (HF_HOME), or give the path of the file"
        )
    if isinstance(error, errors.EntryNotFoundError):
        return HubError(f"{address.place} has no file {address.file} at {address.revision or 'its newest revision'}")
    if isinstance(error, errors.HFValidationError):
        return HubError(f"{address} is no address of Hugging Face: {error}")
    if type(error).__module__.split(".")[0] in ("httpx", "httpcore", "requests", "huggingface_hub") or isinstance(
        error, OSError
    ):
        return HubError(f"{address} cannot be fetched: {error}; try again, or give the path of the file")
    return error
