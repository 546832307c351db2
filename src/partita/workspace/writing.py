"""Writing an artifact to files in the form in which other programs read it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from partita.artifacts.blobs import BlobStore
from partita.errors import ValueStoreError
from partita.values import BLOB, DICT, INLINE, LIST, OBJECT, OUTCOME, PLAIN, TUPLE, Node, unpack

__all__ = ["write_artifact"]

#: The ending of a codec's files; what is not listed is written as it is, with the codec's name.
_ENDINGS = {
    "npy": "npy", "bytes": "bin", "text": "txt", "msgpack": "json", "path": "txt", "pickle": "pickle",
    "arrow": "arrow", "pandas": "arrow", "polars": "arrow", "audio": "wav", "picture": "png", "html": "html", "onnx": "onnx",
    "safetensors": "safetensors", "tensors": "safetensors", "scalar": "msgpack", "enum": "msgpack",
}  # fmt: skip


def write_artifact(blobs: BlobStore, node: Node, name: str, target: Path | None, *, is_raw: bool = False) -> list[Path]:
    """Write the value; gives the files.

    Args:
        name: what the file is called where the target is a folder or not given.
        target: file or folder; a structure of several values always becomes a folder, unless all of it is JSON.
        is_raw: write what is stored, byte for byte.

    Raises:
        DamagedError: the blob is not there, or not what was written.
        ValueStoreError: the value can be opened by Python only, or the files cannot be written.
    """
    try:
        plain, is_plain = _plain(node)
        if node[0] not in (BLOB, INLINE) and not is_plain:
            folder = target if target is not None else Path(name)
            written = list(_write_parts(blobs, node, folder, is_raw))
            return written
        ending = _plain_ending(plain) if is_plain else _ENDINGS.get(node[1], str(node[1]))
        file = _file(target, name, ending)
        if is_plain:
            file.write_bytes(_plain_bytes(plain))
        else:
            _write_leaf(blobs, node, file, is_raw)
        return [file]
    except OSError as error:
        raise ValueStoreError(f"{error.filename or target or name} cannot be written: {error.strerror}") from error


def _file(target: Path | None, name: str, ending: str) -> Path:
    if target is None:
        return Path(f"{name}.{ending}")
    return target / f"{name}.{ending}" if target.is_dir() else target


def _write_parts(blobs: BlobStore, node: Node, folder: Path, is_raw: bool) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for key, item in _items(node):
        name = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in key).lstrip(".") or "_"
        yield from write_artifact(
            blobs, item, name, folder if item[0] in (BLOB, INLINE) or _plain(item)[1] else folder / name, is_raw=is_raw
        )


def _items(node: Node) -> list[tuple[str, Node]]:
    tag = node[0]
    if tag in (LIST, TUPLE):
        return [(str(index), item) for index, item in enumerate(node[1])]
    if tag in (DICT, OBJECT):
        keys, nodes = (node[1], node[2]) if tag == DICT else (node[2], node[3])
        return [(str(key), item) for key, item in zip(keys, nodes, strict=True)]
    return [("value", node[2])] if tag == OUTCOME and node[2] is not None else []


def _plain(node: Node) -> tuple[Any, bool]:
    """The value where all of it is plain data, and whether it is."""
    if node[0] == PLAIN:
        return node[1], True
    if node[0] in (BLOB, INLINE) or (node[0] == OUTCOME and node[2] is None):
        return None, False
    items = [(key, _plain(item)) for key, item in _items(node)]
    if not all(is_plain for _, (_, is_plain) in items):
        return None, False
    if node[0] in (LIST, TUPLE):
        return [value for _, (value, _) in items], True
    return {key: value for key, (value, _) in items}, True


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


def _write_leaf(blobs: BlobStore, node: Node, file: Path, is_raw: bool) -> None:
    codec = node[1]
    if codec == "pickle" and not is_raw:
        raise ValueStoreError(
            "this value is a Python object that was pickled; opening it runs code, so it is done only in your own process: "
            "`partita.open_workspace().value(NAME)` in Python gives it, and --raw writes what is stored"
        )
    if codec == "msgpack" and not is_raw:
        data = blobs.get(node[2]) if node[0] == BLOB else node[2]
        file.write_bytes(_plain_bytes(unpack(data)))
    elif node[0] == INLINE:
        file.write_bytes(node[2])
    else:
        source = blobs.path(node[2])
        shutil.copyfile(source, file)
