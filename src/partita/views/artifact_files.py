"""Artifacts as files that are sent: each part as it is stored, so that nothing of a user's has to be opened for it.

A value that is one thing is sent as its file, and a folder or structure as a ZIP archive, which is written while it is sent.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from partita.artifacts.blobs.port import BlobStore
from partita.protocol.artifacts import FoundArtifact
from partita.protocol.stored_files import stored_file, stored_folder
from partita.values import BLOB, DICT, INLINE, LIST, OBJECT, OUTCOME, PLAIN, TUPLE, Node, unpack
from partita.workspace.writing import ENDINGS, file_stem

__all__ = ["Sent", "file_of", "safe_name"]

_CHUNK_BYTES = 1 << 20
_UNSAFE = re.compile(r"[^\w.+=@-]+")
_NAMED_BYTES = 150


class Sent(NamedTuple):
    """What is sent of an artifact: one of `file`, `data` and `pieces`."""

    name: str  # of the file that whoever gets it has
    file: Path | None = None
    data: bytes | None = None
    pieces: Iterator[bytes] | None = None  # of an archive


def file_of(found: FoundArtifact, blobs: BlobStore) -> Sent:
    """The artifact as a file.

    Raises:
        DamagedError: a blob of it is not there, or not what was written.
    """
    node, stem = unpack(found["node"]), safe_name(file_stem(found["view"]))
    entries = list(_entries(node, stem))
    if len(entries) == 1 and stored_folder(node) is None:
        name, source = entries[0]
        if isinstance(source, bytes):
            return Sent(name, data=source)
        return Sent(name, file=blobs.path(source))
    places: list[tuple[str, Path | bytes]] = [
        # All of them are looked at before the first byte is sent: what is missing must be told as such.
        (name, source if isinstance(source, bytes) else blobs.path(source))
        for name, source in _told_apart(entries)
    ]
    return Sent(f"{stem}.zip", pieces=_archive(places))


def safe_name(name: str) -> str:
    """The name as a file may have it on any machine: no folders, nothing hidden, no signs that shells or systems take ill."""
    told = _UNSAFE.sub("_", name).strip("._") or "value"
    while len(told.encode()) > _NAMED_BYTES:
        told = told[:-1]
    return told


def _entries(node: Node, name: str) -> Iterator[tuple[str, str | bytes]]:
    """(path, hash of a blob or the bytes themselves) of each file that the value becomes."""
    file, folder = stored_file(node), stored_folder(node)
    tag = node[0]
    if file is not None:
        yield safe_name(file.name), file.digest
    elif folder is not None:
        for path, digest in folder.digests.items():
            yield "/".join(safe_name(part) for part in path.split("/") if part not in ("", ".", "..")) or name, digest
    elif tag in (BLOB, INLINE):
        codec = str(node[1])
        yield (name if codec == "file" else f"{name}.{ENDINGS.get(codec, safe_name(codec))}"), node[2]
    else:
        value, is_plain = _plain(node)
        if is_plain:
            yield f"{name}.{_ending(value)}", _bytes_of(value)
            return
        for key, item in _items(node):
            is_one = item[0] in (BLOB, INLINE, PLAIN) or stored_file(item) is not None
            inner = safe_name(key)
            for path, source in _entries(item, inner):
                yield (path if is_one else f"{inner}/{path}"), source


def _told_apart(entries: list[tuple[str, str | bytes]]) -> Iterator[tuple[str, str | bytes]]:
    """With names of their own: two keys may become one name, and some systems do not tell "A" from "a"."""
    taken: set[str] = set()
    for name, source in entries:
        free, number = name, 1
        while free.lower() in taken:
            number += 1
            head, dot, ending = name.rpartition(".")
            free = f"{head}-{number}.{ending}" if dot and "/" not in ending else f"{name}-{number}"
        taken.add(free.lower())
        yield free, source


def _plain(node: Node) -> tuple[Any, bool]:
    """The value where all of it is plain data, and whether it is."""
    tag = node[0]
    if tag == PLAIN:
        return node[1], True
    if tag not in (LIST, TUPLE, DICT, OBJECT) or stored_folder(node) is not None or stored_file(node) is not None:
        return None, False
    items = [(key, _plain(item)) for key, item in _items(node)]
    if not all(is_plain for _, (_, is_plain) in items):
        return None, False
    if tag in (LIST, TUPLE):
        return [value for _, (value, _) in items], True
    return {key: value for key, (value, _) in items}, True


def _items(node: Node) -> list[tuple[str, Node]]:
    tag = node[0]
    if tag in (LIST, TUPLE):
        return [(str(index), item) for index, item in enumerate(node[1])]
    if tag in (DICT, OBJECT):
        keys, nodes = node[-2:]
        return [(str(key), item) for key, item in zip(keys, nodes, strict=True)]
    return [("value", node[2])] if tag == OUTCOME and node[2] is not None else []


def _ending(value: Any) -> str:
    return "txt" if isinstance(value, str) else "bin" if isinstance(value, bytes) else "json"


def _bytes_of(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    told = json.dumps(value, indent=2, ensure_ascii=False, default=lambda data: bytes(data).hex())
    return (told + "\n").encode("utf-8", "replace")


def _archive(places: list[tuple[str, Path | bytes]]) -> Iterator[bytes]:
    """A ZIP archive, piece by piece. What is stored is mostly packed already, and packing it again would only take time."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:  # type: ignore[call-overload]
        for name, source in places:
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o644 << 16
            with archive.open(info, "w", force_zip64=True) as entry:
                for chunk in _chunks(source):
                    entry.write(chunk)
                    yield sink.taken()
            yield sink.taken()
    yield sink.taken()


def _chunks(source: Path | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with open(source, "rb") as file:
        read: Callable[[], bytes] = lambda: file.read(_CHUNK_BYTES)  # noqa: E731
        yield from iter(read, b"")


class _Sink:
    """Takes what an archive writes, for whoever sends it on."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it."""

    def taken(self) -> bytes:
        told, self._pieces = b"".join(self._pieces), []
        return told
