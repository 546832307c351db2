"""Components that are there already: files, and files of installed packages."""

from __future__ import annotations

import base64
from importlib import metadata
from pathlib import Path

from partita.models.hub.addresses import Address, HubError
from partita.models.hub.pretrained import Pretrained, checked, sha256_of

__all__ = ["FORMATS", "find_file", "find_in_package", "format_of"]

#: Endings of files that are models by themselves, and what they are.
FORMATS = {".onnx": "onnx", ".safetensors": "safetensors"}
_SHOWN = 10


def format_of(path: Path) -> str:
    """By the name of a file."""
    return "tokenizer" if path.name == "tokenizer.json" else FORMATS.get(path.suffix.lower(), "file")


def find_file(address: Address) -> Pretrained:
    """
    Raises:
        HubError: there is no such file.
    """
    path = Path(address.place).expanduser()
    if not path.is_file():
        raise HubError(
            f"there is no file {path}; an address of another place begins with package://, hf:// or torch://"
        )
    path = path.resolve()
    return Pretrained(str(path), format_of(path), path, sha256_of(path))


def find_in_package(address: Address) -> Pretrained:
    """
    Raises:
        HubError: the package is not installed, or holds no such file, or several.
        DamagedError: the file is not the one that was installed.
    """
    try:
        distribution = metadata.distribution(address.place)
    except metadata.PackageNotFoundError:
        raise HubError(f"the package {address.place} is not installed; pip install {address.place}") from None
    files = list(distribution.files or ())
    names = [file.as_posix() for file in files]
    if address.file:
        fitting = [at for at, name in enumerate(names) if f"/{name}".endswith(f"/{address.file}")]
    else:
        fitting = [at for at, name in enumerate(names) if Path(name).suffix.lower() in FORMATS]
    if len(fitting) != 1:
        models = [names[at] for at in fitting] or [name for name in names if Path(name).suffix.lower() in FORMATS]
        there = f"; it has {', '.join(models[:_SHOWN])}" if models else "; it carries no models"
        wanted = address.file or "the model"
        raise HubError(f"{wanted} is {'several files' if fitting else 'no file'} of the package {address.place}{there}")
    file = files[fitting[0]]
    path = Path(str(file.locate()))
    if not path.is_file():
        raise HubError(f"the package {address.place} lists {file}, and it is not there; install it anew")
    sha256 = sha256_of(path)
    if file.hash is not None and file.hash.mode == "sha256":
        installed = base64.urlsafe_b64decode(file.hash.value + "=" * (-len(file.hash.value) % 4)).hex()
        checked(sha256, installed, f"{file} of the package {address.place}")
    found = Address("package", address.place, names[fitting[0]])
    return Pretrained(str(found), format_of(path), path, sha256, distribution.version, _licence(distribution))


def _licence(distribution: metadata.Distribution) -> str:
    told = distribution.metadata
    expression = next((told[name] for name in ("License-Expression", "License") if told[name]), "")
    if expression:
        return expression.strip().splitlines()[0]
    classified = [each for each in told.get_all("Classifier") or () if each.startswith("License ::")]
    return classified[0].rpartition(" :: ")[2] if classified else ""
