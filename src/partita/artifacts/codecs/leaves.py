"""How one leaf of a value becomes bytes and back: a codec for each kind of thing, pickles for all others."""

from __future__ import annotations

import io
import mmap
import os
import sys
from collections.abc import Callable
from pathlib import Path, PosixPath
from typing import Any, NamedTuple

from partita.artifacts.blobs.hashing import Buffer
from partita.artifacts.codecs.port import Codec, codec_named
from partita.errors import DamagedError, ValueStoreError
from partita.values import pack, unpack

__all__ = [
    "MAPPED_BYTES",
    "Leaf",
    "array_leaf",
    "codec_leaf",
    "mapped",
    "open_file",
    "open_leaf",
    "path_leaf",
    "plain_leaf",
]

#: Arrays in blobs of at least this size are mapped into memory instead of read.
MAPPED_BYTES = 1 << 20

#: NumPy refuses to read a longer header.
_HEADER_BYTES = 9000


class Leaf(NamedTuple):
    """An encoded leaf."""

    codec: str
    parts: tuple[Buffer, ...]  # one after the other
    file: Path | None = None  # instead of parts: what this file holds
    code: str = ""  # hash of the project's code that opening it runs

    @property
    def size_bytes(self) -> int:
        return sum(memoryview(part).nbytes for part in self.parts)

    @property
    def data(self) -> bytes:
        return b"".join(self.parts)


def plain_leaf(value: Any) -> Leaf:
    """A plain value that is too large to lie in the node itself."""
    kind = type(value)
    if kind is bytes:
        return Leaf("bytes", (value,))
    if kind is str:
        return Leaf("text", (value.encode(),))
    return Leaf("msgpack", (pack(value),))


def path_leaf(value: PosixPath) -> Leaf:
    """A path, as the bytes that the operating system knows it by."""
    return Leaf("path", (os.fsencode(value),))


def array_leaf(value: Any) -> Leaf | None:
    """A NumPy array in the .npy format; None where that would not give the same array back."""
    numpy = sys.modules.get("numpy")
    if numpy is None or type(value) is not numpy.ndarray or not _is_simple(numpy.lib.format, value.dtype):
        return None
    form = numpy.lib.format
    head = io.BytesIO()
    try:
        form.write_array_header_1_0(head, form.header_data_from_array_1_0(value))
    except ValueError:  # thousands of fields, or names beyond Latin-1
        return None
    if head.tell() > _HEADER_BYTES:
        return None
    if not value.nbytes:
        return Leaf("npy", (head.getvalue(),))
    flat = value.T if value.flags.f_contiguous and not value.flags.c_contiguous else value
    body = numpy.ascontiguousarray(flat).reshape(-1).view(numpy.uint8)
    return Leaf("npy", (head.getvalue(), memoryview(body)))


def _is_simple(form: Any, dtype: Any) -> bool:
    if dtype.kind not in "?biufcmMSUV" or dtype.hasobject or not _is_described(dtype):
        return False
    try:
        return bool(form.descr_to_dtype(form.dtype_to_descr(dtype)) == dtype)
    except (UserWarning, ValueError, TypeError):
        return False


def _is_described(dtype: Any) -> bool:
    """Whether the format says all of the type: not what is noted at it, nor that its fields are aligned as in C."""
    if dtype.metadata or dtype.isalignedstruct:
        return False
    if dtype.subdtype is not None:
        return _is_described(dtype.subdtype[0])
    return dtype.names is None or all(_is_described(dtype.fields[name][0]) for name in dtype.names)


def codec_leaf(value: Any, find: Callable[[Any], Codec | None]) -> Leaf | None:
    """The value as its codec writes it; None where no codec keeps it exactly."""
    codec = find(value)
    if codec is None:
        return None
    try:
        return Leaf(codec.name, tuple(codec.encode(value)))
    except MemoryError:
        raise
    except Exception:  # what the codec did not see coming is pickled
        return None


def open_leaf(codec: str, data: bytes | memoryview, unpickle: Callable[[Any], Any]) -> Any:
    """The value of a leaf.

    Raises:
        ValueStoreError: the codec is not known here.
        DamagedError: it is not what the codec wrote.
    """
    if codec == "pickle":
        return unpickle(data)
    opener: Callable[[Any], Any] = _OPENERS.get(codec) or _opener_of(codec)
    try:
        return opener(data)
    except ImportError as error:
        raise ValueStoreError(
            f"a stored value of the codec {codec!r} cannot be opened here: {error}; install it"
        ) from error
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, EOFError) as error:
        raise DamagedError(f"a stored value cannot be read as {codec}: {error}; rerun the step that made it") from error


def _opener_of(name: str) -> Callable[[Any], Any]:
    codec = codec_named(name)
    if codec is None:
        raise ValueStoreError(
            f"a stored value has the codec {name!r}, which this Partita does not know; upgrade it, or install the package "
            "that brings the codec"
        )
    return lambda data: codec.decode(memoryview(data))


def mapped(path: Path) -> memoryview:
    """A blob's file in memory: pages are read when they are touched, and writing changes a private copy."""
    with open(path, "rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))


def open_file(path: Path) -> Any:
    """An array in a blob's file, mapped: pages are read when they are touched, and writing changes a private copy."""
    import numpy

    try:
        return numpy.asarray(numpy.load(path, mmap_mode="c", allow_pickle=False))
    except ValueError as error:
        raise DamagedError(
            f"the blob {path} cannot be read as an array: {error}; rerun the step that made it"
        ) from error


def _open_array(data: bytes) -> Any:
    import numpy

    form = numpy.lib.format
    file = io.BytesIO(data)
    if form.read_magic(file) != (1, 0):
        raise ValueError("another version of the .npy format")
    shape, is_fortran, dtype = form.read_array_header_1_0(file)
    count = 1
    for size in shape:
        count *= size
    body = bytearray(memoryview(data)[file.tell() :])  # a copy that may be written to
    if len(body) != count * dtype.itemsize:
        raise ValueError(f"{len(body)} bytes for {count} elements of {dtype}")
    flat = numpy.frombuffer(body, dtype, count) if body else numpy.empty(count, dtype)
    return flat.reshape(shape[::-1]).T if is_fortran else flat.reshape(shape)


_OPENERS: dict[str, Callable[[bytes], Any]] = {
    "bytes": bytes,
    "msgpack": unpack,
    "npy": _open_array,
    "path": lambda data: Path(os.fsdecode(data)),
    "text": lambda data: data.decode(),
}
