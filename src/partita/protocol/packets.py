"""How a message travels: one MessagePack array a packet, and a file for what is too large for a packet.

Between engine and worker lie two packet sockets. The first carries the messages of `protocol.messages`; packets that
the worker has not read from it can be taken back. The second carries what must reach an attempt that runs:

    [CANCEL, ticket, reason]                    stop this attempt; a signal follows
    [REPLY, ticket, request, is_ok, answer]     as in `protocol.messages`

A PROFILE whose map is None makes the worker forget the profile. A map of a PROFILE carries, beside the fields of a
Profile, "bundle", "folder", "workspace", "artifacts" and "process_variables" (which libraries read at import).

A message longer than PACKET_LIMIT_BYTES is written to a file; the packet then is SPILLED and the file's path, and
whoever reads the packet deletes the file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import msgpack

from partita.errors import ProtocolError

__all__ = ["CANCEL", "PACKET_BYTES", "PACKET_LIMIT_BYTES", "SPILLED", "Spill", "pack_message"]

CANCEL = 4

PACKET_LIMIT_BYTES = 100_000

#: A buffer of this size holds every packet.
PACKET_BYTES = PACKET_LIMIT_BYTES + 4096

#: MessagePack never uses this byte, so no message begins with it.
SPILLED = b"\xc1"

_packer = msgpack.Packer(use_bin_type=True, autoreset=True)
_unpack = msgpack.unpackb


def pack_message(message: Sequence[Any]) -> bytes:
    """The message as bytes, whatever its length."""
    packed: bytes = _packer.pack(message)
    return packed


class Spill:
    """Packs and opens messages; large ones go through files in a folder."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.abspath(folder)
        self._number = 0

    def pack(self, message: Sequence[Any]) -> bytes:
        """The message as one packet."""
        packed: bytes = _packer.pack(message)
        return packed if len(packed) <= PACKET_LIMIT_BYTES else self._write(packed)

    def open(self, packet: bytes) -> list[Any]:
        """The message in a packet.

        Raises:
            ProtocolError: the packet names a file outside the folder, or holds no message.
        """
        if packet[:1] == SPILLED:
            packet = self._read(packet)
        message = _unpack(packet, raw=False, strict_map_key=False, use_list=True)
        if type(message) is not list or not message:
            raise ProtocolError(f"a packet holds {type(message).__name__} instead of a message")
        return message

    def discard(self, packet: bytes) -> None:
        """Delete the file of a packet that nobody will open."""
        if packet[:1] == SPILLED:
            os.unlink(self._path_in(packet))

    def _write(self, packed: bytes) -> bytes:
        self._number += 1
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        path = os.path.join(self.folder, f"{os.getpid()}-{id(self):x}-{self._number}")
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(packed)
            while view:
                view = view[os.write(file, view) :]
        except BaseException:
            os.unlink(path)
            raise
        finally:
            os.close(file)
        return SPILLED + os.fsencode(path)

    def _read(self, packet: bytes) -> bytes:
        path = self._path_in(packet)
        with open(path, "rb") as file:
            packed = file.read()
        os.unlink(path)
        return packed

    def _path_in(self, packet: bytes) -> str:
        path = os.fsdecode(packet[1:])
        if os.path.dirname(path) != self.folder:
            raise ProtocolError(f"a packet names {path}, which does not lie in {self.folder}")
        return path
