"""Archives of code from elsewhere: nothing in them is believed, and nothing of them is written before all is looked at.

An archive is a tar of plain files, as `pack_archive` makes it. Its name and what its sender says of it count for nothing: the
bundle goes by the hash of what it holds.
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO

from partita.artifacts.blobs.locking import folder_lock, touch
from partita.artifacts.code.bundles import bundle_hash
from partita.artifacts.code.heads import CheckedHeads
from partita.errors import PublishError

__all__ = ["MOST_BYTES", "MOST_FILES", "receive_archive"]

#: As much as a project's code may be (`sources`), and the heads of the files.
MOST_FILES = 5_000
MOST_BYTES = 64 << 20
_MOST_MEMBERS = 4 * MOST_FILES
_LONGEST_PATH = 1000
_LONGEST_NAME = 255


def receive_archive(
    archive: bytes | Path, bundles: Path, *, most_files: int = MOST_FILES, most_bytes: int = MOST_BYTES
) -> str:
    """Keep the code of an archive among the bundles; gives its hash.

    Args:
        archive: the bytes, or the file that holds them.
        bundles: the folder of bundles.
        most_files, most_bytes: more are refused.

    Raises:
        PublishError: it is no such archive; nothing of it is kept.
    """
    limit = most_bytes + 3 * 512 * _MOST_MEMBERS
    size = len(archive) if isinstance(archive, bytes) else archive.stat().st_size
    if size > limit:
        raise PublishError(f"the archive has {size:,} bytes; code has at most {most_bytes:,}")
    if isinstance(archive, bytes):
        files = _files(io.BytesIO(archive), most_files, most_bytes)
    else:
        with archive.open("rb") as opened:
            files = _files(opened, most_files, most_bytes)
    hash = bundle_hash(files)
    _keep(files, bundles / hash)
    return hash


def _files(opened: IO[bytes], most_files: int, most_bytes: int) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = members = 0
    try:
        heads = CheckedHeads(opened)
        while heads.read(1 << 16):
            pass
        opened.seek(0)
        # "r:" takes no compressed archive, which could hold much more than it is large.
        with tarfile.open(fileobj=opened, mode="r:") as archive:
            for member in archive:
                members += 1
                if members > _MOST_MEMBERS:
                    raise PublishError(f"the archive holds more than {_MOST_MEMBERS:,} entries")
                if member.isdir():
                    _path(member.name)
                    continue
                if not member.isreg() or member.issparse():
                    raise PublishError(
                        f"the archive holds {member.name!r}, which is no plain file; code has no links and devices"
                    )
                name = _path(member.name)
                if name == ".":
                    raise PublishError(f"the archive holds {member.name!r} as a file, which is the folder of the code")
                total += member.size
                if len(files) >= most_files or total > most_bytes:
                    raise PublishError(
                        f"the archive holds more than {most_files:,} files or {most_bytes:,} bytes of code"
                    )
                if name in files:
                    raise PublishError(f"the archive holds {name!r} twice")
                content = archive.extractfile(member)
                data = content.read(member.size) if content is not None else b""
                if len(data) != member.size:
                    raise PublishError(f"the archive ends within {name!r}")
                files[name] = data
    except (tarfile.TarError, EOFError, ValueError, OverflowError, UnicodeError, OSError, RecursionError) as error:
        raise PublishError(f"this is no archive of code: {error or type(error).__name__}") from error
    if not files:
        raise PublishError("the archive holds no files")
    _refuse_files_as_folders(files)
    return files


def _path(name: str) -> str:
    """The path of a member, which stays below the folder.

    Raises:
        PublishError: it does not.
    """
    path = PurePosixPath(name)
    parts = name.rstrip("/").split("/")
    is_plain = not path.is_absolute() and not {"", "..", "."} & set(parts[1:] if parts[0] == "." else parts)
    is_named = all(len(part.encode("utf-8", "surrogateescape")) <= _LONGEST_NAME for part in parts)
    is_plain = is_plain and "__pycache__" not in parts
    if (
        not is_plain
        or not is_named
        or "\\" in name
        or len(name) > _LONGEST_PATH
        or any(ord(sign) < 32 for sign in name)
    ):
        raise PublishError(f"the archive holds the path {name[:200]!r}, which leads out of it or is none of code")
    return path.as_posix()


def _refuse_files_as_folders(files: dict[str, bytes]) -> None:
    for name in files:
        for parent in PurePosixPath(name).parents:
            if parent.as_posix() in files:
                raise PublishError(f"the archive holds {parent.as_posix()!r} as a file and as a folder")


def _keep(files: dict[str, bytes], folder: Path) -> None:
    bundles = folder.parent
    part = folder.with_name(f".{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        bundles.mkdir(parents=True, exist_ok=True)
        with folder_lock(bundles, is_alone=False):  # a collection must not remove it before it is published
            if touch(folder):
                return
        for name, data in files.items():
            target = part / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        try:
            part.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process was quicker
                raise
    except OSError as error:
        raise PublishError(
            f"the code cannot be kept in {bundles}: {error.strerror or error}; see its rights and room"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
