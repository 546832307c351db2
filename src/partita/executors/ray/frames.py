"""What the engine and its process that speaks with Ray say to each other: MessagePack arrays with their length before them.

Engine to process, after a first map (`Beginning` in `speaker`):

    [START, session, cpu, memory_bytes, gpu, attempts, about, seal]   have a worker made, unless it is there
    [RESUME, session, seal]     go on with a worker that was made
    [LETTERS, session, number, data]        a sealed batch for the agent
    [ACKNOWLEDGED, session, number]         of the agent's batches, these need not be kept
    [STOP_WORKER, session, grace_s]
    [SURVEY]

Process to engine:

    [CONNECTED]                 Ray is reached
    [UNREACHABLE, words, is_final]  it is not, and the process ends
    [MADE, session]             from now on batches may have reached it
    [WAITING, session, words]   it is not placed yet, for this reason
    [STANDS, session]           its agent answers
    [RECEIVED, session, number] the agent's side has the batches up to this
    [SAID, session, [[number, data]]]
    [LOST, session, reason, words, exit_status]     it is gone
    [FOUND, sessions]           the answer to SURVEY
"""

from __future__ import annotations

import struct
from typing import Any

import msgpack

__all__ = [
    "ACKNOWLEDGED", "CONNECTED", "FOUND", "LETTERS", "LOST", "MADE", "RECEIVED", "RESUME", "SAID", "STANDS", "START",
    "STOP_WORKER", "SURVEY", "UNREACHABLE", "WAITING", "FrameReader", "pack_frame",
]  # fmt: skip

START, RESUME, LETTERS, ACKNOWLEDGED, STOP_WORKER, SURVEY = range(6)
CONNECTED, UNREACHABLE, MADE, WAITING, STANDS, RECEIVED, SAID, LOST, FOUND = range(16, 25)

_LENGTH = struct.Struct("!I")


def pack_frame(frame: Any) -> bytes:
    """The frame as bytes."""
    packed: bytes = msgpack.packb(frame, use_bin_type=True)
    return _LENGTH.pack(len(packed)) + packed


class FrameReader:
    """Takes bytes as they come, and gives whole frames."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        """The frames that are complete with these bytes."""
        self._bytes += data
        found, at = [], 0
        while len(self._bytes) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._bytes, at)
            end = at + _LENGTH.size + length
            if len(self._bytes) < end:
                break
            found.append(msgpack.unpackb(self._bytes[at + _LENGTH.size : end], raw=False))
            at = end
        del self._bytes[:at]
        return found
