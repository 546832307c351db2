"""Opening YAML flows: by path in Python, and by reference in workers."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from partita.errors import LoadError
from partita.flow.definition import Definition
from partita.flow.flow import Flow
from partita.flow.yaml.files import FlowFile

__all__ = ["load_flow", "load_function", "load_part", "open_flow"]

#: Files that were read, by path: with their stamp, so that a changed one is read again.
_open: dict[str, tuple[tuple[int, int], FlowFile]] = {}


def load_flow(path: str | Path) -> Flow[..., Any]:
    """The flow in a YAML file, to be called like any other: `load_flow("train.yaml")(rate=0.1)`.

    Args:
        path: relative to the file of the module that calls this; in a session without one, to the working directory.

    Raises:
        CheckError: with everything that is wrong in the file.
        LoadError: there is no such file.
    """
    caller = sys._getframe(1).f_globals.get("__file__")
    folder = Path(caller).parent if caller else Path.cwd()
    return open_flow(folder / path)


def open_flow(path: Path) -> Flow[..., Any]:
    """The flow of a file, checked."""
    return open_file(path).resolve().flow


def open_file(path: Path) -> FlowFile:
    """The file, read once for as long as it does not change.

    Raises:
        LoadError: there is none.
    """
    try:
        real = Path(os.path.realpath(path))
        status = real.stat()
    except OSError as error:
        raise LoadError(f"there is no file {path}: {error.strerror}; give the path of a YAML flow") from None
    stamp = (status.st_mtime_ns, status.st_size)
    known = _open.get(str(real))
    if known is None or known[0] != stamp:
        known = _open[str(real)] = (stamp, FlowFile(real))
    return known[1]


def load_part(file: str, name: str, folder: Path) -> Definition[..., Any]:
    """What a reference into a YAML file names: the flow, or a part of it."""
    found = open_file(folder / file)
    if name == found.path.stem:
        return found.resolve().flow
    return found.part(name)


def load_function(file: str, name: str) -> Any:
    """The function of a part: what a pickled one becomes."""
    return load_part(file, name, Path.cwd()).function
