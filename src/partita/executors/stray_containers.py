"""Containers that attempts start and that must not outlive them, whoever dies.

Each has a folder of its own in the workspace, named by the process that started it and by the container. The folder is
there as long as the container may be; so what is left behind is found without asking Docker, and Docker is asked only
where something is left. Three remove it: the attempt itself; a guard beside it, which outlives a worker that dies with
its engine; and whoever reaps a worker that it has killed, guard and all.
"""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

__all__ = ["CONTAINERS_FOLDER", "Guard", "container_folder", "new_name", "remove_strays"]

#: Folder of the workspace's state in which the containers' folders lie.
CONTAINERS_FOLDER = "containers"

#: Twice, since Docker may still be about to create what it was told to by somebody who is dead now.
_REMOVAL = """
remove() { docker rm --force --volumes "$1"; sleep 2; docker rm --force --volumes "$1"; rm -rf -- "$2"; }
"""
_WATCH = (
    _REMOVAL
    + """
read -r _ || remove "$1" "$2"
"""
)
_REMOVE = (
    _REMOVAL
    + """
while [ $# -gt 1 ]; do remove "$1" "$2" & shift 2; done
wait
"""
)
_NAME = "partita-"


def container_folder(state: Path) -> tuple[str, Path]:
    """A name for a new container, and its folder.

    Args:
        state: the folder of the workspace's state.
    """
    name = new_name()
    folder = state / CONTAINERS_FOLDER / f"{os.getpid()}.{name}"
    folder.mkdir(parents=True)
    return name, folder


def new_name() -> str:
    """A name for a new container."""
    return f"{_NAME}{uuid.uuid4().hex[:16]}"


class Guard:
    """Removes the container when this process ends without having said that it need not be."""

    def __init__(self, name: str, folder: Path, variables: Mapping[str, str]) -> None:
        """
        Args:
            variables: of its processes, by which Docker is found.
        """
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "partita-guard", name, os.fspath(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(variables),
            start_new_session=True, cwd="/",
        )  # fmt: skip

    def release(self) -> None:
        """The container is gone."""
        self._process.communicate(b"done\n")


def remove_strays(state: Path, process: int | None = None) -> None:
    """Have Docker remove what is left, without waiting for it.

    Args:
        process: only what this process has started; None: everything, when nobody can have started anything yet.
    """
    folder = state / CONTAINERS_FOLDER
    try:
        left = [entry.name for entry in os.scandir(folder)]
    except OSError:
        return
    words: list[str] = []
    for entry in left:
        starter, _, name = entry.partition(".")
        if name.startswith(_NAME) and (process is None or starter == str(process)):
            words += [name, os.fspath(folder / entry)]
    if words:
        subprocess.Popen(
            ["/bin/sh", "-c", f"({_REMOVE}) &", "partita-removal", *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd="/",
        ).wait()  # fmt: skip
