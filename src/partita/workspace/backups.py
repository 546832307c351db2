"""Backups: a part of the port of workspaces, and how it is answered on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from partita.workspace.backup.reports import BackupReport, RestoreReport

if TYPE_CHECKING:
    from partita.workspace.local import LocalWorkspace

__all__ = ["Backups", "LocalBackups"]

Progress = Callable[[str, int, int], None]  # (what, done, of so many; 0: nobody knows)


class Backups(Protocol):
    """The backups of a workspace."""

    def backup(self, place: Path, passphrase: str | None, progress: Progress | None = None) -> BackupReport:
        """Write a backup to a folder or an archive; the passphrase seals the keys, None leaves them out."""
        ...

    def restore(
        self, source: Path, into: Path | None, passphrase: str | None, *, snapshot: str = "", replaces: bool = False,
        progress: Progress | None = None,
    ) -> RestoreReport:  # fmt: skip
        """Make the workspace of a project's folder (None: of this one) from a backup."""
        ...


class LocalBackups:
    """A part of `LocalWorkspace`."""

    def backup(self, place: Path, passphrase: str | None, progress: Progress | None = None) -> BackupReport:
        from partita.workspace.backup.making import make_backup

        return make_backup(cast("LocalWorkspace", self), place, passphrase, progress or _nobody)

    def restore(
        self, source: Path, into: Path | None, passphrase: str | None, *, snapshot: str = "", replaces: bool = False,
        progress: Progress | None = None,
    ) -> RestoreReport:  # fmt: skip
        from partita.workspace.backup.restoring import restore_backup

        return restore_backup(
            source,
            into or cast("LocalWorkspace", self).folder,
            passphrase=passphrase,
            snapshot=snapshot,
            replaces=replaces,
            progress=progress or _nobody,
        )


def _nobody(what: str, done: int, total: int) -> None:
    pass
