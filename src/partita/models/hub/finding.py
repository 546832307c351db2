"""From an address to a component."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from partita.models.hub.addresses import Address, HubError, read_address
from partita.models.hub.hugging_face import find_in_repository
from partita.models.hub.packages import find_file, find_in_package
from partita.models.hub.pretrained import Pretrained, checked
from partita.models.hub.torch_hub import find_entry

__all__ = ["hub"]

_FINDERS: dict[str, Callable[[Address], Pretrained]] = {
    "file": find_file,
    "package": find_in_package,
    "hf": find_in_repository,
    "torch": find_entry,
}


def hub(
    address: str,
    revision: str | None = None,
    sha256: str | None = None,
    *,
    tokenizer: str | None = None,
    trust: bool = False,
) -> Pretrained:
    """A pretrained component, from what is there: files, installed packages, the caches, and then the network.

    Args:
        address: "model.onnx", "package://distribution/model.onnx", "hf://owner/name/model.onnx@revision" or
            "torch://owner/name:entry@revision".
        revision: a commit, a tag or a branch, if it is not in the address. A commit is pinned: it is what it was.
        sha256: of the file (of PyTorch Hub: of all files of the repository): if it is another, nothing is loaded.
        tokenizer: the address of one, for a model of texts that has none beside it.
        trust: that code of the repository may run here, as PyTorch Hub has it.

    Raises:
        HubError: it is not there, or cannot be reached; or its code is not trusted.
        DamagedError: its hash is another.
        MissingExtraError: the library for such addresses is not installed.
    """
    read = read_address(address, revision)
    if read.scheme == "torch" and not trust:
        raise HubError(f"{address} runs code of {read.place} on this machine; look at it, and say trust=True if you do")
    found = _FINDERS[read.scheme](read)
    checked(found.sha256, sha256, found.address)
    beside = found.path.parent / "tokenizer.json"
    if tokenizer is not None:
        found = replace(found, tokenizer=hub(tokenizer))
    elif read.scheme in ("file", "package") and found.format == "onnx" and beside.is_file():
        found = replace(found, tokenizer=find_file(Address("file", str(beside))))
    if found.tokenizer is not None and found.tokenizer.format != "tokenizer":
        raise HubError(f"a tokenizer is a tokenizer.json, and {found.tokenizer.address} is none")
    return found
