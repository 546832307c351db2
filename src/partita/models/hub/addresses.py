"""Addresses of pretrained components.

model.onnx                             a file, also as file:model.onnx or file:///folder/model.onnx
package://distribution/part/of/path    a file of an installed package
hf://owner/name/path@revision          a file of a repository of Hugging Face
torch://owner/name:entry@revision      what an entry of a repository of PyTorch Hub makes
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from partita.errors import PartitaError

__all__ = ["Address", "HubError", "read_address"]

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_FORMS = {
    "package": re.compile(rf"(?P<place>{_NAME})(?:/(?P<file>.*))?"),
    "hf": re.compile(rf"(?P<place>{_NAME}/{_NAME})/(?P<file>[^@]+)(?:@(?P<revision>.+))?"),
    "torch": re.compile(rf"(?P<place>{_NAME}/{_NAME}):(?P<file>[A-Za-z_]\w*)(?:@(?P<revision>.+))?"),
}
_EXAMPLES = {
    "package": "package://distribution/model.onnx",
    "hf": "hf://owner/name/model.onnx@revision",
    "torch": "torch://owner/name:entry@revision",
}
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


class HubError(PartitaError):
    """A pretrained component is not there, cannot be reached, or is not what it was said to be."""


@dataclass(frozen=True)
class Address:
    """What an address names."""

    scheme: str  # "file", "package", "hf" or "torch"
    place: str  # a path, a distribution, or "owner/name"
    file: str = ""  # within the place, or the entry of PyTorch Hub; "": the only model in it
    revision: str = ""  # a commit, tag or branch; "": the newest

    def __str__(self) -> str:
        if self.scheme == "file":
            return self.place
        found = f"{self.scheme}://{self.place}"
        if self.file:
            found += f"{':' if self.scheme == 'torch' else '/'}{self.file}"
        return f"{found}@{self.revision}" if self.revision else found


def read_address(text: str, revision: str | None = None) -> Address:
    """
    Args:
        revision: instead of one in the text.

    Raises:
        HubError: it is no address, or names two revisions.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme == "file":
        if revision:
            raise HubError(f"a file has no revision, and {text!r} is given {revision!r}; pin it by sha256")
        return Address("file", _path_of(text))
    form = _FORMS.get(scheme)
    if form is None:
        raise HubError(f"{text!r} is no address of the hub: {scheme!r} is none of file, {', '.join(_FORMS)}")
    match = form.fullmatch(rest)
    if match is None:
        raise HubError(f"{text!r} is no address of the hub; write {_EXAMPLES[scheme]}")
    parts = match.groupdict()
    said = parts.get("revision") or ""
    if said and revision and said != revision:
        raise HubError(f"{text!r} names a revision, and {revision!r} is given beside it; give one of both")
    if scheme == "package" and revision:
        raise HubError(f"an installed package has no revision, and {text!r} is given {revision!r}; pin it by sha256")
    chosen = said or revision or ""
    if ".." in (parts["file"] or "").split("/") or (chosen and not _REVISION.fullmatch(chosen)) or ".." in chosen:
        raise HubError(f"{text!r} leads out of its place, or {chosen!r} is no revision")
    return Address(scheme, parts["place"], (parts["file"] or "").strip("/"), chosen)


def _path_of(text: str) -> str:
    if text.startswith("file://"):
        return unquote(urlsplit(text).path)
    return text.removeprefix("file:")
