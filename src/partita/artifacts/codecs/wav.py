"""The WAV format (RIFF, "Multimedia Programming Interface and Data Specifications 1.0"): headers written and read."""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

__all__ = ["WavFormat", "own_header", "read_header", "read_own_header"]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_GUID = bytes.fromhex("000000001000800000aa00389b71")  # of a subformat, after its code
_MOST = 2**32 - 1

#: Partita's own headers have this length: samples lie aligned when the file is mapped. What a WAV file cannot say,
#: whether samples of one channel are a column, stands in a chunk that readers skip.
_HEADER_BYTES = 128
_MARK = b"partita"


class WavFormat(NamedTuple):
    """What a WAV file holds."""

    is_float: bool
    width_bytes: int  # of a sample
    channels: int
    rate_hz: int
    frames: int
    has_columns: bool = False  # the samples are of shape (frames, channels), also where there is one channel

    @property
    def size_bytes(self) -> int:
        """How much the samples take."""
        return self.width_bytes * self.channels * self.frames


def own_header(form: WavFormat) -> bytes | None:
    """The header of a file that Partita writes; None where the format's numbers are too small for it."""
    block = form.width_bytes * form.channels
    riff_bytes = _HEADER_BYTES - 8 + form.size_bytes + form.size_bytes % 2
    if not (0 < form.channels < 2**16 and block < 2**16 and 0 < form.rate_hz * block <= _MOST and riff_bytes <= _MOST):
        return None
    code = _FLOAT if form.is_float else _PCM
    about = struct.pack("<HHIIHH", code, form.channels, form.rate_hz, form.rate_hz * block, block, 8 * form.width_bytes)
    chunks = _chunk(b"fmt ", about + b"\0\0") + _chunk(b"fact", struct.pack("<I", form.frames)) if form.is_float else (
        _chunk(b"fmt ", about)
    )  # fmt: skip
    filled = _MARK + bytes([form.has_columns])
    chunks += _chunk(b"JUNK", filled.ljust(_HEADER_BYTES - 12 - len(chunks) - 8 - 8, b"\0"))
    return b"RIFF" + struct.pack("<I", riff_bytes) + b"WAVE" + chunks + b"data" + struct.pack("<I", form.size_bytes)


def read_own_header(data: memoryview) -> tuple[WavFormat, int]:
    """What a file that Partita wrote holds, and where its samples begin.

    Raises:
        ValueError: Partita did not write it so.
    """
    header = bytes(data[:_HEADER_BYTES])
    if len(header) < _HEADER_BYTES or header[:4] != b"RIFF" or header[12:16] != b"fmt ":
        raise ValueError("no WAV file of Partita's")
    code, channels, rate_hz, _, block, bits = struct.unpack_from("<HHIIHH", header, 20)
    size_bytes = int.from_bytes(header[-4:], "little")
    mark = header.find(_MARK)
    has_columns = mark > 0 and header[mark + len(_MARK)] == 1
    frames = size_bytes // block if block else 0
    form = WavFormat(code == _FLOAT, bits // 8, channels, rate_hz, frames, has_columns)
    widths = (4, 8) if form.is_float else (1, 2, 4)
    padding = bytes(data[_HEADER_BYTES + size_bytes :])
    if form.width_bytes not in widths or own_header(form) != header or padding != b"\0" * (size_bytes % 2):
        raise ValueError("no WAV file of Partita's, or a part of one")
    if channels > 1 and not has_columns:
        raise ValueError("several channels without columns")
    return form, _HEADER_BYTES


def read_header(file: BinaryIO, size_bytes: int) -> tuple[WavFormat, int] | None:
    """What any WAV file holds, and where its samples begin; None where it holds no plain samples.

    Args:
        file: at its beginning, seekable; no more than the heads of its chunks are read.
        size_bytes: how much the file holds; samples that it says and does not have are left out.
    """
    if file.read(4) != b"RIFF" or len(file.read(4)) != 4 or file.read(4) != b"WAVE":
        return None
    about = b""
    for _ in range(100):
        head = file.read(8)
        if len(head) < 8:
            return None
        name, length = head[:4], int.from_bytes(head[4:], "little")
        start = file.tell()
        if name == b"data":
            return _told(about, start, min(length, size_bytes - start))
        if name == b"fmt ":
            about = file.read(min(length, 40))
        file.seek(start + length + length % 2)
    return None


def _told(about: bytes, start: int, size_bytes: int) -> tuple[WavFormat, int] | None:
    if len(about) < 16:
        return None
    code, channels, rate_hz, _, block, bits = struct.unpack_from("<HHIIHH", about)
    if code == _EXTENSIBLE and about[26:40] == _GUID:
        code = int.from_bytes(about[24:26], "little")
    width_bytes = bits // 8
    if (code, width_bytes) not in _READ or bits % 8 or not channels or not rate_hz or block != channels * width_bytes:
        return None
    return WavFormat(code == _FLOAT, width_bytes, channels, rate_hz, max(size_bytes, 0) // block, True), start


_READ = {(_PCM, 1), (_PCM, 2), (_PCM, 3), (_PCM, 4), (_FLOAT, 4), (_FLOAT, 8)}


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body
