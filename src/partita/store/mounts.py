"""Whether a folder lies on a file system of another machine, where SQLite's WAL and locks cannot be relied on."""

from __future__ import annotations

import os
import re
from pathlib import Path

from partita.errors import UnsafeStoreError

__all__ = ["MOUNT_TABLE", "file_system_of", "refuse_network_file_system"]

MOUNT_TABLE = Path("/proc/self/mountinfo")

# What shares files between machines: the wal-index is shared memory, which only the processes of one machine see.
_NETWORK = frozenset({
    "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "fuse.ceph", "fuse.curlftpfs", "fuse.davfs", "fuse.gcsfuse",
    "fuse.glusterfs", "fuse.goofys", "fuse.juicefs", "fuse.mfs", "fuse.moosefs", "fuse.rclone", "fuse.s3fs",
    "fuse.seaweedfs", "fuse.smbnetfs", "fuse.sshfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4",
    "ocfs2", "orangefs", "pvfs2", "smb2", "smb3", "smbfs",
})  # fmt: skip


def refuse_network_file_system(folder: Path, table: Path = MOUNT_TABLE) -> None:
    """Do nothing where the folder is safe for a store.

    Raises:
        UnsafeStoreError: its file system is shared between machines.
    """
    kind = file_system_of(folder, table)
    if kind in _NETWORK:
        raise UnsafeStoreError(
            f"{folder} is on a network file system ({kind}), where SQLite's log and locks are not safe; "
            "put the workspace on a local disk: set `store` in partita.toml or PARTITA_STORE to a folder there"
        )


def file_system_of(folder: Path, table: Path = MOUNT_TABLE) -> str:
    """The type of the file system that the folder is on, or will be once it is made; empty: not known."""
    try:
        lines = table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""  # no Linux
    path = os.path.realpath(folder)
    longest, kind = -1, ""
    for line in lines:
        fields, separator, rest = line.partition(" - ")
        words = fields.split(" ")
        if not separator or len(words) < 5:
            continue
        point = _unescape(words[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= longest:  # of two on one point, the later hides the earlier
            longest, kind = len(point), rest.split(" ")[0]
    return kind


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
