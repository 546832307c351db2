"""What can be found out about the machine and the workspace, each with a verdict and a remedy."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any, Literal, NamedTuple

from partita.cli.changed_settings import told_of_changes
from partita.cli.session import Session
from partita.errors import PartitaError
from partita.settings import Settings
from partita.units import size_text
from partita.version import VERSION
from partita.workspace.settings_shown import SettingView, shown_settings

__all__ = ["Finding", "examine", "settings_in_force"]

#: With less free disk than this, a run soon cannot be written.
_LEAST_DISK_BYTES = 1 << 30
_LEAST_MEMORY_BYTES = 1 << 30
#: Write-ahead logs need shared memory, which these do not give across machines.
_NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "lustre", "afs"})
_OLDEST_SQLITE = (3, 37, 0)


class Finding(NamedTuple):
    """One thing that was looked at."""

    name: str
    verdict: Literal["good", "warn", "bad"]
    told: str
    remedy: str = ""


def examine(session: Session) -> list[Finding]:
    """Look at everything; what cannot be looked at is a finding too."""
    findings = [_python(), _sqlite(), _machine()]
    try:
        workspace = session.workspace
    except PartitaError as error:
        return [*findings, Finding("settings", "bad", str(error).replace("\n", "; "), "correct them where they stand")]
    if workspace.is_remote:
        return [
            findings[0],
            _server(workspace),
            _fault(workspace, "where the server keeps them"),
            _flows(session),
            _engine(session),
        ]
    state = (workspace.folder / workspace.settings.state_folder).resolve()
    findings += [
        _workspace(workspace.folder, state),
        _file_system(state),
        _disk(state),
        _artifacts(workspace, state),
        _flows(session),
        _engine(session),
    ]
    return findings


def _python() -> Finding:
    told = f"{platform.python_version()} on {platform.system()} {platform.machine()}, partita {VERSION}"
    if not sys.platform.startswith("linux"):
        return Finding("python", "bad", told, "local worker processes need Linux")
    return Finding("python", "good", told)


def _sqlite() -> Finding:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        needed = ".".join(map(str, _OLDEST_SQLITE))
        return Finding(
            "sqlite", "bad", sqlite3.sqlite_version, f"use a Python that is linked with SQLite {needed} or newer"
        )
    return Finding("sqlite", "good", sqlite3.sqlite_version)


def _machine() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    available = _available_bytes()
    told = f"{cores} cores, {size_text(available)} of memory free"
    if available and available < _LEAST_MEMORY_BYTES:
        return Finding("machine", "warn", told, "end what is not needed, or declare memory= so that less runs at once")
    return Finding("machine", "good", told)


def _available_bytes() -> int:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return 0


def _workspace(folder: Path, state: Path) -> Finding:
    place = state if state.exists() else next(parent for parent in state.parents if parent.exists())
    told = f"{folder}, state in {state}"
    if not os.access(place, os.W_OK | os.X_OK):
        return Finding("workspace", "bad", told, f"{place} cannot be written: make it writable, or set store elsewhere")
    return Finding("workspace", "good", told if state.exists() else f"{told} (made by the first run)")


def _file_system(state: Path) -> Finding:
    kind = _file_system_kind(state)
    if kind in _NETWORK_FILE_SYSTEMS:
        remedy = "a network file system loses what is committed; set store to a folder on a local disk"
        return Finding("file system", "bad", kind, remedy)
    if kind in ("tmpfs", "ramfs"):
        return Finding("file system", "warn", kind, "what lies here is lost when the machine restarts")
    return Finding("file system", "good", kind or "(not known)")


def _file_system_kind(state: Path) -> str:
    """The type of the file system that the folder lies on: of the longest mount point above it."""
    best, kind = "", ""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in mounts:
        _, point, type_, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        if state.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, type_
    return kind


def _disk(state: Path) -> Finding:
    place = next(parent for parent in (state, *state.parents) if parent.exists())
    usage = shutil.disk_usage(place)
    told = f"{size_text(usage.free)} free of {size_text(usage.total)}"
    if usage.free < _LEAST_DISK_BYTES:
        return Finding("disk", "warn", told, "make room: a run whose values cannot be written waits")
    return Finding("disk", "good", told)


def _artifacts(workspace: Any, state: Path) -> Finding:
    place = workspace.settings.artifacts
    if not place:
        return Finding("artifacts", "good", f"in {state / 'blobs'}")
    return _fault(workspace, f"at {place}")


def _fault(workspace: Any, place: str) -> Finding:
    told = workspace.artifacts_fault()
    if told:
        return Finding("artifacts", "bad", told, "correct `artifacts`, or give what it takes to reach it")
    return Finding("artifacts", "good", f"{place}, which is reached")


def _server(workspace: Any) -> Finding:
    me = workspace.whoami()
    return Finding("server", "good", f"it answers; you are {me['name']}, {me['role']} of {me['project']}")


def _flows(session: Session) -> Finding:
    flows = session.workspace.flows()
    if not flows:
        return Finding(
            "flows", "warn", "none found", "a flow is a function under @flow; `partita init` makes a project"
        )
    more = f" and {len(flows) - 5} more" if len(flows) > 5 else ""
    return Finding("flows", "good", ", ".join(flows[:5]) + more)


def _engine(session: Session) -> Finding:
    try:
        view = session.workspace.engine()
    except PartitaError as error:
        return Finding("engine", "bad", str(error), "`partita engine stop` ends it; the next run starts a new one")
    if view is None:
        return Finding("engine", "good", "none is up; it starts with the next run")
    told = f"process {view['pid']}, {view['runs']:,} unfinished runs, {view['workers']:,} workers"
    if view["version"] != VERSION:
        remedy = "`partita engine stop`: the next run starts one of today's version, and nothing is lost"
        return Finding("engine", "warn", f"{told}, version {view['version']}", remedy)
    if changes := told_of_changes(view):
        remedy = "`partita engine stop`: the next command starts one with what they say now, and nothing is lost"
        return Finding("engine", "warn", f"{told}. {changes}", remedy)
    return Finding("engine", "good", told)


def settings_in_force(session: Session) -> list[SettingView]:
    """Every setting with its value, where that comes from, and what it means."""
    workspace = None
    with contextlib.suppress(PartitaError):
        workspace = session.workspace
    if workspace is None:
        return shown_settings(Settings())
    return workspace.shown_settings()
