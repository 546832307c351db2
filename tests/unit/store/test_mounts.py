from __future__ import annotations

from pathlib import Path

import pytest

from partita.errors import UnsafeStoreError
from partita.store.mounts import file_system_of, refuse_network_file_system
from partita.store.sqlite import SqliteStore

TABLE = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 27 0:40 / /home rw,relatime shared:1 master:2 - nfs4 server:/home rw
31 30 0:41 / /home/local rw,relatime - xfs /dev/vdb rw
32 27 0:42 / /with\040space rw - cifs //server/share rw
33 27 0:43 / /twice rw - tmpfs tmpfs rw
34 33 0:44 / /twice rw - fuse.sshfs host: rw
broken line
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    return table


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", "ext4"), ("/var/x", "ext4"), ("/home", "nfs4"), ("/home/me/.partita", "nfs4"), ("/home/local/me", "xfs"),
        ("/homestead", "ext4"), ("/home/localized", "nfs4"), ("/with space/x", "cifs"), ("/twice", "fuse.sshfs"),
    ],
)  # fmt: skip
def test_the_longest_and_latest_mount_counts(table: Path, folder: str, kind: str) -> None:
    assert file_system_of(Path(folder), table) == kind


@pytest.mark.parametrize("folder", ["/home/me", "/with space", "/twice/a"])
def test_folders_on_other_machines_are_refused(table: Path, folder: str) -> None:
    with pytest.raises(UnsafeStoreError, match=r"network file system.*local disk"):
        refuse_network_file_system(Path(folder), table)


def test_local_folders_are_not(table: Path) -> None:
    refuse_network_file_system(Path("/home/local/me"), table)


def test_a_link_to_a_folder_there_is_refused(table: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/home/me")
    with pytest.raises(UnsafeStoreError):
        refuse_network_file_system(tmp_path / "link" / "deep", table)


def test_a_machine_without_a_mount_table_is_trusted(tmp_path: Path) -> None:
    refuse_network_file_system(tmp_path, tmp_path / "nothing")


def test_a_store_refuses_before_it_writes_anything(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"27 1 254:0 / {tmp_path} rw - nfs server:/ rw\n")
    with pytest.raises(UnsafeStoreError, match="nfs"):
        SqliteStore(tmp_path / "workspace" / "store.db", mounts=table)
    assert not (tmp_path / "workspace").exists()
