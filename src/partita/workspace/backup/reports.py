"""What is told of a backup that was made, and of one that was brought back."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BackupReport", "RestoreReport"]


class BackupReport(NamedTuple):
    """What was written."""

    place: str
    name: str  # of the snapshot
    runs: int
    unfinished: int
    files: int  # that were copied
    written_bytes: int
    shared: int  # files that an earlier snapshot of the folder had already
    absent: list[str]  # what the rows name and is not there
    artifacts: str  # where values are that were left there; empty: none


class RestoreReport(NamedTuple):
    """What was brought back."""

    state: str  # the workspace's folder
    name: str  # of the snapshot
    made_at: float
    runs: int
    unfinished: int
    files: int
    keys: str  # "restored", or "left out": the backup has none, or no passphrase was given
    aside: str  # where the workspace lies that was there before; empty: there was none
    settings: str  # the file of settings that was written; empty: none
    artifacts: str  # where values are that the backup does not hold; empty: it holds all
    absent: list[str]
