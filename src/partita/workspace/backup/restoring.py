"""Bringing a backup back: into a folder of its own first, every byte compared with its hash, and then into its place at once."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from partita.artifacts.blobs.hashing import hash_file, holds
from partita.errors import BackupError, PartitaError
from partita.settings import SETTINGS_FILE, Settings, load_settings
from partita.store.opening import has_rows, put_snapshot
from partita.workspace.backup.manifest import (
    BLOBS,
    BUNDLES,
    MANIFEST,
    SNAPSHOTS,
    Manifest,
    read_manifest,
    snapshots_in,
)
from partita.workspace.backup.reports import RestoreReport
from partita.workspace.backup.sealing import unseal
from partita.workspace.backup.targets import is_archive, opened_archive
from partita.workspace.composition import sole_engine, state_folder

__all__ = ["restore_backup"]

Progress = Callable[[str, int, int], None]

#: Settings that name places which the workspace that the backup is of may still use.
_OF_PLACES = ("store", "artifacts")


def restore_backup(
    source: Path, project: Path, *, passphrase: str | None = None, snapshot: str = "", replaces: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> RestoreReport:  # fmt: skip
    """Make the workspace of a project's folder from a backup.

    Args:
        source: the folder or archive that `make_backup` wrote.
        passphrase: opens the keys; None: they are not restored.
        snapshot: its name, in a folder that has several; empty: the latest.
        replaces: a workspace that is there and not in use is put aside.

    Raises:
        BackupError: it is no whole backup, or there is a workspace already.
    """
    project = project.resolve()
    project.mkdir(parents=True, exist_ok=True)
    settings = load_settings(project)
    state = state_folder(project, settings)
    _refuse_used(state, replaces)
    state.parent.mkdir(parents=True, exist_ok=True)
    staging = state.parent / f".{state.name.lstrip('.')}.restoring.{os.getpid()}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    try:
        with _folder_of(source, staging / "archive", progress) as (folder, is_ours):
            manifest = _chosen(folder, snapshot)
            made = staging / "state"
            made.mkdir(mode=0o700)
            _Restoring(folder, manifest, made, is_ours, progress).bring_back()
            keys = _restore_keys(folder, manifest, made, passphrase)
            put_snapshot(made / "store.db", made, settings.database)
            aside = _put_in_place(made, state, replaces)
            written = _restore_settings(folder, manifest, project, settings)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return RestoreReport(
        os.fspath(state), manifest["name"], manifest["made_at"], manifest["runs"], manifest["unfinished"],
        len(manifest["files"]) + len(manifest["blobs"]), keys, aside, written, manifest["artifacts"], manifest["absent"],
    )  # fmt: skip


def _refuse_used(state: Path, replaces: bool) -> None:
    if not state.exists() or not any(state.iterdir()):
        return
    with sole_engine(state) as is_sole:
        if not is_sole:
            raise BackupError(
                f"the workspace {state} is in use: an engine works in it. End it with `partita engine stop`, or restore into "
                "another folder: --into FOLDER"
            )
    if not replaces and (has_rows(state) or (state / "blobs").is_dir()):
        raise BackupError(
            f"there is a workspace in {state} already; restore into another folder (--into FOLDER), or put it aside with "
            "--replace"
        )


@contextmanager
def _folder_of(source: Path, staging: Path, progress: Progress) -> Iterator[tuple[Path, bool]]:
    """The backup as a folder, and whether its files may be moved out of it."""
    if not is_archive(source) or source.is_dir():
        if not (source / SNAPSHOTS).is_dir():
            raise BackupError(f"{source} is no backup: it has no folder {SNAPSHOTS}; give what `partita backup` wrote")
        yield source, False
        return
    staging.mkdir()
    count = 0
    with opened_archive(source) as tar:
        for member in tar:
            _check_name(member.name)
            if not member.isfile():
                raise BackupError(f"{source} holds {member.name!r}, which is no file; it is no backup of Partita")
            tar.extract(member, staging, filter="data")
            count += 1
            if count % 100 == 0:
                progress("archive", count, 0)
    yield staging, True


def _check_name(name: str) -> PurePosixPath:
    """A path in a backup.

    Raises:
        BackupError: it leads out of it.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or path.parts[0] not in (BLOBS, BUNDLES, SNAPSHOTS):
        raise BackupError(f"the backup names the file {name!r}, which no backup has; it is not used")
    return path


def _chosen(folder: Path, snapshot: str) -> Manifest:
    known = snapshots_in(folder)
    if not known:
        raise BackupError(f"{folder} has no whole snapshot: the backup was broken off; make it again")
    if snapshot and snapshot not in known:
        raise BackupError(f"{folder} has no snapshot {snapshot}; it has {', '.join(known[-10:])}")
    return read_manifest(folder / SNAPSHOTS / (snapshot or known[-1]) / MANIFEST)


class _Restoring:
    """Copies, or moves, the files of a snapshot into a new folder of state."""

    def __init__(self, folder: Path, manifest: Manifest, made: Path, is_ours: bool, progress: Progress) -> None:
        self._folder = folder
        self._manifest = manifest
        self._made = made
        self._is_ours = is_ours
        self._progress = progress

    def bring_back(self) -> None:
        own = PurePosixPath(SNAPSHOTS, self._manifest["name"])
        files, blobs = self._manifest["files"], self._manifest["blobs"]
        total = len(files) + len(blobs)
        for done, (name, (size, digest)) in enumerate(files.items()):
            if done % 100 == 0:
                self._progress("files", done, total)
            path = _check_name(name)
            if path.is_relative_to(own):
                path = path.relative_to(own)
                if path.parts[0] in ("keys", "settings"):
                    self._compare(self._folder / name, size, digest)
                    continue
                path = PurePosixPath(*path.parts[1:]) if path.parts[0] == "state" else path
            self._bring(name, path, size, digest)
        for done, (digest, size) in enumerate(blobs.items()):
            if done % 100 == 0:
                self._progress("files", len(files) + done, total)
            path = _check_name(f"{BLOBS}/{digest[:2]}/{digest[2:]}")
            self._bring(path.as_posix(), path, size, digest)
            (self._made / path).chmod(0o444)
        self._progress("files", total, total)

    def _bring(self, name: str, path: PurePosixPath, size: int, digest: str) -> None:
        source, target = self._folder / name, self._made / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._compare(source, size, digest)
        if self._is_ours:
            source.replace(target)
            return
        shutil.copyfile(source, target)
        self._compare(target, size, digest)

    def _compare(self, path: Path, size: int, digest: str) -> None:
        try:
            found, count = hash_file(path)
        except OSError as error:
            raise BackupError(f"the backup lacks {path} ({error.strerror}); take another copy of it") from error
        if count != size or (found != digest and not holds(path, digest)[0]):
            raise BackupError(
                f"{path} is not what was written: its size or hash differs. Nothing was restored; take another copy of the "
                "backup, or another snapshot"
            )


def _restore_keys(folder: Path, manifest: Manifest, made: Path, passphrase: str | None) -> str:
    if manifest["keys"] != "sealed" or passphrase is None:
        return "left out"
    sealed = (folder / SNAPSHOTS / manifest["name"] / "keys").read_bytes()
    for name, data in unseal(sealed, passphrase).items():
        if PurePosixPath(name).name != name:
            raise BackupError(f"the backup names the key {name!r}, which no workspace has; it is not used")
        file = made / name
        file.touch(mode=0o600)
        file.write_bytes(data)
    return "restored"


def _put_in_place(made: Path, state: Path, replaces: bool) -> str:
    """Let the new folder be the workspace's; gives where the one before was put."""
    _refuse_used(state, replaces)
    aside = ""
    if state.exists():
        if any(path.name != "engine.lock" for path in state.iterdir()):
            moved = state.with_name(f"{state.name}.replaced.{time.strftime('%Y%m%dT%H%M%S')}")
            state.rename(moved)
            aside = os.fspath(moved)
        else:
            shutil.rmtree(state)
    made.rename(state)
    return aside


def _restore_settings(folder: Path, manifest: Manifest, project: Path, settings: Settings) -> str:
    """Write the settings where the project has none; gives the file. Those that name places are only laid beside."""
    if settings.sources and any(
        not source.startswith(("environment", "argument")) for source in settings.sources.values()
    ):
        return ""
    kept = folder / SNAPSHOTS / manifest["name"] / "settings" / SETTINGS_FILE
    target = project / SETTINGS_FILE
    if not kept.is_file() or target.exists():
        return ""
    target.write_bytes(kept.read_bytes())
    try:
        told = load_settings(project, environment={})
        names_places = any(key in told.sources for key in _OF_PLACES)
    except PartitaError:
        names_places = True
    if names_places:
        beside = target.with_name(f"{SETTINGS_FILE}.restored")
        target.replace(beside)
        return os.fspath(beside)
    return os.fspath(target)
