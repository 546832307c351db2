"""Writing an artifact to files in the form in which other programs read it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from partita.artifacts.blobs.hashing import holds
from partita.artifacts.files import copy_file, inside
from partita.errors import ValueStoreError
from partita.protocol.artifacts import ArtifactView
from partita.protocol.stored_files import StoredFile, StoredFolder, stored_file, stored_folder
from partita.values import BLOB, DICT, INLINE, LIST, OBJECT, OUTCOME, PLAIN, TUPLE, Node, unpack

__all__ = ["ENDINGS", "BlobSource", "blob_of", "file_stem", "write_artifact"]


class BlobSource(Protocol):
    """What blobs are read from; a `BlobStore`, or a server."""

    def get(self, digest: str) -> bytes:
        """The blob."""
        ...

    def path(self, digest: str) -> Path:
        """A local file that holds the blob, checked; it must not be changed."""
        ...


#: The ending of a codec's files; what is not listed is written as it is, with the codec's name.
ENDINGS = {
    "npy": "npy", "bytes": "bin", "text": "txt", "msgpack": "json", "path": "txt", "pickle": "pickle",
    "arrow": "arrow", "pandas": "arrow", "polars": "arrow", "audio": "wav", "picture": "png", "html": "html", "onnx": "onnx",
    "safetensors": "safetensors", "tensors": "safetensors", "scalar": "msgpack", "enum": "msgpack",
}  # fmt: skip


#: At the end of a part: the name of a file in a `Folder`, without the folders that it lies in.
_OWN_NAME = re.compile(r'\["(?:[^"\\]*/)?([^"\\/]+)"\]$')


def write_artifact(
    blobs: BlobSource, node: Node, name: str, target: Path | None, *, is_raw: bool = False
) -> list[Path]:
    """Write the value; gives the files.

    A `File` is written under its own name and a `Folder` as its tree. A structure of several values becomes a folder, unless
    all of it is JSON: its parts are named by their keys, but for files, which keep their names as long as they differ.

    Args:
        name: what the file is called where the target is a folder or not given.
        target: file or folder.
        is_raw: write what is stored, byte for byte; of files, their parts.

    Raises:
        DamagedError: the blob is not there, or not what was written.
        ValueStoreError: the value can be opened by Python only, or the files cannot be written.
    """
    try:
        return list(_Writing(blobs, is_raw).each(node, name, target))
    except OSError as error:
        raise ValueStoreError(f"{error.filename or target or name} cannot be written: {error.strerror}") from error


def blob_of(node: Node, name: str, *, is_raw: bool = False) -> tuple[str, str] | None:
    """The name and the blob of the one file that `write_artifact` would write, where it holds just what the blob does."""
    if is_raw:
        return (f"{name}.{ENDINGS.get(node[1], node[1])}", node[2]) if node[0] == BLOB else None
    if (file := stored_file(node)) is not None:
        return inside(Path(), file.name, is_alone=True).name, file.digest
    if node[0] != BLOB or node[1] in ("msgpack", "pickle"):
        return None
    return name if node[1] == "file" else f"{name}.{ENDINGS.get(node[1], node[1])}", node[2]


def file_stem(view: ArtifactView) -> str:
    """What a file of the artifact is called, without its ending: "fit-3.model"; a file of a folder, as it was."""
    own = _OWN_NAME.search(view["part"]) if view["codec"] == "file" else None
    if own is not None and own[1] not in (".", ".."):
        return own[1]
    name = view["path"].rpartition("/")[2] + view["part"]
    return name.replace("[", "-").replace("]", "").replace("/", "-")


class _Writing:
    """One call of `write_artifact`."""

    def __init__(self, blobs: BlobSource, is_raw: bool) -> None:
        self._blobs = blobs
        self._is_raw = is_raw
        self._taken: set[Path] = set()  # what has been written

    def each(self, node: Node, name: str, target: Path | None) -> Iterator[Path]:
        file, folder = (None, None) if self._is_raw else (stored_file(node), stored_folder(node))
        if file is not None:
            yield self._write_file(file, target)
            return
        if folder is not None:
            yield from self._write_folder(folder, target)
            return
        if node[0] == BLOB and node[1] == "file" and not self._is_raw:  # of a folder, whose names have endings
            place = self._free(inside(target, name)) if target is not None and target.is_dir() else target
            yield self._write_file(StoredFile(name, node[2]), place)
            return
        plain, is_plain = self._plain(node)
        if node[0] not in (BLOB, INLINE) and not is_plain:
            yield from self._write_parts(node, target if target is not None else Path(name))
            return
        ending = _plain_ending(plain) if is_plain else ENDINGS.get(node[1], str(node[1]))
        place = self._free(_place(target, name, ending))
        if is_plain:
            place.write_bytes(_plain_bytes(plain))
        else:
            self._write_leaf(node, place)
        yield place

    def _write_file(self, file: StoredFile, target: Path | None) -> Path:
        if target is None:
            place = inside(Path(), file.name, is_alone=True)
            if place.exists() and (not place.is_file() or not holds(place, file.digest)[0]):
                raise ValueStoreError(f"{place} is there already and holds something else; say where the file shall go")
        else:
            place = inside(target, file.name, is_alone=True) if target.is_dir() else target
        copy_file(self._blobs.path(file.digest), place)
        self._taken.add(place)
        return place

    def _write_folder(self, folder: StoredFolder, target: Path | None) -> Iterator[Path]:
        if target is None:
            target = inside(Path(), folder.name or "folder", is_alone=True)
        places = {inside(target, name): digest for name, digest in folder.digests.items()}  # all, before one is written
        target.mkdir(parents=True, exist_ok=True)
        for place, digest in places.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            copy_file(self._blobs.path(digest), place)
            self._taken.add(place)
            yield place

    def _write_parts(self, node: Node, folder: Path) -> Iterator[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        for key, item in _items(node):
            name = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in key).lstrip(".") or "_"
            file = None if self._is_raw else stored_file(item)
            if file is not None and inside(folder, file.name, is_alone=True) in self._taken:
                own = self._free(folder / name)
                own.mkdir(exist_ok=True)
                yield from self.each(item, name, own / file.name)
            elif file is not None or item[0] in (BLOB, INLINE) or self._plain(item)[1]:
                yield from self.each(item, name, folder)
            else:
                yield from self.each(item, name, self._free(folder / name))

    def _plain(self, node: Node) -> tuple[Any, bool]:
        """The value where all of it is plain data, and whether it is."""
        if node[0] == PLAIN:
            return node[1], True
        if node[0] in (BLOB, INLINE) or (node[0] == OUTCOME and node[2] is None):
            return None, False
        if not self._is_raw and stored_folder(node) is not None:
            return None, False  # an empty one
        items = [(key, self._plain(item)) for key, item in _items(node)]
        if not all(is_plain for _, (_, is_plain) in items):
            return None, False
        if node[0] in (LIST, TUPLE):
            return [value for _, (value, _) in items], True
        return {key: value for key, (value, _) in items}, True

    def _free(self, place: Path) -> Path:
        """The path, or one beside it where another part of the value has it already."""
        free, number = place, 1
        while free in self._taken:
            number += 1
            free = place.with_name(f"{place.stem}-{number}{place.suffix}")
        self._taken.add(free)
        return free

    def _write_leaf(self, node: Node, file: Path) -> None:
        codec = node[1]
        if codec == "pickle" and not self._is_raw:
            raise ValueStoreError(
                "this value is a Python object that was pickled; opening it runs code, so it is done only in your own "
                "process: `partita.open_workspace().value(NAME)` in Python gives it, and --raw writes what is stored"
            )
        if codec == "msgpack" and not self._is_raw:
            data = self._blobs.get(node[2]) if node[0] == BLOB else node[2]
            file.write_bytes(_plain_bytes(unpack(data)))
        elif node[0] == INLINE:
            file.write_bytes(node[2])
        else:
            shutil.copyfile(self._blobs.path(node[2]), file)


def _place(target: Path | None, name: str, ending: str) -> Path:
    name = f"{name}.{ending}"
    return Path(name) if target is None else target / name if target.is_dir() else target


def _items(node: Node) -> list[tuple[str, Node]]:
    tag = node[0]
    if tag in (LIST, TUPLE):
        return [(str(index), item) for index, item in enumerate(node[1])]
    if tag in (DICT, OBJECT):
        keys, nodes = (node[1], node[2]) if tag == DICT else (node[2], node[3])
        return [(str(key), item) for key, item in zip(keys, nodes, strict=True)]
    return [("value", node[2])] if tag == OUTCOME and node[2] is not None else []


def _plain_ending(value: Any) -> str:
    return "txt" if isinstance(value, str) else "bin" if isinstance(value, bytes) else "json"


def _plain_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    return (json.dumps(value, indent=2, ensure_ascii=False, default=_hexadecimal) + "\n").encode()


def _hexadecimal(value: Any) -> str:
    return bytes(value).hex()
