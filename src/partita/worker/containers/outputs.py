"""What a container wrote, as values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from partita.artifacts.files import File, Folder
from partita.errors import ContainerError
from partita.flow.containers.declaration import STDOUT, ContainerDeclaration
from partita.flow.inputs import convert_json

__all__ = ["read_outputs"]

_TEXT_BYTES = 64 << 20


def read_outputs(
    declaration: ContainerDeclaration, types: Mapping[str, Any], folder: Path, printed: str, holder: object
) -> dict[str, Any]:
    """The outputs by name.

    Args:
        types: name -> declared type.
        folder: where the container has written them.
        holder: what has to live as long as the files do.

    Raises:
        ContainerError: one is not there, or not what was declared.
    """
    found: dict[str, Any] = {}
    for name, kind in declaration.outputs:
        if name == STDOUT:
            found[name] = _value(name, printed, kind, types[name], "what the command printed")
            continue
        place = folder / declaration.file_name(name)
        _check_inside(place, folder, name)
        if kind == "file":
            found[name] = _file(place, name, declaration, holder)
        elif kind == "folder":
            found[name] = _folder(place, name, declaration, folder, holder)
        else:
            if not place.is_file():
                raise _missing(name, declaration)
            if place.stat().st_size > _TEXT_BYTES:
                raise ContainerError(f"the output {name} is larger than {_TEXT_BYTES >> 20} MiB; declare it as a File")
            text = place.read_text(encoding="utf-8", errors="surrogateescape")
            found[name] = _value(name, text, kind, types[name], declaration.output_path(name))
    return found


def _file(place: Path, name: str, declaration: ContainerDeclaration, holder: object) -> File:
    if place.is_dir():
        raise ContainerError(f"the output {name} is a folder, and was declared as a File; declare it as a Folder")
    if not place.is_file():
        raise _missing(name, declaration)
    file = File(place)
    file.content.holds = holder
    return file


def _folder(place: Path, name: str, declaration: ContainerDeclaration, root: Path, holder: object) -> Folder:
    if not place.is_dir():
        raise _missing(name, declaration)
    for entry in place.rglob("*"):
        _check_inside(entry, root, name)
    folder = Folder(place)
    for content in folder.contents.values():
        content.holds = holder
    return folder


def _check_inside(place: Path, root: Path, name: str) -> None:
    """A link that the container has made would lead to files of this machine."""
    if place.is_symlink() and not place.resolve().is_relative_to(root.resolve()):
        raise ContainerError(
            f"the output {name} has the link {place.name}, which leads out of the folder of the outputs; let the command write "
            "a copy"
        )


def _missing(name: str, declaration: ContainerDeclaration) -> ContainerError:
    return ContainerError(
        f"the command ended well, but has not written its output {name}: {{outputs.{name}}} stands for "
        f"{declaration.output_path(name)} in the container, and there is nothing"
    )


def _value(name: str, text: str, kind: str, declared: Any, where: str) -> Any:
    if kind == "text":
        return text
    try:
        return convert_json(text, declared)
    except (ValueError, RecursionError) as error:
        shown = text.strip()[:200]
        raise ContainerError(
            f"the output {name} is no JSON of the declared type: {error}; {where} is {shown!r}"
        ) from None
