"""Making a backup of a workspace, while its engine and workers go on.

The order is what makes it whole. First nobody may remove values or code any more, until the end: the lock that a collection takes
alone is held together with all who write. Then the rows are written down as of one moment. Whatever a row names was stored before
the row was, and cannot go now; so all of it is found when it is copied, however long that takes. Logs are only appended to: what
an attempt had printed at that moment is at the front of its file.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from partita.artifacts.blobs.locking import folder_lock
from partita.artifacts.blobs.placing import place_of
from partita.artifacts.blobs.remote import RemoteBlobs
from partita.artifacts.checkpoints import kept_checkpoints
from partita.errors import BackupError, DamagedError
from partita.settings import SETTINGS_FILE
from partita.store.census import Census, take_census
from partita.store.opening import snapshot_of
from partita.version import VERSION
from partita.workspace.backup.manifest import (
    BLOBS,
    BUNDLES,
    FORMAT,
    MANIFEST,
    SNAPSHOTS,
    Manifest,
    read_manifest,
    snapshots_in,
    write_manifest,
)
from partita.workspace.backup.reports import BackupReport
from partita.workspace.backup.sealing import seal
from partita.workspace.backup.targets import ArchiveTarget, FolderTarget, Target, is_archive
from partita.workspace.sweeping import needed_blobs

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["Progress", "make_backup"]

Progress = Callable[[str, int, int], None]  # (what, done, of so many; 0: nobody knows)

#: Folders of the workspace that are made again, or are copied as their own parts.
_NOT_COPIED = frozenset({
    "blobs", "bundles", "checkpoints", "environments", "executors", "fetched", "logs", "spill",
})  # fmt: skip
_VOLATILE = ("engine.", "store.db")
_TRIES = 5


def make_backup(
    workspace: LocalWorkspace, place: Path, passphrase: str | None, progress: Progress = lambda what, done, total: None
) -> BackupReport:
    """Write a backup.

    Args:
        place: a folder, or a file whose name is that of an archive.
        passphrase: seals the workspace's keys; None: they are left out.

    Raises:
        BackupError: it cannot be written there.
        StoreError: the rows cannot be read.
    """
    state = workspace.state
    if not state.exists():
        raise BackupError(f"there is no workspace in {workspace.folder}; nothing has run here yet")
    if state.resolve() in place.resolve().parents or place.resolve() == state.resolve():
        raise BackupError(f"{place} lies in the workspace itself; give a place outside of {state}")
    workspace.ask("runs", limit=1)  # an engine brings an older store up to date
    place.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        target: Target
        if is_archive(place):
            target = ArchiveTarget(place)
            stack.push(lambda kind, error, trace: target.drop() if kind is not None else None)
        else:
            stack.enter_context(_alone(place))
            target = FolderTarget(place)
        blobs = workspace.blobs
        for folder in (*(blobs.folders if isinstance(blobs, RemoteBlobs) else (blobs.folder,)), state / "bundles"):
            stack.enter_context(folder_lock(folder, is_alone=False))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".backup-", dir=state.parent)))
        return _Backup(workspace, target, place, scratch, progress).make(passphrase)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the only one who writes to a folder of backups."""
    if folder.exists() and any(folder.iterdir()) and not (folder / SNAPSHOTS).is_dir():
        raise BackupError(
            f"{folder} holds something else than backups; give an empty folder, or one that does not exist"
        )
    (folder / SNAPSHOTS).mkdir(parents=True, exist_ok=True)
    with (folder / SNAPSHOTS / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BackupError(f"another backup is being written to {folder}; wait for its end") from None
        yield


class _Backup:
    """One that is being made."""

    def __init__(
        self, workspace: LocalWorkspace, target: Target, place: Path, scratch: Path, progress: Progress
    ) -> None:
        self._workspace = workspace
        self._state = workspace.state
        self._target = target
        self._place = place
        self._scratch = scratch
        self._progress = progress
        self._files: dict[str, tuple[int, str]] = {}
        self._blobs: dict[str, int] = {}
        self._absent: list[str] = []
        self._copied = self._written_bytes = self._shared = 0
        now = time.time()
        self._made_at = now
        self._name = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        known = snapshots_in(place) if not is_archive(place) else []
        self._before: Manifest | None = read_manifest(place / SNAPSHOTS / known[-1] / MANIFEST) if known else None

    def make(self, passphrase: str | None) -> BackupReport:
        workspace, state = self._workspace, self._state
        rows = self._scratch / "store.db"
        version = snapshot_of(state, workspace.database, rows, lambda done, total: self._progress("rows", done, total))
        census = take_census(rows)
        finished, unfinished = _runs_in(rows)
        self._add(self._in("store.db"), rows)
        elsewhere = self._add_blobs(census)
        self._add_bundles(census)
        self._add_logs(finished | unfinished, census)
        self._add_checkpoints(unfinished)
        self._add_rest(passphrase)
        manifest = Manifest(
            format=FORMAT, name=self._name, made_at=self._made_at, version=VERSION, project=workspace.folder.name,
            store="postgresql" if workspace.database else "sqlite", tables=version, runs=len(finished) + len(unfinished),
            unfinished=len(unfinished), keys="left out" if passphrase is None else "sealed", artifacts=elsewhere,
            files=self._files, blobs=self._blobs, absent=self._absent,
        )  # fmt: skip
        self._target.put(self._in(MANIFEST), write_manifest(manifest))
        self._target.finish()
        return BackupReport(
            os.fspath(self._place), self._name, manifest["runs"], manifest["unfinished"], self._copied, self._written_bytes,
            self._shared, self._absent, elsewhere,
        )  # fmt: skip

    def _in(self, name: str) -> str:
        return f"{SNAPSHOTS}/{self._name}/{name}"

    def _add(self, name: str, path: Path, size_bytes: int | None = None) -> None:
        told = self._target.add(name, path, size_bytes)
        self._files[name] = told
        self._copied += 1
        self._written_bytes += told[0]

    def _put(self, name: str, data: bytes) -> None:
        self._files[name] = self._target.put(name, data)
        self._copied += 1
        self._written_bytes += len(data)

    # What the rows name

    def _add_blobs(self, census: Census) -> str:
        """Values; gives where those are that stay where they are."""
        blobs = self._workspace.blobs
        needed = sorted(needed_blobs(census, blobs))
        is_far = isinstance(blobs, RemoteBlobs)
        folders = blobs.folders[1:] if isinstance(blobs, RemoteBlobs) else (blobs.folder,)
        left = False
        for done, digest in enumerate(needed):
            if done % 100 == 0:
                self._progress("values", done, len(needed))
            place = next((path for folder in folders if (path := folder / digest[:2] / digest[2:]).exists()), None)
            if place is not None:
                self._add_blob(digest, place)
            elif is_far:
                left = True
            elif digest in census.blobs:  # what only looks like a hash names nothing
                self._absent.append(f"the value {digest}")
        self._progress("values", len(needed), len(needed))
        return blobs.url if left and isinstance(blobs, RemoteBlobs) else ""

    def _add_blob(self, digest: str, path: Path) -> None:
        name, size = f"{BLOBS}/{digest[:2]}/{digest[2:]}", path.stat().st_size
        if self._target.has(name, size):
            self._shared += 1
        else:
            written, found = self._target.add(name, path)
            if found != digest and not _is_old_hash(digest, path):
                raise DamagedError(
                    f"the value {digest[:12]} in {path} is not what was written; `partita artifacts verify --repair` sets it "
                    "aside, and a rerun makes it again. Then make the backup again"
                )
            self._copied += 1
            self._written_bytes += written
        self._blobs[digest] = size
        preview = path.with_name(f"{path.name}.preview")
        if preview.exists():
            self._add_shared(f"{name}.preview", preview)

    def _add_shared(self, name: str, path: Path) -> None:
        """A file that does not change, which an earlier snapshot may have."""
        told = self._before["files"].get(name) if self._before is not None else None
        if told is not None and self._target.has(name, told[0]) and path.stat().st_size == told[0]:
            self._files[name] = (told[0], told[1])
            self._shared += 1
        else:
            self._add(name, path)

    def _add_bundles(self, census: Census) -> None:
        """Code: all that there is, since runs still to come may begin with what no run has yet."""
        from partita.workspace.composition import bundle_shelf

        workspace = self._workspace
        shelf = bundle_shelf(
            self._state, place_of(workspace.folder, workspace.settings.artifacts) if workspace.database else ""
        )
        for bundle in sorted(census.bundles):
            if not (self._state / "bundles" / bundle).is_dir():
                try:
                    shelf(bundle)
                except Exception:
                    self._absent.append(f"the code {bundle}")
        folder = self._state / "bundles"
        found = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        for done, bundle_folder in enumerate(found):
            self._progress("code", done, len(found))
            for path in _files_below(bundle_folder):
                self._add_shared(f"{BUNDLES}/{path.relative_to(folder).as_posix()}", path)
        for bundle in census.bundles:
            if not (folder / bundle).is_dir() and f"the code {bundle}" not in self._absent:
                self._absent.append(f"the code {bundle}")

    # What changes while it is copied

    def _add_logs(self, runs: set[str], census: Census) -> None:
        folder = self._state / "logs"
        names = sorted(runs - census.without_logs)
        for done, run in enumerate(names):
            if done % 20 == 0:
                self._progress("logs", done, len(names))
            for path in _files_below(folder / run):
                try:
                    size = path.stat().st_size
                    self._add_log(f"logs/{path.relative_to(folder).as_posix()}", path, size)
                except FileNotFoundError:
                    continue  # the run was deleted meanwhile
        self._progress("logs", len(names), len(names))

    def _add_log(self, name: str, path: Path, size: int) -> None:
        before = self._before
        earlier = f"{SNAPSHOTS}/{before['name']}/{name}" if before is not None else ""
        told = before["files"].get(earlier) if before is not None else None
        is_same = (
            before is not None and told is not None and told[0] == size and path.stat().st_mtime < before["made_at"]
        )
        if is_same and told is not None and self._target.link(self._in(name), earlier):
            self._files[self._in(name)] = (told[0], told[1])
            self._shared += 1
        else:
            self._add(self._in(name), path, size)

    def _add_checkpoints(self, runs: set[str]) -> None:
        """What unfinished steps have kept; a file that is being written is copied when it stands still."""
        folder = self._state / "checkpoints"
        for run in sorted(runs):
            for path in _files_below(folder / run):
                self._add_still(f"checkpoints/{path.relative_to(folder).as_posix()}", path)
        for kept in kept_checkpoints(os.fspath(self._state)):
            if kept.run in runs:
                self._add_still(kept.name, self._state / kept.name)

    def _add_still(self, name: str, path: Path) -> None:
        copy = self._scratch / "still"
        for _ in range(_TRIES):
            try:
                before = path.stat()
                data = path.read_bytes() if before.st_size < 1 << 20 else None
                if data is None:
                    import shutil

                    shutil.copyfile(path, copy)
                else:
                    copy.write_bytes(data)
                after = path.stat()
            except FileNotFoundError:
                return  # its step has ended, or replaced it by another one
            if (before.st_mtime_ns, before.st_size, before.st_ino) == (after.st_mtime_ns, after.st_size, after.st_ino):
                self._add(self._in(name), copy)
                return
            time.sleep(0.05)
        self._absent.append(f"the checkpoint {name}, which was being written")

    def _add_rest(self, passphrase: str | None) -> None:
        """Keys, journals and whatever else lies in the workspace; and the project's settings."""
        keys: dict[str, bytes] = {}
        for path in sorted(self._state.iterdir()):
            if path.is_file() and not path.is_symlink():
                if _is_key(path.name):
                    keys[path.name] = path.read_bytes()
                elif not path.name.startswith(_VOLATILE) and path.suffix not in (".lock", ".part", ".sock"):
                    self._put(self._in(f"state/{path.name}"), path.read_bytes())
            elif path.is_dir() and not path.is_symlink() and path.name not in _NOT_COPIED and path.name[0] != ".":
                for file in _files_below(path):
                    self._add_still(f"state/{file.relative_to(self._state).as_posix()}", file)
        if passphrase is not None:
            self._put(self._in("keys"), seal(keys, passphrase))
        for name in (SETTINGS_FILE, "pyproject.toml"):
            path = self._workspace.folder / name
            if path.is_file():
                self._put(self._in(f"settings/{name}"), path.read_bytes())


def _is_key(name: str) -> bool:
    return name in ("key", "signing") or name.endswith(".key")


def _is_old_hash(digest: str, path: Path) -> bool:
    """Whether the blob is kept under the older kind of hash."""
    from partita.artifacts.blobs.hashing import holds

    return holds(path, digest)[0]


def _runs_in(rows: Path) -> tuple[set[str], set[str]]:
    """The ids of the finished and of the unfinished runs of a snapshot."""
    connection = sqlite3.connect(f"file:{rows}?mode=ro", uri=True)
    try:
        found = connection.execute("select id, state < 4 from run").fetchall()
    finally:
        connection.close()
    return {run for run, is_open in found if not is_open}, {run for run, is_open in found if is_open}


def _files_below(folder: Path) -> Iterator[Path]:
    """Every file in a folder, by name; none where the folder is not there."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(place, name)
            if not path.is_symlink() and not name.endswith(".part"):
                yield path
