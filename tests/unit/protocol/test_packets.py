"""Large messages travel as files, which vanish when they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita.errors import ProtocolError
from partita.protocol.packets import PACKET_LIMIT_BYTES, SPILLED, Spill


def test_small_messages_need_no_file(tmp_path: Path) -> None:
    spill = Spill(str(tmp_path / "spill"))
    assert spill.open(spill.pack([1, "text", b"bytes", None, {"a": [2.5]}])) == [
        1,
        "text",
        b"bytes",
        None,
        {"a": [2.5]},
    ]
    assert not (tmp_path / "spill").exists()


def test_large_messages_leave_no_file_behind(tmp_path: Path) -> None:
    spill = Spill(str(tmp_path / "spill"))
    message = [1, b"x" * (PACKET_LIMIT_BYTES + 1)]
    packet = spill.pack(message)
    assert len(packet) < 4096
    (file,) = (tmp_path / "spill").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert Spill(str(tmp_path / "spill")).open(packet) == message
    assert not list((tmp_path / "spill").iterdir())


def test_what_nobody_opens_can_be_discarded(tmp_path: Path) -> None:
    spill = Spill(str(tmp_path))
    spill.discard(spill.pack([b"x" * (PACKET_LIMIT_BYTES + 1)]))
    spill.discard(spill.pack([1]))
    assert not list(tmp_path.iterdir())


def test_a_file_outside_the_folder_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"\x91\x01")
    with pytest.raises(ProtocolError, match="does not lie in"):
        Spill(str(tmp_path / "spill")).open(SPILLED + bytes(other))
    assert other.exists()


def test_what_is_no_message_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="int instead of a message"):
        Spill(str(tmp_path)).open(b"\x05")
