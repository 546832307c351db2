"""Repositories of PyTorch Hub, by its own code and from its cache where they are there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any

from partita.components.extras import need
from partita.models.hub.addresses import Address, HubError
from partita.models.hub.pretrained import Pretrained, checked, sha256_of_folder

__all__ = ["find_entry", "made_by_entry"]

_COMMIT = re.compile(r"[0-9a-f]{40}")
_LICENCES = {"MIT License": "MIT", "Apache License": "Apache-2.0", "BSD 3-Clause": "BSD-3-Clause"}


def find_entry(address: Address) -> Pretrained:
    """The repository, downloaded where it is not in the cache; nothing of it has run yet.

    Raises:
        HubError: no revision is named, the repository cannot be reached and is not in the cache, or it has no hubconf.py.
    """
    if not address.revision:
        raise HubError(
            f"{address} names no revision, which PyTorch Hub keeps under its name; add @ and a commit, tag or branch"
        )
    hub = need("torch.hub", "tensors", "PyTorch Hub")
    fetch = hub._get_cache_or_reload  # the public ones run the code at once, before its hash is known
    options: dict[str, Any] = {"force_reload": False, "trust_repo": True, "verbose": False, "skip_validation": False}
    if "calling_fn" in signature(fetch).parameters:  # of older ones
        options["calling_fn"] = "load"
    try:
        folder = Path(fetch(f"{address.place}:{address.revision}", **options))
    except (OSError, ValueError) as error:
        raise HubError(
            f"{address} is not in the cache of PyTorch Hub, and cannot be fetched: {error}; fetch it where there is network "
            "and bring the cache (TORCH_HOME), or check its name"
        ) from error
    if not (folder / "hubconf.py").is_file():
        raise HubError(f"{address.place} has no hubconf.py, so it is no repository of PyTorch Hub")
    commit = address.revision if _COMMIT.fullmatch(address.revision) else ""
    return Pretrained(str(address), "torch", folder, sha256_of_folder(folder), commit, _licence(folder), address.file)


def made_by_entry(pretrained: Pretrained, options: Mapping[str, Any]) -> Any:
    """What the entry makes.

    Raises:
        HubError: there is no such entry, or it cannot fetch its weights.
        DamagedError: the repository has changed since it was found.
    """
    hub = need("torch.hub", "tensors", "PyTorch Hub")
    checked(sha256_of_folder(pretrained.path), pretrained.sha256, str(pretrained.path))
    try:
        return hub.load(str(pretrained.path), pretrained.entry, source="local", verbose=False, **options)
    except RuntimeError as error:
        if "Cannot find callable" not in str(error):
            raise
        raise HubError(f"{pretrained.address}: its hubconf.py has no entry {pretrained.entry}") from error
    except OSError as error:
        raise HubError(
            f"{pretrained.address} cannot fetch what it needs: {error}; load it once where there is network"
        ) from error


def _licence(folder: Path) -> str:
    for path in sorted(folder.glob("LICEN*")):
        head = path.read_text(encoding="utf-8", errors="replace")[:400]
        return next((name for said, name in _LICENCES.items() if said in head), path.name)
    return ""
