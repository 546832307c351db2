"""Partita itself in an image: from the index where that has it, else as a wheel of what is installed here."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import partita.version
from partita.errors import MissingExtraError
from partita.version import VERSION

__all__ = ["is_released", "make_wheel"]

_NAME = f"partita-{VERSION}-py3-none-any.whl"
_INFO = f"partita-{VERSION}.dist-info"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a wheel can say: equal files make equal wheels
_MODE = 0o644 << 16
_KEPT = ("METADATA", "entry_points.txt")


def is_released() -> bool:
    """Whether what is installed came from a package index, by its version."""
    try:
        return metadata.distribution("partita").read_text("direct_url.json") is None
    except metadata.PackageNotFoundError:
        return False


def make_wheel() -> tuple[str, bytes]:
    """(file name, what it holds) of a wheel of this package as it is here: the same for the same files.

    Raises:
        MissingExtraError: the package is not installed, so that nobody knows what it needs.
    """
    members = sorted(_members())
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in members)
    members.append((f"{_INFO}/RECORD", f"{record}{_INFO}/RECORD,,\n".encode()))
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in members:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, _MODE, 3
            wheel.writestr(entry, data)
    return _NAME, written.getvalue()


def _members() -> Iterator[tuple[str, bytes]]:
    root = Path(partita.version.__file__).parent
    for file in root.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            yield file.relative_to(root.parent).as_posix(), file.read_bytes()
    try:
        installed = metadata.distribution("partita")
    except metadata.PackageNotFoundError:
        raise MissingExtraError(
            f"Partita runs from {root.parent} without being installed, so that nobody knows what it needs; install it: "
            "pip install -e with its folder"
        ) from None
    for name in _KEPT:
        text = installed.read_text(name)
        if text is not None:
            yield f"{_INFO}/{name}", text.encode()
    yield f"{_INFO}/WHEEL", b"Wheel-Version: 1.0\nGenerator: partita\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
