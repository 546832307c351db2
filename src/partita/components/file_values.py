"""Files as values: read where a path could stand, and made to be passed on instead of lying in a folder."""

from __future__ import annotations

import glob
import re
import shutil
import tempfile
import weakref
from pathlib import Path

from partita.artifacts.files import File, Folder
from partita.errors import DefinitionError

__all__ = ["Scratch", "Source", "matching_files", "plain_name", "source_path"]

#: What tasks read from.
Source = str | Path | File


def source_path(source: Source) -> Path:
    """Where to read it; a `File` is read where it is stored, without a copy."""
    return source.content.source() if isinstance(source, File) else Path(source)


def matching_files(source: Source) -> list[Path]:
    """The file, or those that the pattern matches, by name; a `File` under its own name.

    Raises:
        FileNotFoundError: there is none.
    """
    if isinstance(source, File):
        return [source.path]  # a copy: libraries tell by the name's ending how a file is compressed
    text = str(source)
    if Path(text).is_file():
        return [Path(text)]
    found = [Path(name) for name in sorted(glob.glob(text, recursive=True)) if Path(name).is_file()]
    if not found:
        raise FileNotFoundError(f"there is no file {text} in {Path.cwd()}")
    return found


class Scratch:
    """A folder for a file or folder that becomes a value; it goes when nobody holds this or a value from it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="partita-made-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def file(self, name: str) -> File:
        """A file in it as a value."""
        file = File(self.path / name)
        file.content.holds = self
        return file

    def folder(self, name: str) -> Folder:
        """A folder in it as a value."""
        folder = Folder(self.path / name)
        for content in folder.contents.values():
            content.holds = self
        return folder


def plain_name(name: str, task: str) -> str:
    """The name, which is that of a file in a folder.

    Raises:
        DefinitionError: it is none.
    """
    if not name or name in (".", "..") or re.search(r"[/\0]", name):
        raise DefinitionError(f"{task} makes a file of a plain name, not {name!r}")
    return name
