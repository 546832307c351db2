"""Archives of code from elsewhere: what is none is refused, and nothing of it is written."""

from __future__ import annotations

import gzip
import io
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from partita.artifacts.code.archive import pack_archive
from partita.artifacts.code.bundles import make_bundle
from partita.artifacts.code.receiving import receive_archive
from partita.errors import BackupError, PublishError
from partita.workspace.backup.targets import opened_archive


def packed(
    *members: tuple[str, bytes | None], change: Callable[[tarfile.TarInfo], None] = lambda member: None
) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data or b"")
            if data is None:
                change(member)
            archive.addfile(member, io.BytesIO(data or b""))
    return target.getvalue()


def kind(type: bytes, target: str = "/etc/passwd") -> Callable[[tarfile.TarInfo], None]:
    def change(member: tarfile.TarInfo) -> None:
        member.type, member.linkname = type, target

    return change


def test_code_goes_by_the_hash_of_what_it_holds(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "pkg").mkdir(parents=True)
    (project / "flows.py").write_text("x = 1\n")
    (project / "pkg" / "a.py").write_text("y = 2\n")
    made = make_bundle(project, tmp_path / "one")
    (made.folder / "__pycache__").mkdir()
    (made.folder / "__pycache__" / "flows.pyc").write_bytes(b"left by a worker")
    archive = pack_archive(made.folder)
    bundles = tmp_path / "two" / "bundles"
    assert receive_archive(archive, bundles) == made.hash
    (tmp_path / "code.tar").write_bytes(archive)
    assert receive_archive(tmp_path / "code.tar", bundles) == made.hash
    assert (bundles / made.hash / "pkg" / "a.py").read_text() == "y = 2\n"
    assert [path.name for path in bundles.iterdir()] == [made.hash]
    assert pack_archive(bundles / made.hash) == archive
    assert receive_archive(packed(("./flows.py", b"x = 1\n"), ("pkg/a.py", b"y = 2\n")), bundles) == made.hash


@pytest.mark.parametrize(
    "name",
    [
        "../x.py", "a/../../x.py", "/etc/x.py", "a//b.py", "a/./b.py", "..", "a\\b.py", "a\nb.py", "x" * 300, "a/" * 600 + "b.py",
        "__pycache__/x.pyc", "a/__pycache__/b.py", "../",
    ],
)  # fmt: skip
def test_paths_that_lead_out_or_are_none_of_code_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PublishError):
        receive_archive(packed(("flows.py", b"x"), (name, b"y")), tmp_path / "bundles")
    assert not (tmp_path / "bundles").exists() or list((tmp_path / "bundles").iterdir()) == []


@pytest.mark.parametrize("type", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, type: bytes) -> None:
    archive = packed(("flows.py", b"x"), ("link.py", None), change=kind(type))
    with pytest.raises(PublishError, match="no plain file"):
        receive_archive(archive, tmp_path / "bundles")


def test_what_is_too_much_is_refused(tmp_path: Path) -> None:
    archive = packed(*((f"m{number}.py", b"x" * 100) for number in range(10)))
    with pytest.raises(PublishError, match="more than 9 files"):
        receive_archive(archive, tmp_path / "bundles", most_files=9)
    with pytest.raises(PublishError, match="999 bytes"):
        receive_archive(archive, tmp_path / "bundles", most_bytes=999)
    assert receive_archive(archive, tmp_path / "bundles", most_files=10, most_bytes=1000)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    whole = packed(("flows.py", b"x" * 5000))
    twice = packed(("a.py", b"x"), ("a.py", b"y"))
    both = packed(("a", b"x"), ("a/b.py", b"y"))
    for data in (b"", b"nothing", gzip.compress(whole), whole[:3000], twice, both, packed(), b"\0" * 10240):
        with pytest.raises(PublishError):
            receive_archive(data, tmp_path / "bundles")


def test_a_size_that_is_announced_and_not_there_is_refused(tmp_path: Path) -> None:
    data = bytearray(packed(("flows.py", b"x")))
    data[124:136] = b"77777777777\0"
    checksum = sum(data[:148]) + 8 * 32 + sum(data[156:512])
    data[148:156] = f"{checksum:06o}\0 ".encode()
    with pytest.raises(PublishError):
        receive_archive(bytes(data), tmp_path / "bundles")


def head(type: bytes, size: bytes, name: bytes = b"x") -> bytes:
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108], block[124:136], block[156:157] = b"0000644\0", size.ljust(12, b"\0"), type
    block[257:265] = b"ustar\x0000"
    block[148:156] = f"{sum(block) + 8 * 32:06o}\0 ".encode()
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


FILE = head(b"0", b"00000000001", b"a.py") + padded(b"x")
END = bytes(1024)


def noted(type: bytes, note: bytes) -> bytes:
    return head(type, f"{len(note):011o}".encode()) + padded(note)


@pytest.mark.parametrize("type", [b"x", b"g", b"L", b"K", b"X"])
def test_long_notes_of_members_are_not_read(tmp_path: Path, type: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(PublishError, match="long name or note"):
        receive_archive(noted(type, b"1" * (8 << 20)) + FILE + END, tmp_path / "bundles")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "before",
    [
        noted(b"x", b"1" * 60_000), noted(b"x", b"0000001 a=b\n"), noted(b"x", b"19 GNU.sparse.a=b\n"), noted(b"x", b"9 size=-1"),
        noted(b"x", b"11 size=-5\n"), noted(b"g", b"10 size=1\n"), noted(b"x", b"10 size=1\n") * 2, noted(b"L", b"a.py\0") * 9,
        head(b"0", b"\xff" * 12), head(b"0", b"-0000000001"), head(b"0", b"0o17"), head(b"5", b"00000001000", b"d/"),
        head(b"\0", b"00000001000", b"d/"), head(b"S", b"00000000000"),
    ],
)  # fmt: skip
def test_heads_that_can_be_understood_in_two_ways_are_refused(tmp_path: Path, before: bytes) -> None:
    with pytest.raises(PublishError, match="this is no archive of code"):
        receive_archive(before + FILE + END, tmp_path / "bundles")


def test_heads_behind_a_member_are_where_its_notes_have_it(tmp_path: Path) -> None:
    hidden = noted(b"x", b"1" * 100_000)
    note = f"{len(hidden)}"
    note = f"{len(note) + 9} size={note}\n"
    held = noted(b"x", note.encode()) + head(b"0", b"00000000000", b"b.py") + hidden + FILE + END
    assert receive_archive(held, tmp_path / "bundles")  # it is the content of a file
    shown = noted(b"x", b"10 size=0\n") + head(b"0", f"{len(hidden):011o}".encode(), b"b.py") + hidden + FILE + END
    with pytest.raises(PublishError, match="long name or note"):
        receive_archive(shown, tmp_path / "bundles")


def test_names_of_any_length_that_tar_knows_are_taken(tmp_path: Path) -> None:
    long = "/".join(["d" * 90] * 4) + "/a.py"
    found = set()
    for format in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w", format=format) as archive:
            for name in (long, "\xfc.py"):
                member = tarfile.TarInfo(name)
                member.size, member.mtime = 3, 1.5  # type: ignore[assignment]  # a note in one of the formats
                archive.addfile(member, io.BytesIO(b"abc"))
        found.add(receive_archive(target.getvalue(), tmp_path / "bundles"))
    assert len(found) == 1


@pytest.mark.parametrize("name", [b"./", b"."])
def test_no_file_is_the_folder_itself(tmp_path: Path, name: bytes) -> None:
    with pytest.raises(PublishError, match="the folder of the code"):
        receive_archive(head(b"0", b"00000000001", name) + padded(b"x") + END, tmp_path / "bundles")
    assert not list(tmp_path.glob("bundles/*"))


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_archives_of_backups_are_looked_at_too(tmp_path: Path, ending: str) -> None:
    data = noted(b"x", b"1" * (1 << 20)) + FILE + END
    file = tmp_path / f"backup{ending}"
    file.write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    with pytest.raises(BackupError, match="long name or note"), opened_archive(file) as archive:
        archive.getmembers()
