"""The environments of a workspace as clients see them; no engine is needed for that."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from partita.executors.environments.shelf import Kept, Shelf
from partita.protocol.requests import EnvironmentView
from partita.settings import Settings

__all__ = ["environments_folder", "list_environments", "prune", "read_log"]


def environments_folder(project: Path, state: Path, settings: Settings) -> Path:
    """The folder in which the environments of tasks are kept."""
    if settings.environments is None:
        return state / "environments"
    return project / Path(settings.environments).expanduser()


def list_environments(folder: Path) -> list[EnvironmentView]:
    """What lies in the folder, the one that was used last first."""
    shelf = Shelf(folder)
    return [_view(shelf, kept) for kept in shelf.kept()]


def read_log(folder: Path, key: str) -> str:
    """What was said when the environment was made; empty where nothing is kept of it."""
    with suppress(OSError):
        return (Shelf(folder).place(key) / "build.log").read_text(encoding="utf-8", errors="replace")
    return ""


def prune(folder: Path, unused_s: float) -> list[EnvironmentView]:
    """Remove what was broken off, and what nobody uses nor has used for so many seconds; gives what was removed."""
    shelf, before, removed = Shelf(folder), time.time() - unused_s, []
    for kept in shelf.kept():
        if not kept.is_in_use and (not kept.is_complete or kept.used_at <= before):
            view = _view(shelf, kept)
            if shelf.remove(kept.key):
                removed.append(view)
    return removed


def _view(shelf: Shelf, kept: Kept) -> EnvironmentView:
    return EnvironmentView(
        key=kept.key, title=kept.title, folder=os.fspath(shelf.place(kept.key)), python=kept.python,
        packages=list(kept.packages), made_at=kept.made_at, took_s=kept.took_s, used_at=kept.used_at,
        size_bytes=shelf.size_bytes(kept.key), is_complete=kept.is_complete, is_in_use=kept.is_in_use,
    )  # fmt: skip
