"""Files and folders as they stand in stored values: their names and the hashes of what they hold, without opening them."""

from __future__ import annotations

from typing import NamedTuple

from partita.values import BLOB, DICT, OBJECT, PLAIN, Node

__all__ = ["FILE", "FOLDER", "StoredFile", "StoredFolder", "stored_file", "stored_folder", "stored_text"]

#: How nodes name their classes.
FILE, FOLDER = "partita.artifacts.files:File", "partita.artifacts.files:Folder"


class StoredFile(NamedTuple):
    """A `File` in a value."""

    name: str
    digest: str  # of what it holds


class StoredFolder(NamedTuple):
    """A `Folder` in a value."""

    name: str
    digests: dict[str, str]  # by path in the folder


def stored_file(node: Node) -> StoredFile | None:
    """The file that the node is; None: it is none."""
    if node[0] != OBJECT or node[1] != FILE:
        return None
    fields = dict(zip(node[2], node[3], strict=True))
    name, content = fields["name"], fields["content"]
    return StoredFile(name[1], content[2]) if name[0] == PLAIN and _is_content(content) else None


def stored_folder(node: Node) -> StoredFolder | None:
    """The folder that the node is; None: it is none."""
    if node[0] != OBJECT or node[1] != FOLDER:
        return None
    fields = dict(zip(node[2], node[3], strict=True))
    name, contents = fields["name"], fields["contents"]
    if contents[0] == PLAIN and not contents[1]:
        return StoredFolder(name[1], {})
    if contents[0] != DICT or not all(map(_is_content, contents[2])):
        return None
    return StoredFolder(name[1], {path: node[2] for path, node in zip(contents[1], contents[2], strict=True)})


def stored_text(node: Node) -> str:
    """The file or folder in a few words; empty: it is none."""
    if stored_file(node) is not None:
        content = dict(zip(node[2], node[3], strict=True))["content"]
        return f"File {content[4]}"
    folder = stored_folder(node)
    if folder is None:
        return ""
    count = len(folder.digests)
    return f"Folder {folder.name}, {count:,} file{'s' * (count != 1)}"


def _is_content(node: Node) -> bool:
    return bool(node[0] == BLOB and node[1] == "file")
